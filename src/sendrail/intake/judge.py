"""The gate applied to the orders of one group, and to their callers."""

from collections.abc import Iterable
from typing import Final

from sendrail.domain import gate
from sendrail.domain.content import contains_any
from sendrail.domain.errors import Forbidden, SendrailError, Unauthorized
from sendrail.domain.ids import MessageIds
from sendrail.domain.order import Order, Refusal
from sendrail.intake.facts import Callers, FactsBySender, SenderFacts
from sendrail.intake.links import LinkBinder
from sendrail.intake.verdicts import SUSPENDED, Refused, refused
from sendrail.storage.pipeline.gate import Caller, KnownContact

_NOTHING_KNOWN: Final = KnownContact()


class Judge:
    """Judges the orders of one group, and keeps the codes of those it refused."""

    __slots__ = ("_blocked_words", "_full_accounts", "ids", "links", "refusals", "shows_ids")

    def __init__(
        self,
        ids: MessageIds,
        blocked_words: str,
        full_accounts: frozenset[int],
        refusals: list[str],
        links: LinkBinder,
        *,
        shows_ids: bool = True,
    ) -> None:
        """Judge with these words blocked for all accounts; add codes to `refusals`.

        Without `shows_ids` the verdicts on what is accepted have no public ids.
        """
        self.links = links
        self.shows_ids = shows_ids
        self.ids = ids
        self._blocked_words = blocked_words
        self._full_accounts = full_accounts
        self.refusals = refusals

    def look_for_words(self, by_sender: FactsBySender) -> None:
        """Note for each sender whether its texts must be searched for blocked words."""
        for facts in by_sender.values():
            facts.has_words = bool(self._blocked_words or facts.caller.blocked_words)

    def refusal_of(self, facts: SenderFacts, order: Order, earlier: int) -> Refusal | None:
        """Return the gate's refusal of one order, or None where it may pass.

        `earlier` is the number of the same message within the duplicate window, or 0. The decision
        on an order of which nothing in particular is known is kept in `facts.usual`.
        """
        recipient, caller = order.recipient, facts.caller
        contact = facts.known.get(recipient, _NOTHING_KNOWN)
        asked = gate.GateFacts(
            facts.sender,
            caller.active,
            facts.has_words and self._has_blocked_words(order.body, caller),
            contact.unsubscribed,
            contact.blocked,
            earlier != 0,
            contact.enrolled,
        )
        refusal = gate.judge(asked, order.skips)
        if refusal is None and caller.account_id in self._full_accounts:
            refusal = Refusal.QUEUE_FULL
        if not earlier and not facts.has_words and recipient not in facts.known:
            facts.usual[order.skips] = refusal
        return refusal

    def refuse(self, refusal: Refusal | None, earlier: int) -> Refused:
        """Return the verdict on an order that is refused.

        `earlier` is the same message's number, or 0 where that is not known.
        """
        assert refusal is not None, "no order passes the gate without a list"
        self.refusals.append(refusal)
        if refusal is Refusal.DUPLICATE_MESSAGE and earlier:
            return refused(refusal, f"The first message is {self.ids.show(earlier)}")
        return refused(refusal)

    def _has_blocked_words(self, body: str, caller: Caller) -> bool:
        return contains_any(body, self._blocked_words) or contains_any(body, caller.blocked_words)


def rejections(asking: Iterable[bytes | int], callers: Callers) -> dict[bytes | int, SendrailError]:
    """Return the error for each caller that may not send at all: unknown or suspended."""
    errors: dict[bytes | int, SendrailError] = {}
    for who in asking:
        caller = callers.get(who)
        if caller is None:
            errors[who] = Unauthorized("Invalid API key")
        elif not caller.active:
            errors[who] = Forbidden(SUSPENDED)
    return errors

"""Doubtful replies as a person decides about them: it was a STOP, or it was not.

A STOP is honoured as if it had been read so at once. Where it was none, the opt-out that this very
reply caused is undone, and nothing else: a person who has left by anything later stays out, and one
who had never signed up is not signed up by it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.domain.audit import Action, Actor
from sendrail.domain.consent import Keyword, ReplyVerdict
from sendrail.domain.contact import OptOutReason, Scope, SignupMethod
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.ids import AccountId
from sendrail.domain.sender import SendingList
from sendrail.receipts.replies import ReplyWish, honour
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.reply_log import StoredReply

_EVIDENCE_LENGTH: Final = 200
# The rule by which an opt-out was a person's decision.
REVIEWED: Final = "review"
# What says that a contact had not signed up before they wrote.
_NO_SIGNUP: Final = frozenset({None, SignupMethod.MESSAGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewResult:
    """What a decision changed: how many lists the contact has left by it, or is back on."""

    verdict: ReplyVerdict
    left: int = 0
    back: int = 0


class ReviewService:
    """Decisions about doubtful replies, each noted in the audit log."""

    def __init__(self, store: Store, scope: Scope, now: Callable[[], int]) -> None:
        self._store = store
        self._scope = scope
        self._now = now

    async def decide(
        self, account_id: AccountId, reply_id: int, verdict: ReplyVerdict, actor: Actor
    ) -> ReviewResult:
        """Decide about a reply. Raises `NotFound`, and `Conflict` where that was done before."""

        def write(tx: Tx) -> ReviewResult:
            found = tx.reply_log.find(account_id, reply_id)
            sender = None if found is None else tx.lists.find_id(account_id, found.list_id)
            if found is None or sender is None or not found.reply.review:
                raise NotFound("There is no such reply to decide about.")
            now = self._now()
            if not tx.reply_log.decide(account_id, reply_id, verdict, now):
                raise Conflict("This reply has been reviewed already.")
            if verdict is ReplyVerdict.STOP:
                result = self._stop(tx, sender, found.reply, actor, now)
            else:
                result = _undo(tx, account_id, found.reply, actor, now)
            details = {
                "list": sender.shown,
                "verdict": verdict.value,
                "read_as": found.reply.keyword,
                "left": result.left,
                "back": result.back,
            }
            about = tx.erased.shown(found.reply.sender)
            tx.audit.add(account_id, actor, Action.REPLY_REVIEWED, about, details, now)
            return result

        return await self._store.write(write)

    def _stop(
        self, tx: Tx, sender: SendingList, reply: StoredReply, actor: Actor, now: int
    ) -> ReviewResult:
        contact = tx.contacts.find(sender.id, reply.sender)
        if contact is not None and contact.active and contact.subscribed_at > reply.received_at:
            # What the contact has said since counts more; it is decided about all the same.
            return ReviewResult(verdict=ReplyVerdict.STOP)
        wish = ReplyWish(
            sender=sender,
            contact=reply.sender,
            body=_evidence(reply, actor, "read as STOP"),
            keyword=Keyword.STOP,
            rule=REVIEWED,
            now=now,
        )
        return ReviewResult(verdict=ReplyVerdict.STOP, left=int(honour(tx, wish, self._scope)))


def _undo(
    tx: Tx, account_id: AccountId, reply: StoredReply, actor: Actor, now: int
) -> ReviewResult:
    """Bring a contact back to the lists that they have left by this reply and by nothing later."""
    back = 0
    for sender in _left_by(tx, account_id, reply):
        back += tx.contacts.resubscribe(
            sender.id,
            reply.sender,
            source=SignupMethod.DASHBOARD.value,
            evidence=_evidence(reply, actor, "not read as STOP"),
            rule=REVIEWED,
            now=now,
        )
    return ReviewResult(verdict=ReplyVerdict.NO_STOP, back=back)


def _left_by(tx: Tx, account_id: AccountId, reply: StoredReply) -> Sequence[SendingList]:
    if reply.keyword is not Keyword.STOP or tx.erased.among(account_id, [reply.sender]):
        return []
    left = []
    for sender in tx.lists.all(account_id):
        contact = tx.contacts.find(sender.id, reply.sender)
        if contact is None or contact.active or contact.signup_method in _NO_SIGNUP:
            continue
        last = tx.contacts.history(sender.id, reply.sender)[-1:]
        if any(
            (each.reason, each.rule, each.evidence)
            == (OptOutReason.MESSAGE.value, reply.rule, reply.body)
            for each in last
        ):
            left.append(sender)
    return left


def _evidence(reply: StoredReply, actor: Actor, what: str) -> str:
    return f"reply {what} by {actor.name}: {reply.body[:_EVIDENCE_LENGTH]}"

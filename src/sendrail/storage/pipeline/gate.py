"""What the gate judges by: callers, their lists, and what speaks against texting a number."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import AccountId
from sendrail.domain.sender import SendingList
from sendrail.storage.accounts.lists import sending_list
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


class Caller(NamedTuple):
    """The account that an API key belongs to."""

    account_id: AccountId
    active: bool
    blocked_words: str


class KnownContact(NamedTuple):
    """What speaks against texting a recipient from a list just now."""

    unsubscribed: bool = False
    blocked: bool = False
    enrolled: bool = False


class GateQuery(NamedTuple):
    """A caller, one of its lists and the recipients: what the gate looks up."""

    # The digest of an API key, or an account.
    who: bytes | int
    list_number: int
    recipients: Sequence[int]


class GateResult(NamedTuple):
    """What was found; `known` has only recipients whom something speaks against texting."""

    caller: Caller | None
    sender: SendingList | None
    known: dict[int, KnownContact]


_NOTHING: Final = KnownContact()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTexts:
    """The statements of `Gate`."""

    callers_by_key: Statement
    callers_by_account: Statement
    lists_by_id: Statement
    lists_by_number: Statement
    blocked: Statement
    erased: Statement
    active: Statement
    zones: Statement


class Gate(ABC):
    """The facts the gate judges by, for many orders at a time."""

    def __init__(self, driver: Driver, texts: GateTexts, pseudonyms: Pseudonyms) -> None:
        self._driver = driver
        self._texts = texts
        self._pseudonyms = pseudonyms

    def find(self, asked: Sequence[GateQuery], now: int) -> list[GateResult]:
        """Look up the facts of these queries, in the order of `asked`."""
        callers: dict[bytes | int, Caller] = {}
        callers.update(
            self.callers({each.who for each in asked if isinstance(each.who, bytes)}).items()
        )
        callers.update(
            self.accounts({each.who for each in asked if isinstance(each.who, int)}).items()
        )
        places = [
            (caller.account_id, each.list_number) if (caller := callers.get(each.who)) else None
            for each in asked
        ]
        senders = self.lists({place for place in places if place is not None})
        found = []
        for each, place in zip(asked, places, strict=True):
            sender = None if place is None else senders.get(place)
            known = {}
            if sender is not None:
                known = self.known_contacts(sender.account_id, sender.id, each.recipients, now)
            found.append(GateResult(callers.get(each.who), sender, known))
        return found

    def callers(self, digests: Iterable[bytes]) -> dict[bytes, Caller]:
        """Return the callers of the API keys with these digests, without revoked keys."""
        rows = self._driver.rows_by_key(self._texts.callers_by_key, [(each,) for each in digests])
        return {row[0]: Caller(row[1], bool(row[2]), row[3]) for row in rows}

    def accounts(self, account_ids: Iterable[int]) -> dict[int, Caller]:
        wanted = [(each,) for each in account_ids]
        rows = self._driver.rows_by_key(self._texts.callers_by_account, wanted)
        return {row[0]: Caller(row[0], bool(row[1]), row[2]) for row in rows}

    def lists(self, numbers: Iterable[tuple[int, int]]) -> dict[tuple[int, int], SendingList]:
        """Return the lists of these (account, number)."""
        rows = self._driver.rows_by_key(self._texts.lists_by_number, list(numbers))
        return {(row[2], row[3]): sending_list(row) for row in rows}

    def lists_by_id(self, list_ids: Iterable[int]) -> dict[int, SendingList]:
        wanted = [(each,) for each in list_ids]
        rows = self._driver.rows_by_key(self._texts.lists_by_id, wanted)
        return {row[0]: sending_list(row) for row in rows}

    @abstractmethod
    def known_contacts(
        self, account_id: int, list_id: int, recipients: Sequence[int], now: int
    ) -> dict[int, KnownContact]:
        """Return what speaks against texting these recipients, without those that may be texted."""

    def known_contacts_of_lists(
        self, asked: Mapping[tuple[int, int], Sequence[int]], now: int
    ) -> dict[tuple[int, int], dict[int, KnownContact]]:
        """Return the same for recipients of several (account, list)."""
        return {
            (account_id, list_id): self.known_contacts(account_id, list_id, recipients, now)
            for (account_id, list_id), recipients in asked.items()
        }

    def blocked(self, account_id: int, recipients: Sequence[int]) -> set[int]:
        """Return which of these the account has blocked."""
        asked = self._driver.array(recipients)
        return {row[0] for row in self._driver.rows(self._texts.blocked, account_id, asked)}

    def zones(self, account_id: int, recipients: Sequence[int]) -> dict[int, str]:
        """Return the time zones of those of these contacts for whom one is known."""
        asked = self._driver.array(recipients)
        rows = self._driver.rows(self._texts.zones, account_id, asked)
        return {row[0]: row[1] for row in rows}

    def add_erased(
        self,
        known: dict[int, KnownContact],
        account_id: int,
        list_id: int,
        recipients: Sequence[int],
    ) -> None:
        """Count erased contacts as unsubscribed, unless they have come back since.

        They stay out of every list but one that they have come back to by themselves.
        """
        array = self._driver.array
        by_digest = {self._pseudonyms.of(recipient): recipient for recipient in recipients}
        rows = self._driver.rows(self._texts.erased, account_id, array(by_digest))
        if away := {by_digest[row[0]] for row in rows}:
            rows = self._driver.rows(self._texts.active, list_id, array(away))
            for recipient in away - {row[0] for row in rows}:
                known[recipient] = known.get(recipient, _NOTHING)._replace(unsubscribed=True)

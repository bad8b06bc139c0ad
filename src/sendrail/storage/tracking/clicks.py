"""Clicks as they come: the messages behind links are found, and each request is kept.

What needs a click's neighbours, and what counts, is decided afterwards from the rows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sendrail.domain.ids import AccountId, ListId, MessageNumber, OfferId, lane_in
from sendrail.storage.driver import Driver, Rows
from sendrail.storage.templates import Statement


class LinkedMessage(NamedTuple):
    """The message that a link is in, and where its links lead, as `messages.links` says.

    `sent_at` is when it was handed over, None where that is not known to have happened.
    """

    number: MessageNumber
    account_id: AccountId
    list_id: ListId
    recipient: int
    created_at: int
    sent_at: int | None
    links: str | None


class SharedDestination(NamedTuple):
    """A URL, perhaps with macros, and the offer that it is one of."""

    url: str
    offer_id: OfferId | None


class StandaloneLink(NamedTuple):
    """A link that is in no message, and where it leads."""

    id: int
    account_id: AccountId
    list_id: ListId
    recipient: int | None
    created_at: int
    destination_id: int


class ClickRow(NamedTuple):
    """A request for a link, ready to be written.

    `lane` is its message's, or that of a standalone link's list. `number` is the message's, or the
    standalone link's id where there is no `position`.
    """

    lane: int
    account_id: AccountId
    number: int
    position: int | None
    at: int
    click_class: int
    reason: int
    agent_id: int | None
    network: bytes | None
    digest: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickTexts:
    """The statements of `Clicks`."""

    linked: Statement
    given: Statement
    standalone: Statement
    destinations: Statement
    add: Statement


class Clicks:
    """The requests for links."""

    def __init__(self, driver: Driver, texts: ClickTexts) -> None:
        self._driver = driver
        self._texts = texts

    def linked(
        self, places: Sequence[tuple[MessageNumber, int]]
    ) -> dict[MessageNumber, LinkedMessage]:
        """Return messages by their numbers, each with a time that it is no older than, or 0.

        Whatever their accounts: a link names nothing else. Who asks compares the account with that
        of the host.
        """
        rows = self._linked(places) if places else ()
        return {row[0]: LinkedMessage(*row) for row in rows}

    def _linked(self, places: Sequence[tuple[MessageNumber, int]]) -> Rows:
        """Return the rows of messages, which lie apart by the time they were made."""
        batch = [(lane_in(number), number, made_at) for number, made_at in places]
        return self._driver.rows_of_batch(self._texts.linked, batch)

    def given(self, numbers: Collection[MessageNumber]) -> set[MessageNumber]:
        """Return those numbers that were given out, whatever became of their messages."""
        rows = self._driver.rows_by_id(self._texts.given, numbers) if numbers else ()
        return {row[0] for row in rows}

    def standalone(self, ids: Sequence[int]) -> dict[int, StandaloneLink]:
        """Return links that are in no message by their ids, whatever their accounts."""
        rows = self._driver.rows_by_key(self._texts.standalone, [(each,) for each in ids])
        return {row[0]: StandaloneLink(*row) for row in rows}

    def destinations(
        self, keys: Sequence[tuple[AccountId, int]]
    ) -> dict[tuple[AccountId, int], SharedDestination]:
        """Return destinations by account and id."""
        rows = self._driver.rows_by_key(self._texts.destinations, keys)
        return {(row[0], row[1]): SharedDestination(row[2], row[3]) for row in rows}

    def add(self, rows: Sequence[ClickRow]) -> None:
        """Keep requests, in one statement."""
        self._driver.each(self._texts.add, rows)

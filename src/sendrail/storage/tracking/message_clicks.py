"""What clicks count for: each is taken once, and counted for its message, its link, its contact.

The rows of clicks stay. On SQLite one writer gives them their ids, so that the last one that was
taken says how far the stage has come. On PostgreSQL a lower id may become visible after a higher
one, and each row says itself whether it was taken.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.domain.ids import AccountId, Lane, ListId, MessageNumber, OfferId, lane_in
from sendrail.storage.driver import Driver, Row
from sendrail.storage.templates import Statement

CLICK_COLUMNS: Final = "id, account_id, number, position, at, click_class, reason, digest"


class TakenClick(NamedTuple):
    """A click as it is kept; one without a position is on the standalone link `number`."""

    id: int
    account_id: AccountId
    number: int
    position: int | None
    at: int
    click_class: ClickClass
    reason: ClickReason
    digest: bytes | None


class ClickPlace(NamedTuple):
    """A place among the clicks, in the order in which they are read."""

    at: int
    id: int


class ClickedMessage(NamedTuple):
    """A message that was clicked; `recipient` is 0 where a person's data was deleted."""

    number: MessageNumber
    lane: Lane
    account_id: AccountId
    list_id: ListId
    recipient: int
    links: str | None
    created_at: int
    origin_id: int | None
    sending_at: int | None


class MessageTally(NamedTuple):
    """What clicks add to a message: how many, and the first of a person where that is new."""

    number: int
    account_id: AccountId
    at: int | None
    position: int | None
    offer_id: OfferId | None
    clicks: int
    human_clicks: int
    machine_clicks: int
    # When the message was created, by which the row leaves with it where it does not by number.
    made_at: int


class ClickTally(NamedTuple):
    """How often a message was clicked, and when a person did first; the rest is in doubt."""

    first_clicked_at: int | None = None
    clicks: int = 0
    human_clicks: int = 0
    machine_clicks: int = 0


class ContactTally(NamedTuple):
    """What clicks add to a contact: on how many messages more, and when the last one was."""

    list_id: ListId
    recipient: int
    clicks: int
    last_clicked_at: int


class LinkTally(NamedTuple):
    """What clicks add to a standalone link; `last_clicked_at` 0 is of none by a person."""

    id: int
    account_id: AccountId
    clicks: int
    human_clicks: int
    last_clicked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageClickTexts:
    """The statements of `MessageClicks`; what is written row by row takes its lane first."""

    since: Statement
    waiting: Statement
    reclass: Statement
    messages: Statement
    counted: Statement
    add: Statement
    add_to_contact: Statement
    add_to_link: Statement
    offers: Statement
    first_of_offer: Statement


class MessageClicks(ABC):
    """The clicks that wait to be counted, and what they have been counted for."""

    def __init__(self, driver: Driver, texts: MessageClickTexts) -> None:
        self._driver = driver
        self._texts = texts

    # Read

    @abstractmethod
    def place_before(self, at: int) -> ClickPlace:
        """Return the place from which on all clicks since a time are read, or most of them."""

    def since(self, place: ClickPlace, limit: int) -> list[TakenClick]:
        """Return clicks behind a place, in their order, whether they were taken or not."""
        return [taken_click(row) for row in self._driver.rows(self._texts.since, *place, limit)]

    def waiting(self, before: int, after: int, limit: int) -> list[TakenClick]:
        """Return the first that wait and were made up to a time, or after a later one.

        Those after it are of a clock that was ahead: how long they would have to wait is unknown.
        """
        return [taken_click(row) for row in self._waiting(before, after, limit)]

    @abstractmethod
    def _waiting(self, before: int, after: int, limit: int) -> Iterable[Row]:
        """Return the rows of those that wait and are ready."""

    @abstractmethod
    def take(self, clicks: Sequence[TakenClick]) -> list[TakenClick]:
        """Note that these are being counted; return those that no other process has taken."""

    def messages(self, numbers: Collection[int]) -> dict[int, ClickedMessage]:
        """Return messages by number, held until the end: of two processes one counts first."""
        rows = self._driver.rows_by_id(self._texts.messages, sorted(numbers)) if numbers else ()
        return {row[0]: ClickedMessage(*row) for row in rows}

    def first_clicks(self, numbers: Collection[int]) -> dict[int, int]:
        """Return when a person first clicked each of these messages, where one has."""
        return {
            number: tally.first_clicked_at
            for number, tally in self.tallies(numbers).items()
            if tally.first_clicked_at is not None
        }

    def tallies(self, numbers: Collection[int]) -> dict[int, ClickTally]:
        """Return what is counted of each of these messages that was clicked at all."""
        rows = self._driver.rows_by_id(self._texts.counted, sorted(numbers)) if numbers else ()
        return {row[0]: ClickTally(*row[1:]) for row in rows}

    def offers(self, destinations: Iterable[tuple[int, AccountId]]) -> dict[int, OfferId]:
        """Return the offers of destinations of these accounts, where they have one."""
        keys = sorted(set(destinations))
        rows = self._driver.rows_by_key(self._texts.offers, keys) if keys else ()
        return {row[0]: OfferId(row[1]) for row in rows if row[1] is not None}

    def first_of_offer(
        self, account_id: AccountId, offer_id: OfferId, since: int
    ) -> tuple[MessageNumber, int] | None:
        """Return the message whose first click led to an offer first, since a time; and when."""
        row = self._driver.row(self._texts.first_of_offer, account_id, offer_id, since)
        return None if row is None else (MessageNumber(row[0]), row[1])

    # Written, each kind in the order of its key

    def reclass(self, clicks: Iterable[TakenClick]) -> None:
        """Write the classes of clicks."""
        rows = sorted((lane_in(each.id), each.id, each.click_class, each.reason) for each in clicks)
        self._driver.each(self._texts.reclass, rows)

    def add(self, tallies: Iterable[MessageTally]) -> None:
        """Count clicks for their messages; the first one of a person that is there stays so."""
        rows = sorted((lane_in(each.number), *each) for each in tallies)
        self._add(rows)

    def _add(self, rows: Sequence[Row]) -> None:
        """Write tallies, each behind its lane."""
        self._driver.each(self._texts.add, rows)

    def add_to_contacts(self, tallies: Iterable[ContactTally]) -> None:
        """Count clicks for contacts; one that has no row yet has earned nothing."""
        rows = [(*each, 0, 0) for each in sorted(tallies)]
        self._driver.each(self._texts.add_to_contact, rows)

    def add_to_links(self, tallies: Iterable[LinkTally]) -> None:
        """Count clicks for standalone links."""
        self._driver.each(self._texts.add_to_link, sorted(tallies))


def taken_click(row: Sequence[object]) -> TakenClick:
    """Return what `CLICK_COLUMNS` say of a click."""
    click = TakenClick(*row)  # type: ignore[arg-type]
    return click._replace(
        click_class=_CLASSES.get(click.click_class, ClickClass.UNKNOWN),
        reason=_REASONS.get(click.reason, ClickReason.NONE),
        digest=None if click.digest is None else bytes(click.digest),
    )


# A look-up takes a fifth of the enum's own time.
_CLASSES: Final = {each.value: each for each in ClickClass}
_REASONS: Final = {each.value: each for each in ClickReason}

"""Stored clicks judged again: read in their order, and corrected in what they were counted for."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from sendrail.domain.ids import AccountId, ListId, OfferId, lane_in
from sendrail.storage.driver import Driver, Row, Rows
from sendrail.storage.templates import Statement
from sendrail.storage.tracking.message_clicks import (
    ClickPlace,
    ContactTally,
    TakenClick,
    taken_click,
)
from sendrail.storage.tracking_tables import click_reclassifications

VISITED_COLUMNS: Final = (
    "c.id, c.account_id, c.number, c.position, c.at, c.click_class, c.reason, c.digest,"
    " c.network, a.text, c.agent_id IS NOT NULL"
)
_CLICK_WIDTH: Final = len(TakenClick._fields)


class KeptClick(NamedTuple):
    """A click, what is kept of its visitor, and whether it was counted before."""

    click: TakenClick
    network: bytes | None
    agent: bytes | None
    has_agent: bool
    is_counted: bool
    # Whether it stands before the place that a run has come to.
    is_passed: bool


class FirstClick(NamedTuple):
    """A message's first click of a person, and how many clicks it has of people.

    Without a position, the first one is looked for: the one at `at` is no person's any more.
    """

    number: int
    at: int | None
    position: int | None
    offer_id: OfferId | None
    human_clicks: int


class ReclassedClick(NamedTuple):
    """A click as it was counted, and as it is judged now."""

    before: TakenClick
    after: TakenClick


class ClickCorrection(NamedTuple):
    """What changes of a message: its first click of a person, and the numbers of its clicks."""

    number: int
    account_id: AccountId
    # When the message was created.
    made_at: int
    at: int | None
    position: int | None
    offer_id: OfferId | None
    humans: int
    machines: int


class ClickProgress(NamedTuple):
    """How far an account's clicks have been judged; see `click_reclassifications`."""

    rules: str
    until_at: int
    at: int
    click_id: int
    seen_at: int
    seen_id: int
    is_judged: bool
    has_lost: bool
    report: str

    @property
    def place(self) -> ClickPlace:
        """Return the place of the last click that was dealt with."""
        return ClickPlace(self.at, self.click_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReclassificationTexts:
    """The statements of `Reclassification`; what is written row by row takes its lane first."""

    page: Statement
    first: Statement
    reclass: Statement
    correct: Statement
    take_from_contact: Statement
    last_of_contact: Statement


class Reclassification(ABC):
    """The clicks of an account, judged again."""

    def __init__(self, core: Connection, driver: Driver, texts: ReclassificationTexts) -> None:
        self._execute = core.execute
        self._driver = driver
        self._texts = texts

    # Read

    def page(self, place: ClickPlace, passed: ClickPlace, limit: int) -> list[KeptClick]:
        """Return clicks behind a place in their order, whatever their accounts: all are neighbours.

        `passed` is the place of the last click that was dealt with.
        """
        rows = self._driver.rows(self._texts.page, *place, limit)
        end = self._key(passed.at, passed.id)
        return [_kept(row, is_passed=self._key(row[4], row[0]) <= end) for row in rows]

    @staticmethod
    @abstractmethod
    def _key(at: int, click_id: int) -> tuple[int, ...]:
        """Return what clicks are read in the order of."""

    def first(self, account_id: AccountId, numbers: Collection[int]) -> dict[int, FirstClick]:
        """Return what is counted of an account's messages that were clicked."""
        wanted = sorted(numbers)
        rows = self._driver.rows_by_id(self._texts.first, wanted, account_id) if wanted else ()
        return {row[0]: FirstClick(*row) for row in rows}

    # Written, each kind in the order of its key

    def reclass(self, clicks: Sequence[ReclassedClick]) -> list[ReclassedClick]:
        """Write classes; return the clicks that were as they are said to have been before."""
        rows = sorted(
            (
                lane_in(before.id), before.id, before.account_id,
                before.click_class.value, before.reason.value,
                after.click_class.value, after.reason.value,
            )
            for before, after in clicks
        )  # fmt: skip
        ours = {row[0] for row in self._reclass(rows)} if rows else set()
        return [each for each in clicks if each.before.id in ours]

    @abstractmethod
    def _reclass(self, rows: Sequence[Row]) -> Rows:
        """Write classes, and return the ids of the clicks that have got them."""

    def correct(self, corrections: Iterable[ClickCorrection]) -> None:
        """Write what has changed of messages."""
        rows = sorted((lane_in(each.number), *each) for each in corrections)
        self._driver.each(self._texts.correct, rows)

    def take_from_contacts(self, tallies: Iterable[ContactTally]) -> None:
        """Take clicked messages from contacts; `last_clicked_at`, where it is theirs, goes too."""
        self._driver.each(self._texts.take_from_contact, sorted(tallies))

    def last_of_contacts(self, times: Iterable[tuple[ListId, int, int]]) -> None:
        """Write when contacts, by list and number, clicked last, where no later time stands."""
        self._driver.each(self._texts.last_of_contact, sorted(times))

    # How far it has come

    def progress(self, account_id: AccountId) -> ClickProgress | None:
        """Return how far an account's clicks have been judged, None where none are under way."""
        of = click_reclassifications.c
        wanted = select(*(of[name] for name in ClickProgress._fields))
        row = self._execute(wanted.where(of.account_id == account_id)).one_or_none()
        return None if row is None else ClickProgress(*row)

    def save(self, account_id: AccountId, progress: ClickProgress) -> None:
        """Write how far an account's clicks have been judged."""
        self.end(account_id)
        row = {"account_id": account_id, **progress._asdict()}
        self._execute(insert(click_reclassifications).values(row))

    def end(self, account_id: AccountId) -> None:
        """Note that none of an account's clicks are left to judge."""
        of = click_reclassifications.c
        self._execute(delete(click_reclassifications).where(of.account_id == account_id))


def _kept(row: Row, *, is_passed: bool) -> KeptClick:
    network, agent, has_agent, is_counted = row[_CLICK_WIDTH:]
    return KeptClick(
        taken_click(row[:_CLICK_WIDTH]),
        None if network is None else bytes(network),
        None if agent is None else bytes(agent),
        bool(has_agent),
        bool(is_counted),
        is_passed,
    )

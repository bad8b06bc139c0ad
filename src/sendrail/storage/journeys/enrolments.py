"""Contacts on journeys: who is where, when their next turn is, and what happened to them.

An enrolment that is over stays as a row, because re-entry has rules; it is running as long as it
has a `due_at`. A change of a contact and its enrolments takes the enrolments first: a round
holds them when a step of it writes the contact.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.domain.ids import JourneyId, ListId, lane_of
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.driver import Driver, Row, Rows
from sendrail.storage.templates import Statement

# When the next turn of an enrolment is whose journey is paused: no look ever comes so far.
PARKED: Final = 1 << 62


class EnrolmentPlace(NamedTuple):
    """A contact of a list on one of the list's journeys."""

    list_id: ListId
    recipient: PhoneNumber
    journey_id: JourneyId


class StoredEnrolment(NamedTuple):
    """An enrolment as it is kept; times are in milliseconds.

    `due_at` is None and `end_reason` says why where it is over. `seq` counts its moves: what moves
    it names the count that it has seen.
    """

    list_id: ListId
    recipient: PhoneNumber
    journey_id: JourneyId
    version: int
    step: str
    seq: int
    due_at: int | None
    waits: int
    started_at: int
    arrived_at: int
    ends_at: int
    times: int
    state: str
    end_reason: str | None = None

    @property
    def place(self) -> EnrolmentPlace:
        """Whose it is, on which journey."""
        return EnrolmentPlace(self.list_id, self.recipient, self.journey_id)

    @property
    def is_running(self) -> bool:
        """Whether it is not over."""
        return self.due_at is not None

    def ended(self, reason: str, now: int) -> "StoredEnrolment":
        """Return it as it is when it ends at a time."""
        return self._replace(due_at=None, waits=0, ends_at=now, state="{}", end_reason=reason)


class JourneyEvent(NamedTuple):
    """What happened to a contact on a journey: one kind, as a bit, and what says more of it."""

    list_id: ListId
    recipient: PhoneNumber
    at: int
    kind: int
    detail: str = ""


class JourneyCount(NamedTuple):
    """How often something was at a step of a version; an empty step is the version as a whole."""

    list_id: ListId
    journey_id: JourneyId
    version: int
    step: str
    what: str


COLUMNS: Final = (
    "list_id, recipient, journey_id, version, step, seq, due_at, waits, started_at, arrived_at,"
    " ends_at, times, state, end_reason"
)


# How many of a kind are kept of a contact on a list: a reply may have any text.
KEPT_EVENTS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentTexts:
    """The statements of `Enrolments`; what is over a batch takes the lanes first."""

    next_due: Statement
    claim: Statement
    hold: Statement
    wake: Statement
    write: Statement
    enter: Statement
    add_events: Statement
    trim_events: Statement
    events: Statement
    forget_events: Statement
    count: Statement
    forget: Statement


class Enrolments(ABC):
    """Who is on a journey, and where."""

    def __init__(self, driver: Driver, texts: EnrolmentTexts) -> None:
        self._driver = driver
        self._texts = texts

    # The agenda and the claim

    def next_due(self, lanes: Collection[int]) -> dict[int, int]:
        """Return when the next turn in each of these lanes is, where there is any."""
        if not lanes:
            return {}
        rows = self._driver.rows(self._texts.next_due, self._driver.array(sorted(lanes)))
        return {lane: due_at for lane, due_at in rows if due_at is not None}

    def claim(self, lane: int, now: int, limit: int) -> list[StoredEnrolment]:
        """Return those of a lane whose turn has come, the longest due first, held until the end.

        What another process holds is passed over.
        """
        return [_enrolment(row) for row in self._driver.rows(self._texts.claim, lane, now, limit)]

    def hold(self, contacts: Iterable[tuple[ListId, PhoneNumber]]) -> list[StoredEnrolment]:
        """Return all enrolments of these contacts, over or not, held until the end.

        This waits for the turns that are under way: what it returns is what they have written.
        """
        batch = _by_lane((list_id, recipient) for list_id, recipient in set(contacts))
        return [_enrolment(row) for row in self._held(batch)]

    @abstractmethod
    def _held(self, batch: Sequence[Row]) -> Rows:
        """Return the rows of contacts, each behind its lane."""

    # Written in the order of the key, by the transaction that holds the rows

    def write(self, moved: Iterable[StoredEnrolment]) -> int:
        """Write where enrolments are now, each as `seq` + 1; return how many these were.

        One that was moved since it was read stays as it is.
        """
        rows = _by_lane(
            (
                each.list_id, each.recipient, each.journey_id, each.seq, each.version, each.step,
                each.due_at, each.waits, each.arrived_at, each.ends_at, each.state,
                each.end_reason,
            )
            for each in moved
        )  # fmt: skip
        return self._driver.each(self._texts.write, rows)

    def wake(self, places: Iterable[EnrolmentPlace], now: int) -> None:
        """Let these have their turn now."""
        self._driver.each(self._texts.wake, _by_lane((*place, now) for place in set(places)))

    def enter(self, entered: Sequence[StoredEnrolment]) -> list[StoredEnrolment]:
        """Put contacts on journeys; return those that are on them by this.

        One that is new has `seq` 0. One that takes the place of a row has its `seq` + 1; where
        another process has moved the row since, or was first, nothing is written.
        """
        rows = _by_lane(
            (
                each.list_id, each.recipient, each.journey_id, each.version, each.step, each.seq,
                each.due_at, each.waits, each.started_at, each.arrived_at, each.ends_at,
                each.times, each.state,
            )
            for each in entered
        )  # fmt: skip
        done = self._enter(rows)
        return [each for each in entered if each.place in done]

    @abstractmethod
    def _enter(self, rows: Sequence[Row]) -> Collection[EnrolmentPlace]:
        """Write rows of new enrolments; return the places of those that were written."""

    def forget(self, before: int, limit: int) -> int:
        """Delete at most so many that were over before a time; return how many that were."""
        return self._driver.run(self._texts.forget, before, limit)

    # What happened, and what is counted

    def add_event(self, event: JourneyEvent) -> None:
        """Keep what happened to a contact who is on a journey, and when it last did.

        Of each kind there are at most `KEPT_EVENTS_MAX`, those that happened last.
        """
        self._driver.each(self._texts.add_events, _by_lane([event]))
        contact = event.list_id, event.recipient, event.kind, KEPT_EVENTS_MAX
        self._driver.each(self._texts.trim_events, _by_lane([contact]))

    def events(self, contacts: Iterable[tuple[ListId, PhoneNumber]]) -> list[JourneyEvent]:
        """Return what happened to these contacts, in the order of time."""
        batch = _by_lane((list_id, recipient) for list_id, recipient in set(contacts))
        rows = self._driver.rows_of_batch(self._texts.events, batch) if batch else ()
        return sorted((JourneyEvent(*row) for row in rows), key=lambda each: each.at)

    def forget_events(self, contacts: Iterable[tuple[ListId, PhoneNumber]]) -> None:
        """Delete what happened to those of these contacts who are on no journey now."""
        batch = _by_lane((list_id, recipient) for list_id, recipient in set(contacts))
        self._driver.each(self._texts.forget_events, batch)

    def count(self, counts: Mapping[JourneyCount, int]) -> None:
        """Add to the counts of steps."""
        rows = [
            (lane_of(each.list_id), *each[1:], number) for each, number in counts.items() if number
        ]
        self._driver.each(self._texts.count, sorted(rows))


def _by_lane(rows: Iterable[Row]) -> list[Row]:
    """Put each row's lane before it, and all in the order of their key."""
    return sorted(((lane_of(row[0]), *row) for row in rows), key=_key_of)


def _key_of(row: Row) -> tuple[int, ...]:
    return tuple(row[:4])


def _enrolment(row: Row) -> StoredEnrolment:
    return StoredEnrolment(*row)

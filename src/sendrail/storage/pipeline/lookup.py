"""Messages as look-up shows them, newest first, and their end by retention."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Result,
    Select,
    Subquery,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    text,
)

from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.message import Status
from sendrail.domain.origin import OriginKind
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.campaign_tables import runs, schedules
from sendrail.storage.contact_tables import contact_activity
from sendrail.storage.message_tables import attempts, carrier_refs, counters, messages, origins
from sendrail.storage.pipeline.stored_messages import STORED, StoredMessage, of_account, stored
from sendrail.storage.tables import connectors, lists
from sendrail.storage.tracking_tables import message_clicks

# Counting further would cost more than the answer is worth; the page then says so.
TOTAL_MAX: Final = 100_000
_ALL: Final = 2**62
# The first message since a time, to within a thousand: numbers are given out in the order of time,
# and no index knows the time. A clock that was put back makes a chart lose the messages of as long.
_FIRST_SINCE: Final = """
WITH RECURSIVE span (low, high) AS (
    SELECT max(max(number) - :newest, 0), max(number) FROM messages
    UNION ALL
    SELECT CASE WHEN (SELECT created_at FROM messages WHERE number >= (low + high) / 2
                ORDER BY number LIMIT 1) < :since THEN (low + high) / 2 ELSE low END,
           CASE WHEN (SELECT created_at FROM messages WHERE number >= (low + high) / 2
                ORDER BY number LIMIT 1) < :since THEN high ELSE (low + high) / 2 END
    FROM span WHERE high - low > :within
)
SELECT max(low) FROM span
"""
_WITHIN: Final = 1_000
# A clock that was put back gives messages times of before: beyond each end of where they are to be,
# so many are looked at as well.
_PUT_BACK_MAX: Final = 5_000
# What a look back asks of a message, before those that match are read whole.
_LOOKED_AT: Final = (
    messages.c.created_at,
    messages.c.number,
    messages.c.status,
    messages.c.recipient,
    messages.c.list_id,
    messages.c.metadata,
    messages.c.origin_id,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submit of a message and what came of it."""

    attempt: int
    connector_id: ConnectorId
    connector: str | None
    started_at: int
    ended_at: int
    outcome: str
    detail: str | None
    carrier_ref: str | None
    provider_detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list of messages is about; None means any.

    `campaign` is the public id of one whose runs have sent them, `journey` the id of a journey.
    `metadata` is a key and its value as a text: a look back passes over most messages that do not
    have it, and the metadata of the others says whether they do.
    """

    status: Sequence[Status] | None = None
    recipient: PhoneNumber | None = None
    list_number: PhoneNumber | None = None
    created_from: int | None = None
    created_before: int | None = None
    campaign: str | None = None
    journey: int | None = None
    metadata: tuple[str, str] | None = None


class MessagePlace(NamedTuple):
    """Where a message stands among all of them, by when it was made."""

    created_at: int
    number: int


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of messages, newest first, with the number of all that match.

    `total_is_exact` is False where counting stopped at its bound.
    """

    messages: Sequence[StoredMessage]
    total: int
    total_is_exact: bool


class LookBack(NamedTuple):
    """What a look back has found, newest first: places, and the metadata of each.

    `next_place` is where to go on: behind the last message that was looked at, or behind the last
    one that was found where there are as many as were wanted; None where no older one is left.
    `looked` is how many were looked at, those behind that place among them.
    """

    found: list[tuple[MessagePlace, str | None]]
    next_place: MessagePlace | None
    looked: int

    def enough(self, limit: int | None) -> "LookBack":
        """Return the same, to go on behind the last that was found if there are so many."""
        is_enough = limit is not None and len(self.found) >= limit
        return self._replace(next_place=self.found[-1][0]) if is_enough else self


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSpan:
    """Where an account's messages to one recipient lie, as far as they are counted.

    They are from `newest` back to `oldest`, both left out; there are none where those are None.
    What is newer than `counted_to` may not be counted yet. Places are in the order of time, or of
    numbers alone.
    """

    counted_to: MessagePlace
    newest: MessagePlace | None
    oldest: MessagePlace | None
    by_time: bool

    def next_from(self, place: MessagePlace) -> MessagePlace | None:
        """Return from where on there is something to look at, None where there is nothing."""
        if self._is_newer(place, self.counted_to):
            return place
        if self.newest is None or self.oldest is None or not self._is_newer(place, self.oldest):
            return None
        return self.newest if self._is_newer(place, self.newest) else place

    def _is_newer(self, place: MessagePlace, than: MessagePlace) -> bool:
        return place > than if self.by_time else place.number > than.number


class MessageLookUp:
    """Messages as look-up shows them, and their end."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = (messages.c.number.desc(),)
    # The database's function that returns where in a text another one begins, 0 for nowhere.
    position: ClassVar[Callable[..., ColumnElement[int]]] = func.instr

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def is_message(self, number: int) -> ColumnElement[bool]:
        """Return the condition for the one message with this number."""
        return messages.c.number == number

    def are_messages(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        """Return the condition for the messages with these numbers."""
        return messages.c.number.in_(numbers)

    def is_older(self, than: MessagePlace) -> ColumnElement[bool]:
        """Return the condition for the messages that come after a place, newest first."""
        return messages.c.number < than.number

    def find(self, account_id: AccountId, number: int) -> StoredMessage | None:
        found = self._execute(of_account(account_id).where(self.is_message(number))).one_or_none()
        return stored(found) if found else None

    def attempts(self, account_id: AccountId, number: int) -> list[Attempt]:
        rows = self._execute(
            select(attempts, connectors.c.name.label("connector"))
            .join(
                messages,
                and_(messages.c.lane == attempts.c.lane, messages.c.number == attempts.c.number),
            )
            .outerjoin(connectors, connectors.c.id == attempts.c.connector_id)
            .where(messages.c.account_id == account_id, self.is_message(number))
            .order_by(attempts.c.attempt)
        )
        return [
            Attempt(
                attempt=row.attempt,
                connector_id=ConnectorId(row.connector_id),
                connector=row.connector,
                started_at=row.started_at,
                ended_at=row.ended_at,
                outcome=row.outcome,
                detail=row.detail,
                carrier_ref=row.carrier_ref,
                provider_detail=row.provider_detail,
            )
            for row in rows
        ]

    def page(
        self, account_id: AccountId, about: MessageFilter, offset: int, limit: int
    ) -> MessagePage:
        matches = and_(messages.c.account_id == account_id, *conditions(account_id, about))
        counted = select(messages.c.number).where(matches).limit(TOTAL_MAX + 1).subquery()
        total = self._execute(select(func.count()).select_from(counted)).scalar_one()
        rows = self._execute(
            STORED.where(matches).order_by(*self.newest_first).offset(offset).limit(limit)
        )
        return MessagePage([stored(row) for row in rows], min(total, TOTAL_MAX), total <= TOTAL_MAX)

    def older(
        self, account_id: AccountId, about: MessageFilter, than: MessagePlace, limit: int
    ) -> list[StoredMessage]:
        """Return messages that match and are older than a place, newest first."""
        rows = self._execute(
            of_account(account_id)
            .where(self.is_older(than), *conditions(account_id, about))
            .order_by(*self.newest_first)
            .limit(limit)
        )
        return [stored(row) for row in rows]

    def look_back(
        self,
        account_id: AccountId,
        about: MessageFilter,
        than: MessagePlace,
        most: int,
        limit: int | None = None,
    ) -> LookBack:
        """Look at the `most` messages that come after a place, newest first.

        At most `limit` of those that match are returned. No index knows what the filter asks for,
        so that a look over all messages would take as long as there are.
        """
        # SQLite reads each column that a subquery names, whether it is asked for or not.
        looked = self.looked_at(account_id, than, most, _asked_of(about) or _LOOKED_AT)
        matches = [*conditions(account_id, about, looked.c), *self.hints(about, looked.c)]
        if not matches:
            rows = self._execute(select(looked.c.created_at, looked.c.number, looked.c.metadata))
            found = found_at(rows)
            last_place = found[-1][0] if len(found) == most else None
            return LookBack(found[:limit], last_place, len(found)).enough(limit)
        # One walk says both what matches and where it has ended.
        walked = self._execute(
            select(
                func.count(),
                func.min(looked.c.number),
                func.group_concat(case((and_(*matches), looked.c.number))),
            )
        ).one()
        numbers = sorted(map(int, walked[2].split(",")), reverse=True)[:limit] if walked[2] else []
        last = walked[1] if walked[0] == most else None
        rows = self._execute(
            select(messages.c.created_at, messages.c.number, messages.c.metadata)
            .where(messages.c.account_id == account_id, messages.c.number.in_([*numbers, last]))
            .order_by(*self.newest_first)
        )
        places = found_at(rows)
        next_place = None if last is None else places[-1][0]
        return LookBack(places[: len(numbers)], next_place, walked[0]).enough(limit)

    def hints(self, about: MessageFilter, of: Any) -> list[ColumnElement[bool]]:
        """Return what tells messages apart that cannot have the metadata of a filter.

        Metadata is kept as it was given. So what is asked for stands in it letter by letter, unless
        something in it is escaped.
        """
        if about.metadata is None:
            return []
        is_escaped = self.position(of.metadata, "\\") > 0
        texts = _literals(*about.metadata)
        if any(letter < " " for each in texts for letter in each):
            # Only an escape writes these.
            return [is_escaped]
        return [or_(is_escaped, and_(*(self.position(of.metadata, each) > 0 for each in texts)))]

    def looked_at(
        self,
        account_id: AccountId,
        than: MessagePlace,
        most: int,
        columns: Sequence[ColumnElement[Any]] = _LOOKED_AT,
    ) -> Subquery:
        """Return so many of an account's messages after a place, newest first."""
        return (
            select(*columns)
            .where(messages.c.account_id == account_id, self.is_older(than))
            .order_by(*self.newest_first)
            .limit(most)
            .subquery()
        )

    def sent_span(self, account_id: AccountId, recipient: PhoneNumber) -> SentSpan | None:
        """Return where messages to a recipient lie; None where too little of them is counted."""
        counted_to = self.counted_to()
        if counted_to is None:
            return None
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        sent = contact_activity.c
        oldest_at, newest_at = self._execute(
            select(func.min(sent.first_sent_at), func.max(sent.last_sent_at)).where(
                sent.list_id.in_(own), sent.recipient == recipient
            )
        ).one()
        return SentSpan(
            counted_to=counted_to,
            newest=None if newest_at is None else self.place_behind(newest_at),
            oldest=None if oldest_at is None else self.place_before(oldest_at),
            by_time=len(self.newest_first) > 1,
        )

    def counted_to(self) -> MessagePlace | None:
        """Return a place up to which all messages are counted by recipient; None for nowhere."""
        of_activity = select(counters.c.value).where(counters.c.name == "activity")
        number = self._execute(of_activity).scalar_one_or_none()
        return None if number is None else MessagePlace(0, number)

    def place_behind(self, at: int) -> MessagePlace:
        """Return a place that is newer than all messages up to a time."""
        number = first_since(self._execute, at + 1, _ALL)
        return MessagePlace(at + 1, number + _WITHIN + _PUT_BACK_MAX)

    def place_before(self, at: int) -> MessagePlace:
        """Return a place that is older than all messages since a time."""
        number = first_since(self._execute, at, _ALL)
        return MessagePlace(at - 1, max(0, number - _PUT_BACK_MAX))

    def of_numbers(self, account_id: AccountId, numbers: Sequence[int]) -> list[StoredMessage]:
        """Return the messages with these numbers, newest first."""
        if not numbers:
            return []
        some = of_account(account_id).where(self.are_messages(numbers))
        return [stored(row) for row in self._execute(some.order_by(*self.newest_first))]

    def after(self, account_id: AccountId, number: int, limit: int) -> list[StoredMessage]:
        """Return messages younger than `number`, oldest first."""
        rows = self._execute(
            of_account(account_id)
            .where(messages.c.number > number)
            .order_by(messages.c.number)
            .limit(limit)
        )
        return [stored(row) for row in rows]

    def forget_before(self, before: int, limit: int) -> int:
        """Delete at most `limit` messages at rest that were created before the given time.

        Returns how many were deleted; 0 means that none of the oldest may go yet.
        """
        oldest = self._execute(
            select(messages.c.number, messages.c.ended_at, messages.c.created_at)
            .order_by(messages.c.number)
            .limit(limit)
        )
        gone = [
            row.number for row in oldest if row.created_at < before and row.ended_at is not None
        ]
        if gone:
            for table in (carrier_refs, attempts, message_clicks, messages):
                self._execute(delete(table).where(table.c.number.in_(gone)))
        return len(gone)


def first_since(execute: Callable[..., Result[Any]], since: int, newest: int) -> int:
    """Return the number of the first message since a time, or one up to `_WITHIN` below it.

    It is looked for among so many of the newest numbers.
    """
    asked = {"newest": newest, "since": since, "within": _WITHIN}
    return execute(text(_FIRST_SINCE), asked).scalar_one() or 0


def conditions(
    account_id: AccountId, about: MessageFilter, of: Any = messages.c
) -> Sequence[ColumnElement[bool]]:
    """Return what a filter asks for of the columns of messages, or of some that were looked at."""
    conditions: list[ColumnElement[bool]] = []
    if about.status is not None:
        conditions.append(of.status.in_([str(status) for status in about.status]))
    if about.recipient is not None:
        conditions.append(of.recipient == about.recipient)
    if about.list_number is not None:
        of_number = select(lists.c.id).where(
            lists.c.account_id == account_id, lists.c.number == about.list_number
        )
        conditions.append(of.list_id.in_(of_number))
    if about.campaign is not None:
        runs_of = (
            select(runs.c.id)
            .join(schedules, schedules.c.id == runs.c.schedule_id)
            .where(schedules.c.account_id == account_id, schedules.c.ref == about.campaign)
        )
        conditions.append(of.origin_id.in_(_origins(account_id, OriginKind.RUN, runs_of)))
    if about.journey is not None:
        conditions.append(
            of.origin_id.in_(_origins(account_id, OriginKind.JOURNEY, [about.journey]))
        )
    if about.created_from is not None:
        conditions.append(of.created_at >= about.created_from)
    if about.created_before is not None:
        conditions.append(of.created_at < about.created_before)
    return conditions


def _literals(key: str, value: str) -> list[str]:
    """Return the texts that metadata without escapes has in it, if it has a value for a key."""
    found = [f'"{key}"']
    try:
        known = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        known = value
    # These are written in several ways: 1.5 and 15e-1, with and without spaces.
    return found if isinstance(known, (float, list, dict)) else [*found, value]


def _asked_of(about: MessageFilter) -> Sequence[ColumnElement[Any]]:
    """Return the number and the columns that a filter asks about; nothing where it asks nothing."""
    asked = {
        messages.c.status: about.status is not None,
        messages.c.recipient: about.recipient is not None,
        messages.c.list_id: about.list_number is not None,
        messages.c.origin_id: about.campaign is not None or about.journey is not None,
        messages.c.created_at: about.created_from is not None or about.created_before is not None,
        messages.c.metadata: about.metadata is not None,
    }
    columns = [column for column, is_asked in asked.items() if is_asked]
    return [messages.c.number, *columns] if columns else []


def _origins(
    account_id: AccountId, kind: OriginKind, of: Select[Any] | Sequence[int]
) -> Select[Any]:
    """Return the ids of the origins that stand for some runs or journeys."""
    return select(origins.c.id).where(
        origins.c.account_id == account_id, origins.c.kind == kind, origins.c.of_id.in_(of)
    )


def found_at(rows: Result[Any]) -> list[tuple[MessagePlace, str | None]]:
    """Return places and metadata, from rows with the time, the number and the metadata."""
    return [(MessagePlace(at, number), metadata) for at, number, metadata in map(tuple, rows)]

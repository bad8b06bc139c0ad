"""Messages as look-up shows them, newest first, and their end by retention."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Result,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    literal_column,
    select,
    text,
)

from sendrail.domain import quiet_hours
from sendrail.domain.delivery import RANK_HELD
from sendrail.domain.ids import AccountId, ConnectorId, ListId, MessageNumber
from sendrail.domain.message import Skip, Status
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.quiet_hours import OpenHours, QuietScope
from sendrail.storage.campaign_tables import runs, schedules
from sendrail.storage.contact_tables import contact_activity
from sendrail.storage.message_tables import (
    attempts,
    carrier_refs,
    counters,
    inbox,
    messages,
    origins,
    queue,
    scheduled,
)
from sendrail.storage.tables import connectors, lists, sender_shown
from sendrail.storage.tracking_tables import message_clicks

# Counting further would cost more than the answer is worth; the page then says so.
TOTAL_MAX: Final = 100_000
# So many of an account's newest messages are looked at for its figures.
FIGURES_MAX: Final = 50_000
# How far back among all messages those of one account are looked for.
_NEWEST: Final = 500_000
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
# A clock that was put back gives messages times of before; so many of them are looked at as well.
_PUT_BACK_MAX: Final = 10_000
_DIGITS: Final = "0123456789"

_STORED: Final = (
    select(
        messages.c.number,
        messages.c.recipient,
        literal_column(sender_shown(), Text).label("list_number"),
        messages.c.body,
        messages.c.metadata,
        messages.c.status,
        messages.c.detail,
        messages.c.provider_detail,
        messages.c.encoding,
        messages.c.segments,
        messages.c.attempt,
        connectors.c.kind.label("provider"),
        connectors.c.name.label("connector"),
        messages.c.carrier_ref,
        messages.c.created_at,
        messages.c.sent_at,
        messages.c.ended_at,
        messages.c.skips,
        messages.c.account_id,
        messages.c.list_id,
        lists.c.connector_id.label("list_connector_id"),
        messages.c.links,
        scheduled.c.send_at,
        lists.c.quiet_scope,
        lists.c.quiet_hours,
        origins.c.kind.label("origin_kind"),
        origins.c.of_id.label("origin_of_id"),
        origins.c.version.label("origin_version"),
        origins.c.part.label("origin_part"),
    )
    .select_from(messages)
    .join(lists, lists.c.id == messages.c.list_id)
    .outerjoin(connectors, connectors.c.id == messages.c.connector_id)
    .outerjoin(
        scheduled,
        and_(scheduled.c.lane == messages.c.lane, scheduled.c.number == messages.c.number),
    )
    .outerjoin(origins, origins.c.id == messages.c.origin_id)
)

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
class StoredMessage:
    """A message as look-up shows it.

    `provider` is the kind of carrier it last went to, `connector` the name of the connection.
    """

    number: MessageNumber
    recipient: PhoneNumber
    list_number: str
    body: str
    metadata: str | None
    status: Status
    detail: str | None
    encoding: str
    segments: int
    attempt: int
    provider: str | None
    connector: str | None
    carrier_ref: str | None
    created_at: int
    sent_at: int | None
    ended_at: int | None
    # What the short links in the text follow from.
    account_id: AccountId
    list_id: ListId
    # The list's own connector now, and where the links of the text lead.
    list_connector_id: ConnectorId
    links: str | None
    automatic: bool = False
    # When it is to leave, while it waits for that.
    send_at: int | None = None
    provider_detail: str | None = None
    # Whether it waits for the end of quiet hours, and what those of its list leave open.
    keeps_quiet: bool = False
    open_hours: OpenHours | None = None
    # What it comes from; None where the account sent it itself.
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list of messages is about; None means any.

    `campaign` is the public id of one whose runs have sent them, `journey` the id of a journey.
    """

    status: Sequence[Status] | None = None
    recipient: PhoneNumber | None = None
    list_number: PhoneNumber | None = None
    created_from: int | None = None
    created_before: int | None = None
    campaign: str | None = None
    journey: int | None = None


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
    """

    found: list[tuple[MessagePlace, str | None]]
    next_place: MessagePlace | None

    def enough(self, limit: int | None) -> "LookBack":
        """Return the same, to go on behind the last that was found if there are so many."""
        is_enough = limit is not None and len(self.found) >= limit
        return LookBack(self.found, self.found[-1][0]) if is_enough else self


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSpan:
    """Where an account's messages to one recipient lie, as far as they are counted.

    They are from `newest` on, itself left out, back to the time `oldest_at`; there are none where
    `newest` is None. What is newer than `counted_to` may not be counted yet. Places are in the
    order of time, or of numbers alone.
    """

    counted_to: MessagePlace
    newest: MessagePlace | None
    oldest_at: int
    by_time: bool

    def next_from(self, place: MessagePlace) -> MessagePlace | None:
        """Return from where on there is something to look at, None where there is nothing."""
        if self._is_newer(place, self.counted_to):
            return place
        if self.newest is None or place.created_at < self.oldest_at:
            return None
        return self.newest if self._is_newer(place, self.newest) else place

    def _is_newer(self, place: MessagePlace, than: MessagePlace) -> bool:
        return place > than if self.by_time else place.number > than.number


class Backlog(NamedTuple):
    """What is not settled: messages whose outcome is unknown, callbacks not applied yet."""

    uncertain: int
    callbacks: int


class AccountBacklog(NamedTuple):
    """What waits for one account or list: how many messages, and when the first is due."""

    depth: int
    oldest_due_at: int


class StatusCount(NamedTuple):
    """How many of the messages accepted in one span of time have a status now."""

    since: int
    status: Status
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """What became of an account's newest messages, and what waits.

    `is_whole` is False where there were more than are looked at, and the oldest are missing. No
    more than `TOTAL_MAX` waiting messages are counted. What a paused campaign holds waits, but is
    not due.
    """

    counts: Sequence[StatusCount]
    is_whole: bool
    waiting: int
    oldest_due_at: int | None
    uncertain: int
    oldest_uncertain_at: int | None


class MessageLookUp:
    """Messages as look-up shows them, and their end."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = (messages.c.number.desc(),)

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
            _STORED.where(matches).order_by(*self.newest_first).offset(offset).limit(limit)
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
        matches = conditions(account_id, about, looked.c)
        if not matches:
            rows = self._execute(select(looked.c.created_at, looked.c.number, looked.c.metadata))
            found = found_at(rows)
            last_place = found[-1][0] if len(found) == most else None
            return LookBack(found[:limit], last_place).enough(limit)
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
        return LookBack(places[: len(numbers)], None if last is None else places[-1][0]).enough(
            limit
        )

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
            oldest_at=oldest_at or 0,
            by_time=len(self.newest_first) > 1,
        )

    def counted_to(self) -> MessagePlace | None:
        """Return a place up to which all messages are counted by recipient; None for nowhere."""
        of_activity = select(counters.c.value).where(counters.c.name == "activity")
        number = self._execute(of_activity).scalar_one_or_none()
        return None if number is None else MessagePlace(0, number)

    def place_behind(self, at: int) -> MessagePlace:
        """Return a place that is newer than all messages up to a time."""
        number = self._first_since(at + 1, _ALL)
        return MessagePlace(at + 1, number + _WITHIN + _PUT_BACK_MAX)

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

    def waiting(self) -> dict[int, AccountBacklog]:
        """Return what waits, by account; reads the whole queue.

        List by list first, in the order of the queue's key: grouping a million rows by account at
        once would sort them all, in memory.
        """
        by_list = (
            select(
                queue.c.list_id,
                func.count().label("depth"),
                func.min(queue.c.due_at).label("oldest"),
            )
            .group_by(queue.c.lane, queue.c.list_id)
            .subquery()
        )
        rows = self._execute(
            select(lists.c.account_id, func.sum(by_list.c.depth), func.min(by_list.c.oldest))
            .select_from(by_list)
            .join(lists, lists.c.id == by_list.c.list_id)
            .group_by(lists.c.account_id)
        )
        # PostgreSQL sums whole numbers up to one without bounds.
        return {row[0]: AccountBacklog(int(row[1]), row[2]) for row in rows}

    def waiting_of_list(
        self, account_id: AccountId, list_id: ListId, most: int
    ) -> AccountBacklog | None:
        """Return what waits of a list, counted up to `most`; None where nothing does."""
        some = (
            select(queue.c.due_at)
            .join(lists, and_(lists.c.lane == queue.c.lane, lists.c.id == queue.c.list_id))
            .where(lists.c.account_id == account_id, lists.c.id == list_id)
            .limit(most)
            .subquery()
        )
        row = self._execute(select(func.count(), func.min(some.c.due_at)).select_from(some)).one()
        return AccountBacklog(int(row[0]), row[1]) if row[0] else None

    def figures(self, account_id: AccountId, since: int, step_ms: int) -> AccountFigures:
        """Return what became of the messages accepted since a time, in steps of it.

        At most `FIGURES_MAX` are looked at, however many there are.
        """
        newest = (
            select(messages.c.created_at, messages.c.status)
            .where(
                messages.c.account_id == account_id,
                messages.c.created_at >= since,
                *self.newest_only(since),
            )
            .order_by(*self.newest_first)
            .limit(FIGURES_MAX)
            .subquery()
        )
        # Whole numbers: both databases cut off what is behind the point.
        step = (newest.c.created_at - since) // step_ms
        counts = [
            StatusCount(since + int(at) * step_ms, Status(status), count)
            for at, status, count in self.counted(step, newest.c.status)
        ]
        waiting, oldest = self._waiting_of(account_id)
        uncertain, oldest_uncertain = self._uncertain_of(account_id)
        return AccountFigures(
            counts=counts,
            is_whole=sum(each.messages for each in counts) < FIGURES_MAX,
            waiting=waiting,
            oldest_due_at=oldest,
            uncertain=uncertain,
            oldest_uncertain_at=oldest_uncertain,
        )

    def counted(
        self, step: ColumnElement[int], status: ColumnElement[str]
    ) -> Sequence[tuple[int, str, int]]:
        """Return how many messages of a subquery there are of each step and status.

        They are counted here: SQLite would sort all of them first, which takes twice the walk.
        """
        each_one = cast(step, Text).concat(status)
        joined = self._execute(select(func.group_concat(each_one))).scalar_one()
        found = []
        for each, count in Counter(joined.split(",") if joined else ()).items():
            name = each.lstrip(_DIGITS)
            found.append((int(each.removesuffix(name)), name, count))
        return found

    def newest_only(self, since: int) -> Sequence[ColumnElement[bool]]:
        """Return the condition that keeps a look at an account's messages since a time short.

        An account that sends little stands far apart among all the others' messages.
        """
        return (messages.c.number >= self._first_since(since, _NEWEST),)

    def _first_since(self, since: int, newest: int) -> int:
        """Return the number of the first message since a time, or one up to `_WITHIN` below it.

        It is looked for among so many of the newest numbers.
        """
        asked = {"newest": newest, "since": since, "within": _WITHIN}
        return self._execute(text(_FIRST_SINCE), asked).scalar_one() or 0

    def _waiting_of(self, account_id: AccountId) -> tuple[int, int | None]:
        ours = (
            select(queue.c.rank, queue.c.due_at)
            .join(lists, and_(lists.c.lane == queue.c.lane, lists.c.id == queue.c.list_id))
            .where(lists.c.account_id == account_id)
            .limit(TOTAL_MAX)
            .subquery()
        )
        # What a paused campaign holds waits for its owner, and is not late.
        due = case((ours.c.rank != RANK_HELD, ours.c.due_at))
        row = self._execute(select(func.count(), func.min(due)).select_from(ours)).one()
        return int(row[0]), row[1]

    def _uncertain_of(self, account_id: AccountId) -> tuple[int, int | None]:
        # Word for word what the index of the open ones says: by values it would not be used.
        is_open = text("messages.status IN ('sending', 'uncertain')")
        row = self._execute(
            select(func.count(), func.min(messages.c.sending_at)).where(
                messages.c.status == Status.UNCERTAIN, is_open, messages.c.account_id == account_id
            )
        ).one()
        return int(row[0]), row[1]

    def backlog(self) -> Backlog:
        """Return what is not settled."""
        # Word for word what the index of the open ones says: by values it would not be used.
        is_open = text("messages.status IN ('sending', 'uncertain')")
        uncertain = select(func.count()).where(messages.c.status == Status.UNCERTAIN, is_open)
        callbacks = select(func.count()).select_from(inbox)
        return Backlog(self._execute(uncertain).scalar_one(), self._execute(callbacks).scalar_one())

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


def of_account(account_id: AccountId) -> Select[Any]:
    return _STORED.where(messages.c.account_id == account_id)


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


def _asked_of(about: MessageFilter) -> Sequence[ColumnElement[Any]]:
    """Return the number and the columns that a filter asks about; nothing where it asks nothing."""
    asked = {
        messages.c.status: about.status is not None,
        messages.c.recipient: about.recipient is not None,
        messages.c.list_id: about.list_number is not None,
        messages.c.origin_id: about.campaign is not None or about.journey is not None,
        messages.c.created_at: about.created_from is not None or about.created_before is not None,
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


def stored(row: Row[*tuple[Any, ...]]) -> StoredMessage:
    return StoredMessage(
        number=MessageNumber(row.number),
        recipient=PhoneNumber(row.recipient),
        list_number=row.list_number,
        body=row.body,
        metadata=row.metadata,
        status=Status(row.status),
        detail=row.detail,
        encoding=row.encoding,
        segments=row.segments,
        attempt=row.attempt,
        provider_detail=row.provider_detail,
        provider=row.provider,
        connector=row.connector,
        carrier_ref=row.carrier_ref,
        created_at=row.created_at,
        sent_at=row.sent_at,
        ended_at=row.ended_at,
        automatic=bool(row.skips & Skip.AUTOMATIC),
        send_at=row.send_at,
        keeps_quiet=quiet_hours.keeps_quiet(row.skips, QuietScope(row.quiet_scope)),
        open_hours=None if row.quiet_hours is None else quiet_hours.parse(row.quiet_hours),
        account_id=AccountId(row.account_id),
        list_id=ListId(row.list_id),
        list_connector_id=ConnectorId(row.list_connector_id),
        links=row.links,
        origin=None
        if row.origin_kind is None
        else Origin(
            OriginKind(row.origin_kind), row.origin_of_id, row.origin_version, row.origin_part
        ),
    )

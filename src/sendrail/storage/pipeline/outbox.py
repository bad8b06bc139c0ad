"""The outbox: an event for each endpoint that wants it, written with the change it reports.

All ways in which a message comes to rest go through `Outbox.ending`, in the transaction that ends
it: what was open before and is at rest after is written, once. An installation without endpoints
pays one look into an empty table for a whole batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sendrail.domain.ids import AccountId, EndpointId, EventId, ListId, lane_in, lane_of
from sendrail.domain.webhook import ACKNOWLEDGED, JOURNEY_STEP, EventSettlement, OutboxEvent
from sendrail.storage.driver import Driver, Row
from sendrail.storage.templates import Statement


class EndedMessage(NamedTuple):
    """What an event reports of a message at rest; without `provider` it never left."""

    number: int
    recipient: int
    list_number: str
    status: str
    detail: str | None
    provider: str | None
    ended_at: int
    skips: int = 0
    provider_detail: str | None = None
    connector: str | None = None


class SentMessage(NamedTuple):
    """What an event reports of a message that a carrier has accepted."""

    number: int
    recipient: int
    list_number: str
    segments: int
    provider: str | None
    connector: str | None
    sent_at: int


class ClickedLink(NamedTuple):
    """What an event reports of a person's first click on a message.

    `links` is where the message's links lead, as its row says; `position` is the one of them.
    """

    number: int
    account_id: int
    recipient: int
    list_number: str
    links: str | None
    position: int
    offer: str | None
    at: int


class TakenReply(NamedTuple):
    """What an event reports of a reply."""

    id: int
    sender: int
    list_number: str
    body: str
    keyword: str | None
    received_at: int
    rule: str | None = None
    word: str | None = None


class ReportedConversion(NamedTuple):
    """What an event reports of a conversion; amounts are ten-thousandths."""

    id: int
    number: int | None
    list_number: str | None
    offer: str | None
    event: str
    external_id: str | None
    amount: int
    currency: str
    attributed: bool
    at: int


class AccountEvent(NamedTuple):
    """An event of an account, whole as it is posted; `ref` tells it from others of its kind."""

    kind: str
    ref: int
    at: int
    body: bytes


class PostedStep(NamedTuple):
    """What a step of a journey posts; `ref` is the same whenever the step is done again."""

    endpoint_id: EndpointId
    ref: int
    at: int
    body: bytes


OUTBOX_COLUMNS: Final = (
    "id", "endpoint_id", "kind", "ref", "at", "attempts", "retries", "body", "due_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxTexts:
    """The statements of `Outbox`; what is written row by row takes its lane first."""

    any_endpoint: Statement
    any_at_rest: Statement
    any_for_sent: Statement
    any_asking: Statement
    asking: Statement
    asking_of_list: Statement
    still_open: Statement
    sent_at: Statement
    events_due: Statement
    ended_messages: Statement
    taken_replies: Statement
    reported_conversions: Statement
    sent_messages: Statement
    clicked_links: Statement
    store_body: Statement
    settle_event: Statement
    keep_attempt: Statement
    give_up: Statement
    add_test: Statement
    add_whole: Statement
    add_events: Statement
    forget_events: Statement
    forget_attempts: Statement


class Outbox(ABC):
    """Events for customers: written with what happened, posted afterwards."""

    def __init__(
        self,
        driver: Driver,
        texts: OutboxTexts,
        has_news: Callable[[], None],
        have_ended: Callable[[Sequence[int]], None],
    ) -> None:
        """Call `has_news` when there is something to post.

        Call `have_ended` with messages that may have come to rest, where a journey asks for that.
        """
        self._driver = driver
        self._texts = texts
        self._has_news = has_news
        self._have_ended = have_ended

    # Written with what happened

    @contextmanager
    def ending(self, numbers: Iterable[int]) -> Iterator[None]:
        """Write an event of every one of these messages that comes to rest within the block.

        Journeys that ask what becomes of their messages learn of it as well.
        """
        wanted = sorted(set(numbers))
        has_endpoints, is_asked = self._wanted_at_rest() if wanted else (False, False)
        if not has_endpoints and not is_asked:
            yield
            return
        rows = self._driver.rows_by_id(self._texts.still_open, wanted)
        yield
        ended = [row[0] for row in rows]
        if ended and has_endpoints and self._add_ended(ended):
            self._has_news()
        if ended and is_asked:
            self._have_ended(ended)

    @contextmanager
    def sending(self, numbers: Iterable[int]) -> Iterator[None]:
        """Write an event of each of these messages that a carrier accepts within the block.

        Only where an endpoint asks for them: most do with the deliveries.
        """
        if self._driver.row(self._texts.any_for_sent) is None:
            yield
            return
        rows = self._driver.rows_by_id(self._texts.sent_at, sorted(set(numbers)))
        yield
        unsent = [row[0] for row in rows if row[1] is None]
        if unsent and self._add_sent(unsent):
            self._has_news()

    def add_clicks(self, numbers: Sequence[int]) -> None:
        """Write an event of the first click of a person on each of these messages."""
        if numbers and self.has_endpoints() and self._add_clicks(numbers):
            self._has_news()

    def add_reply(self, kind: str, reply_id: int) -> None:
        """Write an event of a reply, or of the opt-out it is."""
        if self.has_endpoints() and self._add_reply(kind, reply_id):
            self._has_news()

    def add_conversions(self, conversion_ids: Sequence[int]) -> None:
        """Write an event of each conversion to the endpoints that ask for them."""
        if conversion_ids and self.has_endpoints() and self._add_conversions(conversion_ids):
            self._has_news()

    def _wanted_at_rest(self) -> tuple[bool, bool]:
        """Return whether there is any endpoint, and any journey that asks about its messages."""
        row = self._driver.row(self._texts.any_at_rest)
        return (False, False) if row is None else (bool(row[0]), bool(row[1]))

    def has_endpoints(self) -> bool:
        return self._driver.row(self._texts.any_endpoint) is not None

    @abstractmethod
    def _add_ended(self, numbers: Sequence[int]) -> int:
        """Write the events of those of these messages that are at rest; return how many."""

    @abstractmethod
    def _add_sent(self, numbers: Sequence[int]) -> int:
        """Write the events of those of these messages that were accepted; return how many."""

    @abstractmethod
    def _add_clicks(self, numbers: Sequence[int]) -> int:
        """Write the events of the first clicks on these messages; return how many."""

    @abstractmethod
    def _add_reply(self, kind: str, reply_id: int) -> int:
        """Write the events of a reply; return how many."""

    @abstractmethod
    def _add_conversions(self, conversion_ids: Sequence[int]) -> int:
        """Write the events of conversions; return how many."""

    # Taken up

    def due(
        self, endpoint_id: EndpointId, now: int, limit: int, again: int | None = None
    ) -> list[OutboxEvent]:
        """Return what is to be posted to an endpoint now, the longest due first.

        At most `again` of those that have failed before come first, as many as others if it is
        None; then at most `limit` that have not been tried.
        """
        bounds = (limit if again is None else again, limit)
        rows = self._driver.rows(
            self._texts.events_due, lane_of(endpoint_id), endpoint_id, now, *bounds
        )
        return [outbox_event(row) for row in rows]

    def ended_messages(self, numbers: Sequence[int]) -> dict[int, EndedMessage]:
        rows = self._driver.rows_by_id(self._texts.ended_messages, numbers)
        return {row[0]: EndedMessage(*row) for row in rows}

    def sent_messages(self, numbers: Sequence[int]) -> dict[int, SentMessage]:
        rows = self._driver.rows_by_id(self._texts.sent_messages, numbers) if numbers else ()
        return {row[0]: SentMessage(*row) for row in rows}

    def clicked_links(self, numbers: Sequence[int]) -> dict[int, ClickedLink]:
        rows = self._driver.rows_by_id(self._texts.clicked_links, numbers) if numbers else ()
        return {row[0]: ClickedLink(*row) for row in rows}

    def taken_replies(self, reply_ids: Sequence[int]) -> dict[int, TakenReply]:
        if not reply_ids:
            return {}
        rows = self._driver.rows(self._texts.taken_replies, self._driver.array(reply_ids))
        return {row[0]: TakenReply(*row) for row in rows}

    def reported_conversions(self, conversion_ids: Sequence[int]) -> dict[int, ReportedConversion]:
        if not conversion_ids:
            return {}
        asked = self._driver.array(conversion_ids)
        rows = self._driver.rows(self._texts.reported_conversions, asked)
        return {row[0]: ReportedConversion(*row) for row in rows}

    def store_bodies(self, bodies: Sequence[tuple[bytes, EventId]]) -> None:
        """Keep what is about to be sent: every further attempt sends the same bytes."""
        rows = sorted((lane_in(event_id), event_id, body) for body, event_id in bodies)
        self._driver.each(self._texts.store_body, rows)

    def add_test(self, endpoint_id: EndpointId, body: bytes, now: int) -> EventId:
        """Add a test event, which is never due: its maker posts it."""
        lane = lane_of(endpoint_id)
        [(event_id,)] = self._driver.returning(self._texts.add_test, lane, endpoint_id, now, body)
        return EventId(event_id)

    def add_step(self, account_id: AccountId, step: PostedStep) -> None:
        """Write the event of a journey's step to the account's endpoint that the step names.

        Its body is made here: nothing else says what the contact was like at the step.
        """
        event = AccountEvent(JOURNEY_STEP, step.ref, step.at, step.body)
        if self._add_whole(account_id, step.endpoint_id, event):
            self._has_news()

    def add_of_account(self, account_id: AccountId, event: AccountEvent) -> None:
        """Write an event that is of no list to the endpoints of the account that ask for it.

        One that is restricted to a list gets none.
        """
        asking = self._driver.rows(self._texts.asking, account_id, event.kind, event.at)
        written = [self._add_whole(account_id, EndpointId(row[0]), event) for row in asking]
        if any(written):
            self._has_news()

    def is_any_asking(self, kind: str) -> bool:
        """Return whether any endpoint asks for events of a kind."""
        return self._driver.row(self._texts.any_asking, kind) is not None

    def add_of_list(
        self, account_id: AccountId, list_id: ListId, events: Sequence[AccountEvent]
    ) -> None:
        """Write events of one kind, with their bodies, to the endpoints that ask for them.

        These are the account's, for all of its lists or for this one.
        """
        if not events:
            return
        about = account_id, list_id, events[0].kind, events[0].at
        rows = [
            (lane_of(row[0]), row[0], each.kind, each.ref, each.at, each.at, False, 0, 0, each.body)
            for row in self._driver.rows(self._texts.asking_of_list, *about)
            for each in events
        ]
        if rows:
            self._driver.each(self._texts.add_events, rows)
            self._has_news()

    def _add_whole(
        self, account_id: AccountId, endpoint_id: EndpointId, event: AccountEvent
    ) -> bool:
        """Write an event with its body; return False where its endpoint is no more."""
        place = (lane_of(endpoint_id), endpoint_id)
        return self._driver.run(self._texts.add_whole, *place, *event, account_id) > 0

    # Settled

    def settle(self, settlements: Sequence[EventSettlement]) -> None:
        """Keep what came of attempts; a settlement may be written twice."""
        self._driver.each(self._texts.settle_event, settlement_rows(settlements))
        self._driver.each(
            self._texts.keep_attempt,
            [
                (
                    lane_in(a.event_id), a.event_id, a.attempt, a.started_at, a.ended_at,
                    a.outcome, a.status, a.detail,
                )
                for a in (s.attempt for s in settlements)
            ],
        )  # fmt: skip

    def give_up(self, event_ids: Sequence[EventId]) -> None:
        """Bring events to rest that cannot be posted any more."""
        self._driver.each(self._texts.give_up, [(lane_in(each), each) for each in event_ids])

    def forget_before(self, before: int, limit: int) -> tuple[int, int]:
        """Delete at most `limit` old events with their attempts, posted or not.

        Returns how many were deleted, and how many of those were still to be posted.
        """
        gone = self._driver.returning(self._texts.forget_events, before, limit)
        if gone:
            events = self._driver.array(row[0] for row in gone)
            self._driver.run(self._texts.forget_attempts, events)
        return len(gone), sum(row[1] is not None for row in gone)


def outbox_event(row: Sequence[Any]) -> OutboxEvent:
    """Return what `OUTBOX_COLUMNS` say of an event."""
    return OutboxEvent(
        id=EventId(row[0]),
        endpoint_id=EndpointId(row[1]),
        kind=row[2],
        ref=row[3],
        at=row[4],
        attempts=row[5],
        retries=row[6],
        body=row[7],
        due_at=row[8],
    )


def settlement_rows(settlements: Sequence[EventSettlement]) -> list[Row]:
    """Return what is written of settlements."""
    return [
        (
            lane_in(s.event_id), s.event_id, s.due_at, s.attempt.outcome == ACKNOWLEDGED,
            s.attempts, s.retries,
        )
        for s in settlements
    ]  # fmt: skip

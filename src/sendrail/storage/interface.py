"""The door to storage: what the other rooms may call on a database.

`Store.write(work)` and `Store.read(work)` run a plain function of a transaction. It cannot await,
so no network call ever happens inside a transaction. Domain types go in and come out; SQL stays
behind the door. Every statement on an account's rows takes the account.

`tests/conformance/test_store*.py` are the specification; every database runs them.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from sqlalchemy import Connection

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.accounts.accounts import Accounts
from sendrail.storage.accounts.audit import Audit
from sendrail.storage.accounts.connectors import Connectors
from sendrail.storage.accounts.installation_values import InstallationValues
from sendrail.storage.accounts.lists import Lists
from sendrail.storage.accounts.senders import Senders
from sendrail.storage.accounts.user_sessions import Invitations, UserSessions
from sendrail.storage.accounts.users import Users
from sendrail.storage.accounts.verifications import Verifications
from sendrail.storage.campaigns.cohorts import Cohorts
from sendrail.storage.campaigns.creatives import Creatives
from sendrail.storage.campaigns.report_counts import ReportCounts
from sendrail.storage.campaigns.run_members import RunMembers
from sendrail.storage.campaigns.run_pages import RunPages
from sendrail.storage.campaigns.runs import Runs
from sendrail.storage.campaigns.schedules import Schedules
from sendrail.storage.contacts.audience_members import AudienceMembers
from sendrail.storage.contacts.audiences import Audiences
from sendrail.storage.contacts.blocks import Blocks
from sendrail.storage.contacts.bounces import Bounces
from sendrail.storage.contacts.contacts import Contacts
from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.contacts.erasure import Erasure
from sendrail.storage.contacts.exports import Exports
from sendrail.storage.contacts.imported import Imported
from sendrail.storage.contacts.journey_versions import JourneyVersions
from sendrail.storage.contacts.journeys import Journeys
from sendrail.storage.contacts.memberships import AudienceMemberships
from sendrail.storage.contacts.numbers import Numbers
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.contacts.signups import SignUps
from sendrail.storage.contacts.uploads import Uploads
from sendrail.storage.driver import Driver
from sendrail.storage.journeys.enrolments import Enrolments
from sendrail.storage.journeys.facts import JourneyFacts
from sendrail.storage.journeys.passage_events import PassageEvents
from sendrail.storage.journeys.passages import Passages
from sendrail.storage.journeys.tasks import JourneyTasks
from sendrail.storage.journeys.watches import JourneyWatches
from sendrail.storage.pipeline.auto_replies import AutoReplies
from sendrail.storage.pipeline.cohort_counts import CohortCounts
from sendrail.storage.pipeline.destinations import Destinations
from sendrail.storage.pipeline.endpoints import Endpoints
from sendrail.storage.pipeline.figures import MessageFigures
from sendrail.storage.pipeline.gate import Gate
from sendrail.storage.pipeline.idempotency import Idempotency
from sendrail.storage.pipeline.inbox import Inbox
from sendrail.storage.pipeline.leases import Leases
from sendrail.storage.pipeline.lookup import MessageLookUp
from sendrail.storage.pipeline.messages import NO_ORIGINS, MessageRow
from sendrail.storage.pipeline.origin_counts import OriginCounts
from sendrail.storage.pipeline.origins import Origins
from sendrail.storage.pipeline.outbox import Outbox
from sendrail.storage.pipeline.queue import Queue
from sendrail.storage.pipeline.refused import RefusedCallbacks
from sendrail.storage.pipeline.replies import Replies
from sendrail.storage.pipeline.reply_log import ReplyLog
from sendrail.storage.pipeline.scheduled import ScheduledMessages
from sendrail.storage.pipeline.soft_bounces import SoftBounces
from sendrail.storage.tracking.agents import Agents
from sendrail.storage.tracking.click_details import ClickDetails
from sendrail.storage.tracking.click_log import ClickLog
from sendrail.storage.tracking.clicks import Clicks
from sendrail.storage.tracking.conversions import Conversions
from sendrail.storage.tracking.domains import Domains
from sendrail.storage.tracking.earnings import Earnings
from sendrail.storage.tracking.history import ImportedHistory
from sendrail.storage.tracking.history_clearing import HistoryClearing
from sendrail.storage.tracking.link_settings import LinkSettingsTable
from sendrail.storage.tracking.message_clicks import MessageClicks
from sendrail.storage.tracking.offers import Offers
from sendrail.storage.tracking.postbacks import Postbacks
from sendrail.storage.tracking.reclassification import Reclassification
from sendrail.storage.tracking.short_links import ShortLinks

if TYPE_CHECKING:
    from sendrail.storage.postgres.leases import ConnectorPaces, Processes, Spans
    from sendrail.storage.postgres.link_ranges import LinkRanges
    from sendrail.storage.postgres.messages import PostgresMessages
    from sendrail.storage.sqlite.messages import SqliteMessages

T = TypeVar("T")

_LOOK_SECONDS: Final = 0.5
# Only should the watch have missed something: a net that has caught nothing yet.
_WATCHED_LOOK_SECONDS: Final = 60.0

# What each database does in a way of its own.


class Messages(Protocol):
    """Messages coming in."""

    def insert(
        self,
        rows: Sequence[MessageRow],
        due_at: int | None = None,
        origins: Mapping[int, int] = NO_ORIGINS,
    ) -> None: ...


class Activity(Protocol):
    """What was sent to contacts, counted after the messages."""

    def behind(self) -> int: ...
    def count(self, limit: int) -> int: ...
    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None: ...


class Tx(ABC):
    """One transaction; good only inside the function it was given to.

    The sets on the driver itself are made with the transaction, by each database's own kind of it.
    Those by SQLAlchemy Core, the same on every database, are made when they are first asked for.
    """

    driver: Driver
    gate: Gate
    idempotency: Idempotency
    clicks: Clicks
    agents: Agents
    message_clicks: MessageClicks
    click_details: ClickDetails
    destinations: Destinations
    origins: Origins
    origin_counts: OriginCounts
    cohort_counts: CohortCounts
    signup_counts: SignUpCounts
    run_pages: RunPages
    messages: Messages
    queue: Queue
    inbox: Inbox
    outbox: Outbox
    replies: Replies
    soft_bounces: SoftBounces
    enrolments: Enrolments
    journey_facts: JourneyFacts
    passages: Passages
    activity: Activity
    leases: Leases
    # Only where one process accepts, on SQLite.
    local: "SqliteMessages"
    # Only where any number of processes share the work, on PostgreSQL.
    cluster: "PostgresMessages"
    spans: "Spans"
    processes: "Processes"
    connector_paces: "ConnectorPaces"
    link_ranges: "LinkRanges"

    def __init__(self, core: Connection, pseudonyms: Pseudonyms) -> None:
        self.core = core
        self.pseudonyms = pseudonyms

    def _passages(self, hints: "Hints") -> Passages:
        """Return the ways of contacts through journeys, over the sets that are there already."""
        return Passages(
            self.enrolments,
            self.journey_facts,
            self.gate,
            PassageEvents(self.outbox, self.gate),
            self.journey_versions.find,
            lambda account_id, now: self.memberships(account_id, now).of,
            hints.journeys_have,
        )

    def _ended(self, numbers: Sequence[int]) -> None:
        """Pass on that messages have their final status: the outbox is made before the passages."""
        self.passages.messages_ended(numbers)

    @abstractmethod
    def begin(self) -> None:
        """Make all that follows durable together, where that is not so already."""

    accounts = cached_property(lambda tx: Accounts(tx.core))
    users = cached_property(lambda tx: Users(tx.core, tx.driver))
    sessions = cached_property(lambda tx: UserSessions(tx.core))
    invitations = cached_property(lambda tx: Invitations(tx.core))
    connectors = cached_property(lambda tx: Connectors(tx.core))
    lists = cached_property(lambda tx: Lists(tx.core))
    senders = cached_property(lambda tx: Senders(tx.core))
    verifications = cached_property(lambda tx: Verifications(tx.core))
    installation_values = cached_property(lambda tx: InstallationValues(tx.core))

    @cached_property
    def contacts(self) -> Contacts:
        def end(contacts: Sequence[tuple[ListId, PhoneNumber]], now: int) -> None:
            self.passages.end(contacts, EndReason.UNSUBSCRIBED, now)

        return Contacts(self.core, self.erased, self.signup_counts, end)

    erased = cached_property(lambda tx: ErasedNumbers(tx.core, tx.pseudonyms))
    erasure = cached_property(lambda tx: Erasure(tx.core, tx.erased, tx.signup_counts))

    @property
    @abstractmethod
    def imported(self) -> Imported:
        """What files bring in: hot statements of each database, beside some by SQLAlchemy."""

    @property
    @abstractmethod
    def reclassification(self) -> Reclassification:
        """Clicks judged again: hot statements of each database, beside some by SQLAlchemy."""

    uploads = cached_property(lambda tx: Uploads(tx.core))
    exports = cached_property(lambda tx: Exports(tx.core))
    numbers = cached_property(lambda tx: Numbers(tx.core))
    audit = cached_property(lambda tx: Audit(tx.core))
    signups = cached_property(lambda tx: SignUps(tx.core, tx.signup_counts))

    @cached_property
    def blocks(self) -> Blocks:
        def end(account_id: AccountId, recipients: Sequence[PhoneNumber], now: int) -> None:
            self.passages.end_everywhere(account_id, recipients, EndReason.BLOCKED, now)

        return Blocks(self.core, end)

    journeys = cached_property(lambda tx: Journeys(tx.core))
    journey_versions = cached_property(lambda tx: JourneyVersions(tx.core))
    journey_tasks = cached_property(lambda tx: JourneyTasks(tx.core))
    journey_watches = cached_property(lambda tx: JourneyWatches(tx.core))
    audiences = cached_property(lambda tx: Audiences(tx.core))
    audience_members = cached_property(lambda tx: AudienceMembers(tx.core))

    def memberships(self, account_id: AccountId, now: int) -> AudienceMemberships:
        """Return which audiences the contacts of an account are in; it asks when it is asked."""
        return AudienceMemberships(self.audiences, self.audience_members, account_id, now)

    offers = cached_property(lambda tx: Offers(tx.core))
    creatives = cached_property(lambda tx: Creatives(tx.core))
    schedules = cached_property(lambda tx: Schedules(tx.core))
    runs = cached_property(lambda tx: Runs(tx.core))
    run_members = cached_property(lambda tx: RunMembers(tx.core))
    report_counts = cached_property(lambda tx: ReportCounts(tx.core))
    cohorts = cached_property(lambda tx: Cohorts(tx.core))
    domains = cached_property(lambda tx: Domains(tx.core))

    @property
    @abstractmethod
    def history(self) -> ImportedHistory:
        """What accounts brought from the platforms that they came from."""

    link_settings = cached_property(lambda tx: LinkSettingsTable(tx.core))
    history_clearing = cached_property(lambda tx: HistoryClearing(tx.core, tx.history))
    short_links = cached_property(lambda tx: ShortLinks(tx.core))

    @property
    @abstractmethod
    def conversions(self) -> Conversions:
        """What messages earned."""

    earnings = cached_property(lambda tx: Earnings(tx.core))
    postbacks = cached_property(lambda tx: Postbacks(tx.core))
    endpoints = cached_property(lambda tx: Endpoints(tx.core))
    auto_replies = cached_property(lambda tx: AutoReplies(tx.core))
    reply_log = cached_property(lambda tx: ReplyLog(tx.core))
    refused = cached_property(lambda tx: RefusedCallbacks(tx.core))
    bounces = cached_property(lambda tx: Bounces(tx.core, tx.contacts))
    scheduled = cached_property(lambda tx: ScheduledMessages(tx.core, tx.queue))
    click_log = cached_property(lambda tx: ClickLog(tx.core))
    lookup = cached_property(lambda tx: MessageLookUp(tx.core))
    figures = cached_property(lambda tx: MessageFigures(tx.core))


@dataclass(slots=True)
class Hints:
    """Cheap signals of new work, inside one process: may be lost or doubled without harm.

    Every stage also looks for itself now and then; a hint only saves the wait. Where something
    watches for every change, whichever process made it, a stage may look more rarely.
    """

    queued: dict[int, int] = field(default_factory=dict)
    queued_event: asyncio.Event = field(default_factory=asyncio.Event)
    inbox_event: asyncio.Event = field(default_factory=asyncio.Event)
    answers_event: asyncio.Event = field(default_factory=asyncio.Event)
    outbox_event: asyncio.Event = field(default_factory=asyncio.Event)
    connectors_event: asyncio.Event = field(default_factory=asyncio.Event)
    scheduled_event: asyncio.Event = field(default_factory=asyncio.Event)
    activity_event: asyncio.Event = field(default_factory=asyncio.Event)
    clicks_event: asyncio.Event = field(default_factory=asyncio.Event)
    # Lanes in which a contact may have a turn on a journey sooner than was known.
    journey_lanes: set[int] = field(default_factory=set)
    journeys_event: asyncio.Event = field(default_factory=asyncio.Event)
    is_watched: bool = False
    # How often a change was noticed.
    changes: int = 0
    # Whether another process may have written since delivery last looked for its lists.
    is_changed_elsewhere: bool = False
    # Digests of API keys whose use is not written down yet.
    used_keys: set[bytes] = field(default_factory=set)
    # Of workers that look for what is rare; each has one of its own.
    _change_events: list[asyncio.Event] = field(default_factory=list)

    def change_event(self) -> asyncio.Event:
        """Return a new event that is set whenever anything was written, here or elsewhere.

        Up to twice a second: a loop that looks for what is rare does so more rarely.
        """
        event = asyncio.Event()
        self._change_events.append(event)
        return event

    @property
    def look_seconds(self) -> float:
        """How long a stage that found nothing may rest before it looks for itself."""
        return _WATCHED_LOOK_SECONDS if self.is_watched else _LOOK_SECONDS

    def is_unchanged(self, seen: int) -> bool:
        """Return whether nothing was written since `changes` was `seen`; False if none watches."""
        return self.is_watched and seen == self.changes

    def changed(self, *, elsewhere: bool) -> None:
        """Notify the workers that something was written, `elsewhere` by another process."""
        self.changes += 1
        events = [
            self.inbox_event,
            self.outbox_event,
            self.activity_event,
            self.clicks_event,
            self.journeys_event,
            *self._change_events,
        ]
        if elsewhere:
            self.is_changed_elsewhere = True
            events += [
                self.queued_event,
                self.answers_event,
                self.connectors_event,
                self.scheduled_event,
            ]
        for event in events:
            event.set()

    def queue_has(self, lists: Iterable[tuple[int, int]]) -> None:
        """Notify workers that these (lane, list) have new messages."""
        for lane, list_id in lists:
            self.queued[list_id] = lane
        self.queued_event.set()

    def inbox_has(self) -> None:
        """Notify workers that callbacks wait to be applied."""
        self.inbox_event.set()

    def answers_wait(self) -> None:
        """Notify workers that automatic replies wait to be queued."""
        self.answers_event.set()

    def outbox_has(self) -> None:
        """Notify workers that events wait to be posted."""
        self.outbox_event.set()

    def scheduled_has(self) -> None:
        """Notify workers that messages wait for a time of their own."""
        self.scheduled_event.set()

    def journeys_have(self, lanes: Iterable[int]) -> None:
        """Notify the engine of journeys that contacts in these lanes may have a turn now."""
        self.journey_lanes.update(lanes)
        self.journeys_event.set()

    def connectors_changed(self) -> None:
        """Notify workers that a connector has changed."""
        self.connectors_event.set()


class Store(Protocol):
    """A database, opened.

    Raises `StorageUnavailable` (or `StorageFull`) when a transaction cannot be made durable; none
    of its changes remain then.
    """

    @property
    def hints(self) -> Hints: ...

    def submit(
        self,
        work: Callable[[Tx], T],
        done: Callable[[T | None, Exception | None], None],
        *,
        begun: bool = True,
        synced: bool = True,
    ) -> None:
        """Run `work` in the next group commit, then call `done(result, error)` once it is durable.

        The cheap form of `write`, for callers that keep no task waiting. Unless `begun`, each of
        its statements may be durable by itself: work that writes more than once calls `tx.begin`
        before. Unless `synced`, it may be durable only with the next commit that is: a power cut
        may undo it as a whole with all that came after it. That is for work of which nothing leaves
        the process before another commit.
        """
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction; return its result once that is durable."""
        ...

    async def read(self, work: Callable[[Tx], T], *, begun: bool = True) -> T:
        """Run `work` on a consistent snapshot, beside the writers.

        Unless `begun`, each of its statements may have a snapshot of its own: for work of one
        statement, which then takes one round trip to a database elsewhere and not three. It may
        run twice, where a connection was lost before.
        """
        ...

    def beside(self) -> "Store":
        """Return the same database with groups of its own, for a stage behind the requests.

        Where both share a writer, what is submitted there yields to what is submitted here: it
        goes on in slices, of which no number of requests stops the next.
        """
        ...

    def portion(self, most: int) -> int:
        """Return how many rows of `most` a stage should take at once: fewer while requests wait.

        At least 1, and all of them on the store that requests use themselves. To be asked for each
        piece of work, when it runs.
        """
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Hold off every other process that asks for this, for as long as the context lasts.

        For what is done once in the life of an installation. The end of a process ends it.
        """
        ...

    async def maintain(self, now: int, *, messages_before: int | None, seen_before: int) -> None:
        """Do what this kind of database needs done every few seconds, by one process.

        What is forgotten whole goes here: messages at rest that were created before
        `messages_before`, if that is said, and what was seen for duplicates before `seen_before`.
        """
        ...

    def changed_elsewhere(self) -> bool:
        """Return whether another process has written since the last time this was asked."""
        ...

    def changed_here(self) -> bool:
        """Return whether this store has written since the last time this was asked."""
        ...

    async def close(self) -> None:
        """Finish what was submitted and let go of the database."""
        ...

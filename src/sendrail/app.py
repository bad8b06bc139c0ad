"""The composition root: settings in, a running installation out.

The only file that names concrete stores and carriers. Everything is passed on by plain
constructor calls; nothing here decides anything else. The workers of the delivering process stand
in `workers.py`.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from sendrail.app_tracking import LinkParts, is_served, link_parts, tracking_services
from sendrail.campaigns.account_settings import AccountSettingsService
from sendrail.campaigns.calendar import ScheduleCalendar
from sendrail.campaigns.cohorts import CohortService
from sendrail.campaigns.creatives import CreativeService
from sendrail.campaigns.dry_runs import DryRunner
from sendrail.campaigns.preflight import TextRules
from sendrail.campaigns.reports import ReportService
from sendrail.campaigns.run_control import RunService
from sendrail.campaigns.schedules import ScheduleService
from sendrail.campaigns.trial_runs import TrialMaker
from sendrail.campaigns.trial_sends import TrialSender
from sendrail.carriers.registry import kind_of, kinds
from sendrail.carriers.sdk import CarrierKind
from sendrail.clock import Clock, SystemClock
from sendrail.connectors.callbacks import CallbackRouter
from sendrail.connectors.secret_box import SecretBox
from sendrail.connectors.service import ConnectorService
from sendrail.connectors.verification import VerificationService
from sendrail.contacts.audience_counts import AudienceCounter
from sendrail.contacts.audiences import AudienceService
from sendrail.contacts.audit import AuditService
from sendrail.contacts.blocks import BlockService
from sendrail.contacts.contacts import ContactService
from sendrail.contacts.edits import ContactEditService
from sendrail.contacts.erasure import ErasureService
from sendrail.contacts.files import FileService
from sendrail.contacts.journey_documents import JourneyDocuments
from sendrail.contacts.journey_progress import JourneyProgress
from sendrail.contacts.journeys import JourneyService
from sendrail.contacts.lists import ListService
from sendrail.contacts.number_places import place_of
from sendrail.contacts.replies import ReplyService
from sendrail.contacts.senders import SenderService
from sendrail.contacts.turns import AccountTurns
from sendrail.contacts.uploads import UploadService
from sendrail.domain.contact import Scope
from sendrail.domain.destinations import DestinationRules
from sendrail.domain.errors import InvalidInput, SetupError
from sendrail.domain.ids import (
    CONTACT_KEY_BYTES,
    AccountId,
    ContactIds,
    MessageIds,
)
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.domain.times import DAY_MS
from sendrail.intake.acceptor import Acceptor
from sendrail.intake.accounts import AccountService
from sendrail.intake.cluster import ClusterAcceptor
from sendrail.intake.duplicates import DuplicateWindow
from sendrail.intake.links import LinkBinder
from sendrail.intake.local import LocalAcceptor
from sendrail.intake.lookup import MessageService
from sendrail.intake.orders import Limits
from sendrail.intake.scheduled import CancelService
from sendrail.intake.service import Intake
from sendrail.links.ranges import RangeSlots
from sendrail.links.texts import LinkTexts
from sendrail.opening import embedded_store, played_store, shared_store
from sendrail.people.services import PeopleServices
from sendrail.receipts.inbox import CallbackInbox
from sendrail.receipts.refused import RefusedService
from sendrail.receipts.reviews import ReviewService
from sendrail.sandbox import SIMULATOR, SandboxService, first_run
from sendrail.settings import Settings
from sendrail.storage.data_folder import Folder
from sendrail.storage.interface import Store
from sendrail.storage.sealing import KEY_BYTES
from sendrail.telemetry import Metrics
from sendrail.tracking.services import TrackingServices
from sendrail.webhooks.guard import Rules
from sendrail.webhooks.keyring import Keyring
from sendrail.webhooks.poster import Poster
from sendrail.webhooks.service import WebhookService

if TYPE_CHECKING:
    from sendrail.webhooks.listener import Listener

_log = structlog.get_logger()

# A token (RFC 9110, 5.6.2).
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
# While one group waits for the disk, the next is judged.
_ACCEPTING: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The services of one process: what API, command line and workers are given."""

    settings: Settings
    clock: Clock
    store: Store
    ids: MessageIds
    links: LinkTexts
    openings: OpeningTable
    contact_ids: ContactIds
    metrics: Metrics
    limits: Limits
    accounts: AccountService
    lists: ListService
    senders: SenderService
    contacts: ContactService
    contact_edits: ContactEditService
    replies: ReplyService
    audiences: AudienceService
    audience_counts: AudienceCounter
    blocks: BlockService
    journeys: JourneyService
    journey_documents: JourneyDocuments
    journey_progress: JourneyProgress
    account_settings: AccountSettingsService
    tracking: TrackingServices
    creatives: CreativeService
    schedules: ScheduleService
    calendar: ScheduleCalendar
    trials: TrialSender
    dry_runs: DryRunner
    reports: ReportService
    cohorts: CohortService
    runs: RunService
    files: FileService
    uploads: UploadService
    erasure: ErasureService
    audit: AuditService
    people: PeopleServices
    intake: Intake
    messages: MessageService
    cancelling: CancelService
    inbox: CallbackInbox
    refused: RefusedService
    reviews: ReviewService
    keyring: Keyring
    poster: Poster
    webhooks: WebhookService
    sandbox: SandboxService
    connectors: ConnectorService
    callbacks: CallbackRouter
    verification: VerificationService
    default_account: AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an installation finds around it: the time, and the carriers that are installed.

    A demonstration brings its own; `is_played` is where the time is moved by hand, so that no
    caller waits for the disk. Without a `poster`, events are posted over the network.
    """

    clock: Clock
    is_played: bool = False
    kind_of: Callable[[str], CarrierKind] = kind_of
    poster: Poster | None = None


class _Opened(NamedTuple):
    """What is closed again at the end, and what was found outside."""

    store: Store
    metrics: Metrics
    poster: Poster
    around: Surroundings


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, serving: bool = False, surroundings: Surroundings | None = None
) -> AsyncIterator[Runtime]:
    """Open an installation, making it first where there is none.

    `serving` takes the folder's lock for the one process that delivers; without `surroundings`
    the time is the machine's. Raises `SetupError` and `StorageUnavailable` with what to do about
    it.
    """
    around = surroundings or Surroundings(clock=SystemClock())
    folder = Folder(settings.data_dir, settings.master_key)
    metrics = Metrics()
    opening: Callable[..., AbstractAsyncContextManager[Store]] = embedded_store
    if around.is_played:
        opening = played_store
    elif settings.database_url:
        opening = shared_store
    async with (
        opening(settings, folder, metrics, serving=serving) as store,
        aclosing(around.poster or Poster(_rules(settings))) as poster,
    ):
        yield await _wire(settings, folder, _Opened(store, metrics, poster, around))


async def _wire(settings: Settings, folder: Folder, opened: _Opened) -> Runtime:
    store, metrics, poster, around = opened
    clock, ids = around.clock, MessageIds(folder.key("message-id"))
    secret_box = SecretBox(folder.key("sealing", KEY_BYTES))
    parts = await link_parts(settings, folder, store)
    limits, links = _limits(settings, parts.destinations), parts.texts
    inbox, lists = CallbackInbox(store, metrics, clock.now), _lists(settings, store, clock)
    openings, turns = _openings(settings), AccountTurns()
    trials = TrialMaker(links, limits, openings, settings.blocked_words)
    intake = _intake(settings, store, ids, metrics, clock, LinkBinder(links, limits), parts, folder)
    connectors = _connectors(settings, folder, store, secret_box, around)
    keyring = Keyring(folder.key("webhook-secrets", KEY_BYTES))
    schedules = _schedules(settings, store, trials, parts, clock)
    return Runtime(
        settings=settings,
        clock=clock,
        store=store,
        ids=ids,
        contact_ids=ContactIds(folder.key("contact-id", CONTACT_KEY_BYTES)),
        metrics=metrics,
        limits=limits,
        accounts=AccountService(store, clock.now),
        lists=lists,
        senders=SenderService(store, clock.now),
        **_contact_services(settings, folder, store, clock),
        replies=ReplyService(store, clock.now),
        audiences=AudienceService(store, clock.now),
        audience_counts=AudienceCounter(store, clock.now, openings, turns=turns),
        journeys=JourneyService(store, clock.now),
        journey_documents=JourneyDocuments(store, clock.now),
        journey_progress=JourneyProgress(store, clock.now),
        account_settings=AccountSettingsService(store, clock.now),
        creatives=CreativeService(store, links, clock.now, limits.destinations),
        schedules=schedules,
        calendar=ScheduleCalendar(store, clock.now),
        trials=TrialSender(store, intake, limits, clock.now),
        dry_runs=DryRunner(store, trials, turns=turns, now=clock.now),
        reports=ReportService(store, clock.now),
        cohorts=CohortService(store, clock.now, turns, settings.report_retention_days),
        runs=RunService(store, clock.now, schedules.hindrance, schedules.warnings_now),
        tracking=tracking_services(settings, folder, store, poster, ids, parts, metrics, clock),
        audit=AuditService(store),
        people=_people(folder, store, clock),
        intake=intake,
        links=links,
        openings=openings,
        messages=MessageService(store, ids, links, openings, clock.now),
        cancelling=CancelService(store, ids, clock.now),
        inbox=inbox,
        refused=RefusedService(store),
        reviews=ReviewService(store, Scope(settings.opt_out_scope), clock.now),
        keyring=keyring,
        poster=poster,
        webhooks=_webhooks(settings, store, poster, keyring, ids, clock),
        sandbox=SandboxService(store, lists, intake, inbox),
        connectors=connectors,
        callbacks=CallbackRouter(store, connectors, inbox, metrics, clock),
        verification=_verification(store, connectors, intake, ids, limits, clock),
        default_account=await _first_account(settings, store, secret_box, clock),
    )


def _contact_services(
    settings: Settings, folder: Folder, store: Store, clock: Clock
) -> dict[str, Any]:
    files = FileService(store, clock.now, is_served(settings, folder))
    return {
        "contacts": ContactService(store, clock.now),
        "contact_edits": ContactEditService(store, clock.now),
        "blocks": BlockService(store, clock.now),
        "files": files,
        "uploads": UploadService(store, files, clock.now),
        "erasure": ErasureService(store, clock.now),
    }


def _lists(settings: Settings, store: Store, clock: Clock) -> ListService:
    scope = Scope(settings.opt_out_scope)
    return ListService(store, clock.now, settings.default_list_rate, scope)


def _people(folder: Folder, store: Store, clock: Clock) -> PeopleServices:
    key = folder.key("authenticators", KEY_BYTES)
    return PeopleServices.over(store, key, clock.now, clock.monotonic)


def _schedules(
    settings: Settings, store: Store, trials: TrialMaker, parts: LinkParts, clock: Clock
) -> ScheduleService:
    return ScheduleService(store, trials, _text_rules(settings), parts.destinations, clock.now)


def _text_rules(settings: Settings) -> TextRules:
    return TextRules(settings.segments_max, settings.characters_max, settings.blocked_words)


def _verification(  # noqa: PLR0917 - what the service is made of
    store: Store,
    connectors: ConnectorService,
    intake: Intake,
    ids: MessageIds,
    limits: Limits,
    clock: Clock,
) -> VerificationService:
    return VerificationService(store, connectors, intake, ids, limits=limits, now=clock.now)


def _limits(settings: Settings, destinations: DestinationRules) -> Limits:
    return Limits(
        segments_max=settings.segments_max,
        characters_max=settings.characters_max,
        send_at_ms_max=settings.send_at_days_max * DAY_MS,
        scheduled_max=settings.scheduled_max,
        destinations=destinations,
    )


def _intake(  # noqa: PLR0917 - what the service is made of
    settings: Settings,
    store: Store,
    ids: MessageIds,
    metrics: Metrics,
    clock: Clock,
    links: LinkBinder,
    parts: LinkParts,
    folder: Folder,
) -> Intake:
    window_ms = settings.duplicate_window_seconds * 1000
    acceptor: Acceptor
    if settings.database_url:
        from sendrail.storage.postgres.store import PostgresStore

        assert isinstance(store, PostgresStore), "a database URL names a PostgreSQL database"
        assert isinstance(parts.slots, RangeSlots), "there, slots are in ranges"
        key = folder.key("fingerprints")
        acceptor = ClusterAcceptor(ids, parts.slots, window_ms=window_ms, fingerprint_key=key)
        store, groups = store.beside(_ACCEPTING), _ACCEPTING
    else:
        acceptor, groups = LocalAcceptor(ids, DuplicateWindow(window_ms)), 1
    return Intake(
        store,
        acceptor,
        ids,
        metrics,
        now=clock.now,
        blocked_words=settings.blocked_words,
        waiting_max=settings.waiting_max,
        links=links,
        groups=groups,
    )


def _connectors(
    settings: Settings, folder: Folder, store: Store, secret_box: SecretBox, around: Surroundings
) -> ConnectorService:
    # What the installation's settings add to the connectors of a kind.
    handsets = settings.simulator_handsets
    given: dict[str, dict[str, Any]] = {SIMULATOR: {"handsets": handsets}} if handsets else {}
    return ConnectorService(
        store,
        secret_box,
        kinds,
        around.kind_of,
        clock=around.clock,
        public_url=settings.public_url,
        # A shared database does not show it; then a server counts as there.
        is_served=_always if settings.database_url else folder.is_served,
        given=given,
    )


def _always() -> bool:
    return True


def _webhooks(  # noqa: PLR0917 - what the service is made of
    settings: Settings,
    store: Store,
    poster: Poster,
    keyring: Keyring,
    ids: MessageIds,
    clock: Clock,
) -> WebhookService:
    return WebhookService(
        store,
        poster,
        keyring,
        ids,
        rules=_rules(settings),
        signature_header=_signature_header(settings),
        now=clock.now,
    )


def _rules(settings: Settings) -> Rules:
    return Rules.parse(
        allow_http=settings.webhook_allow_http,
        ports=settings.webhook_ports,
        networks=settings.webhook_allow_networks,
        denied_hosts=settings.webhook_deny_hosts,
    )


def _openings(settings: Settings) -> OpeningTable:
    try:
        return OpeningTable(parse_rules(settings.quiet_hours), place_of)
    except InvalidInput as invalid:
        raise SetupError(f"Setting quiet_hours: {invalid.message}") from invalid


def _signature_header(settings: Settings) -> str:
    header = settings.webhook_signature_header
    if not _HEADER_NAME(header):
        raise SetupError(
            f"Setting webhook_signature_header: {header!r} is not the name of a header, such as "
            "X-Trackly-Signature."
        )
    return header


async def _first_account(
    settings: Settings, store: Store, secret_box: SecretBox, clock: Clock
) -> AccountId:
    """Return the first account; of several processes that start at once, one makes it."""
    async with store.alone():
        return await store.write(lambda tx: first_run(tx, settings, secret_box, clock.now()))


def listener(runtime: Runtime) -> "Listener":
    """Return a listener to the events of the default account, not begun yet."""
    # Only here: it brings an HTTP client along, which a server without webhooks does not need.
    from sendrail.webhooks.listener import Listener

    return Listener(
        runtime.store,
        runtime.ids,
        account_id=runtime.default_account,
        signature_header=runtime.settings.webhook_signature_header,
        now=runtime.clock.now,
    )

"""The workers of a process that serves: made from a runtime, begun in order, ended in order.

A process has roles. On the embedded store it has them all; on a shared one any number of processes
have any of them, and what only one may do at a time is shared out in spans.
"""

import asyncio
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import structlog

from sendrail.app import Runtime
from sendrail.campaigns.planner import Planner
from sendrail.carriers.sdk import ProcessIndex
from sendrail.changes import ChangeFollower
from sendrail.connectors.supervisor import ConnectorSupervisor
from sendrail.contacts.activity import ActivityFollower
from sendrail.contacts.look_up import Finder, lookup_of
from sendrail.contacts.uploads import UploadService
from sendrail.delivery.claiming import Claimer
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.quiet import QuietHours
from sendrail.delivery.rescuer import Rescuer
from sendrail.delivery.reserver import SliceReserver
from sendrail.delivery.routing import Routes
from sendrail.delivery.takeover import Takeover
from sendrail.delivery.worker import Worker
from sendrail.domain.consent import AbuseComplaint, ReplyPolicy
from sendrail.domain.contact import Scope, TroublePolicy
from sendrail.domain.errors import SetupError
from sendrail.domain.times import DAY_MS
from sendrail.drain import Drain, wait_at_most
from sendrail.intake.responder import Responder
from sendrail.intake.scheduled import ScheduledWorker
from sendrail.journeys.engine import JourneyEngine
from sendrail.maintenance import Maintenance
from sendrail.membership import ClusterMember, name_of
from sendrail.ownership import Ownership, take_whole
from sendrail.receipts.apply import Policies
from sendrail.receipts.worker import ReceiptWorker
from sendrail.settings import Settings
from sendrail.storage.interface import Store
from sendrail.tracking.hosts import TrackingHosts
from sendrail.tracking.verifying import DomainChecker
from sendrail.tracking.worker import ClickWorker
from sendrail.webhooks.worker import WebhookWorker

_log = structlog.get_logger()

_NO_LOOKUP: Final = "none"
# What is divided among processes: lanes by 64, and the endpoints of customers, which are fewer.
LANE_SPANS: Final = 64
ENDPOINT_SPANS: Final = 16
# What a stop grants past its deadline; with the settling before, less than `CLOSING_SECONDS`.
_CONNECTORS_SECONDS: Final = 1.0
_ROUNDS_SECONDS: Final = 0.5
_LEAVE_SECONDS: Final = 0.5


class Role(StrEnum):
    """What a process does."""

    API = "api"
    CLICKS = "clicks"
    DELIVER = "deliver"
    RECEIPTS = "receipts"
    WEBHOOKS = "webhooks"
    SCHEDULER = "scheduler"
    PLANNER = "planner"


_ALL: Final = "all"


def roles_of(settings: Settings) -> frozenset[Role]:
    """Return this process's roles. Raises `SetupError` for unknown ones, or where it needs all."""
    words = {word.strip() for word in settings.roles.split(",")} - {""}
    try:
        roles = frozenset(Role) if words == {_ALL} else frozenset(map(Role, words))
    except ValueError as error:
        raise SetupError(
            f"Setting roles: {settings.roles!r} is not {_ALL}, nor some of {', '.join(Role)}."
        ) from error
    if not roles:
        raise SetupError(f"Setting roles: give {_ALL}, or some of {', '.join(Role)}.")
    if roles != frozenset(Role) and not settings.database_url:
        raise SetupError(
            "With the database in the data folder, one process does everything. To divide the work "
            "among processes with --role, set SENDRAIL_DATABASE_URL; otherwise omit --role."
        )
    return roles


@dataclass(slots=True, kw_only=True)
class Workers:
    """The workers of a process; one for which it has no role is None."""

    roles: frozenset[Role]
    supervisor: ConnectorSupervisor
    maintenance: Maintenance
    member: ClusterMember | None = None
    rescuer: Rescuer | None = None
    worker: Worker | None = None
    reserver: SliceReserver | None = None
    receipts: ReceiptWorker | None = None
    responder: Responder | None = None
    webhooks: WebhookWorker | None = None
    clicks: ClickWorker | None = None
    # None where the installation wants no numbers looked up.
    finder: Finder | None = None
    follower: ActivityFollower | None = None
    # Of several processes each learns what was written by its heartbeat.
    changes: ChangeFollower | None = None
    scheduled: ScheduledWorker | None = None
    journeys: JourneyEngine | None = None
    hosts: TrackingHosts | None = None
    domains: DomainChecker | None = None
    planner: Planner | None = None
    uploads: UploadService | None = None

    def stages(self) -> list[Any]:
        """Return the workers that end when they are done."""
        stages = (
            self.worker,
            self.receipts,
            self.responder,
            self.webhooks,
            self.clicks,
            self.journeys,
        )
        return [stage for stage in stages if stage is not None]

    def chores(self) -> list[Any]:
        """Return the workers that end when they are cancelled, whatever they do."""
        carriers = {Role.DELIVER, Role.RECEIPTS} & self.roles
        chores = [self.maintenance, *([self.supervisor] if carriers else ())]
        more = (
            self.scheduled,
            self.reserver,
            self.finder,
            self.follower,
            self.changes,
            self.hosts,
            self.domains,
            self.planner,
            self.uploads,
        )
        return [*chores, *(each for each in more if each is not None)]


@asynccontextmanager
async def delivering(
    runtime: Runtime, broken: Callable[[], None], drain: Drain | None = None
) -> AsyncIterator[None]:
    """Do what the process's roles are for as long as the context lasts.

    `broken` is called when one of the workers ends before its time: going on without it would
    accept messages that are not delivered. What ended it is raised at the context's end, which
    takes no longer than the `drain` has left, and what closing takes; `SetupError` where it ended
    without an error, so that a supervisor sees a failure and not a stop.
    """
    drain = drain or Drain(runtime.settings.drain_seconds)
    workers = await make_workers(runtime)
    await _begin(workers, runtime)
    chores = [_started(each) for each in workers.chores()]
    tasks = [*(_started(each) for each in workers.stages()), *chores]
    # Beats until the very end: what is finished while we stop goes to the others at once.
    beating = [_started(workers.member)] if workers.member is not None else []
    early: list[str] = []

    def ended(task: asyncio.Task[None]) -> None:
        if not drain.has_begun():
            _log.error("worker_ended", worker=task.get_name(), cancelled=task.cancelled())
            early.append(task.get_name())
        broken()

    for task in (*tasks, *beating):
        task.add_done_callback(ended)
    try:
        yield
    finally:
        drain.begin()
        await _end(workers, chores, drain)
        await wait_at_most(drain.left() + _ROUNDS_SECONDS, tasks)
        if workers.member is not None:
            await wait_at_most(0.0, beating)
            await wait_at_most(_LEAVE_SECONDS, [asyncio.ensure_future(workers.member.leave())])
    for task in (*tasks, *beating):
        if task.done() and not task.cancelled() and (end := task.exception()) is not None:
            raise end
    if early:
        raise SetupError(
            f"{early[0]} ended without an error, and the process cannot continue without it. Start "
            "it again, and report this bug with the log."
        )


def _started(worker: Any) -> asyncio.Task[None]:
    """Start a worker in a task of its name, as `Pacer` or `Maintenance`."""
    return asyncio.create_task(worker.run(), name=type(worker).__name__)


async def _begin(workers: Workers, runtime: Runtime) -> None:
    if workers.member is None:
        workers.maintenance.watch_disk()
    else:
        await workers.member.begin()
    if workers.rescuer is not None and workers.member is None:
        await workers.rescuer.rescue(runtime.clock.now())
    if workers.roles & {Role.API, Role.RECEIPTS, Role.PLANNER}:
        await runtime.store.write(runtime.intake.fill_window)
    if workers.hosts is not None:
        # Before the first request: the API is not served on a tracking domain.
        await workers.hosts.refresh()
    if workers.roles & {Role.DELIVER, Role.RECEIPTS}:
        await workers.supervisor.open_all()


async def _end(workers: Workers, chores: Collection[asyncio.Task[None]], drain: Drain) -> None:
    if workers.member is not None:
        workers.member.leave_soon()
    # Side by side: a receiver that hangs must not eat the carriers' time, nor they its.
    patient = [each for each in (workers.worker, workers.webhooks) if each is not None]
    await asyncio.gather(*(each.stop(drain.left()) for each in patient))
    for chore in chores:
        chore.cancel()
    closing = asyncio.create_task(workers.supervisor.close())
    if not await wait_at_most(drain.left() + _CONNECTORS_SECONDS, [closing]):
        _log.warning("connectors_cut_off", reason="they did not close in time")
    if workers.receipts is not None:
        workers.receipts.stop()
    if workers.responder is not None:
        workers.responder.stop()
    if workers.clicks is not None:
        workers.clicks.stop()
    if workers.journeys is not None:
        workers.journeys.stop()


async def make_workers(runtime: Runtime) -> Workers:
    """Return the workers of this process's roles, not begun yet; it becomes the owner."""
    roles = roles_of(runtime.settings)
    if runtime.settings.database_url:
        return _share_in(runtime, roles)
    store, clock = runtime.store, runtime.clock
    owner = f"{socket.gethostname()}:{os.getpid()}"
    whole = await store.write(lambda tx: take_whole(tx, owner, clock.now()))
    # A former owner may have sent up to now: no list goes on before a second is over.
    rests_until = 0.0 if whole.is_first else clock.monotonic() + 1.0
    return _make_all(_Wiring(runtime, roles, whole, Pacer(rests_until), rests_until))


def _share_in(runtime: Runtime, roles: frozenset[Role]) -> Workers:
    """Make the workers of a process that shares the work with others."""
    clock = runtime.clock
    member = ClusterMember(
        runtime.store,
        clock,
        runtime.metrics,
        name=name_of(os.getpid(), secrets.randbits(32)),
        roles=roles,
        life_seconds=runtime.settings.lease_seconds,
    )
    pacer = Pacer()
    share = member.share("lanes", LANE_SPANS, Role.DELIVER)
    workers = _make_all(_Wiring(runtime, roles, share, pacer, 0.0, member))
    if workers.worker is not None and workers.rescuer is not None:
        takeover = Takeover(share, workers.rescuer, pacer, workers.worker.look_soon, clock)
        share.on_gained, share.on_lost = takeover.on_gained, takeover.on_lost
    return workers


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What the workers are made from."""

    runtime: Runtime
    roles: frozenset[Role]
    lanes: Ownership
    pacer: Pacer
    rests_until: float
    member: ClusterMember | None = None
    routes: Routes = field(default_factory=Routes)

    def part(self) -> ProcessIndex:
        """Return what of every connector is ours."""
        return (
            ProcessIndex()
            if self.member is None
            else ProcessIndex(*self.member.place(Role.DELIVER))
        )

    def ownership(self, role: Role, kind: str, spans: int = 1) -> Ownership:
        """Return what of one kind of work is ours: a process that is alone owns the whole."""
        return self.lanes if self.member is None else self.member.share(kind, spans, role)


def _make_all(wiring: _Wiring) -> Workers:
    runtime, roles, clock = wiring.runtime, wiring.roles, wiring.runtime.clock
    settings, metrics, ids = runtime.settings, runtime.metrics, runtime.ids
    # Each stage has groups of its own where the store can: none waits for another's rows.
    store = runtime.store.beside()
    policies = _policies(settings)
    expire_after_ms = settings.uncertain_after_seconds * 1000
    rescuer = Rescuer(store, wiring.lanes, ids, metrics, expire_after_ms=expire_after_ms)
    supervisor = ConnectorSupervisor(
        runtime.store,
        wiring.routes,
        runtime.connectors,
        runtime.inbox,
        metrics,
        clock=clock,
        rests_until=wiring.rests_until,
        opens=Role.DELIVER in roles,
        is_shared=wiring.member is not None,
        part=wiring.part,
        process="" if wiring.member is None else wiring.member.name,
    )
    workers = Workers(
        roles=roles,
        supervisor=supervisor,
        maintenance=_make_maintenance(wiring, rescuer),
        member=wiring.member,
        changes=ChangeFollower(runtime.store, clock) if wiring.member is None else None,
    )
    if Role.DELIVER in roles:
        workers.rescuer = rescuer
        workers.worker = _make_worker(wiring, store, policies.troubles)
    if workers.worker is not None and wiring.member is not None:
        workers.reserver = SliceReserver(
            runtime.store, wiring.routes, clock, workers.worker.granted
        )
    if Role.RECEIPTS in roles:
        workers.receipts = ReceiptWorker(
            runtime.store.beside(),
            supervisor.parse,
            ids,
            metrics,
            now=clock.now,
            policies=policies,
        )
        workers.responder = _make_responder(wiring)
    if Role.WEBHOOKS in roles:
        workers.webhooks = _make_webhooks(wiring)
    if roles & {Role.API, Role.CLICKS, Role.DELIVER}:
        # They answer on the tracking domains, or fill them into texts.
        workers.hosts = runtime.tracking.hosts
    if Role.API in roles:
        # Where the dashboard is: what is started there is brought in there.
        workers.uploads = runtime.uploads
    if Role.SCHEDULER in roles:
        _add_scheduler(workers, wiring)
    if Role.PLANNER in roles:
        workers.planner = _make_planner(runtime)
    return workers


def _add_scheduler(workers: Workers, wiring: _Wiring) -> None:
    """Make what waits for a time, and what counts and looks up behind the rest."""
    runtime = wiring.runtime
    workers.domains = _make_checker(wiring)
    workers.scheduled = ScheduledWorker(
        runtime.store, runtime.clock.now, wiring.ownership(Role.SCHEDULER, "scheduled")
    )
    workers.clicks = _make_clicks(wiring)
    workers.journeys = _make_journeys(wiring)
    workers.finder = _make_finder(wiring)
    workers.follower = ActivityFollower(runtime.store, wiring.ownership(Role.SCHEDULER, "activity"))


def _make_planner(runtime: Runtime) -> Planner:
    return Planner(
        runtime.store,
        runtime.intake,
        runtime.limits,
        runtime.openings,
        runtime.clock.now,
        hindrance=runtime.schedules.hindrance,
    )


def _make_responder(wiring: _Wiring) -> Responder:
    runtime = wiring.runtime
    return Responder(
        runtime.store,
        runtime.intake,
        runtime.metrics,
        now=runtime.clock.now,
        ownership=wiring.ownership(Role.RECEIPTS, "answers"),
    )


def _make_maintenance(wiring: _Wiring, rescuer: Rescuer) -> Maintenance:
    runtime = wiring.runtime
    return Maintenance(
        runtime.store,
        runtime.intake,
        rescuer,
        runtime.metrics,
        runtime.settings,
        now=runtime.clock.now,
        ownership=wiring.ownership(Role.SCHEDULER, "chores"),
        is_shared=wiring.member is not None,
    )


def _make_finder(wiring: _Wiring) -> Finder | None:
    runtime = wiring.runtime
    name = runtime.settings.number_lookup
    if name == _NO_LOOKUP:
        return None
    return Finder(
        runtime.store,
        lookup_of(name),
        now=runtime.clock.now,
        ownership=wiring.ownership(Role.SCHEDULER, "look-ups"),
    )


def _make_checker(wiring: _Wiring) -> DomainChecker:
    runtime = wiring.runtime
    return DomainChecker(
        runtime.store,
        runtime.tracking.verifier,
        runtime.metrics,
        now=runtime.clock.now,
        ownership=wiring.ownership(Role.SCHEDULER, "domains"),
    )


def _make_clicks(wiring: _Wiring) -> ClickWorker:
    runtime = wiring.runtime
    return ClickWorker(
        runtime.store.beside(),
        runtime.metrics,
        now=runtime.clock.now,
        ownership=wiring.ownership(Role.SCHEDULER, "clicks"),
        burst_messages_max=runtime.settings.click_burst_messages_max,
    )


def _make_journeys(wiring: _Wiring) -> JourneyEngine:
    runtime = wiring.runtime
    return JourneyEngine(
        runtime.store,
        runtime.intake,
        runtime.metrics,
        clock=runtime.clock,
        ownership=wiring.ownership(Role.SCHEDULER, "journeys", LANE_SPANS),
        limits=runtime.limits,
    )


def _make_worker(wiring: _Wiring, store: Store, troubles: TroublePolicy) -> Worker:
    runtime, settings = wiring.runtime, wiring.runtime.settings
    claimer = Claimer(
        wiring.lanes,
        wiring.routes,
        wiring.pacer,
        runtime.ids,
        runtime.links,
        quiet=QuietHours(runtime.openings),
        stale_after_ms=settings.stale_after_seconds * 1000,
        blocked_words=settings.blocked_words,
    )
    return Worker(
        store,
        claimer,
        wiring.pacer,
        wiring.routes,
        lanes=wiring.lanes,
        metrics=runtime.metrics,
        clock=runtime.clock,
        chance=random.Random(),  # noqa: S311 - it spreads retries, it keeps no secret
        answer_timeout_seconds=settings.answer_timeout_seconds,
        troubles=troubles,
    )


def _make_webhooks(wiring: _Wiring) -> WebhookWorker:
    runtime, settings = wiring.runtime, wiring.runtime.settings
    return WebhookWorker(
        runtime.store.beside(),
        runtime.poster,
        runtime.keyring,
        runtime.ids,
        metrics=runtime.metrics,
        clock=runtime.clock,
        chance=random.Random(),  # noqa: S311 - it spreads retries, it keeps no secret
        concurrency=settings.webhook_concurrency,
        pause_after_ms=settings.webhook_pause_after_seconds * 1000,
        signature_header=settings.webhook_signature_header,
        ownership=wiring.ownership(Role.WEBHOOKS, "webhooks", ENDPOINT_SPANS),
    )


def _policies(settings: Settings) -> Policies:
    scope = Scope(settings.opt_out_scope)
    return Policies(
        replies=ReplyPolicy(
            scope=scope,
            yes_starts=settings.yes_resubscribes,
            abuse=AbuseComplaint(settings.abuse_words),
            answer_pause_ms=settings.auto_reply_pause_seconds * 1000,
            parts_within_ms=settings.reply_parts_seconds * 1000,
        ),
        troubles=TroublePolicy(
            scope=scope,
            times_max=settings.recipient_troubles_max,
            within_ms=settings.recipient_troubles_days * DAY_MS,
        ),
    )

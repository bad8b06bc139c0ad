"""Who works in the delivering process: made from a runtime, begun in order, ended in order."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from sendrail.app import Runtime
from sendrail.caretaker import Caretaker
from sendrail.delivery.claiming import Claimer
from sendrail.delivery.lanes import Lease, take_all
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.rescuer import Rescuer
from sendrail.delivery.routing import Routes
from sendrail.delivery.worker import Worker
from sendrail.domain.consent import Abuse, ReplyPolicy
from sendrail.domain.contact import Scope, TroublePolicy
from sendrail.drain import Drain, wait_at_most
from sendrail.links.switchboard import Switchboard
from sendrail.receipts.apply import Policies
from sendrail.receipts.worker import ReceiptWorker
from sendrail.sending.responder import Responder
from sendrail.settings import Settings
from sendrail.webhooks.worker import WebhookWorker

_log = structlog.get_logger()

_DAY_MS: Final = 86_400_000
# What a stop grants past its deadline; with the settling before, less than `CLOSING_SECONDS`.
_LINKS_SECONDS: Final = 1.0
_ROUNDS_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crew:
    worker: Worker
    rescuer: Rescuer
    switchboard: Switchboard
    receipts: ReceiptWorker
    responder: Responder
    webhooks: WebhookWorker
    caretaker: Caretaker


@asynccontextmanager
async def delivering(
    runtime: Runtime, broken: Callable[[], None], drain: Drain | None = None
) -> AsyncIterator[None]:
    """Deliver, apply receipts and do the chores for as long as the context lasts.

    `broken` is called when one of them ends before its time: going on without it would accept
    messages that nobody delivers. What ended it is raised at the context's end, which takes no
    longer than the `drain` has left, and what closing takes.
    """
    drain = drain or Drain(runtime.settings.drain_seconds)
    crew = await _make_crew(runtime)
    crew.caretaker.watch_disk()
    await crew.rescuer.rescue(runtime.clock.now())
    await runtime.store.write(runtime.sending.fill_window)
    await crew.switchboard.open_all()
    # These two end when they are told to, whatever they are at; the others when they are done.
    chores = [asyncio.create_task(each.run()) for each in (crew.switchboard, crew.caretaker)]
    stages = (crew.worker, crew.receipts, crew.responder, crew.webhooks)
    tasks = [*(asyncio.create_task(each.run()) for each in stages), *chores]
    for task in tasks:
        task.add_done_callback(lambda _: broken())
    try:
        yield
    finally:
        drain.begin()
        # Side by side: a receiver that hangs must not eat the carriers' time, nor they its.
        await asyncio.gather(crew.worker.stop(drain.left()), crew.webhooks.stop(drain.left()))
        for chore in chores:
            chore.cancel()
        closing = asyncio.create_task(crew.switchboard.close())
        if not await wait_at_most(drain.left() + _LINKS_SECONDS, [closing]):
            _log.warning("links_cut_off", reason="they did not close in time")
        crew.receipts.stop()
        crew.responder.stop()
        await wait_at_most(drain.left() + _ROUNDS_SECONDS, tasks)
    for task in tasks:
        if task.done() and not task.cancelled() and (end := task.exception()) is not None:
            raise end


async def _make_crew(runtime: Runtime) -> _Crew:
    store, settings, clock = runtime.store, runtime.settings, runtime.clock
    ids, metrics = runtime.ids, runtime.metrics
    owner = f"{socket.gethostname()}:{os.getpid()}"
    lease = await store.write(lambda tx: take_all(tx, owner, clock.now()))
    # Whoever delivered before may have sent up to now: no list goes on before a second is over.
    rests_until = 0.0 if lease.is_first else clock.monotonic() + 1.0
    routes = Routes()
    switchboard = Switchboard(
        store,
        routes,
        runtime.links,
        runtime.intake,
        metrics,
        clock=clock,
        rests_until=rests_until,
    )
    policies = _policies(settings)
    expire_after_ms = settings.uncertain_after_seconds * 1000
    rescuer = Rescuer(store, lease, ids, metrics, expire_after_ms=expire_after_ms)
    return _Crew(
        worker=_make_worker(runtime, lease, routes, rests_until, policies.troubles),
        rescuer=rescuer,
        switchboard=switchboard,
        receipts=ReceiptWorker(
            store, switchboard.parse, ids, metrics, now=clock.now, policies=policies
        ),
        responder=Responder(store, runtime.sending, metrics, now=clock.now),
        webhooks=_make_webhooks(runtime),
        caretaker=Caretaker(store, runtime.sending, rescuer, metrics, settings, now=clock.now),
    )


def _make_worker(
    runtime: Runtime, lease: Lease, routes: Routes, rests_until: float, troubles: TroublePolicy
) -> Worker:
    settings = runtime.settings
    pacer = Pacer(rests_until)
    claimer = Claimer(
        lease,
        routes,
        pacer,
        runtime.ids,
        stale_after_ms=settings.stale_after_seconds * 1000,
        blocked_words=settings.blocked_words,
    )
    return Worker(
        runtime.store,
        claimer,
        pacer,
        routes,
        lease=lease,
        metrics=runtime.metrics,
        clock=runtime.clock,
        chance=random.Random(),  # noqa: S311 - it spreads retries, it keeps no secret
        answer_timeout_seconds=settings.answer_timeout_seconds,
        troubles=troubles,
    )


def _make_webhooks(runtime: Runtime) -> WebhookWorker:
    settings = runtime.settings
    return WebhookWorker(
        runtime.store,
        runtime.poster,
        runtime.keyring,
        runtime.ids,
        metrics=runtime.metrics,
        clock=runtime.clock,
        chance=random.Random(),  # noqa: S311 - it spreads retries, it keeps no secret
        concurrency=settings.webhook_concurrency,
        pause_after_ms=settings.webhook_pause_after_seconds * 1000,
        signature_header=settings.webhook_signature_header,
    )


def _policies(settings: Settings) -> Policies:
    scope = Scope(settings.opt_out_scope)
    return Policies(
        replies=ReplyPolicy(
            scope=scope,
            yes_starts=settings.yes_resubscribes,
            abuse=Abuse(settings.abuse_words),
            answer_pause_ms=settings.auto_reply_pause_seconds * 1000,
            parts_within_ms=settings.reply_parts_seconds * 1000,
        ),
        troubles=TroublePolicy(
            scope=scope,
            times_max=settings.recipient_troubles_max,
            within_ms=settings.recipient_troubles_days * _DAY_MS,
        ),
    )

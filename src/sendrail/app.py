"""The composition root: settings in, a running installation out.

The only file that names concrete stores and carriers. Everything is handed to whoever needs it by
plain constructor calls; nothing here decides anything else.
"""

import asyncio
import os
import random
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sendrail.caretaker import Caretaker
from sendrail.carriers.registry import open_carrier
from sendrail.carriers.sdk import Carrier, LinkContext
from sendrail.carriers.simulator import wire
from sendrail.clock import Clock, SystemClock
from sendrail.delivery.claiming import Claimer
from sendrail.delivery.lanes import take_all
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.rescuer import Rescuer
from sendrail.delivery.routing import Route, Routes
from sendrail.delivery.worker import Worker
from sendrail.domain.consent import Abuse, ReplyPolicy
from sendrail.domain.contact import Scope, TroublePolicy
from sendrail.domain.delivery import Outbound
from sendrail.domain.errors import CarrierTrouble, SendrailError, SetupError
from sendrail.domain.ids import AccountId, LinkId, MessageId, MessageIds
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.phone import PhoneNumber, show
from sendrail.domain.receipt import Callback
from sendrail.domain.sender import Link, OnUncertain
from sendrail.domain.webhook import Event
from sendrail.marketing.blocks import BlockService
from sendrail.marketing.contacts import ContactService
from sendrail.marketing.journeys import JourneyService
from sendrail.marketing.lists import ListService
from sendrail.marketing.replies import ReplyService
from sendrail.receipts.apply import Policies
from sendrail.receipts.intake import Intake
from sendrail.receipts.worker import ReceiptWorker
from sendrail.sending.accounts import AccountService
from sendrail.sending.duplicates import DuplicateWindow
from sendrail.sending.lookup import MessageService
from sendrail.sending.orders import Limits
from sendrail.sending.responder import Responder
from sendrail.sending.service import Sending
from sendrail.sending.verdicts import Refused
from sendrail.settings import Settings
from sendrail.storage.interface import Store, Tx
from sendrail.storage.open import Folder, open_store
from sendrail.storage.sealing import KEY_BYTES
from sendrail.telemetry import Metrics
from sendrail.webhooks.guard import Rules
from sendrail.webhooks.keyring import Keyring
from sendrail.webhooks.listener import Listener
from sendrail.webhooks.poster import Poster
from sendrail.webhooks.service import WebhookService
from sendrail.webhooks.worker import WebhookWorker

SANDBOX_LINK: Final = "sandbox"
# In the fictional 555 area code, outside the simulator's magic block.
SANDBOX_NUMBER: Final = PhoneNumber(15550001000)
# Outside the magic block as well; the simulator delivers to such a one at once.
_HANDSET: Final = PhoneNumber(15550001001)
_NO_CHECKS: Final = sum(Skip)
# A token (RFC 9110, 5.6.2).
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_SANDBOX_WINDOW: Final = 500
_SIMULATOR: Final = "simulator"
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The services of one process: what API, command line and workers are given."""

    settings: Settings
    clock: Clock
    store: Store
    ids: MessageIds
    metrics: Metrics
    limits: Limits
    accounts: AccountService
    lists: ListService
    contacts: ContactService
    replies: ReplyService
    blocks: BlockService
    journeys: JourneyService
    sending: Sending
    messages: MessageService
    intake: Intake
    keyring: Keyring
    poster: Poster
    webhooks: WebhookService
    default_account: AccountId


@asynccontextmanager
async def open_runtime(settings: Settings, *, serving: bool = False) -> AsyncIterator[Runtime]:
    """Open an installation, making it first where there is none.

    `serving` takes the folder's lock for the one process that delivers. Raises `SetupError` and
    `StorageUnavailable` with what to do about it.
    """
    folder = Folder(settings.data_dir)
    folder.prepare()
    if serving:
        folder.lock()
    try:
        metrics = Metrics()
        store = open_store(folder, metrics.committed)
        try:
            if serving:
                store.start_checkpoints()
            async with aclosing(Poster(_rules(settings))) as poster:
                yield await _wire(settings, folder, store, metrics, poster)
        finally:
            await store.close()
    finally:
        folder.unlock()


async def _wire(
    settings: Settings, folder: Folder, store: Store, metrics: Metrics, poster: Poster
) -> Runtime:
    clock = SystemClock()
    ids = MessageIds(folder.key("message-id"))
    keyring = Keyring(folder.key("webhook-secrets", KEY_BYTES))
    account = await store.write(lambda tx: _first_run(tx, settings, clock.now()))
    sending = Sending(
        store,
        ids,
        metrics,
        now=clock.now,
        window=DuplicateWindow(settings.duplicate_window_seconds * 1000),
        blocked_words=settings.blocked_words,
        waiting_max=settings.waiting_max,
    )
    return Runtime(
        settings=settings,
        clock=clock,
        store=store,
        ids=ids,
        metrics=metrics,
        limits=Limits(segments_max=settings.segments_max, characters_max=settings.characters_max),
        accounts=AccountService(store, clock.now),
        lists=ListService(
            store, clock.now, settings.default_list_rate, Scope(settings.opt_out_scope)
        ),
        contacts=ContactService(store, clock.now),
        replies=ReplyService(store),
        blocks=BlockService(store, clock.now),
        journeys=JourneyService(store, clock.now),
        sending=sending,
        messages=MessageService(store, ids),
        intake=Intake(store, metrics, clock.now),
        keyring=keyring,
        poster=poster,
        webhooks=WebhookService(
            store,
            poster,
            keyring,
            ids,
            rules=_rules(settings),
            signature_header=_signature_header(settings),
            now=clock.now,
        ),
        default_account=account,
    )


def _rules(settings: Settings) -> Rules:
    return Rules.parse(
        allow_http=settings.webhook_allow_http,
        ports=settings.webhook_ports,
        networks=settings.webhook_allow_networks,
        denied_hosts=settings.webhook_deny_hosts,
    )


def _signature_header(settings: Settings) -> str:
    header = settings.webhook_signature_header
    if not _HEADER_NAME(header):
        raise SetupError(
            f"Setting webhook_signature_header: {header!r} is no header's name, such as "
            "X-Trackly-Signature."
        )
    return header


def _first_run(tx: Tx, settings: Settings, now: int) -> AccountId:
    """Return the first account, made with its sandbox where there is none yet."""
    if accounts := tx.accounts.all():
        return accounts[0].id
    account = tx.accounts.add("default", now)
    link = tx.links.add(None, SANDBOX_LINK, _SIMULATOR, {}, _SANDBOX_WINDOW, None)
    tx.lists.add(
        account,
        SANDBOX_NUMBER,
        name="Sandbox",
        brand="Sandbox",
        rate=settings.default_list_rate,
        link_id=link,
        byoc=False,
        on_uncertain=OnUncertain.HOLD,
        now=now,
    )
    return account


@dataclass(frozen=True, slots=True)
class _Crew:
    """Who works in the delivering process."""

    worker: Worker
    rescuer: Rescuer
    receipts: ReceiptWorker
    responder: Responder
    webhooks: WebhookWorker
    caretaker: Caretaker
    routes: Routes


@asynccontextmanager
async def delivering(runtime: Runtime, broken: Callable[[], None]) -> AsyncIterator[None]:
    """Deliver, apply receipts and do the chores for as long as the context lasts.

    `broken` is called when one of them ends before its time: going on without it would accept
    messages that nobody delivers. What ended it is raised at the context's end.
    """
    crew = await _make_crew(runtime)
    crew.caretaker.watch_disk()
    await crew.rescuer.rescue(runtime.clock.now())
    await runtime.store.write(runtime.sending.fill_window)
    for route in crew.routes.all():
        await route.carrier.start(_deliver(runtime.intake, route.link.id))
    work = (
        crew.worker.run(),
        crew.receipts.run(),
        crew.responder.run(),
        crew.webhooks.run(),
        crew.caretaker.run(),
    )
    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(lambda _: broken())
    try:
        yield
    finally:
        await crew.worker.stop(runtime.settings.drain_seconds)
        for route in crew.routes.all():
            await route.carrier.stop()
        crew.receipts.stop()
        crew.responder.stop()
        await crew.webhooks.stop(runtime.settings.drain_seconds)
        tasks[-1].cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _make_crew(runtime: Runtime) -> _Crew:
    store, settings, clock, metrics = (
        runtime.store,
        runtime.settings,
        runtime.clock,
        runtime.metrics,
    )
    owner = f"{socket.gethostname()}:{os.getpid()}"
    lease = await store.write(lambda tx: take_all(tx, owner, clock.now()))
    links = await store.read(lambda tx: tx.links.all())
    # Whoever delivered before may have sent up to now: no list goes on before a second is over.
    rests_until = 0.0 if lease.is_first else clock.monotonic() + 1.0
    routes = Routes([Route(link, _carrier(link, settings, clock), rests_until) for link in links])
    pacer = Pacer(rests_until)
    claimer = Claimer(
        lease,
        routes,
        pacer,
        runtime.ids,
        stale_after_ms=settings.stale_after_seconds * 1000,
        blocked_words=settings.blocked_words,
    )
    policies = _policies(settings)
    worker = Worker(
        store,
        claimer,
        pacer,
        routes,
        lease=lease,
        metrics=metrics,
        clock=clock,
        chance=random.Random(),  # noqa: S311 - it spreads retries, it keeps no secret
        answer_timeout_seconds=settings.answer_timeout_seconds,
        troubles=policies.troubles,
    )
    expire_after_ms = settings.uncertain_after_seconds * 1000
    rescuer = Rescuer(store, lease, runtime.ids, metrics, expire_after_ms=expire_after_ms)
    receipts = ReceiptWorker(
        store, _parser(routes), runtime.ids, metrics, now=clock.now, policies=policies
    )
    responder = Responder(store, runtime.sending, metrics, now=clock.now)
    caretaker = Caretaker(store, runtime.sending, rescuer, metrics, settings, now=clock.now)
    webhooks = WebhookWorker(
        store,
        runtime.poster,
        runtime.keyring,
        runtime.ids,
        metrics=metrics,
        clock=clock,
        chance=random.Random(),  # noqa: S311 - it spreads retries, it keeps no secret
        concurrency=settings.webhook_concurrency,
        pause_after_ms=settings.webhook_pause_after_seconds * 1000,
        signature_header=settings.webhook_signature_header,
    )
    return _Crew(worker, rescuer, receipts, responder, webhooks, caretaker, routes)


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


def _carrier(link: Link, settings: Settings, clock: Clock) -> Carrier:
    given = dict(link.settings)
    if link.kind == _SIMULATOR and settings.simulator_handsets:
        given["handsets"] = settings.simulator_handsets
    return open_carrier(link.kind, given, LinkContext(name=link.name, clock=clock))


def _parser(routes: Routes) -> Any:
    def parse(link_id: LinkId, raw: bytes) -> Sequence[Callback]:
        route = routes.of(link_id)
        if route is None:
            raise CarrierTrouble(f"link {link_id} is not open here")
        return route.carrier.parse(raw)

    return parse


def _deliver(intake: Intake, link_id: LinkId) -> Any:
    async def deliver(raws: Sequence[bytes]) -> None:
        await intake.put(link_id, raws)

    return deliver


def listener(runtime: Runtime) -> Listener:
    """Return a listener to the events of the default account, not begun yet."""
    return Listener(
        runtime.store,
        runtime.ids,
        account_id=runtime.default_account,
        signature_header=runtime.settings.webhook_signature_header,
        now=runtime.clock.now,
    )


async def trigger(runtime: Runtime, event: Event) -> None:
    """Make something happen in the sandbox of which customers are told; a server must run.

    The event goes the whole way: a message through the gate, the simulator and its receipt, or a
    handset's reply through the inbox.
    """
    if event is Event.DELIVERY:
        order = Order(_HANDSET, SANDBOX_NUMBER, "A test by sendrail trigger", _NO_CHECKS)
        [verdict] = await runtime.sending.accept(runtime.default_account, [order])
        if isinstance(verdict, Refused):
            raise SendrailError(verdict.text, code=verdict.code, param=verdict.param)
        return
    links = await runtime.store.read(lambda tx: tx.links.all())
    [sandbox] = [link for link in links if link.name == SANDBOX_LINK]
    body = "STOP" if event is Event.UNSUBSCRIBE else "A test by sendrail trigger"
    sent = Outbound(
        message_id=MessageId(""),
        recipient=_HANDSET,
        sender=SANDBOX_NUMBER,
        body="",
        encoding="gsm7",
        segments=1,
    )
    await runtime.intake.put(sandbox.id, [wire.reply(sent, body)])


def sandbox_number() -> str:
    """Return the sandbox list's number as the API speaks it."""
    return show(SANDBOX_NUMBER)

"""The composition root: settings in, a running installation out.

The only file that names concrete stores and carriers. Everything is handed to whoever needs it by
plain constructor calls; nothing here decides anything else.
"""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sendrail.caretaker import Caretaker
from sendrail.carriers.registry import kind_of, kinds
from sendrail.clock import Clock, SystemClock
from sendrail.delivery.claiming import Claimer
from sendrail.delivery.lanes import take_all
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.rescuer import Rescuer
from sendrail.delivery.routing import Routes
from sendrail.delivery.worker import Worker
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.phone import PhoneNumber, show
from sendrail.domain.sender import OnUncertain
from sendrail.links.callbacks import CallbackDesk
from sendrail.links.service import LinkService, add_link
from sendrail.links.switchboard import Switchboard
from sendrail.links.vault import Vault
from sendrail.links.verification import VerificationService
from sendrail.marketing.blocks import BlockService
from sendrail.marketing.contacts import ContactService
from sendrail.marketing.journeys import JourneyService
from sendrail.marketing.lists import ListService
from sendrail.receipts.intake import Intake
from sendrail.receipts.worker import ReceiptWorker
from sendrail.sending.accounts import AccountService
from sendrail.sending.duplicates import DuplicateWindow
from sendrail.sending.lookup import MessageService
from sendrail.sending.orders import Limits
from sendrail.sending.service import Sending
from sendrail.settings import Settings
from sendrail.storage.interface import Store, Tx
from sendrail.storage.open import Folder, open_store
from sendrail.storage.sealing import KEY_BYTES
from sendrail.telemetry import Metrics

SANDBOX_LINK: Final = "sandbox"
# In the fictional 555 area code, outside the simulator's magic block.
SANDBOX_NUMBER: Final = PhoneNumber(15550001000)
_SANDBOX_WINDOW: Final = 500
_SIMULATOR: Final = "simulator"


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
    blocks: BlockService
    journeys: JourneyService
    sending: Sending
    messages: MessageService
    intake: Intake
    links: LinkService
    callbacks: CallbackDesk
    verification: VerificationService
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
            ids = MessageIds(folder.key("message-id"))
            yield await _wire(settings, store, ids, metrics, folder)
        finally:
            await store.close()
    finally:
        folder.unlock()


async def _wire(
    settings: Settings, store: Store, ids: MessageIds, metrics: Metrics, folder: Folder
) -> Runtime:
    clock = SystemClock()
    vault = Vault(folder.key("sealing", KEY_BYTES))
    account = await store.write(lambda tx: _first_run(tx, settings, vault, clock.now()))
    limits = Limits(segments_max=settings.segments_max, characters_max=settings.characters_max)
    intake = Intake(store, metrics, clock.now)
    links = LinkService(
        store,
        vault,
        kinds,
        kind_of,
        clock=clock,
        public_url=settings.public_url,
        is_served=folder.is_served,
        given=_given(settings),
    )
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
        limits=limits,
        accounts=AccountService(store, clock.now),
        lists=ListService(store, clock.now, settings.default_list_rate),
        contacts=ContactService(store, clock.now),
        blocks=BlockService(store, clock.now),
        journeys=JourneyService(store, clock.now),
        sending=sending,
        messages=MessageService(store, ids),
        intake=intake,
        links=links,
        callbacks=CallbackDesk(store, links, intake, metrics, clock),
        verification=VerificationService(store, links, sending, ids, limits=limits, now=clock.now),
        default_account=account,
    )


def _given(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what the installation's settings add to the links of a kind."""
    if not settings.simulator_handsets:
        return {}
    return {_SIMULATOR: {"handsets": settings.simulator_handsets}}


def _first_run(tx: Tx, settings: Settings, vault: Vault, now: int) -> AccountId:
    """Return the first account, made with its sandbox where there is none yet."""
    vault.open_house(tx, now)
    if accounts := tx.accounts.all():
        return accounts[0].id
    account = tx.accounts.add("default", now)
    link = add_link(tx, vault, None, SANDBOX_LINK, _SIMULATOR, {}, now, _SANDBOX_WINDOW)
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
    caretaker: Caretaker
    switchboard: Switchboard


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
    await crew.switchboard.open_all()
    work = (crew.worker.run(), crew.receipts.run(), crew.switchboard.run(), crew.caretaker.run())
    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(lambda _: broken())
    try:
        yield
    finally:
        await crew.worker.stop(runtime.settings.drain_seconds)
        tasks[2].cancel()
        await crew.switchboard.close()
        crew.receipts.stop()
        tasks[3].cancel()
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
    pacer = Pacer(rests_until)
    claimer = Claimer(
        lease,
        routes,
        pacer,
        runtime.ids,
        stale_after_ms=settings.stale_after_seconds * 1000,
        blocked_words=settings.blocked_words,
    )
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
    )
    expire_after_ms = settings.uncertain_after_seconds * 1000
    rescuer = Rescuer(store, lease, runtime.ids, metrics, expire_after_ms=expire_after_ms)
    receipts = ReceiptWorker(store, switchboard.parse, runtime.ids, metrics, now=clock.now)
    caretaker = Caretaker(store, runtime.sending, rescuer, metrics, settings, now=clock.now)
    return _Crew(worker, rescuer, receipts, caretaker, switchboard)


def sandbox_number() -> str:
    """Return the sandbox list's number as the API speaks it."""
    return show(SANDBOX_NUMBER)

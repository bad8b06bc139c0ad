"""A road to test on: a real store, a clock we own, and a carrier that reads a script.

The event loop runs on the owned clock: where it would sleep, the clock jumps. So minutes of pacing,
back-off and time-outs pass in milliseconds, and the same way each time. What differs from database
to database stands in `grounds.py`.
"""

import asyncio
import pickle
import random
from collections import defaultdict, deque

import pytest
from grounds import GROUNDS, NOW, OwnClock, OwnLoop
from sqlalchemy import insert, select

from sendrail.changes import ChangeFollower
from sendrail.contacts.number_places import place_of
from sendrail.delivery.claiming import Claimer
from sendrail.delivery.pacer import Pacer
from sendrail.delivery.quiet import QuietHours
from sendrail.delivery.rescuer import Rescuer
from sendrail.delivery.routing import Route, Routes
from sendrail.delivery.worker import Worker
from sendrail.domain import sender_ids
from sendrail.domain.contact import OptOutReason
from sendrail.domain.delivery import Submitted
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageIds, lane_of
from sendrail.domain.message import Skip
from sendrail.domain.order import Order
from sendrail.domain.quiet_hours import OpeningTable, QuietRules
from sendrail.domain.sender import OnUncertain
from sendrail.domain.short_ids import ShortIds
from sendrail.intake.links import LinkBinder
from sendrail.intake.lookup import MessageService
from sendrail.intake.orders import Limits
from sendrail.intake.responder import Responder
from sendrail.intake.service import Intake
from sendrail.links.domains import LinkHost
from sendrail.links.texts import LinkTexts
from sendrail.ownership import WholeOwnership, take_whole
from sendrail.receipts.apply import Policies
from sendrail.receipts.inbox import CallbackInbox
from sendrail.receipts.worker import ReceiptWorker
from sendrail.storage.pipeline.lookup import MessageFilter
from sendrail.storage.tables import lists
from sendrail.telemetry import Metrics

STALE_MS = 30 * 60_000
EXPIRE_MS = 4 * 3_600_000
ANSWER_SECONDS = 30.0
LINKS_URL = "http://t.example"


class OneDomain:
    """The tracking domain of every list, while there is one."""

    def __init__(self):
        self.host = LinkHost(f"{LINKS_URL}/")

    def host_of(self, _tx, _sender):
        return self.host


class ScriptedCarrier:
    """Takes every message, unless the script of its recipient says otherwise.

    A script is a queue of steps: an outcome, a number (seconds until the next step), None (no
    answer, ever) or an exception to raise.
    """

    def __init__(self, clock):
        self._clock = clock
        self.script = defaultdict(deque)
        self.taken = []
        self.reports = []
        self.gate = None

    def will(self, recipient, *steps):
        self.script[recipient].extend(steps)

    async def start(self, deliver):
        self.deliver = deliver

    async def submit(self, messages, report):
        self.reports.append(report)
        await asyncio.gather(*(self._one(message, report) for message in messages))

    async def _one(self, message, report):
        self.taken.append((self._clock.monotonic(), message))
        reference = f"ref-{len(self.taken)}"
        if self.gate is not None:
            await self.gate.wait()
        steps = self.script[message.recipient]
        step = steps.popleft() if steps else Submitted(reference)
        while isinstance(step, int | float):
            await asyncio.sleep(step)
            step = steps.popleft()
        if isinstance(step, Exception):
            raise step
        if step is None:
            await asyncio.Event().wait()
        report(message, step)

    def parse(self, raw):
        if raw == b"nonsense":
            raise CarrierTrouble("this makes no sense")
        return pickle.loads(raw)

    async def stop(self):
        pass

    async def report(self, outcome, index=-1):
        """Answer a message that was taken, whatever was said of it before."""
        self.reports[index](self.taken[index][1], outcome)

    @property
    def messages(self):
        return [message for _, message in self.taken]

    @property
    def recipients(self):
        return [message.recipient for _, message in self.taken]

    def times(self, sender):
        return [at for at, message in self.taken if message.sender == sender.shown]


class Road:
    """One installation: an account, a connector, and everything from the gate to the receipt."""

    def __init__(
        self,
        ground,
        *,
        window=500,
        mps=None,
        segments=None,
        stale_after_ms=STALE_MS,
        policies=None,
    ):
        self.ground = ground
        self.clock = OwnClock()
        self.runner = asyncio.Runner(loop_factory=lambda: OwnLoop(self.clock, ground.calls))
        self.ids = MessageIds(bytes(range(16)))
        self.short_ids = ShortIds(bytes(range(16)))
        self.domains = OneDomain()
        self.links = LinkTexts(self.short_ids, ground.open_slots(), self.domains)
        self.stale_after_ms = stale_after_ms
        self.blocked_words = ""
        self.quiet_rules = QuietRules({})
        self.policies = policies or Policies()
        self.carriers = {}
        self.alive = self.following = None
        # A test of single milliseconds sets this to False: each change it notices costs some.
        self.follows_changes = True
        self.is_closed = False
        self.store = ground.open()
        self.metrics = Metrics()
        self.account = self.write(lambda tx: tx.accounts.add("us", NOW))
        self.connector = self.add_connector(window=window, mps=mps, segments=segments)
        self._numbers = iter(range(15550001000, 15559999999))
        self.intake = self.open_intake()

    # Doing

    def do(self, work):
        """Run it to its end, and whatever call of the database is under way then."""

        async def run():
            self.ground.calls.go_on()
            try:
                return await work
            finally:
                await self.ground.calls.rest()

        return self.runner.run(run())

    def write(self, work):
        return self.do(self.store.write(work))

    def read(self, work):
        return self.do(self.store.read(work))

    def sql(self, text, *values):
        """Look behind the door."""
        return self.store.sql(text, *values)

    def statements(self, work):
        """Return the statements that the writing connection runs meanwhile, each in one line."""
        ran = []
        stop = self.store.trace(ran.append)
        try:
            work()
        finally:
            stop()
        return [" ".join(each.split()) for each in ran]

    def close(self):
        if self.is_closed:
            return
        self.is_closed = True
        if self.alive is not None:
            self.stop_all()
        if not self.store.dead:
            self.do(self.store.close())
        # A few turns more, in which a killed store's connections go.
        self.do(asyncio.sleep(0.01))
        self.runner.close()

    # Setting up

    def add_connector(self, *, window=500, mps=None, segments=None):
        connector_id = self.write(
            lambda tx: tx.connectors.add(
                None, f"connector-{len(self.carriers)}", "script", b"", window, mps, segments
            )
        )
        self.carriers[connector_id] = ScriptedCarrier(self.clock)
        return connector_id

    @property
    def carrier(self):
        return self.carriers[self.connector]

    def add_list(
        self,
        sends_from="",
        *,
        rate=60_000,
        connector=None,
        account=None,
        byoc=False,
        on_uncertain=OnUncertain.HOLD,
    ):
        account = account or self.account
        number = sender_ids.parse(sends_from) if sends_from else next(self._numbers)

        def add(tx):
            tx.lists.add(
                account,
                number,
                name="News",
                brand="News",
                rate=rate,
                connector_id=connector or self.connector,
                byoc=byoc,
                on_uncertain=on_uncertain,
                now=self.clock.now(),
                sender_name=sender_ids.text_beside(sends_from),
            )
            return tx.lists.find(account, number)

        return self.write(add)

    def add_lists(self, count, **about):
        """Add many lists that are alike, where ids may be chosen: they are copies of one."""
        first = self.add_list(**about)
        ids = range(first.id, first.id + count)

        def add(tx):
            [row] = tx.core.execute(select(lists).where(lists.c.id == first.id)).mappings()
            copies = [
                dict(row, id=each, lane=lane_of(each), number=next(self._numbers))
                for each in ids[1:]
            ]
            tx.core.execute(insert(lists), copies)
            return [each for each in tx.lists.all(first.account_id) if each.id in ids]

        return self.write(add)

    def change_list(self, sender, **values):
        self.write(lambda tx: tx.lists.change(sender.account_id, sender.id, **values))

    def unsubscribe(self, sender, recipient):
        self.write(
            lambda tx: tx.contacts.unsubscribe(
                sender.id,
                recipient,
                OptOutReason.API,
                source="test",
                evidence="",
                now=self.clock.now(),
            )
        )

    def block(self, recipient):
        self.write(lambda tx: tx.blocks.add(self.account, [(recipient, "")], self.clock.now()))

    # Sending

    def open_intake(self, *, window_ms=300_000, waiting_max=2_000, store=None):
        return Intake(
            store or self.store,
            self.ground.open_acceptor(self.ids, window_ms),
            self.ids,
            self.metrics,
            now=self.clock.now,
            blocked_words=self.blocked_words,
            waiting_max=waiting_max,
            links=LinkBinder(self.links, Limits(segments_max=10, characters_max=1_600)),
        )

    @staticmethod
    def order(sender, recipient, body="Hello", skips=Skip.NONE, **more):
        return Order(recipient, sender.number, body, int(skips), **more)

    def accept(self, *orders, account=None):
        return self.do(self.intake.accept(account or self.account, orders))

    def send(self, sender, *recipients, body="Hello", skips=Skip.NONE):
        """Queue one message to each; return their ids."""
        told = self.accept(
            *(self.order(sender, each, body, skips) for each in recipients),
            account=sender.account_id,
        )
        return [verdict.message_id for verdict in told]

    def look_up(self, message_id):
        """Return a message as its caller sees it."""
        service = MessageService(self.store, self.ids, self.links, self.openings(), self.clock.now)
        return self.do(service.find(self.account, message_id))

    def openings(self):
        return OpeningTable(self.quiet_rules, place_of)

    # Delivering

    def open_delivery(self):
        """Become the owner of all lanes, as a process does that has just started."""
        self.lease = self.write(lambda tx: take_whole(tx, "us", self.clock.now()))
        connectors = self.read(lambda tx: tx.connectors.all())
        rests_until = 0.0 if self.lease.is_first else self.clock.monotonic() + 1.0
        self.routes = Routes(
            [Route(connector, self.carriers[connector.id], rests_until) for connector in connectors]
        )
        self.pacer = Pacer(rests_until)
        claimer = Claimer(
            self.lease,
            self.routes,
            self.pacer,
            self.ids,
            self.links,
            quiet=QuietHours(self.openings()),
            stale_after_ms=self.stale_after_ms,
            blocked_words=self.blocked_words,
        )
        self.worker = Worker(
            self.store,
            claimer,
            self.pacer,
            self.routes,
            lanes=self.lease,
            metrics=self.metrics,
            clock=self.clock,
            chance=random.Random(7),
            answer_timeout_seconds=ANSWER_SECONDS,
            troubles=self.policies.troubles,
        )
        self.rescuer = Rescuer(
            self.store, self.lease, self.ids, self.metrics, expire_after_ms=EXPIRE_MS
        )
        self.inbox = CallbackInbox(self.store, self.metrics, self.clock.now)
        self.receipts = ReceiptWorker(
            self.store,
            lambda connector_id, raw: self.carriers[connector_id].parse(raw),
            self.ids,
            self.metrics,
            now=self.clock.now,
            policies=self.policies,
        )
        self.responder = self.open_responder()

    def open_responder(self):
        return Responder(
            self.store, self.intake, self.metrics, now=self.clock.now, ownership=WholeOwnership()
        )

    def start_all(self):
        """Let the workers run whenever the loop does."""
        self.open_delivery()

        async def start():
            self.follow()
            work = (self.worker.run(), self.receipts.run(), self.responder.run())
            return [asyncio.create_task(each) for each in work]

        self.alive = self.do(start())

    def follow(self):
        """Let the workers rest until something is written, as they do in a process.

        Without it each looks for itself, twice in every second that a test lets pass.
        """
        if self.follows_changes and self.following is None:
            follower = ChangeFollower(self.store, self.clock)
            self.following = asyncio.create_task(follower.run())

    async def end_following(self):
        """Let each worker look for itself again."""
        following, self.following = self.following, None
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def pass_time(self, seconds):
        self.do(asyncio.sleep(seconds))
        for task in self.alive or ():
            assert not task.done(), f"a worker ended: {task}"

    def stop_all(self):
        tasks, self.alive = self.alive, None

        async def stop():
            await self.worker.stop(1.0)
            self.receipts.stop()
            self.responder.stop()
            await asyncio.gather(*tasks)
            await self.end_following()

        self.do(stop())

    def deliver(self, seconds=5.0):
        """Run everything for a while."""
        if self.alive is None:
            self.start_all()
        self.pass_time(seconds)

    def callback(self, *callbacks, connector=None):
        """Let the carrier call back; each callback comes raw, and a list is one that says all."""
        said = [each if isinstance(each, bytes | list) else [each] for each in callbacks]
        raws = [each if isinstance(each, bytes) else pickle.dumps(each) for each in said]
        self.do(self.inbox.put(connector or self.connector, raws))

    # Seeing

    def find(self, message_id, account=None):
        number = self.ids.read(message_id)
        return self.read(lambda tx: tx.lookup.find(account or self.account, number))

    def fate(self, message_id):
        found = self.find(message_id)
        own = found.provider_detail
        return (found.status.value, f"{found.detail} ({own})" if own else found.detail)

    def fates(self, message_ids):
        return [self.fate(message_id) for message_id in message_ids]

    def listed(self, *status):
        page = self.read(
            lambda tx: tx.lookup.page(self.account, MessageFilter(status=status), 0, 10_000)
        )
        return [self.ids.show(message.number) for message in page.messages]

    def counted(self, name, **labels):
        """Return a metric's value."""
        return self.metrics.registry.get_sample_value(f"sendrail_{name}", labels) or 0


@pytest.fixture(params=GROUNDS)
def ground(request):
    """The database that the roads of a test lie on."""
    return GROUNDS[request.param]


@pytest.fixture
def make_road(tmp_path, ground):
    roads = []

    def make(**settings):
        roads.append(Road(ground(tmp_path, len(roads)), **settings))
        return roads[-1]

    yield make
    for road in roads:
        road.close()


@pytest.fixture
def road(make_road):
    return make_road()

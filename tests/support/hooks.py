"""The webhooks of a road: endpoints on its store, and a receiver that reads a script."""

import asyncio
import json
import random
from collections import defaultdict, deque
from dataclasses import dataclass

from sendrail.domain.webhook import Acknowledged
from sendrail.ownership import WholeOwnership
from sendrail.webhooks.guard import Rules
from sendrail.webhooks.keyring import Keyring
from sendrail.webhooks.service import WebhookService
from sendrail.webhooks.worker import WebhookWorker

KEY = bytes(range(32))
HEADER = "X-Trackly-Signature"
PAUSE_MS = 24 * 3_600_000
WHOLE = WholeOwnership()


@dataclass
class Posted:
    """One POST as a receiver got it."""

    at: float
    url: str
    body: bytes
    headers: dict

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def event(self):
        return json.loads(self.body)


class ScriptedReceiver:
    """Answers every POST with 200, unless the script of its URL says otherwise.

    A script is a queue of answers, of numbers (seconds until the next step) or of exceptions;
    `always` holds what a URL answers when its script is over.
    """

    def __init__(self, clock):
        self._clock = clock
        self.script = defaultdict(deque)
        self.always = {}
        self.posts = []
        self.under_way = defaultdict(int)
        self.most_under_way = defaultdict(int)

    def will(self, url, *steps):
        self.script[url].extend(steps)

    async def post(self, url, body, signature, now):  # noqa: ARG002 - as the real one
        self.posts.append(Posted(self._clock.monotonic(), url, body, signature))
        self.under_way[url] += 1
        self.most_under_way[url] = max(self.most_under_way[url], self.under_way[url])
        try:
            return await self._answer(url)
        finally:
            self.under_way[url] -= 1

    async def _answer(self, url):
        steps = self.script[url] or deque(self.always.get(url, ()))
        while steps:
            step = steps.popleft()
            if isinstance(step, Exception):
                raise step
            if not isinstance(step, int | float):
                return step
            await asyncio.sleep(step)
        return Acknowledged(200, "ok")

    def of(self, url):
        return [post for post in self.posts if post.url == url]


class Hooks:
    """The webhooks of one road."""

    def __init__(self, road):
        self.road = road
        self.receiver = ScriptedReceiver(road.clock)
        self.keyring = Keyring(KEY)
        self.service = WebhookService(
            road.store,
            self.receiver,
            self.keyring,
            road.ids,
            rules=Rules(),
            signature_header=HEADER,
            now=road.clock.now,
        )
        self.alive = None

    def add(self, url="https://example.com/hook", account=None, **more):
        """Add an endpoint; return it with its secret."""
        return self.road.do(self.service.add(account or self.road.account, url, **more))

    def ask(self, name, /, *values, account=None, **more):
        """Call a method of the service for an account, ours by default."""
        work = getattr(self.service, name)
        return self.road.do(work(account or self.road.account, *values, **more))

    def open(self, *, concurrency=8, pause_after_ms=PAUSE_MS, ownership=WHOLE):
        self.worker = WebhookWorker(
            self.road.store,
            self.receiver,
            self.keyring,
            self.road.ids,
            metrics=self.road.metrics,
            clock=self.road.clock,
            chance=random.Random(7),
            concurrency=concurrency,
            pause_after_ms=pause_after_ms,
            signature_header=HEADER,
            ownership=ownership,
        )
        return self.worker

    def start(self, *, watched=False, **settings):
        """Start the worker; `watched`, it rests long, as where a watcher tells of each write."""
        worker = self.open(**settings)
        self.road.store.hints.is_watched = watched

        async def start():
            if not watched:
                self.road.follow()
            return asyncio.create_task(worker.run())

        self.alive = self.road.do(start())

    def pass_time(self, seconds):
        if self.alive is None:
            self.start()
        self.road.do(asyncio.sleep(seconds))
        assert not self.alive.done(), self.alive

    def stop(self):
        task, self.alive = self.alive, None

        async def stop():
            await self.worker.stop(1.0)
            await task
            if self.road.alive is None:
                await self.road.end_following()

        self.road.do(stop())

    def outbox(self):
        """Return kind, reference and endpoint of every event there is."""
        return self.road.sql("SELECT kind, ref, endpoint_id FROM outbox ORDER BY id")

    def make_events(self, count, *, endpoint_id, first=1):
        """Put events of ended messages into the outbox at once."""
        road, now = self.road, self.road.clock.now()
        sender = road.add_list()
        numbers = [road.ground.number(n) for n in range(first, first + count)]
        road.store.sql_many(
            "INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at,"
            " status, attempt, epoch, skips, resent, segments, encoding, body, ended_at)"
            " VALUES (?, 0, ?, ?, ?, ?, 'delivered', 1, 1, 0, 0, 1, 'gsm7', 'x', ?)",
            [
                (number, road.account, sender.id, 15550100000 + n, now, now)
                for n, number in enumerate(numbers, first)
            ],
        )
        road.store.tell(endpoint_id, numbers, now)

"""Hints between processes: heard soon, told seldom, and never missed for good."""

import asyncio
import time
from contextlib import suppress

import asyncpg
import pytest
from stores import PatientStore, postgres_database

from sendrail.storage.postgres.notify import CHANNEL, ClusterHints

LISTS = 3_000
# A tenth of a second is much; only a hang takes so long.
HANG_SECONDS = 60
# News are gathered for so long.
GATHERED_SECONDS = 0.05


class Two:
    """Two processes on one database, and somebody who counts what passes between them."""

    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        url = self.url
        self.counted = []
        self.counter = await asyncpg.connect(url)
        await self.counter.add_listener(CHANNEL, lambda *told: self.counted.append(told[3]))
        self.one, self.other = PatientStore(url), PatientStore(url)
        for store in (self.one, self.other):
            store.start_news()
        # What a process cannot have heard it takes for granted.
        async with asyncio.timeout(HANG_SECONDS):
            for store in (self.one, self.other):
                await store.hints.inbox_event.wait()
                store.hints.inbox_event.clear()
        return self

    async def __aexit__(self, *_):
        await self.one.close()
        await self.other.close()
        await self.counter.close()


def run(story):
    url = postgres_database()

    async def inside():
        async with Two(url) as two:
            await story(two)

    asyncio.run(inside())


async def heard(event):
    async with asyncio.timeout(HANG_SECONDS):
        await event.wait()


def test_what_one_process_writes_the_other_hears_of():
    async def story(two):
        two.one.hints.queue_has([(7, 70), (8, 80)])
        await heard(two.other.hints.queued_event)
        assert two.other.hints.queued == {70: 7, 80: 8}
        for tell, event in [
            (two.one.hints.inbox_has, two.other.hints.inbox_event),
            (two.one.hints.answers_wait, two.other.hints.answers_event),
            (two.one.hints.outbox_has, two.other.hints.outbox_event),
            (two.one.hints.connectors_changed, two.other.hints.connectors_event),
        ]:
            event.clear()
            tell()
            await heard(event)

    run(story)


def test_however_much_is_written_little_is_told():
    async def story(two):
        began = time.monotonic()
        for turn in range(500):
            two.one.hints.queue_has([(turn % 64, turn)])
            await asyncio.sleep(0.001)
        async with asyncio.timeout(HANG_SECONDS):
            while len(two.other.hints.queued) < 500:
                await heard(two.other.hints.queued_event)
                two.other.hints.queued_event.clear()
        # Each comes so long after the one before, however slow the machine.
        assert 1 <= len(two.counted) <= (time.monotonic() - began) / GATHERED_SECONDS

    run(story)


def test_news_that_do_not_fit_are_cut_and_no_error():
    news = ClusterHints()
    news._is_running = True
    news.queue_has((at % 4096, 10**9 + at) for at in range(LISTS))
    told = news.take()
    assert len(told.encode()) < 8_000
    other = ClusterHints()
    other.receive(told)
    assert 400 < len(other.queued) < LISTS


def test_a_lost_connection_is_made_anew_and_what_was_missed_is_looked_for():
    async def story(two):
        with suppress(asyncpg.PostgresError):
            await two.counter.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        await heard(two.other.hints.inbox_event)
        await heard(two.one.hints.inbox_event)
        two.one.hints.queue_has([(1, 10)])
        await heard(two.other.hints.queued_event)

    run(story)


@pytest.mark.parametrize("told", ["", ";;", "z9.9", "q1.2;zzz"])
def test_what_a_newer_version_tells_is_passed_over(told):
    news = ClusterHints()
    news.receive(told)
    assert news.queued == ({2: 1} if told.startswith("q") else {})

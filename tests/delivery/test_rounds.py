"""Rounds of a worker: again at once, at a hint or after a while; later where storage refuses."""

import asyncio

import pytest
from grounds import Calls, OwnClock, OwnLoop, in_own_time
from logged import logged_here

from sendrail.domain.errors import StorageUnavailable
from sendrail.rounds import Rounds, hinted

# Longer than any test runs: only a hint can end it.
LONG = 3_600.0


class Work:
    """Does what its script says: returns how long to rest, or raises."""

    def __init__(self, *script, **settings):
        self.script, self.hint, self.done = list(script), asyncio.Event(), asyncio.Event()
        self.rounds = Rounds("work", hint=self.hint, **settings)

    async def round(self):
        told = self.script.pop(0)
        if not self.script:
            self.done.set()
        if isinstance(told, Exception):
            raise told
        return told

    async def run(self, *, until_done=True):
        task = asyncio.create_task(self.rounds.run(self.round))
        if until_done:
            await asyncio.wait_for(self.done.wait(), 60)
        return task


def test_a_round_that_found_work_is_followed_by_another_at_once():
    async def story():
        work = Work(0.0, 0.0, LONG)
        task = await work.run()
        work.rounds.stop()
        await asyncio.wait_for(task, 10)

    in_own_time(story())


def test_a_hint_ends_the_rest_and_is_used_up_by_the_next_round():
    async def story():
        work = Work(LONG, LONG, LONG)
        task = await work.run(until_done=False)
        for left in (2, 1):
            await asyncio.sleep(0.02)
            assert len(work.script) == left
            work.hint.set()
        await asyncio.sleep(0.02)
        assert not work.hint.is_set()
        work.rounds.stop()
        await asyncio.wait_for(task, 10)

    in_own_time(story())


def test_a_rest_without_a_hint_ends_after_its_time():
    async def story():
        (await Work(0.01, LONG).run()).cancel()

    in_own_time(story())


def test_a_hint_that_comes_during_a_round_is_not_lost():
    async def story():
        work = Work(LONG, LONG)
        do_round = work.round

        async def hinted_meanwhile():
            if len(work.script) == 2:
                work.hint.set()
            return await do_round()

        work.round = hinted_meanwhile
        (await work.run()).cancel()

    in_own_time(story())


def test_what_the_storage_refuses_is_done_again_later_whatever_is_hinted():
    async def story():
        work = Work(StorageUnavailable("gone"), LONG, retry_seconds=0.2)
        with logged_here() as logs:
            task = await work.run(until_done=False)
            await asyncio.sleep(0.02)
            work.hint.set()
            await asyncio.sleep(0.02)
            assert len(work.script) == 1
            await asyncio.wait_for(work.done.wait(), 10)
        task.cancel()
        [line] = logs
        assert (line["event"], line["reason"]) == ("work_postponed", "storage_unavailable")

    in_own_time(story())


def test_a_fault_of_ours_ends_the_rounds():
    async def story():
        task = await Work(ValueError("ours")).run()
        with pytest.raises(ValueError, match="ours"):
            await task

    in_own_time(story())


@pytest.mark.parametrize("comes", [True, False])
def test_a_wait_says_whether_the_hint_came(comes):
    async def story():
        hint = asyncio.Event()
        if comes:
            asyncio.get_running_loop().call_later(0.01, hint.set)
        return await hinted(hint, LONG if comes else 0.01)

    assert in_own_time(story()) is comes


def test_hints_of_anything_begin_a_round_only_after_a_calm():
    """Twice a second something is written; the work is looked for every two, and when it is due."""
    clock = OwnClock()
    loop = OwnLoop(clock, Calls())
    rests, began = [30.0, 30.0, 0.3, 30.0], []

    async def do_round():
        began.append(round(clock.passed_us / 1e6, 1))
        return rests[len(began) - 1]

    async def story():
        hint = asyncio.Event()
        task = loop.create_task(Rounds("work", hint=hint, calm_seconds=2.0).run(do_round))
        for _ in range(11):
            await asyncio.sleep(0.5)
            hint.set()
        await asyncio.sleep(0.3)
        task.cancel()

    loop.run_until_complete(story())
    loop.close()
    assert began == [0.0, 2.0, 4.0, 4.3]

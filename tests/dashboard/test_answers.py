"""Answers that tabs share are made once, kept for a moment, and longer the more they cost."""

import asyncio

import pytest

from sendrail.dashboard.answers import AnswerCache


class Maker:
    def __init__(self, cost=0.0):
        self.now, self.cost, self.made = 0.0, cost, 0
        self.cache = AnswerCache(lambda: self.now)

    async def make(self):
        self.made += 1
        self.now += self.cost
        await asyncio.sleep(0)
        return self.made

    async def get(self, key="a"):
        return await self.cache.get(key, self.make)


def test_many_at_once_share_one_answer():
    async def run():
        maker = Maker()
        assert await asyncio.gather(*(maker.get() for _ in range(9))) == [1] * 9
        assert await maker.get("b") == 2

    asyncio.run(run())


@pytest.mark.parametrize(("cost", "kept"), [(0.0, 4.0), (0.1, 20.0), (9.0, 60.0)])
def test_an_answer_takes_no_more_than_a_two_hundredth(cost, kept):
    async def run():
        maker = Maker(cost)
        await maker.get()
        maker.now += kept - 0.01
        assert await maker.get() == 1
        maker.now += 0.02
        assert await maker.get() == 2

    asyncio.run(run())


def test_it_says_for_how_long_an_answer_is_kept():
    async def run():
        maker = Maker(0.1)
        assert maker.cache.left("a") == 0.0
        await maker.get()
        assert maker.cache.left("a") == pytest.approx(20.0)
        maker.now += 15.0
        assert maker.cache.left("a") == pytest.approx(5.0)
        maker.now += 15.0
        assert maker.cache.left("a") == 0.0

    asyncio.run(run())


def test_who_goes_away_takes_nothing_from_others_and_errors_are_not_kept():
    async def run():
        maker = Maker()
        first = asyncio.ensure_future(maker.get())
        second = asyncio.ensure_future(maker.get())
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 1

        async def fail():
            raise ValueError("it fails")

        for _ in range(2):
            with pytest.raises(ValueError, match="it fails"):
                await maker.cache.get("c", fail)
        assert await maker.get("c") == 2

    asyncio.run(run())

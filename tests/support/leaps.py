"""Real time, and what a test leaps over: for time-outs of what happens between real sockets.

A time-out is chosen that no machine reaches by being slow. Once the test knows that all has
happened that should happen before it, it leaps beyond.
"""

import asyncio

# As a setting: far longer than a test may take.
AGES = 300.0


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop on real time, which can be set forward."""

    def __init__(self):
        super().__init__()
        self._ahead = 0.0

    def time(self):
        return super().time() + self._ahead

    def leap(self, seconds):
        self._ahead += seconds


class LoopClock:
    """The time for pacing of a `Clock`: that of the loop that runs, leaps included."""

    def monotonic(self):
        return asyncio.get_running_loop().time()


def run(work):
    """Run a coroutine on a loop that can leap."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(work)


async def arrived():
    """Let what sockets have been given arrive, and everybody hear of it."""
    # The kernel has passed it on by now, and the loop reads it in its next turn, before it looks
    # at the time; a few turns more until everybody has heard of it.
    await asyncio.sleep(0.05)
    for _ in range(20):
        await asyncio.sleep(0)


async def leap(seconds=AGES):
    """Let time-outs of so many seconds come, once what is on its way has arrived."""
    await arrived()
    asyncio.get_running_loop().leap(seconds)

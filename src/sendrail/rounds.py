"""The loop of a worker: a round, then a rest until there is a hint or a while has passed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

import structlog

from sendrail.domain.errors import SendrailError, is_passing

_log = structlog.get_logger()

STORAGE_RETRY_SECONDS: Final = 0.5
_FIRST_REST_MS: Final = 500
_LONGEST_REST_MS: Final = 60_000

Key = TypeVar("Key", int, str)
Done = TypeVar("Done")


def until_next(period_seconds: float) -> float:
    """Return how many seconds there are until a multiple of the period by the loop's clock.

    Those who only look now and then whether something has changed rest so long. Then they look at
    the same moments, and an idle process is woken once for all of them. It is never longer than
    the period, but for a hundredth.
    """
    now = asyncio.get_running_loop().time()
    rest = period_seconds - now % period_seconds
    # A timer may be a moment early.
    return rest if rest > period_seconds / 100 else rest + period_seconds


async def hinted(hint: asyncio.Event, at_most_seconds: float) -> bool:
    """Wait for a hint, for a while at most; return whether it came."""
    try:
        async with asyncio.timeout(at_most_seconds):
            await hint.wait()
    except TimeoutError:
        return False
    return True


class WorkGuard(Generic[Key]):
    """Does the work of many, one after the other; what breaks at one stops none of the others.

    `event` is what the log says of it, with its key as `name`.
    """

    def __init__(self, event: str, name: str) -> None:
        self._event = event
        self._name = name
        self._broken: set[Key] = set()

    async def do(
        self,
        key: Key,
        work: Callable[[], Awaitable[Done]],
        halt: Callable[[], Awaitable[bool]] | None = None,
    ) -> Done | None:
        """Do one's work; where that breaks return None, and leave it alone until the next start.

        With `halt` it is halted instead, and left alone only where that cannot be. Troubles of the
        storage are raised: those pass.
        """
        if key in self._broken:
            return None
        try:
            return await work()
        except Exception as error:
            if is_passing(error):
                raise
            _log.error(self._event, **{self._name: key}, reason=type(error).__name__)
            if halt is None or not await halt():
                self._broken.add(key)
            return None


class RetryBackoff(Generic[Key]):
    """How long each of many rests that cannot be served: twice as long each time in a row."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        # By the key: how long the last rest was, and when it ends; both in milliseconds.
        self._rests: dict[Key, tuple[int, int]] = {}

    def has_rested(self, key: Key) -> bool:
        """Return whether one may be tried."""
        return key not in self._rests or self._now() >= self._rests[key][1]

    def failed(self, key: Key) -> int:
        """Let one rest; return for how many milliseconds."""
        last, _ = self._rests.get(key, (0, 0))
        rest = min(max(2 * last, _FIRST_REST_MS), _LONGEST_REST_MS)
        self._rests[key] = (rest, self._now() + rest)
        return rest

    def went_well(self, key: Key) -> None:
        """Let the next rest of one be the first again."""
        self._rests.pop(key, None)


class Rounds:
    """Does rounds until stopped or cancelled; one that the storage refuses is done again later.

    `name` is the work's in the log. `hint` is set when there is new work; it begins a round so
    many `calm_seconds` after the last one at the earliest, for hints that say next to nothing and
    come often.
    """

    def __init__(
        self,
        name: str,
        *,
        hint: asyncio.Event | None = None,
        calm_seconds: float = 0.0,
        retry_seconds: float = STORAGE_RETRY_SECONDS,
    ) -> None:
        self._name = name
        self._hint = hint or asyncio.Event()
        self.calm_seconds = calm_seconds
        self._retry_seconds = retry_seconds
        self.stopping = False

    async def run(self, do_round: Callable[[], Awaitable[float]]) -> None:
        """Call `do_round` again and again; it returns how many seconds to wait for a hint."""
        now = asyncio.get_running_loop().time
        while not self.stopping:
            self._hint.clear()
            try:
                seconds = await do_round()
            except SendrailError as error:
                _log.warning(f"{self._name}_postponed", reason=error.code)
                # Hints are ignored: a round for each would keep a storage in trouble busy.
                await asyncio.sleep(self._retry_seconds)
                continue
            calm_until = now() + min(seconds, self.calm_seconds)
            if seconds > 0 and await hinted(self._hint, seconds) and not self.stopping:
                await asyncio.sleep(max(0.0, calm_until - now()))

    def stop(self) -> None:
        """End after the round under way."""
        self.stopping = True
        self._hint.set()

"""Work that is committed in groups: waiting for a result, and handing results out."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import structlog

_log = structlog.get_logger()

T = TypeVar("T")
# A work's result and its error, one of which is None.
Outcome = tuple[Any, Exception | None]
Done = Callable[[Any, Exception | None], None]
# Takes work for the next group; see `Store.submit`.
Submit = Callable[[Callable[[Any], Any], Done], None]


async def result_of(submit: Submit, work: Callable[[Any], T]) -> T:
    """Submit work, and return its result once that is durable. Raises the error of the work."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def done(result: T, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    submit(work, done)
    return await future


def hand_out(outcomes: Iterable[tuple[Done, Outcome]]) -> None:
    """Call each with its outcome."""
    for done, (result, error) in outcomes:
        try:
            done(result, error)
        except Exception:  # noqa: BLE001 - one caller's bug must not leave the others waiting
            _log.exception("commit_unheard")

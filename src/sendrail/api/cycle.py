"""One request on the ordinary way: uvicorn's cycle, as a turn of our connection.

To a cycle its connection is the transport and the flow control as well: it is the connection that
knows when to read, and how an answer reaches the client before everything ends.
"""

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from sendrail.api.limits import UNREAD_BYTES_MAX

_log: Final = logging.getLogger("uvicorn.error")
# Where an endpoint finds its request's pace, in the extensions of its scope.
PACE: Final = "sendrail.pace"


class Pace:
    """How much time a request has; an endpoint that knows its caller may lift the limit.

    An object of its own: a scope that referred to its cycle would be a circle.
    """

    __slots__ = ("is_free",)

    def __init__(self) -> None:
        self.is_free = False


def lift_time_limit(scope: MutableMapping[str, Any]) -> None:
    """Let a request take as long as it takes, while it keeps coming."""
    pace = scope.get("extensions", {}).get(PACE)
    if pace is not None:
        pace.is_free = True


class CycleConnection(Protocol):
    """What a cycle needs of its connection."""

    loop: asyncio.AbstractEventLoop

    def answered(self) -> None:
        """Go on: the first of those that wait has its answer."""
        ...


class RequestCycle(RequestResponseCycle):
    """One request, its answer, and whether it has begun."""

    # It writes its answer itself.
    response: None = None

    def __init__(
        self,
        connection: CycleConnection,
        scope: Any,
        pace: Pace,
        *,
        expects: bool,
        keep_alive: bool,
    ) -> None:
        wire: Any = connection
        super().__init__(
            scope=scope,
            transport=wire,
            flow=wire,
            logger=_log,
            access_logger=_log,
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=expects,
            keep_alive=keep_alive,
            on_response=connection.answered,
        )
        self._loop = connection.loop
        self.pace = pace
        self.begun = False

    @property
    def closes(self) -> bool:
        """Return whether the connection ends with this request."""
        return not self.keep_alive

    @closes.setter
    def closes(self, value: bool) -> None:
        self.keep_alive = not value

    @property
    def is_full(self) -> bool:
        """Return whether the application has enough of the body to read for now."""
        return len(self.body) > UNREAD_BYTES_MAX and not self.response_complete

    def start(self, app: Any, tasks: set[asyncio.Task[None]]) -> None:
        """Let the application answer."""
        self.begun = True
        task = self._loop.create_task(self.run_asgi(app))
        task.add_done_callback(tasks.discard)
        tasks.add(task)

    def take(self, body: bytes) -> None:
        """Take a piece of the body; once there is an answer it is of no use."""
        if not self.response_complete:
            self.body += body
            self.message_event.set()

    def end_body(self) -> None:
        """Note that the body is complete."""
        self.more_body = False
        self.message_event.set()

    def disconnect(self) -> None:
        """Let the application know that the client has gone."""
        self.disconnected = True
        self.body.clear()
        self.on_response: Callable[..., None] = _nothing
        self.message_event.set()


def _nothing() -> None:
    return

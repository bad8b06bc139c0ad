"""The server: one process, one event loop, everything in it."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from sendrail.addresses import join_link, sandbox_url
from sendrail.api import limits
from sendrail.api.asgi import make_app, make_link_host, make_probes
from sendrail.api.bodies import Bodies
from sendrail.api.connection import Connection
from sendrail.api.fast_lane import fast_lane_for
from sendrail.api.link_door import link_door
from sendrail.api.link_lane import link_lane_for
from sendrail.api.v2.sending import SendingCalls
from sendrail.app import Runtime, open_runtime
from sendrail.domain.errors import SetupError
from sendrail.drain import Drain
from sendrail.rounds import until_next
from sendrail.settings import Settings
from sendrail.telemetry import set_up_logs
from sendrail.workers import Role, delivering, roles_of

_log = structlog.get_logger()

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LOOK_SECONDS: Final = 5.0
_BACKLOG: Final = 2048
_COLLECT_AFTER: Final = 10_000
_UNSHOWN_KEY: Final = "first key, not shown yet"
_FIRST_KEY: Final = "first key"


@dataclass(frozen=True, slots=True)
class ReadyReport:
    """What the server announces once it is ready.

    `api_key` and `join_link` only while no user has one yet.
    """

    url: str
    api_key: str | None
    runtime: Runtime
    # Where the first owner sets a password, while there is none; good for a quarter of an hour.
    join_link: str | None = None


def run(settings: Settings, announce: Callable[[ReadyReport], None]) -> None:
    """Serve until a signal stops it; `announce` is called once, when ready.

    Raises `SetupError` and `StorageUnavailable` with what to do about it.
    """
    set_up_logs(settings.log_format, settings.log_level)
    if settings.host not in _LOOPBACK and not settings.allow_public_bind:
        raise SetupError(
            f"{settings.host} can be reached from other machines, and the API uses plain HTTP. "
            "Put a TLS proxy in front and listen on 127.0.0.1; or, if your network restricts "
            "access, set SENDRAIL_ALLOW_PUBLIC_BIND=1."
        )
    roles_of(settings)
    drain = Drain(settings.drain_seconds)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, announce, drain))
    finally:
        drain.over()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _serve(settings: Settings, announce: Callable[[ReadyReport], None], drain: Drain) -> None:
    roles = roles_of(settings)
    has_api = Role.API in roles
    async with open_runtime(settings, serving=True) as runtime:
        listener = listen(settings.host, settings.port)
        # With port 0 it is only known now.
        if (links_at := sandbox_url(settings, listener.getsockname()[1])) is not None:
            runtime.links.domains.let_sandbox_use(links_at)
        server = make_server(runtime, roles=roles)
        leave = partial(_leave, server, drain)
        async with delivering(runtime, leave, drain):
            with _stopped_by_signals(server, leave):
                serving = asyncio.create_task(server.serve([listener]))
                await server.listening(serving)
                calm_collector()
                host, port = listener.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                url = f"http://{shown}:{port}"
                if has_api:
                    await announce_server(url, runtime, announce)
                else:
                    announce(ReadyReport(url, None, runtime))
                _log.info("serving", host=host, port=port)
                closer = asyncio.create_task(_close_slow(server))
                await serving
                closer.cancel()
        _log.info("stopped")


def calm_collector() -> None:
    """Let the garbage collector do what is needed and no more.

    What lives by now lives as long as the process, so a collection need not walk it. A request
    makes some dozen small objects and no cycles: by default a collection would come with every
    group of requests and find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


async def announce_server(
    url: str, runtime: Runtime, announce: Callable[[ReadyReport], None]
) -> None:
    """Announce the server; until an API key has been shown, make a first one and show it.

    Of several processes that start for the first time at once, one shows it.
    """
    async with runtime.store.alone():
        await _announce_alone(url, runtime, announce)


async def _announce_alone(
    url: str, runtime: Runtime, announce: Callable[[ReadyReport], None]
) -> None:
    accounts, account = runtime.accounts, runtime.default_account
    token = await runtime.people.users.first_link(account)
    join = None if token is None else join_link(runtime.settings, token, url)
    keys = await accounts.keys(account)
    for key in keys:
        # A start was killed between making the key and showing it: it was never seen.
        if key.name == _UNSHOWN_KEY and key.revoked_at is None:
            await accounts.revoke_key(account, key.id)
    if any(key.name != _UNSHOWN_KEY for key in keys):
        announce(ReadyReport(url, None, runtime, join))
        return
    first = await accounts.create_key(account, _UNSHOWN_KEY)
    announce(ReadyReport(url, first.key, runtime, join))
    await accounts.rename_key(account, first.record.id, _FIRST_KEY)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises `SetupError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port (0 takes a "
            "free one)."
        ) from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server, without its own ideas about signals, and idle while nothing happens.

    uvicorn looks ten times a second whether it is to stop, and renews the date that we do not send:
    half of what an idle process costs.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        self._is_leaving = asyncio.Event()
        self._is_listening = asyncio.Event()
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_listening.set()

    async def main_loop(self) -> None:
        await self._is_leaving.wait()

    async def listening(self, serving: asyncio.Task[None]) -> None:
        """Return once the server takes connections, or its task `serving` has ended."""
        listening = asyncio.ensure_future(self._is_listening.wait())
        await asyncio.wait((listening, serving), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection once its answers are given."""
        late = asyncio.create_task(self._close_latecomers())
        try:
            await super().shutdown(sockets)
        finally:
            late.cancel()

    async def _close_latecomers(self) -> None:
        """Close what was accepted in the turn of the stop: it is made after uvicorn has looked."""
        await asyncio.sleep(limits.LINGER_STOPPING_SECONDS)
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection) and not connection.stopping:
                connection.shutdown()

    def leave(self) -> None:
        """Stop gracefully."""
        self.should_exit = True
        self._is_leaving.set()


def _leave(server: _Server, drain: Drain) -> None:
    """Stop gracefully, and let the time run in which all of it must be over."""
    if not server.should_exit:
        server.leave()
        drain.begin()
        drain.end_by_force()


def make_server(
    runtime: Runtime, *, fast: bool = True, roles: frozenset[Role] = frozenset(Role)
) -> _Server:
    """Return a server over a runtime; without `fast` every request goes through ASGI.

    It serves what belongs to the roles: the API with links, links alone, or only the probes.
    """
    server: _Server

    def is_ready() -> bool:
        return server.started and not server.should_exit and runtime.intake.closed is None

    app, protocol = _served(runtime, is_ready, roles)
    server = _Server(
        uvicorn.Config(
            app,
            http=protocol if fast else Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            # Requests are short; most of a stop's time belongs to the carriers' answers.
            timeout_graceful_shutdown=max(1, runtime.settings.drain_seconds // 3),
        )
    )
    return server


def _served(
    runtime: Runtime, is_ready: Callable[[], bool], roles: frozenset[Role]
) -> tuple[ASGIApp, type[Connection]]:
    """Return what a process of these roles serves, and the connections that it serves it on."""
    bodies = Bodies()
    if Role.API in roles:
        calls, links = SendingCalls(runtime.intake, runtime.limits), link_door(runtime)
        app = make_app(runtime, calls, is_ready, bodies, links)
        return app, fast_lane_for(calls, bodies, links)
    if Role.CLICKS in roles:
        links = link_door(runtime)
        return make_link_host(runtime, is_ready, bodies, links), link_lane_for(links)
    return make_probes(runtime, is_ready), Connection


@contextmanager
def _stopped_by_signals(server: uvicorn.Server, leave: Callable[[], None]) -> Iterator[None]:
    """Stop gracefully at the first INT or TERM, at once at the second."""

    def stop() -> None:
        server.force_exit = server.should_exit
        leave()

    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)


def look_after(server: uvicorn.Server, now: float) -> None:
    """End each connection that has had its time."""
    for connection in list(server.server_state.connections):
        if isinstance(connection, Connection):
            connection.look_after(now)


async def _close_slow(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(until_next(_LOOK_SECONDS))
        look_after(server, loop.time())

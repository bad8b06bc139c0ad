"""A TCP proxy that does to a connection what networks do: delay, slice, reset, go dark."""

import asyncio
import socket
import struct
import threading
from contextlib import asynccontextmanager, contextmanager


class Proxy:
    """Between a carrier and its peer; what it does may be changed at any time.

    `slice` is how many bytes go at once (0: as they come), `delay` the seconds before each piece,
    `dark` that nothing comes through either way though the connections stand, `held` that it comes
    through later, as in a network that is cut and healed.
    """

    def __init__(self, port):
        self.to = port
        self.port = 0
        self.slice = 0
        self.delay = 0.0
        self.dark = False
        self.held = False
        self.connections = 0
        self.ends = set()

    def reset(self):
        """Cut every connection as a crash does, by RST on both sides."""
        for end in list(self.ends):
            sock = end.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()


class End(asyncio.Protocol):
    """One side of a connection; what it hears goes out on the other, in its order."""

    def __init__(self, proxy, other=None):
        self.proxy = proxy
        self.other = other
        self.heard = asyncio.Queue()
        self.task = None

    def connection_made(self, transport):
        self.transport = transport
        self.proxy.ends.add(self)
        self.task = asyncio.ensure_future(self.pump())

    async def pump(self):
        if self.other is None:
            self.proxy.connections += 1
            loop = asyncio.get_running_loop()
            _, self.other = await loop.create_connection(
                lambda: End(self.proxy, self), "127.0.0.1", self.proxy.to
            )
        while True:
            data = await self.heard.get()
            step = self.proxy.slice or len(data)
            for at in range(0, len(data), step):
                await asyncio.sleep(self.proxy.delay)
                while self.proxy.held:  # noqa: ASYNC110 - it is set from anywhere
                    await asyncio.sleep(0.01)
                self.other.transport.write(data[at : at + step])

    def data_received(self, data):
        if not self.proxy.dark:
            self.heard.put_nowait(data)

    def connection_lost(self, _):
        self.proxy.ends.discard(self)
        self.task.cancel()
        if self.other is not None:
            self.other.transport.abort()


@asynccontextmanager
async def between(port):
    """Run a proxy to this port."""
    proxy = Proxy(port)
    server = await asyncio.get_running_loop().create_server(lambda: End(proxy), "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        while proxy.ends:
            proxy.reset()
            await asyncio.sleep(0.01)
        await server.wait_closed()


@contextmanager
def beside(port):
    """Run a proxy to this port in a thread of its own; `call` changes it from outside."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    async def call(change):
        change()

    running = between(port)
    proxy = wait(running.__aenter__())
    proxy.call = lambda change: wait(call(change))
    try:
        yield proxy
    finally:
        proxy.held = False
        wait(running.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

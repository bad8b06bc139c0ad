"""A customer's receiver that does nothing but answer: every POST is taken and counted.

`GET` on any path says how many there were. The fastest parts Python has, in a process of its own,
so that it is never what is measured.
"""

import argparse
import asyncio
import json

import httptools
import uvloop

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Receiver(asyncio.Protocol):
    __slots__ = ("_counts", "_parser", "_write")

    def __init__(self, counts: dict[bytes, int]) -> None:
        self._counts = counts

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._write = transport.write
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"POST":
            self._counts[b"POST"] += 1
            self._write(OK)
            return
        count = str(self._counts[b"POST"]).encode()
        self._write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(count), count))


async def serve() -> None:
    counts = {b"POST": 0}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(counts), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    uvloop.run(serve())

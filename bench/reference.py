"""The bare reference: what Python's fastest HTTP parts cost with no product behind them.

It parses the JSON of one send-raw into a struct and answers a constant: no key, no list, no check,
no store. `accept.py` divides the server's rate by this one's, measured in the same minute on the
same core, so that the figure speaks of the code and not of the machine.
"""

import argparse
import asyncio
import json
from collections.abc import Callable

import httptools
import msgspec
import uvloop

ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 58\r\n\r\n"
    b'{"success":true,"message_id":"x7y8z9w0","status":"queued"}'
)


class Order(msgspec.Struct, gc=False):
    to: str
    list_number: str
    body: str
    skip_duplicate_check: bool = False
    skip_rate_limit: bool = False
    skip_contact_validation: bool = False
    skip_journey_check: bool = False
    metadata: msgspec.Raw = msgspec.Raw()


class Reference(asyncio.Protocol):
    __slots__ = ("_body", "_decode", "_parser", "_write")

    def __init__(self, decode: Callable[[bytes], Order]) -> None:
        self._decode = decode
        self._body = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._write = transport.write
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._decode(self._body)
        self._body = b""
        self._write(ANSWER)


async def serve() -> None:
    decode = msgspec.json.Decoder(Order).decode
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Reference(decode), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    uvloop.run(serve())

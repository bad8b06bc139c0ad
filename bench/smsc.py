"""A message centre that does nothing but speak SMPP: takes every message, then sends its receipt.

Bytes and `struct` only, so that it is never what is measured.
"""

import asyncio
import json
import struct

import uvloop

HEADER = struct.Struct(">IIII")
SUBMIT_SM, DELIVER_SM, RESPONSE = 0x4, 0x5, 0x80000000
SAYS_ITS_NAME = {0x1, 0x2, 0x9}
ANSWERED = {*SAYS_ITS_NAME, 0x6, 0x15}
RECEIPT = (
    b"\0\x01\x0115552340001\0\x01\x0115559870000\0\x04\0\0\0\0\0\0\0\0%c%b"
    b"\x00\x1e\x00\x0b%010d\0\x04\x27\x00\x01\x02"
)
TEXT = (
    b"id:%010d sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000"
)


class Smsc(asyncio.Protocol):
    def __init__(self) -> None:
        self._rest = b""
        self._last = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, out = 0, []
        while len(data) - at >= HEADER.size:
            length, command, _, sequence = HEADER.unpack_from(data, at)
            if len(data) - at < length:
                break
            at += length
            if command == SUBMIT_SM:
                self._last += 1
                out.append(HEADER.pack(27, command | RESPONSE, 0, sequence))
                out.append(b"%010d\0" % self._last)
                text = TEXT % self._last
                receipt = RECEIPT % (len(text), text, self._last)
                out.append(HEADER.pack(16 + len(receipt), DELIVER_SM, 0, self._last) + receipt)
            elif command in ANSWERED:
                body = b"loopback\0" if command in SAYS_ITS_NAME else b""
                out.append(HEADER.pack(16 + len(body), command | RESPONSE, 0, sequence) + body)
        self._rest = data[at:]
        if out:
            self._write(b"".join(out))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Smsc, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())

"""A message centre that does nothing but speak SMPP: takes every message, then sends its receipt.

Bytes and `struct` only, so that it is never what is measured. With a delay it takes its time for
each answer, and answers what came together together; it may leave the receipts out.
"""

import argparse
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
    def __init__(self, delay: float, receipts: bool) -> None:
        self._delay = delay
        self._receipts = receipts
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
                if not self._receipts:
                    continue
                text = TEXT % self._last
                receipt = RECEIPT % (len(text), text, self._last)
                out.append(HEADER.pack(16 + len(receipt), DELIVER_SM, 0, self._last) + receipt)
            elif command in ANSWERED:
                body = b"loopback\0" if command in SAYS_ITS_NAME else b""
                out.append(HEADER.pack(16 + len(body), command | RESPONSE, 0, sequence) + body)
        self._rest = data[at:]
        if not out:
            return
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, b"".join(out))
        else:
            self._write(b"".join(out))


async def serve(options: argparse.Namespace) -> None:
    def connected() -> Smsc:
        return Smsc(options.delay_ms / 1000, options.receipts)

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0, help="before each answer (0)")
    parser.add_argument("--no-receipts", dest="receipts", action="store_false")
    uvloop.run(serve(parser.parse_args()))

"""Hostile clients at a server's door: what one costs is bounded, and goes when it goes."""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from sendrail.api.limits import HEAD_BYTES_MAX

from .serve import wait_until

MB = 1_000_000
HEAD = "POST /api/v2/{} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
LETTER = b"x"


def memory(server, row="VmRSS"):
    """Return what the process holds, or held at its most with VmHWM, in bytes."""
    text = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    [kib] = [line.split()[1] for line in text.splitlines() if line.startswith(f"{row}:")]
    return int(kib) * 1024


def forget_peak(server):
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", "ascii")


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def request(call, *more, body=b""):
    return HEAD.format(call).encode() + b"".join(each + b"\r\n" for each in more) + b"\r\n" + body


def answered(wire):
    """Return the status of the next answer."""
    return int(wire.recv(65_536).split(b" ", 2)[1])


@pytest.fixture
def idle(server):
    """Return a server that has seen a little of everything, and what it holds then."""
    server.settings["log_level"] = "warning"
    server.start()
    for call, length in itertools.product(("send-raw", "contacts"), (100, 3 * MB)):
        with connect(server) as wire:
            wire.sendall(request(call, b"content-length: %d" % length, body=LETTER * length))
            wire.recv(1)
    forget_peak(server)
    return server, memory(server)


def test_bodies_that_broke_off_are_gone_with_their_connections(idle):
    server, before = idle
    key = b"x-api-key: " + server.key.encode()
    for number in range(200):
        # Half of them come with a key, and by either way in.
        call = ("send-raw", "contacts", "send/bulk")[number % 3]
        who = (key, b"x-api-key: trk_unknown", b"x-none: 1")[number // 3 % 3]
        with connect(server) as wire, contextlib.suppress(ConnectionError):
            wire.sendall(request(call, who, b"content-length: 4900000", body=LETTER * 2_450_000))
            if number % 2:
                # A reset, not a farewell.
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.client().get("/healthz").status == 200
    wait_until(lambda: memory(server) <= before + 10 * MB, 20, "what they held is free")


def test_a_head_without_an_end_is_refused_while_it_is_small(idle):
    server, before = idle
    for line in (b"x: y\r\n", b"abcdefgh: " + b"z" * 1_000 + b"\r\n"):
        with connect(server) as wire, contextlib.suppress(ConnectionError):
            wire.sendall(b"GET / HTTP/1.1\r\n")
            wire.sendall(line * (40 * MB // len(line)))
            assert answered(wire) == 431
        assert server.client().get("/healthz").status == 200
    assert memory(server, "VmHWM") <= before + 10 * MB


@pytest.mark.parametrize("call", ["send-raw", "contacts"])
def test_a_head_that_is_a_little_too_long_is_refused_however_it_comes(idle, call):
    server, _ = idle
    key = b"x-api-key: " + server.key.encode()
    long = b"x: " + b"y" * HEAD_BYTES_MAX
    whole = request(call, key, long, b"content-length: 2", body=b"{}")
    for first in (len(whole), len(whole) - 1_000):
        with connect(server) as wire:
            wire.sendall(whole[:first])
            time.sleep(0.1)  # so that it comes in two pieces; in one it is refused all the same
            if rest := whole[first:]:
                wire.sendall(rest)
            assert answered(wire) == 431


def test_who_has_no_key_has_no_body_kept(idle):
    server, before = idle
    wires = [connect(server) for _ in range(60)]
    for wire, who in zip(
        wires, itertools.cycle((b"x-none: 1", b"x-api-key: trk_no")), strict=False
    ):
        wire.sendall(request("send-raw", who, b"content-length: 4900000"))
        assert answered(wire) == 401
        with contextlib.suppress(ConnectionError):
            wire.sendall(LETTER * 4_800_000)
    assert memory(server, "VmHWM") <= before + 10 * MB
    for wire in wires:
        wire.close()


def test_a_flood_on_one_connection_stops_neither_the_others_nor_a_stop(server):
    server.settings["drain_seconds"] = 6
    server.start()
    floods = []
    for who in (f"x-api-key: {server.key}".encode(), b"x-api-key: trk_no", b"x-none: 1"):
        wire = connect(server)
        wire.setblocking(False)
        left = memoryview(request("send-raw", who, b"content-length: 2", body=b"{}") * 30_000)
        floods.append((wire, left))
    for _ in range(50):
        for at, (wire, left) in enumerate(floods):
            with contextlib.suppress(BlockingIOError):
                floods[at] = wire, left[wire.send(left) :]
        # A request of somebody else's is answered between two groups of the flood's.
        assert server.client().get("/healthz").status == 200
    assert server.stop(20) == 0
    for wire, _ in floods:
        wire.close()


def cpu(server):
    """Return what the process has worked, in clock ticks."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
@pytest.mark.parametrize("path", ["send-raw", "contacts", "blocks/import"])
def test_node_hears_that_its_body_is_too_large(server, path):
    server.settings["import_bytes_max"] = 5 * MB
    server.start()
    program = """
        const [url, key, tries] = process.argv.slice(1);
        const body = "x".repeat(6_000_000);
        const kind = url.endsWith("import") ? "text/csv" : "application/json";
        let heard = 0, broken = [];
        for (let n = 0; n < Number(tries); n++) {
            try {
                const headers = {"x-api-key": key, "content-type": kind};
                const answer = await fetch(url, {method: "POST", headers, body});
                if (answer.status === 413 && (await answer.json()).code === "payload_too_large")
                    heard++;
            } catch (error) { broken.push(String(error.cause)); }
        }
        console.log(JSON.stringify([heard, broken]));
    """
    done = subprocess.run(
        [
            "node", "--input-type=module", "-e", program,
            f"http://127.0.0.1:{server.port}/api/v2/{path}", server.key, "30",
        ],
        capture_output=True, text=True, timeout=300, check=True,
        env=os.environ | {"NODE_OPTIONS": ""},
    )  # fmt: skip
    assert done.stdout.strip() == "[30,[]]", done.stdout

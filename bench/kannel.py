"""How Kannel does on the same road: HTTP in, SMPP out to the same message centre, receipts back.

Kannel (https://www.kannel.org) is the gateway others run for this. It keeps what it has taken in
its spool store, one file a message and without fsync; Sendrail commits each message to disk before
it answers, judges it, and keeps its receipt. Both meet npm `smpp`, and both are measured there: by
the receipts they have acknowledged.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import endtoend
import kit
from kit import Figure, Section

METHOD = """
Nothing pinned: gateway, npm smpp 0.5.1 as the message centre and load share the machine's cores.
{options.seconds:g} s of single requests on 64 connections, each answered before the next, then
until the last receipt is acknowledged; window {window}; {options.runs} runs each, by turns. Kannel
1.4.5 with its spool store and dlr-mask 3, without a callback of its own. *Receipted* is counted at
the message centre, from the first request to the last receipt.
"""
CONF = """
group = core
admin-port = {admin}
admin-password = b
smsbox-port = {box}
box-allow-ip = 127.0.0.1
dlr-storage = internal
store-type = spool
store-location = {folder}
log-level = 4

group = smsc
smsc = smpp
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = b
smsc-password = secret
system-type = ""
max-pending-submits = {window}
enquire-link-interval = 30

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
log-level = 4

group = sendsms-user
username = b
password = b
"""


def parser() -> argparse.ArgumentParser:
    return kit.options(__doc__, runs=3, seconds=10)


def measure(options: argparse.Namespace) -> Section:
    method = METHOD.format(options=options, window=endtoend.WINDOW)
    section = Section("Beside Kannel, by SMPP with receipts", method)
    if shutil.which("bearerbox", path="/usr/sbin:/usr/bin") is None:
        section.troubles.append("Kannel is not installed (Debian: kannel)")
        return section
    pairs = [(ours(options), theirs(options)) for _ in range(options.runs)]
    mine, others = zip(*pairs, strict=True)
    ratios = [a[1] / b[1] for a, b in pairs]
    section.figures += [
        Figure("Kannel, accepted", "messages/s", [run[0] for run in others]),
        Figure("Kannel, receipted", "messages/s", [run[1] for run in others]),
        Figure("Sendrail, accepted", "messages/s", [run[0] for run in mine]),
        Figure("Sendrail, receipted", "messages/s", [run[1] for run in mine]),
        Figure("**ratio, receipted**", "", ratios, at_least=1.0),
    ]
    return section


def ours(options: argparse.Namespace) -> tuple[float, float]:
    with ExitStack() as stack:
        centre = stack.enter_context(endtoend.message_centre())
        road = endtoend.on_sendrail(options, centre)
        sendrail, server, lists = stack.enter_context(road)
        shape = {"seconds": options.seconds, "warmup": 0, "list_file": lists}
        return rates(centre, lambda: sendrail.load(server, **shape))


def theirs(options: argparse.Namespace) -> tuple[float, float]:
    with ExitStack() as stack:
        centre = stack.enter_context(endtoend.message_centre())
        port = stack.enter_context(kannel(centre.port))
        shape = {"seconds": options.seconds, "warmup": 0, "kannel": True}
        return rates(centre, lambda: kit.load(f"http://127.0.0.1:{port}", key="b", **shape))


def rates(centre: endtoend.Centre, load: Any) -> tuple[float, float]:
    """Load, wait for the last receipt; messages a second accepted, and receipted."""
    started = time.monotonic()
    result = load()
    receipted, moved = -1, time.monotonic()
    while (now := centre.receipted()) < result["accepted"]:
        if now > receipted:
            receipted, moved = now, time.monotonic()
        if time.monotonic() - moved > endtoend.SILENCE_SECONDS:
            break
        time.sleep(0.05)
    rate = centre.receipted() / (time.monotonic() - started)
    kit.say(f"accepted {result['rate']:,.0f}/s, receipted {rate:,.0f}/s")
    return result["rate"], rate


@contextmanager
def kannel(smpp: int) -> Iterator[int]:
    """Run bearerbox and smsbox on a spool of their own; give the port for messages."""
    with tempfile.TemporaryDirectory(dir=kit.scratch()) as folder, ExitStack() as stack:
        admin, box, http = 23_000, 23_001, 23_013
        conf = Path(folder, "kannel.conf")
        spool = Path(folder, "spool")
        spool.mkdir()
        conf.write_text(
            CONF.format(
                admin=admin, box=box, http=http, smpp=smpp, folder=spool, window=endtoend.WINDOW
            )
        )
        for program in ("bearerbox", "smsbox"):
            quiet = subprocess.DEVNULL
            process = subprocess.Popen([f"/usr/sbin/{program}", conf], stdout=quiet, stderr=quiet)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            time.sleep(1.5)
        yield http


if __name__ == "__main__":
    kit.main(parser(), measure)

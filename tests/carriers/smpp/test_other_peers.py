"""Three more code bases at the other end: `pytest -m slow tests/carriers/smpp/test_other_peers.py`.

Kannel and Net::SMPP come with `apt-get install kannel kannel-extras libnet-smpp-perl`. The third is
in Python and wants an environment of its own, named in SMPP_TWISTED_PYTHON, see
`tests/peers/twisted_smsc.py`. What is not installed is skipped.
"""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from desk import message, messages, started

from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.domain.delivery import Submitted

pytestmark = pytest.mark.slow

PEERS = Path(__file__).parents[2] / "peers"
DRIVE_SMPP = Path("/usr/lib/kannel/test/drive_smpp")
SMSC_PL = Path("/usr/share/doc/libnet-smpp-perl/examples/smsc.pl")
TWISTED = os.environ.get("SMPP_TWISTED_PYTHON", "")
KANNEL_PORT, SMSBOX_PORT, PERL_PORT = 23451, 13001, 9900
BATCH = [*messages(20), message(20, body="я" * 200), message(21, body="{}" * 100)]


async def reachable(port):
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def send_all(port, **more):
    settings = {"host": "127.0.0.1", "port": port, "system_id": "esme", "password": "secret"}
    async with started(SmppCarrier(settings | more)) as desk:
        return await desk.submit(BATCH)


def refs(outcomes):
    assert all(isinstance(outcome, Submitted) for outcome in outcomes), outcomes
    return [ref for each in outcomes for ref in (each.carrier_ref, *each.further_refs)]


@pytest.mark.skipif(not DRIVE_SMPP.exists(), reason="kannel-extras is not installed")
def test_kannels_smsc_names_no_message(tmp_path):
    async def play():
        async def smsbox(reader, writer):
            await reader.read()
            writer.close()

        # It wants a smsbox, which the messages it delivers would go to; it ends after those it
        # sent, so that they must be more than are of interest here.
        async with await asyncio.start_server(smsbox, "127.0.0.1", SMSBOX_PORT):
            with (tmp_path / "log").open("wb") as log:
                peer = await asyncio.create_subprocess_exec(
                    str(DRIVE_SMPP), "-v", "4", "-p", str(KANNEL_PORT), "-m", "1000",
                    stdout=log, stderr=log,
                )  # fmt: skip
            try:
                # A look at the port would be its one connection.
                await asyncio.sleep(1)
                return await send_all(KANNEL_PORT, mode="pair", response_timeout_seconds=5)
            finally:
                if peer.returncode is None:
                    peer.kill()
                await peer.wait()

    named = refs(asyncio.run(play()))
    assert len(set(named)) == len(named) == 26
    assert all(ref.startswith("unnamed-") for ref in named)


@pytest.mark.skipif(not SMSC_PL.exists(), reason="libnet-smpp-perl is not installed")
def test_net_smpp_takes_every_message(tmp_path):
    script = tmp_path / "smsc.pl"
    script.write_bytes(SMSC_PL.read_bytes())
    peer = subprocess.Popen(
        [shutil.which("perl"), script, "3"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    async def play():
        await reachable(PERL_PORT)
        return await send_all(PERL_PORT)

    try:
        assert set(refs(asyncio.run(play()))) == {"123456789"}
    finally:
        peer.kill()
        peer.wait()


@pytest.mark.skipif(not TWISTED, reason="SMPP_TWISTED_PYTHON names no Python")
def test_smpp_twisted_takes_every_message_and_has_two_binds_at_most():
    peer = subprocess.Popen(
        [TWISTED, PEERS / "twisted_smsc.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    port = int(peer.stdout.readline())

    async def play():
        assert (
            "let 'esme' in"
            in await SmppCarrier(
                {"host": "127.0.0.1", "port": port, "system_id": "esme", "password": "secret"}
            ).check()
        )
        return await send_all(port, binds=3)

    try:
        named = refs(asyncio.run(play()))
        assert sorted(map(int, named)) == list(range(1, 27))
    finally:
        peer.kill()
        peer.wait()
        peer.stdout.close()

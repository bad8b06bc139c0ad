"""TLS: the right SMSC is let through, one with another CA or name is not."""

import asyncio
import datetime as dt
import ipaddress
import re
import shutil
import socket
import ssl
import struct
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from desk import message, messages, started, until
from leaps import LoopClock, leap, run

import smsc
from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.carriers.smpp.pdu import Command
from sendrail.domain.delivery import Submitted, Unavailable, Uncertain
from sendrail.domain.errors import CarrierTrouble

FROM = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
TO = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def named(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def certificate(subject, key, issuer, issuer_key, *extensions):
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), FROM, TO
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())


def authority(folder, name):
    """Make a CA, return its name, key and file."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    made = certificate(
        named(name), key, named(name), key, (x509.BasicConstraints(True, 0), True), (usage, True)
    )
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return named(name), key, path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def ours(folder):
    return authority(folder, "ours")


@pytest.fixture(scope="module")
def process(folder, ours):
    issuer, issuer_key, _ = ours
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(
        [x509.DNSName("smsc.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    made = certificate(named("smsc.example"), key, issuer, issuer_key, (names, False))
    key_file, file = folder / "key.pem", folder / "cert.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    with smsc.running(key_file, file) as running:
        yield running


@pytest.mark.parametrize("more", [{}, {"tls_server_name": "smsc.example"}])
def test_the_right_smsc_is_talked_to(peer, ours, more):
    async def play():
        carrier = SmppCarrier(peer.settings(tls=True, tls_ca_file=str(ours[2]), **more))
        assert "node-smpp" in await carrier.check()
        async with started(carrier) as desk:
            outcomes = await desk.submit(messages(20))
            assert all(isinstance(outcome, Submitted) for outcome in outcomes)
            await until(lambda: len(desk.callbacks) == 20)

    asyncio.run(play())


def wrong_authority(_ours, folder):
    return {"tls_ca_file": str(authority(folder, "theirs")[2])}


def no_authority(_ours, _folder):
    return {}


def wrong_name(ours, _folder):
    return {"tls_ca_file": str(ours[2]), "tls_server_name": "other.example"}


@pytest.mark.parametrize("wrong", [wrong_authority, no_authority, wrong_name])
def test_a_wrong_smsc_is_told_nothing(peer, ours, folder, wrong):
    async def play():
        carrier = SmppCarrier(peer.settings(tls=True, **wrong(ours, folder)))
        with pytest.raises(CarrierTrouble, match="certificate verify failed"):
            await carrier.check()
        async with started(carrier) as desk:
            [outcome] = await desk.submit(messages(1))
            assert isinstance(outcome, Unavailable)
            assert "certificate verify failed" in outcome.detail

    asyncio.run(play())
    assert peer.state["binds"] == []


def test_an_smsc_without_tls_is_no_smsc_with_it(ours):
    with smsc.running() as plain:
        carrier = SmppCarrier(
            plain.settings(tls=True, tls_ca_file=str(ours[2]), connect_timeout_seconds=2)
        )
        with pytest.raises(CarrierTrouble, match="Cannot connect"):
            asyncio.run(carrier.check())


class OpenSsl:
    """An SMSC over OpenSSL's own server, which renews keys and handshakes when it is told to."""

    def __init__(self, process):
        self._process = process
        self._said = b""
        self._taken = 0

    async def port(self):
        line = b""
        while not line.startswith(b"ACCEPT "):
            line = await self._process.stdout.readline()
        return int(line.rpartition(b":")[2])

    def write(self, octets):
        self._process.stdin.write(octets)

    async def serve(self):
        """Answer the bind and each submit."""
        wanted = re.compile(
            rb"\0\0[\0-\x0f].(\0\0\0[%c%c])\0\0\0\0(....)"
            % (Command.BIND_TRANSCEIVER, Command.SUBMIT_SM),
            re.DOTALL,
        )
        while octets := await self._process.stdout.read(65536):
            # What the server says of itself stands between.
            self._said += octets
            for found in wanted.finditer(self._said, self._taken):
                self._taken = found.end()
                command = int.from_bytes(found[1], "big")
                sequence = int.from_bytes(found[2], "big")
                # No line of its own begins so; a letter at the beginning would be a command.
                self.write(pdu.frame(command | pdu.ANSWER, sequence, b"M%d\0" % sequence))

    def count(self, word):
        return self._said.count(word)


@asynccontextmanager
async def openssl(folder, *options):
    """Run it, with the certificate that `process` has made."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    files = ["-cert", str(folder / "cert.pem"), "-key", str(folder / "key.pem")]
    process = await asyncio.create_subprocess_exec(
        program, "s_server", "-accept", "127.0.0.1:0", *files, *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    it = OpenSsl(process)
    try:
        yield it, await it.port()
    finally:
        process.kill()
        await process.wait()


RENEWALS = {"key update": ("-tls1_3", b"K\n"), "renegotiation": ("-tls1_2", b"r\n")}


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("renewal", RENEWALS)
def test_keys_are_renewed_in_mid_session(ours, folder, renewal):
    option, command = RENEWALS[renewal]

    async def play():
        async with openssl(folder, option) as (server, port):
            serving = asyncio.create_task(server.serve())
            carrier = SmppCarrier(
                {
                    "host": "127.0.0.1", "port": port, "system_id": "esme", "password": "secret",
                    "tls": True, "tls_ca_file": str(ours[2]), "window": 5,
                }
            )  # fmt: skip
            async with started(carrier) as desk:
                await until(lambda: carrier._binds[0].is_bound)
                connection = carrier._binds[0]._connection
                for at in range(3):
                    batch = [message(10 * at + each) for each in range(10)]
                    submitting = asyncio.create_task(desk.submit(batch))
                    server.write(command)
                    outcomes = await submitting
                    assert all(isinstance(each, Submitted) for each in outcomes)
                    await asyncio.sleep(0.05)
                assert carrier._binds[0]._connection is connection
                # What it says of the last one may still be on its way.
                assert server.count(b"SSL_do_handshake -> 1") >= 2
            serving.cancel()

    asyncio.run(play())


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
def test_a_connection_that_ends_without_goodbye_is_made_anew(ours, folder, resets):
    """TCP ends without TLS's close_notify (RFC 8446, 6.1), as where a load balancer gives up."""
    lines = []

    class Line(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.framer, self.submits = transport, pdu.Framer(), 0
            lines.append(self)

        def data_received(self, data):
            for frame in self.framer.feed(data):
                _, command, _, sequence = pdu.read_header(frame)
                self.submits += command == Command.SUBMIT_SM
                if self.submits == 3 and len(lines) == 1:
                    self.end()
                    return
                self.transport.write(pdu.frame(command | pdu.ANSWER, sequence, b"M%d\0" % sequence))

        def end(self):
            under = self.transport.get_extra_info("socket")
            if resets:
                linger = struct.pack("ii", 1, 0)
                under.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.transport.abort()
            else:
                under.shutdown(socket.SHUT_RDWR)

    async def play():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        loop = asyncio.get_running_loop()
        async with await loop.create_server(Line, "127.0.0.1", 0, ssl=context) as listening:
            port = listening.sockets[0].getsockname()[1]
            settings = {
                "host": "127.0.0.1", "port": port, "system_id": "esme", "password": "secret",
                "tls": True, "tls_ca_file": str(ours[2]), "window": 5,
            }  # fmt: skip
            carrier = SmppCarrier(settings, ConnectorContext(clock=LoopClock()))
            async with started(carrier) as desk:
                await until(lambda: carrier._binds[0].is_bound)
                outcomes = await desk.submit(messages(5))
                # Two were answered; of the others nobody knows.
                kinds = [type(each) for each in outcomes]
                assert kinds == [Submitted, Submitted, Uncertain, Uncertain, Uncertain]
                await until(lambda: carrier._binds[0]._connection is None)
                await leap(5.0)
                await until(lambda: carrier._binds[0].is_bound)
                assert isinstance((await desk.submit([message(9)]))[0], Submitted)

    run(play())

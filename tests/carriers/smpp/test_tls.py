"""TLS: the right SMSC is let through, one with another CA or name is not."""

import asyncio
import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from desk import messages, started, until

import smsc
from sendrail.carriers.smpp.carrier import SmppCarrier
from sendrail.domain.delivery import Submitted, Unavailable
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

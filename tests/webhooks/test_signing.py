"""Signatures, judged by other people's verifiers: standardwebhooks, svix and openssl."""

import json
import subprocess
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix
from hypothesis import given
from hypothesis import strategies as st

from sendrail.webhooks import signing

BODY = '{"event":"reply","body":"Grüße 👋"}'.encode()
OLD, NEW = (signing.secret_of(bytes([byte]) * 32) for byte in (1, 2))
VERIFIERS = {
    "standardwebhooks": (
        standardwebhooks.Webhook,
        standardwebhooks.webhooks.WebhookVerificationError,
    ),
    "svix": (svix.Webhook, svix.WebhookVerificationError),
}


@pytest.fixture(params=VERIFIERS)
def verify(request):
    """Tell whether a verifier of somebody else's takes a body and its headers."""
    webhook, refusal = VERIFIERS[request.param]

    def verify(secret, body, headers):
        try:
            webhook(secret).verify(body, headers)
        except (refusal, ValueError):
            # They trip over a signature without its comma, and that is a refusal, too.
            return False
        return True

    return verify


def signed(*keys, body=BODY, age=0):
    # Their verifiers read the real clock, and a suite may take longer than they allow.
    at = int(datetime.now(UTC).timestamp()) - age
    return signing.headers(keys, "evt_reply_00000001", at, body, plain_header="X-Signature")


def test_other_peoples_verifiers_accept_what_we_sign(verify):
    assert verify(NEW, BODY, signed(NEW))


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_the_body_is_it_verifies(value):
    body = json.dumps(value).encode()
    for webhook, _ in VERIFIERS.values():
        webhook(NEW).verify(body, signed(NEW, body=body))


def test_every_flipped_byte_is_refused(verify):
    headers = signed(NEW)
    for at in range(len(BODY)):
        flipped = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        assert not verify(NEW, flipped, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_flipped_character_of_a_header_is_refused(verify, name):
    headers = signed(NEW)
    value = headers[name]
    # The last character of Base64 before the padding carries bits that stand for nothing.
    for at in range(len(value) - (2 if name == "webhook-signature" else 0)):
        flipped = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        assert not verify(NEW, BODY, headers | {name: flipped}), (at, flipped)


def test_an_old_timestamp_is_refused_by_the_receiver(verify):
    assert not verify(NEW, BODY, signed(NEW, age=600))


def test_during_a_rotation_both_secrets_verify(verify):
    headers = signed(NEW, OLD)
    assert verify(NEW, BODY, headers)
    assert verify(OLD, BODY, headers)
    assert not verify(signing.secret_of(b"x" * 32), BODY, headers)
    assert not verify(OLD, BODY, signed(NEW))


def test_the_published_example_comes_out():
    # The worked example of the Standard Webhooks documentation.
    headers = signing.headers(
        ["whsec_plJ3nmyCDGBKInavdOK15jsl"],
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
        plain_header="X-Signature",
    )
    assert headers["webhook-signature"] == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


@pytest.mark.parametrize(("keys", "key"), [((NEW,), NEW), ((NEW, OLD), OLD)])
def test_the_plain_header_is_what_openssl_says(tmp_path, keys, key):
    (tmp_path / "body").write_bytes(BODY)
    command = ["openssl", "dgst", "-sha256", "-hmac", key, str(tmp_path / "body")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert signed(*keys)["X-Signature"] == told.split("= ")[1].strip()

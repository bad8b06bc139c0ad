"""Proofs of callbacks for vendors that sign by no public scheme: each is enough, none is not."""

import base64
import hmac

import pytest

from sendrail.carriers.http import callbacks
from sendrail.carriers.http.exchange import basic
from sendrail.carriers.http.proofs import Proofs, ProofSettings
from sendrail.carriers.sdk import CallbackRequest
from sendrail.domain.errors import CarrierTrouble

URL = "https://sms.example.com/callbacks/k3"
TOKEN = "a-token-of-callbacks"
OTHER = "another-token-of-callbacks"
HEARD = f"{URL}?token={TOKEN}"
BODY = b'{"results": [{"messageId": "m1", "text": "50 % of everything"}]}'
NO_TOKEN = {"callback_token": None}


def hold(settings, request):
    return Proofs(ProofSettings(**({"callback_token": TOKEN} | settings))).verify(request)


def posted(url, body=BODY, **headers):
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"content-type": "application/json", **headers},
        body=body,
    )


def mac(secret, algorithm="sha256", body=BODY):
    return hmac.digest(secret.encode(), body, algorithm)


PROVED = {
    "token": ({}, HEARD, {}),
    "second token": (
        {"callback_token_secondary": OTHER},
        f"{URL}?x=y&token={OTHER}",
        {},
    ),
    "password": (
        NO_TOKEN | {"callback_user": "infobip", "callback_password": "p:w"},
        URL,
        {"authorization": basic("infobip", "p:w")},
    ),
    "second password": (
        NO_TOKEN | {"callback_password": "old", "callback_password_secondary": "new"},
        URL,
        {"authorization": basic("", "new")},
    ),
    "signature": (
        NO_TOKEN | {"signature_secret": "key"},
        URL,
        {"x-signature": mac("key").hex().upper()},
    ),
    "second signature": (
        NO_TOKEN | {"signature_secret": "old", "signature_secret_secondary": "key"},
        URL,
        {"x-signature": mac("key").hex()},
    ),
    "signature as it may be": (
        NO_TOKEN
        | {
            "signature_secret": "key",
            "signature_header": "X-Hub",
            "signature_algorithm": "sha512",
            "signature_encoding": "base64",
            "signature_prefix": "sha512=",
        },
        URL,
        {"x-hub": "sha512=" + base64.b64encode(mac("key", "sha512")).decode()},
    ),
    "one of several": ({"signature_secret": "key"}, HEARD, {}),
}


@pytest.mark.parametrize(("settings", "url", "headers"), PROVED.values(), ids=PROVED)
def test_each_proof_is_enough(settings, url, headers):
    assert hold(settings, posted(url, **headers))


REFUSED = {
    "none": ({}, URL, {}),
    "another token": ({}, f"{URL}?token={OTHER}", {}),
    "an empty token": ({}, f"{URL}?token=", {}),
    "no token where none is set": (NO_TOKEN | {"callback_password": "p"}, f"{URL}?token=", {}),
    "another password": (
        NO_TOKEN | {"callback_password": "p"},
        URL,
        {"authorization": basic("", "q")},
    ),
    "another user": (
        NO_TOKEN | {"callback_password": "p"},
        URL,
        {"authorization": basic("u", "p")},
    ),
    "no ASCII": (NO_TOKEN | {"callback_password": "p"}, URL, {"authorization": "Basic ÿ\udcff"}),
    "another key": (
        NO_TOKEN | {"signature_secret": "key"},
        URL,
        {"x-signature": mac("other").hex()},
    ),
    "another body": (
        NO_TOKEN | {"signature_secret": "key"},
        URL,
        {"x-signature": mac("key", body=BODY + b" ").hex()},
    ),
    "another header": (NO_TOKEN | {"signature_secret": "key"}, URL, {"x-hub": mac("key").hex()}),
    "an empty signature": (NO_TOKEN | {"signature_secret": "key"}, URL, {"x-signature": ""}),
    "the prefix alone": (
        NO_TOKEN | {"signature_secret": "key", "signature_prefix": "sha256="},
        URL,
        {"x-signature": "sha256="},
    ),
}


@pytest.mark.parametrize(("settings", "url", "headers"), REFUSED.values(), ids=REFUSED)
def test_without_a_proof_a_callback_is_refused(settings, url, headers):
    assert not hold(settings, posted(url, **headers))


def flips(raw):
    for at, bit in ((at, bit) for at in range(len(raw)) for bit in range(8)):
        yield raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]


def test_every_flipped_bit_of_a_signed_body_is_refused():
    settings = NO_TOKEN | {"signature_secret": "key"}
    given = {"x-signature": mac("key").hex()}
    assert hold(settings, posted(URL, **given))
    assert not any(hold(settings, posted(URL, body, **given)) for body in flips(BODY))


def test_every_flipped_bit_of_a_token_is_refused():
    for token in flips(TOKEN.encode()):
        assert not hold({}, posted(f"{URL}?token={token.decode('latin-1')}"))


def test_the_token_is_given_out_but_not_stored():
    chosen = ProofSettings(callback_token=TOKEN)
    assert Proofs(chosen).url(f"{URL}?a=b") == f"{URL}?a=b&token={TOKEN}"
    raw = callbacks.pack(posted(f"{URL}?a=b&token={TOKEN}&c=d"))
    assert raw == b"application/json\na=b&c=d\n" + BODY


def test_something_must_prove_callbacks():
    with pytest.raises(CarrierTrouble, match="callback_token") as caught:
        Proofs(ProofSettings())
    assert caught.value.param == "callback_token"

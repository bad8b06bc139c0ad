"""Plivo's own SDK on our requests, our verification, and our fake's signatures.

The SDK has no signer. What our fake signs is what it verifies, so that it stands in for one.
"""

from urllib.parse import urlencode

import fake_plivo
import pytest
from fake_plivo import ACCOUNT, NONCE, TOKEN, posted
from http_oracle import ask, flips, needs_oracles, ours, theirs

from sendrail.carriers.http.callbacks import read_form
from sendrail.carriers.plivo.carrier import PlivoCarrier
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.text import Encoding

pytestmark = needs_oracles

URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body='Your code is 1234 & "counting": 50 % of é😊\n\\/~',
    encoding=Encoding.UCS2,
    segments=1,
)


def make(settings=(), callback_url=URL):
    return PlivoCarrier(
        {"auth_id": ACCOUNT, "auth_token": TOKEN, **dict(settings)},
        ConnectorContext(callback_url=callback_url),
    )


# Requests

PLAIN = {"src": "+15559870000", "dst": "+15552340001", "text": MESSAGE.body}
TOLD = PLAIN | {"url": f"{URL}?message=x7y8z9w0"}
SUBMITS = {
    "plain": ({}, TOLD),
    "with a validity": ({"validity_seconds": 60}, TOLD | {"message_expiry": 60}),
    "without traces": ({"log": "false"}, TOLD | {"log": "false"}),
}


def test_our_requests_are_the_sdks():
    calls = [
        ("create", {"credentials": [ACCOUNT, TOKEN], "message": message})
        for _, message in SUBMITS.values()
    ]
    mine = [make(settings).compose([MESSAGE]) for settings, _ in SUBMITS.values()]
    assert list(map(ours, mine)) == list(map(theirs, ask("plivo", *calls)))


def test_our_check_is_the_sdks_request_for_the_account():
    [told] = ask("plivo", ("account", {"credentials": [ACCOUNT, TOKEN]}))
    # It says that nothing is JSON.
    assert ours(make().probe()) == theirs(told)


# Signatures

STATUS = {
    "MessageUUID": "db3ce55a-7f1d-11e1-8ea7-1231380bc196",
    "Status": "delivered",
    "To": "15552340001",
    "Empty": "",
    "a b&c=d": "é😊 + %/",
}
URLS = [
    URL,
    f"{URL}?message=x7y8z9w0&a=2",
    "https://sms.example.com:8443/cb/",
    "http://127.0.0.1:8025/cb?k=",
]


def signed_v3(url, fields, token):
    return posted(url, fields, fake_plivo.headers_v3(token, url, fields))


def test_version_3_is_judged_as_the_sdk_judges_it():
    calls, verdicts = [], []
    for url in URLS:
        for fields in ({}, STATUS):
            for token in (TOKEN, "another"):
                for told in (url, f"{url}x"):
                    request = posted(told, fields, fake_plivo.headers_v3(token, url, fields))
                    signature = request.headers["x-plivo-signature-v3"]
                    call = {"method": "POST", "url": told, "fields": fields, "nonce": NONCE}
                    calls.append(("verify_v3", call | {"token": TOKEN, "signature": signature}))
                    verdicts.append(make().proves(request))
    assert verdicts.count(True) == len(URLS) * 2
    assert ask("plivo", *calls) == verdicts


def test_several_signatures_and_fields_in_the_query_are_judged_as_the_sdk_judges_them():
    url = f"{URL}?{urlencode({'To': '15559870000', 'From': '15552340001', 'Text': 'Hi & bye'})}"
    decoded = f"{URL}?From=15552340001&Text=Hi & bye&To=15559870000.{NONCE}"
    right = fake_plivo._hmac(TOKEN, decoded)
    cases = {right: True, f"abc,{right}": True, f"{right},abc": True, "abc": False}
    calls = []
    for signature in cases:
        call = {"method": "GET", "url": url, "fields": {}, "nonce": NONCE, "token": TOKEN}
        calls.append(("verify_v3", call | {"signature": signature}))
    assert ask("plivo", *calls) == list(cases.values())
    for signature, verdict in cases.items():
        headers = {"x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": NONCE}
        request = CallbackRequest(method="GET", url=url, headers=headers, body=b"")
        assert make().proves(request) is verdict, signature


def test_version_2_is_judged_as_the_sdk_judges_it():
    calls, verdicts = [], []
    for url in URLS:
        for token in (TOKEN, "another"):
            for told in (url, url.replace("k3", "k4").replace("/cb", "/bc"), f"{url}x"):
                headers = fake_plivo.headers_v2(token, url)
                signature = headers["x-plivo-signature-v2"]
                call = {"url": told, "nonce": NONCE, "token": TOKEN, "signature": signature}
                calls.append(("verify_v2", call))
                verdicts.append(make().proves(posted(told, STATUS, headers)))
    assert {True, False} == set(verdicts)
    assert ask("plivo", *calls) == verdicts


@pytest.fixture(scope="module")
def signed():
    request = signed_v3(f"{URL}?k=v", STATUS, TOKEN)
    signature = request.headers["x-plivo-signature-v3"]
    call = {"method": "POST", "url": request.url, "fields": STATUS, "nonce": NONCE}
    assert ask("plivo", ("verify_v3", call | {"token": TOKEN, "signature": signature})) == [True]
    return request


def meaning(body):
    try:
        return sorted(read_form(body))
    except CarrierTrouble:
        return None


def test_every_flipped_bit_of_the_body_is_refused_or_changes_nothing(signed):
    accepted = []
    for body in flips(signed.body):
        request = CallbackRequest(method="POST", url=signed.url, headers=signed.headers, body=body)
        if make().proves(request):
            # Plivo signs what a form means: `%2b` for `%2B` is the same form.
            assert meaning(body) == meaning(signed.body)
            accepted.append(body)
    assert len(accepted) < len(signed.body)


@pytest.mark.parametrize("name", ["x-plivo-signature-v3", "x-plivo-signature-v3-nonce"])
def test_every_flipped_bit_of_the_headers_is_refused(signed, name):
    for raw in flips(signed.headers[name].encode()):
        headers = {**signed.headers, name: raw.decode("latin-1")}
        request = CallbackRequest(method="POST", url=signed.url, headers=headers, body=signed.body)
        assert not make().proves(request), raw


def test_every_flipped_bit_of_the_url_is_refused_or_changes_nothing(signed):
    for raw in flips(signed.url.encode()):
        url = raw.decode("latin-1")
        request = CallbackRequest(method="POST", url=url, headers=signed.headers, body=signed.body)
        # `Https` is the same scheme.
        same = url.lower() == signed.url and url[5:] == signed.url[5:]
        assert make().proves(request) is same, url

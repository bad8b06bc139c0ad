"""Twilio's own SDK on our requests, our verification, and our fake's signatures."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import fake_twilio
import pytest
from fake_twilio import ACCOUNT, TOKEN
from http_oracle import ask, flips, needs_oracles

from sendrail.carriers.http.callbacks import read_form
from sendrail.carriers.sdk import CallbackRequest, ConnectorContext
from sendrail.carriers.twilio.carrier import TwilioCarrier
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.text import Encoding

pytestmark = needs_oracles

SETTINGS = {"account_sid": ACCOUNT, "auth_token": TOKEN}
KEY = {"api_key_sid": "SK" + "a" * 32, "api_key_secret": "key-secret"}
CREDENTIALS = {"username": ACCOUNT, "password": TOKEN}
KEY_CREDENTIALS = {
    "username": KEY["api_key_sid"],
    "password": KEY["api_key_secret"],
    "account_sid": ACCOUNT,
}
URL = "https://sms.example.com/callbacks/k3"
BODY = "Your code is 1234 & counting: 50 % of é😊 + \n=/~"


def make(settings=(), callback_url=URL):
    return TwilioCarrier(
        {**SETTINGS, **dict(settings)}, ConnectorContext(callback_url=callback_url)
    )


# Requests

PLAIN = {"to": "+15552340001", "from_": "+15559870000", "body": BODY}
TOLD = PLAIN | {"status_callback": f"{URL}?message=x7y8z9w0"}
SERVICE = "MG" + "c" * 32
SUBMITS = {
    "plain": ({}, URL, CREDENTIALS, TOLD),
    "without a public address": ({}, None, CREDENTIALS, PLAIN),
    "by an API key": (KEY, URL, KEY_CREDENTIALS, TOLD),
    "with all there is": (
        {"messaging_service_sid": SERVICE, "validity_seconds": 60, "smart_encoding": True},
        URL,
        CREDENTIALS,
        TOLD | {"messaging_service_sid": SERVICE, "validity_period": 60, "smart_encoded": True},
    ),
}


def parts(request):
    """Return what must be equal: how, where, by whom, and the fields."""
    target = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    fields = parse_qsl(request.body.decode(), strict_parsing=True) if request.body else []
    return (
        request.method,
        target.path,
        sorted(parse_qsl(target.query)),
        headers["authorization"],
        headers.get("content-type"),
        sorted(fields),
    )


def recorded(told):
    target = urlsplit(told["target"])
    content_type = told["headers"].get("content-type") if told["method"] == "POST" else None
    return (
        told["method"],
        target.path,
        sorted(parse_qsl(target.query)),
        told["headers"]["authorization"],
        content_type,
        sorted(parse_qsl(told["body"], strict_parsing=True)) if told["body"] else [],
    )


def test_our_requests_are_the_sdks():
    calls = [
        ("create", {"credentials": credentials, "message": message})
        for _, _, credentials, message in SUBMITS.values()
    ]
    message = OutboundMessage(
        message_id="x7y8z9w0",
        recipient=15552340001,
        sender=15559870000,
        body=BODY,
        encoding=Encoding.UCS2,
        segments=1,
    )
    ours = [
        parts(make(settings, url).compose([message])) for settings, url, _, _ in SUBMITS.values()
    ]
    theirs = [
        # It writes booleans with a capital; the API takes either.
        [*told[:-1], [(name, value.replace("True", "true")) for name, value in told[-1]]]
        for told in map(recorded, ask("twilio", *calls))
    ]
    assert dict(zip(SUBMITS, map(list, ours), strict=True)) == dict(
        zip(SUBMITS, theirs, strict=True)
    )


@pytest.mark.parametrize(("settings", "credentials"), [({}, CREDENTIALS), (KEY, KEY_CREDENTIALS)])
def test_our_check_is_the_sdks_request_for_the_latest_message(settings, credentials):
    [told] = ask("twilio", ("latest", {"credentials": credentials}))
    assert parts(make(settings).probe()) == recorded(told)


# Signatures

STATUS = {
    "MessageSid": "SM" + "b" * 32,
    "MessageStatus": "delivered",
    "To": "+15552340001",
    "Empty": "",
    "a b&c=d": "é😊 + %/",
}
URLS = [
    URL,
    f"{URL}?message=x7y8z9w0&k=%2B",
    "https://sms.example.com:443/cb",
    "https://sms.example.com:8443/cb?x",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:8025/cb",
]
ALGORITHMS = {"HMAC_SHA1": {}, "HMAC_SHA256": {
    "x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
}}  # fmt: skip


def posted(url, fields, signature, headers=()):
    return CallbackRequest(
        method="POST",
        url=url,
        headers={"x-twilio-signature": signature, **dict(headers)},
        body=urlencode(fields).encode(),
    )


def test_what_the_sdk_signs_is_accepted():
    cases = [
        (url, fields, algorithm)
        for url in URLS
        for fields in ({}, STATUS)
        for algorithm in ALGORITHMS
    ]
    calls = [
        ("sign", {"token": TOKEN, "url": url, "fields": fields, "algorithm": algorithm})
        for url, fields, algorithm in cases
    ]
    for (url, fields, algorithm), signature in zip(cases, ask("twilio", *calls), strict=True):
        request = posted(url, fields, signature, ALGORITHMS[algorithm])
        assert make().proves(request), (url, algorithm)
        assert not make({"auth_token": "another"}).proves(request), (url, algorithm)


def test_a_field_that_comes_several_times_is_signed_as_the_sdk_signs_it():
    fields = {"B": ["2", "1", "2", ""], "A": ["x"]}
    call = {"token": TOKEN, "url": URL, "fields": fields, "algorithm": "HMAC_SHA1"}
    [signature] = ask("twilio", ("sign_repeated", call))
    pairs = [(name, value) for name, values in fields.items() for value in values]
    assert make().proves(posted(URL, pairs, signature))


def test_a_port_makes_the_difference_it_makes_to_the_sdk():
    bare = ["https://sms.example.com/cb", "https://sms.example.com/other", "http://127.0.0.1/cb"]
    urls = [*bare, *(url.replace("/cb", f":{port}/cb") for url in bare for port in (443, 80, 8443))]
    pairs = [(told, heard) for told in urls for heard in urls]
    signatures = [fake_twilio.sign(TOKEN, told, STATUS) for told, _ in pairs]
    common = {"token": TOKEN, "fields": STATUS, "algorithm": "HMAC_SHA1"}
    calls = [
        ("verify", common | {"url": heard, "signature": signature})
        for (_, heard), signature in zip(pairs, signatures, strict=True)
    ]
    verdicts = ask("twilio", *calls)
    assert {True, False} <= set(verdicts)
    for (told, heard), signature, verdict in zip(pairs, signatures, verdicts, strict=True):
        assert make().proves(posted(heard, STATUS, signature)) is verdict, (told, heard)


def test_what_our_fake_signs_is_accepted_by_the_sdk():
    calls = []
    for url in URLS:
        for name, short in (("HMAC_SHA1", "sha1"), ("HMAC_SHA256", "sha256")):
            signature = fake_twilio.sign(TOKEN, url, STATUS, short)
            call = {"url": url, "fields": STATUS, "signature": signature, "algorithm": name}
            calls += [("verify", call | {"token": TOKEN}), ("verify", call | {"token": "another"})]
    assert ask("twilio", *calls) == [True, False] * (len(calls) // 2)


@pytest.fixture(scope="module")
def signed():
    call = {"token": TOKEN, "url": f"{URL}?k=v", "fields": STATUS, "algorithm": "HMAC_SHA1"}
    [signature] = ask("twilio", ("sign", call))
    return posted(f"{URL}?k=v", STATUS, signature)


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
            # Twilio signs what a form means: `%2b` for `%2B` is the same form.
            assert meaning(body) == meaning(signed.body)
            accepted.append(body)
    assert len(accepted) < len(signed.body)


def test_every_flipped_bit_of_the_signature_is_refused(signed):
    [given] = signed.headers.values()
    for raw in flips(given.encode()):
        headers = {"x-twilio-signature": raw.decode("latin-1")}
        assert not make().proves(
            CallbackRequest(method="POST", url=signed.url, headers=headers, body=signed.body)
        )


def test_every_flipped_bit_of_the_url_is_refused_or_changes_nothing(signed):
    for raw in flips(signed.url.encode()):
        url = raw.decode("latin-1")
        request = CallbackRequest(method="POST", url=url, headers=signed.headers, body=signed.body)
        # `Https` is the same scheme.
        same = url.lower() == signed.url and url[5:] == signed.url[5:]
        assert make().proves(request) is same, url

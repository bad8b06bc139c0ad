"""Carriers against mocks made from their vendors' own OpenAPI descriptions, by Prism.

`npm ci --prefix tests/oracles/openapi`, then `pytest -m slow tests/oracles/openapi`. A mock refuses
what its description does not allow, and answers with the description's own examples.
"""

import asyncio
import json
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import fake_bandwidth
import fake_twilio
import pytest
from openapi_cut import cut
from ports import own_port

from sendrail.carriers.bandwidth.carrier import BandwidthCarrier
from sendrail.carriers.http.client import HttpClient, RequestProgress
from sendrail.carriers.http.exchange import Answer
from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.twilio.carrier import TwilioCarrier
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
)
from sendrail.domain.text import Encoding

FOLDER = Path(__file__).parent
PRISM = FOLDER / "node_modules" / ".bin" / "prism"
TWILIO = FOLDER / "node_modules/@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"
URL = "https://sms.example.com/callbacks/k3"
MESSAGE = OutboundMessage(
    message_id="x7y8z9w0",
    recipient=15552340001,
    sender=15559870000,
    body="Your code is 1234 & counting: 50 % of é😊",
    encoding=Encoding.UCS2,
    segments=1,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PRISM.exists(), reason="Prism is not here: npm ci --prefix tests/oracles/openapi"
    ),
]


@pytest.fixture(scope="module")
def mocks(tmp_path_factory):
    """The URL of a mock of each vendor."""
    twilio = cut(json.loads(TWILIO.read_text("utf-8")), {"CreateMessage", "ListMessage"})
    specs = {"bandwidth": FOLDER / "bandwidth.json"}
    specs["twilio"] = tmp_path_factory.mktemp("openapi") / "twilio.json"
    specs["twilio"].write_text(json.dumps(twilio), "utf-8")
    with ExitStack() as running:
        yield {name: running.enter_context(mock(spec)) for name, spec in specs.items()}


@contextmanager
def mock(spec):
    """Run a mock for the length of a `with` block; gives its URL."""
    port = own_port()
    with subprocess.Popen(
        [PRISM, "mock", "--host", "127.0.0.1", "--port", str(port), spec],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said = list(takewhile(lambda line: "Prism is listening" not in line, process.stdout))
            assert process.poll() is None, "".join(said)
            # A full pipe would stop it.
            reader = threading.Thread(target=process.stdout.read)
            reader.start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
        reader.join()


def twilio(mocks, **settings):
    given = {
        "account_sid": fake_twilio.ACCOUNT,
        "auth_token": fake_twilio.TOKEN,
        "base_url": mocks["twilio"],
    }
    return TwilioCarrier(given | settings, ConnectorContext(callback_url=URL))


def bandwidth(mocks):
    settings = fake_bandwidth.SETTINGS | {"base_url": mocks["bandwidth"]}
    return BandwidthCarrier(settings, ConnectorContext(callback_url=URL))


def send(request):
    async def play():
        client = HttpClient(connections=1, connect_timeout_seconds=5, timeout_seconds=30)
        try:
            return await client.send(request, RequestProgress())
        finally:
            await client.close()

    answer = asyncio.run(play())
    assert isinstance(answer, Answer), answer
    return answer


def outcome_of(carrier, prefer=None):
    """Return what a carrier makes of the mock's answer; `prefer` is the status it is to give."""
    request = carrier.compose([MESSAGE])
    if prefer is not None:
        request = replace(request, headers={**request.headers, "Prefer": f"code={prefer}"})
    return carrier.read_answer([MESSAGE], send(request))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"messaging_service_sid": "MG" + "c" * 32},
        {"validity_seconds": 60, "smart_encoding": True},
        {"api_key_sid": "SK" + "a" * 32, "api_key_secret": "secret"},
    ],
    ids=["plain", "service", "options", "key"],
)
def test_twilio_takes_our_message(mocks, settings):
    outcome = outcome_of(twilio(mocks, **settings))
    assert isinstance(outcome, Submitted)
    assert outcome.carrier_ref.startswith("SM")


def test_bandwidth_takes_our_message(mocks):
    assert isinstance(outcome_of(bandwidth(mocks)), Submitted)


@pytest.mark.parametrize("make", [twilio, bandwidth])
def test_the_check_is_answered(mocks, make):
    assert "accepts the credentials" in asyncio.run(make(mocks).check())


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (twilio, {"body": b"Body=Hi&From=%2B15559870000"}),
        (twilio, {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
        (bandwidth, {"body": b'{"to": ["+15552340001"], "from": "+15559870000"}'}),
        (bandwidth, {"headers": {"Content-Type": "application/json"}}),
    ],
    ids=["Twilio body", "Twilio credentials", "Bandwidth body", "Bandwidth credentials"],
)
def test_the_mock_refuses_what_is_not_allowed(mocks, make, wrong):
    request = replace(make(mocks).compose([MESSAGE]), **wrong)
    assert not send(request).is_success


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected), (401, Unavailable), (403, Unavailable), (404, Rejected), (406, Rejected),
        (415, Rejected), (429, Throttled), (500, Failed),
    ],
)  # fmt: skip
def test_bandwidths_examples_of_errors_are_read(mocks, status, kind):
    assert isinstance(outcome_of(bandwidth(mocks), status), kind)

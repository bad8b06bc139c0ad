"""The page on webhooks: its events are what we send, and its examples verify what we sign."""

import base64
import importlib.util
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sendrail.campaigns.run_events import body_of
from sendrail.domain.campaign_run import Run, RunReason, RunState
from sendrail.domain.ids import MessageIds
from sendrail.domain.journeys import webhook_bodies
from sendrail.domain.webhook import Event
from sendrail.storage.pipeline.outbox import (
    ClickedLink,
    EndedMessage,
    ReportedConversion,
    SentMessage,
    TakenReply,
)
from sendrail.webhooks import payloads, signing

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
IDS = MessageIds(bytes(range(16)))
BODY = '{"event":"reply","body":"Grüße"}'.encode()
OLD, NEW, OTHER = (signing.secret_of(bytes([n]) * 32) for n in (1, 2, 3))
BLOCK = re.DOTALL | re.MULTILINE


def example(name):
    [code] = re.findall(rf"<!-- example: {name} -->\n```\w+\n(.*?)^```$", PAGE, BLOCK)
    return code


def signed(*keys):
    return signing.headers(
        keys, "evt_1", int(datetime.now(UTC).timestamp()), BODY, plain_header="X-Trackly-Signature"
    )


@pytest.fixture(params=["standard.py", "plain.py"])
def in_python(request, tmp_path):
    path = tmp_path / "example.py"
    path.write_text(example(request.param), "utf-8")
    spec = importlib.util.spec_from_file_location("example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read_event


def refused(read, *arguments):
    try:
        read(*arguments)
    except Exception:  # noqa: BLE001 - each example has its own
        return True
    return False


def test_the_python_examples_take_what_we_sign_and_nothing_else(in_python):
    assert in_python(NEW, signed(NEW), BODY) == json.loads(BODY)
    # While a secret is changed, the one that was there goes on to work.
    assert in_python(OLD, signed(NEW, OLD), BODY) == json.loads(BODY)
    assert refused(in_python, OTHER, signed(NEW), BODY)
    for at in range(len(BODY)):
        flipped = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        assert refused(in_python, NEW, signed(NEW), flipped)


def in_javascript(tmp_path, *cases):
    """Return for each (secret, headers, body, now) what the example makes of it; None is a no."""
    (tmp_path / "example.cjs").write_text(example("standard.cjs"), "utf-8")
    program = """
        const { readEvent } = require("./example.cjs");
        const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify(cases.map(([secret, headers, body, now]) => {
          try {
            return readEvent(secret, headers, Buffer.from(body, "base64"), now);
          } catch {
            return null;
          }
        })));
    """
    given = [[s, h, base64.b64encode(body).decode(), now] for s, h, body, now in cases]
    told = subprocess.run(
        ["node", "-e", program], cwd=tmp_path, input=json.dumps(given), capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return json.loads(told.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js runs this example")
def test_the_javascript_example_takes_what_we_sign_and_nothing_else(tmp_path):
    flipped = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]
    good, *bad = in_javascript(
        tmp_path,
        (NEW, signed(NEW), BODY, int(datetime.now(UTC).timestamp())),
        (OTHER, signed(NEW), BODY, int(datetime.now(UTC).timestamp())),
        (NEW, signed(NEW), BODY, int(datetime.now(UTC).timestamp()) + 301),
        (NEW, signed(NEW) | {"webhook-id": "evt_2"}, BODY, int(datetime.now(UTC).timestamp())),
        *((NEW, signed(NEW), each, int(datetime.now(UTC).timestamp())) for each in flipped),
    )
    assert good == json.loads(BODY)
    assert bad == [None] * (3 + len(flipped))
    both = signed(NEW, OLD)
    told = in_javascript(
        tmp_path,
        (NEW, both, BODY, int(datetime.now(UTC).timestamp())),
        (OLD, both, BODY, int(datetime.now(UTC).timestamp())),
    )
    assert told == [json.loads(BODY)] * 2


ENDED = EndedMessage(1, 15550100001, 15550001000, "delivered", "ok", "twilio", 0)
TAKEN = TakenReply(1, 15550100001, 15550001000, "Hello", None, 0)
SENT = SentMessage(1, 15550100001, 15550001000, 1, "twilio", "main", 0)
CLICKED = ClickedLink(1, 1, 15550100001, 15550001000, "17", 0, "a" * 24, 0)
EARNED = ReportedConversion(1, 1, "+15550001000", "a" * 24, "sale", None, 5, "USD", True, 0)
RUN = Run(
    id=1, account_id=1, schedule_id=1, local_date="2026-11-23", state=RunState.PAUSED,
    reason=RunReason.OPT_OUTS, version=1, due_at=0, ends_at=0, started_at=0, ended_at=None,
    planned=0, held_out=0, left_out={}, variants={},
)  # fmt: skip
PASSAGE = webhook_bodies.PassageShown(3, 1, 15550100001, "+15550001000", 0)
MADE = {
    "delivery": payloads.delivery(IDS.show(1), ENDED),
    "unsubscribe": payloads.unsubscribe(TAKEN),
    "reply": payloads.reply(TAKEN),
    "sent": payloads.sent(IDS.show(1), SENT),
    "click": payloads.click(IDS.show(1), CLICKED, "https://shop.example/"),
    "conversion": payloads.conversion(IDS, EARNED),
    "campaign.paused": body_of(Event.CAMPAIGN_PAUSED, RUN, "a" * 24, 0),
    "campaign.skipped": body_of(Event.CAMPAIGN_SKIPPED, RUN, "a" * 24, 0),
    "journey.entered": json.dumps(webhook_bodies.entered(PASSAGE, 0)),
    "journey.step": json.dumps(webhook_bodies.at_step(PASSAGE, "shop", {"plan": "pro"}, 0)),
    "journey.ended": json.dumps(webhook_bodies.ended(PASSAGE, "bye", "completed", 0)),
    "campaign.completed": body_of(Event.CAMPAIGN_COMPLETED, RUN, "a" * 24, 0),
    "campaign.stopped": body_of(Event.CAMPAIGN_STOPPED, RUN, "a" * 24, 0),
}


def test_the_events_shown_have_the_fields_of_those_we_send():
    shown = [json.loads(each) for each in re.findall(r"^```json\n(.*?)\n^```$", PAGE, BLOCK)]
    assert [each["event"] for each in shown] == list(MADE)
    for each in shown:
        assert list(each) == list(json.loads(MADE[each["event"]]))

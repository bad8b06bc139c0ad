"""The events as the public API documents them, field by field and word by word."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.ids import MessageIds
from sendrail.domain.message import FINAL, DropReason, Status
from sendrail.domain.times import shown_finely
from sendrail.storage.pipeline.outbox import EndedMessage, TakenReply
from sendrail.webhooks import payloads

IDS = MessageIds(bytes(range(16)))
AT = 1_795_569_188_042
MOMENT = "2026-11-25T01:13:08.042Z"


def ended(status="delivered", detail="DELIVERED_TO_HANDSET", provider="twilio", own=None):
    connector = provider and "tw-1"
    return EndedMessage(
        7,
        15550100001,
        15550001000,
        status,
        detail,
        provider,
        AT,
        provider_detail=own,
        connector=connector,
    )


def told(message):
    return json.loads(payloads.delivery(IDS.show(message.number), message))


def test_a_delivery_has_the_documented_fields_in_their_order():
    assert list(told(ended(own="7")).items()) == [
        ("event", "delivery"),
        ("message_id", IDS.show(7)),
        ("to", "+15550100001"),
        ("list_number", "+15550001000"),
        ("status", "delivered"),
        ("status_detail", "DELIVERED_TO_HANDSET"),
        ("provider_detail", "7"),
        ("provider", "twilio"),
        ("connector", "tw-1"),
        ("timestamp", MOMENT),
    ]


@pytest.mark.parametrize(
    ("status", "detail", "word"),
    [
        ("delivered", "ok", "delivered"),
        ("delivered", "expired", "delivered"),
        ("undelivered", "ABSENT", "undeliverable"),
        ("undelivered", "EXPIRED_EXPIRED", "expired"),
        ("failed", "spam_detected", "rejected"),
        ("failed", "unknown_outcome", "expired"),
        ("failed", "expired", "expired"),
        *(
            ("dropped", drop.value, "rejected")
            for drop in DropReason
            if drop is not DropReason.STALE
        ),
        ("dropped", "stale", "expired"),
        ("orphaned", "orphan", "rejected"),
    ],
)
def test_a_status_has_its_public_word(status, detail, word):
    shown = told(ended(status, detail))
    assert (shown["status"], shown["status_detail"]) == (word, detail)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_every_way_to_end_has_a_word_and_a_detail(status):
    shown = told(ended(status.value, None))
    assert shown["status"] in {"delivered", "undeliverable", "expired", "rejected", "pending"}
    assert shown["status_detail"] == status.value


def test_what_never_left_has_no_provider():
    told_of = told(ended("dropped", "stale", None))
    assert (told_of["provider"], told_of["provider_detail"], told_of["connector"]) == (
        None,
        None,
        None,
    )


def taken(body="stop it", keyword=None, rule=None, word=None):
    return TakenReply(3, 15550100001, 15550001000, body, keyword, AT, rule, word)


def test_an_unsubscribe_has_the_documented_fields():
    assert json.loads(payloads.unsubscribe(taken("Arrêt!", "stop", "language", "ARRET"))) == {
        "event": "unsubscribe",
        "phone_number": "+15550100001",
        "list_number": "+15550001000",
        "keyword": "ARRET",
        "rule": "language",
        "timestamp": MOMENT,
    }


@pytest.mark.parametrize(("keyword", "shown"), [(None, None), ("help", "HELP"), ("start", "START")])
def test_a_reply_has_its_text(keyword, shown):
    assert json.loads(payloads.reply(taken("Grüße 👋", keyword))) == {
        "event": "reply",
        "phone_number": "+15550100001",
        "list_number": "+15550001000",
        "body": "Grüße 👋",
        "keyword": shown,
        "timestamp": MOMENT,
    }


def test_a_test_event_says_that_it_is_one():
    sample = json.loads(payloads.sample(AT))
    assert sample.pop("test") is True
    assert sample.keys() == told(ended()).keys()


@given(st.integers(0, 4_102_444_800_000))
def test_a_timestamp_is_the_moment_to_the_millisecond(at):
    text = shown_finely(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    assert since.total_seconds() * 1000 == pytest.approx(at, abs=0.5)


@given(
    st.sampled_from(["delivery", "unsubscribe", "reply", "sent", "click", "test"]),
    st.integers(0, 62**8 - 1),
)
def test_an_id_leads_back_to_its_event(kind, ref):
    assert payloads.read_event_name(IDS, payloads.event_name(IDS, kind, ref)) == (kind, ref)


@pytest.mark.parametrize(
    "name", ["", "evt", "evt_delivery_", "evt_delivery_short", "evt_tap_00000000", "msg_reply_0"]
)
def test_what_is_no_id_is_none(name):
    assert payloads.read_event_name(IDS, name) is None


def test_a_message_under_way_is_never_told():
    assert set(payloads.WORDS) == FINAL
    assert Status.SENT not in payloads.WORDS

"""The simulator's callbacks: what they say, and that nothing else is taken for one."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.carriers.simulator import wire
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"{}", []),
        (b'{"results": [], "balance": 3}', []),
        (
            b'{"results":[{"ref":"a","messageId":"x7y8z9w0","status":"FAILED","detail":"spam"}]}',
            [Receipt(carrier_ref="a", status=Status.FAILED, detail="spam", message_id="x7y8z9w0")],
        ),
        (
            b'{"results":[{"ref":"a","status":"ENROUTE","detail":""}]}',
            [Receipt(carrier_ref="a", status=None, detail="")],
        ),
        (
            b'{"replies":[{"from":"+15550100030","to":"+15559870000","text":"STOP"}]}',
            [Reply(sender=15550100030, list_number=15559870000, body="STOP")],
        ),
    ],
)
def test_a_callback_says(raw, told):
    assert wire.parse(raw) == told


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b'{"x":' + b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_trouble(raw):
    with pytest.raises(CarrierTrouble):
        wire.parse(raw)


@pytest.mark.parametrize(
    "piece",
    [
        b'"results":[{"ref":"a","status":"EATEN","detail":""}]',
        b'"results":[{"status":"DELIVERED","detail":""}]',
        b'"replies":[{"from":"5550100030","to":"+15559870000","text":"STOP"}]',
    ],
)
def test_a_piece_that_cannot_be_read_is_refused(piece):
    [refused] = wire.parse(b"{%b}" % piece)
    assert refused.raw == b"{%b}" % piece


@given(st.binary())
def test_any_bytes_are_read_or_trouble(raw):
    with suppress(CarrierTrouble):
        wire.parse(raw)

"""Whatever a carrier returns: its neighbours count, it is kept whole, and the process lives.

Many values go in one batch: between them stand the neighbours, and each is to be found again.
"""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_carrier import (
    ANN,
    BEN,
    CID,
    ODD,
    SURROGATE,
    Table,
    has_left,
    inbox_is_empty,
    raises,
    receipt,
    refused,
    refused_raws,
    stop,
)

from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import Failed, Rejected, Submitted, Throttled, Unavailable, Uncertain
from sendrail.domain.errors import CarrierTrouble, StorageUnavailable
from sendrail.domain.message import Status
from sendrail.domain.phone import show
from sendrail.domain.receipt import (
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Refused,
    Reply,
    ReplyPart,
)
from sendrail.receipts import reading

SECRET = "15550100009"


# What is refused

ADDRESSES = (0, -1, 10**15, 2**63, 2**70, True, None, "15550100001", 1.5, b"1", ODD)
NO_STATUS = [each for each in Status if each not in reading._ENDS]


def unusable(sender):
    return [
        *(receipt(status=each) for each in (*NO_STATUS, "sent", "", 7, True, (), ODD)),
        *(receipt(ref=each) for each in ("", " \0", None, b"x", 1.5, ODD)),
        *(stop(sender, CID, sender=each) for each in ADDRESSES),
        *(stop(sender, CID, list_number=each) for each in ADDRESSES),
        *(stop(sender, CID, body=each) for each in (None, 7, b"STOP", ["STOP"], {}, True, ODD)),
        stop(sender, CID, answered=ODD),
        Refused(reason="nothing", raw=None),
        Refused(reason=ODD, raw=b""),
        IgnoredPart("because"),
        *(None, "receipt", 7, {"carrier_ref": "ref-1"}, Submitted("ref-1"), Receipt, ODD),
    ]


def test_what_cannot_be_used_is_kept_whole_and_its_neighbours_count(road, sender, table, sent):
    bad = table.raws(*unusable(sender))
    road.callback(table.raw(receipt()), *bad, table.raw(stop(sender)))
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    assert not has_left(road, sender, CID)
    assert inbox_is_empty(road)
    assert refused_raws(road) == bad
    assert all(reason and SECRET not in reason for _, reason, _ in refused(road))
    assert road.counted("callbacks_refused_total", kind="script") == len(bad)


@pytest.mark.parametrize("bad", [receipt(ref=None), 7, None], ids=str)
def test_pieces_of_one_callback_do_not_cost_each_other(road, sender, table, sent, bad):
    raw = table.raw(receipt(), bad, stop(sender, CID, body=None), bad, stop(sender))
    road.callback(raw)
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    # Once, however much of it cannot be used, and as loud as the loudest of it.
    [(kept, _, about)] = refused(road)
    assert (kept, about == CallbackSubject.RECEIPT) == (raw, False)


def endless():
    while True:
        yield receipt()


def breaks_off():
    yield receipt()
    raise RuntimeError


READINGS = (
    endless,
    breaks_off,
    *(lambda: None, lambda: "receipt", lambda: 7, lambda: ODD),
    *map(
        raises,
        (
            KeyError(f"+{SECRET}"),
            CarrierTrouble(f"no sense in +{SECRET}"),
            RecursionError(),
            MemoryError(),
            StorageUnavailable("says a carrier"),
            SystemExit(3),
            asyncio.CancelledError(),
            GeneratorExit(),
        ),
    ),
)


def test_whatever_reading_does_ends_nothing(road, sender, table, sent):
    bad = [table.raw(says) for says in READINGS]
    road.callback(*bad, table.raw(receipt()), table.raw(stop(sender)))
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    assert refused_raws(road) == bad
    assert SECRET not in repr(refused(road))


# What is repaired


@pytest.mark.usefixtures("sent")
def test_a_stop_is_a_stop_whatever_stands_in_it(road, sender, table):
    bodies = ("ST\0OP", "STOP\0", "\0STOP", "STOP \ud83d", "STOP\0\0\0", "STOP " + "x" * 1_000_000)
    texts = [stop(sender, BEN + n, body=body) for n, body in enumerate(bodies)]
    road.callback(*table.raws(*texts))
    road.pass_time(1)
    assert [has_left(road, sender, text.sender) for text in texts] == [True] * len(bodies)
    assert refused(road) == []
    assert road.sql("SELECT max(length(body)) FROM replies") == [(40_000,)]


REPAIRED = (
    ({"status": "delivered"}, "ok"),
    # A sentence is the carrier's own.
    ({"detail": SURROGATE}, "unknown (hi \ufffd)"),
    ({"detail": "a\0b\0"}, "a\ufffdb"),
    ({"detail": "x" * 1_000_000}, "x" * 500),
    ({"detail": None}, ""),
    ({"detail": ODD}, ""),
    ({"message_id": 7}, "ok"),
    ({"message_id": "\ud83d" * 8}, "ok"),
    ({"trouble": 7}, "ok"),
    ({"trouble": "bad mood"}, "ok"),
)


def test_a_receipt_is_repaired_where_it_can_be(road, sender, table):
    message_ids = road.send(sender, *range(ANN, ANN + len(REPAIRED)))
    road.deliver(2)
    said = [receipt(f" ref-{n}\0\r\n", **changes) for n, (changes, _) in enumerate(REPAIRED, 1)]
    road.callback(*table.raws(*said))
    road.pass_time(1)
    assert road.fates(message_ids) == [("delivered", detail) for _, detail in REPAIRED]
    assert refused(road) == []


@pytest.mark.usefixtures("sent")
def test_a_trouble_given_as_a_text_counts(road, sender, table):
    road.callback(table.raw(receipt(status=Status.FAILED, trouble="opted_out")))
    road.pass_time(1)
    assert has_left(road, sender, ANN)


@pytest.mark.usefixtures("sent")
def test_a_text_whose_place_cannot_be_stands_for_itself(road, sender, table):
    places = [
        *(ReplyPart(reference=each, total=2, number=1) for each in (None, "7", ODD, True)),
        *(ReplyPart(reference=1, total=each, number=1) for each in (0, -1, 256, 2**70, None, ODD)),
        *(ReplyPart(reference=1, total=2, number=each) for each in (0, -1, 3, 2**70, None, "1")),
        *(7, ODD),
    ]
    texts = [stop(sender, BEN + n, part=part) for n, part in enumerate(places)]
    road.callback(*table.raws(*texts))
    road.pass_time(1)
    assert [has_left(road, sender, text.sender) for text in texts] == [True] * len(texts)


@pytest.mark.usefixtures("sent")
def test_parts_with_any_reference_belong_together(road, sender, table):
    references = (2**31, 2**63, 2**64 - 1, 2**70, -1)
    for n, reference in enumerate(references):
        first, second = (ReplyPart(reference=reference, total=2, number=at) for at in (1, 2))
        parts = [("ST", first), ("OP", second)]
        road.callback(*table.raws(*(stop(sender, BEN + n, body=b, part=p) for b, p in parts)))
    road.pass_time(1)
    assert all(has_left(road, sender, BEN + n) for n in range(len(references)))
    assert refused(road) == []


@pytest.mark.usefixtures("sent")
def test_a_text_counts_whatever_its_id_is(road, sender, table):
    ids = ("a\0b", "\ud83d", "é" * 5_000, 7, None, ODD, "", b"x")
    texts = [stop(sender, BEN + n, carrier_ref=ref) for n, ref in enumerate(ids)]
    road.callback(*table.raws(*texts))
    road.pass_time(1)
    assert [has_left(road, sender, text.sender) for text in texts] == [True] * len(ids)


def test_ids_meet_however_they_are_repaired(road, sender, table):
    ids = [("a\0b",) * 2, ("x" * 3_000,) * 2, ("\ud83d",) * 2, ("M1\0\0", "M1"), (7, "7")]
    for n, (named, _) in enumerate(ids):
        road.carrier.will(ANN + n, Submitted(named))
    message_ids = road.send(sender, *range(ANN, ANN + len(ids)))
    road.deliver(2)
    road.callback(*table.raws(*(receipt(called_back) for _, called_back in ids)))
    road.pass_time(1)
    assert road.fates(message_ids) == [("delivered", "ok")] * len(ids)


# What submit reports

AT_ONCE = (
    (Submitted(""), "sent"),
    (Submitted(None), "sent"),
    (Submitted(ODD), "sent"),
    (Submitted("a", (None, "\0", "b", 7)), "sent"),
    (Rejected(SURROGATE), "failed"),
    (Rejected("a\0b", "bad mood"), "failed"),
    (Rejected(None, ODD), "failed"),
    (Uncertain("a\0b"), "uncertain"),
    ("sent", "uncertain"),
    (ODD, "uncertain"),
    (Submitted, "uncertain"),
)
TRIED_AGAIN = (
    *(Failed("\0" * 3), Failed("x" * 1_000_000)),
    *(Throttled(2**70), Throttled(None), Throttled(float("nan"))),
    *(Unavailable("a\0b", -1), Unavailable(ODD, ODD)),
)


def test_whatever_submit_reports_settles_its_message_and_stops_no_other(road, sender):
    for n, (outcome, _) in enumerate(AT_ONCE):
        road.carrier.will(ANN + n, outcome)
    message_ids = road.send(sender, *range(ANN, ANN + len(AT_ONCE) + 1))
    road.deliver(2)
    statuses = [road.fate(message_id)[0] for message_id in message_ids]
    assert statuses == [status for _, status in AT_ONCE] + ["sent"]


def test_whatever_pause_a_carrier_asks_for_ends(road, sender):
    for n, outcome in enumerate(TRIED_AGAIN):
        road.carrier.will(ANN + n, outcome)
    message_ids = road.send(sender, *range(ANN, ANN + len(TRIED_AGAIN)))
    road.deliver(120)
    assert road.fates(message_ids) == [("sent", None)] * len(TRIED_AGAIN)


# How loud


@pytest.mark.parametrize(
    ("says", "level"),
    [
        (Refused(reason="no text", raw=b"", about=CallbackSubject.REPLY), "error"),
        (Refused(reason="no receipt", raw=b"", about=CallbackSubject.RECEIPT), "warning"),
        (Refused(reason="nothing", raw=b""), "error"),
        (raises(CarrierTrouble("nothing")), "error"),
        (raises(KeyError()), "error"),
        (receipt(ref=None), "warning"),
        (Reply(sender=None, list_number=None, body="STOP"), "error"),
    ],
)
@pytest.mark.usefixtures("sent")
def test_what_may_be_a_lost_stop_is_louder_than_a_lost_receipt(road, table, logs, says, level):
    road.callback(table.raw(says))
    road.pass_time(1)
    [line] = [line for line in logs if line["event"] == "callback_refused"]
    assert (line["log_level"], line["connector"], line["kind"]) == (level, "connector-0", "script")


def test_pieces_that_can_be_read_alone_are_kept_alone(road, table, sent):
    pieces = [Refused(reason=f"piece {n}", raw=b"piece %d" % n) for n in range(3)]
    road.callback(table.raw(receipt(), *pieces))
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert [row[:2] for row in refused(road)] == [(b"piece %d" % n, f"piece {n}") for n in range(3)]


def test_what_is_set_aside_is_counted_and_no_more(road, table, sent):
    road.callback(
        table.raw(IgnoredPart(IgnoredReason.CHANNEL), receipt(), IgnoredPart(IgnoredReason.CHANNEL))
    )
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert refused(road) == []
    assert road.counted("callbacks_set_aside_total", why="other_channel") == 2


@pytest.mark.usefixtures("sent")
def test_a_reason_shows_no_number(road, table, logs):
    road.callback(table.raw(raises(CarrierTrouble(f"{show(CID)} is no list"))))
    road.pass_time(1)
    assert str(CID) not in repr(logs) + repr(refused(road)[0][1:])


# Every kind of value

TEXTS = st.text(st.characters(min_codepoint=0, exclude_categories=()), max_size=20)
INTEGERS = st.one_of(
    st.integers(), st.sampled_from([2**31, 2**63 - 1, 2**63, 2**64, 2**70, -1, -(2**63) - 1])
)
ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), INTEGERS, st.floats(), TEXTS, st.binary(max_size=20),
        st.sampled_from([*Status, *RecipientTrouble, ODD, "x" * 100_000]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
PARTS = st.builds(ReplyPart, reference=ANYTHING, total=ANYTHING, number=ANYTHING)


def either(good):
    return st.one_of(st.just(good), ANYTHING)


def callbacks(sender):
    """Return a strategy of everything that the dataclasses can hold, and of what is neither."""
    receipts = st.builds(
        Receipt, carrier_ref=either("ref-0"), status=either(Status.DELIVERED), detail=ANYTHING,
        message_id=ANYTHING, trouble=either(None),
    )  # fmt: skip
    replies = st.builds(
        Reply, sender=either(CID), list_number=either(sender.number), body=either("STOP"),
        answered=ANYTHING, part=st.one_of(PARTS, ANYTHING), carrier_ref=ANYTHING,
    )  # fmt: skip
    pieces = st.builds(Refused, reason=ANYTHING, raw=ANYTHING, about=ANYTHING)
    return st.one_of(receipts, replies, pieces, st.builds(IgnoredPart, ANYTHING), ANYTHING)


@pytest.mark.parametrize("checks", [True, False])
def test_every_kind_of_value_leaves_the_neighbours_alone(make_road, monkeypatch, checks):
    road = make_road(window=2_000)
    table, sender = Table(road), road.add_list(rate=10_000_000)
    message_ids = road.send(sender, *range(ANN, ANN + 100))
    road.deliver(3)
    if not checks:
        # As if the place that looks at it had a hole: then the database has to say no.
        monkeypatch.setattr(reading, "_is_plain", lambda _: True)
        monkeypatch.setattr(reading, "_reply", lambda said: said)
    places = itertools.cycle(range(100))

    @settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.lists(st.lists(callbacks(sender), min_size=1, max_size=3), min_size=1, max_size=6))
    def play(bad):
        n = next(places)
        who = 15557770000 + n
        raws = [table.raw(lambda said=said: list(said)) for said in bad]
        road.callback(table.raw(receipt(f"ref-{n + 1}")), *raws, table.raw(stop(sender, who)))
        road.pass_time(0.6)
        assert inbox_is_empty(road)
        assert road.fate(message_ids[n]) == ("delivered", "ok")
        assert has_left(road, sender, who)
        assert {raw for raw in refused_raws(road) if raw.startswith(b"callback")} <= set(
            table._said
        )

    play()

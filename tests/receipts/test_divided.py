"""A round that fails is divided until what fails stands alone; no loop stops another."""

import pytest
from odd_carrier import (
    ANN,
    BEN,
    CID,
    ODD,
    SURROGATE,
    Table,
    has_left,
    inbox_is_empty,
    receipt,
    refused,
    refused_raws,
    stop,
)

from sendrail.domain.delivery import Submitted
from sendrail.domain.errors import (
    ConnectorUnread,
    Contended,
    Overloaded,
    StorageFull,
    StorageUnavailable,
)
from sendrail.domain.receipt import ReplyPart
from sendrail.receipts import apply as applying
from sendrail.receipts import reading, worker

SECRET = "15550100009"


@pytest.fixture
def unchecked(monkeypatch):
    """Let everything through, as if the place that looks at it had a hole."""
    monkeypatch.setattr(reading, "_is_plain", lambda _: True)
    monkeypatch.setattr(reading, "_reply", lambda said: said)


@pytest.fixture
def trips(monkeypatch):
    """Let the texts of some numbers trip over something."""
    took, whose = applying.take_reply, {}

    def take_reply(tx, connector_id, reply, *more):
        if reply.sender in whose:
            raise whose[reply.sender]
        return took(tx, connector_id, reply, *more)

    monkeypatch.setattr(applying, "take_reply", take_reply)
    return whose


@pytest.mark.usefixtures("unchecked")
def test_what_fails_in_the_database_is_refused_alone(road, sender, table, sent):
    bad = table.raws(
        receipt("ref-2", detail=SURROGATE),
        receipt("ref-2", detail=ODD),
        receipt(SURROGATE),
        receipt(ref=None),
        receipt("who knows", message_id=7),
        stop(sender, CID, body=SURROGATE),
        stop(sender, 2**70),
        stop(sender, None),
        stop(sender, CID, body=None),
        stop(sender, CID, carrier_ref=SURROGATE),
        stop(sender, CID, part=ReplyPart(reference=2**70, total=2, number=1)),
    )
    road.send(sender, CID)
    road.pass_time(1)
    raws = [table.raw(receipt()), table.raw(stop(sender)), *table.raws(*[receipt("x")] * 9)]
    for place, raw in enumerate(bad):
        raws.insert(2 * place, raw)
    road.callback(*raws)
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    assert inbox_is_empty(road)
    assert refused_raws(road) == bad


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("places", [[0], [99], [0, 49, 98], [49, 50]])
def test_those_that_fail_are_refused_and_all_others_count(make_road, places):
    road = make_road(window=2_000)
    table, sender = Table(road), road.add_list(rate=10_000_000)
    message_ids = road.send(sender, *range(ANN, ANN + 100))
    road.deliver(3)
    raws = [table.raw(receipt(f"ref-{n + 1}")) for n in range(100)]
    for place in places:
        raws[place] = table.raw(receipt(f"ref-{place + 1}", detail=ODD))
    road.callback(*raws)
    road.pass_time(1)
    assert refused_raws(road) == [raws[place] for place in places]
    unsettled = [n for n, fate in enumerate(road.fates(message_ids)) if fate != ("delivered", "ok")]
    assert unsettled == places


@pytest.mark.parametrize("error", [AssertionError(f"+{SECRET}"), KeyError(7), RecursionError()])
def test_a_text_that_trips_over_something_is_refused_and_loud(
    road, sender, table, sent, trips, logs, error
):
    trips[CID] = error
    raw = table.raw(stop(sender, CID))
    road.callback(raw, table.raw(stop(sender)), table.raw(receipt()))
    road.pass_time(1)
    assert has_left(road, sender)
    assert road.fate(sent) == ("delivered", "ok")
    [(kept, reason, about)] = refused(road)
    assert (kept, about) == (raw, "reply")
    assert SECRET not in reason
    [line] = [line for line in logs if line["event"] == "callback_refused"]
    assert line["log_level"] == "error"


@pytest.mark.parametrize("trouble", [StorageUnavailable("away"), StorageFull("full")])
@pytest.mark.usefixtures("unchecked")
def test_a_database_in_trouble_refuses_nothing(road, sender, table, sent, monkeypatch, trouble):
    bad = table.raw(receipt(ref=None))
    road.callback(table.raw(receipt()), bad, table.raw(stop(sender)))
    divide = worker.ReceiptWorker._in_halves

    async def in_halves(self, *given):
        # It goes away while the round is being divided.
        road.store.trouble = trouble
        await divide(self, *given)

    monkeypatch.setattr(worker.ReceiptWorker, "_in_halves", in_halves)
    road.pass_time(3)
    assert refused(road) == []
    monkeypatch.setattr(worker.ReceiptWorker, "_in_halves", divide)
    road.store.trouble = None
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    assert refused_raws(road) == [bad]


@pytest.mark.parametrize(
    "trouble", [StorageUnavailable("away"), StorageFull("full"), Contended("busy"), Overloaded("")]
)
def test_trouble_that_is_over_soon_refuses_nothing(road, sender, table, sent, trips, trouble):
    # In the middle of a transaction; the next one may go well again.
    trips[CID] = trouble
    road.callback(table.raw(stop(sender, CID)), table.raw(receipt()))
    road.pass_time(2)
    assert refused(road) == []
    trips.clear()
    road.pass_time(2)
    assert refused(road) == []
    assert has_left(road, sender, CID)
    assert road.fate(sent) == ("delivered", "ok")


def test_a_bug_in_a_round_does_not_end_the_worker(road, table, sent, monkeypatch):
    step = worker.ReceiptWorker._one_round

    async def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(worker.ReceiptWorker, "_one_round", broken)
    road.callback(table.raw(receipt()))
    road.pass_time(2)
    monkeypatch.setattr(worker.ReceiptWorker, "_one_round", step)
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")


def test_what_not_even_can_be_refused_stops_no_other(road, sender, table, sent, trips, monkeypatch):
    trips[CID] = AssertionError()
    refuse = worker.refuse

    def broken(*_):
        raise AssertionError

    monkeypatch.setattr(worker, "refuse", broken)
    raw = table.raw(stop(sender, CID))
    road.callback(raw, table.raw(receipt()), table.raw(stop(sender)))
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    monkeypatch.setattr(worker, "refuse", refuse)
    # Nothing is written that says so: it is found by the next look of the worker's own.
    road.pass_time(60)
    assert refused_raws(road) == [raw]


def test_callbacks_of_a_connector_that_is_not_read_yet_wait_and_hold_up_none(
    road, sender, table, sent, monkeypatch
):
    monkeypatch.setattr(worker, "_CALLBACKS_MAX", 2)
    other = road.add_connector()
    parse, is_read = road.carriers[other].parse, []

    def not_yet(raw):
        if not is_read:
            raise ConnectorUnread("not yet")
        return parse(raw)

    road.carriers[other].parse = not_yet
    road.callback(*[receipt("x")] * 5, connector=other)
    road.callback(table.raw(receipt()), table.raw(stop(sender)))
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    assert road.sql("SELECT count(*) FROM inbox") == [(5,)]
    is_read.append(True)
    road.pass_time(1)
    assert inbox_is_empty(road)
    assert refused(road) == []


# What was parked, and what waited for its parts


def test_a_parked_receipt_that_fails_stops_no_other(road, sender, table, monkeypatch):
    road.carrier.will(ANN, 3.0, Submitted("slow"))
    road.carrier.will(BEN, 3.0, Submitted("slow too"))
    first, second = road.send(sender, ANN, BEN)
    road.deliver(1)
    road.callback(*table.raws(receipt("slow"), receipt("slow too")))
    road.pass_time(1)
    judge = applying._Moves.judge

    def trips(moves, word, owner):
        if word.receipt.carrier_ref == "slow":
            raise AssertionError
        return judge(moves, word, owner)

    monkeypatch.setattr(applying._Moves, "judge", trips)
    road.pass_time(4)
    assert road.fate(second) == ("delivered", "ok")
    assert road.fate(first) == ("sent", None)
    [(raw, reason, about)] = refused(road)
    assert b'"carrier_ref":"slow"' in raw
    assert about == "receipt"
    assert "AssertionError" in reason
    # What is kept is read again like any callback.
    monkeypatch.setattr(applying._Moves, "judge", judge)
    road.callback(bytes(raw))
    road.pass_time(1)
    assert road.fate(first) == ("delivered", "ok")


def test_a_parked_word_of_another_version_stops_no_other(road, sender, table):
    road.carrier.will(ANN, 3.0, Submitted("slow"))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(*table.raws(receipt("slow"), receipt("slow")))
    road.pass_time(1)
    road.sql(
        "UPDATE parked_receipts SET status = 'teleported', trouble = 'odd'"
        " WHERE id = (SELECT min(id) FROM parked_receipts)"
    )
    road.pass_time(4)
    assert road.fate(message_id) == ("delivered", "ok")
    assert road.sql("SELECT count(*) FROM parked_receipts") == [(0,)]


@pytest.mark.usefixtures("sent")
def test_an_overdue_text_that_fails_stops_no_other(road, sender, table, trips):
    trips[BEN] = AssertionError()
    part = ReplyPart(reference=7, total=2, number=1)
    road.callback(*table.raws(stop(sender, BEN, part=part), stop(sender, CID, part=part)))
    road.pass_time(70)
    assert has_left(road, sender, CID)
    [(raw, _, about)] = refused(road)
    assert b"STOP" in raw
    assert about == "reply"
    assert road.sql("SELECT count(*) FROM reply_parts WHERE sender = ?", BEN) == [(0,)]
    trips.clear()
    road.callback(bytes(raw))
    road.pass_time(1)
    assert has_left(road, sender, BEN)


# What comes late


@pytest.mark.parametrize(("seconds", "is_back"), [(-10, False), (10, True)])
@pytest.mark.usefixtures("sent")
def test_a_start_that_was_read_late_does_not_undo_a_later_stop(
    road, sender, table, seconds, is_back
):
    road.callback(table.raw(stop(sender)))
    road.pass_time(1)
    received_at = road.clock.now() + seconds * 1000
    raw = table.raw(stop(sender, body="START"))
    road.write(lambda tx: tx.inbox.put(road.connector, [raw], received_at))
    road.pass_time(1)
    assert has_left(road, sender) != is_back


@pytest.mark.usefixtures("sent")
def test_consent_is_as_of_when_a_text_came(road, sender, table):
    received_at = road.clock.now() - 86_400_000
    raws = [table.raw(stop(sender)), table.raw(stop(sender, body="START"))]
    road.write(lambda tx: tx.inbox.put(road.connector, raws, received_at))
    road.pass_time(1)
    assert not has_left(road, sender)
    events = road.sql("SELECT active, at FROM consent_events ORDER BY id")
    assert [(bool(active), at) for active, at in events] == [
        (False, received_at),
        (True, received_at),
    ]

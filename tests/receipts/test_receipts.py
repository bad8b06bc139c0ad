"""Receipts early, late, double, contradictory, unknown and unreadable; and what handsets reply."""

import itertools
from dataclasses import replace

import pytest
from logged import logged_here

from sendrail.domain.delivery import Failed, Submitted
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.message import Skip, Status
from sendrail.domain.receipt import (
    CallbackSubject,
    IgnoredPart,
    IgnoredReason,
    Receipt,
    Refused,
    Reply,
)
from sendrail.domain.sender import OnUncertain

ANN, BEN = 15550100001, 15550100002


def receipt(ref="ref-1", status=Status.DELIVERED, detail="ok", message_id=None, **more):
    return Receipt(carrier_ref=ref, status=status, detail=detail, message_id=message_id, **more)


@pytest.fixture
def sender(road):
    return road.add_list()


@pytest.fixture
def sent(road, sender):
    """Return the id of a message that the carrier has taken as `ref-1`."""
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    assert road.fate(message_id) == ("sent", None)
    return message_id


def fates(road):
    return {
        fate: road.counted("receipts_total", fate=fate)
        for fate in ("applied", "late", "parked", "part", "underway", "foreign")
        if road.counted("receipts_total", fate=fate)
    }


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.UNDELIVERED, Status.FAILED])
def test_a_receipt_ends_its_message(road, sent, status):
    road.callback(receipt(status=status, detail="why"))
    at = road.clock.now()
    road.pass_time(1)
    found = road.find(sent)
    assert (found.status, found.detail, found.ended_at) == (status, "why", at)
    assert found.sent_at < found.ended_at
    assert fates(road) == {"applied": 1}
    assert road.counted("messages_ended_total", status=status) == 1
    assert road.counted("messages_delivered_total") == (status is Status.DELIVERED)
    assert road.sql("SELECT count(*) FROM inbox") == [(0,)]


@pytest.mark.parametrize("together", [True, False])
def test_the_first_receipt_stands_whatever_the_second_says(road, sender, together):
    said = [
        (first, second)
        for first in (Status.DELIVERED, Status.UNDELIVERED)
        for second in (Status.DELIVERED, Status.UNDELIVERED, Status.FAILED)
    ]
    message_ids = road.send(sender, *range(ANN, ANN + len(said)))
    road.deliver(1)
    for at, (first, second) in enumerate(said, 1):
        road.callback(receipt(f"ref-{at}", status=first))
        if not together:
            road.pass_time(1)
        road.callback(receipt(f"ref-{at}", status=second, detail="again"))
    road.pass_time(1)
    assert road.fates(message_ids) == [(first.value, "ok") for first, _ in said]
    assert fates(road) == {"applied": len(said), "late": len(said)}
    for first in (Status.DELIVERED, Status.UNDELIVERED):
        assert road.counted("messages_ended_total", status=first) == len(said) / 2


def test_a_word_that_settles_nothing_changes_nothing(road, sent):
    road.callback(receipt(status=None, detail="en route"))
    road.pass_time(1)
    assert road.fate(sent) == ("sent", None)
    assert fates(road) == {"underway": 1}


# Early


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.UNDELIVERED])
def test_a_receipt_before_the_answer_waits_for_its_reference(road, sender, status):
    road.carrier.will(ANN, 3.0, Submitted("slow"))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("slow", status))
    road.pass_time(1)
    assert road.fate(message_id) == ("sending", None)
    assert fates(road) == {"parked": 1}
    road.pass_time(3)
    assert road.fate(message_id) == (status.value, "ok")
    assert fates(road) == {"parked": 1, "applied": 1}
    assert road.sql("SELECT count(*) FROM parked_receipts") == [(0,)]


def test_two_early_receipts_apply_in_the_order_of_their_coming(road, sender):
    road.carrier.will(ANN, 3.0, Submitted("slow"))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("slow", Status.UNDELIVERED, "absent"))
    road.pass_time(0.6)
    road.callback(receipt("slow", Status.DELIVERED))
    road.pass_time(5)
    assert road.fate(message_id) == ("undelivered", "absent")
    assert fates(road) == {"parked": 2, "applied": 1, "late": 1}


def test_an_early_receipt_that_echoes_our_id_ends_the_message_before_its_answer(road, sender):
    road.carrier.will(ANN, 3.0, Submitted("slow"))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("slow", message_id=message_id))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")
    road.pass_time(4)
    found = road.find(message_id)
    assert (found.status, found.carrier_ref) == (Status.DELIVERED, "slow")


def test_an_answer_that_failed_after_the_receipt_sends_nothing_again(road, sender):
    road.carrier.will(ANN, 3.0, Failed("they lie"))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("x", message_id=message_id))
    road.pass_time(60)
    assert road.fate(message_id) == ("delivered", "ok")
    assert len(road.carrier.taken) == 1


# Parts of a long text, each with a receipt of its own


@pytest.fixture
def in_parts(road, sender):
    road.carrier.will(ANN, Submitted("p1", ("p2", "p3")))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    return message_id


@pytest.mark.parametrize("together", [True, False])
def test_a_message_is_delivered_when_all_of_its_parts_are(road, sender, together):
    orders = list(itertools.permutations([1, 2, 3]))
    for n in range(len(orders)):
        road.carrier.will(ANN + n, Submitted(f"{n}-1", (f"{n}-2", f"{n}-3")))
    message_ids = road.send(sender, *range(ANN, ANN + len(orders)))
    road.deliver(1)
    for at in range(3):
        assert road.fates(message_ids) == [("sent", None)] * len(orders)
        for n, order in enumerate(orders):
            road.callback(receipt(f"{n}-{order[at]}"))
        if at < 2 and not together:
            road.pass_time(1)
    road.pass_time(1)
    assert road.fates(message_ids) == [("delivered", "ok")] * len(orders)
    assert fates(road) == {"part": 2 * len(orders), "applied": len(orders)}


@pytest.mark.parametrize("together", [True, False])
def test_a_part_whose_receipt_comes_twice_counts_once(road, in_parts, together):
    refs = ["p1", "p1", "p2", "p2"]
    if together:
        road.callback(*[receipt(ref) for ref in refs])
    else:
        for ref in refs:
            road.callback(receipt(ref))
            road.pass_time(1)
    road.pass_time(1)
    assert road.fate(in_parts) == ("sent", None)
    assert fates(road) == {"part": 2, "late": 2}
    road.callback(receipt("p3"))
    road.pass_time(1)
    assert road.fate(in_parts) == ("delivered", "ok")


def test_a_message_fails_with_its_first_part_that_does(road, in_parts):
    road.callback(receipt("p3"))
    road.callback(receipt("p2", Status.UNDELIVERED, "absent"))
    road.pass_time(1)
    assert road.fate(in_parts) == ("undelivered", "absent (part 2 of 3)")
    road.callback(receipt("p1"))
    road.pass_time(1)
    assert road.fate(in_parts) == ("undelivered", "absent (part 2 of 3)")
    assert fates(road) == {"part": 1, "applied": 1, "late": 1}


def test_parts_may_be_told_before_the_answer_names_them(road, sender):
    road.carrier.will(ANN, 3.0, Submitted("p1", ("p2",)))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("p2"))
    road.callback(receipt("p1"))
    road.pass_time(1)
    assert road.fate(message_id) == ("sending", None)
    road.pass_time(4)
    assert road.fate(message_id) == ("delivered", "ok")


@pytest.mark.parametrize("refs", [("p1", ("p1",)), ("p1", ("p1", "p1"))])
def test_parts_of_one_name_have_one_receipt(road, sender, refs):
    road.carrier.will(ANN, Submitted(*refs))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("p1"))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")


def test_parts_are_counted_by_their_names(road, sender):
    road.carrier.will(ANN, Submitted("p1", ("p2", "p1", "p2")))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("p2"))
    road.pass_time(1)
    assert road.fate(message_id) == ("sent", None)
    road.callback(receipt("p1"))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")


@pytest.mark.parametrize("ref", ["p1", "p2", "p3"])
def test_one_receipt_may_be_for_all_parts(road, sender, ref):
    road.carrier.will(ANN, Submitted("p1", ("p2", "p3"), one_receipt=True))
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt(ref))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")
    road.callback(receipt("p2", Status.UNDELIVERED, "absent"))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")


def test_what_was_passed_over_of_a_callback_is_counted(road, sender):
    [message_id] = road.send(sender, ANN)
    road.deliver(1)
    road.callback(receipt("ref-1", flaw="2 octets at its end"))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")
    assert road.counted("callbacks_flawed_total") == 1


@pytest.mark.parametrize(
    ("body", "is_off"),
    [
        ("id:77 sub:001 dlvrd:001 stat:DELIVRD err:000 text:Unsubscribe any time", False),
        ("id:77 stat:UNDELIV text:STOP", False),
        ("STOP", True),
    ],
)
def test_no_keyword_is_read_in_what_has_a_receipts_form(road, sender, body, is_off):
    road.send(sender, ANN)
    road.start_all()
    road.callback(Reply(sender=ANN, list_number=sender.number, body=body))
    road.pass_time(1)
    assert road.sql("SELECT body FROM replies") == [(body,)]
    assert bool(road.sql("SELECT 1 FROM list_contacts WHERE NOT active")) is is_off


# Unknown and unreadable


@pytest.mark.parametrize(
    "stray",
    [
        receipt("never heard of"),
        receipt("never heard of", status=None),
        receipt("never heard of", message_id="zzzzzzzz"),
        receipt("never heard of", message_id="no id"),
    ],
)
def test_a_receipt_for_nobody_is_kept_aside_and_hurts_nobody(road, sent, stray):
    road.callback(stray, receipt())
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert fates(road) == {"parked": 1, "applied": 1}
    assert road.sql("SELECT carrier_ref FROM parked_receipts") == [("never heard of",)]


def test_a_reference_of_another_connector_is_not_ours(road, sent):
    road.stop_all()
    other = road.add_connector()
    road.start_all()
    road.callback(receipt(), connector=other)
    road.pass_time(1)
    assert road.fate(sent) == ("sent", None)


def test_the_words_of_a_message_that_is_gone_go_with_it(road, sent):
    # Retention has taken the message, and a reference of its first attempt stayed behind.
    road.sql("DELETE FROM messages WHERE number = ?", road.ids.read(sent))
    road.callback(receipt())
    road.pass_time(2)
    road.callback(receipt("another"))
    road.pass_time(2)
    assert road.sql("SELECT count(*) FROM inbox") == [(0,)]


@pytest.mark.parametrize("raw", [b"nonsense", b"\x80 broken pickle"])
def test_a_callback_that_makes_no_sense_is_kept_with_the_reason(road, sent, raw):
    road.callback(raw, receipt())
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    [(kept, reason)] = road.sql("SELECT raw, reason FROM refused_callbacks")
    assert kept == raw
    assert reason
    assert road.sql("SELECT count(*) FROM inbox") == [(0,)]


@pytest.mark.parametrize(
    ("about", "level"),
    [
        (CallbackSubject.RECEIPT, "warning"),
        (CallbackSubject.REPLY, "error"),
        (CallbackSubject.UNKNOWN, "error"),
    ],
)
def test_a_piece_that_makes_no_sense_is_kept_alone_and_its_neighbours_count(
    road, sent, sender, about, level
):
    bad = Refused(reason="text is a number", raw=b"the bad piece", about=about)
    with logged_here() as logs:
        road.callback([reply(sender, "STOP"), bad, receipt()])
        road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert road.counted("replies_total", keyword="stop") == 1
    found = road.sql("SELECT raw, reason FROM refused_callbacks")
    assert found == [(b"the bad piece", "text is a number")]
    [line] = [line for line in logs if line["event"] == "callback_refused"]
    assert (line["log_level"], line["about"]) == (level, about)
    assert road.sql("SELECT count(*) FROM inbox") == [(0,)]


def test_a_piece_of_no_use_is_counted_and_logged(road, sent):
    with logged_here() as logs:
        road.callback(
            [IgnoredPart(IgnoredReason.SENDER), receipt(), IgnoredPart(IgnoredReason.SENDER)]
        )
        road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")
    assert road.counted("callbacks_set_aside_total", why="sender_is_no_number") == 2
    assert [line["count"] for line in logs if line["event"] == "callback_set_aside"] == [2]


def test_receipts_that_cannot_be_applied_now_are_applied_later(road, sent):
    road.callback(receipt())
    road.store.trouble = StorageUnavailable("full")
    road.pass_time(2)
    road.store.trouble = None
    road.pass_time(1)
    assert road.fate(sent) == ("delivered", "ok")


def test_a_callback_that_cannot_be_stored_is_refused_to_the_carrier(road, sent):
    road.store.trouble = StorageUnavailable("full")
    with pytest.raises(StorageUnavailable):
        road.callback(receipt())
    road.store.trouble = None
    road.pass_time(1)
    assert road.fate(sent) == ("sent", None)


def test_thousands_of_receipts_are_worked_off_in_rounds(make_road):
    road = make_road(window=2_000)
    sender = road.add_list(rate=10_000_000)
    message_ids = road.send(sender, *range(15550100000, 15550101200))
    road.deliver(3)
    road.callback(*(receipt(f"ref-{n + 1}") for n in range(1_200)))
    road.pass_time(1)
    assert set(road.fates(message_ids)) == {("delivered", "ok")}


# Uncertain messages


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.UNDELIVERED, Status.FAILED])
def test_an_echo_of_our_id_settles_an_uncertain_message(road, sender, status):
    road.carrier.will(ANN, None)
    [message_id] = road.send(sender, ANN)
    road.deliver(32)
    assert road.listed(Status.UNCERTAIN) == [message_id]
    road.callback(receipt("only they know", status, message_id=message_id))
    road.pass_time(1)
    assert road.fate(message_id) == (status.value, "ok")
    assert road.listed(Status.UNCERTAIN) == []


def test_a_late_answer_lets_a_receipt_settle_an_uncertain_message(road, sender):
    road.carrier.will(ANN, None)
    [message_id] = road.send(sender, ANN)
    road.deliver(32)
    road.callback(receipt("late-ref"))
    road.pass_time(1)
    assert road.fate(message_id) == ("uncertain", "uncertain (no answer in time)")
    road.do(road.carrier.report(Submitted("late-ref")))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")


def test_a_receipt_for_the_first_of_two_copies_ends_the_message(road):
    sender = road.add_list(on_uncertain=OnUncertain.RESEND_ONCE)
    road.carrier.will(ANN, None, 5.0, Submitted("second"))
    [message_id] = road.send(sender, ANN)
    road.deliver(32)
    assert len(road.carrier.taken) == 2
    road.callback(receipt("first", message_id=message_id))
    road.pass_time(10)
    assert road.fate(message_id) == ("delivered", "ok")
    road.callback(receipt("second", Status.UNDELIVERED))
    road.pass_time(1)
    assert road.fate(message_id) == ("delivered", "ok")


def test_a_receipt_for_a_message_that_still_waits_is_none(road, sender):
    road.start_all()
    road.stop_all()
    [message_id] = road.send(sender, ANN)
    road.callback(receipt("forged", message_id=message_id))
    road.do(road.receipts.step())
    assert road.fate(message_id) == ("queued", None)
    assert fates(road) == {"foreign": 1}


def test_while_callbacks_come_it_is_looked_for_what_was_parked_twice_a_second(road):
    def looks():
        """Return how often a step looks, with a callback that is there at its beginning."""
        road.callback(receipt("nobody's"))
        ran = road.statements(lambda: road.do(road.receipts.step()))
        return sum(each.startswith("SELECT p.") and "parked_receipts" in each for each in ran)

    road.start_all()
    road.stop_all()
    looks()
    assert looks() == 0
    road.clock.advance(0.4)
    assert looks() == 0
    road.clock.advance(0.1)
    assert looks() == 1
    assert looks() == 0
    # A clock that was set back must not end the looks.
    road.clock.advance(-1)
    assert looks() == 1
    # What comes after a callback is looked for at once where nothing else is to be done.
    ran = road.statements(lambda: road.do(road.receipts.step()))
    assert any(each.startswith("SELECT p.") and "parked_receipts" in each for each in ran)


# Replies


def reply(sender, body, recipient=ANN):
    return Reply(sender=recipient, list_number=sender.number, body=body)


def test_a_text_that_the_carrier_offers_twice_is_taken_once(road, sender):
    road.deliver(0.5)
    text = replace(reply(sender, "Where are you?"), carrier_ref="mo-1")
    road.callback(text, text)
    road.pass_time(1)
    road.callback(text)
    road.callback(replace(text, carrier_ref="mo-2"))
    road.callback(reply(sender, "Where are you?"))
    road.callback(reply(sender, "Where are you?"))
    road.pass_time(1)
    # Without an id of the carrier nobody can tell a text from the same one written again.
    assert len(replies(road)) == 4


@pytest.mark.parametrize("together", [True, False])
def test_texts_that_differ_are_all_taken_though_they_have_one_id(road, sender, together):
    """Some gateways number from 0 with each start, or give every text the same id."""
    road.deliver(0.5)
    texts = [
        replace(reply(sender, "Where are you?"), carrier_ref="0"),
        replace(reply(sender, "Hello?"), carrier_ref="0"),
        replace(reply(sender, "STOP", BEN), carrier_ref="0"),
    ]
    for group in [texts] if together else [[each] for each in texts]:
        road.callback(*group)
        road.pass_time(1)
    # And again, because our answer was lost.
    road.callback(*texts)
    road.pass_time(1)
    assert len(replies(road)) == len(texts)
    [verdict] = road.accept(road.order(sender, BEN))
    assert verdict.code == "contact_unsubscribed"


@pytest.mark.parametrize("together", [True, False])
def test_two_messages_of_one_id_are_both_sent_and_the_receipt_is_for_one(road, sender, together):
    for number in (ANN, BEN):
        road.carrier.will(number, Submitted("the same"))
    message_ids = road.send(sender, ANN, *([BEN] if together else []))
    road.deliver(1)
    if not together:
        message_ids += road.send(sender, BEN)
        road.deliver(1)
    assert road.fates(message_ids) == [("sent", None)] * 2
    road.callback(receipt("the same"), receipt("the same"))
    road.pass_time(1)
    assert sorted(road.fates(message_ids)) == [("delivered", "ok"), ("sent", None)]


def replies(road):
    return road.sql("SELECT list_id, sender, body, keyword FROM replies ORDER BY id")


@pytest.mark.parametrize("body", ["STOP", "stop.", "Unsubscribe", "ｓｔｏｐ"])  # noqa: RUF001
def test_a_stop_ends_the_subscription_and_drops_what_is_queued(road, sender, body):
    road.start_all()
    quiet = road.add_list(rate=1)
    road.send(quiet, BEN)
    road.pass_time(0.1)
    [message_id] = road.send(quiet, ANN)
    road.callback(reply(quiet, body))
    road.pass_time(61)
    assert road.fate(message_id) == ("dropped", "contact_blocked")
    # All that she still gets is the confirmation.
    assert road.carrier.recipients == [BEN, ANN]
    [verdict] = road.accept(road.order(quiet, ANN, "again"))
    assert verdict.code == "contact_unsubscribed"
    # The other list of the account, and the other contact of the list, are not concerned.
    assert road.send(sender, ANN)
    assert road.send(quiet, BEN, body="again")
    assert replies(road) == [(quiet.id, ANN, body, "stop")]
    assert road.counted("replies_total", keyword="stop") == 1


def test_a_stop_from_somebody_unknown_counts_as_well(road, sender):
    road.start_all()
    road.callback(reply(sender, "STOP", BEN))
    road.pass_time(1)
    [verdict] = road.accept(road.order(sender, BEN))
    assert verdict.code == "contact_unsubscribed"


def test_who_skips_the_check_reaches_even_the_unsubscribed(road, sender):
    road.start_all()
    road.callback(reply(sender, "STOP"))
    road.pass_time(1)
    message_ids = road.send(sender, ANN, skips=Skip.CONTACT_VALIDATION)
    road.pass_time(1)
    assert road.fates(message_ids) == [("sent", None)]


def test_a_start_brings_the_contact_back(road, sender):
    road.start_all()
    road.callback(reply(sender, "STOP"), reply(sender, "START"))
    road.pass_time(1)
    assert road.send(sender, ANN)
    assert [each[3] for each in replies(road)] == ["stop", "start"]
    evidence = road.sql("SELECT active, source, evidence FROM consent_events ORDER BY id")
    assert evidence == [(0, "reply", "STOP"), (1, "reply", "START")]


@pytest.mark.parametrize(
    ("body", "keyword"), [("HELP", "help"), ("stop by later", None), ("Thanks \U0001f600", None)]
)
def test_any_other_reply_is_kept_and_changes_nothing(road, sender, body, keyword):
    road.start_all()
    road.callback(reply(sender, body))
    road.pass_time(1)
    assert replies(road) == [(sender.id, ANN, body, keyword)]
    assert road.send(sender, ANN)


def test_a_stop_on_a_number_that_two_accounts_share_counts_for_both(road, sender):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    road.sql("UPDATE lists SET number = ? WHERE id = ?", sender.number, theirs.id)
    road.start_all()
    road.callback(reply(sender, "STOP"))
    road.pass_time(1)
    for account in (road.account, stranger):
        [verdict] = road.accept(road.order(sender, ANN), account=account)
        assert verdict.code == "contact_unsubscribed"


def test_a_reply_to_a_number_of_no_list_is_counted(road, sender, sent):
    road.callback(Reply(sender=ANN, list_number=15559999999, body="STOP"), receipt())
    road.pass_time(1)
    assert replies(road) == []
    assert road.fate(sent) == ("delivered", "ok")
    assert sender.number != 15559999999
    assert road.counted("callbacks_set_aside_total", why="no_list") == 1
    assert road.counted("replies_total", keyword="none") == 0

"""Replies about consent: who is off which list, what we answer, what is kept to show it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.answer_texts import default_text
from sendrail.domain.consent import AbuseComplaint, Keyword, ReplyPolicy, read_reply
from sendrail.domain.contact import OptOutReason, Scope
from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.receipts.apply import Policies

ANN, BEN = 15550100001, 15550100002
OFF = "You are off this list"
AGAIN = "You are on this list. Reply"
HELP = "This is an automatic answer"


def reply(sender, body, recipient=ANN, **more):
    return Reply(sender=recipient, list_number=sender.number, body=body, **more)


@pytest.fixture
def started(make_road):
    """Start a road with a policy on replies."""

    def start(**policy):
        road = make_road(policies=Policies(replies=ReplyPolicy(**policy)))
        road.sender = road.add_list()
        road.start_all()
        return road

    return start


@pytest.fixture
def road(started):
    return started()


def hear(road, *bodies, seconds=1.0, sender=None, **more):
    """Let handsets reply, one after the other."""
    for body in bodies:
        road.callback(reply(sender or road.sender, body, **more))
        road.pass_time(seconds)


def answers(road):
    """Return the beginnings of what went out, without the brand."""
    texts = [message.body.removeprefix("News: ") for _, message in road.carrier.taken]
    return [known for text in texts for known in (OFF, AGAIN, HELP) if text.startswith(known)]


def is_off(road, sender, recipient=ANN):
    contact = road.read(lambda tx: tx.contacts.find(sender.id, recipient))
    return contact is not None and not contact.active


def history(road, sender, recipient=ANN):
    return road.read(lambda tx: tx.contacts.history(sender.id, recipient))


# Answers


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        (["STOP"], [OFF]),
        (["please stop"], [OFF]),
        (["HELP"], [HELP]),
        (["hello"], []),
        (["STOP", "STOP"], [OFF]),
        (["STOP", "HELP"], [OFF]),
        (["STOP", "START"], [OFF, AGAIN]),
        (["START"], [AGAIN]),
        (["START", "START"], [AGAIN]),
        (["HELP", "HELP"], [HELP]),
        (["HELP", "STOP"], [HELP, OFF]),
        (["STOP", "START", "STOP", "START"], [OFF, AGAIN]),
        (["scam"], []),
    ],
)
def test_each_keyword_is_answered_once(road, bodies, told):
    hear(road, *bodies)
    assert answers(road) == told


def test_nothing_is_even_asked_for_a_help_after_an_opt_out(road):
    hear(road, "STOP", "HELP")
    assert road.sql("SELECT keyword FROM auto_replies") == [("stop",)]
    assert road.counted("auto_replies_total", fate="refused") == 0


def test_the_answers_come_again_after_the_pause(started):
    road = started(answer_pause_ms=60_000)
    hear(road, "HELP", "HELP", seconds=59.0)
    assert answers(road) == [HELP]
    road.pass_time(2)
    hear(road, "HELP")
    assert answers(road) == [HELP, HELP]


def test_a_carrier_that_has_answered_itself_is_not_doubled(road):
    hear(road, "STOP", "HELP", answered=True)
    assert answers(road) == []
    assert is_off(road, road.sender)


def test_a_stop_that_arrives_twice_at_once_is_answered_once(road):
    road.callback(reply(road.sender, "STOP"), reply(road.sender, "STOP"))
    road.pass_time(1)
    assert answers(road) == [OFF]
    assert len(history(road, road.sender)) == 1


def test_a_confirmation_passes_the_lists_pace(started):
    road = started()
    slow = road.add_list(rate=1)
    road.send(slow, *range(15550100010, 15550100020))
    hear(road, "STOP", sender=slow, seconds=3.0)
    assert OFF in answers(road)


def test_a_blocked_contact_gets_no_answer(road):
    road.block(ANN)
    hear(road, "HELP", "STOP")
    assert answers(road) == []
    assert is_off(road, road.sender)


def test_a_list_may_be_silent_or_have_its_own_texts(road):
    road.change_list(road.sender, stop_text="Bye from us.", help_text="Call 555-0100.")
    hear(road, "HELP", "STOP")
    assert [message.body for _, message in road.carrier.taken] == ["Call 555-0100.", "Bye from us."]
    quiet = road.add_list()
    road.change_list(quiet, answers=False)
    hear(road, "HELP", "STOP", sender=quiet)
    assert len(road.carrier.taken) == 2
    assert is_off(road, quiet)


@pytest.mark.parametrize("status", ["paused", "deleted"])
def test_a_list_that_does_not_send_honours_and_keeps_silent(road, status):
    road.change_list(road.sender, status=status)
    hear(road, "STOP")
    assert is_off(road, road.sender)
    assert answers(road) == []


def test_a_help_text_that_still_waits_is_withdrawn_by_a_stop(road):
    road.callback(reply(road.sender, "HELP"), reply(road.sender, "STOP"))
    road.pass_time(1)
    assert answers(road) == [OFF]


def test_a_number_that_two_accounts_share_answers_once(road):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    road.sql("UPDATE lists SET number = ? WHERE id = ?", road.sender.number, theirs.id)
    hear(road, "STOP")
    assert is_off(road, road.sender)
    assert is_off(road, theirs)
    assert answers(road) == [OFF]


def test_two_connectors_with_the_same_number_are_two_senders(started):
    road = started()
    road.stop_all()
    other_connector = road.add_connector()
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger, connector=other_connector)
    road.sql("UPDATE lists SET number = ? WHERE id = ?", road.sender.number, theirs.id)
    road.start_all()
    road.callback(reply(road.sender, "STOP"), connector=other_connector)
    road.pass_time(1)
    assert is_off(road, theirs)
    assert not is_off(road, road.sender)
    assert answers(road) == []
    assert len(road.carriers[other_connector].taken) == 1


@given(st.sampled_from(Keyword), st.text(max_size=100))
def test_no_answer_of_ours_is_a_keyword(keyword, brand):
    assert read_reply(default_text(keyword, brand)).keyword is None


@pytest.mark.parametrize("brand", ["wrong number", "Stop", "unsubscribe", "HELP", "opt out", ""])
@pytest.mark.parametrize("keyword", Keyword)
def test_a_brand_like_a_keyword_makes_no_answer_one(keyword, brand):
    assert read_reply(default_text(keyword, brand)).keyword is None


# Scope


def test_a_stop_ends_one_list_or_all_of_the_account_by_setting(started):
    for scope in Scope:
        road = started(scope=scope)
        other = road.add_list()
        stranger = road.write(lambda tx: tx.accounts.add("them", 0))
        theirs = road.add_list(account=stranger)
        hear(road, "STOP")
        assert is_off(road, road.sender)
        # Even a list that never knew the number keeps it out from now on.
        assert is_off(road, other) is (scope is Scope.ACCOUNT)
        assert not is_off(road, theirs)
        assert answers(road) == [OFF]
        hear(road, "START", sender=other if scope is Scope.ACCOUNT else road.sender)
        assert not any(is_off(road, each) for each in (road.sender, other))


def test_an_opt_out_of_the_account_drops_what_waits_on_its_other_lists(started):
    road = started(scope=Scope.ACCOUNT)
    slow = road.add_list(rate=1)
    road.send(slow, BEN)
    road.pass_time(0.1)
    [waiting] = road.send(slow, ANN)
    hear(road, "STOP", seconds=61.0)
    assert road.fate(waiting) == ("dropped", "contact_blocked")


def test_a_start_lifts_on_other_lists_only_what_a_reply_had_ended(started):
    road = started(scope=Scope.ACCOUNT)
    by_hand = road.add_list()
    road.unsubscribe(by_hand, ANN)
    hear(road, "STOP", "START")
    assert not is_off(road, road.sender)
    assert is_off(road, by_hand)


@pytest.mark.parametrize("bodies", [[], ["STOP"]])
def test_a_start_never_lifts_a_complaint(road, bodies):
    hear(road, *bodies)
    road.write(
        lambda tx: tx.contacts.unsubscribe(
            road.sender.id, ANN, OptOutReason.COMPLAINT, source="t", evidence="", now=1
        )
    )
    hear(road, "START")
    assert is_off(road, road.sender)
    assert AGAIN not in answers(road)


def test_a_start_never_lifts_a_block(road):
    road.block(ANN)
    hear(road, "STOP", "START")
    [verdict] = road.accept(road.order(road.sender, ANN))
    assert verdict.code == "contact_blocked"


# Evidence


def test_the_evidence_is_kept_with_its_rule(road):
    hear(road, "Please STOP\ntexting me!", "START")
    left, back = history(road, road.sender)
    assert (left.active, left.reason, left.source) == (False, "message", "reply")
    assert (left.rule, left.evidence) == ("phrase", "Please STOP\ntexting me!")
    assert (back.active, back.rule, back.evidence) == (True, "exact", "START")
    assert left.at < back.at
    rows = road.sql("SELECT keyword, rule, review FROM replies ORDER BY id")
    assert rows == [("stop", "phrase", 1), ("start", "exact", 0)]


def test_a_complaint_in_words_is_labelled_or_a_stop_by_setting(started):
    for abuse in AbuseComplaint:
        road = started(abuse=abuse)
        hear(road, "this is spam")
        assert is_off(road, road.sender) is (abuse is AbuseComplaint.STOP)
        assert road.sql("SELECT rule, review FROM replies") == [("abuse", 1)]


def test_yes_resubscribes_by_setting(started):
    for yes_starts in (False, True):
        road = started(yes_starts=yes_starts)
        hear(road, "STOP", "YES")
        assert is_off(road, road.sender) is not yes_starts


def test_the_words_of_an_account_are_its_own(road):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    road.write(lambda tx: tx.accounts.set_stop_words(road.account, "Nej tack,Ta bort mig"))
    hear(road, "NEJ TACK!")
    hear(road, "nej tack", sender=theirs)
    assert is_off(road, road.sender)
    assert not is_off(road, theirs)


def test_an_answer_is_a_message_like_any_other(road):
    hear(road, "STOP")
    [(status, skips)] = road.sql("SELECT status, skips FROM messages")
    assert (status, skips) == ("sent", 47)
    road.callback(Receipt(carrier_ref="ref-1", status=Status.DELIVERED, detail="ok"))
    road.pass_time(1)
    assert road.sql("SELECT status FROM messages") == [("delivered",)]

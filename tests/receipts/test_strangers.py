"""Texts from numbers that a list does not know: contacts without a subscription until a START."""

import pytest
from travels import Journeys

from sendrail.domain.consent import ReplyPolicy
from sendrail.domain.contact import OptOutReason, SignupMethod
from sendrail.domain.message import Skip
from sendrail.domain.receipt import Reply
from sendrail.receipts.apply import Policies

ANN, BEN = 15550100001, 15550100002
CONFIRMED = "News: You are on this list. Reply HELP for help or STOP to opt out."


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


def hear(road, *bodies, sender=None, recipient=ANN):
    for body in bodies:
        number = (sender or road.sender).number
        road.callback(Reply(sender=recipient, list_number=number, body=body))
        road.pass_time(1.0)


def contacts(road):
    return road.sql("SELECT account_id, recipient FROM contacts ORDER BY account_id, recipient")


def subscription(road, recipient=ANN, sender=None):
    return road.read(lambda tx: tx.contacts.find((sender or road.sender).id, recipient))


def history(road, recipient=ANN):
    events = road.read(lambda tx: tx.contacts.history(road.sender.id, recipient))
    return [(event.active, event.reason, event.source, event.rule, event.evidence)
            for event in events]  # fmt: skip


def erase(road, recipient=ANN):
    road.write(lambda tx: tx.erasure.forget(road.account, recipient, 1))


@pytest.mark.parametrize("body", ["Hello", "HELP", "this is spam", "\U0001f44d"])
def test_a_text_from_a_stranger_makes_a_contact_without_a_subscription(road, body):
    hear(road, body, body)
    assert contacts(road) == [(road.account, ANN)]
    assert subscription(road) is None
    assert history(road) == []


def test_the_contact_is_that_of_the_account_whose_list_was_written_to(road):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    hear(road, "Hello", sender=theirs)
    assert contacts(road) == [(stranger, ANN)]


def test_a_contact_that_is_known_stays_as_it_is(road):
    road.write(lambda tx: tx.signups.upsert_contacts(road.account, {ANN: "ann@example.com"}, 5))
    hear(road, "Hello")
    assert road.sql("SELECT email, created_at FROM contacts") == [("ann@example.com", 5)]


@pytest.mark.parametrize("before", [[], ["Hello"]])
def test_a_start_subscribes_a_stranger_and_is_confirmed(road, before):
    hear(road, *before, "Start!")
    found = subscription(road)
    assert found.active
    assert found.signup_method is SignupMethod.KEYWORD
    assert history(road) == [(True, "signed_up", "keyword", "exact", "Start!")]
    assert [message.body for _, message in road.carrier.taken] == [CONFIRMED]
    assert contacts(road) == [(road.account, ANN)]


def test_whoever_started_can_stop_and_start_again(road):
    hear(road, "START", "STOP", "START")
    assert subscription(road).active
    assert [(event[0], event[1]) for event in history(road)] == [
        (True, "signed_up"), (False, "message"), (True, "resubscribed"),
    ]  # fmt: skip
    left = "SELECT band, n FROM cohort_counts WHERE what = 'opt_outs'"
    assert road.sql(left) == [(0, 1)]


def test_a_start_from_a_subscriber_changes_nothing(road):
    hear(road, "START", "START", "UNSTOP")
    assert len(history(road)) == 1


def test_a_stranger_who_stops_is_off_and_known(road):
    hear(road, "STOP")
    assert not subscription(road).active
    assert contacts(road) == [(road.account, ANN)]


def test_a_yes_brings_back_and_never_brings_in(started):
    road = started(yes_starts=True)
    hear(road, "YES")
    assert subscription(road) is None
    hear(road, "STOP", "YES", recipient=BEN)
    assert subscription(road, BEN).active


def test_a_deleted_list_takes_nobody_in(road):
    road.change_list(road.sender, status="deleted")
    hear(road, "START")
    assert subscription(road) is None


def test_a_complaint_is_lifted_by_no_start(road):
    road.write(
        lambda tx: tx.contacts.unsubscribe(
            road.sender.id, ANN, OptOutReason.COMPLAINT, source="t", evidence="x", now=1
        )
    )
    hear(road, "START")
    assert not subscription(road).active
    assert road.carrier.taken == []


def test_of_an_erased_person_nothing_is_kept_until_their_own_start(road):
    hear(road, "Hello")
    erase(road)
    hear(road, "Hello again")
    assert contacts(road) == []
    assert subscription(road) is None
    hear(road, "START")
    assert subscription(road).active
    assert contacts(road) == [(road.account, ANN)]


def test_an_erased_person_who_had_complained_stays_out(road):
    road.write(
        lambda tx: tx.contacts.unsubscribe(
            road.sender.id, ANN, OptOutReason.COMPLAINT, source="t", evidence="x", now=1
        )
    )
    erase(road)
    hear(road, "START")
    assert subscription(road) is None
    assert contacts(road) == []


def test_an_answer_is_marked_as_automatic_and_stays_so_when_a_person_is_erased(road):
    hear(road, "HELP")
    [(number, skips)] = road.sql("SELECT number, skips FROM messages")
    assert skips & Skip.AUTOMATIC
    road.write(lambda tx: tx.erasure.redact_messages(road.account, ANN, [number]))
    assert road.sql("SELECT skips, body FROM messages") == [(int(Skip.AUTOMATIC), "")]


@pytest.mark.parametrize(
    ("body", "word", "rule"),
    [("Arr\u00eat", "ARRET", "language"), ("unsubscribe.", "UNSUBSCRIBE", "exact")],
)
def test_the_word_that_came_is_kept_beside_the_rule(road, body, word, rule):
    hear(road, body)
    assert road.sql("SELECT keyword, word, rule FROM replies") == [("stop", word, rule)]


def test_who_joins_or_comes_back_by_a_word_enters_the_journey_of_that_word(road):
    journeys = Journeys(road, road.sender)
    journey = journeys.add(
        {"id": "day", "kind": "wait", "value": 1, "unit": "days"},
        trigger={"on": ["reply"], "keyword": "START"}, reentry={"mode": "always"},
    )  # fmt: skip
    hear(road, "START")
    assert journeys.where(ANN) == "day"
    hear(road, "STOP")
    assert journeys.where(ANN) == "over: unsubscribed"
    hear(road, "START")
    assert (journeys.where(ANN), journeys.at(ANN, journey).times) == ("day", 2)
    # A word that subscribes nobody lets no stranger enter.
    hear(road, "HELP", recipient=BEN)
    assert road.read(lambda tx: tx.journeys.enrolment(journey, BEN)) is None

"""What carriers say of recipients, by receipt and by refusal: at once, after many, or never."""

import pytest

from sendrail.domain.contact import RecipientTrouble, Scope, TroublePolicy
from sendrail.domain.delivery import Rejected, Submitted
from sendrail.domain.message import Skip, Status
from sendrail.domain.receipt import Receipt, Reply
from sendrail.receipts.apply import Policies

ANN, BEN = 15550100001, 15550100002
AT_ONCE = [
    (RecipientTrouble.OPTED_OUT, "message"),
    (RecipientTrouble.SPAM, "complaint"),
    (RecipientTrouble.INVALID_DESTINATION, "invalid_contact"),
]
PASSING = [RecipientTrouble.ABSENT_SUBSCRIBER, RecipientTrouble.OPERATOR]
DAY = 86_400
TIMES = 3


@pytest.fixture
def started(make_road):
    def start(scope=Scope.LIST, times_max=TIMES, days=30):
        policy = TroublePolicy(scope=scope, times_max=times_max, within_ms=days * DAY * 1000)
        road = make_road(policies=Policies(troubles=policy), stale_after_ms=10**9)
        road.sender = road.add_list()
        road.start_all()
        return road

    return start


@pytest.fixture(params=["receipt", "refusal"])
def way(request):
    """Return how a carrier says a word of a recipient: after it took the message, or instead."""

    def by_receipt(road, sender, recipient, trouble):
        road.send(sender, recipient, body=f"{road.clock.now()}")
        road.pass_time(1)
        road.callback(
            Receipt(
                carrier_ref=f"ref-{len(road.carrier.taken)}",
                status=Status.UNDELIVERED,
                detail=f"carrier says {trouble}",
                trouble=trouble,
            )
        )
        road.pass_time(1)

    def by_refusal(road, sender, recipient, trouble):
        road.carrier.will(recipient, Rejected(f"carrier says {trouble}", trouble))
        road.send(sender, recipient, body=f"{road.clock.now()}")
        road.pass_time(1)

    return {"receipt": by_receipt, "refusal": by_refusal}[request.param]


def left(road, sender, recipient=ANN):
    """Return why a contact is off a list, None while it is on it."""
    contact = road.read(lambda tx: tx.contacts.find(sender.id, recipient))
    return contact.reason if contact and not contact.active else None


def deliver(road, sender, recipient=ANN, detail="ok"):
    road.send(sender, recipient, body=f"good {road.clock.now()}")
    road.pass_time(1)
    reference = f"ref-{len(road.carrier.taken)}"
    road.callback(Receipt(carrier_ref=reference, status=Status.DELIVERED, detail=detail))
    road.pass_time(1)


@pytest.mark.parametrize(("trouble", "reason"), AT_ONCE)
def test_some_words_take_the_recipient_off_the_list_at_once(started, way, trouble, reason):
    road = started()
    other = road.add_list()
    way(road, road.sender, ANN, trouble)
    assert left(road, road.sender) == reason
    assert left(road, other) is None
    [event] = road.read(lambda tx: tx.contacts.history(road.sender.id, ANN))
    assert (event.source, event.rule) == ("carrier", trouble)
    assert event.evidence == f"carrier says {trouble}"
    assert road.counted("recipients_removed_total", trouble=trouble) == 1
    # Nobody is told: the carrier has done that, or there is nobody to tell.
    assert road.sql("SELECT count(*) FROM auto_replies") == [(0,)]


def test_an_opt_out_at_the_carrier_reaches_as_far_as_the_setting_says(started, way):
    road = started(scope=Scope.ACCOUNT)
    other = road.add_list()
    way(road, road.sender, ANN, RecipientTrouble.OPTED_OUT)
    assert left(road, other) == "message"
    way(road, road.sender, BEN, RecipientTrouble.SPAM)
    assert left(road, other, BEN) is None


@pytest.mark.parametrize("trouble", PASSING)
def test_passing_troubles_in_a_row_are_one_too_many_at_the_threshold(started, way, trouble):
    road = started()
    for _ in range(TIMES - 1):
        way(road, road.sender, ANN, trouble)
        way(road, road.sender, BEN, trouble)
    assert left(road, road.sender) is None
    way(road, road.sender, ANN, trouble)
    assert left(road, road.sender) == "bad_response"
    assert left(road, road.sender, BEN) is None


def test_both_kinds_and_both_ways_count_together(started):
    road = started()
    road.carrier.will(ANN, Rejected("a", PASSING[0]), Rejected("b", PASSING[1]))
    road.carrier.will(ANN, Submitted("c"))
    for body in ("1", "2", "3"):
        road.send(road.sender, ANN, body=body)
        road.pass_time(1)
    assert left(road, road.sender) is None
    road.callback(
        Receipt(carrier_ref="c", status=Status.UNDELIVERED, detail="x", trouble=PASSING[0])
    )
    road.pass_time(1)
    assert left(road, road.sender) == "bad_response"


def test_a_delivery_in_between_begins_the_count_anew(started, way):
    road = started()
    for _ in range(TIMES - 1):
        way(road, road.sender, BEN, PASSING[0])
    for _ in range(2):
        for _ in range(TIMES - 1):
            way(road, road.sender, ANN, PASSING[0])
        deliver(road, road.sender)
    assert left(road, road.sender) is None
    # Hers was hers alone.
    way(road, road.sender, BEN, PASSING[0])
    assert left(road, road.sender, BEN) == "bad_response"


def test_what_only_the_operator_has_counts_as_no_delivery(started, way):
    road = started()
    for _ in range(TIMES - 1):
        way(road, road.sender, ANN, PASSING[0])
    deliver(road, road.sender, detail="DELIVERED_TO_OPERATOR")
    way(road, road.sender, ANN, PASSING[0])
    assert left(road, road.sender) == "bad_response"


def test_a_delivery_on_another_list_changes_no_count(started, way):
    road = started()
    other = road.add_list()
    for _ in range(TIMES - 1):
        way(road, road.sender, ANN, PASSING[0])
    deliver(road, other)
    way(road, road.sender, ANN, PASSING[0])
    assert left(road, road.sender) == "bad_response"


def test_old_troubles_count_no_more(started, way):
    road = started(days=1)
    for _ in range(TIMES - 1):
        way(road, road.sender, ANN, PASSING[0])
    road.clock.advance(DAY)
    way(road, road.sender, ANN, PASSING[0])
    assert left(road, road.sender) is None


def test_a_threshold_of_none_never_removes(started, way):
    road = started(times_max=0)
    for _ in range(TIMES):
        way(road, road.sender, ANN, PASSING[0])
    assert left(road, road.sender) is None
    assert road.sql("SELECT count(*) FROM recipient_troubles") == [(0,)]


def test_the_same_word_on_one_message_counts_once(started):
    road = started(times_max=2)
    road.send(road.sender, ANN)
    road.pass_time(1)
    word = Receipt(carrier_ref="ref-1", status=Status.UNDELIVERED, detail="x", trouble=PASSING[0])
    road.callback(word, word)
    road.pass_time(1)
    road.callback(word)
    road.pass_time(1)
    assert left(road, road.sender) is None


def test_a_word_that_overtook_its_answer_is_heeded_once_the_message_is_known(started):
    road = started()
    road.carrier.will(ANN, 3.0, Submitted("slow"))
    road.send(road.sender, ANN)
    road.pass_time(1)
    road.callback(
        Receipt(
            carrier_ref="slow",
            status=Status.UNDELIVERED,
            detail="x",
            trouble=RecipientTrouble.INVALID_DESTINATION,
        )
    )
    road.pass_time(1)
    assert left(road, road.sender) is None
    road.pass_time(4)
    assert left(road, road.sender) == "invalid_contact"


def test_a_word_on_another_connectors_message_is_none_on_ours(started):
    road = started()
    road.stop_all()
    other = road.add_connector()
    road.start_all()
    road.send(road.sender, ANN)
    road.pass_time(1)
    road.callback(
        Receipt(
            carrier_ref="ref-1",
            status=Status.UNDELIVERED,
            detail="x",
            trouble=RecipientTrouble.SPAM,
        ),
        connector=other,
    )
    road.pass_time(1)
    assert left(road, road.sender) is None


def test_a_complaint_after_a_stop_keeps_a_start_from_lifting_it(started):
    road = started()
    road.callback(Reply(sender=ANN, list_number=road.sender.number, body="STOP"))
    road.pass_time(1)
    road.carrier.will(ANN, Rejected("spam", RecipientTrouble.SPAM))
    road.send(road.sender, ANN, body="still", skips=Skip.CONTACT_VALIDATION)
    road.pass_time(1)
    road.callback(Reply(sender=ANN, list_number=road.sender.number, body="START"))
    road.pass_time(1)
    assert left(road, road.sender) == "complaint"


def test_a_round_without_troubles_asks_one_probe_and_no_more(started):
    road = started()
    road.send(road.sender, *range(15550100100, 15550100150))
    road.pass_time(2)
    receipts = [
        Receipt(carrier_ref=f"ref-{n}", status=Status.DELIVERED, detail="ok") for n in range(1, 51)
    ]

    def callback():
        road.callback(*receipts)
        road.pass_time(1)

    asked = road.statements(callback)
    about = [text for text in asked if "recipient_troubles" in text]
    assert 1 <= len(about) <= 2, about
    assert not any("DELETE" in text for text in about)

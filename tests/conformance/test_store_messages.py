"""What a store is, second part: messages coming in, the queue, attempts and receipts."""

import pytest
from stores import (
    AHEAD,
    ANN,
    BEN,
    CAMPAIGN,
    FOREVER,
    NOW,
    OURS,
    PACED,
    apply,
    owners,
    park,
    parked,
)

from sendrail.domain.errors import Contended, StorageUnavailable
from sendrail.domain.message import Status
from sendrail.storage.pipeline.inbox import PartReceipt, ReceiptTarget, StatusChange
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace
from sendrail.storage.pipeline.queue import AttemptStart, QueueHead, QueuePlace

# Messages


def test_a_message_is_found_as_it_was_inserted(house):
    body, metadata = "Grüße \U0001f600 {{messageId}}", '{"a": [1]}'
    row = (
        house.no(7), house.list.lane, house.us, house.list.id, BEN, NOW + 3, 5, 2, "ucs2", body,
        metadata, "17 https://a.example/x,y",
    )  # fmt: skip
    house.write(lambda tx: tx.messages.insert([row], NOW))
    found = house.find(7)
    assert (found.number, found.recipient, found.list_number) == (house.no(7), BEN, f"+{OURS}")
    assert (found.body, found.metadata) == (body, metadata)
    assert found.links == "17 https://a.example/x,y"
    assert (found.account_id, found.list_id) == (house.us, house.list.id)
    assert found.list_connector_id == house.list.connector_id
    assert (found.status, found.detail, found.attempt) == (Status.QUEUED, None, 0)
    assert (found.encoding, found.segments, found.created_at) == ("ucs2", 2, NOW + 3)
    assert (found.provider, found.connector, found.provider_detail) == (None,) * 3
    assert (found.carrier_ref, found.sent_at, found.ended_at) == (None,) * 3
    [waiting] = house.read(lambda tx: tx.queue.load([house.place(7)])).values()
    assert waiting == (
        house.no(7), house.us, BEN, 0, 5, 0, "ucs2", 2, body, None,
        "17 https://a.example/x,y", None,
    )  # fmt: skip


def test_a_message_is_due_when_it_was_made_unless_it_is_told_when(house):
    def insert(tx):
        for number, due_at in ((5, None), (6, NOW + 9)):
            row = (
                house.no(number), house.list.lane, house.us, house.list.id, ANN, NOW + 3, 0, 1,
                "gsm7", "Hello", None, "",
            )  # fmt: skip
            tx.messages.insert([row], due_at)
        tx.messages.insert([])

    house.write(insert)
    assert [(place.number, place.due_at) for place in house.due(FOREVER)] == [
        (house.no(5), NOW + 3),
        (house.no(6), NOW + 9),
    ]


def test_a_number_is_one_message_for_ever(house):
    house.queue(1)
    with pytest.raises(StorageUnavailable):
        house.queue(1, due_at=NOW + 1)
    assert house.waiting() == [1]


# The queue


def test_what_is_due_comes_by_its_time_and_then_its_number(house):
    for number, due_at in ((5, 30), (2, 30), (9, 10), (1, 20), (3, 40)):
        house.queue(number, due_at=NOW + due_at)
    assert [place.number for place in house.due(NOW + 30)] == house.nos(9, 1, 2, 5)
    assert [place.number for place in house.due(NOW + 30, limit=2)] == house.nos(9, 1)
    assert house.due(NOW + 9) == []
    assert house.due(NOW + 10) == [house.place(9, due_at=NOW + 10)]


def test_ranks_and_lists_are_queues_of_their_own(house):
    other = house.add_list(house.us, 15550003000)
    house.queue(1, rank=AHEAD)
    house.queue(2, rank=PACED)
    house.queue(3, sender=other)
    assert house.waiting(rank=AHEAD) == [1]
    assert house.waiting(rank=PACED) == [2]
    assert house.waiting(sender=other) == [3]


@pytest.mark.parametrize(
    ("now", "expected"), [(0, 10), (9, 10), (10, 20), (19, 20), (20, 30), (30, None)]
)
def test_the_next_time_is_the_first_after_now_in_any_rank(house, now, expected):
    house.queue(1, rank=AHEAD, due_at=NOW + 20)
    house.queue(2, rank=PACED, due_at=NOW + 10)
    house.queue(3, rank=CAMPAIGN, due_at=NOW + 30)
    wanted = [(house.list.lane, house.list.id, 0, 0)]
    found = house.read(lambda tx: tx.queue.heads(wanted, NOW + now))[house.list.id]
    assert found == QueueHead(([], [], []), None if expected is None else NOW + expected)


def test_the_heads_of_lists_are_what_is_due_of_each_in_its_order_within_its_bounds(house):
    other, idle = (house.add_list(house.us, 15550003000 + n) for n in range(2))
    for n, due_at in ((1, 30), (2, 10), (3, 20), (4, 10)):
        house.queue(n, due_at=NOW + due_at)
    house.queue(5, 6, rank=AHEAD)
    house.queue(8, 9, 10, 11, rank=CAMPAIGN)
    house.queue(7, sender=other, due_at=NOW + 20)
    wanted = [(each.lane, each.id, 1, 3) for each in (house.list, other, idle)]
    heads = house.read(lambda tx: tx.queue.heads(wanted, NOW + 20))
    assert heads == {
        house.list.id: QueueHead(
            (
                [house.place(5, AHEAD)],
                [house.place(n, due_at=NOW + at) for n, at in THREE],
                [house.place(n, CAMPAIGN) for n in (8, 9, 10)],
            ),
            NOW + 30,
        ),
        other.id: QueueHead(
            ([], [QueuePlace(other.lane, other.id, PACED, NOW + 20, house.no(7, other))], [])
        ),
        idle.id: QueueHead(([], [], [])),
    }
    assert house.read(lambda tx: tx.queue.heads([], NOW)) == {}


THREE = ((2, 10), (4, 10), (3, 20))


def test_what_is_postponed_waits_in_its_rank_until_then_whatever_its_attempts(house):
    for number in (1, 2, 3):
        house.queue(number, due_at=NOW + number, rank=CAMPAIGN)
    places = [house.place(number, CAMPAIGN, NOW + number) for number in (2, 1)]
    house.write(lambda tx: tx.queue.postpone(places, [NOW + 50, NOW + 60]))
    due = house.due(FOREVER, rank=CAMPAIGN)
    assert [(place.due_at - NOW, place.number) for place in due] == [
        (3, house.no(3)), (50, house.no(2)), (60, house.no(1)),
    ]  # fmt: skip
    assert house.find(1).attempt == 0


def test_the_lists_with_something_waiting_are_told_once_each(house):
    assert house.read(lambda tx: tx.queue.lists_waiting()) == []
    lists = [house.add_list(house.us, 15550003000 + n) for n in range(25)]
    for at, sender in enumerate(lists):
        if at % 3:
            numbers = range(at * 100, at * 100 + 1 + at)
            house.queue(*numbers, sender=sender, due_at=NOW + 10**9, rank=at % 2)
    found = house.read(lambda tx: tx.queue.lists_waiting())
    assert sorted(found) == sorted((s.lane, s.id) for at, s in enumerate(lists) if at % 3)


def test_a_departed_message_waits_no_more_and_its_intent_is_written(house):
    house.queue(1, 2)
    house.start_attempts(1, epoch=4)
    assert house.waiting() == [2]
    assert house.statuses(1, 2) == [Status.SENDING, Status.QUEUED]
    [open_attempt] = house.read(lambda tx: tx.queue.unsettled(Status.SENDING, 0, 10))
    assert open_attempt == (
        house.no(1), house.list.lane, house.list.id, house.connector, "sending", 1, 4, 0, 0, NOW,
    )  # fmt: skip
    assert (house.find(1).provider, house.find(1).connector) == ("simulator", "sandbox")


@pytest.mark.parametrize("before", ["start_attempts", "drop"])
def test_only_what_is_queued_can_depart(house, before):
    house.queue(1)
    if before == "start_attempts":
        house.start_attempts(1)
    else:
        house.write(lambda tx: tx.queue.drop([(house.place(1), Status.DROPPED, "stale")], NOW))
    standing = house.find(1)
    # Where there are other writers, one of them may have been quicker.
    with pytest.raises((AssertionError, Contended)):
        house.start_attempts(1, attempt=2)
    assert house.find(1) == standing


def test_a_dropped_message_is_at_rest_and_the_reason_known(house):
    house.queue(1, 2, 3)
    house.write(
        lambda tx: tx.queue.drop(
            [
                (house.place(1), Status.DROPPED, "stale"),
                (house.place(3), Status.ORPHANED, "orphan"),
            ],
            NOW + 9,
        )
    )
    assert house.waiting() == [2]
    found = [house.find(number) for number in (1, 2, 3)]
    assert [(each.status, each.detail, each.ended_at) for each in found] == [
        (Status.DROPPED, "stale", NOW + 9),
        (Status.QUEUED, None, None),
        (Status.ORPHANED, "orphan", NOW + 9),
    ]


def test_what_is_under_way_cannot_be_dropped(house):
    house.queue(1)
    house.start_attempts(1)
    house.write(lambda tx: tx.queue.drop([(house.place(1), Status.DROPPED, "stale")], NOW))
    assert house.statuses(1) == [Status.SENDING]


# AttemptResults


def test_an_arrival_closes_its_attempt(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    found = house.find(1)
    assert (found.status, found.carrier_ref, found.sent_at) == (Status.SENT, "ref-1", NOW + 50)
    assert (found.attempt, found.ended_at) == (1, None)
    [attempt] = house.read(lambda tx: tx.lookup.attempts(house.us, house.no(1)))
    assert (attempt.attempt, attempt.outcome, attempt.carrier_ref) == (1, "submitted", "ref-1")
    assert (attempt.started_at, attempt.ended_at) == (NOW, NOW + 50)
    assert house.read(lambda tx: tx.queue.unsettled(Status.SENDING, 0, 10)) == []


def test_stretches_of_messages_go_on_where_the_last_one_ended(house):
    def insert(tx):
        for number in range(1, 12):
            # Many of one millisecond, and some out of order where numbers say nothing of time.
            row = (
                house.no(number), house.list.lane, house.us, house.list.id, ANN,
                NOW + number // 4, 0, 1, "gsm7", "Hello", None, "",
            )  # fmt: skip
            tx.messages.insert([row], NOW)

    house.write(insert)
    about = MessageFilter(list_number=OURS)
    paged = house.read(lambda tx: tx.lookup.page(house.us, about, 0, 50)).messages
    assert len(paged) == 11
    for limit in (1, 2, 4, 11, 12):
        place, seen = MessagePlace(FOREVER, house.no(12)), []
        while found := house.read(
            lambda tx, place=place, limit=limit: tx.lookup.older(house.us, about, place, limit)
        ):
            assert len(found) <= limit
            seen += [each.number for each in found]
            assert len(seen) <= len(paged), "it goes back"
            place = MessagePlace(found[-1].created_at, found[-1].number)
        assert seen == [each.number for each in paged]


def test_a_look_back_finds_what_matches_among_so_many(house):
    """It says where the last of those that it looked at stands, also where none of them matches."""
    people = {1: BEN, 6: BEN, 9: BEN}

    def insert(tx):
        for number in range(1, 12):
            row = (
                house.no(number), house.list.lane, house.us, house.list.id,
                people.get(number, ANN), NOW + number, 0, 1, "gsm7", "Hello", None, "",
            )  # fmt: skip
            tx.messages.insert([row], NOW)

    house.write(insert)
    newest = MessagePlace(FOREVER, house.no(4_000))
    about = MessageFilter(recipient=BEN)

    def look(than, most, limit=None, about=about, account=None):
        who = account or house.us
        back = house.read(lambda tx: tx.lookup.look_back(who, about, than, most, limit))
        return [place.number for place, _ in back.found], back.next_place

    def at(number):
        return MessagePlace(NOW + number, house.no(number))

    assert look(newest, 4) == ([house.no(9)], at(8))
    assert look(at(8), 1) == ([], at(7))
    assert look(at(8), 7) == ([house.no(6), house.no(1)], at(1))
    assert look(at(8), 8) == ([house.no(6), house.no(1)], None)
    # As many as were wanted: on from the last of them, though all were looked at.
    assert look(newest, 20, 1) == ([house.no(9)], at(9))
    assert look(newest, 20, 2) == ([house.no(9), house.no(6)], at(6))
    assert look(newest, 3, about=MessageFilter()) == ([house.no(n) for n in (11, 10, 9)], at(9))
    assert look(newest, 20, 2, about=MessageFilter()) == ([house.no(11), house.no(10)], at(10))
    assert look(newest, 20, about=MessageFilter(created_from=NOW + 10)) == (
        [house.no(11), house.no(10)],
        None,
    )
    assert look(newest, 20, account=house.them) == ([], None)


# Metadata as callers write it, and what is asked for that may be in it.
WRITTEN = {
    1: '{"order": "4711"}',
    2: '{"order":4711}',
    3: '{ "order" : 4.711e3 }',
    4: r'{"\u006frder": "\u0034711"}',
    5: '{"order": [1, 2], "plan": "gold"}',
    6: r'{"note": "one\ntwo"}',
    7: '{"note": "Grüße", "paid": true}',
    8: '{"other": "4711"}',
    9: None,
}
MAY_HAVE = {
    ("order", "4711"): {1, 2, 4, 6},
    ("order", "4711.0"): {1, 2, 3, 4, 5, 6},
    ("order", "[1,2]"): {1, 2, 3, 4, 5, 6},
    ("order", "4712"): {4, 6},
    ("plan", "gold"): {4, 5, 6},
    ("plan", "GOLD"): {4, 6},
    ("note", "one\ntwo"): {4, 6},
    ("note", "\0"): {4, 6},
    ("note", "Grüße"): {4, 6, 7},
    ("paid", "true"): {4, 6, 7},
    ("pai", "true"): {4, 6},
    ("note", "["): {4, 6},
    ("note", "[" * 5_000): {4, 6},
    ("order", ""): {1, 2, 3, 4, 5, 6},
}


def test_a_look_back_by_metadata_passes_over_what_cannot_have_it(house):
    """However JSON is written: what is not known from the text alone is there to be read."""

    def insert(tx):
        for number, written in WRITTEN.items():
            row = (
                house.no(number), house.list.lane, house.us, house.list.id, ANN, NOW + number, 0, 1,
                "gsm7", "Hello", written, "",
            )  # fmt: skip
            tx.messages.insert([row], NOW)

    house.write(insert)
    newest = MessagePlace(FOREVER, house.no(4_000))
    for wanted, numbers in MAY_HAVE.items():
        about = MessageFilter(metadata=wanted)
        back = house.read(lambda tx, about=about: tx.lookup.look_back(house.us, about, newest, 20))
        assert {place.number for place, _ in back.found} == {house.no(n) for n in numbers}, wanted
        assert back.looked == len(WRITTEN)
        assert all(text == WRITTEN[place.created_at - NOW] for place, text in back.found)


def test_a_carriers_own_word_stands_beside_ours_until_another_comes(house):
    def own(number):
        return house.find(number).provider_detail

    def depart_again(number, attempt):
        house.write(
            lambda tx: tx.queue.start_attempts(
                [house.place(number, due_at=NOW + 5_000)],
                [AttemptStart(attempt, 1, house.connector, NOW + 5_000, house.no(number))],
            )
        )

    for number in range(1, 6):
        house.queue(number)
        house.start_attempts(number)
    house.finish_attempts(
        house.result(1, status="failed", carrier_ref=None, provider_detail="30007")
    )
    [attempt] = house.read(lambda tx: tx.lookup.attempts(house.us, house.no(1)))
    assert (own(1), attempt.provider_detail) == ("30007", "30007")
    # A receipt's word takes the place of an answer's, and none that of one.
    house.finish_attempts(
        *(house.requeued(number, provider_detail="HTTP 500") for number in (2, 3, 4))
    )
    depart_again(2, 2)
    house.finish_attempts(house.result(2, attempt=2, attempts_spent=2))
    assert own(2) is None
    verdict = StatusChange("undelivered", "ABSENT", NOW, house.no(2), house.list.lane, "27")
    house.write(lambda tx: tx.inbox.apply([verdict]))
    assert own(2) == "27"
    house.write(
        lambda tx: tx.queue.drop(
            [(house.place(3, due_at=NOW + 5_000), Status.DROPPED, "stale")], NOW
        )
    )
    assert (own(3), house.find(3).detail) == (None, "stale")
    house.write(
        lambda tx: tx.queue.make_uncertain([house.place(4, due_at=NOW + 5_000)], "an older copy")
    )
    assert (own(4), house.find(4).detail) == ("an older copy", "uncertain")
    house.write(lambda tx: tx.queue.expire(house.no(4), house.list.lane, "unknown_outcome", NOW))
    assert (own(4), house.find(4).detail) == (None, "unknown_outcome")


def test_a_final_arrival_ends_the_message(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(
        house.result(1, outcome="rejected", status="failed", detail="landline", carrier_ref=None)
    )
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (Status.FAILED, "landline", NOW + 50)
    assert found.sent_at is None


STALE = [
    {"epoch": 2},
    {"epoch": 4},
    {"attempt": 1, "attempts_spent": 1},
    {"attempt": 3, "attempts_spent": 3},
    {"lane": 4095},
]


@pytest.mark.parametrize("stale", STALE)
def test_the_answer_to_another_attempt_does_not_touch_the_message(house, stale):
    house.queue(1)
    house.start_attempts(1, attempt=2, epoch=3)
    before = house.find(1)
    current = {"epoch": 3, "attempt": 2, "attempts_spent": 2}
    house.finish_attempts(house.result(1, **current | {"carrier_ref": None} | stale))
    house.finish_attempts(house.requeued(1, **current | stale))
    assert house.find(1) == before
    assert house.waiting() == []
    house.finish_attempts(house.result(1, **current))
    assert house.statuses(1) == [Status.SENT]


@pytest.mark.parametrize("again", ["sent", "failed", "uncertain"])
def test_a_second_answer_to_one_attempt_does_not_touch_the_message(house, again):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    before = house.find(1)
    house.finish_attempts(house.result(1, status=again, detail="again", carrier_ref=None))
    house.finish_attempts(house.requeued(1))
    assert house.find(1) == before
    assert house.waiting() == []
    assert len(house.read(lambda tx: tx.lookup.attempts(house.us, house.no(1)))) == 1


def test_a_failed_attempt_returns_to_the_queue_and_departs_anew(house):
    house.queue(1, 2)
    house.start_attempts(1)
    house.finish_attempts(house.requeued(1))
    assert [place.number for place in house.due(NOW)] == house.nos(2)
    assert house.due(FOREVER)[1] == house.place(1, due_at=NOW + 5_000)
    assert house.statuses(1) == [Status.QUEUED]
    assert house.read(lambda tx: tx.queue.load([house.place(1)]))[house.no(1)].attempt == 1
    house.start_attempts(1, attempt=2, due_at=NOW + 5_000)
    house.finish_attempts(house.result(1, attempt=2, attempts_spent=2))
    outcomes = house.read(lambda tx: [a.outcome for a in tx.lookup.attempts(house.us, house.no(1))])
    assert outcomes == ["failed", "submitted"]


def test_a_throttled_attempt_costs_nothing_and_is_not_listed(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.requeued(1, due_at=NOW, outcome="throttled", attempts_spent=0))
    assert house.due(NOW) == [house.place(1)]
    assert house.find(1).attempt == 0
    assert house.read(lambda tx: tx.lookup.attempts(house.us, house.no(1))) == []


def test_a_resend_is_remembered(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.requeued(1, outcome="uncertain", resent=1))
    assert house.read(lambda tx: tx.queue.load([house.place(1)]))[house.no(1)].resent == 1


def test_the_unsettled_come_in_pages_and_of_one_status(house):
    house.queue(*range(1, 8))
    house.start_attempts(*range(1, 7))
    for number in (2, 4):
        house.finish_attempts(house.result(number, status="uncertain", carrier_ref=None))
    page = lambda status, after, limit: [  # noqa: E731
        each.number
        for each in house.read(lambda tx: tx.queue.unsettled(status, house.no(after), limit))
    ]
    assert page(Status.SENDING, 0, 10) == house.nos(1, 3, 5, 6)
    assert page(Status.SENDING, 1, 2) == house.nos(3, 5)
    assert page(Status.UNCERTAIN, 0, 10) == house.nos(2, 4)
    assert page(Status.UNCERTAIN, 4, 10) == []


def test_only_an_uncertain_message_expires(house):
    house.queue(1, 2, 3)
    house.start_attempts(1, 2)
    house.finish_attempts(house.result(1, status="uncertain", carrier_ref=None))
    expire = lambda number: house.write(  # noqa: E731
        lambda tx: tx.queue.expire(house.no(number), house.list.lane, "unknown_outcome", NOW + 5)
    )
    assert [expire(number) for number in (1, 2, 3, 1, 99)] == [True, False, False, False, False]
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (
        Status.FAILED,
        "unknown_outcome",
        NOW + 5,
    )
    assert house.statuses(2, 3) == [Status.SENDING, Status.QUEUED]


# Receipts


def test_a_reference_leads_to_its_message_and_where_it_stands(house):
    house.queue(1, 2)
    house.start_attempts(1, 2)
    house.finish_attempts(house.result(1), house.result(2, carrier_ref="ref-2"))
    apply(house, 2)
    assert owners(house, "ref-1", "ref-2", "ref-3") == {
        (house.connector, "ref-1"): ReceiptTarget(house.no(1), house.list.lane, Status.SENT),
        (house.connector, "ref-2"): ReceiptTarget(house.no(2), house.list.lane, Status.DELIVERED),
    }
    # Another connector's references are another carrier's words.
    assert house.write(lambda tx: tx.inbox.targets_by_ref([(house.connector + 1, "ref-1")])) == {}
    assert house.write(lambda tx: tx.inbox.targets_by_ref([])) == {}


def test_the_references_of_parts_lead_to_their_message_and_count_what_is_left(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1, further_refs=("ref-2", "ref-3")))
    lane = house.list.lane
    word = PartReceipt(house.connector, "ref-2", house.no(1), lane, parts_left=2)
    house.write(lambda tx: tx.inbox.note_parts([word]))
    assert owners(house, "ref-1", "ref-2", "ref-3") == {
        (house.connector, f"ref-{part}"): ReceiptTarget(
            house.no(1), lane, Status.SENT, part=part, parts=3, noted=part == 2, parts_left=2
        )
        for part in (1, 2, 3)
    }
    assert house.find(1).carrier_ref == "ref-1"


def test_names_with_one_receipt_between_them_lead_to_a_message_without_parts(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1, further_refs=("ref-2", "ref-3"), one_receipt=True))
    whole = ReceiptTarget(house.no(1), house.list.lane, Status.SENT)
    assert owners(house, "ref-1", "ref-2", "ref-3") == {
        (house.connector, f"ref-{part}"): whole for part in (1, 2, 3)
    }
    assert house.find(1).carrier_ref == "ref-1"


def test_a_carrier_reads_what_customers_attached_to_their_messages(house):
    house.queue(1, 2)
    house.queue(3, metadata='{"order": 7}')
    places = house.due()
    found = house.read(lambda tx: tx.queue.metadata(places))
    assert found == dict.fromkeys(house.nos(1, 2)) | {house.no(3): '{"order": 7}'}
    assert house.read(lambda tx: tx.queue.metadata([])) == {}


def test_a_carrier_that_uses_a_reference_again_means_its_latest_message(house):
    house.queue(1, 2)
    house.start_attempts(1, 2)
    house.finish_attempts(house.result(1))
    house.finish_attempts(house.result(2, ended_at=NOW + 51))
    assert owners(house, "ref-1")[house.connector, "ref-1"].number == house.no(2)


def test_where_messages_stand_is_told_by_number(house):
    house.queue(1, 2)
    house.start_attempts(2)
    first, second = house.nos(1, 2)
    assert house.write(lambda tx: tx.inbox.targets_by_number(house.nos(1, 2, 3))) == {
        first: (ReceiptTarget(first, house.list.lane, Status.QUEUED), set()),
        second: (ReceiptTarget(second, house.list.lane, Status.SENDING), {house.connector}),
    }


def test_a_verdict_ends_the_message(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    apply(house, 1)
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (Status.DELIVERED, "ok", NOW + 70)
    assert found.sent_at == NOW + 50


@pytest.mark.parametrize("late", ["sent", "requeued", "uncertain"])
def test_a_receipt_that_overtook_the_answer_stands(house, late):
    house.queue(1)
    house.start_attempts(1)
    apply(house, 1)
    answers = {
        "sent": house.result(1),
        "requeued": house.requeued(1),
        "uncertain": house.result(1, status="uncertain", detail="?", carrier_ref=None),
    }
    house.finish_attempts(answers[late])
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (Status.DELIVERED, "ok", NOW + 70)
    assert house.waiting() == []
    assert (found.carrier_ref, found.sent_at) == (
        ("ref-1", NOW + 50) if late == "sent" else (None, None)
    )


def test_callbacks_are_taken_oldest_first_within_both_bounds(house):
    house.write(lambda tx: tx.inbox.put(house.connector, [b"a" * 10, b"b" * 10, b"c" * 10], NOW))
    other = house.write(lambda tx: tx.connectors.add(None, "other", "simulator", b"", 9, None))
    house.write(lambda tx: tx.inbox.put(other, [b"d"], NOW + 1))

    def taken(limit: int, size: int) -> list[bytes]:
        return [each.raw[:1] for each in house.write(lambda tx: tx.inbox.take(limit, size))]

    assert taken(10, 10**6) == [b"a", b"b", b"c", b"d"]
    assert taken(2, 10**6) == [b"a", b"b"]
    # At least one, however big it is.
    assert taken(10, 1) == [b"a"]
    assert taken(10, 15) == [b"a", b"b"]
    first, *_, last = house.write(lambda tx: tx.inbox.take(10, 10**6))
    assert (last.connector_id, last.received_at) == (other, NOW + 1)
    house.write(lambda tx: tx.inbox.remove([first.id, last.id]))
    assert taken(10, 10**6) == [b"b", b"c"]


def test_a_parked_receipt_is_found_once_its_reference_is_known(house):
    park(house, "ref-1", "ref-2", "ref-1")
    assert parked(house) == []
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    assert parked(house) == ["ref-1", "ref-1"]
    assert parked(house, limit=1) == ["ref-1"]
    assert parked(house, since=NOW + 1) == []
    [first, _] = house.write(lambda tx: tx.inbox.parked(0, 10))
    assert first[1:] == (house.connector, "ref-1", Status.DELIVERED, "ok", NOW, None)
    house.write(lambda tx: tx.inbox.unpark([first.id]))
    assert parked(house) == ["ref-1"]


def test_a_parked_word_without_a_status_comes_back_without_one(house):
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    park(house, "ref-1", status=None)
    [found] = house.write(lambda tx: tx.inbox.parked(0, 10))
    assert found.status is None


def test_strays_are_forgotten_in_bites(house):
    park(house, *(f"old-{n}" for n in range(5)))
    park(house, "ref-1", at=NOW + 10)
    forget = lambda: house.write(lambda tx: tx.inbox.forget_parked(NOW + 10, 3))  # noqa: E731
    assert [forget(), forget(), forget()] == [3, 2, 0]
    house.queue(1)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    assert parked(house) == ["ref-1"]

"""The one way in: judged together, on disk before anybody is told, and never the same twice."""

import asyncio
from contextlib import contextmanager

import enrolled
import pytest
from grounds import embedded_only, shared_only

from sendrail.domain.account import key_digest
from sendrail.domain.errors import (
    Forbidden,
    InvalidInput,
    Overloaded,
    SendrailError,
    StorageFull,
    StorageUnavailable,
    Unauthorized,
)
from sendrail.domain.message import Skip
from sendrail.domain.order import Fault
from sendrail.intake.orders import Limits, read_order
from sendrail.intake.submission import IdempotencyKey, Submission
from sendrail.intake.verdicts import Accepted, Refused, Replay

ANN, BEN, CID = 15550100001, 15550100002, 15550100003
WINDOW_SECONDS = 300


def codes(verdicts):
    return ["accepted" if isinstance(each, Accepted) else str(each.code) for each in verdicts]


class Asked(Submission):
    """A submission that keeps what it is told."""

    __slots__ = ("heard",)

    def __init__(self, caller, orders, idempotency=None):
        super().__init__(caller, orders, idempotency)
        self.heard = []

    def resolve(self, result):
        self.heard.append(result)

    def shape(self, verdicts):
        return 200, repr(codes(verdicts)).encode()


def offer(road, *submissions):
    """Offer all in one turn of the loop; return what each was told."""

    async def together():
        for submission in submissions:
            road.intake.offer(submission)
        await asyncio.sleep(1)

    road.do(together())
    assert [len(each.heard) for each in submissions] == [1] * len(submissions)
    return [each.heard[0] for each in submissions]


@pytest.fixture
def sender(road):
    return road.add_list()


# Acceptance


def test_an_accepted_order_is_on_disk_in_the_queue_and_the_worker_knows(road, sender):
    [verdict] = road.accept(road.order(sender, ANN, metadata=b'{"a": 1}', segments=2))
    found = road.find(verdict.message_id)
    assert (found.recipient, found.body, found.metadata) == (ANN, "Hello", '{"a": 1}')
    assert (found.status, found.segments) == ("queued", 2)
    assert road.sql("SELECT lane, list_id, rank FROM queue") == [(sender.lane, sender.id, 1)]
    assert road.store.hints.queued == {sender.id: sender.lane}


def test_orders_that_arrive_together_are_judged_together_each_on_its_own(road, sender):
    road.unsubscribe(sender, BEN)
    verdicts = road.accept(
        road.order(sender, ANN),
        road.order(sender, BEN),
        Fault("invalid_phone", "no", "to"),
        road.order(sender, CID),
        road.order(sender, ANN),
    )
    assert codes(verdicts) == [
        "accepted", "contact_unsubscribed", "invalid_phone", "accepted", "duplicate_message",
    ]  # fmt: skip
    assert verdicts[2] == Refused("invalid_phone", "no", "to")
    assert road.sql("SELECT count(*) FROM messages") == [(2,)]


def test_many_callers_share_a_transaction_and_each_hears_its_own(road, sender):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    told = offer(
        road,
        Asked(road.account, [road.order(sender, ANN)]),
        Asked(stranger, [road.order(theirs, ANN), road.order(sender, ANN)]),
        Asked(road.account, []),
        Asked(road.account, [road.order(theirs, BEN), road.order(sender, BEN)]),
    )
    assert [codes(each) for each in told] == [
        ["accepted"], ["accepted", "list_not_found"], [], ["list_not_found", "accepted"],
    ]  # fmt: skip


@shared_only
def test_what_comes_together_takes_two_statements_and_no_transaction(road, sender):
    lists = [sender, *(road.add_list() for _ in range(3))]
    for each in lists:
        road.send(each, ANN)
    orders = [road.order(each, to) for each in lists for to in (BEN, CID)]
    ran = road.statements(lambda: offer(road, *(Asked(road.account, [each]) for each in orders)))
    assert [statement.split()[0] for statement in ran] == ["SELECT", "WITH"]


def test_more_than_a_transaction_holds_is_done_in_several(road, sender):
    told = offer(
        road,
        *(
            Asked(road.account, [road.order(sender, 15550100000 + n * 100 + m) for m in range(100)])
            for n in range(20)
        ),
    )
    assert [codes(each) for each in told] == [["accepted"] * 100] * 20
    assert len({verdict.message_id for each in told for verdict in each}) == 2_000


def test_segments_count_the_text_with_its_id(road, sender):
    order = read_order(
        "+15550100001",
        f"+{sender.number}",
        "x" * 153 + "{{messageId}}",
        Limits(segments_max=9, characters_max=999),
    )
    [verdict] = road.accept(order)
    assert road.find(verdict.message_id).segments == 2


# Refusals, one row of facts each


def enrol(road, sender):
    def work(tx):
        tx.journeys.add(sender.id, "welcome", 0)
        journey = tx.journeys.find(road.account, sender.id, "welcome")
        enrolled.enrol(tx, journey, [ANN], 0, road.clock.now() + 1_000)

    road.write(work)


REFUSALS = [
    (lambda r, s: r.change_list(s, status="paused"), "list_inactive", None),
    (lambda r, s: r.change_list(s, status="deleted"), "list_not_found", None),
    (
        lambda r, s: r.change_list(s, byoc=True, verified_at=None),
        "webhook_not_configured",
        Skip.VERIFICATION,
    ),
    (
        lambda r, _: r.write(lambda tx: tx.accounts.set_blocked_words(r.account, "loan,hello")),
        "blocked_content",
        None,
    ),
    (lambda r, s: r.unsubscribe(s, ANN), "contact_unsubscribed", Skip.CONTACT_VALIDATION),
    (lambda r, _: r.block(ANN), "contact_blocked", Skip.CONTACT_VALIDATION),
    (lambda r, s: r.send(s, ANN), "duplicate_message", Skip.DUPLICATE),
    (enrol, "journey_conflict", Skip.JOURNEY),
    (
        lambda r, _: setattr(r.intake, "full_accounts", frozenset({r.account})),
        "queue_full",
        None,
    ),
]


@pytest.mark.parametrize(("prepare", "code", "opens"), REFUSALS)
def test_a_row_refuses_unless_its_flag_is_set(road, sender, prepare, code, opens):
    prepare(road, sender)
    # What is accepted comes last: then nothing but the row refuses the others.
    flags = sorted(Skip, key=lambda flag: flag == opens)
    found = {flag: codes(road.accept(road.order(sender, ANN, skips=flag))) for flag in flags}
    assert found == {flag: ["accepted" if flag == opens else code] for flag in flags}
    refused = len(flags) - (opens is not None)
    assert road.counted("orders_refused_total", code=code) == refused


def test_an_enrolment_ends_by_itself(road, sender):
    enrol(road, sender)
    road.clock.advance(1.0)
    assert codes(road.accept(road.order(sender, ANN))) == ["accepted"]


def test_words_blocked_for_the_installation_are_blocked_for_everybody(make_road):
    road = make_road()
    road.blocked_words = "hello"
    road.intake = road.open_intake()
    assert codes(road.accept(road.order(road.add_list(), ANN))) == ["blocked_content"]


# Duplicates


def test_a_duplicate_is_told_which_message_was_first(road, sender):
    [first] = road.send(sender, ANN)
    [verdict] = road.accept(road.order(sender, ANN))
    assert first in verdict.detail


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"recipient": BEN}, False),
        ({"body": "Hello!"}, False),
        ({"metadata": b"{}"}, True),
        ({"skips": Skip.JOURNEY}, True),
    ],
)
def test_the_same_text_to_the_same_recipient_from_the_same_list_is_a_duplicate(
    road, sender, change, same
):
    road.send(sender, ANN)
    order = road.order(sender, ANN)._replace(**change)
    assert codes(road.accept(order)) == ["duplicate_message" if same else "accepted"]


def test_another_list_may_say_the_same(road, sender):
    road.send(sender, ANN)
    assert codes(road.accept(road.order(road.add_list(), ANN))) == ["accepted"]


def test_the_text_counts_before_its_id_is_filled_in(road, sender):
    body = "See {{messageId}}"
    assert codes(road.accept(*[road.order(sender, ANN, body)] * 2)) == [
        "accepted",
        "duplicate_message",
    ]


def test_of_the_same_order_posted_at_once_one_becomes_a_message(road, sender):
    told = offer(road, *(Asked(road.account, [road.order(sender, ANN)]) for _ in range(30)))
    assert sorted(code for each in told for code in codes(each)) == [
        "accepted", *["duplicate_message"] * 29,
    ]  # fmt: skip


def test_a_refused_order_does_not_stand_in_the_way_of_its_repetition(road, sender):
    road.unsubscribe(sender, ANN)
    assert codes(road.accept(road.order(sender, ANN))) == ["contact_unsubscribed"]
    skips = Skip.CONTACT_VALIDATION
    assert codes(road.accept(road.order(sender, ANN, skips=skips))) == ["accepted"]


def test_who_skips_the_check_is_still_seen_by_who_does_not(road, sender):
    road.accept(road.order(sender, ANN, skips=Skip.DUPLICATE))
    assert codes(road.accept(road.order(sender, ANN))) == ["duplicate_message"]


PLAIN, FORCED = Skip.NONE, Skip.DUPLICATE
SAME_AT_ONCE = [
    ([PLAIN, FORCED], "am"),
    ([FORCED, PLAIN], "md"),
    ([PLAIN, FORCED, PLAIN, FORCED], "amdm"),
    ([FORCED, FORCED, FORCED], "mmm"),
    ([PLAIN, PLAIN], "ad"),
]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(("skips", "expected"), SAME_AT_ONCE)
def test_the_same_at_once_some_of_which_skip_the_check(road, sender, skips, expected, before):
    """`m` is a message whatever was before, `a` is one if it is the first, `d` is a duplicate."""
    means = {"m": "accepted", "a": "duplicate_message" if before else "accepted"}
    if before:
        road.accept(road.order(sender, ANN))
    road.clock.advance(WINDOW_SECONDS - 1)
    verdicts = road.accept(*(road.order(sender, ANN, skips=each) for each in skips))
    assert codes(verdicts) == [means.get(each, "duplicate_message") for each in expected]
    stored = before + codes(verdicts).count("accepted")
    assert road.sql("SELECT count(*) FROM messages") == [(stored,)]
    assert road.sql("SELECT count(*) FROM queue") == [(stored,)]
    # Whatever became a message now is the one that counts from now on.
    road.clock.advance(2)
    assert codes(road.accept(road.order(sender, ANN))) == [
        "duplicate_message" if "accepted" in codes(verdicts) else "accepted"
    ]


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(1, "duplicate_message"), (299.9, "duplicate_message"), (300, "accepted"), (900, "accepted")],
)
def test_the_window_ends(road, sender, seconds, code):
    road.send(sender, ANN)
    road.clock.advance(seconds)
    assert codes(road.accept(road.order(sender, ANN))) == [code]


@pytest.mark.parametrize("filled", ["at start", "at the first order"])
@pytest.mark.parametrize(
    ("seconds", "code"), [(100, "duplicate_message"), (299, "duplicate_message"), (301, "accepted")]
)
def test_a_restart_remembers_the_window(road, sender, filled, seconds, code):
    road.send(sender, BEN)
    road.clock.advance(60)
    road.send(sender, ANN)
    road.clock.advance(seconds)
    road.intake = road.open_intake()
    if filled == "at start":
        road.write(road.intake.fill_window)
    assert codes(road.accept(road.order(sender, ANN))) == [code]
    assert codes(road.accept(road.order(sender, BEN))) == [
        "duplicate_message" if seconds < 240 else "accepted"
    ]


def test_messages_of_another_process_are_seen(road, sender):
    road.send(sender, CID)
    other = road.ground.open()
    elsewhere = road.open_intake(store=other)
    road.do(elsewhere.accept(road.account, [road.order(sender, ANN)]))
    assert codes(road.accept(road.order(sender, ANN), road.order(sender, BEN))) == [
        "duplicate_message",
        "accepted",
    ]
    [verdict] = road.do(elsewhere.accept(road.account, [road.order(sender, BEN)]))
    assert verdict.code == "duplicate_message"
    road.do(other.close())


@embedded_only  # elsewhere a block is reserved for good
def test_a_window_filled_from_nothing_gives_out_no_number_that_was_not_reserved(road, sender):
    road.do(road.store.write(road.intake.fill_window))
    [verdict] = road.accept(road.order(sender, ANN))
    assert road.ids.read(verdict.message_id) == 1


@embedded_only  # elsewhere they grow lane by lane, in blocks
def test_numbers_grow_with_time_whichever_process_gives_them(road, sender):
    other = road.ground.open()
    elsewhere = road.open_intake(store=other)
    ids = []
    for at, intake in enumerate([road.intake, elsewhere, elsewhere, road.intake] * 3):
        order = road.order(sender, 15550200000 + at)
        ids += [each.message_id for each in road.do(intake.accept(road.account, [order]))]
    numbers = [road.ids.read(each) for each in ids]
    assert numbers == sorted(set(numbers))
    road.do(other.close())


def test_without_a_window_nothing_is_a_duplicate(road, sender):
    road.intake = road.open_intake(window_ms=0)
    assert codes(road.accept(*[road.order(sender, ANN)] * 3)) == ["accepted"] * 3


# Failed commits


@contextmanager
def broken(road, when):
    """Let transactions fail: at the end, as on a full disk, or at their very beginning."""
    road.store.trouble = StorageUnavailable("The disk is full.")
    road.store.trouble_is_late = when == "at the end"
    yield
    road.store.trouble = None


BROKEN = ["at the end", "at the beginning"]


@pytest.mark.parametrize("when", BROKEN)
def test_what_could_not_be_stored_is_told_once_to_each_and_forgotten(road, sender, when):
    first = Asked(road.account, [road.order(sender, CID)])
    offer(road, first)
    with broken(road, when):
        told = offer(
            road,
            Asked(road.account, [road.order(sender, ANN)]),
            Asked(road.account, [road.order(sender, BEN), road.order(sender, CID)]),
        )
    assert all(isinstance(each, StorageUnavailable) for each in told)
    assert len(first.heard) == 1
    assert road.sql("SELECT count(*) FROM messages") == [(1,)]
    # What was stored is still known, what was not may be sent again; nothing hangs.
    assert codes(road.accept(*(road.order(sender, each) for each in (ANN, BEN, CID)))) == [
        "accepted", "accepted", "duplicate_message",
    ]  # fmt: skip


@pytest.mark.parametrize("when", BROKEN)
def test_a_failed_repetition_leaves_the_first_message_remembered(road, sender, when):
    [first] = road.send(sender, ANN)
    with broken(road, when), pytest.raises(StorageUnavailable):
        road.accept(*[road.order(sender, ANN, skips=Skip.DUPLICATE)] * 2)
    [verdict] = road.accept(road.order(sender, ANN))
    assert verdict.code == "duplicate_message"
    assert first in verdict.detail


def test_what_could_not_be_inserted_is_no_duplicate_afterwards(road, sender):
    road.send(sender, BEN)
    road.sql("ALTER TABLE messages RENAME TO elsewhere")
    with pytest.raises(StorageUnavailable):
        road.send(sender, ANN)
    road.sql("ALTER TABLE elsewhere RENAME TO messages")
    assert codes(road.accept(road.order(sender, ANN), road.order(sender, BEN))) == [
        "accepted",
        "duplicate_message",
    ]


@pytest.mark.parametrize("when", BROKEN)
def test_a_failure_before_the_window_is_filled_does_no_harm(road, sender, when):
    road.send(sender, ANN)
    road.intake = road.open_intake()
    with broken(road, when), pytest.raises(StorageUnavailable):
        road.send(sender, BEN)
    assert codes(road.accept(road.order(sender, ANN), road.order(sender, BEN))) == [
        "duplicate_message",
        "accepted",
    ]


@pytest.mark.parametrize("when", BROKEN)
def test_a_long_line_of_orders_survives_trouble(road, sender, when):
    submissions = [
        Asked(road.account, [road.order(sender, 15550200000 + n * 300 + m) for m in range(300)])
        for n in range(6)
    ]
    with broken(road, when):
        told = offer(road, *submissions)
    assert all(isinstance(each, StorageUnavailable) for each in told)
    assert codes(road.accept(road.order(sender, 15550200000))) == ["accepted"]


@pytest.mark.parametrize(
    ("where", "name"),
    [(lambda road: road.intake, "_judge"), (lambda road: road.intake._acceptor, "accept")],
)
def test_a_bug_is_no_reason_to_leave_anybody_waiting(road, sender, monkeypatch, where, name):
    def bug(*_):
        raise KeyError("bug")

    assert codes(road.accept(road.order(sender, BEN))) == ["accepted"]
    monkeypatch.setattr(where(road), name, bug)
    [told] = offer(road, Asked(road.account, [road.order(sender, ANN)]))
    assert isinstance(told, SendrailError)
    assert told.code == "internal_error"
    monkeypatch.undo()
    assert codes(road.accept(road.order(sender, ANN))) == ["accepted"]


# Who is turned away


def test_a_key_speaks_for_its_account(road, sender):
    road.write(lambda tx: tx.accounts.add_key(road.account, "k", key_digest("good"), "trk", 0))
    told = offer(
        road,
        Asked(key_digest("good"), [road.order(sender, ANN)]),
        Asked(key_digest("bad"), [road.order(sender, BEN), Fault("invalid_phone", "no")]),
    )
    assert codes(told[0]) == ["accepted"]
    assert isinstance(told[1], Unauthorized)


def test_a_suspended_account_is_told_so_before_its_faults(road, sender):
    road.write(lambda tx: tx.accounts.set_status(road.account, "suspended"))
    with pytest.raises(Forbidden):
        road.accept(road.order(sender, ANN), Fault("invalid_phone", "no"))
    assert road.sql("SELECT count(*) FROM messages") == [(0,)]


def test_a_closed_house_takes_nothing_and_opens_again(road, sender):
    road.intake.closed = StorageFull("The disk is nearly full.")
    with pytest.raises(StorageFull):
        road.send(sender, ANN)
    road.intake.closed = None
    assert codes(road.accept(road.order(sender, ANN))) == ["accepted"]


def test_too_many_at_once_are_asked_to_come_again(road, sender):
    road.intake = road.open_intake(waiting_max=3)
    told = offer(
        road, *(Asked(road.account, [road.order(sender, 15550100000 + n)]) for n in range(5))
    )
    assert [isinstance(each, Overloaded) for each in told] == [False] * 3 + [True] * 2
    assert codes(road.accept(road.order(sender, CID, "later"))) == ["accepted"]


def test_a_full_queue_of_one_account_is_no_matter_of_another(road, sender):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    road.intake.full_accounts = frozenset({stranger})
    theirs = road.add_list(account=stranger)
    told = offer(
        road,
        Asked(stranger, [road.order(theirs, ANN)]),
        Asked(road.account, [road.order(sender, ANN)]),
    )
    assert [codes(each) for each in told] == [["queue_full"], ["accepted"]]


# IdempotencyKey


def promise(key="key-1", route="POST /send-raw", digest=b"digest"):
    return IdempotencyKey(key, route, digest)


def test_a_repeated_request_is_answered_as_before(road, sender):
    ask = lambda: Asked(road.account, [road.order(sender, ANN)], promise())  # noqa: E731
    [first] = offer(road, ask())
    assert codes(first) == ["accepted"]
    [second] = offer(road, ask())
    assert second == Replay(200, b"['accepted']")
    assert road.sql("SELECT count(*) FROM messages") == [(1,)]


def test_a_refusal_is_repeated_as_well(road, sender):
    road.unsubscribe(sender, ANN)
    ask = lambda: Asked(road.account, [road.order(sender, ANN)], promise())  # noqa: E731
    offer(road, ask())
    road.write(lambda tx: tx.contacts.resubscribe(sender.id, ANN, source="t", evidence="", now=0))
    assert offer(road, ask()) == [Replay(200, b"['contact_unsubscribed']")]


def test_a_full_queue_is_no_answer_to_keep(road, sender):
    ask = lambda: Asked(road.account, [road.order(sender, ANN)], promise())  # noqa: E731
    road.intake.full_accounts = frozenset({road.account})
    for _ in range(2):
        [told] = offer(road, ask())
        assert codes(told) == ["queue_full"]
    road.intake.full_accounts = frozenset()
    [told] = offer(road, ask())
    assert codes(told) == ["accepted"]
    assert offer(road, ask()) == [Replay(200, b"['accepted']")]


@pytest.mark.parametrize(
    "other", [promise(digest=b"another"), promise(route="POST /send-raw/bulk")]
)
def test_a_key_that_is_used_for_another_request_is_refused(road, sender, other):
    offer(road, Asked(road.account, [road.order(sender, ANN)], promise()))
    [told] = offer(road, Asked(road.account, [road.order(sender, BEN)], other))
    assert isinstance(told, InvalidInput)
    assert told.code == "idempotency_key_reused"
    assert road.sql("SELECT count(*) FROM messages") == [(1,)]


def test_the_same_key_of_another_account_is_another_key(road, sender):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    told = offer(
        road,
        Asked(road.account, [road.order(sender, ANN)], promise()),
        Asked(stranger, [road.order(theirs, ANN)], promise()),
    )
    assert [codes(each) for each in told] == [["accepted"], ["accepted"]]


def test_of_two_with_one_key_in_one_group_the_second_is_asked_to_come_again(road, sender):
    ask = lambda: Asked(road.account, [road.order(sender, ANN)], promise())  # noqa: E731
    first, second = offer(road, ask(), ask())
    assert codes(first) == ["accepted"]
    assert second.code == "idempotency_in_progress"
    assert offer(road, ask()) == [Replay(200, b"['accepted']")]


@pytest.mark.parametrize("when", BROKEN)
def test_an_answer_that_was_not_stored_is_not_repeated(road, sender, when):
    ask = lambda: Asked(road.account, [road.order(sender, ANN)], promise())  # noqa: E731
    with broken(road, when):
        offer(road, ask())
    [told] = offer(road, ask())
    assert codes(told) == ["accepted"]


@embedded_only
def test_a_source_of_its_own_offers_little_at_once_while_there_are_callers(road, sender):
    assert road.intake.portion(1_000) == 1_000
    road.accept(road.order(sender, ANN))
    assert [road.intake.portion(most) for most in (1_000, 7)] == [25, 7]
    road.clock.advance(1)
    assert road.intake.portion(1_000) == 1_000

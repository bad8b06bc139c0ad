"""What a store is: every implementation of `storage/interface.py` runs this.

A second database joins by adding its backend to `BACKENDS`; nothing below knows which one it is.
"""

import asyncio
import itertools
import random
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import create_engine

from sendrail.domain.contact import OptOutReason
from sendrail.domain.errors import StorageUnavailable
from sendrail.domain.message import Status
from sendrail.storage.interface import (
    Arrival,
    Departure,
    KeptAnswer,
    MessageFilter,
    ParkedReceipt,
    QueuePlace,
    Verdict,
)
from sendrail.storage.sqlite import SqliteStore
from sendrail.storage.tables import metadata

NOW = 1_800_000_000_000
ANN, BEN, CID = 15550100001, 15550100002, 15550100003
OURS, THEIRS = 15550001000, 15550002000
AHEAD, PACED = 0, 1
FOREVER = 1 << 62


class SqliteBackend:
    """The embedded store on a file of its own."""

    def __init__(self, folder):
        self._path = folder / "sendrail.db"
        engine = create_engine(f"sqlite:///{self._path}")
        metadata.create_all(engine)
        engine.dispose()

    def open(self):
        return SqliteStore(self._path)

    @contextmanager
    def jammed(self, store):
        """Let no transaction of the store begin."""
        store._raw.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(self._path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


BACKENDS = {"sqlite": SqliteBackend}


class House:
    """A store with two accounts, a link and a list each, and every call run to its end."""

    def __init__(self, backend):
        self.backend = backend
        self.runner = asyncio.Runner()
        self.opened = []
        self.store = self.open()
        self.us, self.them = self.write(
            lambda tx: (tx.accounts.add("us", NOW), tx.accounts.add("them", NOW))
        )
        self.link = self.write(lambda tx: tx.links.add(None, "sandbox", "simulator", {}, 9, None))
        self.list = self.add_list(self.us, OURS)
        self.their_list = self.add_list(self.them, THEIRS)

    def open(self):
        store = self.backend.open()
        self.opened.append(store)
        return store

    def close(self):
        for store in self.opened:
            self.do(store.close())
        self.runner.close()

    def do(self, work):
        return self.runner.run(work)

    def write(self, work, store=None):
        return self.do((store or self.store).write(work))

    def read(self, work, store=None):
        return self.do((store or self.store).read(work))

    def add_list(self, account, number):
        def add(tx):
            tx.lists.add(
                account,
                number,
                name="News",
                brand="News",
                rate=60,
                link_id=self.link,
                byoc=False,
                on_uncertain="hold",
                now=NOW,
            )
            return tx.lists.find(account, number)

        return self.write(add)

    # Messages on their way

    def queue(self, *numbers, sender=None, rank=PACED, due_at=NOW, created_at=NOW, body="Hello"):
        sender = sender or self.list
        self.write(
            lambda tx: tx.messages.insert(
                [
                    (
                        number, sender.lane, sender.account_id, sender.id, ANN, created_at,
                        "queued", 0, 1, "gsm7", body, None,
                    )
                    for number in numbers
                ],
                [QueuePlace(sender.lane, sender.id, rank, due_at, number) for number in numbers],
            )
        )  # fmt: skip

    def due(self, now=NOW, *, rank=PACED, limit=100, sender=None):
        sender = sender or self.list
        return self.read(lambda tx: tx.queue.due(sender.lane, sender.id, rank, now, limit))

    def waiting(self, **about):
        return [place.number for place in self.due(FOREVER, **about)]

    def depart(self, *numbers, attempt=1, epoch=1, rank=PACED, due_at=NOW):
        places = [self.place(number, rank, due_at) for number in numbers]
        self.write(
            lambda tx: tx.queue.depart(
                places,
                [Departure(attempt, epoch, self.link, NOW, number) for number in numbers],
            )
        )

    def place(self, number, rank=PACED, due_at=NOW):
        return QueuePlace(self.list.lane, self.list.id, rank, due_at, number)

    def arrival(self, number=1, **changes):
        arrival = Arrival(
            number=number,
            lane=self.list.lane,
            link_id=self.link,
            epoch=1,
            attempt=1,
            started_at=NOW,
            ended_at=NOW + 50,
            outcome="submitted",
            status="sent",
            attempts_spent=1,
            resent=0,
            detail=None,
            carrier_ref="ref-1",
            place=None,
        )
        return arrival._replace(**changes)

    def arrive(self, *arrivals):
        self.write(lambda tx: tx.queue.arrive(arrivals))

    def requeued(self, number=1, due_at=NOW + 5_000, **changes):
        return self.arrival(
            number,
            outcome="failed",
            status="queued",
            detail="busy",
            carrier_ref=None,
            place=self.place(number, due_at=due_at),
        )._replace(**changes)

    def find(self, number=1, account=None):
        return self.read(lambda tx: tx.lookup.find(account or self.us, number))

    def statuses(self, *numbers):
        return [self.find(number).status for number in numbers]


@pytest.fixture(params=BACKENDS)
def house(request, tmp_path):
    house = House(BACKENDS[request.param](tmp_path))
    yield house
    house.close()


def take(name, owner="me"):
    return lambda tx: tx.leases.take(name, owner, NOW)


def epoch(name):
    return lambda tx: tx.leases.epoch(name)


# Transactions


def test_what_is_written_is_there_for_whoever_opens_the_database_next(house):
    house.write(take("a"))
    assert house.read(epoch("a"), house.open()) == 1


def test_works_of_one_moment_each_get_their_own_result(house):
    async def many():
        return await asyncio.gather(*(house.store.write(take(f"n{n % 3}")) for n in range(30)))

    assert house.do(many()) == [n // 3 + 1 for n in range(30)]


def test_works_run_in_the_order_of_their_coming(house):
    ran = []

    async def many():
        await asyncio.gather(
            *(house.store.write(lambda tx, n=n: ran.append(n)) for n in range(20))  # noqa: ARG005
        )

    house.do(many())
    assert ran == list(range(20))


@pytest.mark.parametrize("neighbours", [0, 3])
def test_a_work_that_raises_changes_nothing_and_its_neighbours_notice_nothing(house, neighbours):
    def fail(tx):
        tx.leases.take("broken", "me", NOW)
        tx.accounts.add("broken", NOW)
        raise ValueError("mine")

    async def many():
        works = [fail, *(take(f"n{n}") for n in range(neighbours))]
        random.Random(3).shuffle(works)
        return await asyncio.gather(
            *(house.store.write(work) for work in works), return_exceptions=True
        )

    told = house.do(many())
    assert [str(each) for each in told if isinstance(each, Exception)] == ["mine"]
    assert told.count(1) == neighbours
    assert house.read(epoch("broken")) == 0
    assert len(house.read(lambda tx: tx.accounts.all())) == 2
    assert [house.read(epoch(f"n{n}")) for n in range(neighbours)] == [1] * neighbours


def test_the_word_done_comes_only_once_it_is_durable(house):
    other, told = house.open(), []

    async def submit():
        finished = asyncio.Event()

        def done(result, error):
            told.append((result, error))
            finished.set()

        house.store.submit(take("a"), done)
        assert told == []
        await finished.wait()
        return await other.read(epoch("a"))

    assert house.do(submit()) == 1
    assert told == [(1, None)]


def test_work_submitted_by_work_is_done_as_well(house):
    async def nested():
        finished = asyncio.get_running_loop().create_future()

        def outer(tx):
            house.store.submit(take("inner"), lambda result, _: finished.set_result(result))
            return tx.leases.take("outer", "me", NOW)

        return await house.store.write(outer), await finished

    assert house.do(nested()) == (1, 1)


def test_work_that_waits_at_the_close_is_done_first_whatever_it_submits(house):
    told = []

    async def close():
        store = house.open()

        def outer(tx):
            store.submit(take("inner"), lambda result, error: told.append((result, error)))
            return tx.leases.take("outer", "me", NOW)

        store.submit(outer, lambda result, error: told.append((result, error)))
        await store.close()
        await asyncio.sleep(0)

    house.do(close())
    assert told == [(1, None), (1, None)]


def test_to_close_twice_is_no_harm(house):
    house.do(house.store.close())
    house.do(house.store.close())


def test_a_database_that_cannot_be_written_says_so_to_everybody_and_recovers(house):
    async def three():
        return await asyncio.gather(
            *(house.store.write(take(f"n{n}")) for n in range(3)), return_exceptions=True
        )

    with house.backend.jammed(house.store):
        told = house.do(three())
        assert [type(each) for each in told] == [StorageUnavailable] * 3
        assert house.read(epoch("n0")) == 0
    assert house.do(three()) == [1, 1, 1]


def test_nobody_sees_what_is_not_committed(house):
    other, seen = house.open(), []

    def look():
        with asyncio.Runner() as runner:
            seen.append(runner.run(other.read(epoch("a"))))

    def work(tx):
        tx.leases.take("a", "me", NOW)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return tx.leases.epoch("a")

    assert house.write(work) == 1
    assert seen == [0]


def test_a_read_is_one_moment_whatever_is_written_beside_it(house):
    seen, go_on = threading.Event(), threading.Event()

    def look(tx):
        before = tx.leases.epoch("a")
        seen.set()
        assert go_on.wait(10)
        return before, tx.leases.epoch("a")

    async def beside():
        reading = asyncio.ensure_future(house.store.read(look))
        await asyncio.get_running_loop().run_in_executor(None, seen.wait)
        await house.store.write(take("a"))
        go_on.set()
        return await reading

    assert house.do(beside()) == (0, 0)
    assert house.read(epoch("a")) == 1


def test_a_read_cannot_write(house):
    with pytest.raises(StorageUnavailable):
        house.read(take("a"))
    assert house.read(epoch("a")) == 0


def test_changes_by_others_are_noticed_and_our_own_are_not(house):
    house.store.changed_elsewhere()
    house.write(take("a"))
    assert not house.store.changed_elsewhere()
    house.write(take("a"), house.open())
    assert house.store.changed_elsewhere()
    assert not house.store.changed_elsewhere()


# Numbers and messages


def test_numbers_grow_and_none_is_given_twice(house):
    counts = [1, 5, 1, 512, 2]
    firsts = [house.write(lambda tx, n=n: tx.messages.reserve(n)) for n in counts]
    given = [first + n for first, count in zip(firsts, counts, strict=True) for n in range(count)]
    assert given == sorted(set(given))
    assert firsts[0] >= 1


def test_numbers_differ_between_processes(house):
    other = house.open()
    firsts = []
    for _ in range(5):
        firsts.append(house.write(lambda tx: tx.messages.reserve(3)))
        firsts.append(house.write(lambda tx: tx.messages.reserve(3), other))
    assert all(b - a >= 3 for a, b in itertools.pairwise(firsts))


def test_numbers_of_a_transaction_that_failed_may_be_given_again(house):
    def fail(tx):
        tx.messages.reserve(10)
        raise ValueError("mine")

    before = house.write(lambda tx: tx.messages.reserve(1))
    with pytest.raises(ValueError, match="mine"):
        house.write(fail)
    assert house.write(lambda tx: tx.messages.reserve(1)) > before


def test_a_message_is_found_as_it_was_inserted(house):
    body, metadata = "Grüße \U0001f600 {{messageId}}", '{"a": [1]}'
    row = (
        7, house.list.lane, house.us, house.list.id, BEN, NOW + 3, "queued", 5, 2, "ucs2", body,
        metadata,
    )  # fmt: skip
    house.write(lambda tx: tx.messages.insert([row], [house.place(7)]))
    found = house.find(7)
    assert (found.number, found.recipient, found.list_number) == (7, BEN, OURS)
    assert (found.body, found.metadata) == (body, metadata)
    assert (found.status, found.detail, found.attempt) == (Status.QUEUED, None, 0)
    assert (found.encoding, found.segments, found.created_at) == ("ucs2", 2, NOW + 3)
    assert (found.carrier, found.carrier_ref, found.sent_at, found.ended_at) == (None,) * 4
    [waiting] = house.read(lambda tx: tx.queue.load([house.place(7)])).values()
    assert waiting == (7, house.us, BEN, 0, 5, 0, "ucs2", 2, body)


def test_a_number_is_one_message_for_ever(house):
    house.queue(1)
    with pytest.raises(StorageUnavailable):
        house.queue(1, due_at=NOW + 1)
    assert house.waiting() == [1]


# Each with the number that `first_since` finds, for messages (number, created at).
GAPS = [(3, 10), (4, 20), (9, 20), (10, 30), (1_000, 30), (70_000, 40)]


@pytest.mark.parametrize(
    ("since", "first"), [(0, 3), (10, 3), (11, 4), (20, 4), (21, 10), (30, 10), (31, 70_000)]
)
def test_the_first_number_since_a_time_is_found_across_gaps(house, since, first):
    for number, created_at in GAPS:
        house.queue(number, created_at=NOW + created_at)
    found = house.read(lambda tx: tx.messages.first_since(NOW + since))
    # Any number in the gap before the first will do.
    recent = [row.number for row in house.read(lambda tx: list(tx.messages.recent(found)))]
    assert recent == [number for number, _ in GAPS if number >= first]


def test_after_the_last_and_in_an_empty_table_nothing_is_recent(house):
    first_since = lambda tx: list(tx.messages.recent(tx.messages.first_since(NOW + 41)))  # noqa: E731
    assert house.read(first_since) == []
    house.queue(70_000, created_at=NOW + 40)
    assert house.read(first_since) == []


def test_recent_messages_tell_what_makes_a_duplicate(house):
    house.queue(1, 2, body="one")
    house.queue(3, sender=house.their_list, body="two", created_at=NOW + 1)
    found = house.read(lambda tx: [tuple(row) for row in tx.messages.recent(2)])
    assert found == [
        (2, NOW, house.list.id, ANN, "one"),
        (3, NOW + 1, house.their_list.id, ANN, "two"),
    ]


# The queue


def test_what_is_due_comes_by_its_time_and_then_its_number(house):
    for number, due_at in ((5, 30), (2, 30), (9, 10), (1, 20), (3, 40)):
        house.queue(number, due_at=NOW + due_at)
    assert [place.number for place in house.due(NOW + 30)] == [9, 1, 2, 5]
    assert [place.number for place in house.due(NOW + 30, limit=2)] == [9, 1]
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
def test_the_next_time_is_the_first_after_now_in_either_rank(house, now, expected):
    house.queue(1, rank=AHEAD, due_at=NOW + 20)
    house.queue(2, rank=PACED, due_at=NOW + 10)
    house.queue(3, rank=PACED, due_at=NOW + 30)
    found = house.read(
        lambda tx: tx.queue.next_due_after(house.list.lane, house.list.id, NOW + now)
    )
    assert found == (None if expected is None else NOW + expected)


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
    house.depart(1, epoch=4)
    assert house.waiting() == [2]
    assert house.statuses(1, 2) == [Status.SENDING, Status.QUEUED]
    [open_attempt] = house.read(lambda tx: tx.queue.unsettled(Status.SENDING, 0, 10))
    assert open_attempt == (
        1, house.list.lane, house.list.id, house.link, "sending", 1, 4, 0, 0, NOW,
    )  # fmt: skip
    assert house.find(1).carrier == "sandbox"


@pytest.mark.parametrize("before", ["depart", "drop"])
def test_only_what_is_queued_can_depart(house, before):
    house.queue(1)
    if before == "depart":
        house.depart(1)
    else:
        house.write(lambda tx: tx.queue.drop([(house.place(1), Status.DROPPED, "stale")], NOW))
    standing = house.find(1)
    with pytest.raises(AssertionError):
        house.depart(1, attempt=2)
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
    house.depart(1)
    house.write(lambda tx: tx.queue.drop([(house.place(1), Status.DROPPED, "stale")], NOW))
    assert house.statuses(1) == [Status.SENDING]


# Arrivals


def test_an_arrival_closes_its_attempt(house):
    house.queue(1)
    house.depart(1)
    house.arrive(house.arrival(1))
    found = house.find(1)
    assert (found.status, found.carrier_ref, found.sent_at) == (Status.SENT, "ref-1", NOW + 50)
    assert (found.attempt, found.ended_at) == (1, None)
    [attempt] = house.read(lambda tx: tx.lookup.attempts(house.us, 1))
    assert (attempt.attempt, attempt.outcome, attempt.carrier_ref) == (1, "submitted", "ref-1")
    assert (attempt.started_at, attempt.ended_at) == (NOW, NOW + 50)
    assert house.read(lambda tx: tx.queue.unsettled(Status.SENDING, 0, 10)) == []


def test_a_final_arrival_ends_the_message(house):
    house.queue(1)
    house.depart(1)
    house.arrive(
        house.arrival(1, outcome="rejected", status="failed", detail="landline", carrier_ref=None)
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
    house.depart(1, attempt=2, epoch=3)
    before = house.find(1)
    current = {"epoch": 3, "attempt": 2, "attempts_spent": 2}
    house.arrive(house.arrival(1, **current | {"carrier_ref": None} | stale))
    house.arrive(house.requeued(1, **current | stale))
    assert house.find(1) == before
    assert house.waiting() == []
    house.arrive(house.arrival(1, **current))
    assert house.statuses(1) == [Status.SENT]


@pytest.mark.parametrize("again", ["sent", "failed", "uncertain"])
def test_a_second_answer_to_one_attempt_does_not_touch_the_message(house, again):
    house.queue(1)
    house.depart(1)
    house.arrive(house.arrival(1))
    before = house.find(1)
    house.arrive(house.arrival(1, status=again, detail="again", carrier_ref=None))
    house.arrive(house.requeued(1))
    assert house.find(1) == before
    assert house.waiting() == []
    assert len(house.read(lambda tx: tx.lookup.attempts(house.us, 1))) == 1


def test_a_failed_attempt_returns_to_the_queue_and_departs_anew(house):
    house.queue(1, 2)
    house.depart(1)
    house.arrive(house.requeued(1))
    assert [place.number for place in house.due(NOW)] == [2]
    assert house.due(FOREVER)[1] == house.place(1, due_at=NOW + 5_000)
    assert house.statuses(1) == [Status.QUEUED]
    assert house.read(lambda tx: tx.queue.load([house.place(1)]))[1].attempt == 1
    house.depart(1, attempt=2, due_at=NOW + 5_000)
    house.arrive(house.arrival(1, attempt=2, attempts_spent=2))
    outcomes = house.read(lambda tx: [a.outcome for a in tx.lookup.attempts(house.us, 1)])
    assert outcomes == ["failed", "submitted"]


def test_a_throttled_attempt_costs_nothing_and_is_not_listed(house):
    house.queue(1)
    house.depart(1)
    house.arrive(house.requeued(1, due_at=NOW, outcome="throttled", attempts_spent=0))
    assert house.due(NOW) == [house.place(1)]
    assert house.find(1).attempt == 0
    assert house.read(lambda tx: tx.lookup.attempts(house.us, 1)) == []


def test_a_resend_is_remembered(house):
    house.queue(1)
    house.depart(1)
    house.arrive(house.requeued(1, outcome="uncertain", resent=1))
    assert house.read(lambda tx: tx.queue.load([house.place(1)]))[1].resent == 1


def test_the_unsettled_come_in_pages_and_of_one_status(house):
    house.queue(*range(1, 8))
    house.depart(*range(1, 7))
    for number in (2, 4):
        house.arrive(house.arrival(number, status="uncertain", carrier_ref=None))
    page = lambda status, after, limit: [  # noqa: E731
        each.number for each in house.read(lambda tx: tx.queue.unsettled(status, after, limit))
    ]
    assert page(Status.SENDING, 0, 10) == [1, 3, 5, 6]
    assert page(Status.SENDING, 1, 2) == [3, 5]
    assert page(Status.UNCERTAIN, 0, 10) == [2, 4]
    assert page(Status.UNCERTAIN, 4, 10) == []


def test_only_an_uncertain_message_expires(house):
    house.queue(1, 2, 3)
    house.depart(1, 2)
    house.arrive(house.arrival(1, status="uncertain", carrier_ref=None))
    expire = lambda number: house.write(  # noqa: E731
        lambda tx: tx.queue.expire(number, house.list.lane, "unknown_outcome", NOW + 5)
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


def owners(house, *refs):
    return house.read(lambda tx: tx.inbox.owners([(house.link, ref) for ref in refs]))


def apply(house, number, status="delivered"):
    house.write(
        lambda tx: tx.inbox.apply([Verdict(status, "ok", NOW + 70, number, house.list.lane)])
    )


def test_a_reference_leads_to_its_message_and_where_it_stands(house):
    house.queue(1, 2)
    house.depart(1, 2)
    house.arrive(house.arrival(1), house.arrival(2, carrier_ref="ref-2"))
    apply(house, 2)
    assert owners(house, "ref-1", "ref-2", "ref-3") == {
        (house.link, "ref-1"): (1, house.list.lane, Status.SENT),
        (house.link, "ref-2"): (2, house.list.lane, Status.DELIVERED),
    }
    # Another link's references are another carrier's words.
    assert house.read(lambda tx: tx.inbox.owners([(house.link + 1, "ref-1")])) == {}
    assert house.read(lambda tx: tx.inbox.owners([])) == {}


def test_a_carrier_that_uses_a_reference_again_means_its_latest_message(house):
    house.queue(1, 2)
    house.depart(1, 2)
    house.arrive(house.arrival(1))
    house.arrive(house.arrival(2))
    assert owners(house, "ref-1")[house.link, "ref-1"].number == 2


def test_where_messages_stand_is_told_by_number(house):
    house.queue(1, 2)
    house.depart(2)
    assert house.read(lambda tx: tx.inbox.standing([1, 2, 3])) == {
        1: (1, house.list.lane, Status.QUEUED),
        2: (2, house.list.lane, Status.SENDING),
    }


def test_a_verdict_ends_the_message(house):
    house.queue(1)
    house.depart(1)
    house.arrive(house.arrival(1))
    apply(house, 1)
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (Status.DELIVERED, "ok", NOW + 70)
    assert found.sent_at == NOW + 50


@pytest.mark.parametrize("late", ["sent", "requeued", "uncertain"])
def test_a_receipt_that_overtook_the_answer_stands(house, late):
    house.queue(1)
    house.depart(1)
    apply(house, 1)
    answers = {
        "sent": house.arrival(1),
        "requeued": house.requeued(1),
        "uncertain": house.arrival(1, status="uncertain", detail="?", carrier_ref=None),
    }
    house.arrive(answers[late])
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (Status.DELIVERED, "ok", NOW + 70)
    assert house.waiting() == []
    assert (found.carrier_ref, found.sent_at) == (
        ("ref-1", NOW + 50) if late == "sent" else (None, None)
    )


def test_callbacks_are_taken_oldest_first_within_both_bounds(house):
    house.write(lambda tx: tx.inbox.put(house.link, [b"a" * 10, b"b" * 10, b"c" * 10], NOW))
    house.write(lambda tx: tx.inbox.put(house.link + 1, [b"d"], NOW + 1))

    def taken(limit: int, size: int) -> list[bytes]:
        return [each.raw[:1] for each in house.read(lambda tx: tx.inbox.take(limit, size))]

    assert taken(10, 10**6) == [b"a", b"b", b"c", b"d"]
    assert taken(2, 10**6) == [b"a", b"b"]
    # At least one, however big it is.
    assert taken(10, 1) == [b"a"]
    assert taken(10, 15) == [b"a", b"b"]
    first, *_, last = house.read(lambda tx: tx.inbox.take(10, 10**6))
    assert (last.link_id, last.received_at) == (house.link + 1, NOW + 1)
    house.write(lambda tx: tx.inbox.remove([first.id, last.id]))
    assert taken(10, 10**6) == [b"b", b"c"]


def park(house, *refs, at=NOW, status=Status.DELIVERED):
    house.write(
        lambda tx: tx.inbox.park(
            [ParkedReceipt(0, house.link, ref, status, "ok", at) for ref in refs]
        )
    )


def parked(house, since=0, limit=10):
    return [each.carrier_ref for each in house.read(lambda tx: tx.inbox.parked(since, limit))]


def test_a_parked_receipt_is_found_once_its_reference_is_known(house):
    park(house, "ref-1", "ref-2", "ref-1")
    assert parked(house) == []
    house.queue(1)
    house.depart(1)
    house.arrive(house.arrival(1))
    assert parked(house) == ["ref-1", "ref-1"]
    assert parked(house, limit=1) == ["ref-1"]
    assert parked(house, since=NOW + 1) == []
    [first, _] = house.read(lambda tx: tx.inbox.parked(0, 10))
    assert first[1:] == (house.link, "ref-1", Status.DELIVERED, "ok", NOW)
    house.write(lambda tx: tx.inbox.unpark([first.id]))
    assert parked(house) == ["ref-1"]


def test_a_parked_word_without_a_status_comes_back_without_one(house):
    house.queue(1)
    house.depart(1)
    house.arrive(house.arrival(1))
    park(house, "ref-1", status=None)
    [found] = house.read(lambda tx: tx.inbox.parked(0, 10))
    assert found.status is None


def test_strays_are_forgotten_in_bites(house):
    park(house, *(f"old-{n}" for n in range(5)))
    park(house, "ref-1", at=NOW + 10)
    forget = lambda: house.write(lambda tx: tx.inbox.forget_parked(NOW + 10, 3))  # noqa: E731
    assert [forget(), forget(), forget()] == [3, 2, 0]
    house.queue(1)
    house.depart(1)
    house.arrive(house.arrival(1))
    assert parked(house) == ["ref-1"]


# Answers kept for idempotency, leases, facts


ANSWER = KeptAnswer("POST /send-raw", b"digest", 200, b'{"success": true}')


def kept(house, *pairs):
    return house.read(lambda tx: tx.gate.kept_answers(pairs))


def test_an_answer_is_kept_for_its_account_and_key(house):
    house.write(lambda tx: tx.gate.keep_answer(house.us, "key", ANSWER, NOW))
    assert kept(house, (house.us, "key"), (house.us, "other"), (house.them, "key")) == {
        (house.us, "key"): ANSWER
    }


def test_answers_are_forgotten_in_bites(house):
    for n in range(5):
        house.write(lambda tx, n=n: tx.gate.keep_answer(house.us, f"k{n}", ANSWER, NOW + n))
    forget = lambda: house.write(lambda tx: tx.gate.forget_answers(NOW + 3, 2))  # noqa: E731
    assert [forget(), forget(), forget()] == [2, 1, 0]
    left = kept(house, *((house.us, f"k{n}") for n in range(5)))
    assert sorted(key for _, key in left) == ["k3", "k4"]


def test_an_epoch_only_grows_whoever_takes_the_lease(house):
    assert house.read(epoch("lanes")) == 0
    assert [house.write(take("lanes", owner)) for owner in ("a", "a", "b")] == [1, 2, 3]
    assert house.write(take("lanes", "c"), house.open()) == 4
    assert house.read(epoch("lanes")) == 4
    assert house.write(take("else")) == 1


def test_facts_are_told_for_the_pairs_that_were_asked_about(house):
    def prepare(tx):
        tx.contacts.subscribe(house.list.id, [(ANN, "", ""), (BEN, "", "")], NOW)
        for recipient in (BEN, CID):
            tx.contacts.unsubscribe(
                house.list.id, recipient, OptOutReason.API, source="t", evidence="", now=NOW
            )
        tx.blocks.add(house.us, [ANN], "", NOW)
        journey_id = tx.journeys.add(house.list.id, "welcome", NOW)
        [journey] = tx.journeys.all(house.us)
        assert journey.id == journey_id
        tx.journeys.enrol(journey, ANN, NOW, NOW + 100)

    house.write(prepare)
    pairs = [(house.list.id, each) for each in (ANN, BEN, CID)]
    facts = house.read(
        lambda tx: (
            tx.gate.unsubscribed(pairs),
            tx.gate.unsubscribed([(house.their_list.id, BEN), (house.list.id, BEN)]),
            tx.gate.blocked([(house.us, ANN), (house.us, BEN), (house.them, ANN)]),
            tx.gate.enrolled(pairs, NOW),
            tx.gate.enrolled(pairs, NOW + 99),
            tx.gate.enrolled(pairs, NOW + 100),
            tx.gate.unsubscribed([]) | tx.gate.blocked([]) | tx.gate.enrolled([], NOW),
        )
    )
    assert facts == (
        {(house.list.id, BEN), (house.list.id, CID)},
        {(house.list.id, BEN)},
        {(house.us, ANN)},
        {(house.list.id, ANN)},
        {(house.list.id, ANN)},
        set(),
        set(),
    )


def test_callers_are_known_by_the_digests_of_their_living_keys(house):
    def prepare(tx):
        tx.accounts.add_key(house.us, "one", b"one", "trk_1", NOW)
        gone = tx.accounts.add_key(house.us, "two", b"two", "trk_2", NOW)
        tx.accounts.revoke_key(house.us, gone, NOW)
        tx.accounts.add_key(house.them, "three", b"three", "trk_3", NOW)
        tx.accounts.set_status(house.them, "suspended")
        tx.accounts.set_blocked_words(house.us, "pills,loan")

    house.write(prepare)
    by_key = house.read(lambda tx: tx.gate.callers([b"one", b"two", b"three", b"none"]))
    assert by_key == {b"one": (house.us, True, "pills,loan"), b"three": (house.them, False, "")}
    by_account = house.read(lambda tx: tx.gate.accounts([house.us, house.them, 999]))
    assert by_account == {house.us: by_key[b"one"], house.them: by_key[b"three"]}


def test_lists_are_known_by_account_and_number_or_by_id(house):
    asked = [(house.us, OURS), (house.us, THEIRS), (house.them, OURS)]
    assert house.read(lambda tx: tx.gate.lists(asked)) == {(house.us, OURS): house.list}
    ids = [house.list.id, house.their_list.id, 999]
    assert house.read(lambda tx: tx.gate.lists_by_id(ids)) == {
        house.list.id: house.list,
        house.their_list.id: house.their_list,
    }


# Tenancy


ANY = MessageFilter()
LOOKS = [
    lambda tx, account: tx.lookup.find(account, 1),
    lambda tx, account: tx.lookup.attempts(account, 1),
    lambda tx, account: tx.lookup.page(account, ANY, 0, 10).messages,
    lambda tx, account: tx.lookup.page(account, MessageFilter(list_number=OURS), 0, 10).total,
    lambda tx, account: tx.lookup.page(account, MessageFilter(recipient=ANN), 0, 10).total,
    lambda tx, account: tx.lookup.after(account, 0, 10),
    lambda tx, account: tx.lists.find(account, OURS),
    lambda tx, account: [sender for sender in tx.lists.all(account) if sender.number == OURS],
    lambda tx, account: tx.gate.lists([(account, OURS)]),
    lambda tx, account: tx.gate.blocked([(account, BEN)]),
    lambda tx, account: tx.gate.kept_answers([(account, "key")]),
    lambda tx, account: tx.blocks.page(account, 0, 10),
    lambda tx, account: tx.journeys.all(account),
    lambda tx, account: tx.journeys.find(account, 1, "welcome"),
    lambda tx, account: tx.accounts.keys(account),
    lambda tx, account: tx.lookup.waiting().get(account),
]
CHANGES = [
    lambda tx, account: tx.lists.change(account, 1, rate=1),
    lambda tx, account: tx.blocks.remove(account, BEN),
    lambda tx, account: tx.accounts.revoke_key(account, 1, NOW),
]


@pytest.fixture
def full_house(house):
    """A house where every kind of thing is there, and all of it is ours."""
    house.queue(1, 2)
    house.depart(1)
    house.arrive(house.arrival(1))

    def prepare(tx):
        tx.blocks.add(house.us, [BEN], "", NOW)
        tx.journeys.add(house.list.id, "welcome", NOW)
        tx.accounts.add_key(house.us, "one", b"one", "trk_1", NOW)
        tx.gate.keep_answer(house.us, "key", ANSWER, NOW)

    house.write(prepare)
    assert house.list.id == 1
    return house


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_somebody_elses_looks_like_nothing(full_house, look):
    assert full_house.read(lambda tx: look(tx, full_house.us))
    assert not full_house.read(lambda tx: look(tx, full_house.them))


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_somebody_elses_cannot_be_changed(full_house, change):
    assert not full_house.write(lambda tx: change(tx, full_house.them))
    assert full_house.write(lambda tx: change(tx, full_house.us))


# The end


def test_old_messages_at_rest_are_forgotten_with_all_that_belongs_to_them(house):
    house.queue(1, 2, 3, 4, 5)
    house.depart(1, 2, 3, 4)
    house.arrive(house.arrival(1), house.arrival(2, carrier_ref="ref-2"))
    house.arrive(house.arrival(4, carrier_ref="ref-4"))
    apply(house, 1)
    apply(house, 4)
    house.queue(6, created_at=NOW + 10)
    house.write(lambda tx: tx.queue.drop([(house.place(6), Status.DROPPED, "stale")], NOW + 10))
    forget = lambda: house.write(lambda tx: tx.lookup.forget_before(NOW + 10, 200))  # noqa: E731
    assert [forget(), forget()] == [2, 0]
    assert [number for number in range(1, 7) if house.find(number)] == [2, 3, 5, 6]
    assert owners(house, "ref-1", "ref-2").keys() == {(house.link, "ref-2")}
    assert house.read(lambda tx: tx.lookup.attempts(house.us, 2))
    park(house, "ref-1")
    assert parked(house) == []


def test_the_waiting_are_counted_by_account(house):
    house.queue(1, 2, 3)
    house.queue(4, sender=house.their_list, due_at=NOW + 10**6)
    house.depart(1)
    waiting = house.read(lambda tx: tx.lookup.waiting())
    assert {account: each.depth for account, each in waiting.items()} == {
        house.us: 2,
        house.them: 1,
    }

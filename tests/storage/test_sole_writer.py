"""How the one writer of the embedded store counts messages and knows the recent ones."""

import itertools

import pytest
from stores import ANN, NOW, House, SqliteBackend, apply, owners, park, parked, take

from sendrail.domain.message import Status
from sendrail.storage.sqlite.store import SqliteStore, connect

# By SQLite's documentation of the pragma: the log is synced after each transaction.
SYNCHRONOUS_FULL = 2


@pytest.fixture
def house(tmp_path):
    house = House(SqliteBackend(tmp_path))
    yield house
    house.close()


def test_numbers_grow_and_none_is_given_twice(house):
    counts = [1, 5, 1, 512, 2]
    firsts = [house.write(lambda tx, n=n: tx.local.reserve(n)) for n in counts]
    given = [first + n for first, count in zip(firsts, counts, strict=True) for n in range(count)]
    assert given == sorted(set(given))
    assert firsts[0] >= 1


def test_a_commit_is_on_the_disk_before_it_is_answered(tmp_path):
    # As an installation opens it: other tests do without.
    SqliteBackend(tmp_path)
    path = tmp_path / "sendrail.db"
    store = SqliteStore(path)
    for raw in (store._raw, connect(path)):
        assert raw.execute("PRAGMA synchronous").fetchone() == (SYNCHRONOUS_FULL,)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close_now()


def test_numbers_differ_between_processes(house):
    other = house.open()
    firsts = []
    for _ in range(5):
        firsts.append(house.write(lambda tx: tx.local.reserve(3)))
        firsts.append(house.write(lambda tx: tx.local.reserve(3), other))
    assert all(b - a >= 3 for a, b in itertools.pairwise(firsts))


def test_the_last_number_that_anybody_reserved_is_known(house):
    other = house.open()
    before = house.read(lambda tx: tx.local.reserved())
    first = house.write(lambda tx: tx.local.reserve(3), other)
    assert first > before
    assert house.read(lambda tx: tx.local.reserved()) == first + 2


def test_numbers_of_a_transaction_that_failed_may_be_given_again(house):
    def fail(tx):
        tx.local.reserve(10)
        raise ValueError("mine")

    before = house.write(lambda tx: tx.local.reserve(1))
    with pytest.raises(ValueError, match="mine"):
        house.write(fail)
    assert house.write(lambda tx: tx.local.reserve(1)) > before


# Each with the number that `first_since` finds, for messages (number, created at).
GAPS = [(3, 10), (4, 20), (9, 20), (10, 30), (1_000, 30), (70_000, 40)]


@pytest.mark.parametrize(
    ("since", "first"), [(0, 3), (10, 3), (11, 4), (20, 4), (21, 10), (30, 10), (31, 70_000)]
)
def test_the_first_number_since_a_time_is_found_across_gaps(house, since, first):
    for number, created_at in GAPS:
        house.queue(number, created_at=NOW + created_at)
    found = house.read(lambda tx: tx.local.first_since(NOW + since))
    # Any number in the gap before the first will do.
    recent = [row.number for row in house.read(lambda tx: list(tx.local.recent(found)))]
    assert recent == [number for number, _ in GAPS if number >= first]


def test_after_the_last_and_in_an_empty_table_nothing_is_recent(house):
    first_since = lambda tx: list(tx.local.recent(tx.local.first_since(NOW + 41)))  # noqa: E731
    assert house.read(first_since) == []
    house.queue(70_000, created_at=NOW + 40)
    assert house.read(first_since) == []


def test_recent_messages_tell_what_makes_a_duplicate(house):
    house.queue(1, 2, body="one")
    house.queue(3, sender=house.their_list, body="two", created_at=NOW + 1)
    found = house.read(lambda tx: [tuple(row) for row in tx.local.recent(2)])
    assert found == [
        (2, NOW, house.list.id, ANN, "one", house.us, None),
        (3, NOW + 1, house.their_list.id, ANN, "two", house.them, None),
    ]


def test_changes_by_others_are_noticed_and_our_own_are_not(house):
    house.store.changed_elsewhere()
    house.write(take("a"))
    assert not house.store.changed_elsewhere()
    house.write(take("a"), house.open())
    assert house.store.changed_elsewhere()
    assert not house.store.changed_elsewhere()


def test_our_own_changes_are_counted_and_looks_are_none(house):
    house.write(take("a"))
    assert house.store.changed_here()
    house.write(lambda tx: tx.queue.lists_waiting([(0, 4_096)]))
    assert not house.store.changed_here()


def test_old_messages_at_rest_are_forgotten_with_all_that_belongs_to_them(house):
    house.queue(1, 2, 3, 4, 5)
    house.start_attempts(1, 2, 3, 4)
    house.finish_attempts(house.result(1), house.result(2, carrier_ref="ref-2"))
    house.finish_attempts(house.result(4, carrier_ref="ref-4"))
    apply(house, 1)
    apply(house, 4)
    house.queue(6, created_at=NOW + 10)
    house.write(lambda tx: tx.queue.drop([(house.place(6), Status.DROPPED, "stale")], NOW + 10))
    forget = lambda: house.write(lambda tx: tx.lookup.forget_before(NOW + 10, 200))  # noqa: E731
    assert [forget(), forget()] == [2, 0]
    assert [number for number in range(1, 7) if house.find(number)] == [2, 3, 5, 6]
    assert owners(house, "ref-1", "ref-2").keys() == {(house.connector, "ref-2")}
    assert house.read(lambda tx: tx.lookup.attempts(house.us, 2))
    park(house, "ref-1")
    assert parked(house) == []


def test_every_reference_goes_with_its_message(house):
    house.queue(1, 2, 3)
    house.start_attempts(1, 2, 3)
    house.finish_attempts(house.result(1, carrier_ref="long-1", further_refs=("long-2", "long-3")))
    # Given up, sent again, and answered after all: the row names the reference that came in time.
    house.finish_attempts(house.requeued(2, outcome="uncertain", detail="no answer in time"))
    house.start_attempts(2, attempt=2, due_at=NOW + 5_000)
    house.finish_attempts(house.result(2, carrier_ref="late"))
    house.finish_attempts(house.result(2, attempt=2, carrier_ref="second"))
    # A carrier that begins to count anew: what it names now is the younger message.
    house.finish_attempts(house.result(3, carrier_ref="long-1"))
    refs = ["long-1", "long-2", "long-3", "late", "second"]
    park(house, *refs)
    assert parked(house) == refs
    apply(house, 1)
    apply(house, 2)
    assert house.write(lambda tx: tx.lookup.forget_before(NOW + 10, 200)) == 2
    assert parked(house) == ["long-1"]
    assert owners(house, "long-1")[house.connector, "long-1"].number == house.no(3)

"""Spans of work on a shared database: taken, renewed, given back, taken over; and what fences.

The database's clock is the test's own, so a lease lapses when a test says so.
"""

import asyncio
from contextlib import suppress

import asyncpg
import postgres
import pytest
from owned_time import OwnedTime
from sqlalchemy.util import greenlet_spawn
from stores import _EMPTY, NOW, PatientStore, prepare

from sendrail.clock import SystemClock
from sendrail.domain.errors import StorageUnavailable
from sendrail.membership import ClusterMember
from sendrail.telemetry import Metrics

# Longer than any test takes on the slowest machine: the database ends what idles for so long.
LIFE = 60.0
SPANS = 8


def lane(span):
    """Return the last lane of a span."""
    return (span + 1) * (4_096 // SPANS) - 1


LANES_OF_SPANS = [lane(span) for span in range(SPANS)]


class Clock:
    """A process's own time, which passes apart from the database's."""

    def __init__(self):
        self.seconds, self.told = 1_000.0, None

    def now(self):
        return 0

    def monotonic(self):
        return self.seconds

    def follow(self, earliest, latest):
        self.told = earliest, latest


class SlowClock(SystemClock):
    """A process's clocks that run on the owned time."""

    def __init__(self, time):
        super().__init__(lambda: time.ms * 1_000_000)
        self._time = time

    def monotonic(self):
        return self._time.ms / 1000


class Town:
    """Members that share one kind of work."""

    def __init__(self, url):
        self.url, self.runner, self.stores = url, asyncio.Runner(), []
        self.time = OwnedTime(url, NOW)

    def do(self, work):
        return self.runner.run(work)

    def member(self, name, *, roles=("deliver",), kind="lanes", life=LIFE):
        store = PatientStore(self.time.url)
        self.stores.append(store)
        clock = Clock()
        member = ClusterMember(store, clock, Metrics(), name=name, roles=roles, life_seconds=life)
        share = member.share(kind, SPANS, "deliver")
        self.do(member.begin())
        member._joined = True
        return member, share, clock

    def heartbeat(self, *members, times=1):
        for _ in range(times):
            for member in members:
                self.do(member.heartbeat())

    def sql(self, statement):
        return [tuple(row) for row in postgres.do(self.url, statement)]

    def lapse(self):
        """Let the time pass in which nobody renews."""
        self.time.advance(LIFE * 1.2)

    def close(self):
        for store in self.stores:
            self.do(store.close())
        self.runner.close()


@pytest.fixture(scope="module")
def url():
    """A server on which no one else writes: it counts the transactions of all its databases.

    So `TEST_POSTGRES_URL` is not used here. Other tests write on the server that it names, and its
    autovacuum, which writes too, is not ours to switch off.
    """
    server = postgres.OwnServer()
    try:
        prepare(server.url)
        postgres.do(server.url, "ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")
        yield server.url
    finally:
        server.close()


@pytest.fixture
def town(url):
    postgres.do(url, _EMPTY)
    town = Town(url)
    yield town
    town.close()


def owned(share):
    return set(share.ready())


def test_who_is_alone_has_everything_and_who_only_looks_has_nothing(town):
    alone, share, _ = town.member("a")
    looker, nothing, _ = town.member("b", roles=("api",))
    town.heartbeat(alone, looker)
    assert owned(share) == set(range(SPANS))
    assert owned(nothing) == set()


def hints_of(town, member):
    """Let a member show itself; return whether its workers were told to look."""
    hints = member._store.hints
    before = hints.changes
    town.heartbeat(member)
    return hints.changes > before


def test_a_heartbeat_after_which_nothing_was_written_lets_the_workers_rest(town):
    a, _, _ = town.member("a")
    assert hints_of(town, a)
    town.heartbeat(a)
    assert [hints_of(town, a) for _ in range(3)] == [False] * 3
    town.sql("CREATE TABLE IF NOT EXISTS anything (n int)")
    assert hints_of(town, a)
    assert not hints_of(town, a)
    town.sql("DROP TABLE anything")
    assert hints_of(town, a)


def test_after_a_calm_every_other_heartbeat_is_left_out_until_something_was_written(town):
    a, _, _ = town.member("a")
    # The first sees what was there before, and the second that it is alone.
    town.heartbeat(a, a)
    assert a.pause_seconds == LIFE / 4
    town.heartbeat(*[a] * 20)
    assert a.pause_seconds == LIFE / 2
    town.sql("CREATE TABLE IF NOT EXISTS anything (n int)")
    town.heartbeat(a)
    assert a.pause_seconds == LIFE / 4
    town.heartbeat(*[a] * 20)
    assert a.pause_seconds == LIFE / 2
    # Another process is there: one must take over soon what the other has to leave.
    b, _, _ = town.member("b", roles=("api",))
    for _ in range(25):
        town.heartbeat(b, a)
    assert [each.pause_seconds for each in (a, b)] == [LIFE / 4] * 2
    town.sql("DROP TABLE anything")


def test_what_is_committed_after_the_heartbeat_that_it_began_before_is_noticed(town):
    a, _, _ = town.member("a")
    town.heartbeat(a, a, a)
    town.sql("CREATE TABLE IF NOT EXISTS anything (n int)")

    async def begin():
        connection = await asyncpg.connect(town.url)
        await connection.execute("BEGIN; INSERT INTO anything VALUES (1)")
        return connection

    slow = town.do(begin())
    # While it is under way, and once more when it has ended.
    assert [hints_of(town, a) for _ in range(3)] == [True] * 3
    town.do(slow.execute("COMMIT"))
    assert hints_of(town, a)
    assert not hints_of(town, a)
    town.do(slow.close())
    town.sql("DROP TABLE anything")


def test_who_was_out_of_time_or_gains_or_sees_another_fall_silent_lets_its_workers_look(town):
    a, _, clock = town.member("a")
    town.heartbeat(a, a, a)
    assert not hints_of(town, a)
    # What the workers passed over meanwhile was not written since.
    clock.seconds += LIFE
    assert hints_of(town, a)
    b, _, _ = town.member("b")
    town.heartbeat(b, a, b, a)
    assert a.place("deliver") == (0, 2)
    town.lapse()
    assert hints_of(town, a)
    assert a.place("deliver") == (0, 1)


def test_a_heartbeat_is_one_statement_while_nothing_changes_hands(town):
    a, share, _ = town.member("a")
    town.heartbeat(a, a)
    said = []
    [writer] = a._store._writers
    writer.tx.driver.raw.add_query_logger(lambda query: said.append(query.query))
    town.heartbeat(a)
    assert len(said) == 1
    assert owned(share) == set(range(SPANS))


def test_who_comes_gets_a_fair_share_once_nothing_is_under_way_there(town):
    a, share_a, _ = town.member("a")
    town.heartbeat(a)
    share_a.begin([lane(7)])
    b, share_b, _ = town.member("b")
    town.heartbeat(b, a)
    # What is to go is not claimed from any more, but it is not given away in the midst of work.
    assert not share_a.owns(lane(7))
    town.heartbeat(a, b)
    assert owned(share_b) == {4, 5, 6}
    share_a.end([lane(7)])
    town.heartbeat(a, b)
    assert (owned(share_a), owned(share_b)) == ({0, 1, 2, 3}, {4, 5, 6, 7})


def test_who_leaves_gives_everything_back_at_once(town):
    a, _, _ = town.member("a")
    b, share_b, _ = town.member("b")
    town.heartbeat(a, b, a, b)
    a.leave_soon()
    town.heartbeat(a)
    town.do(a.leave())
    town.heartbeat(b)
    assert owned(share_b) == set(range(SPANS))
    assert town.sql("SELECT name FROM processes") == [("b",)]


def test_what_lapses_is_taken_over_under_a_higher_epoch_within_two_lives(town):
    a, share_a, _ = town.member("a")
    town.heartbeat(a)
    b, share_b, _ = town.member("b")
    town.heartbeat(b)
    assert owned(share_b) == set()
    town.lapse()
    town.heartbeat(b)
    assert owned(share_b) == set(range(SPANS))
    assert {share_b.epoch_of(lane(span)) for span in range(SPANS)} == {2}
    # The former owner learns of it with its next heartbeat, and holds nothing in a transaction.
    assert town.do(a._store.write(lambda tx: share_a.lock(tx, LANES_OF_SPANS))) == {}
    lost = []
    share_a.on_lost = lost.append
    town.heartbeat(a)
    assert lost == [set(range(SPANS))]


def test_what_went_through_other_hands_is_not_held_by_an_epoch_of_before(town):
    a, share_a, _ = town.member("a")
    town.heartbeat(a)
    b, _, _ = town.member("b")
    town.heartbeat(b)
    town.lapse()
    town.heartbeat(b)
    town.lapse()
    town.heartbeat(a)
    known = {span: share_a.epoch_of(lane(span)) for span in owned(share_a)}
    assert set(known.values()) == {3}
    held = {
        epoch: town.do(
            a._store.write(
                lambda tx, epoch=epoch: tx.spans.lock(
                    "lanes", "a", dict.fromkeys(known, epoch), 500
                )
            )
        )
        for epoch in (1, 2, 3)
    }
    assert held == {1: set(), 2: set(), 3: set(known)}


def test_what_nobody_took_goes_on_where_it_was_however_late_the_renewal(town):
    a, share, _ = town.member("a")
    town.heartbeat(a)
    town.lapse()
    town.heartbeat(a)
    assert {share.epoch_of(lane(span)) for span in range(SPANS)} == {1}
    assert town.sql("SELECT DISTINCT until > 0 FROM spans") == [(True,)]


def test_by_our_own_clock_we_stop_before_anybody_may_take_over(town):
    a, share, clock = town.member("a")
    town.heartbeat(a)
    clock.seconds += LIFE * 0.89
    assert share.owns(lane(0))
    assert share.may_finish(lane(0), 1)
    clock.seconds += LIFE * 0.02
    assert not share.owns(lane(0))
    assert not share.may_finish(lane(0), 1)
    # An epoch that is over may finish nothing, however young the lease is.
    town.heartbeat(a)
    assert share.may_finish(lane(0), 1)
    assert not share.may_finish(lane(0), 0)


def test_who_has_been_away_takes_nothing_before_the_others_have_had_time_to_renew(town):
    a, _, clock = town.member("a")
    b, share_b, _ = town.member("b")
    town.heartbeat(a, b, times=3)
    town.lapse()
    clock.seconds += 10 * LIFE
    town.heartbeat(a)
    assert len(town.sql("SELECT 1 FROM spans WHERE owner = 'b'")) == SPANS / 2
    town.heartbeat(b)
    assert len(owned(share_b)) >= SPANS / 2


def test_nobody_takes_a_span_over_from_which_its_owner_is_just_claiming(town):
    a, share_a, _ = town.member("a")
    town.heartbeat(a)
    b, share_b, _ = town.member("b")

    async def story():
        [session] = a._store._writers
        claim = await greenlet_spawn(session.begin, "BEGIN")
        held = await greenlet_spawn(share_a.lock, claim, [lane(0), lane(1)])
        town.time.advance(LIFE * 1.2)
        await b.heartbeat()
        taken_meanwhile = owned(share_b)
        await greenlet_spawn(session.commit)
        return taken_meanwhile, held

    taken, held = town.do(story())
    assert held == {lane(0): 1, lane(1): 1}
    assert taken == {2, 3, 4, 5, 6, 7}
    town.heartbeat(b)
    assert {0, 1} <= owned(share_b)


def test_a_claim_that_stands_still_in_the_midst_does_not_keep_its_spans_for_long(town):
    # The database counts how long a session idles by a clock that nobody owns.
    a, share_a, _ = town.member("a", life=0.6)
    town.heartbeat(a)
    b, share_b, _ = town.member("b")

    async def story():
        # As a process that is stopped by a signal: its transaction stays open, and says nothing.
        [session] = a._store._writers
        tx = await greenlet_spawn(session.begin, "BEGIN")
        [pid] = await greenlet_spawn(tx.driver.row, "SELECT pg_backend_pid()")
        await greenlet_spawn(share_a.lock, tx, LANES_OF_SPANS)
        gone = f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid})"
        await postgres.until(town.url, gone)
        town.lapse()
        await b.heartbeat()
        with suppress(Exception):
            await greenlet_spawn(session.roll_back)

    town.do(story())
    assert owned(share_b) == set(range(SPANS))


def test_a_beat_that_fails_takes_nothing_away_and_time_does(town):
    a, share, clock = town.member("a")
    town.heartbeat(a)

    def fail(_, done, **_how):
        done(None, StorageUnavailable("gone"))

    submit, a._store.submit = a._store.submit, fail
    with pytest.raises(StorageUnavailable):
        town.heartbeat(a)
    assert share.owns(lane(0))
    clock.seconds += LIFE
    assert not share.owns(lane(0))
    a._store.submit = submit
    town.heartbeat(a)
    assert share.owns(lane(0))


def test_every_member_follows_the_clock_of_the_database(town):
    a, _, clock = town.member("a")
    town.time.advance(7)
    town.heartbeat(a)
    # Our own time stood still, so the answer took none.
    assert clock.told == (town.time.ms, town.time.ms + 1)


def test_a_beat_that_is_answered_late_does_not_move_the_clock(town):
    a, _, _ = town.member("a")
    clock = a._clock = SlowClock(town.time)
    town.heartbeat(a)

    async def beat_slowly():
        [session] = a._store._writers
        await greenlet_spawn(session.run, "SET lock_timeout = 0")
        # The database has read its clock, and waits for the row before it answers.
        row = await asyncpg.connect(town.url)
        hold = row.transaction()
        await hold.start()
        await row.execute("SELECT 1 FROM processes WHERE name = 'a' FOR UPDATE")
        heartbeat = asyncio.create_task(a.heartbeat())
        await postgres.until_blocked(town.url)
        town.time.advance(1.2)
        await hold.rollback()
        await heartbeat
        await row.close()

    town.do(beat_slowly())
    assert clock.now() == town.time.ms


def test_places_are_counted_among_those_who_have_the_role(town):
    a, _, _ = town.member("a")
    b, _, _ = town.member("b")
    town.member("c", roles=("api",))
    town.heartbeat(a, b, a)
    assert a.place("deliver") == (0, 2)
    assert b.place("deliver") == (1, 2)
    town.lapse()
    town.heartbeat(b)
    assert b.place("deliver") == (0, 1)

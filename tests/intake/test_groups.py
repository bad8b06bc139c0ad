"""How what waits is divided among the groups that may be under way at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from no_links import NoLinks

from sendrail.domain.ids import MessageIds
from sendrail.domain.order import Fault
from sendrail.intake.cluster import ClusterAcceptor
from sendrail.intake.service import Intake
from sendrail.intake.submission import Submission
from sendrail.links.ranges import RangeSlots
from sendrail.storage.interface import Hints
from sendrail.storage.pipeline.gate import Caller, GateResult
from sendrail.telemetry import Metrics

# As many as are worth a group of their own, whoever else waits.
SMALL = 32


class Gate:
    """Knows everybody."""

    def find(self, asked, now):  # noqa: ARG002 - as the real one
        return [GateResult(Caller(1, active=True, blocked_words=""), None, {}) for _ in asked]


class Tx:
    gate = Gate()


class Store:
    """Runs so many groups at once, each for as long as the test wants."""

    def __init__(self, groups):
        self.hints = Hints()
        self.groups = groups
        self.submitted = []
        self.under_way = []
        self.answered = 0

    def submit(self, work, done, *, begun):  # noqa: ARG002 - as the real one
        self.submitted.append((work, done))

    def run(self):
        while self.submitted and len(self.under_way) < self.groups:
            work, done = self.submitted.pop(0)
            self.under_way.append((work(Tx), done))

    def end(self, which=0):
        result, done = self.under_way.pop(which)
        done(result, None)
        self.answered += len(result)
        self.run()
        return len(result)


class Asking(Submission):
    """Counts its answers, and asks again after each if it is told to."""

    __slots__ = ("again", "answers", "intake")

    def __init__(self, intake, again):
        super().__init__(b"key", [Fault("no", "No order")])
        self.intake = intake
        self.again = again
        self.answers = 0

    def resolve(self, result):  # noqa: ARG002 - as the real one
        self.answers += 1
        if self.again:
            self.intake.offer(self)


def house(groups):
    """Return a store, and what lets so many come at once."""
    store = Store(groups)
    ids = MessageIds(bytes(16))
    intake = Intake(
        store,
        ClusterAcceptor(ids, RangeSlots(), window_ms=0, fingerprint_key=bytes(16)),
        ids,
        Metrics(),
        now=lambda: 0,
        blocked_words="",
        waiting_max=10_000,
        links=NoLinks(),
        groups=groups,
    )

    def come(count, *, again=False):
        asking = [Asking(intake, again) for _ in range(count)]
        for each in asking:
            intake.offer(each)
        store.run()
        return asking

    return store, come


def sizes(store):
    return [len(result) for result, _ in store.under_way]


def test_those_who_come_together_are_two_groups():
    store, come = house(2)
    come(100)
    assert sizes(store) == [50, 50]


@pytest.mark.parametrize("count", [1, 10, SMALL])
def test_a_few_are_one_group(count):
    store, come = house(2)
    come(count)
    assert sizes(store) == [count]


def test_who_comes_alone_need_not_wait_for_one_who_is_under_way():
    store, come = house(2)
    come(1)
    come(1)
    assert sizes(store) == [1, 1]


def test_a_few_wait_for_their_share_or_for_the_group_under_way():
    store, come = house(2)
    come(20)
    come(19)
    assert sizes(store) == [20]
    come(1)
    assert sizes(store) == [20, 20]
    come(5)
    assert store.end() == 20
    assert sizes(store) == [20], "five beside twenty would cost as much as twenty"
    assert store.end() == 20
    assert sizes(store) == [5]


def test_one_group_at_a_time_takes_all_that_waits():
    store, come = house(1)
    come(100)
    come(50)
    assert sizes(store) == [100]
    assert store.end() == 100
    assert sizes(store) == [50]


@given(st.integers(1, 300), st.integers(1, 3), st.lists(st.integers(0, 2), max_size=30))
def test_those_who_ask_again_and_again_share_evenly_and_all_have_their_turn(count, groups, ends):
    store, come = house(groups)
    asking = come(count, again=True)
    for which in ends:
        store.end(which % len(store.under_way))
        assert max(sizes(store)) <= max(SMALL, -(-count // groups))
    for each in asking:
        each.again = False
    while store.under_way:
        store.end()
    assert sum(each.answers for each in asking) == store.answered
    assert all(each.answers for each in asking)


@pytest.mark.parametrize("fails", [False, True], ids=["durable", "refused"])
def test_an_answer_that_breaks_is_its_own_requests_trouble_alone(fails):
    store, come = house(1)
    asking = come(10)
    [(result, done)] = store.under_way
    asking[3].intake = None
    asking[3].again = True  # asks nobody: that raises
    done(None, RuntimeError("the disk is gone")) if fails else done(result, None)
    assert [each.answers for each in asking] == [1] * 10

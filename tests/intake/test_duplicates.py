"""The duplicate window against a dictionary that does the same the plain way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sendrail.intake.duplicates import DuplicateWindow, fingerprint

RECIPIENTS = range(15550100000, 15550100006)
KEYS = [fingerprint(1, each, "Hello") for each in RECIPIENTS]


def found(window, key, number, now):
    """Ask without leaving a trace; `number` is the next one to be given out."""
    earlier = window.swap(key, number, now)
    window.take_back(key, earlier)
    if not earlier and key in KEYS:
        return window.in_pages(1, RECIPIENTS[KEYS.index(key)], "Hello", now)
    return earlier


def rows(first, recipients, list_id=1):
    """Return a page's rows; of their columns only these count."""
    return [
        (number, 1, 1, list_id, each, 0, 0, 1, "gsm7", "", "", "")
        for number, each in enumerate(recipients, first)
    ]


class Naive:
    """Key by key the last number and its time."""

    def __init__(self, length_ms):
        self.length_ms = length_ms
        self.seen = {}

    def find(self, key, now):
        number, at = self.seen.get(key, (0, 0))
        return number if number and now - at < self.length_ms else 0


class WindowMachine(RuleBasedStateMachine):
    """Any sequence of orders, waits, failed commits and look-ups."""

    length_ms = 5_000

    def __init__(self):
        super().__init__()
        self.window, self.naive = DuplicateWindow(self.length_ms), Naive(self.length_ms)
        self.now, self.number = 1_800_000_000_000, 1
        self.window.open(self.now)
        self.pending = []

    @rule(ms=st.one_of(st.integers(0, 10), st.integers(0, 20_000), st.just(5_000)))
    def wait(self, ms):
        self.now += ms
        self.pending = []
        self.window.open(self.now)

    @rule(key=st.sampled_from(KEYS))
    def add(self, key):
        assert found(self.window, key, self.number, self.now) == self.naive.find(key, self.now)
        swapped = [(key, self.window.swap(key, self.number, self.now))]
        self.pending.append((self.number, swapped, (), dict(self.naive.seen)))
        self.naive.seen[key] = (self.number, self.now)
        self.number += 1

    @rule(which=st.sets(st.integers(0, 5), min_size=1))
    def add_page(self, which):
        page = rows(self.number, [RECIPIENTS[each] for each in sorted(which)])
        marks = self.window.note_page(page, [hash("Hello")] * len(page), self.now)
        self.pending.append((self.number, (), marks, dict(self.naive.seen)))
        for number, each in enumerate(sorted(which), self.number):
            # Of a message that was sent one by one, that is found first.
            if not self.is_one_by_one(KEYS[each]):
                self.naive.seen[KEYS[each]] = (number, self.now)
        self.number += len(page)

    def is_one_by_one(self, key):
        earlier = self.window.swap(key, self.number, self.now)
        self.window.take_back(key, earlier)
        return bool(earlier)

    @rule(gap=st.integers(1, 1_000))
    def refuse(self, gap):
        # Numbers are given to refused orders too.
        self.number += gap

    @precondition(lambda self: self.pending)
    @rule()
    def fail_the_commit(self):
        first = self.pending[0][0]
        self.naive.seen = self.pending[0][3]
        for began, swapped, marks, _ in reversed(self.pending):
            self.window.undo(swapped, began, marks)
        self.pending = []
        # Numbers of which none became a message are given out again.
        self.number = first

    @rule(data=st.data())
    def commit(self, data):
        self.pending = []
        del data

    @invariant()
    def they_agree(self):
        assert [found(self.window, key, self.number, self.now) for key in KEYS] == [
            self.naive.find(key, self.now) for key in KEYS
        ]


TestWindow = WindowMachine.TestCase


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 400)), min_size=1, max_size=400))
def test_a_window_that_grows_forgets_nothing_and_invents_nothing(story):
    window, naive = DuplicateWindow(3_000), Naive(3_000)
    now = 1_800_000_000_000
    window.open(now)
    for number, (wait, which) in enumerate(story, start=1):
        now += wait // 50
        window.open(now)
        # Keys of one shard: the worst that can happen to it.
        key = (which << 8) + 7 or 1
        assert window.swap(key, number, now) == naive.find(key, now)
        naive.seen[key] = (number, now)
    assert all(found(window, key, 401, now) == naive.find(key, now) for key in naive.seen)


def test_a_hundred_thousand_are_all_remembered_over_two_generations():
    window, start = DuplicateWindow(300_000), 1_800_000_000_000
    keys = [fingerprint(3, 15550000000 + n, "x") for n in range(100_000)]
    window.open(start)
    for number, key in enumerate(keys, start=1):
        now = start + number * 2
        window.open(now)
        window.swap(key, number, now)
    last = start + 200_000
    assert [found(window, key, 100_001, last) for key in keys] == list(range(1, 100_001))
    later = start + 400_000
    window.open(later)
    left = [found(window, key, 100_001, later) for key in keys]
    # Exact to a ten-thousandth of the window: 30 ms, which is 15 messages here.
    assert not any(left[:49_980])
    assert left[50_020:] == list(range(50_021, 100_001))


@pytest.mark.parametrize(
    ("age_ms", "kept"), [(0, True), (299_900, True), (299_999, True), (300_000, False)]
)
def test_the_window_ends_where_it_says(age_ms, kept):
    window = DuplicateWindow(300_000)
    window.open(1_000_000)
    window.swap(KEYS[0], 7, 1_000_000)
    window.open(1_000_000 + age_ms)
    assert window.swap(KEYS[0], 8, 1_000_000 + age_ms) == (7 if kept else 0)


def test_a_smaller_number_after_one_that_was_undone_is_remembered_as_long_as_any():
    window = DuplicateWindow(300_000)
    window.open(1_000_000)
    window.undo([(KEYS[0], window.swap(KEYS[0], 1_025, 1_000_000))], 1_025)
    window.swap(KEYS[1], 1_020, 1_000_001)
    window.open(1_300_000)
    assert window.swap(KEYS[0], 1_021, 1_300_000) == 0
    assert window.swap(KEYS[1], 1_022, 1_300_000) == 1_020


def test_pages_of_two_runs_that_take_turns_are_found_by_list_recipient_and_text():
    window, now, first = DuplicateWindow(300_000), 1_000_000, 1
    window.open(now)
    hashes = [hash("Hello"), hash(("Look", ("https://a.example/",)))]
    for at in range(0, 400, 2):
        for run in (0, 1_000_000):
            page = rows(first, [run + at, run + at + 1], list_id=7)
            assert len(window.note_page(page, hashes, now)) == 1
            first += 2
    asked = [(7, 399, ("Look", ("https://a.example/",))), (7, 1_000_000, "Hello")]
    assert [window.in_pages(*each, now) for each in asked] == [798, 3]
    others = [(8, 398, "Hello"), (7, 398, "hello"), (7, 400, "Hello"), (7, -1, "Hello")]
    assert [window.in_pages(*each, now) for each in others] == [0, 0, 0, 0]


def test_a_page_over_several_lists_is_noted_for_each():
    window, now = DuplicateWindow(300_000), 1_000_000
    window.open(now)
    page = rows(1, [10, 11]) + rows(3, [12], list_id=2) + rows(4, [13])
    marks = window.note_page(page, [5, 6, 7, 8], now)
    assert window.has_pages
    assert [window.in_pages(1, 13, 8, now), window.in_pages(2, 12, 7, now)] == [4, 3]
    window.undo((), 1, marks)
    assert [window.in_pages(1, 13, 8, now), window.in_pages(2, 12, 7, now)] == [0, 0]


def test_a_window_of_no_length_remembers_nothing():
    window = DuplicateWindow(0)
    window.open(1_000)
    assert window.note_page(rows(1, RECIPIENTS), [5] * 6, 1_000) == []
    assert not window.has_pages
    window.swap(KEYS[0], 1, 1_000)
    assert window.swap(KEYS[0], 2, 1_000) == 0
    window.take_back(KEYS[0], 0)


@given(
    st.tuples(st.integers(1, 9), st.integers(10**6, 10**15), st.text(max_size=20)),
    st.tuples(st.integers(1, 9), st.integers(10**6, 10**15), st.text(max_size=20)),
)
def test_a_fingerprint_tells_messages_apart_and_is_never_zero(one, other):
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)
    assert 0 < fingerprint(*one) < 2**64

"""The clock that processes of one database share: an answer tells the time within its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from sendrail.clock import SystemClock

TRUE_NOW = 1_800_000_000_000
# An answer: how long it took, and how old the reading in it is by then, as a part of that.
answers = st.lists(st.tuples(st.integers(1, 6_000), st.floats(0, 1)), min_size=1)


def stopped(wrong_ms):
    """Return a clock that stands still, and is wrong by so much."""
    return SystemClock(lambda: (TRUE_NOW + wrong_ms) * 1_000_000)


def follow(clock, answers):
    for took_ms, age in answers:
        read_at = TRUE_NOW - round(took_ms * age)
        clock.follow(read_at, read_at + took_ms)


@given(answers, st.integers(-3_600_000, 3_600_000))
def test_the_clock_is_as_true_as_the_quickest_answer(answers, wrong_ms):
    clock = stopped(wrong_ms)
    follow(clock, answers)
    assert abs(clock.now() - TRUE_NOW) <= min(took_ms for took_ms, _ in answers)


@given(answers)
def test_a_clock_that_is_true_is_never_moved(answers):
    clock = stopped(0)
    follow(clock, answers)
    assert clock.now() == TRUE_NOW


def test_by_a_little_it_stands_still_and_by_much_it_jumps():
    ahead_ms = 900
    clock = SystemClock(lambda: (TRUE_NOW + ahead_ms) * 1_000_000)
    assert clock.now() == TRUE_NOW + 900
    clock.follow(TRUE_NOW, TRUE_NOW + 1)
    assert clock.now() == TRUE_NOW + 900
    ahead_ms = 3_600_000
    assert clock.now() > TRUE_NOW + 3_000_000
    clock.follow(TRUE_NOW, TRUE_NOW + 1)
    assert clock.now() == TRUE_NOW + 1

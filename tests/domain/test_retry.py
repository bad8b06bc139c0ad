"""When to try again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.retry import ATTEMPTS_MAX, backoff_ms

chances = st.floats(0.0, 1.0, exclude_max=True)


@pytest.mark.parametrize(
    ("attempt", "middle"), [(1, 5_000), (2, 15_000), (3, 45_000), (4, 120_000), (40, 120_000)]
)
def test_the_wait_grows_threefold_up_to_two_minutes(attempt, middle):
    assert backoff_ms(attempt, 0.5) == middle


@given(st.integers(1, 100), chances)
def test_jitter_spreads_over_half_the_wait(attempt, chance):
    middle = backoff_ms(attempt, 0.5)
    assert 0.75 * middle <= backoff_ms(attempt, chance) <= 1.25 * middle


@given(st.integers(1, 99), chances, chances)
def test_the_wait_never_shrinks_in_the_middle(attempt, one, other):
    assert backoff_ms(attempt, 0.5) <= backoff_ms(attempt + 1, 0.5)
    assert (backoff_ms(attempt, one) <= backoff_ms(attempt, other)) or one > other


def test_all_attempts_together_take_minutes_not_hours():
    waits = sum(backoff_ms(attempt, 0.99) for attempt in range(1, ATTEMPTS_MAX))
    assert 60_000 < waits < 5 * 60_000


def test_attempts_count_from_one():
    with pytest.raises(AssertionError):
        backoff_ms(0, 0.5)

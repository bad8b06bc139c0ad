"""Caps: who must not get another message, by what a plain list of times says."""

from hypothesis import example, given
from hypothesis import strategies as st

from sendrail.domain.campaign_run import SENDS_KEPT, cap_bounds, is_capped, is_past, shown_send
from sendrail.domain.schedule import CAP_DAYS_MAX, FrequencyCap

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_772_366_400_000
# Around where caps look, to the millisecond, and anywhere else.
AGES = st.one_of(
    st.builds(
        lambda days, off: max(0, days * DAY + off), st.integers(0, CAP_DAYS_MAX), st.integers(-2, 2)
    ),
    st.builds(
        lambda hours, off: max(0, hours * HOUR + off), st.integers(0, 80), st.integers(-2, 2)
    ),
    st.integers(0, 2 * CAP_DAYS_MAX * DAY),
)
CAPS = st.none() | st.builds(FrequencyCap, st.integers(1, SENDS_KEPT), st.integers(1, CAP_DAYS_MAX))


def kept(times):
    """As the store keeps them, the last first."""
    return "".join(shown_send(each) for each in sorted(times, reverse=True)[:SENDS_KEPT])


@example([HOUR], 0, FrequencyCap(1, 1), 0)
@example([HOUR, 2 * HOUR, 30 * HOUR], 0, FrequencyCap(2, 1), 0)
@example([HOUR, 2 * HOUR, 30 * HOUR], 0, FrequencyCap(3, 1), 0)
@example([HOUR], 1, None, 1)
@example([HOUR], 2, FrequencyCap(2, 1), 1)
@given(st.lists(AGES, max_size=10), st.integers(0, 80), CAPS, st.integers(0, 999))
def test_a_contact_is_capped_as_its_times_say(ages, hours, cap, millis):
    now = NOW + millis
    times = [now - age for age in ages]
    # A time is kept in whole seconds.
    latest = sorted((each // 1000 * 1000 for each in times), reverse=True)[:SENDS_KEPT]
    within = bool(hours) and any(each > now - hours * HOUR for each in latest)
    too_many = cap is not None and (
        sum(each > now - cap.days * DAY for each in latest) >= cap.messages
    )
    bounds = cap_bounds(now, hours, cap)
    assert (bounds is None) == (not hours and cap is None)
    assert (bounds is not None and is_capped(kept(times), bounds)) == (within or too_many)


@given(AGES, st.integers(0, 999))
def test_times_are_past_when_no_cap_looks_back_so_far(age, millis):
    now = NOW + millis
    last = (now - age) // 1000 * 1000
    assert is_past(kept([now - age]), now) == (last <= now - CAP_DAYS_MAX * DAY)
    widest = cap_bounds(now, 0, FrequencyCap(1, CAP_DAYS_MAX))
    assert is_past(kept([now - age]), now) == (not is_capped(kept([now - age]), widest))

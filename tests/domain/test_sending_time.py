"""How long a list takes: some by hand, and any beside a clock that ticks minute by minute."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.quiet_hours import NOW, OpenHours, OpenTimes
from sendrail.domain.sending_time import MessageBatch, SendingTime, sending_time

MINUTE = 60_000
HOUR = 60 * MINUTE
DAYTIME = OpenHours(8 * 60, 21 * 60)
NEW_YORK = OpenTimes(DAYTIME, ("America/New_York",))
HONOLULU = OpenTimes(DAYTIME, ("Pacific/Honolulu",))


def utc(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1_000)


# Ten in New York.
TEN = utc(2026, 1, 7, 15)


def test_without_quiet_hours_it_is_the_rate_alone():
    batch = MessageBatch(1_200, TEN, TEN + 12 * HOUR)
    assert sending_time([batch], 100) == SendingTime(TEN + 12 * MINUTE, 0)
    assert sending_time([], 100) == SendingTime(None, 0)
    # As many as leave until the end, which is no part of the run any more.
    assert sending_time([batch], 1) == SendingTime(TEN + 12 * HOUR, 1_200 - 720)


def test_what_is_not_sent_by_nine_in_the_evening_goes_on_at_eight_in_the_morning():
    # Eleven hours are open on the first day, and half an hour is needed of the second.
    batch = MessageBatch(690, TEN, TEN + 24 * HOUR, NEW_YORK)
    assert sending_time([batch], 1) == SendingTime(utc(2026, 1, 8, 13, 30), 0)
    assert sending_time([batch], 1, holds=False) == SendingTime(utc(2026, 1, 8, 2), 30)
    short = batch._replace(ends_at=TEN + 12 * HOUR)
    assert sending_time([short], 1) == SendingTime(utc(2026, 1, 8, 2), 30)


def test_who_sleeps_longer_has_what_the_others_leave_of_the_rate():
    # Honolulu opens at 18:00 UTC, when New York has 60 of 240 left.
    batches = [
        MessageBatch(60, TEN, TEN + 24 * HOUR, HONOLULU),
        MessageBatch(240, TEN, TEN + 24 * HOUR, NEW_YORK),
    ]
    assert sending_time(batches, 1) == SendingTime(utc(2026, 1, 7, 20), 0)


def ticking(batches, rate, *, holds):
    """Return the same by asking every minute who may be sent to."""
    left = {at: each.messages for at, each in enumerate(batches)}
    order = sorted(left, key=lambda at: batches[at].due_at)
    now = min((batches[at].due_at for at in order), default=0)
    last = None
    while any(left.values()) and now < max(each.ends_at for each in batches):
        room = rate
        for at in order:
            batch = batches[at]
            if batch.due_at <= now < batch.ends_at:
                if batch.open_times.opening(now) == NOW:
                    sent = min(room, left[at])
                    left[at] -= sent
                    room -= sent
                    last = now if sent else last
                elif not holds:
                    batches[at] = batch._replace(ends_at=now)
        now += MINUTE
    return last, sum(left.values())


a_batch = st.builds(
    lambda count, due, hours, times: MessageBatch(
        count, TEN + due * 15 * MINUTE, TEN + (due + hours * 4) * 15 * MINUTE, times
    ),
    st.integers(0, 500), st.integers(0, 60), st.integers(1, 30),
    st.sampled_from([OpenTimes(), NEW_YORK, HONOLULU]),
)  # fmt: skip


@given(st.lists(a_batch, max_size=4), st.integers(1, 20), st.booleans())
def test_it_is_what_a_clock_shows_that_ticks_minute_by_minute(batches, rate, holds):
    found = sending_time(batches, rate, holds=holds)
    last, unsent = ticking(list(batches), rate, holds=holds)
    # Within a quarter of an hour the rest of the rate goes to nobody else.
    assert abs(found.unsent - unsent) <= 15 * rate * len(batches)
    if last is not None and not unsent and not found.unsent:
        assert abs(found.finishes_at - last) <= 15 * MINUTE * len(batches)

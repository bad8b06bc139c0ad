"""Claims ahead of need: a place in the window is taken again at once, and no law is bent for it."""

from itertools import pairwise

import pytest
from grounds import embedded_only

from sendrail.delivery.ahead import AnswerTime
from sendrail.domain.delivery import Submitted, Throttled
from sendrail.domain.message import Skip

CROWD = range(15550100000, 15550110000)
ANSWER_SECONDS = 0.04


def busy_list(road, count, *, rate=600_000, seconds=ANSWER_SECONDS, silent=()):
    """Queue messages for a carrier that takes its time for each; some it never answers."""
    sender = road.add_list(rate=rate)
    for recipient in CROWD[:count]:
        road.carrier.will(recipient, *([None] if recipient in silent else [seconds, taken()]))
    return sender, road.send(sender, *CROWD[:count])


def taken():
    return Submitted("")


def most_in_a_second(times):
    return max((sum(begin <= at < begin + 0.999999 for at in times) for begin in times), default=0)


def statuses(road):
    return dict(road.sql("SELECT status, count(*) FROM messages GROUP BY status"))


# How many


@pytest.mark.parametrize(
    ("answers", "window", "places"),
    [
        ([], 100, 0),
        ([0.04], 100, 63),
        ([0.04], 10, 7),
        ([0.25], 10, 1),
        ([0.0], 10, 10),
        ([0.001], 1, 1),
        ([1.5], 1_000, 0),
        ([0.04] * 50 + [0.4] * 50, 100, 7),
    ],
)
def test_so_many_are_claimed_ahead_as_places_become_free_in_25_ms(answers, window, places):
    time = AnswerTime()
    for seconds in answers:
        time.note(seconds)
    assert time.places_soon(window) == places


def test_nothing_is_claimed_ahead_of_a_connector_that_has_stopped_answering():
    time = AnswerTime()
    time.note(0.04)
    time.forget()
    assert time.places_soon(100) == 0


@pytest.mark.parametrize("seconds", [0.0, 0.04])
def test_no_more_are_under_way_than_twice_the_window(make_road, seconds):
    road = make_road(window=10)
    most = 0

    async def submit(messages, report, submit=road.carrier.submit):
        nonlocal most
        most = max(most, statuses(road).get("sending", 0))
        await submit(messages, report)

    road.carrier.submit = submit
    busy_list(road, 300, seconds=seconds)
    road.deliver(5)
    assert statuses(road) == {"sent": 300}
    assert 10 <= most <= 20


# When


@pytest.mark.parametrize("window", [1, 10, 100])
def test_a_place_that_becomes_free_is_taken_before_any_time_passes(make_road, window):
    road = make_road(window=window)
    road.follows_changes = False
    busy_list(road, 30 * window)
    road.deliver(5)
    times = [at for at, _ in road.carrier.taken]
    assert len(times) == 30 * window
    # The first answers say how long an answer takes; from then on the window is full at all times.
    steady = times[10 * window :]
    for left, next_left in zip(steady, steady[window:], strict=False):
        assert next_left == pytest.approx(left + ANSWER_SECONDS, abs=2e-5)


def test_several_lists_keep_the_window_full_together(make_road):
    road = make_road(window=10)
    road.follows_changes = False
    for at in range(3):
        sender = road.add_list(rate=600_000)
        crowd = CROWD[at * 100 : at * 100 + 100]
        for recipient in crowd:
            road.carrier.will(recipient, ANSWER_SECONDS, taken())
        road.send(sender, *crowd)
    road.deliver(5)
    times = [at for at, _ in road.carrier.taken][100:]
    assert len(times) == 200
    for left, next_left in zip(times, times[10:], strict=False):
        assert next_left == pytest.approx(left + ANSWER_SECONDS, abs=2e-5)


# What stays true


def test_what_was_claimed_ahead_leaves_in_the_order_of_the_queue(make_road):
    road = make_road(window=7)
    busy_list(road, 200)
    road.deliver(5)
    assert road.carrier.recipients == list(CROWD[:200])


@embedded_only  # the pace is the process's own, whatever the database
@pytest.mark.parametrize("still_seconds", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("limit", ["pace", "contract"])
def test_what_waited_for_its_place_counts_when_it_leaves(make_road, limit, still_seconds):
    road = make_road(window=10, mps=240 if limit == "contract" else None)
    sender, _ = busy_list(road, 1_500, rate=14_400 if limit == "pace" else 600_000)
    # The window stands still for a moment, and then lets a few more through than the rate does.
    for recipient in CROWD[300:310]:
        road.carrier.script[recipient].clear()
        road.carrier.will(recipient, still_seconds, taken())
    road.deliver(10)
    times = road.carrier.times(sender)
    assert statuses(road) == {"sent": 1_500}
    assert len(times) == 1_500
    assert max(b - a for a, b in pairwise(times)) > still_seconds - 0.1, "the window was full"
    assert most_in_a_second(times) <= 240


@embedded_only  # the pace is the process's own, whatever the database
@pytest.mark.parametrize("limit", ["pace", "contract"])
@pytest.mark.parametrize("per_second", [120, 200, 240])
def test_a_window_that_is_nearly_full_lets_no_second_have_more(make_road, limit, per_second):
    road = make_road(window=10, mps=per_second if limit == "contract" else None)
    sender, _ = busy_list(road, 1_000, rate=60 * per_second if limit == "pace" else 600_000)
    road.deliver(10)
    times = road.carrier.times(sender)
    assert statuses(road) == {"sent": 1_000}
    assert most_in_a_second(times) <= per_second
    assert times[-1] - times[0] == pytest.approx(1_000 / per_second, rel=0.1)


def test_a_message_that_skips_the_rate_waits_for_no_paced_one(make_road):
    road = make_road(window=10)
    sender, _ = busy_list(road, 400)
    road.deliver(0.3)
    road.carrier.will(CROWD[999], ANSWER_SECONDS, taken())
    road.send(sender, CROWD[999], skips=Skip.RATE_LIMIT)
    before = len(road.carrier.taken)
    road.pass_time(0.5)
    # It finds its place with one of the next rounds, and passes what waits there.
    assert road.carrier.recipients.index(CROWD[999]) - before <= 15


@pytest.mark.parametrize("how", ["pause", "remove"])
def test_a_connector_that_is_closed_keeps_nothing_that_has_not_left(make_road, how):
    road = make_road(window=10)
    busy_list(road, 200, silent=CROWD[100:110])
    road.deliver(1)
    assert len(road.carrier.taken) == 110
    if how == "pause":
        road.routes.pause(road.connector, True)
    else:
        road.routes.remove(road.connector)
    road.pass_time(0.01)
    assert statuses(road) == {"sent": 100, "sending": 10, "queued": 90}


def test_what_goes_back_costs_no_attempt_and_keeps_its_place(make_road):
    road = make_road(window=10)
    _, sent = busy_list(road, 200)
    road.deliver(0.5)
    for _ in range(3):
        road.routes.pause(road.connector, True)
        road.pass_time(0.2)
        road.routes.pause(road.connector, False)
        road.pass_time(0.2)
    road.pass_time(3)
    assert road.carrier.recipients == list(CROWD[:200])
    assert {road.find(each).attempt for each in sent} == {1}


def test_what_waits_for_a_throttled_connector_goes_back(make_road):
    road = make_road(window=10)
    busy_list(road, 200)
    road.carrier.script[CROWD[100]].clear()
    road.carrier.will(CROWD[100], ANSWER_SECONDS, Throttled(5_000), ANSWER_SECONDS, taken())
    road.deliver(1.5)
    assert statuses(road).get("sending", 0) == 0
    throttled = next(at for at, each in road.carrier.taken if each.recipient == CROWD[100])
    throttled += ANSWER_SECONDS
    road.pass_time(30)
    times = [at for at, _ in road.carrier.taken]
    assert not [at for at in times if throttled - 1e-6 < at < throttled + 5]
    assert statuses(road) == {"sent": 200}


@pytest.mark.parametrize("is_watched", [False, True])
def test_an_opt_out_wins_over_what_waits_long_for_its_place(make_road, is_watched):
    road = make_road(window=10)
    # Where the database tells of changes, a worker rests for longer.
    road.follows_changes = is_watched
    sender, sent = busy_list(road, 130, silent=CROWD[100:110])
    road.deliver(2.5)
    assert statuses(road) == {"sent": 100, "sending": 10, "queued": 20}
    road.unsubscribe(sender, CROWD[110])
    road.pass_time(40)
    assert CROWD[110] not in road.carrier.recipients
    assert road.fate(sent[110]) == ("dropped", "contact_blocked")


def test_a_process_that_stops_leaves_nothing_claimed_that_has_not_left(make_road):
    road = make_road(window=10)
    _, sent = busy_list(road, 200)
    road.deliver(0.5)
    road.stop_all()
    left = len(road.carrier.taken)
    assert statuses(road) == {"sent": left, "queued": 200 - left}
    road.deliver(5)
    assert road.carrier.recipients == list(CROWD[:200])
    assert {road.find(each).attempt for each in sent} == {1}


def test_lanes_that_are_to_be_given_back_keep_nothing_that_waits(make_road):
    road = make_road(window=10)
    busy_list(road, 200, silent=CROWD[100:110])
    road.deliver(1)

    class Leaving:
        def __getattr__(self, name):
            return getattr(road.lease, name)

        def owns(self, _=0):
            return False

    road.worker._hand_over._lanes = Leaving()
    road.store.hints.queued_event.set()
    road.pass_time(0.1)
    assert len(road.routes.of(road.connector).ahead) == 0
    assert statuses(road)["sending"] == 10

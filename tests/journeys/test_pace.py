"""What journeys take of a list's rate, minute by minute."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from travels import ANN, CID, send, wait

from sendrail.journeys.pace import JourneyPace

MINUTE = 60_000


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=60).map(sorted), st.integers(1, 5))
def test_no_minute_has_more_than_the_rate_and_nobody_comes_early(times, rate):
    pace, sender = JourneyPace(), SimpleNamespace(id=1, rate=rate)
    places = [pace.place(sender, at) for at in times]
    assert all(place >= at for place, at in zip(places, times, strict=True))
    minutes = [place // MINUTE for place in places]
    assert max(map(minutes.count, minutes)) <= rate
    # Nobody waits while there is room: each minute before a place was full.
    for at, place in zip(times, places, strict=True):
        for minute in range(at // MINUTE, place // MINUTE):
            assert minutes.count(minute) == rate


def test_a_burst_leaves_at_the_rate_of_its_list(journeys):
    journeys.road.change_list(journeys.sender, rate=10)
    journey = journeys.add(send("hello"), wait("hour"))
    journeys.enter(*range(ANN, ANN + 25))
    journeys.step()
    assert len(journeys.sent()) == 10
    assert journeys.step() == 0
    journeys.wait(59)
    journeys.wait(1)
    assert len(journeys.sent()) == 20
    journeys.wait(60)
    assert len(journeys.sent()) == 25
    assert journeys.counts(journey)["hello", "held_pace"] == 15
    assert {journeys.where(each) for each in range(ANN, ANN + 25)} == {"hour"}


def test_a_long_queue_holds_journeys_back(journeys):
    road = journeys.road
    road.change_list(journeys.sender, rate=3)
    journey = journeys.add(send("hello"), wait("hour"))
    # More than ten minutes of the list, by whatever it is that the account sends itself.
    road.send(journeys.sender, *range(CID + 100, CID + 131))
    journeys.enter(*range(ANN, ANN + 7))
    journeys.step()
    assert len(journeys.sent()) == 31
    assert journeys.counts(journey)["hello", "held_queue"] == 7
    # They come back at the rate of the list, not all of them each minute.
    assert [journeys.wait(60) for _ in range(3)] == [3, 3, 3]
    assert road.counted("journey_lists_held") == 1
    road.sql("DELETE FROM queue")
    journeys.wait(60)
    assert len(journeys.sent()) > 31
    journeys.wait(180)
    assert len(journeys.sent()) == 38
    journeys.step()
    assert road.counted("journey_lists_held") == 0
    assert journeys.counts(journey)["hello", "sent"] == 7

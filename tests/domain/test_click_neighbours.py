"""Machines follow all links at once, or those of many messages: told by the clicks around one."""

import pytest

from sendrail.domain.click_classes import ClickClass, ClickReason, ClickVerdict
from sendrail.domain.click_neighbours import ClickNeighbours

HUMAN = ClickVerdict(ClickClass.HUMAN, ClickReason.NONE)
CONFIRMED = ClickVerdict(ClickClass.HUMAN, ClickReason.CONFIRMED)
TOO_SOON = ClickVerdict(ClickClass.UNKNOWN, ClickReason.TOO_SOON)
PREVIEW = ClickVerdict(ClickClass.PREVIEW, ClickReason.PREVIEW)
ALL_LINKS = ClickVerdict(ClickClass.UNKNOWN, ClickReason.ALL_LINKS)
BURST = ClickVerdict(ClickClass.UNKNOWN, ClickReason.BURST)
T = 1_800_000_000_000


def seen(*clicks, most=20):
    """Neighbours of (number, position, at), with a verdict and a digest where they are given."""
    found = ClickNeighbours(most)
    for number, position, at, *more in clicks:
        verdict, digest = (*more, *(HUMAN, None)[len(more) :])
        found.see(number, position, T + at, *verdict, digest)
    return found


def judged(neighbours, number=1, at=0, links=2, verdict=HUMAN, digest=None):
    return neighbours.judge(number, links, T + at, verdict, digest)


@pytest.mark.parametrize(("later", "verdict"), [(0, ALL_LINKS), (2_000, ALL_LINKS), (2_001, HUMAN)])
def test_all_links_within_two_seconds_are_a_machines(later, verdict):
    neighbours = seen((1, 0, 0), (1, 1, later))
    assert judged(neighbours) == verdict
    assert judged(neighbours, at=later) == verdict


def test_all_means_each_and_all_within_the_same_two_seconds():
    neighbours = seen((1, 0, 0), (1, 1, 1_500), (1, 2, 3_000))
    for at in (0, 1_500, 3_000):
        assert judged(neighbours, at=at, links=3) == HUMAN
    assert judged(neighbours, at=1_500) == ALL_LINKS
    twice = seen((1, 0, 0), (1, 0, 500))
    assert judged(twice) == HUMAN


def test_the_only_link_of_a_message_is_never_all_of_them():
    assert judged(seen((1, 0, 0)), links=1) == HUMAN


def test_other_messages_links_are_no_sign():
    assert judged(seen((1, 0, 0), (2, 1, 0))) == HUMAN


def test_a_machine_that_says_so_makes_no_machine_of_a_person():
    assert judged(seen((1, 0, 0), (1, 1, 100, PREVIEW))) == HUMAN
    # One that was too soon said nothing of itself.
    assert judged(seen((1, 0, 0), (1, 1, 100, TOO_SOON))) == ALL_LINKS


def test_what_was_confirmed_stays_a_persons_and_is_no_sign():
    neighbours = seen((1, 0, 0, CONFIRMED), (1, 1, 100))
    assert judged(neighbours, verdict=CONFIRMED) == CONFIRMED
    assert judged(neighbours, at=100) == HUMAN


@pytest.mark.parametrize("verdict", [TOO_SOON, PREVIEW])
def test_only_what_seems_a_persons_is_judged(verdict):
    assert judged(seen((1, 0, 0), (1, 1, 0)), verdict=verdict) == verdict


def burst(count, every=1_000, digest=b"one", most=20):
    return seen(*((n, 0, n * every, HUMAN, digest) for n in range(count)), most=most)


@pytest.mark.parametrize(("count", "verdict"), [(20, HUMAN), (21, BURST)])
def test_links_of_many_messages_from_one_address_are_a_machines(count, verdict):
    neighbours = burst(count)
    for n in (0, count - 1):
        assert judged(neighbours, n, n * 1_000, links=1, digest=b"one") == verdict
    assert judged(neighbours, 0, 0, links=1, digest=b"another") == HUMAN
    assert judged(neighbours, 0, 0, links=1) == HUMAN


@pytest.mark.parametrize(("every", "verdict"), [(3_000, BURST), (3_001, HUMAN)])
def test_a_burst_is_within_a_minute(every, verdict):
    assert judged(burst(21, every), 20, 20 * every, links=1, digest=b"one") == verdict


def test_one_message_is_followed_as_often_as_one_likes():
    neighbours = seen(*((1, 0, n, HUMAN, b"one") for n in range(1_000)))
    assert judged(neighbours, links=1, digest=b"one") == HUMAN


def test_seeing_a_click_again_changes_nothing():
    neighbours = burst(20)
    for _ in range(2):
        neighbours.see(0, 0, T, *HUMAN, b"one")
    assert judged(neighbours, links=1, digest=b"one") == HUMAN


def test_the_most_messages_are_a_setting_and_zero_is_any_number():
    assert judged(burst(3, most=2), 2, 2_000, links=1, digest=b"one") == BURST
    assert judged(burst(500, every=1, most=0), 2, 2, links=1, digest=b"one") == HUMAN


def test_old_clicks_are_forgotten_and_memory_is_bounded():
    neighbours = seen((1, 0, 0, HUMAN, b"one"), (1, 1, 1_000, HUMAN, b"one"))
    neighbours.forget_before(T + 1)
    assert judged(neighbours, at=1_000) == HUMAN
    assert len(neighbours) == 1
    neighbours.forget_before(T + 1_001)
    assert (len(neighbours), neighbours._places, neighbours._messages) == (0, {}, {})
    for n in range(100_010):
        neighbours.see(n, 0, T, *HUMAN, b"one")
    assert len(neighbours) == 100_000

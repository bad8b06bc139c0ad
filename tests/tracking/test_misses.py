"""Sixty misses of one network in ten minutes, and it is not looked at until they are over."""

import pytest

from sendrail.tracking.misses import MISSES_MAX, NETWORKS_MAX, WINDOW_SECONDS, Misses

GUESSER = "203.0.113.77"


class Seconds:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Seconds()


@pytest.fixture
def misses(clock):
    return Misses(clock)


def miss(misses, address, times):
    for _ in range(times):
        misses.add(address)


def test_sixty_misses_close_the_door_for_the_rest_of_ten_minutes(misses, clock):
    miss(misses, GUESSER, MISSES_MAX - 1)
    assert misses.seconds_left(GUESSER) == 0
    clock.now += 100
    misses.add(GUESSER)
    assert misses.seconds_left(GUESSER) == 500
    clock.now += 499.5
    assert misses.seconds_left(GUESSER) == 1
    clock.now += 0.5
    assert misses.seconds_left(GUESSER) == 0


def test_after_ten_minutes_the_count_begins_anew(misses, clock):
    miss(misses, GUESSER, MISSES_MAX)
    clock.now += WINDOW_SECONDS
    miss(misses, GUESSER, MISSES_MAX - 1)
    assert misses.seconds_left(GUESSER) == 0
    misses.add(GUESSER)
    assert misses.seconds_left(GUESSER) == WINDOW_SECONDS


@pytest.mark.parametrize(
    ("other", "is_closed"),
    [
        (GUESSER, True),
        ("::ffff:203.0.113.77", True),
        ("203.0.113.78", False),  # a neighbour in the same /24
        ("2001:db8::1", False),
    ],
)
def test_an_ipv4_address_is_counted_alone(misses, other, is_closed):
    miss(misses, GUESSER, MISSES_MAX)
    assert bool(misses.seconds_left(other)) is is_closed


@pytest.mark.parametrize(
    ("other", "is_closed"),
    [("2001:db8:0:1:ffff::9", True), ("2001:db8:0:2::1", False)],
)
def test_of_ipv6_a_subscribers_64_is_counted(misses, other, is_closed):
    for n in range(MISSES_MAX):
        misses.add(f"2001:db8:0:1::{n:x}")
    assert bool(misses.seconds_left(other)) is is_closed


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.9", "::1", "fd00::1", "", "unix:"])
def test_what_may_be_a_proxy_closes_the_door_to_nobody(misses, address):
    miss(misses, address, 2 * MISSES_MAX)
    assert misses.seconds_left(address) == 0


def test_memory_is_bounded_whatever_addresses_come(misses, clock):
    miss(misses, GUESSER, MISSES_MAX)
    for n in range(NETWORKS_MAX - 1):
        clock.now += 0.01
        misses.add(f"2001:db8:{n >> 16:x}:{n & 0xFFFF:x}::1")
    assert misses.seconds_left(GUESSER) > 0
    assert misses.size == NETWORKS_MAX
    misses.add("2001:db8:ffff::1")
    assert misses.size == NETWORKS_MAX
    # The one whose time began first is over first as well.
    assert misses.seconds_left(GUESSER) == 0


def test_what_is_over_is_forgotten(misses, clock):
    for n in range(100):
        misses.add(f"203.0.113.{n}")
    clock.now += WINDOW_SECONDS
    misses.add(GUESSER)
    assert misses.size == 1

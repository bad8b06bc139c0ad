"""What a sample says of all, held against populations of which all is known."""

import random

import pytest

from sendrail.domain.audience import SAMPLE_STEP, band_of


@pytest.mark.parametrize("members", [30, 300, 3_000, 20_000])
def test_the_band_holds_the_truth_in_at_least_93_of_100(members):
    dice = random.Random(members)
    held = 0
    for _ in range(400):
        numbers = {dice.randrange(10**10) for _ in range(members)}
        low, high = band_of(sum(number % SAMPLE_STEP == 0 for number in numbers))
        held += low <= len(numbers) <= high
    assert held >= 0.93 * 400


def test_a_band_is_no_wider_than_it_must_be():
    low, high = band_of(10_000)
    # Two standard deviations of a Poisson count are two hundred.
    assert (high - low) / (10_000 * SAMPLE_STEP) == pytest.approx(0.0392, rel=0.01)
    # Tabulated: none found are at most 3.689, and ten are 4.795 to 18.39.
    assert band_of(0) == (0, pytest.approx(3.689 * SAMPLE_STEP, rel=0.01))
    assert band_of(10) == pytest.approx((4.795 * SAMPLE_STEP, 18.39 * SAMPLE_STEP), rel=0.01)

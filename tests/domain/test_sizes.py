"""Sizes for people, against amounts worked out by hand."""

import pytest

from sendrail.domain.sizes import size_shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1_023, "1,023 bytes"),
        (1_024, "1 KiB"),
        (1_536, "1.5 KiB"),
        (64 * 2**20, "64 MiB"),
        (10 * 2**20 + 2**19, "10 MiB"),
        # No more than there is.
        (2**30 - 1, "1,023 MiB"),
        (71_064 * 2**20, "69 GiB"),
        (2_000_000_000_000, "1.8 TiB"),
        (5_000 * 2**40, "5,000 TiB"),
    ],
)
def test_a_size_is_in_the_largest_unit_of_which_there_is_one(size, shown):
    assert size_shown(size) == shown

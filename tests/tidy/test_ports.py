"""Ports of tests' own servers, whichever the kernel keeps for itself."""

import pytest
from ports import own_port, ports_beside


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        # As Linux has it; as RFC 6335 has it.
        ((32_768, 60_999), range(10_000, 32_768)),
        ((49_152, 65_535), range(10_000, 49_152)),
        # The least room that is enough, and one port less.
        ((14_000, 65_535), range(10_000, 14_000)),
        ((13_999, 65_535), range(1)),
        ((1_024, 61_535), range(61_536, 65_536)),
        ((1_024, 61_536), range(1)),
        # Below, at and above 20,000.
        ((20_000, 30_000), range(10_000, 20_000)),
        ((10_000, 20_000), range(20_001, 65_536)),
        ((1_024, 65_535), range(1)),
    ],
)
def test_ports_are_beside_those_that_the_kernel_gives(given, ports):
    assert ports_beside(*given) == ports


def test_an_own_port_is_no_wish_but_a_port():
    assert 1_024 <= own_port() < 65_536

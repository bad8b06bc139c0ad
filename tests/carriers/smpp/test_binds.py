"""The binds of a connector, spread over the processes that hand over by it."""

import pytest

from sendrail.carriers.sdk import ConnectorContext, ProcessIndex, SharesConnections
from sendrail.carriers.smpp.carrier import SmppCarrier

SETTINGS = {"host": "smsc", "system_id": "us", "password": "secret"}


@pytest.mark.parametrize(
    ("binds", "processes", "each"),
    [
        (4, 1, [4]),
        (4, 2, [2, 2]),
        (5, 3, [2, 2, 1]),
        (3, 3, [1, 1, 1]),
        # Nobody goes without: a list's lane is one process's, and so is its way out.
        (1, 3, [1, 1, 1]),
        (32, 5, [7, 7, 6, 6, 6]),
    ],
)
def test_each_process_has_its_share_and_never_none(binds, processes, each):
    carrier = SmppCarrier(SETTINGS | {"binds": binds})
    assert isinstance(carrier, SharesConnections)
    parts = [ProcessIndex(place, processes) for place in range(processes)]
    assert [carrier.connections(part) for part in parts] == each


def test_a_pair_counts_twice():
    assert SmppCarrier(SETTINGS | {"binds": 4, "mode": "pair"}).connections(ProcessIndex(0, 2)) == 4


def test_alone_it_has_all():
    assert ConnectorContext().part == (0, 1)

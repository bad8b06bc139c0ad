"""kill -9 while messages for later come into the queue: none is lost, and none rings twice."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .audit import check_database, is_uncertain, look_up_all, rung, settle_down
from .serve import Server

MESSAGES = 300
SPREAD_SECONDS = 4.0


@pytest.mark.timeout(120)
def test_kills_while_messages_become_due(
    make_server: Callable[..., Server], handset_log: tuple[Path, Path], seed: int
) -> None:
    chance = random.Random(seed)
    socket, log = handset_log
    server = make_server(simulator_handsets=socket)
    server.start()
    begin = datetime.now(UTC) + timedelta(seconds=2)
    messages = [
        {
            "to": f"+1555400{number:04d}",
            "list_number": server.list_number,
            "body": f"Later {number}",
            "send_at": (begin + timedelta(seconds=chance.uniform(0, SPREAD_SECONDS))).isoformat(),
        }
        for number in range(MESSAGES)
    ]
    answer = server.client().post("/api/v2/send-raw/bulk", {"messages": messages})
    assert answer.body["queued_count"] == MESSAGES
    for _ in range(3):
        time.sleep(chance.uniform(0.5, 1.5))
        server.kill()
        server.start()
    client = server.client()
    settle_down(client, 60)
    found = look_up_all(client)
    handsets = rung(log)
    assert len(found) == MESSAGES
    assert set(handsets.values()) == {1}
    silent = [each for each in found if each not in handsets]
    assert all(is_uncertain(found[each]) for each in silent)
    assert all(found[each]["send_at"] is None for each in found)
    assert server.stop(15) == 0
    check_database(server)

"""Chance at the server's door: every answer is its own request's, and nothing is kept behind.

`just door` plays for ten minutes; FAULTS_SEED brings a failure back.
"""

import asyncio
import time

import pytest

from .door_fuzz import Fuzz
from .test_door import MB, memory

LONG_SECONDS = 600
WARM_UP = 60


def play(server, seed, connections):
    fuzz = Fuzz(server.port, server.key, server.list_number, seed)
    asyncio.run(fuzz.run(connections))
    assert fuzz.account.wrong == []
    # Who was told an id was told the id of the very message that it sent.
    client = server.client()
    for message_id, recipient in list(fuzz.account.accepted.items())[-200:]:
        assert client.get(f"/api/v2/messages/{message_id}").body["to"] == recipient
    client.close()
    return fuzz.account


@pytest.fixture
def warm(server, seed):
    server.settings["log_level"] = "error"
    # What the duplicate window remembers of millions of messages is kept on purpose.
    server.settings["duplicate_window_seconds"] = 0
    server.start()
    play(server, seed, WARM_UP)
    return server, memory(server)


def test_each_answer_is_its_own_requests_and_none_is_missing(warm, seed):
    server, before = warm
    account = play(server, seed + 1, 60)
    assert account.answers > 100
    # It comes to rest some 20 MB above its warm start, as the long form shows.
    assert memory(server) <= before + 32 * MB
    assert server.stop(20) == 0


@pytest.mark.slow
@pytest.mark.timeout(LONG_SECONDS + 300)
def test_nor_after_ten_minutes(warm, seed):
    server, _ = warm
    held, until, answers = [], time.monotonic() + LONG_SECONDS, 0
    while time.monotonic() < until:
        seed += 1
        answers += play(server, seed, 300).answers
        held.append(memory(server))
    print(f"{answers:,} answers, memory {[each // MB for each in held]} MB")
    # Half way it holds what it ever will.
    assert max(held[len(held) // 2 :]) <= held[len(held) // 2] + 20 * MB
    assert server.stop(20) == 0

"""kill -9 under load: nothing that was answered is lost, and no phone rings twice unasked."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .audit import (
    ENDS,
    bring_receipts,
    check_counts,
    check_database,
    check_found,
    check_uncertain,
    is_uncertain,
    look_up_all,
    rows,
    rung,
    settle_down,
    total,
)
from .load import Load
from .serve import AGES_SECONDS, Client, Server, answer_after, wait_until

HOLD, RESEND = "+15550002000", "+15550003000"


@pytest.mark.timeout(120)
def test_three_kills(make_server, handset_log, seed):
    survive(make_server, handset_log, seed, kills=3)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_twenty_kills(make_server, handset_log, seed):
    survive(make_server, handset_log, seed, kills=20)


def survive(
    make_server: Callable[..., Server],
    handset_log: tuple[Path, Path],
    seed: int,
    *,
    kills: int,
) -> None:
    chance = random.Random(seed)
    socket, log = handset_log
    server = make_server(simulator_handsets=socket)
    set_up(server)
    with Load(server, [server.list_number, HOLD, RESEND], seed) as load:
        for _ in range(kills):
            time.sleep(life(chance))
            server.kill()
            if chance.random() < 0.2:
                server.spawn()
                time.sleep(chance.uniform(0.0, 0.4))  # about as long as a start takes
                server.kill()
            server.start()
        time.sleep(0.3)
    print(f"{len(load.told)} messages, told only at a second request: {dict(load.told_later)}")
    assert set(load.refused) <= {"duplicate_message"}

    client = server.client()
    settle_down(client, 60)
    found = look_up_all(client)
    handsets = rung(log)
    check_found(load, found, handsets)
    uncertain = check_uncertain(client, found, kills)
    print(f"{len(uncertain)} uncertain, {sum(n > 1 for n in handsets.values())} rang twice")

    # For some of the uncertain a receipt comes late, and for some it never does.
    forgotten = {
        each for at, each in enumerate(sorted(uncertain)) if at % 2 or each not in handsets
    }
    bring_what_is_owed(server, client, found, forgotten)
    assert server.stop(15) == 0
    check_database(server)
    check_counts(server)
    check_resent(server, found, handsets)
    check_expiry(server, forgotten)


def life(chance: random.Random) -> float:
    """Return how many seconds a server may live.

    Nothing leaves within the first second, so most kills come after it, amidst deliveries.
    """
    return chance.uniform(0.0, 1.0) if chance.random() < 0.2 else chance.uniform(1.0, 2.0)


def set_up(server: Server) -> None:
    server.start()
    server.run("lists", "add", HOLD)
    server.run("lists", "add", RESEND, "--on-uncertain", "resend_once")
    # A carrier takes its time to answer: without it a kill would seldom find anything under way.
    answer_after(server, 0.025)


def check_resent(server: Server, found: dict[str, Any], handsets: Counter[str]) -> None:
    """Only what was uncertain, and only where the list asks for it, ever rings a second time."""
    twice = {each for each, times in handsets.items() if times > 1}
    assert all(handsets[each] == 2 for each in twice)
    assert {found[each]["list_number"] for each in twice} <= {RESEND}
    resent = rows(server, "SELECT recipient FROM messages WHERE resent = 1")
    flagged = {f"+{recipient}" for (recipient,) in resent}
    assert {found[each]["to"] for each in twice} <= flagged
    unasked = """
        SELECT count(*) FROM messages AS m WHERE resent = 1 AND NOT EXISTS
            (SELECT 1 FROM attempts AS a WHERE a.number = m.number AND a.outcome = 'uncertain')
    """
    assert rows(server, unasked) == [(0,)]


def bring_what_is_owed(
    server: Server, client: Client, found: dict[str, Any], forgotten: set[str]
) -> None:
    """Bring the receipts the dead simulators owed; they settle what was uncertain, too."""
    owed = [
        message
        for each, message in found.items()
        if message["status"] == "sent" and each not in forgotten
    ]
    asyncio.run(bring_receipts(server.data, owed))
    wait_until(lambda: total(client, "sent") == len(forgotten), 15, "the receipts are applied")
    for message in owed[:50]:
        assert client.get(f"/api/v2/messages/{message['message_id']}").body["status"] == "delivered"


def check_expiry(server: Server, uncertain: set[str]) -> None:
    """What no receipt ever settles becomes failed, and says why."""
    server.settings["uncertain_after_seconds"] = 1
    server.start()
    client = server.client()
    wait_until(lambda: total(client, "sent") == 0, 30, "the uncertain ones expire")
    for each in uncertain:
        message = client.get(f"/api/v2/messages/{each}").body
        assert (message["status"], message["status_detail"]) == ("failed", "unknown_outcome")
    assert {message["status"] for message in look_up_all(client).values()} <= ENDS
    assert server.stop(15) == 0


@pytest.mark.parametrize(("policy", "rings"), [("hold", 1), ("resend_once", 2)])
def test_killed_each_time_the_carrier_is_about_to_answer(make_server, handset_log, policy, rings):
    socket, log = handset_log
    server = make_server(simulator_handsets=socket)
    server.start()
    server.run("lists", "on-uncertain", server.list_number, policy)
    # The phone rings at once, and the answer takes longer than all of the test.
    answer_after(server, AGES_SECONDS)
    order = {"to": "+15550100001", "list_number": server.list_number, "body": "{{messageId}}"}
    sent = server.client().post("/api/v2/send-raw", order).body["message_id"]
    for ring in range(1, rings + 1):
        wait_until(lambda ring=ring: rung(log)[sent] == ring, 10, f"it rings for time {ring}")
        server.kill()
        server.start()
    client = server.client()
    assert is_uncertain(client.get(f"/api/v2/messages/{sent}").body)
    time.sleep(2.5)  # a resend would have come by now
    assert rung(log) == {sent: rings}
    attempts = server.run("messages", "show", sent)["attempts"]
    assert [each["outcome"] for each in attempts] == ["uncertain"] * rings

    asyncio.run(bring_receipts(server.data, [client.get(f"/api/v2/messages/{sent}").body]))
    wait_until(
        lambda: client.get(f"/api/v2/messages/{sent}").body["status"] == "delivered",
        5,
        "the late receipt settles it",
    )

"""What must be true after any fault: asked of the API, the handsets and the database file."""

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from sendrail.app import open_runtime
from sendrail.carriers.simulator import wire
from sendrail.domain.ids import MessageId
from sendrail.domain.message import Status
from sendrail.settings import load

from .load import Load
from .serve import Answer, Client, Server, wait_until

# How many messages the sandbox connector has under way at the most.
WINDOW = 500
ENDS = {"delivered", "undelivered", "failed", "dropped"}


def answered(client: Client, path: str) -> Answer:
    """Return the answer to a question, asked again where the database seems to be away.

    A busy machine may be silent for as long as one that is gone.
    """
    answers: list[Answer] = []

    def is_answered() -> bool:
        answers.append(client.get(path))
        return answers[-1].status != 503

    wait_until(is_answered, 5, "the database is there")
    return answers[-1]


def asked(client: Client, path: str) -> Answer:
    """Return the answer to a question that has one."""
    answer = answered(client, path)
    assert answer.status == 200, answer
    return answer


def total(client: Client, status: str) -> int:
    answer = asked(client, f"/api/v2/messages?per_page=1&status={status}")
    count: int = answer.body["pagination"]["total"]
    return count


def look_up_all(client: Client) -> dict[str, Any]:
    """Return every message by its id, as the paged list shows it."""
    found: dict[str, Any] = {}
    page = 1
    while True:
        answer = asked(client, f"/api/v2/messages?per_page=100&page={page}")
        found |= {message["message_id"]: message for message in answer.body["messages"]}
        if len(answer.body["messages"]) < 100:
            return found
        page += 1


def is_uncertain(message: Any) -> bool:
    return (message["status"], message["status_detail"]) == ("sent", "uncertain")


def settle_down(client: Client, seconds: float) -> None:
    """Wait until nothing is queued and no receipt is on its way any more."""
    wait_until(lambda: total(client, "queued") == 0, seconds, "the queue is empty")
    before, sent = -1, total(client, "sent")
    while before != sent:
        asked = time.monotonic()
        before = total(client, "sent")
        # Longer than a receipt takes; where a question takes long, a receipt does as well.
        time.sleep(max(0.7, 20 * (time.monotonic() - asked)))
        sent = total(client, "sent")


async def bring_receipts(data: Path, messages: list[Any]) -> None:
    """Bring the receipts that the simulator forgot when it was killed; no real carrier does."""
    # Where the reference came with the answer that was lost, the message's id finds it.
    told = [
        (each["provider_message_id"] or f"lost-{each['message_id']}", MessageId(each["message_id"]))
        for each in messages
    ]
    async with open_runtime(load(environment={}, data_dir=data)) as runtime:
        [connector] = await runtime.store.read(lambda tx: tx.connectors.all())
        await runtime.inbox.put(
            connector.id, wire.receipts(told, Status.DELIVERED, "DELIVERED_TO_HANDSET")
        )


def rung(log: Path) -> Counter[str]:
    """Return how often each message rang a handset."""
    return Counter(each["message_id"] for each in rings(log))


def rings(log: Path) -> list[Any]:
    """Return what rang handsets, one after the other; a file that is not there yet has none."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def rows(server: Server, statement: str) -> list[Any]:
    with closing(sqlite3.connect(server.data / "sendrail.db")) as database:
        return database.execute(statement).fetchall()


# What messages say of themselves, and what was counted of them as it happened.
_COUNTS = """
    WITH message AS (
        SELECT coalesce(origin_id, 0) AS origin, list_id, coalesce(sending_at, 0) / 3600000 AS sent,
            ended_at / 3600000 AS ended, status, detail, segments, sent_at FROM messages),
    told (origin, list, hour, what, segments) AS (
        SELECT origin, list_id, sent, 'sent', segments FROM message
            WHERE status IN ('sent', 'delivered', 'undelivered')
                OR status = 'failed' AND sent_at IS NOT NULL
        UNION ALL SELECT origin, list_id, sent, status, 0 FROM message
            WHERE status IN ('delivered', 'undelivered', 'failed')
        UNION ALL SELECT origin, list_id, ended, '@' || status, 0 FROM message
            WHERE status IN ('delivered', 'undelivered', 'failed')
        UNION ALL SELECT origin, list_id, ended, 'dropped:' || detail, 0 FROM message
            WHERE status IN ('dropped', 'orphaned')),
    sums AS (
        SELECT origin, list, hour, what, count(*) AS n, sum(segments) AS segments FROM told
        GROUP BY origin, list, hour, what),
    counted AS (
        SELECT origin_id, list_id, hour, what, n, segments FROM origin_counts WHERE n <> 0)
    SELECT 'told', * FROM (SELECT * FROM sums EXCEPT SELECT * FROM counted)
    UNION ALL SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT SELECT * FROM sums)
"""


def check_counts(server: Server) -> None:
    """Check that what is counted by origin is what the messages say."""
    assert rows(server, _COUNTS) == []
    assert rows(server, "SELECT 1 FROM origin_counts LIMIT 1") == [(1,)]


def check_file(server: Server) -> None:
    """Check that the file is whole, and each row where it belongs."""
    assert rows(server, "PRAGMA integrity_check") == [("ok",)]
    assert rows(server, "PRAGMA foreign_key_check") == []


def check_database(server: Server) -> None:
    """Check the file, and that the queue holds what is queued, no more and no less."""
    check_file(server)
    queued = rows(server, "SELECT number FROM messages WHERE status = 'queued' ORDER BY number")
    assert rows(server, "SELECT number FROM queue ORDER BY number") == queued
    assert rows(server, "SELECT count(*) FROM messages WHERE status = 'sending'") == [(0,)]


def check_found(load: Load, found: dict[str, Any], handsets: Counter[str]) -> None:
    """Whoever was told an id finds the message, and each order became one message."""
    lost = {to: each for to, each in load.told.items() if each not in found}
    assert lost == {}
    assert len(set(load.told.values())) == len(load.told)
    recipients = Counter(message["to"] for message in found.values())
    assert [each for each, times in recipients.items() if times > 1] == []
    assert set(recipients) ^ set(load.told) == set()
    assert set(handsets) - set(found) == set()
    unrung = [
        each
        for each, message in found.items()
        if each not in handsets
        and (message["status"] == "delivered" or message["provider_message_id"])
    ]
    assert unrung == []
    assert {message["status"] for message in found.values()} <= {*ENDS, "sent"}


def check_uncertain(client: Client, found: dict[str, Any], kills: int) -> set[str]:
    """What is uncertain is listed, is bounded by the connector's window, and waits."""
    uncertain = {each for each, message in found.items() if is_uncertain(message)}
    assert len(uncertain) <= WINDOW * kills
    assert total(client, "sent") >= len(uncertain)
    for each in uncertain:
        assert is_uncertain(client.get(f"/api/v2/messages/{each}").body)
    return uncertain

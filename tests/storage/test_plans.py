"""Every hot statement finds its rows by a key, on a full database that was never analysed.

Plans are checked by law, not by their words, which differ between releases of SQLite: a search is
by a key, and the few scans are of things that are small or ended early. Where a plan says little,
the steps of SQLite's machine are counted, on a small queue and on a large one.
"""

import json
import re
import sqlite3

import pytest
from sqlalchemy import create_engine

from sendrail.storage import hot, hot_inbound, hot_inbox, outbox
from sendrail.storage.tables import metadata

NOW = 1_800_000_000_000
STATEMENTS = {
    name: text
    for module in (hot, hot_inbound, hot_inbox, outbox)
    for name, text in vars(module).items()
    if name.isupper()
    and isinstance(text, str)
    and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", text)
    and name != "LIST_COLUMNS"  # the beginning of two others
}
# Scans that are right: of the values a statement was given, and of what ends at a LIMIT.
SCANS = dict.fromkeys(STATEMENTS, r"SCAN (json_each|wanted|pair|VALUES|CONSTANT ROW)") | {
    "LISTS_WAITING": r"SCAN (waiting|queue|CONSTANT ROW|\(subquery-\d+\)|SUBQUERY \d+)",
    "TAKE": r"SCAN inbox",
    "INSERT_MESSAGES": r"SCAN \d+ CONSTANT ROWS",
    "BOUNDS": r"SCAN CONSTANT ROW",
    "ANY_TROUBLE": r"SCAN recipient_troubles",
    "ANY_ENDPOINT": r"SCAN webhook_endpoints",
    "OLD_EVENTS": r"SCAN outbox",
}
# No access at all but by key.
PROTECTED = {
    "messages", "list_contacts", "attempts", "carrier_refs", "blocks", "enrolments", "reply_parts",
    "replies", "webhook_attempts",
}  # fmt: skip


def filled(messages):
    """Return a database with a few lists and this many messages waiting on each of them."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    raw = engine.raw_connection().driver_connection
    rows = [
        (n, n % 8, 1, n % 8, 15550100000 + n, NOW + n, "queued", 0, 0, 0, 0, 1, "gsm7", "Hello")
        for n in range(1, messages + 1)
    ]
    raw.executemany(
        "INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, status,"
        f" attempt, epoch, skips, resent, segments, encoding, body) VALUES ({'?,' * 13}?)",
        rows,
    )
    raw.executemany(
        "INSERT INTO queue VALUES (?, ?, 1, ?, ?)", [(r[1], r[3], r[5], r[0]) for r in rows]
    )
    raw.executemany(
        "INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name,"
        " subscribed_at, unsubscribed_at, reason) VALUES (?, ?, 0, '', '', 0, 0, 'api')",
        [(row[3], row[4]) for row in rows],
    )
    raw.executemany(
        "INSERT INTO carrier_refs (link_id, carrier_ref, lane, number) VALUES (1, ?, ?, ?)",
        [(f"r{r[0]}", r[1], r[0]) for r in rows],
    )
    raw.executemany(
        "INSERT INTO attempts VALUES (?, 1, ?, 1, 1, 0, 0, 'submitted', NULL, NULL)",
        [(row[0], row[1]) for row in rows],
    )
    raw.executemany(
        "INSERT INTO outbox VALUES (NULL, ?, 'delivery', ?, ?, ?, 0, 0, 0, NULL)",
        [(row[3], row[0], row[5], row[5]) for row in rows],
    )
    raw.executemany(
        "INSERT INTO recipient_troubles VALUES (?, ?, ?, ?)",
        [(r[3], r[4], r[0], NOW) for r in rows],
    )
    raw.executemany(
        "INSERT INTO reply_parts VALUES (1, ?, 1, 1, 2, 1, '', 0, 0, ?)",
        [(row[4], NOW) for row in rows],
    )
    raw.commit()
    return engine, raw


@pytest.fixture(scope="module")
def database():
    engine, raw = filled(4_000)
    yield raw
    raw.close()
    engine.dispose()


def values_for(text):
    """Return as many values as a statement wants; where it wants an array, pairs."""
    numbered = [int(number) for number in re.findall(r"\?(\d+)", text)]
    count = max(numbered) if numbered else text.count("?")
    values = [1] * count
    if "json_each" in text:
        values[0] = json.dumps([[1, 15550100001]] if "pair" in text else [1, 2])
    return values


def plan(database, text):
    rows = database.execute("EXPLAIN QUERY PLAN " + text, values_for(text))
    return [row[3] for row in rows]


def test_the_hot_statements_are_found():
    assert {"DUE", "DEPART", "ARRIVE", "KNOWN_CONTACTS", "OWNERS", "LISTS_WAITING"} <= set(
        STATEMENTS
    )
    assert len(STATEMENTS) >= 40


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_hot_statement_finds_its_rows_by_a_key(database, name):
    for step in plan(database, STATEMENTS[name]):
        assert "AUTOMATIC" not in step
        assert "TEMP B-TREE" not in step
        if step.startswith("SCAN"):
            assert re.match(SCANS[name], step), step
        # The least and the greatest of a key are its two ends: SQLite names no key for them.
        if step.startswith("SEARCH") and name != "BOUNDS":
            assert re.search(r"USING (INTEGER PRIMARY KEY|PRIMARY KEY|(COVERING )?INDEX)", step)


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_large_tables_are_never_scanned(database, name):
    text = STATEMENTS[name]
    large = {
        alias or table
        for table, alias in re.findall(r"(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+AS\s+(\w+))?", text)
        if table in PROTECTED
    }
    scanned = {step.split()[1] for step in plan(database, text) if step.startswith("SCAN")}
    assert not scanned & large


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("DUE", "lane=? AND list_id=? AND rank=? AND due_at<?"),
        ("NEXT_DUE", "lane=? AND list_id=? AND rank=? AND due_at>?"),
        ("LEAVE_QUEUE", "lane=? AND list_id=? AND rank=? AND due_at=? AND number=?"),
        ("KNOWN_CONTACTS", "list_id=? AND recipient=?"),
        ("BLOCKED", "account_id=? AND recipient=?"),
        ("OWNERS", "link_id=? AND carrier_ref=?"),
        ("UNSETTLED", "status=? AND number>?"),
        ("LIST_BY_NUMBER", "account_id=? AND number=?"),
        ("CALLER_BY_KEY", "digest=?"),
        ("DEPART", "rowid=?"),
        ("ARRIVE", "rowid=?"),
        ("APPLY", "rowid=?"),
        ("DROP", "rowid=?"),
        ("KEPT_ANSWER", "account_id=? AND key=?"),
        ("PARTS", "link_id=? AND sender=? AND list_number=? AND reference=? AND total=?"),
        ("OVERDUE_PARTS", "received_at<?"),
        ("CLEAR_TROUBLES", "list_id=? AND recipient=?"),
        ("FORGET_TROUBLES", "at<?"),
        ("EVENTS_DUE", "endpoint_id=? AND due_at<?"),
        ("TELL_ENDED", "account_id=?"),
        ("TELL_REPLY", "account_id=?"),
        ("FORGET_ATTEMPTS", "event_id=?"),
    ],
)
def test_a_hot_statement_uses_the_whole_of_its_key(database, name, key):
    assert any(f"({key})" in step for step in plan(database, STATEMENTS[name]))


class _Stopwatch:
    """Counts the steps of SQLite's machine."""

    def __init__(self, raw):
        self._raw = raw

    def __call__(self, text, values=()):
        steps = 0

        def step():
            nonlocal steps
            steps += 1

        self._raw.set_progress_handler(step, 1)
        try:
            self._raw.execute(text, values).fetchall()
        except sqlite3.IntegrityError:
            pass
        finally:
            self._raw.set_progress_handler(None, 0)
        return steps


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("LISTS_WAITING", ()),
        ("DUE", (1, 1, 1, NOW + 10**9, 20)),
        ("NEXT_DUE", (1, 1, 1, NOW)),
        ("UNSETTLED", ("sending", 0, 100)),
        ("BOUNDS", ()),
        ("CREATED_FROM", (0,)),
        ("TAKE", (10,)),
        ("PARKED", (0, 10)),
        ("LOAD", ("[1, 2, 3]",)),
        ("ANY_TROUBLE", ()),
        ("CLEAR_TROUBLES", ("[1, 2, 3]",)),
        ("OVERDUE_PARTS", (NOW, 10)),
        ("ANY_ENDPOINT", ()),
        ("EVENTS_DUE", (1, NOW + 10**9, 20)),
        ("OLD_EVENTS", (20,)),
    ],
)
def test_a_deeper_queue_costs_a_hot_statement_nothing(name, values):
    steps = []
    for messages in (400, 4_000):
        engine, raw = filled(messages)
        steps.append(_Stopwatch(raw)(STATEMENTS[name], values))
        raw.close()
        engine.dispose()
    assert steps[1] <= steps[0] * 1.2

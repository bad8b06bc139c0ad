"""Every hot statement finds its rows by a key, among a million messages.

Plans are checked by law, not by their words, which differ between releases of SQLite: a search is
by a key, and the few scans are of things that are small or ended early. Where a plan says little,
the steps of SQLite's machine are counted, among ten thousand messages and among a million. All of
that on a database that was never analysed, as ours are, and once more after it was.
"""

import json
import re
import sqlite3
from dataclasses import dataclass

import full_embedded as full
import pytest

from sendrail.domain.consent import Keyword
from sendrail.domain.contact import OptOutReason, RecipientTrouble, TroublePolicy
from sendrail.storage.rows import (
    ContactFilter,
    MessageFilter,
    MessagePlace,
    RecipientReport,
    ReplyFilter,
)
from sendrail.storage.sqlite import gate, inbox, outbox, queue, replies

FEW, MANY = 10_000, 1_000_000
NEVER, AFTER = "never analysed", "analysed"
STATES = (NEVER, AFTER)
STATEMENTS = {
    name: text
    for module in (gate, replies, inbox, queue, outbox)
    for name, text in vars(module).items()
    if name.isupper()
    and isinstance(text, str)
    and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", text)
    and name != "LIST_COLUMNS"  # the beginning of two others
}
# Scans that are right: of the values a statement was given, and of what ends at a LIMIT.
SCANS = dict.fromkeys(STATEMENTS, r"SCAN (json_each|wanted|pair|VALUES|CONSTANT ROW)") | {
    "LISTS_WAITING": r"SCAN (waiting|queue|CONSTANT ROW|\(subquery-\d+\)|SUBQUERY \d+)",
    "EVENTS_DUE": r"SCAN \(subquery-\d+\)",
    "TAKE": r"SCAN inbox",
    "TAKE_OTHERS": r"SCAN (inbox|json_each)",
    "INSERT_MESSAGES": r"SCAN \d+ CONSTANT ROWS",
    "BOUNDS": r"SCAN CONSTANT ROW",
    "ANY_TROUBLE": r"SCAN recipient_troubles",
    "ANY_ENDPOINT": r"SCAN webhook_endpoints",
    "OLD_EVENTS": r"SCAN outbox",
}
# After ANALYZE these may be read through: they are no larger than a page or two.
SMALL = {"accounts", "api_keys", "lists", "connectors", "webhook_endpoints"}


# Messages at rest, under way and uncertain, however many there are.
GONE, SENDING, LOST = 8, 5, 6
SOME = json.dumps([GONE, GONE + 4, GONE + 8])


def values_of(count):
    """Return each statement's values: of rows that are there, and of new ones."""
    return _gate(count) | _queue(count) | _back(count) | _outbox(count)


def _queue(count):
    waits = full.waiting_from(count)
    place = (full.lane(waits), full.list_id(waits), 1, full.BEGAN + waits, waits)
    ended = full.BEGAN + count
    return {
        "QUEUE_MESSAGES": (GONE, GONE + 4, None),
        "CREATED_FROM": (GONE,),
        "BOUNDS": (),
        "RECENT": (count - 10,),
        "LISTS_WAITING": (),
        "DUE": (*place[:3], ended, 10),
        "NEXT_DUE": place[:4],
        "LOAD": (SOME,),
        "METADATA": (SOME,),
        "LEAVE_QUEUE": place,
        "DROP": ("dropped", None, ended, waits, place[0]),
        "HOLD": ("", waits, place[0]),
        "START_ATTEMPT": (1, 1, 1, ended, waits),
        "FINISH_ATTEMPT": (
            "sent",
            None,
            None,
            "x",
            None,
            1,
            0,
            SENDING,
            full.lane(SENDING),
            1,
            1,
            None,
        ),
        "RETURN_TO_QUEUE": (*place, 0, 0),
        "KEEP_ATTEMPT": (GONE, 2, full.lane(GONE), 1, 1, 0, 0, "failed", None, None, None),
        "KEEP_REF": (1, "x", full.lane(GONE), GONE),
        "KEEP_PART_REF": (1, "x", full.lane(GONE), GONE, 1, 2),
        "PARTS_LEFT": (1, GONE, full.lane(GONE)),
        "UNSETTLED": ("sending", 0, 20),
        "EXPIRE": ("", ended, LOST, full.lane(LOST)),
        "TAKE_LEASE": ("delivery", "me", ended),
        "EPOCH": ("delivery",),
    }


def _back(count):
    someone, ended = full.RECIPIENT + GONE, full.BEGAN + count
    part = (1, someone, 1, 1, 2)
    return {
        "KEEP_REPLY": (1, 1, someone, "", None, None, 0, None, ended),
        "NOTE_REF": (1, "x", ended),
        "OLD_REFS": (ended, 20),
        "FORGET_REF": (1, "i8"),
        "KEEP_PART": (*part, 2, "", b"", "ucs2", 0, ended),
        "PARTS": part,
        "MARK_JOINED": part,
        "FORGET_PARTS": part,
        "OVERDUE_PARTS": (ended, 20),
        "ANY_TROUBLE": (),
        "CLEAR_TROUBLES": (SOME,),
        "FORGET_TROUBLES": (ended, 20),
        "PART_TOLD": (1, f"r{GONE}"),
        "PUT": (1, ended, b""),
        "TAKE": (20,),
        "TAKE_OTHERS": ("[1]", 20),
        "AGAIN": ("[1, 2, 3]",),
        "REMOVE": (GONE,),
        "OWNERS": (json.dumps([[1, f"r{GONE}"], [1, "r16"], [1, "x"]]),),
        "TARGETS": (SOME,),
        "ATTEMPTED": (SOME,),
        "APPLY": ("delivered", None, ended, SENDING, full.lane(SENDING), None),
        "PARK": (1, "x", None, "", ended, None),
        "PARKED": (0, 10),
        "UNPARK": (GONE,),
        "FORGET_PARKED": (ended, 20),
    }


def _outbox(count):
    ended = full.BEGAN + count
    return {
        "ANY_ENDPOINT": (),
        "STILL_OPEN": (json.dumps([SENDING, LOST, GONE]),),
        "TELL_ENDED": (SOME,),
        "TELL_REPLY": ("reply", GONE),
        "EVENTS_DUE": (1, ended, 20, 20),
        "ENDED_MESSAGES": (SOME,),
        "TAKEN_REPLIES": (SOME,),
        "FREEZE": (b"", GONE),
        "SETTLE_EVENT": (None, 1, 1, 0, GONE, 0),
        "KEEP_WEBHOOK_ATTEMPT": (GONE, 2, 0, 0, "told", None, ""),
        "GIVE_UP": (GONE,),
        "TEST_EVENT": (1, ended, ended, b""),
        "OLD_EVENTS": (20,),
        "FORGET_EVENT": (GONE,),
        "FORGET_ATTEMPTS": (GONE,),
    }


def _gate(count):
    now = full.BEGAN + count
    people = json.dumps([full.RECIPIENT + GONE, full.RECIPIENT + GONE + 1, 1])
    new = (1, 1, 1, full.RECIPIENT, now, 0, 1, "gsm7", "Hello", None)
    return {
        "CALLER_BY_KEY": (b"\1",),
        "CALLER_BY_ACCOUNT": (1,),
        "LIST_BY_ID": (1,),
        "LIST_BY_NUMBER": (1, 1),
        "KNOWN_CONTACTS": (1, full.list_id(8), people, full.BEGAN),
        "ANY_ERASED": (1,),
        "ERASED": (1, json.dumps([8 * 9176543210987 % 9007199254740881, 1])),
        "IS_ACTIVE": (full.list_id(8), full.RECIPIENT + 8),
        "BLOCKED": (1, people),
        "KEPT_ANSWER": (1, "k8"),
        "KEEP_ANSWER": (1, "k8", "", b"", 200, b"", now),
        "OLD_ANSWERS": (now, 20),
        "FORGET_ANSWER": (1, "k8"),
        "RESERVE": (16,),
        "RESERVED": (),
        "INSERT_MESSAGE": (count, *new),
        "INSERT_MESSAGES": [value for n in range(16) for value in (count + n, *new)],
    }


# What is reached by Core. What counts is not among it, nor what looks for messages by anything but
# their number: that reads as much as there is, up to a bound.
ANN, LATE = full.RECIPIENT + 8, full.BEGAN * 2
CORE = {
    "lookup.find": lambda tx: tx.lookup.find(1, 8),
    "lookup.attempts": lambda tx: tx.lookup.attempts(1, 8),
    "lookup.after": lambda tx: tx.lookup.after(1, 8, 20),
    "lookup.older": lambda tx: tx.lookup.older(1, MessageFilter(), MessagePlace(LATE, 900), 20),
    "lookup.backlog": lambda tx: tx.lookup.backlog(),
    "lookup.forget_before": lambda tx: tx.lookup.forget_before(LATE, 20),
    "contacts.find": lambda tx: tx.contacts.find(1, ANN),
    "contacts.known": lambda tx: tx.contacts.known(1, [ANN, ANN + 64]),
    "contacts.unsubscribe": lambda tx: tx.contacts.unsubscribe(
        full.list_id(8),
        ANN,
        OptOutReason.MESSAGE,
        source="",
        evidence="",
        now=LATE,
        everywhere_in=1,
    ),
    "contacts.resubscribe": lambda tx: tx.contacts.resubscribe(
        full.list_id(6), full.RECIPIENT + 6, source="", evidence="", now=LATE
    ),
    "bounces.apply": lambda tx: tx.bounces.apply(
        [RecipientReport(8, RecipientTrouble.ABSENT_SUBSCRIBER, "", full.BEGAN)], TroublePolicy()
    ),
    "contacts.history": lambda tx: tx.contacts.history(full.list_id(8), ANN),
    "signups.page": lambda tx: tx.signups.page(1, ContactFilter(1), 0, 10),
    "signups.subscription_states": lambda tx: tx.signups.subscription_states(1, [ANN]),
    "blocks.find": lambda tx: tx.blocks.find(1, ANN),
    "blocks.page": lambda tx: tx.blocks.page(1, 0, 20),
    "exports.blocks": lambda tx: tx.exports.blocks_after(1, ANN, 20),
    "exports.contacts": lambda tx: tx.exports.contacts_after(
        tx.lists.all(1)[0], ANN, 20, with_left=True
    ),
    "numbers.unknown": lambda tx: tx.numbers.unknown(20),
    "erased.among": lambda tx: tx.erased.among(1, [ANN]),
    "erasure.forget": lambda tx: tx.erasure.forget(1, ANN, LATE),
    "erasure.messages": lambda tx: tx.erasure.messages_part(1, ANN, 0, 20),
    "erasure.replies": lambda tx: tx.erasure.replies_part(1, ANN, 0, 20),
    "erasure.refused": lambda tx: tx.erasure.refused_part(1, ANN, 0, 20),
    "erasure.redact": lambda tx: tx.erasure.redact_messages(1, ANN, [8]),
    "imported.subscription_states": lambda tx: tx.imported.subscription_states(
        tx.lists.all(1)[8], [ANN]
    ),
    "lists.by_number": lambda tx: tx.lists.by_number(8, 1),
    "journeys.enrolled": lambda tx: tx.journeys.enrolled(1, [ANN], 0),
    "journeys.enrolments": lambda tx: tx.journeys.enrolments(tx.journeys.by_id(1, 1), 0, 0, 20),
    "endpoints.active": lambda tx: tx.endpoints.active(),
    "endpoints.attempts": lambda tx: tx.endpoints.attempts(1, 1, 0, 20),
    "endpoints.replay": lambda tx: tx.endpoints.replay(1, 0, event=("delivery", 8), since=0),
    "auto_replies.waiting": lambda tx: tx.auto_replies.waiting(0, 10),
    "auto_replies.ask": lambda tx: tx.auto_replies.ask(
        tx.lists.all(1)[8], ANN, Keyword.STOP, "", LATE, 0
    ),
    "auto_replies.withdraw": lambda tx: tx.auto_replies.withdraw(full.list_id(8), ANN),
    "auto_replies.forget": lambda tx: tx.auto_replies.forget(LATE, 20),
    "reply_log.page": lambda tx: tx.reply_log.page(1, ReplyFilter(), 0, 20),
    "audit.page": lambda tx: tx.audit.page(1, None, 0, 20),
}


@dataclass(frozen=True)
class Seen:
    """The plan of every hot statement, and the steps of SQLite's machine that each work takes."""

    plans: dict
    steps: dict


def seen(raw, tx, count):
    values = values_of(count)
    return Seen(
        plans={name: plan(raw, text, values[name]) for name, text in STATEMENTS.items()},
        steps={
            name: steps(raw, lambda name=name: raw.execute(STATEMENTS[name], values[name]))
            for name in STATEMENTS
        }
        | {name: steps(raw, lambda work=work: work(tx)) for name, work in CORE.items()},
    )


def plan(raw, text, values):
    return [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", values)]


def steps(raw, work):
    """Count the steps of work that is undone again."""
    done = 0

    def step():
        nonlocal done
        done += 1

    raw.execute("BEGIN")
    raw.set_progress_handler(step, 1)
    result = work()
    if isinstance(result, sqlite3.Cursor):
        result.fetchall()
    raw.set_progress_handler(None, 0)
    raw.execute("ROLLBACK")
    return done


@pytest.fixture(scope="module")
def looks():
    """What is seen among few messages and among many, in both states."""
    found = {}
    for count in (FEW, MANY):
        raw, tx = full.filled(count)
        found[count, NEVER] = seen(raw, tx, count)
        raw.execute("ANALYZE")
        found[count, AFTER] = seen(raw, tx, count)
        tx.close()
    return found


def test_the_hot_statements_are_found():
    assert {
        "DUE",
        "START_ATTEMPT",
        "FINISH_ATTEMPT",
        "KNOWN_CONTACTS",
        "OWNERS",
        "LISTS_WAITING",
    } <= set(STATEMENTS)
    assert len(STATEMENTS) >= 40
    assert set(values_of(FEW)) == set(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("state", STATES)
def test_a_hot_statement_finds_its_rows_by_a_key(looks, state, name):
    for step in looks[MANY, state].plans[name]:
        assert "AUTOMATIC" not in step
        assert "TEMP B-TREE" not in step
        if step.startswith("SCAN"):
            is_small = state == AFTER and table_of(step.split()[1], STATEMENTS[name]) in SMALL
            assert is_small or re.match(SCANS[name], step), step
        # The least and the greatest of a key are its two ends: SQLite names no key for them.
        if step.startswith("SEARCH") and name != "BOUNDS":
            assert re.search(r"USING (INTEGER PRIMARY KEY|PRIMARY KEY|(COVERING )?INDEX)", step)


def table_of(name, text):
    """Return the table that a name in a statement stands for."""
    aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", text)}
    return aliases.get(name, name)


@pytest.mark.parametrize("name", [*STATEMENTS, *CORE])
@pytest.mark.parametrize("state", STATES)
def test_a_statement_costs_the_same_whatever_is_stored(looks, state, name):
    few, many = (looks[count, state].steps[name] for count in (FEW, MANY))
    assert 0 < many <= few * (1.2 if name in STATEMENTS else 1.5)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("DUE", "lane=? AND list_id=? AND rank=? AND due_at<?"),
        ("NEXT_DUE", "lane=? AND list_id=? AND rank=? AND due_at>?"),
        ("LEAVE_QUEUE", "lane=? AND list_id=? AND rank=? AND due_at=? AND number=?"),
        ("KNOWN_CONTACTS", "list_id=? AND recipient=?"),
        ("BLOCKED", "account_id=? AND recipient=?"),
        ("OWNERS", "connector_id=? AND carrier_ref=?"),
        ("UNSETTLED", "status=? AND number>?"),
        ("LIST_BY_NUMBER", "account_id=? AND number=?"),
        ("CALLER_BY_KEY", "digest=?"),
        ("START_ATTEMPT", "rowid=?"),
        ("FINISH_ATTEMPT", "rowid=?"),
        ("APPLY", "rowid=?"),
        ("DROP", "rowid=?"),
        ("KEPT_ANSWER", "account_id=? AND key=?"),
        ("PARTS", "connector_id=? AND sender=? AND list_number=? AND reference=? AND total=?"),
        ("OVERDUE_PARTS", "received_at<?"),
        ("CLEAR_TROUBLES", "list_id=? AND recipient=?"),
        ("FORGET_TROUBLES", "at<?"),
        ("OLD_ANSWERS", "created_at<?"),
        ("FORGET_ANSWER", "account_id=? AND key=?"),
        ("OLD_REFS", "received_at<?"),
        ("FORGET_REF", "connector_id=? AND carrier_ref=?"),
        ("EVENTS_DUE", "endpoint_id=? AND due_at<?"),
        ("TELL_ENDED", "account_id=?"),
        ("TELL_REPLY", "account_id=?"),
        ("FORGET_ATTEMPTS", "event_id=?"),
    ],
)
def test_a_hot_statement_uses_the_whole_of_its_key(looks, name, key):
    assert any(f"({key})" in step for step in looks[MANY, NEVER].plans[name])

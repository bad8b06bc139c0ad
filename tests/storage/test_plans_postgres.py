"""Every hot statement on PostgreSQL finds its rows by an index, among a great many messages.

Plans are checked by law, not by their words: no large table is read through, every index is entered
by a key, and what a statement touches does not grow with what is stored. They are made on a
database that was never analysed and once more after it was, each for the values at hand and once
for all values, as a connection does after some runs. The long form has a million messages.
"""

import asyncio
import json
from dataclasses import dataclass
from types import SimpleNamespace

import asyncpg
import full
import hot_texts
import postgres
import pytest
from sqlalchemy import event
from sqlalchemy.util import greenlet_spawn

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.message import Status
from sendrail.storage.contacts.contacts import Contacts
from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace
from sendrail.storage.postgres import lookup as shared_lookup
from sendrail.storage.postgres.endpoints import PostgresEndpoints
from sendrail.storage.postgres.figures import PostgresMessageFigures
from sendrail.storage.postgres.store import _ALWAYS, _BY_KEY, engine_for

FEW = 10_000
MANY = [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
STATEMENTS = {
    name: text
    for name, text in hot_texts.statements().items()
    if not name.startswith("distributed.")
}
# Of the pages that a statement may touch, however many messages there are: three keys, at three or
# four pages of an index each, in every week and its indexes.
PAGES_MAX = 300
# What takes the first row there is, whichever.
NO_KEY = {"replies.any", "inbox.connector_ids", "activity.behind", "activity.news"}
# What passes over what is under way in other lanes: as much as there is of that, which is little.
BY_WHAT_IS_OPEN = {"queue.unsettled"}
# What reads more than its keys, and why that is right.
READS_MANY = {
    "figures.waiting": "reads the whole queue, by its key; a chore that paces itself by its time",
    "lookup.page of an account": "counts, up to a bound",
    "lookup.page of a day": "counts, up to a bound",
    "endpoints.backlog": "counts what is untold, by the index that holds only that",
    "contacts.count": "counts the contacts of one list",
}
_STATISTICS = "SELECT count(*) FROM pg_stats WHERE schemaname = 'public'"
_LARGE = """
    SELECT array_agg(relname::text) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 2000
"""


def values_of(count):
    """Return the values of each statement that touches a large table: three rows that are there."""
    at = rows_of(count)
    rooms = {
        "gate": _gate,
        "idempotency": _idempotency,
        "agents": _agents,
        "clicks": _clicks,
        "click_details": _click_details,
        "message_clicks": _message_clicks,
        "reclassification": _reclassification,
        "destinations": _destinations,
        "origins": _origins,
        "enrolments": _enrolments,
        "origin_counts": _origin_counts,
        "cohort_counts": _cohort_counts,
        "signup_counts": _signup_counts,
        "run_pages": _run_pages,
        "link_ranges": _link_ranges,
        "messages": _messages,
        "queue": _queue,
        "inbox": _inbox,
        "journey_facts": _journey_facts,
        "replies": _replies,
        "outbox": _outbox,
        "activity": _activity,
        "imported": _imported,
        "conversions": _conversions,
        "history": _history,
    }
    return hot_texts.by_room(rooms, at)


def rows_of(count):
    """Return what is known of some rows: at rest, waiting, under way, uncertain, and new."""
    first = full.waiting_from(count)
    gone, waits = [64 * 4, 64 * 8, first - 64], [first, first + 64, count - 64]
    under_way, lost = [1001, 2001, first - 999], [1002, 2002, first - 998]
    new = [count, count + 64, count + 128]
    due, lists = [full.created_at(n, count) for n in waits], [full.list_id(n) for n in waits]
    at = SimpleNamespace(
        lost=lost,
        due=due,
        lists=lists,
        new_recipients=[full.RECIPIENT + n for n in waits],
        recipients=[full.RECIPIENT + n for n in (0, 64, 128)],
        sending_lists=[full.list_id(n) for n in under_way],
        refs=([256, 512, 16], [1, 1, 1], ["r256", "r512", "r16"]),
        now=full.ENDED - 1,
        prints=[n * 9176543210987 % 9007199254740881 for n in (64, 128, 192)],
        lane=[full.lane(64)] * 3,
        zeros=[0] * 3,
        ones=[1] * 3,
        none=[None] * 3,
        events=[n * 4096 + n % 8 + 1 for n in (8, 16, 24)],
        parked=[n * 4096 + n % 4096 for n in (8, 16, 24)],
        part=(1, full.RECIPIENT + 7, 1, 1, 2),
    )
    at.lanes, at.numbers = _keys(gone)
    at.waiting_lanes, at.waiting = _keys(waits)
    at.sending_lanes, at.sending = _keys(under_way)
    at.new_lanes, at.new = _keys(new)
    at.places = (at.waiting_lanes, lists, at.ones, due, at.waiting)
    return at


def _keys(ns):
    return [full.lane(n) for n in ns], [full.number(n) for n in ns]


def _gate(at):
    return {
        "callers_by_account": ([1],),
        "lists_by_id": ([1, 2, 3],),
        "find": ([b"a key"], at.none[:1], [15550001000], [1], [3], at.recipients, 0),
        "unreachable": (1, 1, at.recipients, 0, at.lane[0]),
        "unreachable_of_lists": (
            [1, 1],
            [1, 2],
            [1, 2],
            [1, 3],
            at.recipients,
            0,
            at.lanes[:2],
        ),
        "blocked": (1, at.recipients),
        "zones": (1, at.recipients),
        "active": (1, at.recipients),
    }


def _conversions(at):
    texts, since = (["A"] * 3), [at.now] * 3
    return {
        "of_transactions": (at.ones, at.ones, texts),
        "new_ids": (3,),
        "insert": (
            [1, 2, 3], at.ones, at.ones, texts, texts, at.ones, at.ones, texts, texts, at.ones,
            at.none, texts, since, since, [False] * 3, [True] * 3, at.none, ["a", "b", "c"],
            at.none,
        ),
    }  # fmt: skip


def _history(at):
    since = [at.now] * 3
    return {
        "find": (1, ["a", "b", "c"]),
        "add": (
            at.ones, ["a", "b", "c"], at.ones, at.new_recipients, since, at.none, at.none, at.none,
            since,
        ),
        "click": (at.ones, [1, 2, 3], since, at.ones),
        "count": (
            at.ones, at.new_recipients, at.ones, since, since, at.zeros, at.none, at.zeros,
            at.zeros, at.none,
        ),
    }  # fmt: skip


def _imported(at):
    texts = (["A"] * 3, ["B"] * 3)
    since = [at.now] * 3
    return {
        "states": (1, 1, at.recipients),
        "subscribe": (
            at.ones,
            at.new_recipients,
            [True] * 3,
            *texts,
            since,
            since,
            ["csv"] * 3,
            at.none,
            at.none,
        ),
        "insert_contacts": (at.ones, at.new_recipients, at.none, at.none, at.none, since),
    }


def _idempotency(at):
    return {
        "claim": (
            at.ones, ["k1", "k2", "new"], [""] * 3, [b""] * 3, at.zeros, [b""] * 3, at.zeros,
        ),
        "kept": (at.ones, ["k1", "k2", "k3"]),
        "keep": (1, "k1", "", b"", 200, b"", at.now),
        "free": (at.ones, ["k1", "k2", "k3"]),
        "old": (at.now, 20),
        "forget": (at.ones, ["k1", "k2", "k3"]),
    }  # fmt: skip


def _agents(at):
    digests = [b"d64", b"d128", b"new"]
    return {
        "by_digest": (digests,),
        "add": (digests, [b"text"] * 3, at.ones),
        "seen": ([64, 128, 192], 2),
    }


def _click_details(at):
    return {
        "detailed": (at.now, 20),
        "blank": (at.lanes, at.numbers),
        "come_to": (at.now,),
        "forget": (at.now, 20),
        "forget_agents": (0, 20),
    }


def _message_clicks(at):
    now = [at.now] * 3
    return {
        "since": (at.now, 1, 20),
        "waiting": (at.now, at.now, 20),
        "reclass": (at.lanes, at.numbers, at.ones, at.zeros),
        "messages": (at.lanes, at.numbers),
        "counted": (at.lanes, at.numbers),
        "add": (
            at.lanes, at.numbers, at.ones, now, at.zeros, at.ones, at.ones, at.ones, at.zeros,
            now,
        ),
        "add_to_contact": (at.lists, at.recipients, at.ones, now, at.zeros, at.zeros),
        "add_to_link": ([1, 2, 3], at.ones, at.ones, at.ones, now),
        "offers": ([1, 2, 3], at.ones),
        "first_of_offer": (1, 4, at.now - 60_000),
        "take": (at.lanes, at.numbers),
    }  # fmt: skip


def _reclassification(at):
    now = [at.now] * 3
    return {
        "page": (at.now, 1, 20),
        "first": (at.lanes, at.numbers, 1),
        "reclass": (at.lanes, at.numbers, at.ones, at.ones, at.zeros, at.ones, at.zeros),
        "correct": (
            at.lanes, at.numbers, at.ones, now, now, at.zeros, at.ones, at.ones, at.zeros,
        ),
        "take_from_contact": (at.lists, at.recipients, at.ones, now),
        "last_of_contact": (at.lists, at.recipients, now),
    }  # fmt: skip


def _clicks(at):
    return {
        "linked": (at.lanes, at.numbers, [full.BEGAN] * 3),
        "given": (at.lanes, at.numbers),
        "standalone": ([8, 16, 24],),
        "destinations": (at.ones, [64, 128, 192]),
        "add": (
            at.lanes, at.ones, at.numbers, at.zeros, [at.now] * 3, at.ones, at.zeros, at.ones,
            [b"net"] * 3, [b"digest"] * 3,
        ),
    }  # fmt: skip


def _enrolments(at):
    contacts = (at.lane, [full.list_id(64)] * 3, at.recipients)
    places, times = (*contacts, at.ones), [at.now] * 3
    texts = ["a"] * 3
    return {
        "next_due": (at.lanes,),
        "claim": (at.lane[0], full.BEGAN, 100),
        "hold": contacts,
        "wake": (*places, times),
        "write": (
            *places, at.zeros, at.ones, texts, times, at.zeros, times, times, texts, at.none,
        ),
        "enter": (
            *places, at.ones, texts, at.ones, times, at.zeros, times, times, times, at.ones, texts,
        ),
        "add_events": (*contacts, times, at.ones, texts),
        "trim_events": (*contacts, at.ones, [100] * 3),
        "events": contacts,
        "forget_events": contacts,
        "count": (at.lanes, at.ones, at.ones, texts, ["entered", "left", "sent"], at.ones),
        "forget": (full.ENDED, 20),
    }  # fmt: skip


def _journey_facts(at):
    contacts = ([full.list_id(64)] * 3, at.recipients)
    return {
        "contacts": (at.ones, *contacts),
        "statuses": (at.lanes, at.numbers, [full.BEGAN] * 3),
        "sent_by": (at.lanes, at.numbers),
        "set_field": (*contacts, at.ones, ["{}"] * 3),
    }


def _destinations(at):
    digests = [b"d64", b"d128", b"new"]
    return {
        "by_digest": (at.ones, digests),
        "add": (at.ones, digests, ["https://a.example/"] * 3, [at.now] * 3, at.none),
        "urls": ([64, 128, 192], at.ones),
    }


def _origins(at):
    key = (at.ones, ["run"] * 3, [8, 16, 24], at.ones, ["2"] * 3)
    new = (*key[:4], ["new"] * 3, [None] * 3, [""] * 3)
    return {"by_key": key, "add": new, "past": (8, at.now, 20)} | dict.fromkeys(
        ("counted", "forget"), ([8, 16, 24],)
    )


def _cohort_counts(at):
    key = (at.lists, [64, 128, 192], at.zeros, ["sends"] * 3, at.zeros)
    return {
        "signups": (at.lists, at.recipients),
        "add": (*key, at.ones, at.zeros),
        "add_of_contacts": (at.lists, at.recipients, at.zeros, ["clicks"] * 3, at.ones, at.zeros),
        "forget": (9, 20),
    }


def _signup_counts(at):
    return {"add": (at.lists, [64, 128, 192], at.zeros, at.ones)}


def _origin_counts(at):
    key = (at.lanes, at.ones, at.lists, [64, 128, 192], ["sent"] * 3, at.zeros)
    last = (1, full.RECIPIENT + 64, 0)
    return {"add": (*key, at.ones, at.ones, at.zeros), "last_origin": last, "forget": (9, 20)}


def _run_pages(at):
    runs, people = [8, 16, 24], [full.RECIPIENT + n for n in (8, 16, 24)]
    return {
        "take_turn": (8, 1, 1, 0),
        "move_cursor": (8, 0, 1, 0, 9, False),
        "count": (8, 1, 0, 0, "{}", "{}"),
        "keep": (people, runs, at.ones),
        "known": (at.ones, people),
        "sends": (1, people),
        "capped": (1, people, 1, "00000000", 57, "00000000"),
        "note_sends": (people, at.ones, ["00000000"] * 3),
        "standings": (runs,),
        "remembered": (1,),
        "forget_members": (8, 20),
        "forgotten": (8, 1),
        "sends_after": (1, people[0], 20),
        "forget_sends": (at.ones, people, ["00000000"] * 3),
    }


def _link_ranges(at):
    slots = [n * 4096 for n in (8, 16, 24)]
    return {
        "add": _new_ranges(at),
        "by_slot": (slots,),
        "by_number": (at.lanes, at.numbers),
    }


def _new_ranges(at):
    return ([10**9, 10**9 + 1, 10**9 + 2], at.new, [1024] * 3, at.ones, [at.now] * 3, at.lane)


def _messages(at):
    return {
        "reserve": (full.lane(1), 1000),
        "earlier": (at.lane, at.prints, 0),
        "forget_fingerprints": (at.now, 0, 512, 20),
        "insert_messages": (_new_rows(at), at.now),
        "insert_new": (_new_rows(at), 0, at.new[:1]),
        "insert_linked": (_new_rows(at), 0, at.new[:1], *_new_ranges(at)),
    }


def _new_rows(at):
    columns = (at.new, at.new_lanes, at.lists, at.new_recipients, at.prints)
    about = {"account_id": 1, "created_at": at.now, "skips": 0, "segments": 1}
    return json.dumps(
        [
            {
                "number": n,
                "lane": lane,
                "list_id": list_id,
                "recipient": to,
                "encoding": "gsm7",
                "body": "Hello",
                "metadata": None,
                "links": "",
                "fingerprint": print_,
                **about,
            }
            for n, lane, list_id, to, print_ in zip(*columns, strict=True)
        ]
    )


def _queue(at):
    finished = (
        at.sending_lanes, at.sending, at.ones, at.ones, ["queued"] * 3, *[at.none] * 5, at.ones,
        at.zeros,
    )  # fmt: skip
    refs = (at.lanes, [at.now] * 3, at.ones, ["n1", "n2", "n3"], at.lanes, at.numbers)
    return {
        "lists_waiting": (0, 512),
        "due": (at.waiting_lanes[0], at.lists[0], 1, at.now, 20),
        "heads": (at.waiting_lanes, at.lists, [20] * 3, [20] * 3, at.due[0]),
        "load": (at.lanes, at.numbers),
        "metadata": (at.lanes, at.numbers),
        "leave_queue": at.places,
        "drop": (at.waiting_lanes, at.waiting, ["dropped"] * 3, at.none, [at.now] * 3),
        "make_uncertain": (at.waiting_lanes, at.waiting, ["", "", ""]),
        "start_attempt": (
            at.waiting_lanes, at.ones, at.ones, at.ones, [at.now] * 3, at.waiting,
        ),
        "finish_attempt": finished,
        "finish_ended": finished,
        "counted": (at.lanes, at.numbers),
        "return_to_queue": (
            at.sending_lanes, at.zeros, at.sending_lists, at.ones, [at.now] * 3, at.sending,
        ),
        "keep_attempt": (
            at.lanes, at.numbers, [2, 2, 2], at.ones, at.ones, [at.now] * 3, [at.now] * 3,
            ["failed"] * 3, at.none, at.none, at.none,
        ),
        "keep_ref": refs,
        "keep_part_ref": (*refs, at.ones, [2, 2, 2]),
        "parts_left": (at.lanes, at.numbers, at.ones),
        "unsettled": ("sending", 0, 20, 0, 512),
        "expire": (full.lane(at.lost[0]), full.number(at.lost[0]), "", at.now),
        "await_claims": (at.sending_lanes, at.sending),
        "count": (at.waiting_lanes[0], at.lists[0], 1, 20),
        "of_run": (at.waiting_lanes[0], at.lists[0], 2, 1, 20),
        "open_of_run": (at.waiting_lanes[0], at.lists[0], 2, 1),
        "change_place": (*at.places, [3] * 3, at.zeros),
    }  # fmt: skip


def _inbox(at):
    two = ([1, 1], [2 * 4096 + 1, 4 * 4096 + 1])
    return {
        "put": ([1, 1], [1, 1], [at.now] * 2, [b"", b""]),
        "heads": ([1, 2],),
        "oldest": (1, 20),
        "again": two,
        "remove": two,
        "refs": at.refs,
        "targets": (at.lanes, at.numbers),
        "attempted": (at.lanes, at.numbers),
        "apply": (
            at.sending_lanes, at.sending, ["delivered"] * 3, at.none, [at.now] * 3, at.none,
        ),
        "note_part": at.refs,
        "parts_left": (at.lanes, at.numbers, at.ones),
        "park": (
            at.lanes, at.ones, ["x1", "x2", "x3"], at.none, ["", "", ""], [at.now] * 3, at.none,
        ),
        "parked": (at.now - 10_000, 20),
        "unpark": ([n % 4096 for n in at.parked], at.parked),
        "forget_parked": (at.now, 20),
    }  # fmt: skip


def _replies(at):
    return {
        "keep": (1, 1, full.RECIPIENT, "", None, None, False, None, at.now),
        "note_ref": (1, "i1", at.now),
        "old_refs": (at.now, 20),
        "forget_ref": (at.ones, ["i1", "i2", "i3"]),
        "keep_part": (*at.part, 2, "", b"", "ucs2", False, at.now),
        "parts": at.part,
        "mark_joined": at.part,
        "forget_parts": at.part,
        "overdue_parts": (at.now, 20),
        "clear": (at.lanes, at.numbers),
        "forget": (at.now, 20),
    }


def _outbox(at):
    return {
        "still_open": (at.sending_lanes, at.sending),
        "ended_for": (at.lanes, at.numbers),
        "reply_for": ("reply", 5),
        "conversions_for": ([1, 2, 3],),
        "any_for_sent": (),
        "sent_at": (at.lanes, at.numbers),
        "sent_for": (at.lanes, at.numbers),
        "clicks_for": (at.lanes, at.numbers),
        "sent_messages": (at.lanes, at.numbers),
        "clicked_links": (at.lanes, at.numbers),
        "add": (
            [1, 2, 3], [1, 2, 3], ["delivery"] * 3, at.numbers, [at.now] * 3, [at.now] * 3,
            [False] * 3, at.zeros, at.zeros,
        ),
        "events_due": (1, 1, at.now, 20, 20),
        "ended_messages": (at.lanes, at.numbers),
        "taken_replies": ([1, 2, 3],),
        "reported_conversions": ([1, 2, 3],),
        "store_body": (at.ones, at.events, [b"", b"", b""]),
        "settle_event": (
            at.ones, at.events, [at.now] * 3, [True] * 3, at.ones, at.zeros,
        ),
        "keep_attempt": (
            at.events, [2, 2, 2], at.ones, at.zeros, at.zeros, ["acknowledged"] * 3, at.none,
            ["", "", ""],
        ),
        "give_up": (at.ones, at.events),
        "add_test": (1, 1, at.now, b""),
        "any_asking": ("journey.entered",),
        "asking_of_list": (1, 1, "journey.entered", at.now),
        "add_events": (
            at.lanes, at.ones, ["journey.entered"] * 3, at.ones, [at.now] * 3, [at.now] * 3,
            [False] * 3, at.zeros, at.zeros, [b"{}"] * 3,
        ),
        "asking": (1, "campaign.paused", at.now),
        "add_whole": (at.lane[0], 1, "journey.step", 64, at.now, b"{}", 1),
        "forget_events": (at.now, 20),
        "forget_attempts": (at.events,),
    }  # fmt: skip


def _activity(at):
    return {
        "take_news": (at.lanes, at.numbers),
        "sent": (at.lanes, at.numbers),
        "count": (
            at.lists,
            at.recipients,
            at.ones,
            [at.now] * 3,
            [at.now] * 3,
            at.ones,
            [at.now] * 3,
        ),
        "forget_activity": (1, full.RECIPIENT + 64),
    }


@dataclass(frozen=True)
class Plan:
    """What a statement did, in all its runs on one database."""

    nodes: list
    pages: int


def literal(value):
    if isinstance(value, (list, tuple)):
        return "'{" + ",".join(_element(each) for each in value) + "}'"
    if value is None:
        return "NULL"
    return f"'{_plain(value)}'"


def _element(value):
    return "NULL" if value is None else '"' + _plain(value).replace("\\", "\\\\") + '"'


def _plain(value):
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return str(value).lower() if isinstance(value, bool) else str(value)


# Where nothing is said, the values are of no matter: the tables are small.
_ANY = {"smallint": 1, "integer": 1, "bigint": 1, "text": "1", "bytea": b"1", "boolean": True}


def _any(kind):
    return [_ANY[kind[:-2]]] if kind.endswith("[]") else _ANY[kind]


async def explained(connection, text, values):
    """Return the plan of a statement that is run and undone."""
    plans = []
    await connection.execute(f"PREPARE looked_at AS {text}")
    kinds = await connection.fetchval(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'looked_at'"
    )
    given = values if values is not None else [_any(kind) for kind in kinds]
    call = f"({', '.join(map(literal, given))})" if given else ""
    for mode in ("force_custom_plan", "force_generic_plan"):
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
        [[found]] = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE looked_at{call}"
        )
        await transaction.rollback()
        plans.append(json.loads(found)[0]["Plan"])
    await connection.execute("DEALLOCATE looked_at")
    return _plan_of(plans)


def _plan_of(plans):
    return Plan([node for plan in plans for node in walk(plan)], max(map(pages, plans)))


def walk(node):
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def pages(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def all_explained(url, count):
    connection = await asyncpg.connect(url)
    values = values_of(count)
    try:
        for setting in (*_ALWAYS, *_BY_KEY):
            await connection.execute(setting)
        return {
            name: await explained(connection, text, values.get(name))
            for name, text in STATEMENTS.items()
        }
    finally:
        await connection.close()


# Core statements are taken down as they are run, and explained on a connection that reads.

_PLACE = MessagePlace(full.created_at(256, FEW), full.number(256))
READS = {
    "lookup.find": lambda tx: tx.lookup.find(1, full.number(256)),
    "lookup.attempts": lambda tx: tx.lookup.attempts(1, full.number(256)),
    "lookup.after": lambda tx: tx.lookup.after(1, full.number(256), 20),
    "lookup.older": lambda tx: tx.lookup.older(1, MessageFilter(), _PLACE, 20),
    "lookup.look_back": lambda tx: tx.lookup.look_back(
        1,
        MessageFilter(recipient=full.RECIPIENT + 8),
        _PLACE,
        20,
    ),
    "lookup.sent_span": lambda tx: tx.lookup.sent_span(1, full.RECIPIENT + 8),
    "lookup.place_after": lambda tx: tx.lookup.place_after(1, _PLACE, 20),
    "lookup.look_back by metadata": lambda tx: tx.lookup.look_back(
        1, MessageFilter(metadata=("order", "4711")), _PLACE, 20
    ),
    "lookup.of_numbers": lambda tx: tx.lookup.of_numbers(1, [full.number(256)]),
    "endpoints.about_message": lambda tx: tx.endpoints.about_message(1, full.number(256), 20),
    "lookup.page of an account": lambda tx: tx.lookup.page(1, MessageFilter(), 0, 20),
    "lookup.page of a day": lambda tx: tx.lookup.page(
        1, MessageFilter(created_from=full.ENDED - 86_400_000, status=[Status.DELIVERED]), 0, 20
    ),
    "figures.waiting": lambda tx: tx.figures.waiting(),
    "figures.waiting_of_list": lambda tx: tx.figures.waiting_of_list(1, full.list_id(8), 20),
    "contacts.find": lambda tx: tx.contacts.find(1, full.RECIPIENT),
    "contacts.known": lambda tx: tx.contacts.known(1, [full.RECIPIENT, full.RECIPIENT + 64]),
    "contacts.history": lambda tx: tx.contacts.history(1, full.RECIPIENT),
    "contacts.count": lambda tx: tx.contacts.count(1),
    "endpoints.active": lambda tx: tx.endpoints.active(),
    "endpoints.attempts": lambda tx: tx.endpoints.attempts(1, 1, 0, 20),
    "endpoints.backlog": lambda tx: tx.endpoints.backlog(),
}


# What only reads counts none.
NO_COUNTS = None


class _Reader:
    def __init__(self, core):
        self.lookup = shared_lookup.PostgresMessageLookUp(core)
        self.figures = PostgresMessageFigures(core)
        self.contacts = Contacts(core, ErasedNumbers(core, Pseudonyms(b"a test")), NO_COUNTS)
        self.endpoints = PostgresEndpoints(core)


def read_explained(url):
    """Return the plan of every statement of each look-up."""
    found = {}
    engine = engine_for(url)
    with engine.connect() as core:
        for setting in _ALWAYS:
            core.exec_driver_sql(setting)
        for name, read in READS.items():
            seen = []

            def note(_conn, _cursor, statement, parameters, _context, _many, seen=seen):
                seen.append((statement, parameters))

            event.listen(engine, "before_cursor_execute", note)
            read(_Reader(core))
            event.remove(engine, "before_cursor_execute", note)
            found[name] = _plan_of([_explained_read(core, *each) for each in seen])
    return found


def _explained_read(core, statement, parameters):
    found = core.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
    plan = found.scalar_one()
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


@pytest.fixture(scope="module", params=MANY)
def plans(request):
    """Every plan: on few messages, on many, and on many once they were analysed."""
    found, many = {}, request.param
    with postgres.database() as url:
        full.fill(url, FEW)
        found["few"] = asyncio.run(all_explained(url, FEW))
    with postgres.database() as url:
        full.fill(url, many)
        found["never analysed"] = asyncio.run(all_explained(url, many))
        [[statistics]] = postgres.do(url, _STATISTICS)
        assert statistics == 0, "somebody has analysed it"
        [[names]] = postgres.do(url, "ANALYZE", _LARGE)
        found["large"] = set(names)
        found["analysed"] = asyncio.run(all_explained(url, many))
        found["reads"] = asyncio.run(greenlet_spawn(read_explained, url))
    return found


STATES = ("never analysed", "analysed")


def test_the_large_tables_are_large(plans):
    parts = {name.partition("_2")[0] for name in plans["large"]}
    assert parts >= {"messages", "attempts", "carrier_refs", "queue_0", "outbox", "fingerprints"}


def test_every_statement_that_says_nothing_of_its_values_reads_small_tables(plans):
    for name in set(STATEMENTS) - set(values_of(FEW)) - NO_KEY:
        for node in plans["analysed"][name].nodes:
            assert node.get("Relation Name") not in plans["large"], name
    # Those of another version of the code are left out, not forgotten.
    assert len(set(values_of(FEW)) - set(STATEMENTS)) <= 1


def test_a_hot_statement_finds_its_rows_by_a_key(plans):
    found = {
        (name, state): faults
        for state in STATES
        for name in STATEMENTS
        if (faults := faults_of(plans, plans[state][name], wants_key=name not in NO_KEY))
    }
    assert found == {}


def test_a_hot_statement_costs_the_same_whatever_is_stored(plans):
    found = {}
    for state in STATES:
        for name in STATEMENTS:
            few, many = plans["few"][name].pages, plans[state][name].pages
            # Twenty or a hundred times as many rows: an index is a level or two deeper.
            most = PAGES_MAX if name in BY_WHAT_IS_OPEN else min(PAGES_MAX, 1.6 * few + 12)
            if many > most:
                found[name, state] = f"{few} pages among few, {many} among many"
    assert found == {}


def test_a_look_up_finds_its_rows_by_a_key(plans):
    found = {}
    for name in READS.keys() - READS_MANY.keys():
        plan = plans["reads"][name]
        faults = faults_of(plans, plan, wants_key=True)
        if plan.pages > PAGES_MAX:
            faults.append(f"{plan.pages} pages")
        if faults:
            found[name] = faults
    assert found == {}


def faults_of(plans, plan, *, wants_key):
    """Return what reads a large table through, or enters an index without a key."""
    faults = []
    for node in plan.nodes:
        kind, is_large = node["Node Type"], node.get("Relation Name") in plans["large"]
        if is_large and kind == "Seq Scan":
            faults.append(f"reads {node['Relation Name']} through")
        by_index = kind == "Bitmap Index Scan" or (
            is_large and kind in {"Index Scan", "Index Only Scan"}
        )
        if wants_key and by_index and "Index Cond" not in node:
            faults.append(f"enters {node['Index Name']} without a key")
    return faults

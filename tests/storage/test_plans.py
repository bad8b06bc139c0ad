"""Every hot statement finds its rows by a key, among two hundred thousand messages.

Plans are checked by law, not by their words, which differ between releases of SQLite: a search is
by a key, and the few scans are of things that are small or ended early. Where a plan says little,
the steps of SQLite's machine are counted, among ten thousand messages and among twenty times as
many; in the long form a hundred times. All of that on a database that was never analysed, as ours
are, and once more after it was.
"""

import json
import re
import sqlite3
from dataclasses import dataclass

import full_embedded as full
import hot_texts
import pytest

from sendrail.domain.consent import Keyword
from sendrail.domain.contact import (
    EnrolmentFilter,
    EnrolmentState,
    OptOutReason,
    RecipientTrouble,
    TroublePolicy,
)
from sendrail.storage.contacts.bounces import RecipientReport
from sendrail.storage.contacts.signups import ContactFilter
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace
from sendrail.storage.pipeline.reply_log import ReplyFilter
from sendrail.storage.sqlite import (
    activity,
    agents,
    click_details,
    clicks,
    cohort_counts,
    conversions,
    destinations,
    enrolments,
    gate,
    history,
    idempotency,
    imported,
    inbox,
    journey_facts,
    leases,
    message_clicks,
    messages,
    origin_counts,
    origins,
    outbox,
    queue,
    reclassification,
    replies,
    run_pages,
    signup_counts,
)
from sendrail.storage.templates import text_of

FEW = 10_000
MANY = [200_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
NEVER, AFTER = "never analysed", "analysed"
STATES = (NEVER, AFTER)
STATEMENTS = {
    name: text_of(each)
    for name, each in hot_texts.texts(
        gate,
        idempotency,
        agents,
        click_details,
        clicks,
        destinations,
        origins,
        enrolments,
        origin_counts,
        cohort_counts,
        signup_counts,
        run_pages,
        message_clicks,
        reclassification,
        messages,
        queue,
        inbox,
        journey_facts,
        replies,
        outbox,
        activity,
        leases,
        imported,
        conversions,
        history,
    ).items()
}
# Scans that are right: of the values a statement was given, and of what ends at a LIMIT.
SCANS = dict.fromkeys(STATEMENTS, r"SCAN (json_each|wanted|pair|VALUES|CONSTANT ROW)") | {
    "queue.lists_waiting": r"SCAN (waiting|queue|CONSTANT ROW|\(subquery-\d+\)|SUBQUERY \d+)",
    "queue.count": r"SCAN \(subquery-\d+\)",
    "queue.heads": r"SCAN \(subquery-\d+\)",
    "outbox.events_due": r"SCAN \(subquery-\d+\)",
    "inbox.oldest": r"SCAN inbox",
    "inbox.oldest_of_others": r"SCAN (inbox|json_each)",
    "messages.insert_messages": r"SCAN \d+ CONSTANT ROWS",
    "messages.insert_all_with_origin": r"SCAN \d+ CONSTANT ROWS",
    "messages.insert_alike": r"SCAN \d+ CONSTANT ROWS",
    "messages.bounds": r"SCAN CONSTANT ROW",
    "replies.any": r"SCAN recipient_troubles",
    "conversions.new_ids": r"SCAN (next|CONSTANT ROW)",
    "journey_facts.lists": r"SCAN journeys",
    "outbox.any_endpoint": r"SCAN webhook_endpoints",
    "outbox.any_asking": r"SCAN webhook_endpoints",
    "outbox.any_at_rest": r"SCAN (webhook_endpoints|journeys|CONSTANT ROW)",
    "click_details.forget": r"SCAN (clicks|\(subquery-\d+\)|json_each)",
    "click_details.forget_agents": r"SCAN json_each",
    "outbox.any_for_sent": r"SCAN webhook_endpoints",
    "outbox.forget_events": r"SCAN (outbox|\(subquery-\d+\)|json_each)",
    "activity.news": r"SCAN (\(subquery-\d+\)|CONSTANT ROW)",
    "activity.behind": r"SCAN CONSTANT ROW",
}
# What is grouped is a bite of messages, and what is sorted are a hundred events of one contact.
GROUPS = {"activity.count", "activity.count_cohorts", "enrolments.trim_events"}
# The least and the greatest of a key are its two ends: SQLite names no key for them.
ENDS = {"messages.bounds", "activity.behind", "conversions.new_ids", "click_details.forget"}
# After ANALYZE these may be read through: they are no larger than a page or two.
SMALL = {"accounts", "api_keys", "lists", "connectors", "journeys", "webhook_endpoints"}


# Messages at rest, under way and uncertain, however many there are.
GONE, SENDING, LOST = 8, 5, 6
SOME = json.dumps([GONE, GONE + 4, GONE + 8])


def values_of(count):
    """Return each statement's values: of rows that are there, and of new ones."""
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
        "messages": _messages,
        "queue": _queue,
        "inbox": _inbox,
        "journey_facts": _journey_facts,
        "replies": _replies,
        "outbox": _outbox,
        "activity": _activity,
        "leases": _leases,
        "imported": _imported,
        "conversions": _conversions,
        "history": _history,
    }
    return hot_texts.by_room(rooms, count)


def _gate(_):
    people = json.dumps([full.RECIPIENT + GONE, full.RECIPIENT + GONE + 1, 1])
    return {
        "callers_by_key": (b"\1",),
        "callers_by_account": (1,),
        "lists_by_id": (1,),
        "lists_by_number": (1, 1),
        "known_contacts": (1, full.list_id(8), people, full.BEGAN),
        "any_erased": (1,),
        "erased": (1, json.dumps([8 * 9176543210987 % 9007199254740881, 1])),
        "active": (full.list_id(8), json.dumps([full.RECIPIENT + 8])),
        "blocked": (1, people),
        "zones": (1, people),
    }


def _imported(_):
    new, people = full.RECIPIENT - 1, json.dumps([ANN, ANN + 64, 1])
    return {
        "states": (1, full.list_id(8), people),
        "subscribe": (full.list_id(8), new, True, "", "", LATE, LATE, "csv", None, None),
        "insert_contacts": (1, new, None, None, None, LATE),
    }


def _conversions(_):
    return {
        "of_transactions": (1, 1, "t"),
        "new_ids": (3,),
        "insert": (
            1 << 40, 1, 1, "sale", "t", 1, 1, "api", "send", 1, None, "USD", LATE, LATE, 0, 1, None,
            "t:t", None,
        ),
    }  # fmt: skip


def _history(_):
    return {
        "find": (1, json.dumps(["a", "b"])),
        "add": (1, "new", full.list_id(8), ANN, LATE, None, None, None, LATE),
        "click": (1, 1, LATE, 1),
        "count": (full.list_id(8), ANN, 1, LATE, LATE, 0, None, 0, 0, None),
    }


def _idempotency(count):
    now = full.BEGAN + count
    return {
        "kept": (1, "k8"),
        "keep": (1, "k8", "", b"", 200, b"", now),
        "old": (now, 20),
        "forget": (1, "k8"),
    }


def _agents(_):
    return {"by_digest": (b"d8",), "add": (b"new", b"text", 2), "seen": (SOME, 2)}


def _click_details(count):
    now = full.BEGAN + count
    return {
        "detailed": (20,),
        "blank": (20,),
        "come_to": (20,),
        "forget": (now, 20),
        "forget_agents": (0, 20),
    }


def _message_clicks(count):
    now = full.BEGAN + count
    return {
        "since": (now, count - 20, 20),
        "waiting": (20,),
        "reclass": (0, GONE, 2, 9),
        "messages": (SOME,),
        "counted": (SOME,),
        "add": (0, GONE, 1, now, 0, 1, 1, 1, 0),
        "add_to_contact": (full.list_id(GONE), full.RECIPIENT + GONE, 1, now, 0, 0),
        "add_to_link": (GONE, 1, 1, 1, now),
        "offers": (GONE, 1),
        "first_of_offer": (1, 4, now - 60_000),
        "come_to": (count,),
        "taken": (20,),
    }


def _reclassification(count):
    now = full.BEGAN + count
    contact = (full.list_id(GONE), full.RECIPIENT + GONE)
    return {
        "page": (now, count - 20, 20),
        "first": (SOME, 1),
        "reclass": (0, GONE, 1, 1, 0, 2, 9),
        "correct": (0, GONE, 1, now, now, 0, 1, 1, -1),
        "take_from_contact": (*contact, 1, now),
        "last_of_contact": (*contact, now),
    }


def _clicks(count):
    now = full.BEGAN + count
    return {
        "linked": (SOME,),
        "given": (SOME,),
        "standalone": (8,),
        "destinations": (1, 8),
        "add": (full.lane(GONE), 1, GONE, 0, now, 1, 0, 1, b"net", b"digest"),
    }


def _enrolments(count):
    now = full.BEGAN + count
    contact = (full.lane(GONE), full.list_id(GONE), full.RECIPIENT + GONE)
    return {
        "next_due": (json.dumps([full.lane(n) for n in range(8)]),),
        "claim": (full.lane(GONE), now, 20),
        "hold": contact,
        "wake": (*contact, 1, now),
        "write": (*contact, 1, 0, 1, "a", now, 0, now, now, "{}", None),
        "enter": (*contact, 1, 1, "a", 1, now, 0, now, now, now, 1, "{}"),
        "add_events": (*contact, now, 1, "a"),
        "trim_events": (*contact, 1, 100),
        "events": contact,
        "forget_events": contact,
        "count": (full.lane(GONE), 1, 1, "a", "entered", 1),
        "forget": (now, 20),
    }


def _journey_facts(_):
    contact = (full.list_id(GONE), full.RECIPIENT + GONE)
    return {
        "contacts": (1, *contact),
        "grounds": (1,),
        "of_list": (1,),
        "lists": (),
        "statuses": (full.lane(GONE), GONE, full.BEGAN),
        "sent_by": (SOME,),
        "set_field": (*contact, 1, '{"plan":"gold"}'),
    }


def _destinations(count):
    now = full.BEGAN + count
    return {
        "by_digest": (1, b"d8"),
        "add": (1, b"new", "https://a.example/", now, None),
        "urls": (8, 1),
    }


def _origins(_count):
    key = (1, "run", 8, 1, "2")
    return {
        "by_key": key,
        "add": (1, "run", 8, 1, "new", None, ""),
        "past": (GONE, full.BEGAN, 20),
        "counted": (SOME,),
        "forget": (SOME,),
    }


def _cohort_counts(count):
    return {
        "signups": (8, full.RECIPIENT + GONE),
        "add": (8, count, 0, "sends", 0, 1, 0),
        "add_of_contacts": (8, full.RECIPIENT + GONE, 0, "clicks", 1, 0),
        "forget": (9, 20),
    }


def _signup_counts(count):
    return {"add": (8, count, 0, 1)}


def _origin_counts(count):
    return {
        "add": (1, 1, 8, count, "sent", 0, 1, 1, 0),
        "before": (SOME,),
        "last_origin": (1, full.RECIPIENT, 0),
        "forget": (9, 20),
    }


def _run_pages(_count):
    someone = full.RECIPIENT + 8
    return {
        "take_turn": (8, 1, 1, 0),
        "move_cursor": (8, 0, 1, 0, 9, False),
        "count": (8, 1, 0, 0, "{}", "{}"),
        "keep": (f"[{someone}]", 9, 1),
        "known": (1, someone),
        "sends": (1, f"[{someone}]"),
        "capped": (1, f"[{someone}]", 1, "00000000", 57, "00000000"),
        "note_sends": (f"[{someone}]", 1, "00000000"),
        "standings": (8,),
        "remembered": (1,),
        "forget_members": (8, 20),
        "forgotten": (8, 1),
        "sends_after": (1, someone, 20),
        "forget_sends": (1, someone, "00000000"),
    }


def _messages(count):
    now = full.BEGAN + count
    new = (1, 1, 1, full.RECIPIENT, now, 0, 1, "gsm7", "Hello", None, "")
    return {
        "reserve": (16,),
        "reserved": (),
        "insert_message": (count, *new),
        "insert_with_origin": (count, *new, 8),
        "insert_messages": [value for n in range(16) for value in (count + n, *new)],
        "insert_all_with_origin": [value for n in range(16) for value in (count + n, *new, 8)],
        "insert_alike": [
            *new[:3],
            *new[4:8],
            None,
            None,
            8,
            *(value for n in range(40) for value in (count + n, new[3], new[8])),
        ],
        "queue_messages": (GONE, GONE + 4, None),
        "created_from": (GONE,),
        "bounds": (),
        "recent": (count - 10,),
    }


def _queue(count):
    waits = full.waiting_from(count)
    place = (full.lane(waits), full.list_id(waits), 1, full.BEGAN + waits, waits)
    ended = full.BEGAN + count
    gone, sending = (full.lane(GONE), GONE), (full.lane(SENDING), SENDING)
    ref = (0, ended, 1, "x", *gone)
    return {
        "lists_waiting": (0, 4096),
        "due": (*place[:3], ended, 10),
        "heads": (*place[:2], 10, 10, ended),
        "load": (SOME,),
        "metadata": (SOME,),
        "leave_queue": place,
        "postpone": (*place, place[3] + 1),
        "drop": (place[0], waits, "dropped", None, ended),
        "make_uncertain": (place[0], waits, ""),
        "start_attempt": (place[0], 1, 1, 1, ended, waits),
        "finish_attempt": (*sending, 1, 1, "sent", None, None, None, "x", None, 1, 0),
        "finish_ended": (
            full.lane(GONE),
            GONE,
            1,
            1,
            "sent",
            None,
            None,
            None,
            "x",
            ended,
            1,
            0,
        ),
        "return_to_queue": (*place, 0, 0),
        "keep_attempt": (*gone, 2, 1, 1, 0, 0, "failed", None, None, None),
        "keep_ref": ref,
        "keep_part_ref": (*ref, 1, 2),
        "parts_left": (*gone, 1),
        "unsettled": ("sending", 0, 20, 0, 4096),
        "await_claims": (SOME,),
        "expire": (full.lane(LOST), LOST, "", ended),
        "count": (*place[:3], 10),
        "of_run": (*place[:2], 2, 1, 10),
        "open_of_run": (*place[:2], 2, 1),
        "change_place": (*place, 3, 0),
    }


def _inbox(count):
    ended, at = full.BEGAN + count, full.lane(SENDING)
    return {
        "put": (0, 1, ended, b""),
        "oldest": (20,),
        "oldest_of_others": ("[1]", 20),
        "again": ("[1, 2, 3]",),
        "remove": (0, GONE),
        "targets_by_ref": (json.dumps([[1, f"r{GONE}"], [1, "r16"], [1, "x"]]),),
        "targets": (SOME,),
        "attempted": (SOME,),
        "apply": (at, SENDING, "delivered", None, ended, None),
        "note_part": (0, 1, f"r{GONE}"),
        "parts_left": (full.lane(GONE), GONE, 1),
        "park": (0, 1, "x", None, "", ended, None),
        "parked": (0, 10),
        "unpark": (0, GONE),
        "forget_parked": (ended, 20),
    }


def _replies(count):
    someone, ended = full.RECIPIENT + GONE, full.BEGAN + count
    part = (1, someone, 1, 1, 2)
    return {
        "keep": (1, 1, someone, "", None, None, 0, None, ended),
        "note_ref": (1, "x", ended),
        "old_refs": (ended, 20),
        "forget_ref": (1, "i8"),
        "keep_part": (*part, 2, "", b"", "ucs2", 0, ended),
        "parts": part,
        "mark_joined": part,
        "forget_parts": part,
        "overdue_parts": (ended, 20),
        "any": (),
        "clear": (0, GONE),
        "forget": (ended, 20),
    }


def _outbox(count):
    ended = full.BEGAN + count
    return {
        "any_endpoint": (),
        "any_at_rest": (),
        "still_open": (json.dumps([SENDING, LOST, GONE]),),
        "add_ended": (SOME,),
        "add_reply": ("reply", GONE),
        "add_conversions": (SOME,),
        "any_for_sent": (),
        "sent_at": (SOME,),
        "add_sent": (SOME,),
        "add_clicks": (SOME,),
        "sent_messages": (SOME,),
        "clicked_links": (SOME,),
        "events_due": (0, 1, ended, 20, 20),
        "ended_messages": (SOME,),
        "taken_replies": (SOME,),
        "reported_conversions": (SOME,),
        "store_body": (0, GONE, b""),
        "settle_event": (0, GONE, None, 1, 1, 0),
        "keep_attempt": (0, GONE, 2, 0, 0, "acknowledged", None, ""),
        "give_up": (0, GONE),
        "add_test": (0, 1, ended, b""),
        "any_asking": ("journey.entered",),
        "asking_of_list": (1, 1, "journey.entered", full.BEGAN),
        "add_events": (0, 1, "journey.entered", GONE, ended, ended, False, 0, 0, b"{}"),
        "asking": (1, "campaign.paused", full.BEGAN),
        "add_whole": (0, 1, "journey.step", GONE, full.BEGAN, b"{}", 1),
        "forget_events": (ended, 20),
        "forget_attempts": (SOME,),
    }


def _activity(_):
    return {
        "behind": (),
        "news": (20,),
        "count": (20,),
        "note_origins": (20,),
        "count_cohorts": (20,),
        "come_to": (20,),
        "forget_activity": (1, full.RECIPIENT + GONE),
    }


def _leases(count):
    return {"take": ("delivery", "me", full.BEGAN + count), "epoch": ("delivery",)}


# What is reached by Core. What counts is not among it, nor what looks for messages by anything but
# their number: that reads as much as there is, up to a bound.
ANN, LATE = full.RECIPIENT + 8, full.BEGAN * 2
CORE = {
    "lookup.find": lambda tx: tx.lookup.find(1, 8),
    "lookup.attempts": lambda tx: tx.lookup.attempts(1, 8),
    "lookup.after": lambda tx: tx.lookup.after(1, 8, 20),
    "lookup.older": lambda tx: tx.lookup.older(1, MessageFilter(), MessagePlace(LATE, 900), 20),
    "lookup.look_back": lambda tx: tx.lookup.look_back(
        1, MessageFilter(recipient=ANN), MessagePlace(LATE, 900), 20
    ),
    "lookup.sent_span": lambda tx: tx.lookup.sent_span(1, ANN),
    "figures.waiting_of_list": lambda tx: tx.figures.waiting_of_list(1, 1, 20),
    "journeys.of_contact": lambda tx: tx.journeys.of_contact(1, ANN, 20),
    "lookup.of_numbers": lambda tx: tx.lookup.of_numbers(1, [8, 9]),
    "endpoints.about_message": lambda tx: tx.endpoints.about_message(1, 8, 20),
    "reply_log.count": lambda tx: tx.reply_log.count(1, 100),
    "reply_log.see": lambda tx: tx.reply_log.see(1, [8, 9], LATE),
    "figures.backlog": lambda tx: tx.figures.backlog(),
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
    "journeys.enrolments_after of those on it": lambda tx: tx.journeys.enrolments_after(
        tx.journeys.by_id(1, 1), EnrolmentFilter(step="day"), 0, 20, 0, 50
    ),
    "journeys.enrolments_after of all": lambda tx: tx.journeys.enrolments_after(
        tx.journeys.by_id(1, 1), EnrolmentFilter(state=EnrolmentState.ANY), 0, 20, 0, 50
    ),
    "journeys.enrolments_after of one": lambda tx: tx.journeys.enrolments_after(
        tx.journeys.by_id(1, 1), EnrolmentFilter(recipient=ANN), 0, 20, 0
    ),
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
    "audit.imports_without_end": lambda tx: tx.audit.imports_without_end(0, LATE),
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


@pytest.fixture(scope="module", params=MANY)
def looks(request):
    """What is seen among few messages and among many, in both states."""
    found = {}
    for size, count in (("few", FEW), ("many", request.param)):
        raw, tx = full.filled(count)
        found[size, NEVER] = seen(raw, tx, count)
        raw.execute("ANALYZE")
        found[size, AFTER] = seen(raw, tx, count)
        tx.close()
    return found


def test_the_hot_statements_are_found():
    assert len(STATEMENTS) >= 40
    assert set(values_of(FEW)) == set(STATEMENTS)


def test_a_hot_statement_finds_its_rows_by_a_key(looks):
    found = [
        f"{name}, {state}: {step}"
        for state in STATES
        for name in STATEMENTS
        for step in looks["many", state].plans[name]
        if not is_by_a_key(name, state, step)
    ]
    assert found == []


def is_by_a_key(name, state, step):
    """Return whether a step of a statement's plan reads what it needs, and no more."""
    if "AUTOMATIC" in step or ("TEMP B-TREE" in step and name not in GROUPS):
        return False
    if step.startswith("SCAN"):
        is_small = state == AFTER and table_of(step.split()[1], STATEMENTS[name]) in SMALL
        return is_small or bool(re.match(SCANS[name], step))
    if step.startswith("SEARCH") and name not in ENDS:
        return bool(re.search(r"USING (INTEGER PRIMARY KEY|PRIMARY KEY|(COVERING )?INDEX)", step))
    return True


def table_of(name, text):
    """Return the table that a name in a statement stands for."""
    aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", text)}
    return aliases.get(name, name)


def test_a_statement_costs_the_same_whatever_is_stored(looks):
    found = {}
    for state in STATES:
        for name in (*STATEMENTS, *CORE):
            few, many = (looks[size, state].steps[name] for size in ("few", "many"))
            if not 0 < many <= few * (1.2 if name in STATEMENTS else 1.5):
                found[name, state] = f"{few} steps among few, {many} among many"
    assert found == {}


KEYS = {
    "queue.due": "lane=? AND list_id=? AND rank=? AND due_at<?",
    "queue.heads": "lane=? AND list_id=? AND rank=? AND due_at>?",
    "queue.leave_queue": "lane=? AND list_id=? AND rank=? AND due_at=? AND number=?",
    "gate.known_contacts": "list_id=? AND recipient=?",
    "gate.blocked": "account_id=? AND recipient=?",
    "gate.zones": "account_id=? AND recipient=?",
    "queue.postpone": "lane=? AND list_id=? AND rank=? AND due_at=? AND number=?",
    "inbox.targets_by_ref": "connector_id=? AND carrier_ref=?",
    "queue.unsettled": "status=? AND number>?",
    "gate.lists_by_number": "account_id=? AND number=?",
    "gate.callers_by_key": "digest=?",
    "queue.start_attempt": "rowid=?",
    "queue.finish_attempt": "rowid=?",
    "queue.finish_ended": "rowid=?",
    "origin_counts.before": "rowid=?",
    "inbox.apply": "rowid=?",
    "queue.drop": "rowid=?",
    "idempotency.kept": "account_id=? AND key=?",
    "clicks.linked": "rowid=?",
    "clicks.given": "name=?",
    "clicks.standalone": "rowid=?",
    "clicks.destinations": "rowid=?",
    "agents.by_digest": "digest=?",
    "agents.seen": "rowid=?",
    "message_clicks.waiting": "rowid>?",
    "message_clicks.first_of_offer": "account_id=? AND offer_id=? AND at>?",
    "message_clicks.since": "rowid>?",
    "message_clicks.counted": "rowid=?",
    "reclassification.page": "rowid>?",
    "reclassification.first": "rowid=?",
    "outbox.add_clicks": "account_id=?",
    "outbox.add_sent": "account_id=?",
    "enrolments.claim": "lane=? AND due_at>? AND due_at<?",
    "enrolments.hold": "list_id=? AND recipient=?",
    "enrolments.write": "list_id=? AND recipient=? AND journey_id=?",
    "enrolments.events": "list_id=? AND recipient=?",
    "enrolments.trim_events": "list_id=? AND recipient=? AND kind=?",
    "enrolments.forget": "ends_at<?",
    "destinations.by_digest": "account_id=? AND digest=?",
    "destinations.urls": "rowid=?",
    "origins.by_key": "account_id=? AND kind=? AND of_id=? AND version=? AND part=?",
    "origins.past": "rowid>?",
    "origins.forget": "rowid=?",
    "run_pages.take_turn": "rowid=?",
    "run_pages.move_cursor": "run_id=? AND wave=?",
    "run_pages.known": "run_id=? AND recipient=?",
    "run_pages.sends": "account_id=? AND recipient=?",
    "run_pages.standings": "rowid=?",
    "run_pages.capped": "account_id=? AND recipient=?",
    "run_pages.remembered": "ended_at<?",
    "run_pages.forget_members": "run_id=? AND recipient=?",
    "run_pages.forgotten": "rowid=?",
    "run_pages.sends_after": "(account_id,recipient)>(?,?)",
    "run_pages.forget_sends": "account_id=? AND recipient=?",
    "origin_counts.forget": "hour<?",
    "cohort_counts.signups": "list_id=? AND recipient=?",
    "cohort_counts.forget": "day<?",
    "queue.count": "lane=? AND list_id=? AND rank=?",
    "queue.of_run": "rowid=?",
    "queue.open_of_run": "status=?",
    "queue.change_place": "lane=? AND list_id=? AND rank=? AND due_at=? AND number=?",
    "replies.parts": "connector_id=? AND sender=? AND list_number=? AND reference=? AND total=?",
    "replies.overdue_parts": "received_at<?",
    "replies.clear": "list_id=? AND recipient=?",
    "replies.forget": "at<?",
    "idempotency.old": "created_at<?",
    "idempotency.forget": "account_id=? AND key=?",
    "replies.old_refs": "received_at<?",
    "replies.forget_ref": "connector_id=? AND carrier_ref=?",
    "outbox.events_due": "endpoint_id=? AND due_at<?",
    "outbox.add_ended": "account_id=?",
    "outbox.add_reply": "account_id=?",
    "outbox.forget_attempts": "event_id=?",
}


def test_a_hot_statement_uses_the_whole_of_its_key(looks):
    found = {name: looks["many", NEVER].plans[name] for name in KEYS}
    assert {
        name: steps
        for name, steps in found.items()
        if not any(f"({KEYS[name]})" in step for step in steps)
    } == {}

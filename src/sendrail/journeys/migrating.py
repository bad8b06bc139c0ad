"""Contacts who go on in another version of their journey: a bite of them at a time."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sendrail.domain.ids import ListId
from sendrail.domain.journeys.document import Version
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.journeys.migrating import MIGRATED, Migration, migrated, move_from
from sendrail.domain.journeys.position import ENTERED, LEFT, EndReason
from sendrail.domain.journeys.task import JourneyTask
from sendrail.domain.phone import PhoneNumber
from sendrail.journeys.positions import moved, position_of, state_of, stood_since
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import JourneyCount, StoredEnrolment
from sendrail.storage.journeys.facts import ContactFacts
from sendrail.storage.journeys.passages import ENDED

_STRANGER = ContactFacts(active=False)


def migrate(
    tx: Tx, task: JourneyTask, list_id: ListId, some: Sequence[PhoneNumber], now: int
) -> int:
    """Move those of these contacts who are on a version that is left; return how many that were."""
    migration, target = task.migration, _version(tx, task, task.version)
    if migration is None or target is None:
        return 0
    found = [
        each
        for each in tx.enrolments.hold((list_id, each) for each in some)
        if each.journey_id == task.journey_id
        and each.is_running
        and each.version in migration.sources
        and each.version != task.version
    ]
    moves = {each: move_from(migration, each.version, each.step) for each in found}
    over = [(list_id, each.recipient) for each, to in moves.items() if not (to.stays or to.to)]
    ended = tx.passages.end(over, EndReason.MIGRATED_OUT, now, task.journey_id) if over else 0
    leaving = {each: to.to for each, to in moves.items() if to.to is not None}
    return ended + _move(tx, task, migration, target, leaving, now)


def _move(  # noqa: PLR0917 - what places in another version depend on
    tx: Tx,
    task: JourneyTask,
    migration: Migration,
    target: Version,
    leaving: dict[StoredEnrolment, str],
    now: int,
) -> int:
    """Write those who leave for steps of the new version, and count them there."""
    journey = tx.journeys.by_id(task.account_id, task.journey_id)
    if journey is None or not leaving:
        return 0
    sources = {number: _version(tx, task, number) for number in migration.sources}
    facts = _facts(tx, task, list(leaving))
    rows, counts = [], Counter[JourneyCount]()
    for row, to in leaving.items():
        source, state = sources[row.version], state_of(row)
        if source is None or to not in target.steps:
            continue
        has_begun = state.moves > 0
        was = position_of(row, state, stood_since(state, journey.paused_ms))
        position = migrated(source, target, was, to, facts[row.recipient], now)
        kept: dict[str, Any] = {"hops": state.hops, "data": state.data}
        if has_begun:
            kept |= {"message": state.message, "message_at": state.message_at}
            kept["paused_ms"] = journey.paused_ms
        rows.append(moved(row, position, **kept)._replace(version=task.version))
        at = JourneyCount(row.list_id, row.journey_id, row.version, "", ENDED + MIGRATED)
        there = at._replace(version=task.version)
        counts[there._replace(what=ENTERED)] += 1
        if row.version:
            counts[at] += 1
        if has_begun:
            # One that has not had its first turn never came to its step.
            counts[at._replace(step=row.step, what=LEFT)] += 1
            counts[there._replace(step=to, what=ENTERED)] += 1
    written = tx.enrolments.write(rows)
    assert written == len(rows), "what is held is moved by no other process"
    tx.enrolments.count(counts)
    return written


def _facts(tx: Tx, task: JourneyTask, rows: Sequence[StoredEnrolment]) -> dict[PhoneNumber, Facts]:
    """Return what a place in time depends on: whose clock a contact goes by."""
    wanted = [(each.list_id, each.recipient) for each in rows]
    known = tx.journey_facts.contacts(task.account_id, wanted)
    zone = tx.accounts.timezone(task.account_id)
    return {
        recipient: Facts(
            fields={},
            timezone=known.get((list_id, recipient), _STRANGER).timezone,
            default_timezone=zone,
        )
        for list_id, recipient in wanted
    }


def _version(tx: Tx, task: JourneyTask, number: int) -> Version | None:
    return tx.passages.version(task.account_id, task.journey_id, number)

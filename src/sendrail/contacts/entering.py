"""Contacts coming to journeys, and off them: what a call or a sign-up asks for, as rows."""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.contact import Journey
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import StoredEnrolment

REMOVED: Final = "removed"


def enter(
    tx: Tx, journey: Journey, recipients: Sequence[PhoneNumber], now: int, ends_at: int
) -> int:
    """Put contacts on a journey, but for those on it; return how many were put on it."""
    return _enter(tx, journey, recipients, now, ends_at, restarts=False)


def restart(tx: Tx, journey: Journey, recipient: PhoneNumber, now: int, ends_at: int) -> None:
    """Put a contact on a journey; one who is on it starts anew."""
    _enter(tx, journey, [recipient], now, ends_at, restarts=True)


def take_off(tx: Tx, journey: Journey, recipient: PhoneNumber, now: int) -> bool:
    """Take a contact off a journey; return False when it was not on it."""
    held = tx.enrolments.hold([(journey.list_id, recipient)])
    on_it = [each for each in held if each.journey_id == journey.id and each.is_running]
    return tx.enrolments.write(each.ended(REMOVED, now) for each in on_it) > 0


def _enter(
    tx: Tx,
    journey: Journey,
    recipients: Sequence[PhoneNumber],
    now: int,
    ends_at: int,
    *,
    restarts: bool,
) -> int:
    held = tx.enrolments.hold((journey.list_id, each) for each in recipients)
    before = {each.recipient: each for each in held if each.journey_id == journey.id}
    entering = []
    for recipient in recipients:
        was = before.get(recipient)
        if was is not None and was.is_running and was.ends_at > now and not restarts:
            continue
        entering.append(
            StoredEnrolment(
                journey.list_id,
                recipient,
                journey.id,
                version=0,
                step="",
                seq=0 if was is None else was.seq + 1,
                due_at=ends_at,
                waits=0,
                started_at=now,
                arrived_at=now,
                ends_at=ends_at,
                times=1 if was is None else was.times + 1,
                state="{}",
            )
        )
    return len(tx.enrolments.enter(entering))

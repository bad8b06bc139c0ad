"""The runs of a schedule: their states, what is kept of who was left out, and caps on frequency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain.ids import AccountId, RunId, ScheduleId
from sendrail.domain.schedule import CAP_DAYS_MAX, CAP_MESSAGES_MAX, FrequencyCap
from sendrail.domain.times import DAY_MS

_HOUR_MS: Final = 3_600_000
# Who was asked for and left out, where a run has several waves and may come by again.
LEFT_OUT: Final = -1


class RunState(StrEnum):
    """The state of a run."""

    DUE = "due"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    SKIPPED = "skipped"


RUN_MOVES: Final[Mapping[RunState, frozenset[RunState]]] = {
    RunState.DUE: frozenset({RunState.RUNNING, RunState.SKIPPED, RunState.STOPPED}),
    # Skipped where all of it has found no contact.
    RunState.RUNNING: frozenset(
        {RunState.PAUSED, RunState.FINISHED, RunState.STOPPED, RunState.SKIPPED}
    ),
    RunState.PAUSED: frozenset({RunState.RUNNING, RunState.STOPPED}),
    RunState.FINISHED: frozenset(),
    RunState.STOPPED: frozenset(),
    RunState.SKIPPED: frozenset(),
}
# What may still send.
OPEN_STATES: Final = frozenset({RunState.DUE, RunState.RUNNING, RunState.PAUSED})


class RunReason(StrEnum):
    """Why a run is paused, stopped or skipped."""

    # By a user.
    ASKED = "asked"
    MISSED = "missed"
    OVERLAP = "overlap"
    # What its preflight finds when its hour has come, by the preflight's codes.
    AUDIENCE_NOT_FOUND = "audience_not_found"
    SOURCE_LIST_NOT_FOUND = "source_list_not_found"
    WEBHOOK_NOT_CONFIGURED = "webhook_not_configured"
    OFFER_NOT_FOUND = "offer_not_found"
    OFFER_PAUSED = "offer_paused"
    LINK_DOMAIN_UNVERIFIED = "link_domain_unverified"
    MESSAGE_TOO_LONG = "message_too_long"
    BLOCKED_CONTENT = "blocked_content"
    EMPTY_AUDIENCE = "empty_audience"
    NO_CONTENT = "no_content"
    OUT_OF_TIME = "out_of_time"
    LIST_INACTIVE = "list_inactive"
    ACCOUNT_SUSPENDED = "account_suspended"
    SCHEDULE_OFF = "schedule_off"
    OPT_OUTS = "opt_outs"
    FAILURES = "failures"
    BROKEN = "broken"


class QueueTask(StrEnum):
    """What is to be done with the messages of a run that are in the queue."""

    RELEASE = "release"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One day of a schedule. Times are milliseconds.

    `planned` are its messages, `held_out` the contacts of its holdout; `left_out` counts the other
    contacts that get nothing by the reason, `variants` the messages of each variant.
    """

    id: RunId
    account_id: AccountId
    schedule_id: ScheduleId
    local_date: str
    state: RunState
    reason: RunReason | None
    version: int
    due_at: int
    ends_at: int
    started_at: int | None
    ended_at: int | None
    planned: int
    held_out: int
    left_out: Mapping[str, int]
    variants: Mapping[int, int]


# Stands behind the number of a variant, of what the control group of a choice by success got.
_CONTROL: Final = "c"


def variant_part(variant: int, *, is_control: bool) -> str:
    """Return the part of an origin that stands for a variant of a run."""
    return f"{variant}{_CONTROL}" if is_control else str(variant)


def variant_of(part: str) -> int:
    """Return the variant that the part of a run's origin stands for."""
    return int(part.removesuffix(_CONTROL))


# The send times of a contact, the latest first: eight hexadecimal digits each, in seconds. A text,
# so that either database can put a new one before it.
SEND_DIGITS: Final = 8
SENDS_KEPT: Final = CAP_MESSAGES_MAX


def shown_send(now: int) -> str:
    """Return a time in milliseconds as it stands among a contact's send times."""
    return f"{now // 1000:08x}"


class CapBounds(NamedTuple):
    """Two times among a contact's send times, and what neither may be after.

    A time is named by the place of its first digit, from 1 as databases count. Both are texts, so
    that a database can compare them; a time that is not there is before any other.
    """

    last_at: int
    last_bound: str
    nth_at: int
    nth_bound: str


def cap_bounds(now: int, skip_within_hours: int, cap: FrequencyCap | None) -> CapBounds | None:
    """Return who is capped at a time in milliseconds; None where there is no cap at all."""
    bounds = []
    if skip_within_hours:
        bounds.append((1, shown_send(now - skip_within_hours * _HOUR_MS)))
    if cap is not None:
        at = (cap.messages - 1) * SEND_DIGITS + 1
        bounds.append((at, shown_send(now - cap.days * DAY_MS)))
    # One bound alone is asked twice.
    return CapBounds(*bounds[0], *bounds[-1]) if bounds else None


def is_capped(sends: str, bounds: CapBounds) -> bool:
    """Return whether a contact with these send times must not get another message.

    `RunPages.capped` is the same of many contacts.
    """
    last_at, last_bound, nth_at, nth_bound = bounds
    return (
        sends[last_at - 1 : last_at - 1 + SEND_DIGITS] > last_bound
        or sends[nth_at - 1 : nth_at - 1 + SEND_DIGITS] > nth_bound
    )


def is_past(sends: str, now: int) -> bool:
    """Return whether send times are older than any cap looks back."""
    return sends[:SEND_DIGITS] <= shown_send(now - CAP_DAYS_MAX * DAY_MS)


def counted(counts: Mapping[str, int], reasons: Sequence[str]) -> dict[str, int]:
    """Return counts with those of some more contacts."""
    total = dict(counts)
    for reason in reasons:
        total[reason] = total.get(reason, 0) + 1
    return total

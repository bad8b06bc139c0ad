"""Schedules: what a campaign sends, to whom, and at which hours; each of its days makes a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum
from typing import Final

from sendrail.domain.creative import OfferLink
from sendrail.domain.ids import AccountId, ScheduleId

NAME_LENGTH_MAX: Final = 255
VARIANT_NAME_LENGTH_MAX: Final = 100
# Fewer than the area codes, and enough that a text of each can still be read.
BLASTS_MAX: Final = 20
AUDIENCES_MAX: Final = 100
# A month; a longer cap is one of so many messages in so many days.
SKIP_WITHIN_HOURS_MAX: Final = 744
# How many send times a contact's row remembers.
CAP_MESSAGES_MAX: Final = 8
CAP_DAYS_MAX: Final = 90
# Less than a day with a change of clocks: of daily runs, two can never be late at once.
LATE_MINUTES_MAX: Final = 720
LATE_MINUTES: Final = 60
HOLDOUT_PERCENT_MAX: Final = 50

WEEKDAYS: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip


class SendType(StrEnum):
    """Texts of its own for exact shares of the audience, or creatives chosen by their success."""

    BLAST = "blast"
    AUTOMATED = "automated"


class ScheduleStatus(StrEnum):
    """Whether a schedule makes runs, in the public API's words."""

    DRAFT = "draft"
    OFF = "off"
    ON = "on"
    COMPLETE = "complete"
    ARCHIVE = "archive"


class LateZones(StrEnum):
    """What becomes of a time zone whose hour had passed when the schedule was switched on."""

    SKIP = "skip"
    AT_ONCE = "at_once"
    NEXT_DAY = "next_day"


class OverlapRule(StrEnum):
    """What becomes of a run that is due while the one before it still sends."""

    SKIP = "skip"
    QUEUE = "queue"


class OutsideHours(StrEnum):
    """What becomes of a contact in quiet hours: held to the opening, or left out of the run."""

    HOLD = "hold"
    SKIP = "skip"


# What a new schedule may be; a change may complete or archive it as well.
NEW_STATUSES: Final = (ScheduleStatus.DRAFT, ScheduleStatus.OFF, ScheduleStatus.ON)

MOVES: Final[Mapping[ScheduleStatus, frozenset[ScheduleStatus]]] = {
    ScheduleStatus.DRAFT: frozenset(ScheduleStatus),
    ScheduleStatus.OFF: frozenset(ScheduleStatus),
    ScheduleStatus.ON: frozenset(ScheduleStatus) - {ScheduleStatus.DRAFT},
    # What has been completed stays as it went; it can only be put out of sight.
    ScheduleStatus.COMPLETE: frozenset({ScheduleStatus.ARCHIVE}),
    ScheduleStatus.ARCHIVE: frozenset(
        {ScheduleStatus.DRAFT, ScheduleStatus.OFF, ScheduleStatus.ON}
    ),
}

# What changes neither the text nor the people of a run under way.
EDITABLE_WHILE_RUNNING: Final = frozenset({"name", "end_date", "send_until"})


def may_move(current: ScheduleStatus, target: ScheduleStatus) -> bool:
    """Return whether a status may follow another; it may always stay."""
    return current is target or target in MOVES[current]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """One text of a schedule, and the share of the audience that gets it, in per cent."""

    message: str
    percent_audience: int
    offer_links: tuple[OfferLink, ...] = ()
    variant_name: str | None = None
    mms_image_url: str | None = None


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most so many messages of campaigns and journeys to one person in so many days."""

    messages: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTerms:
    """Everything an account says of a schedule but whether it is in use.

    Dates and times of day are those of the account's clock, or of each recipient's with
    `use_local_time`. A schedule has a `send_date`, or with `is_repeating` a first and a last date
    and `weekdays`, of which Monday is 0. `audiences` are public ids. No `source_lists` are the
    lists of its audiences. `ir_revenue` is in ten-thousandths. `late_minutes` is how late a run may
    start; `send_until` is the time of day at which it ends, None for the default.
    """

    name: str
    send_type: SendType
    is_repeating: bool
    send_time: time
    audiences: tuple[str, ...]
    send_date: date | None = None
    start_date: date | None = None
    end_date: date | None = None
    weekdays: tuple[int, ...] = ()
    source_lists: tuple[int, ...] = ()
    skip_within_hours: int = 0
    use_local_time: bool = False
    filter_bots: bool | None = None
    is_mms: bool = False
    is_cto: bool = False
    automated_percent: int = 100
    ir_revenue: int | None = None
    blasts: tuple[Blast, ...] = ()
    frequency_cap: FrequencyCap | None = None
    late_zones: LateZones = LateZones.SKIP
    late_minutes: int = LATE_MINUTES
    overlap: OverlapRule = OverlapRule.SKIP
    outside_hours: OutsideHours = OutsideHours.HOLD
    send_until: time | None = None
    holdout_percent: int = 0

    def dates(self) -> tuple[date, date]:
        """Return its first and its last possible date."""
        if self.is_repeating:
            assert self.start_date is not None, "it was read so"
            assert self.end_date is not None, "it was read so"
            return self.start_date, self.end_date
        assert self.send_date is not None, "it was read so"
        return self.send_date, self.send_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(ScheduleTerms):
    """One schedule of an account.

    `ref` is its public id, 24 hexadecimal digits. `on_since` is when it was last switched on, None
    while it is not; no run of an hour before it is made. `next_at` is when its next run is due,
    None when there is none, and `last_date` the date of the last that was made. Times are
    milliseconds.
    """

    id: ScheduleId
    ref: str
    account_id: AccountId
    status: ScheduleStatus
    on_since: int | None
    next_at: int | None
    created_at: int
    updated_at: int
    last_date: date | None = None

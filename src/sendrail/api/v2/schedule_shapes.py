"""The bodies of the schedules' endpoints, and how schedules are shown in them."""

from datetime import date
from typing import Annotated, Any, Final

import msgspec

from sendrail.api.v2.field_types import (
    Always,
    Count,
    Flag,
    ObjectId,
    Required,
    RowId,
    Time,
    about,
    one_of,
    schema,
)
from sendrail.campaigns import reading, schedule_reading
from sendrail.campaigns.preflight import Preflight, PreflightNote
from sendrail.campaigns.schedule_reading import BlastInput, ScheduleInput
from sendrail.campaigns.schedules import ScheduleDetails
from sendrail.domain import creative, money, schedule
from sendrail.domain.placeholders import LINK_KEYS
from sendrail.domain.schedule import (
    NEW_STATUSES,
    WEEKDAYS,
    LateZones,
    OutsideHours,
    OverlapRule,
    ScheduleStatus,
    SendType,
)
from sendrail.domain.times import shown as shown_time

_CLOCK_PATTERN: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_Name = Annotated[str, schema(minLength=1, maxLength=schedule.NAME_LENGTH_MAX, pattern=r"\S")]
_SendType = Annotated[
    str,
    one_of(SendType),
    about("`blast` sends texts of its own, `automated` creatives that are chosen by success."),
]
_Clock = Annotated[str, schema(pattern=_CLOCK_PATTERN), msgspec.Meta(examples=["09:30"])]
_SEND_TIME: Final = about(
    "The time of day, on the account's clock, or each recipient's with `use_local_time`."
)
# A time in a date is never looked at: the date is meant as it is written.
_Date = Annotated[
    str,
    schema(format="date-time"),
    msgspec.Meta(examples=["2026-12-01T00:00:00Z"]),
]
_DATE: Final = about("Its date counts, as it is written.")
_Audiences = Annotated[
    list[ObjectId],
    schema(minItems=1, maxItems=schedule.AUDIENCES_MAX),
    about("Active audiences; a number in several is one recipient."),
]
_Lists = Annotated[
    list[RowId],
    schema(maxItems=schedule_reading.SOURCE_LISTS_MAX),
    about(
        "The lists that send, of those of the audiences; a number on several gets the message "
        "from the first. None are all of them."
    ),
]
_Skip = Annotated[
    int,
    schema(minimum=0, maximum=schedule.SKIP_WITHIN_HOURS_MAX),
    about("Leaves out who got a message of a campaign or journey in so many hours; 0 is off."),
]
_LOCAL: Final = about("Whether each recipient's own clock counts, zone by zone.")
_Automated = Annotated[
    int,
    schema(minimum=0, maximum=100),
    about("With `automated`, the share that is chosen by success; the rest is spread evenly."),
]
_Revenue = Annotated[float, schema(minimum=0), about("Kept and shown.")]
_Percent = Annotated[int, schema(minimum=0, maximum=100)]
# A fraction is refused with the code of a wrong share, and not as another type.
_Share = Annotated[float, schema(type="integer", minimum=0, maximum=100)]
_Params = Annotated[
    dict[str, str],
    schema(maxProperties=creative.PARAMS_MAX),
    about("Appended to the offer's URL; a value may be a macro such as `{{click_id}}`."),
]
_Message = Annotated[str, schema(minLength=1, maxLength=creative.MESSAGE_LENGTH_MAX, pattern=r"\S")]
_Variant = Annotated[str, schema(maxLength=schedule.VARIANT_NAME_LENGTH_MAX)]
_LateZones = Annotated[
    str,
    one_of(LateZones),
    about("What becomes of zones whose hour had passed when it was switched on."),
]
_LateMinutes = Annotated[
    int,
    schema(minimum=0, maximum=schedule.LATE_MINUTES_MAX),
    about("How late a run may begin after a breakdown; later, it is skipped."),
]
_Overlap = Annotated[
    str, one_of(OverlapRule), about("What becomes of a run while the one before still sends.")
]
_Outside = Annotated[
    str,
    one_of(OutsideHours),
    about("Whether who is in quiet hours gets it after them, or is left out."),
]
_Holdout = Annotated[
    int,
    schema(minimum=0, maximum=schedule.HOLDOUT_PERCENT_MAX),
    about("The share of the account's contacts, always the same, that gets nothing."),
]
_UNTIL: Final = about(
    "The time of day at which a run ends, of the next day where that is earlier than `send_time`. "
    "Without one it is 21:00 with `use_local_time`, else twelve hours after its beginning."
)


class ScheduleDays(msgspec.Struct):
    """The days on which a repeating schedule runs."""

    monday: bool = False
    tuesday: bool = False
    wednesday: bool = False
    thursday: bool = False
    friday: bool = False
    saturday: bool = False
    sunday: bool = False


class FrequencyCap(msgspec.Struct):
    """At most so many messages of campaigns and journeys to one person in so many days."""

    messages: Annotated[
        int,
        schema(minimum=0, maximum=schedule.CAP_MESSAGES_MAX),
        about("0 takes the cap away."),
    ]
    days: Annotated[int, schema(minimum=1, maximum=schedule.CAP_DAYS_MAX)] = 1


class BlastLink(msgspec.Struct, gc=False):
    """The offer that a `{{linkN}}` of the message leads to."""

    key: Required[Annotated[str, one_of(LINK_KEYS)]] = None
    offer_id: Required[ObjectId] = None
    url_params: _Params | None = None


class Blast(msgspec.Struct, gc=False):
    """One text, and the share of the audience that gets it."""

    message: Required[_Message] = None
    percent_audience: Annotated[
        _Share | None,
        about("All blasts together are 100; a single one is 100 without saying so."),
    ] = None
    offer_links: list[BlastLink] | None = None
    variant_name: _Variant | None = None
    mms_image_url: Annotated[str, schema(format="uri")] | None = None


_Blasts = Annotated[
    list[Blast], schema(minItems=1, maxItems=schedule.BLASTS_MAX), about("Needed for `blast`.")
]


class NewSchedule(msgspec.Struct, gc=False):
    """`POST /v2/schedules`."""

    name: Required[_Name] = None
    send_type: Required[_SendType] = None
    is_repeating: Required[bool] = None
    send_time: Required[Annotated[_Clock, _SEND_TIME]] = None
    audiences: Required[_Audiences] = None
    send_date: Annotated[_Date | None, _DATE] = None
    start_date: Annotated[_Date | None, _DATE] = None
    end_date: Annotated[_Date | None, _DATE] = None
    days_of_week: ScheduleDays | None = None
    source_lists: _Lists | None = None
    skip_within_hours: Annotated[_Skip | None, schema(default=0)] = None
    use_local_time: Annotated[Flag, _LOCAL] = None
    filter_bots: bool | None = None
    is_mms: Flag = None
    is_cto: Flag = None
    automated_percent: Annotated[_Automated | None, schema(default=100)] = None
    ir_revenue: _Revenue | None = None
    blasts: _Blasts | None = None
    status: Annotated[
        Annotated[str, one_of(NEW_STATUSES)] | None, schema(default=str(ScheduleStatus.DRAFT))
    ] = None
    frequency_cap: FrequencyCap | None = None
    late_zones: Annotated[_LateZones | None, schema(default=str(LateZones.SKIP))] = None
    late_minutes: Annotated[_LateMinutes | None, schema(default=schedule.LATE_MINUTES)] = None
    overlap: Annotated[_Overlap | None, schema(default=str(OverlapRule.SKIP))] = None
    outside_hours: Annotated[_Outside | None, schema(default=str(OutsideHours.HOLD))] = None
    send_until: Annotated[_Clock | None, _UNTIL] = None
    holdout_percent: Annotated[_Holdout | None, schema(default=0)] = None


class ScheduleUpdate(msgspec.Struct, gc=False):
    """`PUT /v2/schedules/{schedule_id}`; what is left out stays as it is."""

    name: _Name | None = None
    send_type: _SendType | None = None
    is_repeating: bool | None = None
    send_time: Annotated[_Clock | None, _SEND_TIME] = None
    audiences: _Audiences | None = None
    send_date: Annotated[_Date | None, _DATE] = None
    start_date: Annotated[_Date | None, _DATE] = None
    end_date: Annotated[_Date | None, _DATE] = None
    days_of_week: ScheduleDays | None = None
    source_lists: _Lists | None = None
    skip_within_hours: _Skip | None = None
    use_local_time: Annotated[bool | None, _LOCAL] = None
    filter_bots: bool | None = None
    is_mms: bool | None = None
    is_cto: bool | None = None
    automated_percent: _Automated | None = None
    ir_revenue: _Revenue | None = None
    blasts: _Blasts | None = None
    status: Annotated[
        Annotated[str, one_of(ScheduleStatus)] | None,
        about("Any other than `archive` brings an archived schedule back."),
    ] = None
    frequency_cap: FrequencyCap | None = None
    late_zones: _LateZones | None = None
    late_minutes: _LateMinutes | None = None
    overlap: _Overlap | None = None
    outside_hours: _Outside | None = None
    send_until: Annotated[
        Annotated[str, schema(pattern=rf"{_CLOCK_PATTERN[:-1]}$|^$")] | None,
        about("The time of day at which a run ends; empty for the usual one."),
    ] = None
    holdout_percent: _Holdout | None = None


class ShownBlastLink(msgspec.Struct):
    """The offer that a `{{linkN}}` of the message leads to."""

    key: Annotated[str, one_of(LINK_KEYS)]
    offer_id: ObjectId
    url_params: _Params


class ShownBlast(msgspec.Struct):
    """One text, and the share of the audience that gets it."""

    message: _Message
    percent_audience: _Percent
    offer_links: list[ShownBlastLink]
    variant_name: _Variant | None
    mms_image_url: Annotated[str, schema(format="uri")] | None


class ShownSchedule(msgspec.Struct):
    """A schedule."""

    id: ObjectId
    name: str
    send_type: _SendType
    is_repeating: bool
    send_time: Annotated[_Clock, _SEND_TIME]
    audiences: _Audiences
    send_date: _Date | None
    start_date: _Date | None
    end_date: _Date | None
    days_of_week: ScheduleDays
    source_lists: _Lists
    skip_within_hours: _Skip
    use_local_time: Annotated[bool, _LOCAL]
    filter_bots: bool | None
    is_mms: bool
    is_cto: bool
    automated_percent: _Automated
    ir_revenue: _Revenue | None
    blasts: list[ShownBlast]
    status: Annotated[str, one_of(ScheduleStatus)]
    frequency_cap: FrequencyCap | None
    late_zones: _LateZones
    late_minutes: _LateMinutes
    overlap: _Overlap
    outside_hours: _Outside
    send_until: Annotated[_Clock | None, _UNTIL]
    holdout_percent: _Holdout
    next_run_at: Annotated[
        Time | None, about("When its next run is due in the first zone; null while it is not on.")
    ]
    created_at: Time
    updated_at: Time


class ScheduleNotice(msgspec.Struct):
    """Something that is wrong with a schedule, or that its author may want to change."""

    code: str
    text: Annotated[str, about("Names the place and the remedy.")]
    param: Annotated[str | None, about("The field it is about.")]


class SavedSchedule(msgspec.Struct):
    """A schedule that was made or changed."""

    success: Always
    schedule: ShownSchedule
    warnings: Annotated[
        list[ScheduleNotice], about("Of a schedule that is on: what may be changed yet.")
    ]


class ScheduleList(msgspec.Struct):
    """All schedules, newest first."""

    schedules: list[ShownSchedule]
    total: Count


class ScheduleArchived(msgspec.Struct):
    """The answer to a schedule that was archived."""

    success: Always
    archived: Always


class SchedulePreflight(msgspec.Struct):
    """Whether a schedule could be switched on now."""

    ok: Annotated[bool, about("Whether there is no error.")]
    errors: list[ScheduleNotice]
    warnings: list[ScheduleNotice]
    first_run_at: Annotated[Time | None, about("When its first run would begin.")]


def given(fields: NewSchedule | ScheduleUpdate) -> ScheduleInput:
    """Return what a body gives of a schedule."""
    values: dict[str, Any] = {name: getattr(fields, name) for name in _PLAIN}
    if (days := fields.days_of_week) is not None:
        values["days_of_week"] = msgspec.structs.asdict(days)
    if (cap := fields.frequency_cap) is not None:
        values["frequency_cap"] = schedule.FrequencyCap(cap.messages, cap.days)
    if fields.blasts is not None:
        values["blasts"] = [_blast(each) for each in fields.blasts]
    return ScheduleInput(**values)


def _blast(fields: Blast) -> BlastInput:
    return BlastInput(
        message=fields.message,
        percent_audience=fields.percent_audience,
        offer_links=[
            reading.LinkInput(
                key=link.key, offer_id=link.offer_id, url_params=link.url_params or {}
            )
            for link in fields.offer_links or ()
        ],
        variant_name=fields.variant_name,
        mms_image_url=fields.mms_image_url,
    )


def _link(fields: BlastLink) -> reading.LinkInput:
    return reading.LinkInput(
        key=fields.key, offer_id=fields.offer_id, url_params=fields.url_params or {}
    )


def shown(found: schedule.Schedule) -> ShownSchedule:
    """Return a schedule as answers have it."""
    cap = found.frequency_cap
    values: dict[str, Any] = {name: getattr(found, name) for name in _SHOWN_PLAIN}
    return ShownSchedule(
        **values,
        id=found.ref,
        send_time=_clock(found.send_time),
        audiences=list(found.audiences),
        send_date=_date(found.send_date),
        start_date=_date(found.start_date),
        end_date=_date(found.end_date),
        days_of_week=ScheduleDays(**{WEEKDAYS[at]: True for at in found.weekdays}),
        source_lists=list(found.source_lists),
        ir_revenue=None if found.ir_revenue is None else money.shown(found.ir_revenue),
        blasts=[_shown_blast(each) for each in found.blasts],
        frequency_cap=None if cap is None else FrequencyCap(cap.messages, cap.days),
        send_until=None if found.send_until is None else _clock(found.send_until),
        next_run_at=None if found.next_at is None else shown_time(found.next_at),
        created_at=shown_time(found.created_at),
        updated_at=shown_time(found.updated_at),
    )


def saved(found: ScheduleDetails) -> SavedSchedule:
    """Return a schedule that was made or changed."""
    return SavedSchedule(True, shown(found.schedule), notices(found.warnings))


def shown_preflight(found: Preflight) -> SchedulePreflight:
    """Return what a preflight found as answers have it."""
    return SchedulePreflight(
        ok=not found.errors,
        errors=notices(found.errors),
        warnings=notices(found.warnings),
        first_run_at=None if found.starts_at is None else shown_time(found.starts_at),
    )


def notices(found: Any) -> list[ScheduleNotice]:
    """Return errors or warnings as answers have them."""
    notes: list[PreflightNote] = list(found)
    return [ScheduleNotice(each.code, each.text, each.param) for each in notes]


def _shown_blast(found: schedule.Blast) -> ShownBlast:
    return ShownBlast(
        message=found.message,
        percent_audience=found.percent_audience,
        offer_links=[
            ShownBlastLink(link.key, link.offer_ref, dict(link.url_params))
            for link in found.offer_links
        ],
        variant_name=found.variant_name,
        mms_image_url=found.mms_image_url,
    )


def _clock(at: Any) -> str:
    return f"{at:%H:%M}"


def _date(day: date | None) -> str | None:
    return None if day is None else f"{day.isoformat()}T00:00:00Z"


# What bodies and schedules have in the same form.
_SHOWN_PLAIN: Final = (
    "name", "send_type", "is_repeating", "skip_within_hours", "use_local_time", "filter_bots",
    "is_mms", "is_cto", "automated_percent", "status", "late_zones", "late_minutes", "overlap",
    "outside_hours", "holdout_percent",
)  # fmt: skip
_PLAIN: Final = (
    *_SHOWN_PLAIN, "send_time", "audiences", "send_date", "start_date", "end_date", "source_lists",
    "ir_revenue", "send_until",
)  # fmt: skip

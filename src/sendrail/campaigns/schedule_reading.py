"""What callers give of a schedule, checked in the order of the public API's codes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial
from typing import Any, Final

from sendrail.campaigns.reading import Choice, LinkInput, links_of
from sendrail.domain import money, schedule
from sendrail.domain.creative import MESSAGE_LENGTH_MAX, OfferLink
from sendrail.domain.destinations import ANYWHERE, DestinationRules
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.ids import is_object_id
from sendrail.domain.schedule import (
    WEEKDAYS,
    Blast,
    FrequencyCap,
    LateZones,
    OutsideHours,
    OverlapRule,
    ScheduleStatus,
    ScheduleTerms,
    SendType,
)
from sendrail.links.destinations import destination_of

SOURCE_LISTS_MAX: Final = 1_000
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])").fullmatch
_YEARS: Final = range(2000, 2200)
_WHOLE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastInput:
    """One text, as a caller gives it."""

    message: str | None = None
    offer_links: Sequence[LinkInput] = ()
    percent_audience: float | None = None
    variant_name: str | None = None
    mms_image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInput:
    """What a caller gives of a schedule; None is not given.

    An empty `send_until`, and a cap of no messages, take away what was there. `ir_revenue` is in
    units of the currency.
    """

    name: str | None = None
    send_type: str | None = None
    is_repeating: bool | None = None
    send_time: str | None = None
    audiences: Sequence[str] | None = None
    status: str | None = None
    send_date: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    days_of_week: Mapping[str, bool] | None = None
    source_lists: Sequence[int] | None = None
    skip_within_hours: int | None = None
    use_local_time: bool | None = None
    filter_bots: bool | None = None
    is_mms: bool | None = None
    is_cto: bool | None = None
    automated_percent: int | None = None
    ir_revenue: float | None = None
    blasts: Sequence[BlastInput] | None = None
    frequency_cap: FrequencyCap | None = None
    late_zones: str | None = None
    late_minutes: int | None = None
    overlap: str | None = None
    outside_hours: str | None = None
    send_until: str | None = None
    holdout_percent: int | None = None


def new_terms(
    given: ScheduleInput, rules: DestinationRules
) -> tuple[ScheduleTerms, ScheduleStatus]:
    """Return what a new schedule says, and its status.

    Raises `InvalidInput` with the documented code of the first field at fault. That audiences,
    lists and offers exist is not checked here.
    """
    for name in ("name", "send_type"):
        if not (getattr(given, name) or "").strip():
            raise missing(name)
    _one_of(SendType, "send_type", given.send_type)
    if given.is_repeating is None:
        raise missing("is_repeating")
    if not (given.send_time or "").strip():
        raise missing("send_time")
    if not given.audiences:
        raise missing("audiences")
    status = status_of(given, schedule.NEW_STATUSES) or ScheduleStatus.DRAFT
    terms = ScheduleTerms(**_values(given, rules))
    _expect_whole(terms)
    return terms, status


def changed_terms(
    given: ScheduleInput, before: ScheduleTerms, rules: DestinationRules
) -> Mapping[str, Any]:
    """Return the values that a change gives; together with what stays they must be a schedule."""
    values = _values(given, rules)
    _expect_whole(replace(before, **values))
    return {name: value for name, value in values.items() if getattr(before, name) != value}


def status_of(given: ScheduleInput, choices: Sequence[ScheduleStatus]) -> ScheduleStatus | None:
    """Return the status that is given. Raises `InvalidInput` where it is none of the choices."""
    return _one_of(ScheduleStatus, "status", given.status, choices)


def _values(given: ScheduleInput, rules: DestinationRules) -> dict[str, Any]:
    """Return the fields that are given, each checked by itself."""
    # In the order of the table: of several faults the first one is reported.
    readers: dict[str, Callable[[str, Any], Any]] = {
        **_READERS,
        "blasts": partial(_blasts, rules=rules),
    }
    read: dict[str, Any] = {
        name: None if (value := getattr(given, name)) is None else reader(name, value)
        for name, reader in readers.items()
    }
    read |= {name: getattr(given, name) for name in _AS_GIVEN}
    if given.days_of_week is not None:
        read["weekdays"] = _weekdays(given.days_of_week)
    values = {name: value for name, value in read.items() if value is not None}
    if given.send_until is not None and not given.send_until.strip():
        values["send_until"] = None
    if given.frequency_cap is not None and not given.frequency_cap.messages:
        values["frequency_cap"] = None
    return values


def _expect_whole(terms: ScheduleTerms) -> None:
    """Refuse what has no date, or has no text for a part of its contacts."""
    _expect_dates(terms)
    if terms.send_type is not SendType.BLAST:
        return
    if not terms.blasts:
        raise missing("blasts")
    percent = sum(blast.percent_audience for blast in terms.blasts)
    if percent != _WHOLE:
        raise InvalidInput(
            f"`percent_audience` of all blasts must add up to 100, not {percent}",
            code="invalid_blast_percent",
            param="blasts",
        )
    for at, blast in enumerate(terms.blasts):
        if not blast.message.strip():
            raise InvalidInput(
                "message of each blast is required",
                code="missing_blast_message",
                param=f"blasts[{at}].message",
            )


def _expect_dates(terms: ScheduleTerms) -> None:
    needed = ("start_date", "end_date") if terms.is_repeating else ("send_date",)
    for name in needed:
        if getattr(terms, name) is None:
            raise missing(name)
    if not terms.is_repeating:
        return
    if not terms.weekdays:
        raise _no_days("`days_of_week` needs at least one day that is true")
    first, last = terms.dates()
    if last < first:
        raise InvalidInput("`end_date` is before `start_date`", param="end_date")
    if not any((at - first.weekday()) % 7 <= (last - first).days for at in terms.weekdays):
        raise _no_days("None of its days is between `start_date` and `end_date`")


def _no_days(text: str) -> InvalidInput:
    return InvalidInput(text, code="no_days_selected", param="days_of_week")


def _text(length_max: int) -> Callable[[str, str], str]:
    def read(name: str, text: str) -> str:
        kept = text.strip()
        if not kept:
            raise missing(name)
        return _within(name, kept, length_max)

    return read


def _within(name: str, text: str, length_max: int, code: str | None = None) -> str:
    if "\0" in text:
        raise InvalidInput(f"`{name}` must not contain the NUL character", param=name)
    if len(text) > length_max:
        raise InvalidInput(
            f"`{name}` has at most {length_max:,} characters",
            code=code or ("name_too_long" if name == "name" else None),
            param=name,
        )
    return text


def _number(most: int) -> Callable[[str, int], int]:
    def read(name: str, value: int) -> int:
        if not 0 <= value <= most:
            raise InvalidInput(f"`{name}` must be 0 to {most}", param=name)
        return value

    return read


def _word(kind: type[Choice]) -> Callable[[str, str], Choice | None]:
    return lambda name, text: _one_of(kind, name, text)


def _one_of(
    kind: type[Choice], name: str, text: str | None, choices: Sequence[Choice] | None = None
) -> Choice | None:
    if text is None:
        return None
    if text not in (allowed := tuple(kind) if choices is None else choices):
        code = f"invalid_{name}" if name in {"send_type", "status"} else None
        raise InvalidInput(f"`{name}` must be {' or '.join(allowed)}", code=code, param=name)
    return kind(text)


def _clock(name: str, text: str) -> time | None:
    if not text.strip():
        if name == "send_time":
            raise missing(name)
        return None
    if (found := _CLOCK(text.strip())) is None:
        raise InvalidInput(
            f"`{name}` must be a time of day in 24-hour format, such as 09:30", param=name
        )
    return time(int(found[1]), int(found[2]))


def _date(name: str, text: str) -> date:
    """Return the date as it is written: it is one of a clock that the schedule names elsewhere."""
    if not text.strip():
        raise missing(name)
    try:
        day = datetime.fromisoformat(text.strip()).date()
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise InvalidInput(f"`{name}` must be a date, such as 2026-12-01T00:00:00Z", param=name)
    return day


def _weekdays(given: Mapping[str, bool]) -> tuple[int, ...]:
    if unknown := sorted(given.keys() - set(WEEKDAYS)):
        raise InvalidInput(
            f"`days_of_week` can have the days {', '.join(WEEKDAYS)}",
            param=f"days_of_week.{unknown[0][:100]}",
        )
    return tuple(at for at, name in enumerate(WEEKDAYS) if given.get(name))


def _audiences(name: str, refs: Sequence[str]) -> tuple[str, ...]:
    if not refs:
        raise missing(name)
    if len(refs) > schedule.AUDIENCES_MAX:
        raise InvalidInput(f"`{name}` names at most {schedule.AUDIENCES_MAX}", param=name)
    return tuple(dict.fromkeys(refs))


def _lists(name: str, list_ids: Sequence[int]) -> tuple[int, ...]:
    if len(list_ids) > SOURCE_LISTS_MAX:
        raise InvalidInput(f"`{name}` names at most {SOURCE_LISTS_MAX:,} lists", param=name)
    return tuple(dict.fromkeys(list_ids))


def _amount(name: str, value: float) -> int:
    if (amount := money.of_number(value)) is None:
        raise InvalidInput(f"`{name}` must be an amount of 0 or more", param=name)
    return amount


def _cap(name: str, given: FrequencyCap) -> FrequencyCap | None:
    if not given.messages:
        return None
    if (
        not 0 < given.messages <= schedule.CAP_MESSAGES_MAX
        or not 0 < given.days <= schedule.CAP_DAYS_MAX
    ):
        raise InvalidInput(
            f"`{name}` is 1 to {schedule.CAP_MESSAGES_MAX} `messages` in 1 to "
            f"{schedule.CAP_DAYS_MAX} `days`; 0 `messages` take it away",
            param=name,
        )
    return given


def _blasts(name: str, given: Sequence[BlastInput], rules: DestinationRules) -> tuple[Blast, ...]:
    if len(given) > schedule.BLASTS_MAX:
        raise InvalidInput(f"`{name}` has at most {schedule.BLASTS_MAX} texts", param=name)
    whole = _WHOLE if len(given) == 1 else None
    return tuple(_blast(f"{name}[{at}]", each, whole, rules) for at, each in enumerate(given))


def _blast(place: str, given: BlastInput, whole: int | None, rules: DestinationRules) -> Blast:
    percent = whole if given.percent_audience is None else given.percent_audience
    if percent is None or not 0 <= percent <= _WHOLE or percent != int(percent):
        raise InvalidInput(
            "`percent_audience` of each blast must be a whole number from 0 to 100",
            code="invalid_blast_percent",
            param=f"{place}.percent_audience",
        )
    url = (given.mms_image_url or "").strip()
    if url:
        url = destination_of(url, ANYWHERE, "`mms_image_url`", f"{place}.mms_image_url")
    variant = (given.variant_name or "").strip()
    return Blast(
        message=_within(
            f"{place}.message", given.message or "", MESSAGE_LENGTH_MAX, "message_too_long"
        ),
        percent_audience=int(percent),
        offer_links=_links(place, given.offer_links, rules),
        variant_name=_within(f"{place}.variant_name", variant, schedule.VARIANT_NAME_LENGTH_MAX)
        or None,
        mms_image_url=url or None,
    )


def _links(
    place: str, given: Sequence[LinkInput], rules: DestinationRules
) -> tuple[OfferLink, ...]:
    if not given:
        return ()
    try:
        links = links_of(given, rules)
    except InvalidInput as error:
        error.param = f"{place}.{error.param}"
        raise
    for at, link in enumerate(links):
        if not is_object_id(link.offer_ref):
            raise InvalidInput(
                f"{link.key} leads to no offer of yours",
                code="offer_not_found",
                param=f"{place}.offer_links[{at}].offer_id",
            )
    return tuple(links)


# How each field is read that is more than a truth value, in the order of the public API's codes.
_READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "name": _text(schedule.NAME_LENGTH_MAX),
    "send_type": _word(SendType),
    "send_time": _clock,
    "audiences": _audiences,
    "send_date": _date,
    "start_date": _date,
    "end_date": _date,
    "source_lists": _lists,
    "skip_within_hours": _number(schedule.SKIP_WITHIN_HOURS_MAX),
    "automated_percent": _number(_WHOLE),
    "ir_revenue": _amount,
    "blasts": partial(_blasts, rules=ANYWHERE),
    "frequency_cap": _cap,
    "late_zones": _word(LateZones),
    "late_minutes": _number(schedule.LATE_MINUTES_MAX),
    "overlap": _word(OverlapRule),
    "outside_hours": _word(OutsideHours),
    "send_until": _clock,
    "holdout_percent": _number(schedule.HOLDOUT_PERCENT_MAX),
}
_AS_GIVEN: Final = ("is_repeating", "use_local_time", "filter_bots", "is_mms", "is_cto")

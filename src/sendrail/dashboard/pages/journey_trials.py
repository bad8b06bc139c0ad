"""A journey tried out on a clock that does not wait: the way of one contact, known or made up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from sendrail.contacts.journey_documents import JourneyDetails
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_conditions import number_of, read_value, written
from sendrail.dashboard.journey_drafts import drafted
from sendrail.dashboard.journey_view import LOOKS, draft_steps, drawing
from sendrail.dashboard.named_choices import names_of
from sendrail.dashboard.pages.messages import digits_in
from sendrail.dashboard.routes import PageRoute
from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput
from sendrail.domain.journeys.document import MINUTE_MS
from sendrail.domain.journeys.faults import FaultyDocument
from sendrail.domain.journeys.position import EnrolmentKey
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.reading_steps import UNITS
from sendrail.domain.journeys.script import read_script
from sendrail.domain.journeys.simulate import PathStep, SimulationInput, SimulationResult
from sendrail.domain.order import Fault
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import read_instant, shown_finely
from sendrail.domain.user import Permission

_EVENTS: Final = 4
_VERSION_DIGITS_MAX: Final = 3
HAPPENINGS: Final[Mapping[str, str]] = {
    "": "Nothing",
    "click": "Clicks a link",
    "reply": "Replies",
    "conversion": "Buys",
    "custom": "Has an event",
    "field": "A field changes",
    "message": "The carrier reports",
}
_DID: Final[Mapping[str, tuple[str, str]]] = {
    "sent": ("ok", "Sent"),
    "waits": ("idle half", "Rests"),
    "done": ("ok", "Goes on"),
    "yes": ("ok", "Yes"),
    "no": ("idle", "No"),
    "timeout": ("idle", "The time is over"),
    "held_quiet": ("warn", "Held back: quiet hours"),
    "held_pace": ("warn", "Held back: the pace of the list"),
}
_ENDS: Final[Mapping[str, str]] = {
    "completed": "It comes to the end.",
    "exited": "A step ends it.",
    "expired": "Its longest time is over.",
    "goal": "The goal is reached.",
    "exit_when": "The exit condition holds.",
    "unsubscribed": "It leaves the list.",
    "blocked": "It is blocked.",
    "too_many_steps": "It has taken too many steps.",
    "unusable": "A step cannot be done.",
}


class TrialStep(NamedTuple):
    """A station of the way: how it is shown, when it is, and how long after the entry."""

    look: str
    title: str
    did: str
    at: int
    clock: str
    after: str
    until: str
    text: str | None
    step: str


async def trial(ask: PageRequest) -> Response:
    """Show the way of a contact through a journey; nothing is sent or kept."""
    found = await ask.runtime.journey_documents.show(ask.account, ask.number("journey_id"))
    version, document = await _document(ask, found)
    given, faults = await _read(ask, found)
    result, problems = await _run(ask, found, given, version) if document else (None, ())
    reading = read_document(document)
    known = await names_of(ask, reading.references)
    steps = drafted(document, problems, known)
    trigger = reading.version.trigger if reading.version else None
    return ask.page(
        "journey_trial.html",
        journey=found.journey,
        looks=LOOKS,
        version=version,
        problems=problems,
        has_steps=bool(steps),
        own={(each.param or ""): _sentence(each) for each in faults},
        result=result,
        went={each.step for each in result.path} if result else (),
        q=_Asked(ask.query),
        happenings=HAPPENINGS,
        units=list(UNITS),
        rows=range(_EVENTS),
        starts_at=ask.query.get("starts_at") or f"{ask.times.at(ask.times.now):%Y-%m-%dT%H:%M}",
        **_told(ask, given, result, {each.id: each.text.title for each in steps}),
        **drawing(draft_steps(steps, trigger, known) if steps else []),
    )


async def _read(
    ask: PageRequest, found: JourneyDetails
) -> tuple[SimulationInput | None, Sequence[Fault]]:
    try:
        return await _given(ask, found), ()
    except FaultyDocument as fault:
        return None, fault.faults
    except InvalidInput as fault:
        return None, [Fault(fault.code or "", fault.message, fault.param)]


async def _run(
    ask: PageRequest,
    found: JourneyDetails,
    given: SimulationInput | None,
    version: int | None,
) -> tuple[SimulationResult | None, Sequence[Fault]]:
    if given is None:
        return None, ()
    simulate = ask.runtime.journey_documents.simulate
    try:
        return await simulate(ask.account, found.journey.id, given, {}, version=version), ()
    except FaultyDocument as fault:
        return None, fault.faults


def _told(
    ask: PageRequest,
    given: SimulationInput | None,
    result: SimulationResult | None,
    titles: Mapping[str, str],
) -> dict[str, Any]:
    """Return the way in words, and its times in the reader's zone."""
    if given is None or result is None:
        return {"stations": [], "fields": {}, "total": ""}
    start = given.starts_at
    return {
        "stations": [_shown(ask, each, start, titles) for each in result.path],
        "fields": {name: written(value) for name, value in result.fields.items()},
        "total": _span(result.ended_at - start),
        "start": start,
        "start_clock": _clock(ask, start),
        "end_clock": _clock(ask, result.ended_at),
        "end_words": _ENDS.get(result.ended, "It is over."),
    }


class _Asked(dict[str, str]):
    """The fields of the form as they were asked for; empty where they were not."""

    def __init__(self, query: Mapping[str, str]) -> None:
        super().__init__(query)

    def __missing__(self, name: str) -> str:
        return ""


def _sentence(fault: Fault) -> str:
    return fault.text.partition("` ")[2] or fault.text


async def _document(ask: PageRequest, found: JourneyDetails) -> tuple[int | None, dict[str, Any]]:
    """Return the version that is tried, None for the draft, and its document."""
    wanted = ask.query.get("version", "")
    number = number_of(wanted) if len(wanted) <= _VERSION_DIGITS_MAX else ""
    if isinstance(number, int):
        version = await ask.runtime.journey_documents.version(ask.account, found.journey.id, number)
        return number, json.loads(version.document)
    text = found.journey.draft or (found.active.document if found.active else "{}")
    return None, json.loads(text)


async def _given(ask: PageRequest, found: JourneyDetails) -> SimulationInput:
    """Return what the form says. Raises `FaultyDocument` with every fault in it."""
    query, searched = ask.query, ask.query.get("q", "").strip()
    recipient = phone.parse(digits_in(searched)) if searched else None
    if searched:
        contact = await _known(ask, found, recipient)
    else:
        contact = {
            "first_name": query.get("first_name") or None,
            "timezone": query.get("timezone", "").strip() or None,
            "custom_fields": _fields(query.get("fields", "")),
        }
    script = {
        "contact": contact,
        "starts_at": _moment(ask),
        "events": [
            event for at in range(_EVENTS) if (event := _event(query, f"e{at}")) is not None
        ],
    }
    given = read_script(script, ask.times.now)
    return replace(given, key=EnrolmentKey(0, recipient or 0))


async def _known(
    ask: PageRequest, found: JourneyDetails, recipient: PhoneNumber | None
) -> dict[str, Any]:
    """Return a contact of the journey's list as a script has it."""
    if recipient is None:
        raise InvalidInput("Write it with its country code, such as +1 555 010 1184.", param="q")
    page = await ask.runtime.contacts.page(ask.account, recipient=recipient)
    known = next(
        (each for each in page.contacts if each.contact.list_id == found.journey.list_id), None
    )
    if known is None:
        raise InvalidInput("No contact of the journey’s list has this number.", param="q")  # noqa: RUF001
    contact = known.contact
    return {
        "first_name": contact.first_name or None,
        "last_name": contact.last_name or None,
        "timezone": known.phone.timezone,
        "custom_fields": dict(contact.custom_fields),
        "active": contact.active,
    }


def _fields(text: str) -> dict[str, Any]:
    """Return custom fields of lines such as `plan = gold`."""
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    return {name.strip(): read_value(value) for name, _, value in pairs if name.strip()}


def _moment(ask: PageRequest) -> str | None:
    text = ask.query.get("starts_at", "")
    if not text:
        return None
    at = read_instant(text, ask.times.zone)
    return text if at is None else shown_finely(at)


def _event(query: Mapping[str, str], name: str) -> dict[str, Any] | None:
    what = query.get(f"{name}.what", "")
    if what not in HAPPENINGS or not what:
        return None
    detail = query.get(f"{name}.detail", "").strip()
    after = {
        "value": number_of(query.get(f"{name}.value", "").strip() or "0"),
        "unit": query.get(f"{name}.unit", "hours"),
    }
    event: dict[str, Any] = {"after": after, "event": what}
    if what == "field":
        field, _, value = detail.partition("=")
        event |= {"field": field.strip(), "value": read_value(value) if value.strip() else None}
    elif what == "message":
        event["status"] = detail
    elif detail:
        event["detail"] = detail
    return event


def _shown(ask: PageRequest, each: PathStep, start: int, titles: Mapping[str, str]) -> TrialStep:
    look, did = _DID.get(each.did, ("idle", each.did.replace("_", " ")))
    how, _, code = each.did.partition(":")
    if how == "branch":
        look, did = "ok", f"Takes way {code}"
    elif code:
        look, did = "warn", f"{how.capitalize()}: {code.replace('_', ' ')}"
    return TrialStep(
        look=look,
        title=titles.get(each.step, each.step),
        did=did,
        at=each.at,
        clock=_clock(ask, each.at),
        after=_span(each.at - start),
        until="" if each.until is None else _clock(ask, each.until),
        text=each.text,
        step=each.step,
    )


def _clock(ask: PageRequest, milliseconds: int) -> str:
    """Return a time to the minute, in the reader's zone: `Mon 30 Nov, 12:30`."""
    at = ask.times.at(milliseconds)
    return f"{at:%a} {at.day} {at:%b, %H:%M}"


def _span(milliseconds: int) -> str:
    """Return a length of time in two units at most: `2 d 13 h`; empty for less than a minute."""
    minutes = milliseconds // MINUTE_MS
    parts = zip(
        (minutes // 1_440, minutes // 60 % 24, minutes % 60), ("d", "h", "min"), strict=True
    )
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2])


ROUTES: Final = (
    PageRoute(
        route="GET /journeys/{journey_id}/simulate",
        answer=trial,
        permission=Permission.SEE_PEOPLE,
    ),
)

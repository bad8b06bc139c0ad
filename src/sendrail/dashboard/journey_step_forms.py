"""Steps of journeys as forms: a kind has its fields, and a form gives the step back.

The fields are named as faults name their places in a step, so that a fault stands beside its field.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sendrail.dashboard.journey_conditions import number_of, question_of, read_value
from sendrail.dashboard.journey_drafts import GivenStep
from sendrail.domain.journeys.document import BRANCHES_MAX, StepKind
from sendrail.domain.journeys.reading_steps import WEEKDAYS
from sendrail.domain.placeholders import LINK_KEYS

Form = Mapping[str, str]
# Where a way leads, as its choice says it: to the following step, to the end, to a step.
FOLLOWING: Final = "following"
THE_END: Final = "end"
_STEP: Final = "to:"


class Parts(dict[str, Any]):
    """Parts of a document as a template asks for them: None is what is not there."""

    def __missing__(self, name: str) -> None:
        return None


def step_of(form: Form, old: GivenStep) -> GivenStep:
    """Return the step that a form says; what it does not show stays as it was.

    Raises `InvalidInput` for JSON that is none.
    """
    kind = old.get("kind")
    found: GivenStep = {"id": form.get("id", "").strip(), "kind": kind}
    if kind in _READERS:
        _READERS[StepKind(str(kind))](form, old, found)
    return found


def way_of(step: Mapping[str, Any], name: str) -> str:
    """Return where a way of a step leads, as its choice says it."""
    if name not in step:
        return FOLLOWING
    return THE_END if step[name] is None else f"{_STEP}{step[name]}"


def _lead(form: Form, field: str, holder: dict[str, Any], name: str) -> None:
    way = form.get(field, FOLLOWING)
    if way == THE_END:
        holder[name] = None
    elif way.startswith(_STEP):
        holder[name] = way.removeprefix(_STEP)


def _send(form: Form, old: GivenStep, found: GivenStep) -> None:
    if form.get("from") == "creative":
        found["creative_id"] = number_of(form.get("creative_id", "").strip())
    else:
        found["body"] = form.get("body", "")
    were = old.get("offer_links")
    before = {
        str(each.get("key")): each
        for each in (were if isinstance(were, list) else ())
        if isinstance(each, Mapping)
    }
    links = [
        {**before.get(key, {}), "key": key, "offer_id": offer}
        for key in LINK_KEYS
        if (offer := form.get(f"offer_links.{key}", "").strip())
    ]
    if links and "body" in found:
        found["offer_links"] = links
    if form.get("on_missing") == "exit":
        found["on_missing"] = "exit"
    if "ignore_quiet_hours" in form:
        found["ignore_quiet_hours"] = True
    _lead(form, "next", found, "next")


def _wait(form: Form, _old: GivenStep, found: GivenStep) -> None:
    found |= {"value": number_of(form.get("value", "").strip()), "unit": form.get("unit", "")}
    _lead(form, "next", found, "next")


def _wait_until(form: Form, _old: GivenStep, found: GivenStep) -> None:
    found["time"] = form.get("time", "").strip()
    days = [each for each in WEEKDAYS if f"days.{each}" in form]
    if len(days) < len(WEEKDAYS):
        found["days"] = days
    if zone := form.get("timezone", "").strip():
        found["timezone"] = zone
    _lead(form, "next", found, "next")


def _fork(form: Form, _old: GivenStep, found: GivenStep) -> None:
    found["if"] = question_of(form, "if")
    _lead(form, "yes", found, "yes")
    _lead(form, "no", found, "no")


def _wait_event(form: Form, old: GivenStep, found: GivenStep) -> None:
    value = number_of(form.get("timeout.value", "").strip())
    found["timeout"] = {"value": value, "unit": form.get("timeout.unit", "")}
    _fork(form, old, found)


def _split(form: Form, _old: GivenStep, found: GivenStep) -> None:
    branches = []
    for at in range(BRANCHES_MAX):
        percent = form.get(f"branches[{at}].percent", "").strip()
        if percent:
            branch: dict[str, Any] = {"percent": read_value(percent.removesuffix("%"))}
            _lead(form, f"branches[{at}].next", branch, "next")
            branches.append(branch)
    found["branches"] = branches
    if "sticky" in form:
        found["sticky"] = True


def _set_field(form: Form, _old: GivenStep, found: GivenStep) -> None:
    found["field"] = form.get("field", "").strip()
    found["value"] = None if "clear" in form else read_value(form.get("value", ""))
    _lead(form, "next", found, "next")


def _webhook(form: Form, _old: GivenStep, found: GivenStep) -> None:
    found["endpoint_id"] = number_of(form.get("endpoint_id", "").strip())
    _lead(form, "next", found, "next")


def _enter_journey(form: Form, _old: GivenStep, found: GivenStep) -> None:
    found["journey_id"] = number_of(form.get("journey_id", "").strip())
    _lead(form, "next", found, "next")


def _ending(form: Form, _old: GivenStep, found: GivenStep) -> None:
    if reason := form.get("reason", "").strip():
        found["reason"] = reason


_READERS: Final[Mapping[StepKind, Callable[[Form, GivenStep, GivenStep], None]]] = {
    StepKind.SEND: _send,
    StepKind.WAIT: _wait,
    StepKind.WAIT_UNTIL: _wait_until,
    StepKind.WAIT_EVENT: _wait_event,
    StepKind.CONDITION: _fork,
    StepKind.SPLIT: _split,
    StepKind.SET_FIELD: _set_field,
    StepKind.WEBHOOK: _webhook,
    StepKind.ENTER_JOURNEY: _enter_journey,
    StepKind.UNSUBSCRIBE: _ending,
    StepKind.EXIT: _ending,
}


# What a journey says beside its steps: who enters, who leaves, and when it is quiet.


def rules_of(form: Form) -> dict[str, Any]:
    """Return the parts of a document that the form of its rules says.

    Raises `InvalidInput` for JSON that is none.
    """
    return {
        "name": form.get("name", "").strip(),
        "trigger": _trigger(form),
        "reentry": _reentry(form),
        "goal": question_of(form, "goal"),
        "exit_when": question_of(form, "exit_when"),
        "quiet_hours": _quiet_hours(form),
        "timezone": form.get("timezone", "").strip() or None,
        "max_days": number_of(form.get("max_days", "").strip() or "30"),
        "skip_within_hours": number_of(form.get("skip_within_hours", "").strip() or "0"),
        "priority": read_value(form.get("priority", "").strip() or "0"),
        "exclusive": "exclusive" in form,
        "holds_other_sends": "holds_other_sends" in form,
    }


def _trigger(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {"on": [each for each in OCCASIONS if f"trigger.on.{each}" in form]}
    for name in ("keyword", "offer_id", "event", "audience_id"):
        if text := form.get(f"trigger.{name}", "").strip():
            found[name] = text
    when = question_of(form, "trigger.when")
    if when is not None:
        found["when"] = when
    return found


def _reentry(form: Form) -> dict[str, Any]:
    mode = form.get("reentry.mode", "once")
    if mode == "after":
        value = number_of(form.get("reentry.value", "").strip())
        unit, start = form.get("reentry.unit", ""), form.get("reentry.from", "entry")
        return {"mode": mode, "value": value, "unit": unit, "from": start}
    if mode == "always":
        return {"mode": mode, "max": number_of(form.get("reentry.max", "").strip() or "1000")}
    return {"mode": mode}


def _quiet_hours(form: Form) -> dict[str, str] | None:
    start, end = form.get("quiet_hours.from", "").strip(), form.get("quiet_hours.to", "").strip()
    return {"from": start, "to": end} if start or end else None


OCCASIONS: Final[Mapping[str, str]] = {
    "signup": "Joins the list",
    "field": "A field changes so that the condition holds",
    "reply": "Replies",
    "click": "Clicks a link",
    "conversion": "Buys",
    "event": "Has an event",
    "audience": "Comes into an audience",
    "journey": "Is sent on by another journey",
    "api": "Is put on it by a call",
}

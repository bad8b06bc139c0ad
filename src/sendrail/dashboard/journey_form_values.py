"""What the forms of a journey show beside its document: choices of the account, and faults."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_conditions import (
    OF_TRIGGERS,
    ConditionFields,
    ConditionRows,
    condition_fields,
    rows_of,
    written,
)
from sendrail.dashboard.journey_drafts import DraftStep, GivenStep, is_of, param_in
from sendrail.dashboard.journey_step_forms import OCCASIONS, Parts
from sendrail.dashboard.named_choices import (
    audiences_shown,
    creatives_shown,
    endpoints_shown,
    journeys_shown,
    lists_shown,
    offers_shown,
)
from sendrail.domain.journeys.document import BRANCHES_MAX, StepKind
from sendrail.domain.journeys.reading_steps import WEEKDAYS
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import LINK_KEYS

_SPARE_BRANCHES: Final = 2
_NO_ID: Final = "invalid_value"
_CHOSEN: Final = {
    "audience_id": "an audience", "creative_id": "a creative", "endpoint_id": "an endpoint",
    "journey_id": "a journey", "list_id": "a list",
}  # fmt: skip


class SaidFault(NamedTuple):
    """A fault as the note above the forms says it, with the step that it is of."""

    step: DraftStep | None
    is_rule: bool
    text: str


def said_fault(fault: Fault, steps: Sequence[DraftStep]) -> SaidFault:
    """Return a fault in words, without the part of its path that names the step."""
    param, text = fault.param or "", _in_words(fault).replace("`", "")
    step = next((each for each in steps if is_of(param, each.at)), None)
    if step is not None:
        text = text.removeprefix(f"steps[{step.at}]").removeprefix(".").strip()
    return SaidFault(step, step is None and not param.startswith("steps"), text)


def _in_words(fault: Fault) -> str:
    """Return what a fault says; a form has names to choose from where a document has ids."""
    thing = _CHOSEN.get((fault.param or "").rpartition(".")[2])
    if thing is None or fault.code != _NO_ID:
        return fault.text
    return f"`{fault.param}` is missing: choose {thing}"


def by_field(faults: Sequence[Fault], step: DraftStep | None) -> dict[str, str]:
    """Return faults by their places: in a step, or in the document."""
    found: dict[str, str] = {}
    for each in faults:
        place = (each.param or "") if step is None else _field_of(each.param, step)
        words = _in_words(each)
        text = words.partition("` ")[2] or words
        found[place] = f"{found[place]}; {text}" if place in found else text
    return found


def _field_of(param: str | None, step: DraftStep) -> str:
    """Return the field of a step's form beside which a fault stands."""
    place = param_in(param, step.at)
    links = step.given.get("offer_links")
    if place.startswith("offer_links[") and isinstance(links, list):
        at = int(place.removeprefix("offer_links[").partition("]")[0])
        if at < len(links) and isinstance(links[at], dict) and links[at].get("key") in LINK_KEYS:
            return f"offer_links.{links[at]['key']}"
    return place


async def step_values(
    ask: PageRequest, step: DraftStep, steps: Sequence[DraftStep]
) -> dict[str, Any]:
    """Return what the form of a step shows beside the step itself."""
    given = step.given
    values = {
        "g": Parts(given),
        "timeout": Parts(given["timeout"] if isinstance(given.get("timeout"), dict) else {}),
        "leading": [each.id for each in steps if any(way.to == step.id for way in each.ways)],
        "written": written(given["value"]) if given.get("value") is not None else "",
        "days": given.get("days") if isinstance(given.get("days"), list) else list(WEEKDAYS),
        "weekdays": WEEKDAYS,
        "question": rows_of(given.get("if"), "if"),
    }
    more = _MORE.get(step.kind)
    return values if more is None else values | await more(ask, given)


async def _of_send(ask: PageRequest, given: GivenStep) -> dict[str, Any]:
    links = {str(each.get("key")): each.get("offer_id") for each in _objects(given, "offer_links")}
    return {
        "link_keys": LINK_KEYS,
        "links": links,
        "offers": await offers_shown(ask, _texts(*links.values())),
        "creatives": await creatives_shown(ask, _texts(given.get("creative_id"))),
    }


async def _of_question(ask: PageRequest, given: GivenStep) -> dict[str, Any]:
    return {"asks": await _asking(ask, [rows_of(given.get("if"), "if")])}


async def _of_split(_ask: PageRequest, given: GivenStep) -> dict[str, Any]:
    branches = _objects(given, "branches")[:BRANCHES_MAX]
    spare = min(_SPARE_BRANCHES, BRANCHES_MAX - len(branches))
    return {"branches": [Parts(each) for each in [*branches, *[{}] * spare]]}


async def _of_webhook(ask: PageRequest, _given: GivenStep) -> dict[str, Any]:
    return {"endpoints": await endpoints_shown(ask)}


async def _of_enter(ask: PageRequest, given: GivenStep) -> dict[str, Any]:
    return {"others": await journeys_shown(ask, _texts(given.get("journey_id")))}


_MORE: Final[Mapping[str, Callable[[PageRequest, GivenStep], Awaitable[dict[str, Any]]]]] = {
    StepKind.SEND: _of_send,
    StepKind.CONDITION: _of_question,
    StepKind.WAIT_EVENT: _of_question,
    StepKind.SPLIT: _of_split,
    StepKind.WEBHOOK: _of_webhook,
    StepKind.ENTER_JOURNEY: _of_enter,
}


def _objects(given: GivenStep, name: str) -> list[dict[str, Any]]:
    value = given.get(name)
    return [each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict)]


async def rule_values(ask: PageRequest, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form of a journey's rules shows."""
    given = document.get("trigger")
    words = {"list": ["signup"], "none": ["api"]}
    trigger = given if isinstance(given, dict) else {"on": words.get(str(given), [])}
    reentry = document.get("reentry")
    quiet = document.get("quiet_hours")
    entry = rows_of(trigger.get("when"), "trigger.when")
    goal = rows_of(document.get("goal"), "goal")
    exit_when = rows_of(document.get("exit_when"), "exit_when")
    asks = await _asking(
        ask, [entry, goal, exit_when], trigger.get("offer_id"), trigger.get("audience_id")
    )
    options = {each.name: each.options for each in asks.details}
    return {
        "asks": asks,
        "asks_entry": condition_fields(
            options["list_id"] or (), options["audience_id"] or (), kinds=OF_TRIGGERS
        ),
        "offers": options["offer_id"],
        "audiences": options["audience_id"],
        "document": Parts(document),
        "trigger": Parts(trigger),
        "occasions": OCCASIONS,
        "on": trigger["on"] if isinstance(trigger.get("on"), list) else [],
        "reentry": Parts(reentry if isinstance(reentry, dict) else {"mode": "once"}),
        "quiet": Parts(quiet if isinstance(quiet, dict) else {}),
        "entry": entry,
        "goal": goal,
        "exit_when": exit_when,
    }


async def _asking(
    ask: PageRequest, questions: Sequence[ConditionRows], offer: object = "", audience: object = ""
) -> ConditionFields:
    """Return what the rows of questions offer; an offer and an audience are chosen beside them."""

    def chosen(name: str) -> list[str]:
        return [each for rows in questions for each in rows.chosen(name)]

    return condition_fields(
        await lists_shown(ask),
        await audiences_shown(ask, [*chosen("audience_id"), *_texts(audience)]),
        await offers_shown(ask, [*chosen("offer_id"), *_texts(offer)]),
    )


def _texts(*given: object) -> list[str]:
    """Return ids of a document as a form has them; what is no id is left out."""
    return [
        str(each) for each in given if isinstance(each, str | int) and not isinstance(each, bool)
    ]

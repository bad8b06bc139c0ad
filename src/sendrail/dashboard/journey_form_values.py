"""What the forms of a journey show beside its document: choices of the account, and faults."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.journey_conditions import rows_of, written
from sendrail.dashboard.journey_drafts import DraftStep, GivenStep, is_of, param_in
from sendrail.dashboard.journey_step_forms import OCCASIONS, Parts
from sendrail.domain.journeys.document import BRANCHES_MAX, StepKind
from sendrail.domain.journeys.reading_steps import WEEKDAYS
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import LINK_KEYS

# So many of a kind stand in a choice; what is beyond is named in the document.
_CHOICES: Final = 100
_SPARE_BRANCHES: Final = 2


class SaidFault(NamedTuple):
    """A fault as the note above the forms says it, with the step that it is of."""

    step: DraftStep | None
    is_rule: bool
    text: str


def said_fault(fault: Fault, steps: Sequence[DraftStep]) -> SaidFault:
    """Return a fault in words, without the part of its path that names the step."""
    param, text = fault.param or "", fault.text.replace("`", "")
    step = next((each for each in steps if is_of(param, each.at)), None)
    if step is not None:
        text = text.removeprefix(f"steps[{step.at}]").removeprefix(".").strip()
    return SaidFault(step, step is None and not param.startswith("steps"), text)


def by_field(faults: Sequence[Fault], step: DraftStep | None) -> dict[str, str]:
    """Return faults by their places: in a step, or in the document."""
    found: dict[str, str] = {}
    for each in faults:
        place = (each.param or "") if step is None else _field_of(each.param, step)
        text = each.text.partition("` ")[2] or each.text
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
    creatives = await ask.runtime.creatives.page(ask.account, per_page=_CHOICES)
    links = {str(each.get("key")): each.get("offer_id") for each in _objects(given, "offer_links")}
    return {
        "link_keys": LINK_KEYS,
        "links": links,
        "offers": await _offers(ask),
        "creatives": [(each.creative.id, each.creative.name) for each in creatives.creatives],
    }


async def _of_split(_ask: PageRequest, given: GivenStep) -> dict[str, Any]:
    branches = _objects(given, "branches")[:BRANCHES_MAX]
    spare = min(_SPARE_BRANCHES, BRANCHES_MAX - len(branches))
    return {"branches": [Parts(each) for each in [*branches, *[{}] * spare]]}


async def _of_webhook(ask: PageRequest, _given: GivenStep) -> dict[str, Any]:
    found = await ask.runtime.webhooks.all(ask.account)
    return {"endpoints": [(each.id, each.name or each.url) for each, _ in found]}


async def _of_enter(ask: PageRequest, _given: GivenStep) -> dict[str, Any]:
    page = await ask.runtime.journeys.page(ask.account, per_page=_CHOICES)
    return {"others": [(each.id, each.name) for each, _ in page.journeys]}


_MORE: Final[Mapping[str, Callable[[PageRequest, GivenStep], Awaitable[dict[str, Any]]]]] = {
    StepKind.SEND: _of_send,
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
    audiences = await ask.runtime.audiences.page(ask.account, per_page=_CHOICES)
    return {
        "offers": _choices("Any offer", await _offers(ask), trigger.get("offer_id")),
        "audiences": _choices(
            "None",
            [(each.ref, each.name) for each in audiences.audiences],
            trigger.get("audience_id"),
        ),
        "document": Parts(document),
        "trigger": Parts(trigger),
        "occasions": OCCASIONS,
        "on": trigger["on"] if isinstance(trigger.get("on"), list) else [],
        "reentry": Parts(reentry if isinstance(reentry, dict) else {"mode": "once"}),
        "quiet": Parts(quiet if isinstance(quiet, dict) else {}),
        "entry": rows_of(trigger.get("when"), "trigger.when"),
        "goal": rows_of(document.get("goal"), "goal"),
        "exit_when": rows_of(document.get("exit_when"), "exit_when"),
    }


async def _offers(ask: PageRequest) -> list[tuple[str, str]]:
    """Return the account's offers, each with its id and its name."""
    page = await ask.runtime.tracking.offers.page(ask.account, per_page=_CHOICES)
    return [(each.ref, each.name) for each in page.offers]


def _choices(none: str, known: list[tuple[str, str]], chosen: object) -> list[tuple[str, str]]:
    """Return what can be chosen by name; what is chosen and not among it goes by its id."""
    found = [("", none), *known]
    text = chosen if isinstance(chosen, str) else ""
    return found if text in {each for each, _ in found} else [*found, (text, text)]

"""The steps of a journey in words: what each does, and where it leads."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sendrail.domain.journeys.conditions import (
    AudienceCondition,
    ComparisonOperator,
    ConditionGroup,
    EventCondition,
    EventSince,
    FieldCondition,
    ListCondition,
    MessageCondition,
    Question,
)
from sendrail.domain.journeys.document import (
    PARTS,
    ConditionStep,
    EnterJourneyStep,
    ExitStep,
    Occasion,
    SendStep,
    SetFieldStep,
    SplitStep,
    Step,
    Trigger,
    UnsubscribeStep,
    WaitEventStep,
    WaitStep,
    WaitUntilStep,
    WebhookStep,
)
from sendrail.domain.journeys.facts import EventKind
from sendrail.domain.journeys.texts import EVENT_PREFIX

# The step that stands for the end of a journey: no step of a document has this id.
END: Final = ""
_PERCENT: Final = PARTS // 100
_HOURS: Final = 60
_UNITS: Final = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000))
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK: Final = frozenset(range(7))
_SINCE: Final = {
    EventSince.ENROLLMENT: "since they entered",
    EventSince.STEP: "since this step",
    EventSince.LAST_SEND: "since the last message",
}
_EVENTS: Final = {
    EventKind.CLICK: "clicked a link",
    EventKind.REPLY: "replied",
    EventKind.CONVERSION: "bought",
    EventKind.CUSTOM: "had an event",
}
_OPERATORS: Final = {
    ComparisonOperator.EQ: "is",
    ComparisonOperator.NE: "is not",
    ComparisonOperator.IN: "is one of",
    ComparisonOperator.NOT_IN: "is none of",
    ComparisonOperator.CONTAINS: "contains",
}
_OCCASIONS: Final = {
    Occasion.SIGNUP: "Joins the list",
    Occasion.FIELD: "A field changes",
    Occasion.REPLY: "Replies",
    Occasion.CLICK: "Clicks a link",
    Occasion.CONVERSION: "Buys",
    Occasion.EVENT: "An event",
    Occasion.API: "Put on by the API",
    Occasion.AUDIENCE: "Enters an audience",
    Occasion.JOURNEY: "Sent on by a journey",
}


# The names of what a document names of the account, by kind and id, such as ("list", "7"). What is
# not in it goes by its id.
StepNames = Mapping[tuple[str, str], str]
NO_NAMES: Final[StepNames] = {}


class StepText(NamedTuple):
    """A step in words: its icon, what it does, and what more there is to say of it."""

    icon: str
    title: str
    fact: str = ""


class StepBranch(NamedTuple):
    """A way from a step to another, or to the end; `counted` is what is counted of who takes it."""

    to: str
    label: str = ""
    counted: str = ""


def trigger_text(trigger: Trigger, known: StepNames = NO_NAMES) -> StepText:
    """Return what puts contacts on a journey."""
    names = [_OCCASIONS[each] for each in Occasion if each in trigger.on]
    first = names[0] if names else "Put on by hand"
    rest = [each[0].lower() + each[1:] for each in names[1:]]
    title = " or ".join([first, *rest]) if rest else _with_detail(first, trigger, known)
    return StepText("contacts", title, said(trigger.when, known) if trigger.when else "")


def _with_detail(occasion: str, trigger: Trigger, known: StepNames) -> str:
    """Return the only occasion with what it is about."""
    if Occasion.AUDIENCE in trigger.on and ("audience", trigger.audience) in known:
        return f"Enters {known['audience', trigger.audience]}"
    detail = trigger.event or trigger.keyword.upper()
    if offer := known.get(("offer", trigger.offer_id)):
        detail = f"to {offer}" if Occasion.CLICK in trigger.on else offer
    return f"{occasion} {detail}".strip()


def step_text(step: Step, known: StepNames = NO_NAMES) -> StepText:  # noqa: PLR0911 - a line for each kind
    """Return what a step does."""
    match step:
        case SendStep():
            return _sending(step, known)
        case WaitStep():
            return StepText("clock", f"Wait {duration(step.milliseconds)}", "then go on")
        case WaitUntilStep():
            hour, minute = divmod(step.minute, _HOURS)
            fact = _days(step.days) + (f", {step.timezone}" if step.timezone else "")
            return StepText("clock", f"Wait until {hour:02d}:{minute:02d}", fact)
        case WaitEventStep():
            title = f"Wait: {said(step.question, known)}"
            return StepText("inbox", title, f"at most {duration(step.timeout_ms)}")
        case ConditionStep():
            text = said(step.question, known)
            return StepText("split", f"{text[0].upper()}{text[1:]}?", _since(step.question))
        case SplitStep():
            fact = "the same way each time" if step.sticky else "by chance"
            return StepText("split", f"Split in {len(step.branches)}", fact)
    return _doing(step, known)


def _sending(step: SendStep, known: StepNames) -> StepText:
    title = f"Send {step.id}"
    if step.creative_id is not None:
        return StepText("messages", title, _name(known, "creative", step.creative_id))
    return StepText("messages", title, "a text of its own")


def _doing(step: Step, known: StepNames) -> StepText:
    match step:
        case SetFieldStep(value=None):
            return StepText("creatives", f"Clear {step.field}", "a custom field")
        case SetFieldStep():
            return StepText("creatives", f"Set {step.field} to {_value(step.value)}", "")
        case WebhookStep():
            title = f"Tell {_name(known, 'endpoint', step.endpoint_id)}"
            return StepText("webhooks", title, "nothing waits for it")
        case EnterJourneyStep():
            title = f"Enter {_name(known, 'journey', step.journey_id)}"
            return StepText("journeys", title, "and go on here")
        case UnsubscribeStep():
            return StepText("leave", "Take off the list", step.reason)
        case ExitStep():
            return StepText("flag", "End", step.reason)
    raise AssertionError(f"no words for {step!r}")


def _name(known: StepNames, kind: str, ref: int | str) -> str:
    """Return the name of an object of the account, or its kind and id where it has none."""
    return known.get((kind, str(ref)), "") or f"{kind} {ref}"


def branches_of(step: Step) -> list[StepBranch]:
    """Return the ways from a step, the end of the journey among them."""
    match step:
        case UnsubscribeStep() | ExitStep():
            return []
        case WaitEventStep():
            return [StepBranch(step.yes, "yes", "yes"), StepBranch(step.no, "no answer", "timeout")]
        case ConditionStep():
            return [StepBranch(step.yes, "yes", "yes"), StepBranch(step.no, "no", "no")]
        case SplitStep():
            return _split(step)
    return [StepBranch(step.next)]


def _split(step: SplitStep) -> list[StepBranch]:
    found, before = [], 0
    for at, each in enumerate(step.branches, 1):
        share = (each.below - before) / _PERCENT
        before = each.below
        found.append(StepBranch(each.next, f"{share:g} %", f"branch:{at}"))
    return found


def said(question: Question, known: StepNames = NO_NAMES) -> str:  # noqa: PLR0911 - a line for each kind
    """Return a question as a short statement: `clicked a link and plan is gold`."""
    match question:
        case ConditionGroup():
            parts = [said(each, known) for each in question.conditions]
            parts += [f"({said(each, known)})" for each in question.groups]
            return (" and " if question.needs_all else " or ").join(parts)
        case EventCondition(event=EventKind.REPLY) if question.detail:
            return f"replied {question.detail.upper()}"
        case EventCondition(event=EventKind.CUSTOM) if question.detail:
            return f"had {question.detail}"
        case EventCondition(event=EventKind.CLICK | EventKind.CONVERSION) if question.detail:
            to = " to" if question.event is EventKind.CLICK else ""
            return f"{_EVENTS[question.event]}{to} {_name(known, 'offer', question.detail)}"
        case EventCondition():
            return _EVENTS[question.event]
        case MessageCondition():
            return f"the last message is {question.status}"
        case ListCondition():
            list_id = question.list_id
            where = "the list" if list_id is None else _name(known, "list", list_id)
            return f"on {where}" if question.inside else f"not on {where}"
        case AudienceCondition():
            name = known.get(("audience", question.audience), "an audience")
            return f"{'in' if question.inside else 'not in'} {name}"
    return _field(question)


def _field(asked: FieldCondition) -> str:
    name = EVENT_PREFIX + asked.field if asked.of_event else asked.field
    if asked.comparison is ComparisonOperator.EXISTS:
        return f"{name} is set"
    values = " or ".join(map(_value, asked.values))
    return f"{name} {_OPERATORS[asked.comparison]} {values}"


def _since(question: Question) -> str:
    return _SINCE[question.since] if isinstance(question, EventCondition) else ""


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _days(days: frozenset[int]) -> str:
    if not days or days == _WEEK:
        return "every day"
    first, last = min(days), max(days)
    if len(days) > 2 and days == frozenset(range(first, last + 1)):  # noqa: PLR2004 - a stretch
        return f"{_DAYS[first]} to {_DAYS[last]}"
    return ", ".join(_DAYS[each] for each in sorted(days))


def duration(milliseconds: int) -> str:
    """Return a length of time in its largest whole unit: `1 day`, `36 hours`."""
    for name, length in _UNITS:
        if milliseconds >= length and milliseconds % length == 0:
            number = milliseconds // length
            return f"{number:,} {name}{'' if number == 1 else 's'}"
    return f"{milliseconds / 1000:,.0f} seconds"


# What is counted of a step beside its ways, in the order in which it is shown.
_DONE: Final[Mapping[str, str]] = {"sent": "sent", "skipped": "skipped", "refused": "refused"}


def done_text(did: Mapping[str, int]) -> str:
    """Return what became of those who came to a step that sends, empty where none came."""
    totals = dict.fromkeys(_DONE, 0)
    for what, count in did.items():
        name = what.partition(":")[0]
        if name in totals:
            totals[name] += count
    return ", ".join(f"{count:,} {_DONE[name]}" for name, count in totals.items() if count)

"""Conditions of journeys, and whether they hold for a contact at a turn.

Of a field that is absent, `eq`, `in`, `contains` and `exists` do not hold, and `ne` and `not_in`
do. A value never equals one of another type; a contact on no list or audience is outside of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sendrail.domain import folding
from sendrail.domain.contact import Scalar
from sendrail.domain.journeys.facts import WAKES, EventKind, Facts, MessageState, Wake


class ComparisonOperator(StrEnum):
    """The six operators of the public API's journeys."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    EXISTS = "exists"
    CONTAINS = "contains"


class EventSince(StrEnum):
    """After which moment an event counts; without a send, `last_send` is the enrolment's start.

    What happens at the very moment does not count: it is what brought the contact there.
    """

    ENROLLMENT = "enrollment"
    STEP = "step"
    LAST_SEND = "last_send"


class Horizon(NamedTuple):
    """The moments after which events count, in milliseconds."""

    enrollment: int
    step: int
    last_send: int

    def start(self, since: EventSince) -> int:
        """Return the moment for a word of `since`."""
        if since is EventSince.ENROLLMENT:
            return self.enrollment
        return self.step if since is EventSince.STEP else self.last_send


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCondition:
    """Whether the contact is active on a list; without an id, on that of the journey."""

    list_id: int | None = None
    inside: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCondition:
    """Whether the contact is in an audience, by its public id."""

    audience: str
    inside: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCondition:
    """A custom field, compared with values: one, or any number for `in`, or none for `exists`.

    With `of_event` it is a name of what events have said on this passage (`Facts.event_data`).
    """

    field: str
    comparison: ComparisonOperator
    values: tuple[Scalar, ...] = ()
    of_event: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCondition:
    """Whether an event happened; `detail` is the keyword, offer or name, "" for any.

    A keyword is folded as `folded` does.
    """

    event: EventKind
    detail: str = ""
    since: EventSince = EventSince.ENROLLMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCondition:
    """What has become of the last message of this enrolment."""

    status: MessageState


Condition = ListCondition | AudienceCondition | FieldCondition | EventCondition | MessageCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionGroup:
    """Conditions and groups of which all must hold, or one. It has at least one of them."""

    needs_all: bool
    conditions: tuple[Condition, ...] = ()
    groups: tuple["ConditionGroup", ...] = ()


Question = Condition | ConditionGroup


def walk(question: Question) -> Iterator[Condition]:
    """Yield every condition of a question, those of the groups within as well."""
    if not isinstance(question, ConditionGroup):
        yield question
        return
    yield from question.conditions
    for group in question.groups:
        yield from walk(group)


def wakes(question: Question) -> int:
    """Return what may change the answer to a question: bits of `Wake`.

    A change of an audience, or of another list, wakes no contact: it is seen at the next turn.
    """
    found = 0
    for each in walk(question):
        if isinstance(each, EventCondition):
            found |= WAKES[each.event]
        elif isinstance(each, MessageCondition):
            found |= Wake.MESSAGE
        elif isinstance(each, FieldCondition):
            found |= Wake.CUSTOM if each.of_event else Wake.FIELD
    return int(found)


def holds(question: Question, facts: Facts, horizon: Horizon) -> bool:
    """Return whether a question is answered by yes, by the facts there are."""
    if isinstance(question, EventCondition):
        return _happened(question, facts, horizon)
    if isinstance(question, FieldCondition):
        return _compares(question, facts)
    if isinstance(question, ConditionGroup):
        parts = (*question.conditions, *question.groups)
        answers = (holds(each, facts, horizon) for each in parts)
        return all(answers) if question.needs_all else any(answers)
    if isinstance(question, MessageCondition):
        return facts.last_message is question.status
    if isinstance(question, ListCondition):
        on = facts.active if question.list_id is None else question.list_id in facts.lists
        return on is question.inside
    return (question.audience in facts.audiences) is question.inside


def folded(text: str) -> str:
    """Return a reply as it is compared with a keyword: letters and digits, without case."""
    return folding.fold(text)


def _happened(asked: EventCondition, facts: Facts, horizon: Horizon) -> bool:
    start, is_reply = horizon.start(asked.since), asked.event is EventKind.REPLY
    for event in facts.events:
        if event.kind is not asked.event or event.at <= start:
            continue
        if not asked.detail:
            return True
        if asked.detail == (folded(event.detail) if is_reply else event.detail):
            return True
    return False


def _compares(asked: FieldCondition, facts: Facts) -> bool:
    value = (facts.event_data if asked.of_event else facts.fields).get(asked.field)
    comparison = asked.comparison
    if comparison is ComparisonOperator.EXISTS:
        return value is not None
    if comparison is ComparisonOperator.CONTAINS:
        return isinstance(value, str) and str(asked.values[0]) in value
    found = value is not None and any(_equal(value, each) for each in asked.values)
    return found is not (comparison in _DENYING)


_DENYING: Final = frozenset({ComparisonOperator.NE, ComparisonOperator.NOT_IN})


def _equal(value: Scalar, other: Scalar) -> bool:
    # Python holds True equal to 1.
    return value == other and isinstance(value, bool) is isinstance(other, bool)

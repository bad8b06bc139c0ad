"""What a filter means, said once more: of one contact's facts, by the JSON a caller writes.

It shares nothing with the package: neither the tree, nor its words, nor an order of evaluation.
"""

from dataclasses import dataclass, field
from fractions import Fraction

SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60}
DENIED = {
    "ne": "eq",
    "not_in": "in",
    "not_contains": "contains",
    "not_exists": "exists",
    "not_within": "within",
}


@dataclass
class Person:
    """A number on one list, with all that is known of it."""

    number: int
    list_id: int
    signup_at: int
    fields: dict = field(default_factory=dict)
    active: bool = True
    sends: int = 0
    last_sent_at: int | None = None
    clicks: int = 0
    last_clicked_at: int | None = None
    conversions: int = 0
    revenue: int = 0
    last_revenue_at: int | None = None
    blocked: bool = False
    validation: str = "unknown"


class Oracle:
    """Judges people by filters; `audiences` are (lists, filter) by their ids."""

    def __init__(self, people, now, audiences=None):
        self.people = people
        self.now = now
        self.audiences = audiences or {}
        self._known = {}

    def members(self, lists, tree):
        return {each.number for each in self.matching(lists, tree) if each.active}

    def matching(self, lists, tree):
        """Return those on some lists for whom a filter holds, whether they have left or not."""
        return [each for each in self.people if each.list_id in lists and self.holds(tree, each)]

    def _audience(self, name):
        # Once: nothing of it depends on who is asked about.
        if name not in self._known:
            self._known[name] = self.members(*self.audiences[name])
        return self._known[name]

    def holds(self, group, person):
        found = [self.is_so(each, person) for each in group.get("conditions") or []]
        found += [self.holds(each, person) for each in group.get("groups") or []]
        return all(found) if group["operator"] == "AND" else any(found)

    def is_so(self, condition, person):  # noqa: PLR0911 - one a type
        operator = condition.get("operator", "in")
        if operator in DENIED:
            return not self.is_so({**condition, "operator": DENIED[operator]}, person)
        kind, name = condition["condition_type"], condition.get("field")
        if kind == "custom_field":
            name = name.removeprefix("custom_fields.")
            return _custom(person.fields.get(name), operator, condition.get("value"))
        if kind == "list":
            return any(
                each.number == person.number
                and each.list_id == condition["list_id"]
                and each.active
                for each in self.people
            )
        if kind == "audience":
            return person.number in self._audience(condition["audience_id"])
        if kind == "validation":
            wanted = condition["value"]
            return person.validation in (wanted if operator == "in" else [wanted])
        if kind == "dnc":
            return person.blocked is condition["value"]
        if kind == "clicked":
            return (person.clicks > 0) is condition["value"]
        if name == "has_revenue":
            return (person.revenue > 0) is condition["value"]
        if name == "signup_date" or name.endswith("_at"):
            at = person.signup_at if name == "signup_date" else getattr(person, name)
            return self._time(at, operator, condition)
        return _number(person, name, operator, condition["value"])

    def _time(self, at, operator, condition):
        if at is None or operator == "exists":
            return at is not None
        ago = self.now - condition["value"] * SECONDS[condition["unit"]] * 1000
        if operator == "within":
            return ago <= at <= self.now
        return at < ago if operator == "before" else at > ago


def _custom(held, operator, value):  # noqa: PLR0911 - one an operator
    if held is None or operator == "exists":
        return held is not None
    if operator == "in":
        return any(_same(held, each) for each in value)
    if operator == "eq":
        return _same(held, value)
    if operator in ("contains", "starts_with", "ends_with"):
        if not isinstance(held, str):
            return False
        return {
            "contains": value in held,
            "starts_with": held.startswith(value),
            "ends_with": held.endswith(value),
        }[operator]
    if isinstance(held, bool) or not isinstance(held, int | float):
        return False
    return _ordered(held, operator, value)


def _same(one, other):
    numbers = [
        isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other)
    ]
    return one == other if all(numbers) else type(one) is type(other) and one == other


def _number(person, name, operator, value):
    if name == "avg_revenue":
        if not person.conversions:
            return False
        held = Fraction(person.revenue, person.conversions * 10_000)
    else:
        held = {
            "send_count": person.sends,
            "click_count": person.clicks,
            "conversion_count": person.conversions,
            "revenue_total": Fraction(person.revenue, 10_000),
        }[name]
    return _ordered(held, operator, Fraction(str(value)))


def _ordered(held, operator, value):
    return {
        "eq": held == value,
        "gt": held > value,
        "gte": held >= value,
        "lt": held < value,
        "lte": held <= value,
    }[operator]

"""Which contacts of a list are meant: the filter of an audience, as one tree of conditions.

A tree says what holds for a contact, and nothing of how that is found out: storage compiles it to
SQL, and `audience_filter_json` reads and writes its form in JSON.

Of a contact that lacks what a condition asks about, the condition does not hold. An operator with
`not` in its name, and `ne`, is the opposite of the other one in every case: it holds there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.contact import Scalar
from sendrail.domain.numbering import ValidationStatus

# A group within a group, and so on; the outermost is the first.
DEPTH_MAX: Final = 8
CONDITIONS_MAX: Final = 100
# Of one `in`.
VALUES_MAX: Final = 1_000
FIELD_LENGTH_MAX: Final = 100
TEXT_LENGTH_MAX: Final = 1_000
# How far an audience may name another that names another.
CHAIN_MAX: Final = 4
# What a float holds exactly: beyond, databases and JSON readers differ.
NUMBER_MAX: Final = 2**53


class Operator(StrEnum):
    """How a condition compares, in the public API's words."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"
    WITHIN = "within"
    NOT_WITHIN = "not_within"
    BEFORE = "before"
    AFTER = "after"


# What each of these denies: it holds exactly where the other one does not.
OPPOSITES: Final = {
    Operator.NE: Operator.EQ,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.NOT_EXISTS: Operator.EXISTS,
    Operator.NOT_WITHIN: Operator.WITHIN,
}


class TimeField(StrEnum):
    """A time of a contact on its list; each but the last may be missing."""

    LAST_SENT_AT = "last_sent_at"
    LAST_CLICKED_AT = "last_clicked_at"
    LAST_REVENUE_AT = "last_revenue_at"
    SIGNUP_DATE = "signup_date"


class NumberField(StrEnum):
    """What is counted of a contact on its list: 0 where nothing was yet.

    An average revenue is missing where there is no conversion.
    """

    SEND_COUNT = "send_count"
    CLICK_COUNT = "click_count"
    CONVERSION_COUNT = "conversion_count"
    REVENUE_TOTAL = "revenue_total"
    AVG_REVENUE = "avg_revenue"


class FlagField(StrEnum):
    """What a contact is or is not."""

    HAS_REVENUE = "has_revenue"
    ON_DNC = "on_dnc"
    CLICKED = "clicked"


class TimeUnit(StrEnum):
    """A unit of the past."""

    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"

    @property
    def milliseconds(self) -> int:
        """How long it is."""
        return _MILLISECONDS[self]


_MILLISECONDS: Final = {
    TimeUnit.DAYS: 86_400_000,
    TimeUnit.HOURS: 3_600_000,
    TimeUnit.MINUTES: 60_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCondition:
    """A time, compared with so many units before now, or with the moment `at` (milliseconds).

    `kind` is the condition's type as it was given: the last revenue is a matter of two of them.
    """

    kind: str
    field: TimeField
    operator: Operator
    value: int | None = None
    unit: TimeUnit | None = None
    at: int | None = None

    def moment(self, now: int) -> int:
        """Return the milliseconds it compares with. Only where its operator compares."""
        if self.at is not None:
            return self.at
        assert self.value is not None and self.unit is not None, "it has a value and a unit"  # noqa: PT018
        return now - self.value * self.unit.milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCondition:
    """A count or an amount, compared with a number; amounts are in the account's currency."""

    kind: str
    field: NumberField
    operator: Operator
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagCondition:
    """Whether a contact is something, or is not."""

    kind: str
    field: FlagField
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFieldCondition:
    """A custom field, compared with values; those of another type never equal it.

    `exists` has no value, `in` has any number, and every other operator has one.
    """

    name: str
    operator: Operator
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationCondition:
    """Whether a number can be texted, as far as is known."""

    operator: Operator
    values: tuple[ValidationStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCondition:
    """Whether the contact is active on a list of the account."""

    operator: Operator
    list_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCondition:
    """Whether the contact's number is in another audience of the account, by that one's id."""

    operator: Operator
    audience: str


Condition = (
    TimeCondition
    | NumberCondition
    | FlagCondition
    | CustomFieldCondition
    | ValidationCondition
    | ListCondition
    | AudienceCondition
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterGroup:
    """Conditions and groups of which all must hold, or one. It has at least one of them."""

    needs_all: bool
    conditions: tuple[Condition, ...] = ()
    groups: tuple["FilterGroup", ...] = ()

    def walk(self) -> Iterator[Condition]:
        """Yield every condition, those of the groups within as well."""
        yield from self.conditions
        for group in self.groups:
            yield from group.walk()

    @property
    def lists(self) -> set[int]:
        """The ids of the lists it names."""
        return {each.list_id for each in self.walk() if isinstance(each, ListCondition)}

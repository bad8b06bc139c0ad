"""The filter of an audience, compiled to SQL for whichever database.

Every condition is compiled to true, false or NULL, and NULL counts as false; what denies another
condition is written so that it holds wherever that one does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from sendrail.domain import money
from sendrail.domain.audience_filter import (
    OPPOSITES,
    AudienceCondition,
    Condition,
    CustomFieldCondition,
    FilterGroup,
    FlagCondition,
    FlagField,
    ListCondition,
    NumberCondition,
    NumberField,
    Operator,
    TimeCondition,
    TimeField,
    ValidationCondition,
)
from sendrail.domain.ids import AccountId
from sendrail.domain.numbering import LineType, ValidationStatus, validation_status
from sendrail.storage.contact_tables import blocks, contact_activity, contacts, list_contacts
from sendrail.storage.contacts.custom_fields import compared, custom_field_sql
from sendrail.storage.tracking_tables import contact_earnings

_Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceTarget:
    """What an audience means at one moment: its lists, its filter, and those of what it names.

    `lists` are the account's own, without the deleted ones; `known_lists` are all of those.
    `others` are the audiences that conditions name, by their public ids; each is resolved within
    the same account. `now` is the moment that relative times count from, in milliseconds.
    """

    account_id: AccountId
    lists: tuple[int, ...]
    group: FilterGroup
    now: int
    known_lists: frozenset[int] = frozenset()
    others: Mapping[str, "AudienceTarget"] = field(default_factory=dict)


@dataclass(slots=True)
class CompiledFilter:
    """A filter over one alias of `list_contacts`, with what has to be joined to ask it."""

    contact: FromClause
    where: _Condition
    source: FromClause


def compiled(
    target: AudienceTarget,
    dialect: str,
    *,
    between: tuple[Any, Any] | None = None,
    is_spread: bool = False,
) -> CompiledFilter:
    """Return a target's filter over a fresh alias of the contacts, whatever their lists.

    `between` are the bounds of the numbers that the caller asks for anyway, as in its statement.
    Where the tables are spread over several servers (`is_spread`), contacts of another list may be
    on another one: then its numbers are found first, and not looked for one by one.
    """
    return _Compiler(target, dialect, between, is_spread=is_spread).run()


class _Compiler:
    """One pass over one tree."""

    def __init__(
        self,
        target: AudienceTarget,
        dialect: str,
        between: tuple[Any, Any] | None,
        *,
        is_spread: bool,
    ) -> None:
        self._target = target
        self._dialect = dialect
        self._between = between
        self._is_spread = is_spread
        self._fields = custom_field_sql(dialect)
        # Not one for all: an audience may ask for another one of the same contacts.
        self._contact = list_contacts.alias()
        self._activity = contact_activity.alias()
        self._earnings = contact_earnings.alias()
        self._joins: set[FromClause] = set()
        self._by_type: Mapping[type, Callable[[Any], _Condition]] = {
            TimeCondition: self._time,
            NumberCondition: self._number,
            FlagCondition: self._flag,
            CustomFieldCondition: self._custom,
            ValidationCondition: self._validation,
            ListCondition: self._list,
            AudienceCondition: self._audience,
        }

    def run(self) -> CompiledFilter:
        where = self._group(self._target.group)
        source: FromClause = self._contact
        for beside in (self._activity, self._earnings):
            if beside in self._joins:
                source = source.outerjoin(beside, self._beside(beside))
        return CompiledFilter(self._contact, where, source)

    def _beside(self, table: FromClause) -> _Condition:
        """Return how a table in the order of the contacts is read along with them."""
        parts = [
            table.c.list_id == self._contact.c.list_id,
            table.c.recipient == self._contact.c.recipient,
        ]
        return and_(*parts, *self._bounds(table))

    def _bounds(self, table: FromClause) -> Sequence[_Condition]:
        if self._between is None:
            return ()
        after, upto = self._between
        return table.c.recipient > after, table.c.recipient <= upto

    def _is_among(self, there: FromClause, source: FromClause, *found: _Condition) -> _Condition:
        """Return the condition that a contact's number is one of those found elsewhere."""
        number = self._contact.c.recipient
        if self._is_spread:
            numbers = select(there.c.recipient).select_from(source)
            return number.in_(numbers.where(*found, *self._bounds(there)))
        some = select(literal(1)).select_from(source).where(there.c.recipient == number, *found)
        return exists(some.correlate(self._contact))

    def _group(self, group: FilterGroup) -> _Condition:
        parts = [self._condition(each) for each in group.conditions]
        parts += [self._group(each) for each in group.groups]
        return and_(*parts) if group.needs_all else or_(*parts)

    def _condition(self, condition: Condition) -> _Condition:
        return self._by_type[type(condition)](condition)

    # Each type

    def _time(self, condition: TimeCondition) -> _Condition:
        at = self._time_column(condition.field)
        now = self._target.now

        def positive(operator: Operator) -> _Condition:
            if operator is Operator.EXISTS:
                return at.is_not(None)
            moment = condition.moment(now)
            if operator is Operator.WITHIN:
                return at.between(moment, now)
            return at < moment if operator is Operator.BEFORE else at > moment

        return _either_way(condition.operator, positive)

    def _number(self, condition: NumberCondition) -> _Condition:
        value, operator = condition.value, condition.operator
        if condition.field is NumberField.AVG_REVENUE:
            return _either_way(operator, lambda positive: self._average(positive, value))
        if condition.field is NumberField.REVENUE_TOTAL:
            amount = money.of_number(value)
            assert amount is not None, "an amount was checked when it was read"
            value = amount
        counted = self._count_column(condition.field)
        return _either_way(operator, lambda positive: _whole(counted, positive, value))

    def _average(self, operator: Operator, value: float) -> _Condition:
        """Compare the revenue with that of so many conversions, so that nothing is divided."""
        amount = money.of_number(value)
        assert amount is not None, "an amount was checked when it was read"
        revenue = self._earned("revenue")
        conversions = self._earned("conversions")
        return and_(conversions > 0, compared(revenue, operator, conversions * amount))

    def _flag(self, condition: FlagCondition) -> _Condition:
        found: _Condition
        if condition.field is FlagField.ON_DNC:
            found = exists(
                select(literal(1))
                .where(
                    blocks.c.account_id == self._target.account_id,
                    blocks.c.recipient == self._contact.c.recipient,
                )
                .correlate(self._contact)
            )
        else:
            is_click = condition.field is FlagField.CLICKED
            found = func.coalesce(self._earned("clicks" if is_click else "revenue"), 0) > 0
        return found if condition.value else not_(found)

    def _custom(self, condition: CustomFieldCondition) -> _Condition:
        fields, name, values = self._contact.c.custom_fields, condition.name, condition.values
        sql: Final = self._fields

        def positive(operator: Operator) -> _Condition:
            match operator:
                case Operator.EXISTS:
                    return sql.exists(fields, name)
                case Operator.EQ:
                    return sql.equals(fields, name, values[0])
                case Operator.IN:
                    return sql.among(fields, name, values)
                case Operator.CONTAINS | Operator.STARTS_WITH | Operator.ENDS_WITH:
                    return sql.has_text(fields, name, operator, str(values[0]))
                case _:
                    return sql.compares(fields, name, operator, _as_number(values[0]))

        return _either_way(condition.operator, positive)

    def _validation(self, condition: ValidationCondition) -> _Condition:
        wanted = [each.value for each in condition.values]
        status = (
            select(_STATUS)
            .where(
                contacts.c.account_id == self._target.account_id,
                contacts.c.recipient == self._contact.c.recipient,
            )
            .correlate(self._contact)
            .scalar_subquery()
        )
        known = func.coalesce(status, ValidationStatus.UNKNOWN.value)
        return _either_way(condition.operator, lambda _: known.in_(wanted))

    def _list(self, condition: ListCondition) -> _Condition:
        return _either_way(condition.operator, lambda _: self._is_on(condition.list_id))

    def _is_on(self, list_id: int) -> _Condition:
        # A list that was deleted since, or another account's, has no contacts.
        if list_id not in self._target.known_lists:
            return false()
        there = list_contacts.alias()
        return self._is_among(there, there, there.c.list_id == list_id, there.c.active)

    def _audience(self, condition: AudienceCondition) -> _Condition:
        other = self._target.others[condition.audience]
        return _either_way(condition.operator, lambda _: self._is_in(other))

    def _is_in(self, other: AudienceTarget) -> _Condition:
        if not other.lists:
            return false()
        between = self._between if self._is_spread else None
        within = compiled(other, self._dialect, between=between, is_spread=self._is_spread)
        there = within.contact
        found = there.c.list_id.in_(other.lists), there.c.active, within.where
        return self._is_among(there, within.source, *found)

    # What is known of a contact

    def _time_column(self, which: TimeField) -> ColumnElement[Any]:
        if which is TimeField.SIGNUP_DATE:
            # No index is entered by it: each slice would read the sign-ups of all numbers.
            return self._contact.c.signup_at + 0
        if which is TimeField.LAST_SENT_AT:
            return self._column(self._activity, "last_sent_at")
        return self._earned(which.value)

    def _count_column(self, which: NumberField) -> ColumnElement[Any]:
        if which is NumberField.SEND_COUNT:
            counted = self._column(self._activity, "sends")
        else:
            counted = self._earned(_COUNTED[which])
        return func.coalesce(counted, 0)

    def _earned(self, name: str) -> ColumnElement[Any]:
        return self._column(self._earnings, name)

    def _column(self, table: FromClause, name: str) -> ColumnElement[Any]:
        self._joins.add(table)
        return table.c[name]


_COUNTED: Final = {
    NumberField.CLICK_COUNT: "clicks",
    NumberField.CONVERSION_COUNT: "conversions",
    NumberField.REVENUE_TOTAL: "revenue",
}
# `numbering.validation_status` as SQL.
_STATUS: Final = case(
    (contacts.c.is_valid.is_(None), ValidationStatus.UNKNOWN.value),
    (not_(contacts.c.is_valid), ValidationStatus.INVALID.value),
    *(
        (
            contacts.c.line_type == line.value,
            validation_status(is_valid=True, line_type=line).value,
        )
        for line in LineType
    ),
    else_=ValidationStatus.UNKNOWN.value,
)


def _either_way(operator: Operator, positive: Callable[[Operator], _Condition]) -> _Condition:
    """Return a condition, or the opposite of the one that its operator denies."""
    denied = OPPOSITES.get(operator)
    if denied is None:
        return positive(operator)
    return not_(func.coalesce(positive(denied), false()))


def _whole(counted: Any, operator: Operator, value: float) -> _Condition:
    """Compare whole numbers with any number, without a conversion of what is in the rows."""
    exact = Decimal(repr(value))
    below = int(exact.to_integral_value(ROUND_FLOOR))
    if exact == below:
        return compared(counted, operator, literal(below))
    if operator is Operator.EQ:
        return false()
    is_above = operator in (Operator.GT, Operator.GTE)
    return compared(counted, Operator.GT if is_above else Operator.LTE, literal(below))


def _as_number(value: Any) -> float:
    assert isinstance(value, int | float), "a number was checked when it was read"
    return value

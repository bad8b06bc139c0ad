"""Custom fields as conditions in SQL: values of mixed types in one JSON object.

A value is compared with values of its own type only: a text is never a number, and a boolean is
never 1. No expression fails, whatever the object holds; where a field is missing it is NULL or
false, so the caller takes NULL for false.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import (
    ColumnElement,
    Numeric,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
)

from sendrail.domain.audience_filter import Operator
from sendrail.domain.contact import Scalar

_Condition = ColumnElement[bool]
_NO_PATH: Final = re.compile(r'["\\\x00-\x1f]').search
_encode: Final = msgspec.json.Encoder().encode


class CustomFieldSql(Protocol):
    """What a database can ask of the custom fields in a column."""

    def exists(self, fields: Any, name: str) -> _Condition: ...
    def json(self, fields: Any, name: str) -> ColumnElement[str | None]: ...
    def equals(self, fields: Any, name: str, value: Scalar) -> _Condition: ...
    def among(self, fields: Any, name: str, values: Sequence[Scalar]) -> _Condition: ...
    def compares(self, fields: Any, name: str, operator: Operator, number: float) -> _Condition: ...
    def has_text(self, fields: Any, name: str, operator: Operator, text: str) -> _Condition: ...


class SqliteCustomFields:
    """By the functions for JSON; a field is named by a path, which is bound like any value."""

    def exists(self, fields: Any, name: str) -> _Condition:
        found: _Condition = _type(fields, name).is_not(None)
        return found

    def json(self, fields: Any, name: str) -> ColumnElement[str | None]:
        # Extracted, a boolean is 1 or 0.
        flag = _type(fields, name).in_(["true", "false"])
        return case((flag, _type(fields, name)), else_=func.json_quote(_value(fields, name)))

    def equals(self, fields: Any, name: str, value: Scalar) -> _Condition:
        if isinstance(value, bool):
            flag: _Condition = _type(fields, name) == ("true" if value else "false")
            return flag
        same: _Condition = _value(fields, name) == value
        # Extracted, a boolean is 1 or 0.
        return same if isinstance(value, str) else and_(_is_number(fields, name), same)

    def among(self, fields: Any, name: str, values: Sequence[Scalar]) -> _Condition:
        value = _value(fields, name)
        texts = [each for each in values if isinstance(each, str)]
        flags = {each for each in values if isinstance(each, bool)}
        numbers = [each for each in values if not isinstance(each, str | bool)]
        parts = [self.equals(fields, name, flag) for flag in sorted(flags)]
        if texts:
            parts.append(value.in_(_each(texts)))
        if numbers:
            parts.append(and_(_is_number(fields, name), value.in_(_each(numbers))))
        return or_(*parts)

    def compares(self, fields: Any, name: str, operator: Operator, number: float) -> _Condition:
        return and_(
            _is_number(fields, name), compared(_value(fields, name), operator, literal(number))
        )

    def has_text(self, fields: Any, name: str, operator: Operator, text: str) -> _Condition:
        value, length = _value(fields, name), len(text)
        # Not LIKE: it takes capitals for small letters, and `%` and `_` for others.
        found: _Condition = {
            Operator.CONTAINS: func.instr(value, text) > 0,
            Operator.STARTS_WITH: func.substr(value, 1, length) == text,
            Operator.ENDS_WITH: func.substr(value, -length) == text,
        }[operator]
        return and_(_type(fields, name) == "text", found)


class PostgresCustomFields:
    """By `jsonb`, whose equality depends on the type."""

    def exists(self, fields: Any, name: str) -> _Condition:
        found: _Condition = func.jsonb_exists(_jsonb(fields), literal(name, Text))
        return found

    def json(self, fields: Any, name: str) -> ColumnElement[str | None]:
        return cast(_element(fields, name), Text)

    def equals(self, fields: Any, name: str, value: Scalar) -> _Condition:
        found: _Condition = _element(fields, name) == _json_literal(value)
        return found

    def among(self, fields: Any, name: str, values: Sequence[Scalar]) -> _Condition:
        each = func.jsonb_array_elements(_json_literal(list(values))).table_valued("value")
        found: _Condition = _element(fields, name).in_(select(each.c.value))
        return found

    def compares(self, fields: Any, name: str, operator: Operator, number: float) -> _Condition:
        element = _element(fields, name)
        exact = literal(Decimal(repr(number)), Numeric)
        # CASE, because AND may evaluate the cast of a text first.
        return case(
            (
                func.jsonb_typeof(element) == "number",
                compared(cast(element, Numeric), operator, exact),
            ),
            else_=false(),
        )

    def has_text(self, fields: Any, name: str, operator: Operator, text: str) -> _Condition:
        value = _jsonb(fields).op("->>")(literal(name, Text))
        wanted = literal(text, Text)
        found: _Condition = {
            Operator.CONTAINS: func.strpos(value, wanted) > 0,
            Operator.STARTS_WITH: func.starts_with(value, wanted),
            Operator.ENDS_WITH: func.right(value, len(text)) == wanted,
        }[operator]
        return and_(func.jsonb_typeof(_element(fields, name)) == "string", found)


def custom_field_sql(dialect: str) -> CustomFieldSql:
    """Return how a database asks of custom fields."""
    return PostgresCustomFields() if dialect == "postgresql" else SqliteCustomFields()


def compared(value: Any, operator: Operator, other: Any) -> _Condition:
    """Return a comparison of two values of one type by their order, or their equality."""
    found: _Condition = {
        Operator.EQ: value == other,
        Operator.GT: value > other,
        Operator.GTE: value >= other,
        Operator.LT: value < other,
        Operator.LTE: value <= other,
    }[operator]
    return found


def _path(name: str) -> str | None:
    """Return the path to a field; None where no path names it, because none has escapes."""
    return None if _NO_PATH(name) else f'$."{name}"'


def _value(fields: Any, name: str) -> Any:
    path = _path(name)
    return _sought(fields, name, "value") if path is None else func.json_extract(fields, path)


def _type(fields: Any, name: str) -> Any:
    path = _path(name)
    return _sought(fields, name, "type") if path is None else func.json_type(fields, path)


def _sought(fields: Any, name: str, column: str) -> Any:
    """Return the value or the type of a field that is looked for among all of a contact's."""
    each = func.json_each(fields).table_valued("key", column)
    return select(each.c[column]).where(each.c.key == name).scalar_subquery()


def _each(values: Sequence[Scalar]) -> Any:
    """Return the values as rows of one parameter, however many they are."""
    return select(func.json_each(_encode(values).decode()).table_valued("value").c.value)


def _is_number(fields: Any, name: str) -> _Condition:
    found: _Condition = _type(fields, name).in_(["integer", "real"])
    return found


def _jsonb(fields: Any) -> Any:
    # Only here: it brings its driver along, which an embedded database does not need.
    from sqlalchemy.dialects.postgresql import JSONB

    return cast(fields, JSONB)


def _element(fields: Any, name: str) -> Any:
    return _jsonb(fields).op("->")(literal(name, Text))


def _json_literal(value: Any) -> Any:
    from sqlalchemy.dialects.postgresql import JSONB

    return cast(literal(_encode(value).decode(), Text), JSONB)

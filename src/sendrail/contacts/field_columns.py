"""Columns of a file that go into custom fields of its contacts: an export's, or as the caller says.

A cell that is empty leaves the fields as they are. The value of a column that the caller names is
kept as the text that stands in the file, unless they say that it is a number or a yes and no: an
audience's condition never takes a text for a number.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from sendrail.contacts.consent_columns import yes_or_no
from sendrail.contacts.csv_files import RowError
from sendrail.contacts.imports import RowOutcome
from sendrail.contacts.signups import changed_fields, merged
from sendrail.contacts.words import folded
from sendrail.domain.audience_filter import NUMBER_MAX
from sendrail.domain.contact import Scalar
from sendrail.domain.errors import InvalidInput
from sendrail.domain.field_column import FieldColumn, FieldType
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.contacts.imported import FileContact
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.passages import FieldChange

FIELD_COLUMNS_MAX: Final = 50
# The column of an export that has all custom fields of a contact, as a JSON object.
WHOLE_COLUMN: Final = "custom_fields"
_PARAM: Final = "fields"
_fields_from: Final = msgspec.json.Decoder(dict[str, Scalar | None]).decode
_TWICE: Final = "A column goes into one custom field only: name each column once."
_TYPES: Final = ", ".join(FieldType)
# Without an exponent: a spreadsheet writes one where it has rounded digits away.
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,16}(\.[0-9]{1,18})?").fullmatch
_STORED: Final = frozenset({RowOutcome.CREATED, RowOutcome.ADDED, RowOutcome.MERGED})

Outcome = RowOutcome | RowError


def read_field_columns(said: Iterable[str]) -> dict[str, FieldColumn]:
    """Return fields by their columns, from `COLUMN=FIELD`, or `COLUMN` where both are one name.

    Behind either a colon may say the type: `COLUMN=FIELD:number`. Raises `InvalidInput` for what is
    neither, for a type that is none, and for a column or a field that comes twice.
    """
    columns: dict[str, FieldColumn] = {}
    for text in said:
        column, divided, field = text.partition("=")
        into = _typed(field if divided else text)
        column = column.strip() if divided else into.field
        if column in columns:
            raise _unfit(_TWICE)
        columns[column] = into
    return checked_field_columns(columns)


def read_fields(said: Iterable[str]) -> dict[str, Scalar]:
    """Return values by their custom fields, from `FIELD=VALUE` or `FIELD:TYPE=VALUE`.

    Raises `InvalidInput` for what is neither, for a field that comes twice, and for a value that is
    not of its type.
    """
    fields: dict[str, Scalar] = {}
    for text in said:
        named, divided, value = text.partition("=")
        into = _typed(named)
        if not divided or not into.field:
            raise _unfit("Write a custom field as NAME=VALUE, or as NAME:number=VALUE.")
        if into.field in fields:
            raise _unfit(f"{into.field} comes twice: write each custom field once.")
        try:
            fields[into.field] = _value_of(value, into.field, into.type)
        except RowError as error:
            raise _unfit(f"{error}.") from None
    return fields


def field_value_of(text: str, type_: FieldType, param: str) -> Scalar:
    """Return the value of a custom field that a person wrote. Raises `InvalidInput`."""
    try:
        return _value_of(text, "This", type_)
    except RowError as error:
        raise InvalidInput(f"{error}.", param=param) from None


def field_type_of(text: str) -> FieldType:
    """Return the type of that name. Raises `InvalidInput`."""
    try:
        return FieldType(text)
    except ValueError:
        raise _unfit(f"“{text}” is no type of a custom field. The types are {_TYPES}.") from None


def _typed(text: str) -> FieldColumn:
    field, colon, type_ = (each.strip() for each in text.rpartition(":"))
    if not colon:
        return FieldColumn(text.strip())
    if type_ not in set(FieldType):
        # Never a part of the name: a type that is misspelt would be a text of another name.
        raise _unfit(
            f"“{type_}” is no type of a custom field. The types are {_TYPES}. Where the colon is "
            f"part of the name, add the type: {text.strip()}:{FieldType.TEXT}"
        )
    return FieldColumn(field, FieldType(type_))


def checked_field_columns(columns: Mapping[str, FieldColumn]) -> dict[str, FieldColumn]:
    """Return fields by their columns as they are. Raises `InvalidInput`."""
    if len(columns) > FIELD_COLUMNS_MAX:
        raise _unfit(f"A file has at most {FIELD_COLUMNS_MAX} columns for custom fields.")
    for column, into in columns.items():
        if not folded(column):
            raise _unfit("Name a column of the file for each custom field, as COLUMN=FIELD.")
        try:
            merged({}, {into.field: ""})
        except InvalidInput as error:
            raise _unfit(f"{column}: {error.message}") from error
    if len({folded(column) for column in columns}) < len(columns):
        raise _unfit(_TWICE)
    if len({into.field for into in columns.values()}) < len(columns):
        raise _unfit("Two columns cannot go into the same custom field.")
    return dict(columns)


def reader_columns(columns: Mapping[str, FieldColumn]) -> dict[str, Sequence[str]]:
    """Return what a reader looks for: a name of ours for each column, and the one with all fields.

    Where the caller says what that one goes into, it is a column as any other.
    """
    named: dict[str, Sequence[str]] = {into.becomes: (column,) for column, into in columns.items()}
    is_named = folded(WHOLE_COLUMN) in {folded(column) for column in columns}
    return named if is_named else {WHOLE_COLUMN: (WHOLE_COLUMN,), **named}


def fields_in(
    values: Mapping[str, str], columns: Mapping[str, FieldColumn]
) -> Mapping[str, Scalar | None] | None:
    """Return the custom fields that a row says, None where it says none.

    A column that the caller names counts before the one with all fields. Raises `RowError`, also
    for a cell that is not of its column's type.
    """
    whole = values.get(WHOLE_COLUMN, "")
    said = _read_whole(whole) if whole else {}
    for column, into in columns.items():
        if text := values.get(into.becomes, ""):
            said[into.field] = _value_of(text, column, into.type)
    return said or None


def _value_of(text: str, column: str, type_: FieldType) -> Scalar:
    if type_ is FieldType.TEXT:
        return text
    if type_ is FieldType.NUMBER:
        return _number_of(text, column)
    return yes_or_no(column, text)


def _number_of(text: str, column: str) -> Scalar:
    if not _NUMBER(text):
        raise RowError(
            f"{column} is no number; write digits with a point before decimals, such as 1234.5, "
            "and no spaces, thousands separators or currency"
        )
    if abs(Decimal(text)) > NUMBER_MAX:
        raise RowError(f"{column} is more than {NUMBER_MAX:,}, beyond which numbers are not exact")
    number = float(text)
    # A message with the field says 10, not 10.0.
    return int(number) if number.is_integer() else number


def _read_whole(text: str) -> dict[str, Scalar | None]:
    try:
        fields = _fields_from(text)
        merged({}, fields)
    except (ValueError, RecursionError):
        raise RowError(
            "custom_fields is not a JSON object of texts, numbers, true and false, such as "
            '{"plan": "pro"}; rename the column if it is of another system'
        ) from None
    except InvalidInput as error:
        raise RowError(f"custom_fields: {error.message}") from None
    return fields


def without_room(
    tx: Tx, sender: SendingList, rows: Sequence[FileContact], became: Sequence[RowOutcome]
) -> Sequence[Outcome]:
    """Return the outcomes of a batch, of which those are refused whose fields have no room."""
    known: dict[PhoneNumber, Mapping[str, Scalar]] = {}
    known.update(tx.imported.custom_fields(sender.id, [each.recipient for each in rows]))
    after: list[Outcome] = []
    for row, outcome in zip(rows, became, strict=True):
        after.append(outcome)
        if row.custom_fields is None or outcome not in _STORED:
            continue
        try:
            known[row.recipient] = merged(known.get(row.recipient, {}), row.custom_fields)
        except InvalidInput as error:
            after[-1] = RowError(error.message)
    return after


def store_fields(
    tx: Tx,
    account_id: AccountId,
    sender: SendingList,
    rows: Sequence[FileContact],
    now: int,
) -> None:
    """Write the custom fields of rows that are stored, and tell journeys what changed."""
    told = [each for each in rows if each.custom_fields is not None]
    recipients = sorted({each.recipient for each in told})
    states = tx.signups.subscription_states(sender.id, recipients)
    before = {each: states[each].custom_fields for each in recipients if each in states}
    after: dict[PhoneNumber, Mapping[str, Scalar]] = dict(before)
    for row in told:
        after[row.recipient] = merged(after.get(row.recipient, {}), row.custom_fields or {})
    changed = [
        FieldChange(each, before.get(each, {}), after[each])
        for each in recipients
        if changed_fields(before.get(each, {}), after[each])
    ]
    tx.signups.set_all_fields(sender.id, {each.recipient: each.after for each in changed})
    tx.passages.fields_changed(account_id, sender.id, changed, now)


def _unfit(text: str) -> InvalidInput:
    return InvalidInput(text, code="invalid_parameter", param=_PARAM)

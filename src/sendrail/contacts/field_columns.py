"""Columns of a file that go into custom fields of its contacts: an export's, or as the caller says.

A cell that is empty leaves the fields as they are. The value of a column that the caller names is
kept as the text that stands in the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.imports import RowOutcome
from sendrail.contacts.signups import merged
from sendrail.contacts.words import folded
from sendrail.domain.contact import Scalar
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.contacts.imported import FileContact
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.passages import FieldChange

FIELD_COLUMNS_MAX: Final = 50
# What a column of a reader begins with that is of a custom field.
FIELD_PREFIX: Final = "custom_fields."
# The column of an export that has all custom fields of a contact, as a JSON object.
WHOLE_COLUMN: Final = "custom_fields"
_PARAM: Final = "fields"
_fields_from: Final = msgspec.json.Decoder(dict[str, Scalar | None]).decode
_TWICE: Final = "A column goes into one custom field only: name each column once."
_STORED: Final = frozenset({RowOutcome.CREATED, RowOutcome.ADDED, RowOutcome.MERGED})

Outcome = RowOutcome | RowError


def read_field_columns(said: Iterable[str]) -> dict[str, str]:
    """Return fields by their columns, from `COLUMN=FIELD`, or `COLUMN` where both are one name.

    Raises `InvalidInput` for what is neither, and for a column or a field that comes twice.
    """
    columns: dict[str, str] = {}
    for text in said:
        column, divided, field = (each.strip() for each in text.partition("="))
        if column in columns:
            raise _unfit(_TWICE)
        columns[column] = field if divided else column
    return checked_field_columns(columns)


def checked_field_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Return fields by their columns as they are. Raises `InvalidInput`."""
    if len(columns) > FIELD_COLUMNS_MAX:
        raise _unfit(f"A file has at most {FIELD_COLUMNS_MAX} columns for custom fields.")
    for column, field in columns.items():
        if not folded(column):
            raise _unfit("Name a column of the file for each custom field, as COLUMN=FIELD.")
        try:
            merged({}, {field: ""})
        except InvalidInput as error:
            raise _unfit(f"{column}: {error.message}") from error
    if len({folded(column) for column in columns}) < len(columns):
        raise _unfit(_TWICE)
    if len(set(columns.values())) < len(columns):
        raise _unfit("Two columns cannot go into the same custom field.")
    return dict(columns)


def reader_columns(columns: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """Return what a reader looks for: a name of ours for each column, and the one with all fields.

    Where the caller says what that one goes into, it is a column as any other.
    """
    named: dict[str, Sequence[str]] = {
        FIELD_PREFIX + field: (column,) for column, field in columns.items()
    }
    is_named = folded(WHOLE_COLUMN) in {folded(column) for column in columns}
    return named if is_named else {WHOLE_COLUMN: (WHOLE_COLUMN,), **named}


def fields_in(
    values: Mapping[str, str], columns: Mapping[str, str]
) -> Mapping[str, Scalar | None] | None:
    """Return the custom fields that a row says, None where it says none.

    A column that the caller names counts before the one with all fields. Raises `RowError`.
    """
    whole = values.get(WHOLE_COLUMN, "")
    said = _read_whole(whole) if whole else {}
    for field in columns.values():
        if text := values.get(FIELD_PREFIX + field, ""):
            said[field] = text
    return said or None


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
        if after[each] != before.get(each)
    ]
    for each in changed:
        tx.signups.set_fields(sender.id, each.recipient, each.after)
    tx.passages.fields_changed(account_id, sender.id, changed, now)


def _unfit(text: str) -> InvalidInput:
    return InvalidInput(text, code="invalid_parameter", param=_PARAM)

"""A column of a file that goes into a custom field of its contacts, and the type of its values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# What a column of a reader begins with that is of a custom field.
FIELD_PREFIX: Final = "custom_fields."


class FieldType(StrEnum):
    """The type of a custom field's values: those that a condition of an audience tells apart."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """The custom field that a column goes into, and what its cells are read as."""

    field: str
    type: FieldType = FieldType.TEXT

    @property
    def becomes(self) -> str:
        """What a report says that the column goes into, such as `custom_fields.plan`."""
        return FIELD_PREFIX + self.field

"""What the API can be asked: one table of operations, from which its description is made."""

from typing import Any, Final

from sendrail.api.operations import blocks, contacts, files, journeys, sending
from sendrail.api.operations.parts import Operation, described
from sendrail.api.v2 import lists

OPERATIONS: Final[tuple[Operation, ...]] = (
    *sending.OPERATIONS,
    *contacts.OPERATIONS,
    *described(lists.ENDPOINTS),
    *blocks.OPERATIONS,
    *files.OPERATIONS,
    *journeys.OPERATIONS,
)
# What the handlers know of a struct's fields and its types do not say.
FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    **sending.FIELDS,
    **contacts.FIELDS,
    **blocks.FIELDS,
    **files.FIELDS,
    **journeys.FIELDS,
}
REQUIRED: Final[dict[str, list[str]]] = {
    **sending.REQUIRED,
    **contacts.REQUIRED,
    **blocks.REQUIRED,
    **files.REQUIRED,
    **journeys.REQUIRED,
}

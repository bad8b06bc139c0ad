"""What the API can be asked: one table of operations, from which its description is made."""

from typing import Any, Final

from sendrail.api.operations import blocks, contacts, files, journeys, lists, sending
from sendrail.api.operations.parts import CURSOR_PAGINATION, PAGINATION, Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *sending.OPERATIONS,
    *contacts.OPERATIONS,
    *lists.OPERATIONS,
    *blocks.OPERATIONS,
    *files.OPERATIONS,
    *journeys.OPERATIONS,
)
# What the handlers know of a struct's fields and its types do not say.
FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "Pagination": PAGINATION,
    "CursorPagination": CURSOR_PAGINATION,
    **sending.FIELDS,
    **contacts.FIELDS,
    **lists.FIELDS,
    **blocks.FIELDS,
    **files.FIELDS,
    **journeys.FIELDS,
}
REQUIRED: Final[dict[str, list[str]]] = {
    **sending.REQUIRED,
    **contacts.REQUIRED,
    **lists.REQUIRED,
    **blocks.REQUIRED,
    **files.REQUIRED,
    **journeys.REQUIRED,
}

"""What the API can be asked: one table of operations, from which its description is made."""

from typing import Any, Final

from sendrail.api.operations import files
from sendrail.api.operations.parts import Operation, described
from sendrail.api.v2 import blocks, contacts, erasure, journeys, lists, messages
from sendrail.api.v2.sending import CALLS

OPERATIONS: Final[tuple[Operation, ...]] = (
    *described(CALLS),
    *described(messages.ENDPOINTS),
    *described(contacts.ENDPOINTS),
    *described(lists.ENDPOINTS),
    *described(blocks.ENDPOINTS),
    *files.OPERATIONS[:2],
    *described(erasure.ENDPOINTS),
    *files.OPERATIONS[2:],
    *described(journeys.ENDPOINTS),
)
# What the handlers know of a struct's fields and its types do not say.
FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    **files.FIELDS,
}
REQUIRED: Final[dict[str, list[str]]] = {}

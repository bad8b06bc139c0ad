"""An operation of the API, and what descriptions of operations have in common."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any, Final

from msgspec import Struct

from sendrail.api.v2.field_types import schema
from sendrail.api.v2.queries import PER_PAGE, PER_PAGE_MAX
from sendrail.contacts.inputs import PAGE_MAX

ASKING: Final = ("missing_api_key", "invalid_api_key", "account_suspended")
BROKEN: Final = ("internal_error", "storage_unavailable")
READING: Final = (*ASKING, "invalid_parameter", "query_too_broad", *BROKEN)
FINDING: Final = (*ASKING, "not_found", *BROKEN)
DELETING: Final = (*FINDING, "overloaded", "storage_full")
# Where a body is changed or taken away: no idempotency key is needed to do it twice.
CHANGING: Final = (
    *ASKING,
    "invalid_json",
    "invalid_field",
    "payload_too_large",
    "unsupported_media_type",
    "overloaded",
    "storage_full",
    *BROKEN,
)
POSTING: Final = (
    *CHANGING,
    "invalid_idempotency_key",
    "idempotency_in_progress",
    "idempotency_key_reused",
)
# What any path may answer, whatever was asked of it.
ANYWHERE: Final = (
    "invalid_request",
    "method_not_allowed",
    "request_timeout",
    "query_too_long",
    "head_too_large",
)

# For examples: the sandbox's list, and a number that its simulator delivers to.
LIST: Final = "+15550001000"
RECIPIENT: Final = "+15550100000"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does on a path, as the API's description has it.

    `route` is both, such as `GET /lists`. `request` and `answer` are the structs of the bodies.
    Where a body is a CSV file, `file_in` is an example of one, and `file_out` says what one holds
    that is answered.
    """

    route: str
    _: KW_ONLY
    id: str
    summary: str
    description: str
    codes: tuple[str, ...]
    request: type[Struct] | None = None
    answer: type[Struct] | None = None
    # What a batch holds, where no other operation takes one by itself.
    item: type[Struct] | None = None
    file_in: str | None = None
    file_out: str | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)
    # The statuses of codes that have another one here than elsewhere, as the public API does.
    statuses: Mapping[str, int] = field(default_factory=dict)
    # As OpenAPI has them, but for the schema: a type stands there.
    parameters: tuple[dict[str, Any], ...] = ()

    @property
    def method(self) -> str:
        """Return the method, such as `GET`."""
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        """Return the path below the API's base, with its parts in braces."""
        return self.route.partition(" ")[2]

    @property
    def tag(self) -> str:
        """Return the group in which the description shows it: that of its path's first part."""
        return self.path.split("/")[1].capitalize()


def query(name: str, kind: Any, text: str) -> dict[str, Any]:
    """Return the description of a query's parameter."""
    return {"name": name, "in": "query", "description": text, "schema": kind}


def in_path(name: str, kind: Any, text: str) -> dict[str, Any]:
    """Return the description of a part of the path."""
    return {"name": name, "in": "path", "required": True, "description": text, "schema": kind}


CURSOR: Final = query(
    "cursor",
    Annotated[str, schema(minLength=1)],
    "Where to go on: the `next_cursor` of the answer before, instead of a page.",
)


def page_parameters(per_page_max: int = PER_PAGE_MAX) -> tuple[dict[str, Any], ...]:
    """Return the parameters of every list that comes in pages."""
    page = Annotated[int, schema(minimum=1, maximum=PAGE_MAX, default=1)]
    per_page = Annotated[int, schema(minimum=1, maximum=per_page_max, default=PER_PAGE)]
    return query("page", page, "Which page."), query("per_page", per_page, "How many on a page.")

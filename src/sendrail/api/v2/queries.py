"""What queries say, pages, numbers and times, and how answers describe pages."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from sendrail.api.v2.field_types import Count, Positive, about
from sendrail.contacts.inputs import PAGE_MAX
from sendrail.domain import phone, sender_ids
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import InvalidInput

T = TypeVar("T")

PER_PAGE: Final = 50
PER_PAGE_MAX: Final = 100

# What a database takes as a number in a row.
_RowNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]
SENDER_HELP: Final = f"`list_number` is {sender_ids.FORM}; write a + as %2B"
_BOOLEANS: Final = {"true": True, "false": False}


IsExact = Annotated[bool, about("If not, `total` is a lower bound.")]


class Pagination(msgspec.Struct):
    """Where a page stands."""

    page: Positive
    per_page: Positive
    total: Count
    total_pages: Count
    total_is_exact: IsExact


class CursorPagination(Pagination):
    """Where a page stands, and how to go on from it without counting pages."""

    next_cursor: Annotated[
        str | None, about("Where the next page begins, however far that is; null at the end.")
    ]


def pagination(page: int, per_page: int, total: int, *, is_exact: bool = True) -> Pagination:
    """Return where a page stands among `total` rows."""
    return Pagination(page, per_page, total, -(-total // per_page), is_exact)


def cursor_pagination(
    page: int, per_page: int, total: int, last: Sequence[int] | None
) -> CursorPagination:
    """Return where a page stands; `last` is the place of its last row where more follow."""
    pages = -(-total // per_page)
    cursor = None if last is None else _cursor_of(last)
    return CursorPagination(page, per_page, total, pages, total_is_exact=True, next_cursor=cursor)


def read_cursor(query: Mapping[str, str], parts: int) -> tuple[int, ...] | None:
    """Return the place that a `cursor` names, of so many numbers; None where there is none.

    Raises `InvalidInput` for anything but what an answer gave as its `next_cursor`.
    """
    text = query.get("cursor")
    if text is None:
        return None
    if "page" in query:
        raise InvalidInput(
            "Give `page` or `cursor`, not both", code="invalid_parameter", param="cursor"
        )
    try:
        place = msgspec.json.decode(
            urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)), type=list[_RowNumber]
        )
    except (ValueError, RecursionError):
        place = []
    if len(place) != parts or _cursor_of(place) != text:
        raise InvalidInput(
            "`cursor` must be the `next_cursor` of an earlier response, unchanged",
            code="invalid_parameter",
            param="cursor",
        )
    return tuple(place)


def _cursor_of(place: Sequence[int]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read_page(query: Mapping[str, str], per_page_max: int = PER_PAGE_MAX) -> tuple[int, int]:
    """Return page and page size of a query. Raises `InvalidInput` that names the parameter."""
    return (
        _number(query, "page", 1, PAGE_MAX),
        _number(query, "per_page", PER_PAGE, per_page_max),
    )


def given(
    query: Mapping[str, str],
    name: str,
    read: Callable[[str], T | None],
    help_texts: Mapping[str, str],
) -> T | None:
    """Return a parameter as `read` understands it, or None where it is absent.

    Raises `InvalidInput` with its help text where it cannot be read.
    """
    text = query.get(name)
    if text is None:
        return None
    value = read(text)
    if value is None:
        raise InvalidInput(help_texts[name], code="invalid_parameter", param=name)
    return value


def phone_in(text: str) -> phone.PhoneNumber | None:
    """Return the E.164 number in a query."""
    # A plus sign in a query means a space; a caller who forgot to encode it is understood.
    return phone.parse("+" + text[1:] if text.startswith(" ") else text)


def list_in(text: str) -> phone.PhoneNumber | None:
    """Return what stands for a list in its rows, as a query names it."""
    return sender_ids.parse("+" + text[1:] if text.startswith(" ") else text)


def boolean(text: str) -> bool | None:
    """Return what `true` or `false` says."""
    return _BOOLEANS.get(text)


def _number(query: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    value = read_digits(text, highest)
    hint = "; go on with `cursor` where a list has more" if name == "page" else ""
    if not value:
        raise InvalidInput(
            f"`{name}` must be a whole number from 1 to {highest:,}{hint}",
            code="invalid_parameter",
            param=name,
        )
    return value

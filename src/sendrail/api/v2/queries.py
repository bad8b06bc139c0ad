"""What queries say, pages, numbers and times, and how answers tell of pages and times."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from sendrail.domain import phone
from sendrail.domain.errors import InvalidInput

T = TypeVar("T")

PER_PAGE: Final = 50
PER_PAGE_MAX: Final = 100
# Further pages would read and throw away everything before them.
PAGE_MAX: Final = 10_000

_BOOLEANS: Final = {"true": True, "false": False}


class Pagination(msgspec.Struct):
    """Where a page stands."""

    page: int
    per_page: int
    total: int
    total_pages: int
    total_is_exact: bool


def pagination(page: int, per_page: int, total: int, *, is_exact: bool = True) -> Pagination:
    """Return where a page stands among `total` rows."""
    return Pagination(page, per_page, total, -(-total // per_page), is_exact)


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
    # A plus sign in a query means a space; whoever forgot to encode it is understood.
    return phone.parse("+" + text[1:] if text.startswith(" ") else text)


def boolean(text: str) -> bool | None:
    """Return what `true` or `false` says."""
    return _BOOLEANS.get(text)


def instant(text: str) -> int | None:
    """Return the milliseconds of an ISO 8601 time; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    try:
        return int(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def shown_time(milliseconds: int) -> str:
    """Return a time as the API tells it."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def _number(query: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    # Only ASCII digits: int() would also take spaces, signs and other scripts' digits.
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(highest))
    value = int(text) if plain else 0
    if not 1 <= value <= highest:
        raise InvalidInput(
            f"`{name}` is a whole number from 1 to {highest:,}",
            code="invalid_parameter",
            param=name,
        )
    return value

"""HTTP requests to carriers and their answers, as plain values.

A carrier builds a `Request` and reads an `Answer` without a network; `client` does the I/O.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

# Longer pauses are cut to this: the connector is then tried again.
_RETRY_AFTER_MAX_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to a carrier.

    Only the method is in its repr: the other fields hold credentials, texts and numbers.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A carrier's answer; header names are lower case.

    The body is empty if it was too long to be read, or if a refusal broke off in it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Return whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15.3

    @property
    def retry_after_ms(self) -> int | None:
        """Return the milliseconds that the carrier asks to wait, or None when it does not say."""
        value = self.headers.get("retry-after", "").strip()
        # RFC 9110, 10.2.3: seconds, or a date. The answer's own date is the one to compare with,
        # so that it does not matter whether their clock agrees with ours.
        if value.isascii() and value.isdigit():
            milliseconds = int(value[:9]) * 1_000
        else:
            until, now = _date(value), _date(self.headers.get("date", ""))
            if until is None or now is None:
                return None
            milliseconds = int((until - now).total_seconds() * 1_000)
        return max(0, min(milliseconds, _RETRY_AFTER_MAX_MS))


def post_form(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Request:
    """Return a POST of form fields, in their order."""
    return Request(
        method="POST",
        url=url,
        headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(fields).encode("ascii"),
    )


def post_json(url: str, value: Any, headers: Mapping[str, str]) -> Request:
    """Return a POST of a JSON value, which may be a struct."""
    return Request(
        method="POST",
        url=url,
        headers={**headers, "Content-Type": "application/json"},
        body=msgspec.json.encode(value),
    )


def basic(user: str, password: str) -> str:
    """Return the value of an `Authorization` header with a user and a password."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # Without a zone it is no HTTP date, and cannot be compared with one.
    return date if date.tzinfo is not None else None

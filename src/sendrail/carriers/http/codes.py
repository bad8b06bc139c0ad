"""The meaning of carriers' error codes: a table per carrier, with HTTP statuses as fallback.

Vendors add and split codes all the time: a code that is not in the table is judged by its range,
and one in no range by the HTTP status of the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, assert_never

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.carriers.http.exchange import Answer
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import Failed, Outcome, Rejected, Throttled, Unavailable, Uncertain
from sendrail.domain.digits import read_digits

# Used when the carrier does not say how long to wait.
THROTTLED_MS: Final = 1_000
# A refused login waits for an operator to correct the settings; a try a minute is enough.
STOPPED_MS: Final = 60_000
# No range of a carrier's codes reaches beyond.
_RANGED_MAX: Final = 999_999_999


class Action(Enum):
    """What to do about an error code of a submit."""

    # Nothing was taken: slow down.
    THROTTLE = auto()
    # This message was not taken; a later attempt may succeed.
    RETRY = auto()
    # No message of the connector will be taken until an operator acts. Never for a code that one
    # message, recipient or sender can cause: it would stop all others of the connector.
    STOP = auto()
    # This message will never be taken.
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Code:
    """A row: what to do when a submit gets this code, our detail for it, and its meaning.

    In a receipt only the detail counts, because the submit is over.
    """

    action: Action
    detail: Detail
    says: str


class Codes:
    """One carrier's table of error codes."""

    def __init__(
        self,
        vendor: str,
        rows: Mapping[str, Code],
        ranges: Sequence[tuple[range, Code]] = (),
    ) -> None:
        self.vendor = vendor
        self.rows = rows
        self.ranges = ranges

    def reworded(self, words: Mapping[str, Detail]) -> "Codes":
        """Return the table with other details for some codes; a code that it lacks is refused."""
        new = Code(Action.REFUSE, Detail.UNKNOWN, "named in the settings")
        rows = {
            code: replace(self.rows.get(code, new), detail=word) for code, word in words.items()
        }
        return Codes(self.vendor, {**self.rows, **rows}, self.ranges)

    def find(self, code: str | None) -> Code | None:
        """Return the row of a code, else that of its range, else None."""
        if code is None:
            return None
        if (row := self.rows.get(code)) is not None:
            return row
        if (number := read_digits(code, _RANGED_MAX)) is None:
            return None
        return next((row for codes, row in self.ranges if number in codes), None)

    def outcome(self, answer: Answer, code: str | None) -> Outcome:
        """Return the outcome of an answer that is no success; `code` is the carrier's, if any."""
        row, by_status = self.find(code), outcome_by_status(self.vendor, answer, code)
        said = shown_code(code)
        # A code that is known by its range alone says less than the status of the answer, unless
        # that is a general refusal.
        tells = not (answer.is_success or isinstance(by_status, Rejected))
        if row is None or (code not in self.rows and tells):
            return by_status
        match row.action:
            case Action.THROTTLE:
                return Throttled(answer.retry_after_ms or THROTTLED_MS)
            case Action.RETRY:
                return Failed(f"{row.detail} ({said})")
            case Action.STOP:
                return Unavailable(f"{self.vendor} refuses: {row.says} ({said})", STOPPED_MS)
            case Action.REFUSE:
                return Rejected(f"{row.detail} ({said})", TROUBLE.get(row.detail))
            case _:
                assert_never(row.action)

    def explain(self, code: str | None) -> tuple[str, RecipientTrouble | None]:
        """Return the detail of a receipt with this code, and the recipient's trouble, if any."""
        row = self.find(code)
        detail = Detail.UNKNOWN if row is None else row.detail
        return (f"{detail} ({shown_code(code)})" if code else detail), TROUBLE.get(detail)


_CODE_MAX: Final = 100
# More digits than any code has: a phone number with its country code.
_DIGITS: Final = re.compile(r"[0-9]{10,}")
_REFUSED: Final = {
    HTTPStatus.UNAUTHORIZED: "the credentials are wrong",
    HTTPStatus.PAYMENT_REQUIRED: "the account has no credit",
    HTTPStatus.FORBIDDEN: "the account may not do this",
}
# The server did not get the whole request, or did not process it.
_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
# A gateway got no valid answer from the server behind it, which may have taken the message. 520 and
# 524 are Cloudflare's codes for what RFC 9110 calls 502 and 504.
_NO_ANSWER: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT, 520, 524})


def shown_code(code: str | None) -> str:
    """Return a carrier's code as details and logs show it: short, printable, without a number.

    It is what the carrier wrote, and may as well be a sentence about a person, or a page of HTML.
    """
    # Some more, so that a number at the cut is seen whole.
    text = _DIGITS.sub("…", (code or "")[: _CODE_MAX * 2])
    text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return text if len(text) <= _CODE_MAX else f"{text[:_CODE_MAX]}…"


def outcome_by_status(  # noqa: PLR0911 - one return for each class of status
    vendor: str, answer: Answer, code: str | None = None
) -> Outcome:
    """Return the outcome by the HTTP status alone; an unknown code is added to the detail."""
    status = answer.status
    said = f"{shown_code(code)}, HTTP {status}" if code else f"HTTP {status}"
    if answer.is_success:
        return Uncertain(f"{vendor} answered what we cannot read ({said})")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(answer.retry_after_ms or THROTTLED_MS)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and answer.retry_after_ms:
        return Throttled(answer.retry_after_ms)
    if status in _REFUSED:
        reason = _REFUSED[HTTPStatus(status)]
        return Unavailable(f"{vendor} refuses: {reason} ({said})", STOPPED_MS)
    if status in range(300, 400):
        # Following it would send the message and the credentials to an unknown host.
        return Unavailable(f"{vendor} redirects ({said}): put its address right", STOPPED_MS)
    if status in _NO_ANSWER:
        return Uncertain(f"a gateway of {vendor} got no answer ({said})")
    if status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failed(f"{Detail.SYSTEM} ({said})")
    return Rejected(f"{Detail.REQUEST} ({said})")

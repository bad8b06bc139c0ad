"""From a caller's fields to an order, or to the first fault in them.

Every front door reads orders here, so that the API, the command line and a campaign judge the same
text alike. Types are already right; the order of the faults is the public API's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sendrail.domain import phone, sender_ids, text
from sendrail.domain.destinations import ANYWHERE, DestinationRules, OpenUrl
from sendrail.domain.ids import MESSAGE_ID_LENGTH
from sendrail.domain.json_text import too_deep
from sendrail.domain.message import Skip
from sendrail.domain.order import MESSAGE_ID_PLACEHOLDER, Fault, Order
from sendrail.domain.placeholders import PLACEHOLDER, marks_in, without_braces

# An installation has few lists beside its recipients: their numbers are read once.
_list_number: Final = lru_cache(maxsize=1024)(sender_ids.parse)
# A plain string is bound into a statement at a third of what a member of an enumeration costs.
_GSM7: Final = text.Encoding.GSM7
_GSM7_NAME: Final = text.Encoding.GSM7.value
_UCS2_NAME: Final = text.Encoding.UCS2.value
# What most texts are, made once.
_PLAIN: Final = (_GSM7_NAME, 1)
_ID_STAND_IN: Final = "x" * MESSAGE_ID_LENGTH
_MESSAGE_ID: Final = MESSAGE_ID_PLACEHOLDER.strip("{}")
# Stands where a macro was, so that what is left on both sides of it stays apart.
_FILLED: Final = "\0"
_SHOWN_MAX: Final = 64

MISSING_TO: Final = Fault("missing_to", "to is required", "to")
MISSING_LIST: Final = Fault("missing_list_number", "list_number is required", "list_number")
MISSING_BODY: Final = Fault("missing_body", "body is required", "body")
INVALID_PHONE: Final = Fault(
    "invalid_phone", "to must be an E.164 phone number, such as +15550100000", "to"
)
INVALID_LIST_NUMBER: Final = Fault(
    "invalid_list_number",
    f"list_number must be {sender_ids.FORM}",
    "list_number",
)
METADATA_BYTES_MAX: Final = 16 * 1024
_NOT_AN_OBJECT: Final = Fault("invalid_field", "metadata must be an object", "metadata")
_TOO_MUCH_METADATA: Final = Fault(
    "metadata_too_large", f"metadata holds at most {METADATA_BYTES_MAX:,} bytes", "metadata"
)
NUL_IN_BODY: Final = Fault("invalid_field", "body must not contain the NUL character", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The longest text, the furthest time, and where links may lead, as an installation has it."""

    segments_max: int
    characters_max: int
    destinations: DestinationRules = ANYWHERE
    # How far ahead a message may be to leave, and how many of an account may wait for that.
    send_at_ms_max: int = 30 * 86_400_000
    scheduled_max: int = 20_000


def read_order(
    to: str | None,
    list_number: str | None,
    body: str | None,
    limits: Limits,
    *,
    skips: int = Skip.NONE,
    metadata: bytes | None = None,
    links: tuple[str, ...] = (),
    takes_frame: bool = False,
    send_at: int = 0,
) -> Order | Fault:
    """Return the order these fields make, or the first fault; blank counts as missing.

    A text with marks for `links` is measured when it is known what they will be.
    """
    recipient = phone.parse(to) if to else None
    sender = _list_number(list_number) if list_number else None
    if recipient is None or sender is None or not body or body.isspace():
        return _first_fault(to, list_number, body, recipient)
    if "\0" in body:
        return NUL_IN_BODY
    if links:
        return Order(
            recipient, sender, body, skips, metadata, _GSM7_NAME, 1, links, takes_frame, send_at
        )
    size = measured(body, limits)
    if isinstance(size, Fault):
        return size
    encoding, segments = size
    # By place: names take longer, and this is made for every order.
    return Order(
        recipient, sender, body, skips, metadata, encoding, segments, (), takes_frame, send_at
    )


def metadata_fault(json: bytes) -> Fault | None:
    """Return what is wrong with well-formed JSON as a message's metadata, None for nothing."""
    if json[:1] != b"{":
        return _NOT_AN_OBJECT
    # What was too deep for the decoder is no longer as long as it was: its depth comes first.
    if (fault := too_deep("metadata", json)) is not None:
        return fault
    return None if len(json) <= METADATA_BYTES_MAX else _TOO_MUCH_METADATA


def measured(body: str, limits: Limits) -> tuple[str, int] | Fault:
    """Return the encoding and the segments of a text as it will be sent, or why it is too long."""
    filled = body.replace(MESSAGE_ID_PLACEHOLDER, _ID_STAND_IN) if "{{" in body else body
    # The characters are bounded first: counting the segments of megabytes would take seconds.
    if len(filled) > limits.characters_max:
        return _too_long(limits)
    if text.is_plain(filled):
        return _PLAIN
    encoding, _, segments = text.measure(filled)
    if segments > limits.segments_max:
        return _too_many_segments(segments, limits)
    return _GSM7_NAME if encoding is _GSM7 else _UCS2_NAME, segments


def fill_macros(body: str, values: Mapping[str, str], *, wraps_links: bool = False) -> str | Fault:
    """Return the text with contact macros such as `{{first_name}}` filled in.

    `{{first_name|friend}}` has a default for a value that is missing or blank. `{{messageId}}`
    stays for send time. Values are text, whatever is in them; within a URL of a text whose links
    are wrapped, they are percent-encoded, and the host takes none. Any other `{{…}}` is a fault:
    braces on a handset are of no use, and a misspelt name is best found by its author.
    """
    if "{{" not in body:
        return body
    # By turns what stood in the text and what takes a macro's place.
    filled: list[str] = []
    url = OpenUrl() if wraps_links else None
    at = marks = 0
    for macro in PLACEHOLDER.finditer(body):
        value = _value_of(macro, values)
        if value is None:
            return _unknown(macro[0])
        between = body[at : macro.start()]
        is_mark = value is MESSAGE_ID_PLACEHOLDER
        marks += is_mark
        if url is not None:
            url.write(between)
            if not is_mark:
                within = url.value(value)
                if isinstance(within, Fault):
                    return within
                value = within
            url.write(value)
        filled += between, value
        at = macro.end()
    filled.append(body[at:])
    if (left := _left_open(filled[::2])) is not None:
        return left
    text = "".join(filled)
    if marks_in(text) == marks:
        return text
    # A value is no mark: nothing takes its place when the message leaves.
    filled[1::2] = [
        each if each is MESSAGE_ID_PLACEHOLDER else without_braces(each) for each in filled[1::2]
    ]
    return "".join(filled)


def _left_open(pieces: Sequence[str]) -> Fault | None:
    """Return the fault of a text around its macros, in which braces open and close."""
    unfilled = _FILLED.join(pieces)
    start = unfilled.find("{{")
    end = unfilled.find("}}", start + 2)
    if start >= 0 and end >= 0:
        return _unknown(unfilled[start : end + 2].replace(_FILLED, "…"))
    return None


def _value_of(macro: re.Match[str], values: Mapping[str, str]) -> str | None:
    """Return what a macro becomes, or None where there is nothing for it."""
    name, default = macro[1].strip(), macro[2]
    if name == _MESSAGE_ID:
        # `{{ messageId }}` is left as `{{messageId}}`, the one form that send time knows.
        return MESSAGE_ID_PLACEHOLDER
    value = values.get(name)
    if default is not None and (value is None or not value or value.isspace()):
        return default.strip()
    return value


def _unknown(macro: str) -> Fault:
    shown = macro if len(macro) <= _SHOWN_MAX else f"{macro[:_SHOWN_MAX]}…"
    return Fault("unknown_macro", f"contact_data has no value for {shown}", "body")


def _first_fault(
    to: str | None, list_number: str | None, body: str | None, recipient: int | None
) -> Fault:
    """Return what is missing, in the order of the fields, or else which number is none."""
    if not to or to.isspace():
        return MISSING_TO
    if not list_number or list_number.isspace():
        return MISSING_LIST
    if not body or body.isspace():
        return MISSING_BODY
    return INVALID_PHONE if recipient is None else INVALID_LIST_NUMBER


def _too_long(limits: Limits) -> Fault:
    return Fault(
        "message_too_long",
        f"body is longer than {limits.characters_max:,} characters",
        "body",
    )


def _too_many_segments(segments: int, limits: Limits) -> Fault:
    return Fault(
        "message_too_long",
        f"body takes {segments} segments, more than {limits.segments_max}",
        "body",
    )

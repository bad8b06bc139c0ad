"""The bodies of the sending calls: from bytes to orders, or to the faults in them.

Types are strict: a string is no boolean and a number no string. Unknown fields are ignored, as
clients of the public API may send them.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from sendrail.api.v2.decoding import Scalar, read
from sendrail.api.v2.field_types import Flag, Phone, Required, Sender, about, schema
from sendrail.domain.destinations import wrap_links
from sendrail.domain.json_text import DEPTH_MAX
from sendrail.domain.message import Skip
from sendrail.domain.order import Fault, Order
from sendrail.domain.placeholders import values_of
from sendrail.domain.times import read_instant
from sendrail.intake.orders import (
    METADATA_BYTES_MAX,
    Limits,
    fill_macros,
    metadata_fault,
    read_order,
)

BATCH_MAX: Final = 1_000

MISSING_MESSAGES: Final = Fault("missing_messages", "messages is required", "messages")
TOO_MANY_MESSAGES: Final = Fault(
    "too_many_messages", f"A batch holds at most {BATCH_MAX:,} messages", "messages"
)
_BAD_TIME: Final = Fault(
    "invalid_send_at",
    "send_at must be an ISO 8601 time with a time zone, such as 2026-01-31T08:00:00Z",
    "send_at",
)
# A text with macros may be longer than what it becomes, but what it becomes must stay in bounds
# while it is filled in: a few megabytes of macros and of values could make terabytes.
_UNFILLED_FACTOR: Final = 10


_Recipient = Annotated[Required[Phone], about("The recipient, as an E.164 number.")]
_Body = Annotated[
    Required[str],
    schema(minLength=1, pattern=r"\S"),
    about(
        "The text. `{{messageId}}` becomes the message's id when it is sent. At most 1,600 "
        "characters, unless the installation is set up otherwise; the NUL character is "
        "refused."
    ),
]
Metadata = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    schema(type=["object", "null"]),
    about(
        "Anything of yours, returned on look-up byte for byte; at most "
        f"{METADATA_BYTES_MAX:,} bytes and {DEPTH_MAX} levels deep."
    ),
]
_SendAt = Annotated[
    str | None,
    schema(type=["string", "null"], format="date-time"),
    about(
        "When it is to leave: a time of ISO 8601 with its zone, at most 30 days ahead unless the "
        "installation is set up otherwise. Without one it leaves at once."
    ),
]
_SkipQuietHours = Annotated[
    Flag,
    about("Send even in quiet hours, from a list whose API messages wait for the end of them."),
]
_Value = Annotated[str | None, schema(type=["string", "null"])]


class SendRaw(msgspec.Struct, gc=False):
    """`POST /v2/send-raw`."""

    to: _Recipient = None
    list_number: Required[Sender] = None
    body: _Body = None
    skip_duplicate_check: Annotated[
        Flag, about("Send even if the same text just went to the same recipient.")
    ] = None
    skip_rate_limit: Annotated[Flag, about("Pass ahead of what waits for the list's rate.")] = None
    skip_contact_validation: Annotated[
        Flag, about("Send even to who has unsubscribed or is on the block list.")
    ] = None
    skip_journey_check: Annotated[
        Flag, about("Send even to who is in an active journey on the list.")
    ] = None
    skip_quiet_hours: _SkipQuietHours = None
    metadata: Metadata = msgspec.UNSET
    send_at: _SendAt = None


class ContactData(msgspec.Struct, gc=False):
    """What fills the macros of a text."""

    first_name: _Value = None
    last_name: _Value = None
    timezone: _Value = None
    custom_fields: Annotated[
        dict[str, Scalar] | None,
        schema(additionalProperties={"type": ["string", "number", "boolean", "null"]}),
        about("More macros: `{{color}}` or `{{custom_fields.color}}` takes the value of `color`."),
    ] = None


class Send(msgspec.Struct, gc=False):
    """`POST /v2/send`."""

    to: _Recipient = None
    list_number: Required[Sender] = None
    body: _Body = None
    wrap_links: Annotated[
        bool | None,
        schema(type=["boolean", "null"], default=False),
        about(
            "Make the `http://` and `https://` URLs of the text short links, which count clicks. "
            "More than four are refused, and so is a list without a tracking domain."
        ),
    ] = None
    contact_data: ContactData | None = None
    skip_quiet_hours: _SkipQuietHours = None
    metadata: Metadata = msgspec.UNSET
    send_at: _SendAt = None


class Batch(msgspec.Struct, gc=False):
    """`POST /v2/send/bulk` and `/v2/send-raw/bulk`; each message is read on its own."""

    messages: list[msgspec.Raw] | None = None
    list_number: str | None = None


class _Addressed(msgspec.Struct, gc=False):
    to: str | None = None


_send_raw: Final = msgspec.json.Decoder(SendRaw).decode
_send: Final = msgspec.json.Decoder(Send).decode
_batch: Final = msgspec.json.Decoder(Batch).decode
_addressed: Final = msgspec.json.Decoder(_Addressed).decode


def read_send_raw(body: bytes, limits: Limits, list_number: str | None = None) -> Order | Fault:
    """Return the order in the body of `send-raw`; `list_number` stands in for a missing one."""
    fields = read(_send_raw, body)
    if isinstance(fields, Fault):
        return fields
    metadata = read_metadata(fields.metadata)
    if isinstance(metadata, Fault):
        return metadata
    skips = 0
    if fields.skip_duplicate_check:
        skips |= Skip.DUPLICATE
    if fields.skip_rate_limit:
        skips |= Skip.RATE_LIMIT
    if fields.skip_contact_validation:
        skips |= Skip.CONTACT_VALIDATION
    if fields.skip_journey_check:
        skips |= Skip.JOURNEY
    if fields.skip_quiet_hours:
        skips |= Skip.QUIET_HOURS
    send_at = _send_at(fields.send_at) if fields.send_at is not None else 0
    if isinstance(send_at, Fault):
        return _after_fields(send_at, fields.to, fields.list_number, fields.body, limits)
    return read_order(
        fields.to,
        _own_or_shared(fields.list_number, list_number) if list_number else fields.list_number,
        fields.body,
        limits,
        skips=skips,
        metadata=metadata,
        send_at=send_at,
    )


def read_send(body: bytes, limits: Limits, list_number: str | None = None) -> Order | Fault:
    """Return the order in the body of `send`; `list_number` stands in for a missing one."""
    fields = read(_send, body)
    if isinstance(fields, Fault):
        return fields
    metadata = read_metadata(fields.metadata)
    if isinstance(metadata, Fault):
        return metadata
    number = _own_or_shared(fields.list_number, list_number)
    wraps_links = bool(fields.wrap_links)
    text = _filled(fields.body, fields.contact_data, limits, wraps_links=wraps_links)
    links: tuple[str, ...] = ()
    if wraps_links and isinstance(text, str) and _may_fit(text, limits):
        wrapped = wrap_links(text, limits.destinations)
        text, links = (wrapped, ()) if isinstance(wrapped, Fault) else wrapped
    send_at = _send_at(fields.send_at) if fields.send_at is not None else 0
    if isinstance(text, Fault):
        return _after_fields(text, fields.to, number, "x", limits)
    if isinstance(send_at, Fault):
        return _after_fields(send_at, fields.to, number, text, limits)
    return read_order(
        fields.to,
        number,
        text,
        limits,
        skips=Skip.QUIET_HOURS if fields.skip_quiet_hours else Skip.NONE,
        metadata=metadata,
        links=links,
        takes_frame=True,
        send_at=send_at,
    )


def read_batch(body: bytes) -> tuple[Sequence[msgspec.Raw], str | None] | Fault:
    """Return a batch's messages, still unread, and the list number they may share."""
    batch = read(_batch, body)
    if isinstance(batch, Fault):
        return batch
    if not batch.messages:
        return MISSING_MESSAGES
    if len(batch.messages) > BATCH_MAX:
        return TOO_MANY_MESSAGES
    return batch.messages, batch.list_number


def recipient_in(message: bytes) -> str | None:
    """Return what the caller wrote as `to` in a message at fault, where that is text."""
    fields = read(_addressed, message)
    return None if isinstance(fields, Fault) else fields.to


def _after_fields(
    fault: Fault, to: str | None, list_number: str | None, body: str | None, limits: Limits
) -> Fault:
    """Return a fault, unless one of the fields that every message has is at fault: it is first."""
    plain = read_order(to, list_number, body, limits)
    return plain if isinstance(plain, Fault) else fault


def _send_at(text: str) -> int | Fault:
    """Return the milliseconds of a time with a zone; none is below 1, which is at once."""
    at = read_instant(text, zone=None)
    return _BAD_TIME if at is None else max(1, at)


def _own_or_shared(own: str | None, shared: str | None) -> str | None:
    return own if own and not own.isspace() else shared


def read_metadata(raw: msgspec.Raw | msgspec.UnsetType) -> bytes | Fault | None:
    """Return the caller's own JSON object as it came, or the fault in it."""
    if raw is msgspec.UNSET:
        return None
    value = bytes(raw)
    if value == b"null":
        return None
    return metadata_fault(value) or value


def _filled(
    text: str | None, data: ContactData | None, limits: Limits, *, wraps_links: bool
) -> str | Fault | None:
    """Return the text with its macros filled in; one that is far too long stays as it is."""
    if not text or "{{" not in text or not _may_fit(text, limits):
        return text
    # One character more than a text may have is as much too long as a million more.
    room = limits.characters_max + 1
    values = {name: value[:room] for name, value in values_in(data).items()}
    return fill_macros(text, values, wraps_links=wraps_links)


def _may_fit(text: str, limits: Limits) -> bool:
    """Return whether a text may be short enough once macros or links are filled in."""
    return len(text) <= _UNFILLED_FACTOR * limits.characters_max


def values_in(data: ContactData | None) -> dict[str, str]:
    """Return the values that a caller gives for the fields of a text."""
    if data is None:
        return {}
    named = {name: getattr(data, name) for name in ("first_name", "last_name", "timezone")}
    return values_of(named, data.custom_fields or {})

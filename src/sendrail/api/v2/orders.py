"""The bodies of the sending calls: from bytes to orders, or to the faults in them.

Types are strict: a string is no boolean and a number no string. Unknown fields are ignored, as
clients of the public API may send them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from sendrail.domain.message import Skip
from sendrail.domain.order import Fault, Order
from sendrail.sending.orders import Limits, fill_macros, read_order

BATCH_MAX: Final = 1_000
METADATA_BYTES_MAX: Final = 16 * 1024

INVALID_JSON: Final = Fault("invalid_json", "The body must be a JSON object")
MISSING_MESSAGES: Final = Fault("missing_messages", "`messages` is required", "messages")
TOO_MANY_MESSAGES: Final = Fault(
    "too_many_messages", f"A batch holds at most {BATCH_MAX:,} messages", "messages"
)
NO_LINK_WRAPPING: Final = Fault(
    "not_available", "Link wrapping is not available yet; leave `wrap_links` out", "wrap_links"
)
_NOT_AN_OBJECT: Final = Fault("invalid_field", "`metadata` must be an object", "metadata")
_TOO_MUCH_METADATA: Final = Fault(
    "metadata_too_large", f"`metadata` holds at most {METADATA_BYTES_MAX:,} bytes", "metadata"
)
_EMPTY: Final = msgspec.Raw(b"")


class SendRaw(msgspec.Struct, gc=False):
    """`POST /v2/send-raw`."""

    to: str | None = None
    list_number: str | None = None
    body: str | None = None
    skip_duplicate_check: bool | None = None
    skip_rate_limit: bool | None = None
    skip_contact_validation: bool | None = None
    skip_journey_check: bool | None = None
    metadata: msgspec.Raw = _EMPTY


class ContactData(msgspec.Struct, gc=False):
    """What fills the macros of a text."""

    first_name: str | None = None
    last_name: str | None = None
    timezone: str | None = None
    custom_fields: dict[str, str | int | float | bool | None] | None = None


class Send(msgspec.Struct, gc=False):
    """`POST /v2/send`."""

    to: str | None = None
    list_number: str | None = None
    body: str | None = None
    wrap_links: bool | None = None
    contact_data: ContactData | None = None
    metadata: msgspec.Raw = _EMPTY


class Batch(msgspec.Struct, gc=False):
    """`POST /v2/send/bulk` and `/v2/send-raw/bulk`; each message is read on its own."""

    messages: list[msgspec.Raw] | None = None
    list_number: str | None = None


_send_raw: Final = msgspec.json.Decoder(SendRaw).decode
_send: Final = msgspec.json.Decoder(Send).decode
_batch: Final = msgspec.json.Decoder(Batch).decode


def read_send_raw(body: bytes, limits: Limits, list_number: str | None = None) -> Order | Fault:
    """Return the order in the body of `send-raw`; `list_number` stands in for a missing one."""
    try:
        fields = _send_raw(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(error)
    metadata = _metadata(fields.metadata)
    if isinstance(metadata, Fault):
        return metadata
    skips = Skip.NONE
    if fields.skip_duplicate_check:
        skips |= Skip.DUPLICATE
    if fields.skip_rate_limit:
        skips |= Skip.RATE_LIMIT
    if fields.skip_contact_validation:
        skips |= Skip.CONTACT_VALIDATION
    if fields.skip_journey_check:
        skips |= Skip.JOURNEY
    return read_order(
        fields.to,
        fields.list_number or list_number,
        fields.body,
        limits,
        skips=skips,
        metadata=metadata,
    )


def read_send(body: bytes, limits: Limits, list_number: str | None = None) -> Order | Fault:
    """Return the order in the body of `send`; `list_number` stands in for a missing one."""
    try:
        fields = _send(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(error)
    metadata = _metadata(fields.metadata)
    if isinstance(metadata, Fault):
        return metadata
    text = fields.body
    if text and "{{" in text:
        filled = fill_macros(text, _macros(fields.contact_data))
        if isinstance(filled, Fault):
            # The faults of the fields themselves come first.
            plain = read_order(fields.to, fields.list_number or list_number, "x", limits)
            return plain if isinstance(plain, Fault) else filled
        text = filled
    order = read_order(
        fields.to, fields.list_number or list_number, text, limits, metadata=metadata
    )
    return NO_LINK_WRAPPING if fields.wrap_links and isinstance(order, Order) else order


def read_batch(body: bytes) -> tuple[Sequence[msgspec.Raw], str | None] | Fault:
    """Return a batch's messages, still unread, and the list number they may share."""
    try:
        batch = _batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unreadable(error)
    if not batch.messages:
        return MISSING_MESSAGES
    if len(batch.messages) > BATCH_MAX:
        return TOO_MANY_MESSAGES
    return batch.messages, batch.list_number


def _metadata(raw: msgspec.Raw) -> bytes | Fault | None:
    value = bytes(raw)
    if not value or value == b"null":
        return None
    if value[:1] != b"{":
        return _NOT_AN_OBJECT
    if len(value) > METADATA_BYTES_MAX:
        return _TOO_MUCH_METADATA
    try:
        value.decode()
    except UnicodeDecodeError:
        return INVALID_JSON
    return value


def _macros(data: ContactData | None) -> dict[str, str]:
    if data is None:
        return {}
    values = {
        name: "" if value is None else str(value)
        for name, value in (data.custom_fields or {}).items()
    }
    for name in ("first_name", "last_name", "timezone"):
        if (given := getattr(data, name)) is not None:
            values[name] = given
    return values


def _unreadable(error: Exception) -> Fault:
    """Return the fault for a body that could not be decoded: a wrong type names its field."""
    if not isinstance(error, msgspec.ValidationError):
        return INVALID_JSON
    complaint, _, place = str(error).partition(" - at `$")
    param = place.rstrip("`").lstrip(".")
    if not param:
        return INVALID_JSON
    expected = complaint.removeprefix("Expected ").replace("`", "").replace(" | null", "")
    wanted, _, got = expected.partition(", got ")
    return Fault("invalid_field", f"`{param}` must be {wanted}, not {got}", param)

"""Parsing of a deliver_sm: a receipt, or a text from a handset.

A receipt is marked as one, in esm_class or by a parameter that only receipts have; no handset can
set those. A text that looks like a receipt but has no mark is a handset's, unless the connector's
settings allow it: any person can write `stat:DELIVRD`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.carriers.smpp import pdu, salvage, states
from sendrail.carriers.smpp.fields import MalformedPdu
from sendrail.carriers.smpp.pdu import DataMessage, Message, Tag, Tlvs
from sendrail.carriers.smpp.replies import header_of, read_reply
from sendrail.carriers.smpp.settings import Settings
from sendrail.carriers.smpp.text import UCS2, unpack
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.receipt import Callback, Receipt, Reply, has_receipts_form
from sendrail.domain.text import decode_gsm7

# esm_class of a deliver_sm, bits 5 to 2 (3.4: 5.2.12; 5.0: 4.7.12). An SME acknowledgement and an
# intermediate notification report progress and settle nothing.
_KIND: Final = 0x3C
_DELIVERY_RECEIPT: Final = 0x04
_INTERMEDIATE: Final = frozenset({0x08, 0x20})
_RECEIPT_TAGS: Final = frozenset({Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE})
# A deliver_sm up to the octet of its sm_length, marked as a receipt and with nothing else of note:
# header, service_type, both addresses, esm_class, protocol_id and priority_flag, two empty times,
# registered_delivery, replace_if_present_flag, data_coding (not UCS-2), sm_default_msg_id.
_USUAL_HEAD: Final = re.compile(
    rb".{4}\0\0\0\x05.{8}[ -~]*\0[\0-\x1f]{2}[ -~]*\0[\0-\x1f]{2}[ -~]*\0"
    rb"\x04.[\0-\x04]\0\0.\0[^\x08]\0.",
    re.DOTALL,
)
# The fields of appendix B in their order, with values that need no repair; then the text, if any.
_USUAL_TEXT: Final = re.compile(
    rb"id:([A-Za-z0-9-]+) sub:[0-9]* dlvrd:[0-9]* submit date:[0-9]* done date:[0-9]*"
    rb" stat:([A-Za-z]+)(?: err:([A-Za-z0-9]+))?(?: [Tt]ext:.*)?",
    re.DOTALL,
)
_USUAL_TAGS: Final = frozenset({*map(int, _RECEIPT_TAGS), int(Tag.NETWORK_ERROR_CODE)})
_GSM_NETWORK: Final = 3
# No receipt's text is longer than this, in any encoding.
_TEXT_OCTETS_MAX: Final = 2_048


def read(raw: bytes, settings: Settings) -> Callback:
    """Return the callback that one deliver_sm or data_sm holds.

    Raise `CarrierTrouble` when it cannot be parsed.
    """
    if (usual := _read_usual(raw, settings)) is not None:
        return usual
    try:
        body, flaw, is_cut = salvage.read(raw)
    except MalformedPdu as error:
        raise CarrierTrouble(f"The SMSC's deliver_sm cannot be read: {error}.") from error
    if not isinstance(body, Message | DataMessage):
        raise CarrierTrouble("The SMSC's callback is no deliver_sm.")
    try:
        said = _read(body, settings, is_cut=is_cut, is_whole=not flaw)
    except CarrierTrouble as trouble:
        if not flaw:
            raise
        raise CarrierTrouble(f"The SMSC's deliver_sm is malformed: {flaw}. {trouble}") from trouble
    return replace(said, flaw=flaw) if flaw else said


def _read_usual(raw: bytes, settings: Settings) -> Receipt | None:
    """Return a receipt that is as nearly all are, found in two looks; None for any other PDU.

    Whatever is read here reads the same the long way, where each field is looked at by itself.
    """
    head = _USUAL_HEAD.match(raw)
    if head is None or int.from_bytes(raw[:4], "big") != len(raw):
        return None
    start = head.end()
    end = start + raw[start - 1]
    text = _USUAL_TEXT.fullmatch(raw, start, end)
    if text is None or end > len(raw):
        return None
    tlvs, rest = pdu.read_tlvs(raw[end:])
    if rest or not _USUAL_TAGS.issuperset([tag for tag, _ in tlvs]):
        return None
    ref, word, error = text.groups()
    fields = _Fields(ref.decode(), word.decode(), error.decode() if error else "")
    return _receipt(tlvs, fields, settings, settles=True)


def _read(
    body: Message | DataMessage, settings: Settings, *, is_cut: bool, is_whole: bool
) -> Receipt | Reply:
    octets = body.short_message if isinstance(body, Message) else b""
    octets = octets or pdu.find(body.tlvs, Tag.MESSAGE_PAYLOAD) or b""
    kind = body.esm_class & _KIND
    is_marked = kind == _DELIVERY_RECEIPT or any(tag in _RECEIPT_TAGS for tag, _ in body.tlvs)
    if is_marked or kind in _INTERMEDIATE:
        fields = _fields(body, octets, is_cut=is_cut)
        return _receipt(body.tlvs, fields, settings, settles=kind not in _INTERMEDIATE)
    if not (octets or is_whole):
        raise CarrierTrouble("Its text is missing.")
    reply = read_reply(body, octets, settings)
    if settings.unmarked_receipts and has_receipts_form(reply.body):
        fields = _fields(body, octets, is_cut=is_cut)
        return _receipt(body.tlvs, fields, settings, settles=True)
    return reply


def same_form(message_id: str, settings: Settings, *, receipted: bool) -> str:
    """Return an id in one form, so that the ids of answers and receipts are equal.

    Some SMSCs write the same number in hexadecimal in one place and in decimal in the other.
    """
    if settings.message_ids == "exact":
        return message_id
    loose = message_id.strip().lower()
    loose = loose.lstrip("0") or loose[:1]
    in_hex = (settings.message_ids == "hex_to_dec") is not receipted
    if settings.message_ids != "loose" and in_hex and _HEX(loose):
        return str(int(loose, 16))
    return loose


_HEX: Final = re.compile(r"[0-9a-f]{1,32}").fullmatch

# --- Receipts

_DETAIL_OF: Final = {trouble: detail for detail, trouble in TROUBLE.items()}

# After `text:` comes the beginning of the message's own text, which may hold anything.
_OWN_TEXT: Final = re.compile(r"(?:^|\s)text:", re.IGNORECASE)
_ID: Final = re.compile(r"(?:^|\s)id:\s*([^\s]+)", re.IGNORECASE)
_STATE: Final = re.compile(r"(?:^|\s)stat:\s*([^\s]+)", re.IGNORECASE)
_ERROR: Final = re.compile(r"(?:^|\s)err:\s*([A-Za-z0-9]+)", re.IGNORECASE)

# 3GPP TS 29.002, 17.6.6: MAP errors that concern the recipient.
_MAP_TROUBLES: Final = {
    1: RecipientTrouble.INVALID_DESTINATION,  # unknown subscriber
    6: RecipientTrouble.ABSENT_SUBSCRIBER,  # absent subscriber, SM
    9: RecipientTrouble.INVALID_DESTINATION,  # illegal subscriber
    11: RecipientTrouble.OPERATOR,  # teleservice not provisioned
    13: RecipientTrouble.OPERATOR,  # call barred
    27: RecipientTrouble.ABSENT_SUBSCRIBER,  # absent subscriber
}


class _Fields(NamedTuple):
    """The fields in the text of a receipt; `is_cut` says that the last one may be truncated."""

    ref: str = ""
    word: str = ""
    error: str = ""
    is_cut: bool = False


def _fields(body: Message | DataMessage, octets: bytes, *, is_cut: bool) -> _Fields:
    """Read a receipt's text in its declared encoding, or in the one that gives the most fields."""
    best = _Fields()
    octets = octets[:_TEXT_OCTETS_MAX]
    for text in _readings(octets, header_of(body, octets), is_ucs2=body.data_coding == UCS2):
        fields = _parse(text, is_cut=is_cut)
        if fields.ref and fields.word:
            return fields
        best = max(best, fields, key=lambda each: bool(each.ref) + bool(each.word))
    return best


def _readings(octets: bytes, header_octets: int, *, is_ucs2: bool) -> Iterator[str]:
    # A header may be present but not announced, or announced but absent.
    unannounced = octets[0] + 1 if octets else 0
    for start in dict.fromkeys((header_octets, 0, unannounced)):
        text = octets[start:]
        if is_ucs2:
            yield _utf16(text)
        # Without its NULs, UTF-16 of either byte order is ASCII, and so is a text with a stray NUL.
        yield text.replace(b"\0", b"").decode("latin-1")
        yield _utf16(text)
        yield decode_gsm7(unpack(text, start))


def _utf16(octets: bytes) -> str:
    order = "utf-16-le" if octets[:2] == b"\xff\xfe" else "utf-16-be"
    return octets.decode(order, "replace").removeprefix("\ufeff")


def _parse(text: str, *, is_cut: bool) -> _Fields:
    if (own := _OWN_TEXT.search(text)) is not None:
        text, is_cut = text[: own.start()], False
    ref, word = _ID.search(text), _STATE.search(text)
    return _Fields(
        # A truncated id is not used: it may be the id of another message.
        salvage.tidy_id(ref[1]) if ref and not (is_cut and ref.end() == len(text)) else "",
        word[1].strip("\0,;.") if word else "",
        _first(_ERROR, text) or "",
        is_cut and word is not None and word.end() == len(text),
    )


def _receipt(tlvs: Tlvs, fields: _Fields, settings: Settings, *, settles: bool) -> Receipt:
    ref = _string(pdu.find(tlvs, Tag.RECEIPTED_MESSAGE_ID)) or fields.ref
    if not ref:
        raise CarrierTrouble("A receipt of the SMSC names no message: no id in it.")
    named, is_cut = settings.receipt_states, fields.is_cut
    state = states.decide(_state_number(tlvs), fields.word, named, is_cut=is_cut)
    if state is None:
        raise CarrierTrouble("A receipt of the SMSC names no state: no stat: in it.")
    status, word, name, _ = state
    trouble = _trouble(tlvs, fields.error, settings) if status is not Status.DELIVERED else None
    detail = word if trouble is None or status is None else _DETAIL_OF[trouble]
    is_plain = status in {None, Status.DELIVERED}
    return Receipt(
        carrier_ref=same_form(ref, settings, receipted=True),
        status=status if settles else None,
        detail=detail if is_plain else _with_code(detail, name, fields.error),
        trouble=trouble,
    )


def _state_number(tlvs: Tlvs) -> int | None:
    """Return message_state, from one octet or from several of which the others are NUL."""
    octets = pdu.find(tlvs, Tag.MESSAGE_STATE)
    if not octets:
        return None
    value = octets.strip(b"\0")
    return int.from_bytes(value, "big") if value else 0


def _with_code(detail: Detail, name: str, error: str | None) -> str:
    codes = [] if name == detail else [name]
    if error and error.strip("0"):
        codes.append(f"err {error}")
    return f"{detail} ({', '.join(codes)})" if codes else detail


def _trouble(tlvs: Tlvs, error: str | None, settings: Settings) -> RecipientTrouble | None:
    """Return what an error code implies about the recipient: by the settings, else by GSM."""
    code = pdu.find(tlvs, Tag.NETWORK_ERROR_CODE)
    number = int.from_bytes(code[1:], "big") if code else None
    for name in (error, None if number is None else str(number)):
        if name is not None and name in settings.receipt_errors:
            return settings.receipt_errors[name]
    if code and number is not None and code[0] == _GSM_NETWORK:
        return _MAP_TROUBLES.get(number)
    return None


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return None if match is None else match[1]


def _string(octets: bytes | None) -> str:
    """Return an id from a parameter; one with octets after a NUL is damaged and ignored."""
    text = "" if octets is None else octets.decode("latin-1").strip(" \t\r\n\0")
    if text.isascii() and text.isalnum():
        return text
    return text if salvage.tidy_id(text) == text else ""

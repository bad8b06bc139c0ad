"""What a deliver_sm says: a receipt on a message's fate, or a text from a handset.

A receipt's parameters are believed before its text, whose format is custom (3.4: appendix B) and
varies with the SMSC. What comes without the receipt's mark in esm_class is a handset's text,
whatever it looks like: anybody can write `stat:DELIVRD`.
"""

import re
from typing import Final

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.pdu import DataMessage, MalformedPdu, Message, Tag, Tlvs
from sendrail.carriers.smpp.settings import Settings
from sendrail.carriers.smpp.text import UCS2, UDH_INDICATOR, read_text
from sendrail.domain import phone
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Callback, Receipt, Reply, ReplyPart

# esm_class of a deliver_sm, bits 5 to 2 (3.4: 5.2.12; 5.0: 4.7.12). An SME acknowledgement and an
# intermediate notification tell of the way: they settle nothing.
_KIND: Final = 0x3C
_DELIVERY_RECEIPT: Final = 0x04
_INTERMEDIATE: Final = frozenset({0x08, 0x20})
# UDH information elements with their lengths, 3GPP TS 23.040, 9.2.3.24.
_CONCATENATION_8: Final = (0x00, 3)
_CONCATENATION_16: Final = (0x08, 4)
_GSM_NETWORK: Final = 3


def read(raw: bytes, settings: Settings) -> Callback:
    """Return what one deliver_sm or data_sm says.

    Raises `CarrierTrouble` when it makes no sense.
    """
    try:
        body = pdu.read(raw).body
    except MalformedPdu as error:
        raise CarrierTrouble(f"The SMSC's deliver_sm cannot be read: {error}.") from error
    if not isinstance(body, Message | DataMessage):
        raise CarrierTrouble("The SMSC's callback is no deliver_sm.")
    octets = body.short_message if isinstance(body, Message) else b""
    octets = octets or pdu.find(body.tlvs, Tag.MESSAGE_PAYLOAD) or b""
    kind = body.esm_class & _KIND
    if kind == _DELIVERY_RECEIPT or kind in _INTERMEDIATE:
        return _receipt(body, octets, settings, settles=kind == _DELIVERY_RECEIPT)
    return _reply(body, octets, settings)


def same_form(message_id: str, settings: Settings, *, receipted: bool) -> str:
    """Return an id in the form in which the answer's and the receipt's meet.

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

# What each state settles, our word for it unless an error says more of the recipient, and the name
# that goes along. 3.4: 5.2.28, and 5.0: 4.7.15 for 0 and 9. A message that is accepted is read by
# a person at the SMSC "on behalf of the subscriber"; in use the word says that it is on its way.
_STATES: Final[dict[int, tuple[Status | None, Detail, str]]] = {
    0: (None, Detail.ENROUTE, "SCHEDULED"),
    1: (None, Detail.ENROUTE, "ENROUTE"),
    2: (Status.DELIVERED, Detail.DELIVERED, "DELIVRD"),
    3: (Status.UNDELIVERED, Detail.EXPIRED, "EXPIRED"),
    4: (Status.FAILED, Detail.CANCELLED, "DELETED"),
    5: (Status.UNDELIVERED, Detail.UNKNOWN, "UNDELIV"),
    6: (None, Detail.ENROUTE, "ACCEPTD"),
    7: (Status.UNDELIVERED, Detail.UNKNOWN, "UNKNOWN"),
    8: (Status.FAILED, Detail.UNKNOWN, "REJECTD"),
    9: (Status.FAILED, Detail.UNKNOWN, "SKIPPED"),
}
_DETAIL_OF: Final = {trouble: detail for detail, trouble in TROUBLE.items()}
# 3.4: appendix B, cut to seven letters there; SMSCs write them out as well.
_WORDS: Final = {
    "SCHEDUL": 0,
    "ENROUTE": 1,
    "BUFFERE": 1,
    "DELIVRD": 2,
    "DELIVER": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "FAILED": 5,
    "ACCEPTD": 6,
    "ACCEPTE": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
    "REJECTE": 8,
    "SKIPPED": 9,
}
_WORD_LETTERS: Final = 7

# What follows `text:` is the message's own beginning, and may say anything.
_OWN_TEXT: Final = re.compile(r"(?:^|\s)text:", re.IGNORECASE)
_ID: Final = re.compile(r"(?:^|\s)id:\s*([^\s]+)", re.IGNORECASE)
_STATE: Final = re.compile(r"(?:^|\s)stat:\s*([A-Za-z]+)", re.IGNORECASE)
_ERROR: Final = re.compile(r"(?:^|\s)err:\s*([A-Za-z0-9]+)", re.IGNORECASE)

# 3GPP TS 29.002, 17.6.6: MAP errors that say something of the recipient.
_MAP_TROUBLES: Final = {
    1: RecipientTrouble.INVALID_DESTINATION,  # unknown subscriber
    6: RecipientTrouble.ABSENT_SUBSCRIBER,  # absent subscriber, SM
    9: RecipientTrouble.INVALID_DESTINATION,  # illegal subscriber
    11: RecipientTrouble.OPERATOR,  # teleservice not provisioned
    13: RecipientTrouble.OPERATOR,  # call barred
    27: RecipientTrouble.ABSENT_SUBSCRIBER,  # absent subscriber
}


def _receipt(
    body: Message | DataMessage, octets: bytes, settings: Settings, *, settles: bool
) -> Receipt:
    text = octets.decode("utf-16-be" if body.data_coding == UCS2 else "latin-1", "replace")
    if (own := _OWN_TEXT.search(text)) is not None:
        text = text[: own.start()]
    ref = _string(pdu.find(body.tlvs, Tag.RECEIPTED_MESSAGE_ID)) or _first(_ID, text)
    if not ref:
        raise CarrierTrouble("A receipt of the SMSC names no message: no id in it.")
    state = pdu.find(body.tlvs, Tag.MESSAGE_STATE)
    number = state[0] if state else _WORDS.get((_first(_STATE, text) or "")[:_WORD_LETTERS].upper())
    if number not in _STATES:
        raise CarrierTrouble("A receipt of the SMSC names no state: no stat: that is known.")
    status, word, name = _STATES[number]
    error = _first(_ERROR, text)
    trouble = _trouble(body.tlvs, error, settings) if status is not Status.DELIVERED else None
    detail = word if trouble is None or status is None else _DETAIL_OF[trouble]
    return Receipt(
        carrier_ref=same_form(ref, settings, receipted=True),
        status=status if settles else None,
        detail=detail if status in {None, Status.DELIVERED} else _with_code(detail, name, error),
        trouble=trouble,
    )


def _with_code(detail: Detail, name: str, error: str | None) -> str:
    codes = [] if name == detail else [name]
    if error and error.strip("0"):
        codes.append(f"err {error}")
    return f"{detail} ({', '.join(codes)})" if codes else detail


def _trouble(tlvs: Tlvs, error: str | None, settings: Settings) -> RecipientTrouble | None:
    """Return what a receipt says of the recipient: as the link was told, else as GSM has it."""
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
    return "" if octets is None else octets.partition(b"\0")[0].decode("latin-1").strip()


# --- Texts from handsets


def _reply(body: Message | DataMessage, octets: bytes, settings: Settings) -> Reply:
    part = _sar(body.tlvs)
    header_octets = 0
    if body.esm_class & UDH_INDICATOR and octets:
        header_octets = min(len(octets), octets[0] + 1)
        part = _udh(octets[1:header_octets]) or part
    text = read_text(
        octets[header_octets:], body.data_coding, settings, header_octets=header_octets
    )
    return Reply(
        sender=_number(body.source_addr),
        list_number=_number(body.destination_addr),
        body=text,
        part=part,
    )


def _udh(header: bytes) -> ReplyPart | None:
    """Return what the header says of the text's place among others."""
    at = 0
    while at + 2 <= len(header):
        kind, value = header[at], header[at + 2 : at + 2 + header[at + 1]]
        if (kind, len(value)) == _CONCATENATION_8:
            return _part(value[0], value[1], value[2])
        if (kind, len(value)) == _CONCATENATION_16:
            return _part(int.from_bytes(value[:2], "big"), value[2], value[3])
        at += 2 + header[at + 1]
    return None


def _sar(tlvs: Tlvs) -> ReplyPart | None:
    tags = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
    values = [int.from_bytes(octets, "big") for tag in tags if (octets := pdu.find(tlvs, tag))]
    return _part(*values) if len(values) == len(tags) else None


def _part(reference: int, total: int, number: int) -> ReplyPart | None:
    # A place that cannot be is ignored, as 23.040 asks: the text then stands for itself.
    if not 1 <= number <= total:
        return None
    return ReplyPart(reference=reference, total=total, number=number)


def _number(address: str) -> PhoneNumber:
    digits = address.strip().lstrip("+")
    if not (digits.isascii() and digits.isdecimal() and digits[0] != "0"):
        raise CarrierTrouble(
            "A text from a handset has an address that is no international number."
        )
    if (number := phone.parse(f"+{digits}")) is None:
        raise CarrierTrouble("A text from a handset has an address of too few or many digits.")
    return number

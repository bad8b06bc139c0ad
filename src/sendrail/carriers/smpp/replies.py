"""Parsing of a text from a handset in a deliver_sm: sender, recipient, text and part.

Numbers are read by their type of number (3.4: 5.2.5). An ambiguous number is refused, because it
could opt out a stranger.
"""

from typing import Final

from sendrail.carriers.smpp import pdu
from sendrail.carriers.smpp.pdu import DataMessage, Message, Tag, Tlvs
from sendrail.carriers.smpp.settings import Settings
from sendrail.carriers.smpp.text import UDH_INDICATOR, read_octets
from sendrail.domain.address import AddressForm, read_number, read_short_code
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply, ReplyPart
from sendrail.domain.text import Alphabet, decode

# UDH information elements with their lengths, 3GPP TS 23.040, 9.2.3.24.
_CONCATENATION_8: Final = (0x00, 3)
_CONCATENATION_16: Final = (0x08, 4)
# 3.4: 5.2.5. A subscriber number lacks its area code.
_FORMS: Final = {1: AddressForm.INTERNATIONAL, 2: AddressForm.NATIONAL, 4: AddressForm.NATIONAL}


def header_of(body: Message | DataMessage, octets: bytes) -> int:
    """Return how many octets at the start of a text are a user data header."""
    if body.esm_class & UDH_INDICATOR and octets:
        return min(len(octets), octets[0] + 1)
    return 0


def read_reply(body: Message | DataMessage, octets: bytes, settings: Settings) -> Reply:
    """Return a text from a handset. Raise `CarrierTrouble` for addresses that are no numbers."""
    header_octets = header_of(body, octets)
    place = _udh(octets[1:header_octets]) or _sar(body.tlvs)
    text, alphabet = read_octets(
        octets[header_octets:], body.data_coding, settings, header_octets=header_octets
    )
    return Reply(
        sender=_number("sender", body.source_addr, body.source_addr_ton, settings),
        list_number=_number("recipient", body.destination_addr, body.dest_addr_ton, settings),
        body=decode(text, alphabet),
        part=None if place is None else _part(place, text, alphabet),
    )


_Place = tuple[int, int, int]


def _udh(header: bytes) -> _Place | None:
    """Return the part's place from the header: reference, count of parts, number of this one."""
    at = 0
    while at + 2 <= len(header):
        kind, value = header[at], header[at + 2 : at + 2 + header[at + 1]]
        if (kind, len(value)) == _CONCATENATION_8:
            return value[0], value[1], value[2]
        if (kind, len(value)) == _CONCATENATION_16:
            return int.from_bytes(value[:2], "big"), value[2], value[3]
        at += 2 + header[at + 1]
    return None


def _sar(tlvs: Tlvs) -> _Place | None:
    reference, total, number = (
        pdu.find(tlvs, tag)
        for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
    )
    if not reference or not total or not number:
        return None
    # 3.4: 5.3.2.22 to 24 have two octets, one, and one; of a longer value the last ones count.
    return int.from_bytes(reference[-2:], "big"), total[-1], number[-1]


def _part(place: _Place, octets: bytes, alphabet: Alphabet) -> ReplyPart | None:
    reference, total, number = place
    # An impossible place is ignored, as 23.040 requires: the text then counts as a whole one.
    if not 1 <= number <= total:
        return None
    return ReplyPart(
        reference=reference, total=total, number=number, octets=octets, alphabet=alphabet
    )


def _number(whose: str, address: str, ton: int, settings: Settings) -> PhoneNumber:
    form = _FORMS.get(ton, AddressForm.UNMARKED)
    code = read_short_code(address)
    if code is not None and form is not AddressForm.NATIONAL:
        return PhoneNumber(code)
    number = read_number(address, country=settings.country, form=form)
    if number is None and code is not None:
        return PhoneNumber(code)
    if number is not None:
        return number
    digits = address.strip(" \0")
    if digits[:1] in {"+", ""} or not digits.isascii() or not digits.isdecimal():
        raise CarrierTrouble(f"The {whose} of a text has an address that is no number.")
    if settings.country is None:
        raise CarrierTrouble(
            f"The {whose} of a text has a national address (TON {ton}), or one that is no "
            "number; set the connector's `country` to read national numbers."
        )
    raise CarrierTrouble(
        f"The {whose} of a text has an address (TON {ton}) that is no number of "
        f"{settings.country} nor an international one, or could be both."
    )

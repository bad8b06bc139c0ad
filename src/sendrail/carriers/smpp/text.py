"""A message's text and addresses as submit_sm bodies, and the octets of a deliver_sm as text.

Each SMSC chooses the alphabet of data_coding 0, so it is a setting of the connector. A long text is
split between characters (`domain/text.py`). The handset joins the parts by a header in the text
(3GPP TS 23.040, 9.2.3.24) or by SAR parameters; with message_payload the SMSC splits the text.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from sendrail.carriers.smpp.pdu import Message, SubmitTemplate, Tag, write_tlvs
from sendrail.carriers.smpp.settings import Settings
from sendrail.domain import phone
from sendrail.domain.address import SHORT_CODE_DIGITS_MAX, read_number
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.text import (
    UDH_OCTETS,
    Alphabet,
    Encoding,
    decode,
    encode_gsm7,
    measure,
    split,
)

# esm_class, 3.4: 5.2.12.
UDH_INDICATOR: Final = 0x40
# data_coding, 3.4: 5.2.19.
DEFAULT_ALPHABET: Final = 0
LATIN1: Final = 3
UCS2: Final = 8
# TON and NPI, 3.4: 5.2.5 and 5.2.6.
_INTERNATIONAL, _NATIONAL, _ALPHANUMERIC = 1, 2, 5
_UNKNOWN, _E164 = 0, 1
_UDH16_OCTETS: Final = 7
# The largest count of parts that a header can hold.
_PARTS_MAX: Final = 255
_SENDERS_CACHED: Final = 4_096


class SubmitComposer:
    """Makes the bodies of one connector's submits, and the references of its long texts."""

    def __init__(self, settings: Settings, *, first_reference: int) -> None:
        self._settings = settings
        self._alphabet = _ALPHABETS[settings.alphabet]
        self._reference = first_reference
        self._extras = settings.extras
        self._stencil = lru_cache(_SENDERS_CACHED)(self._make_stencil)

    def bodies(self, message: OutboundMessage) -> list[bytes]:
        """Return a body for each part of the message, in order.

        Raise ValueError for a text of more than 255 parts, and for metadata that cannot be sent.
        """
        stencil = self._stencil(message.sender)
        destination = b"%d" % message.recipient
        extras = self._extras.of(message)
        encoding, _, segments = measure(message.body)
        alphabet = _UCS2 if encoding is Encoding.UCS2 else self._alphabet
        if segments == 1:
            try:
                octets = alphabet.encode(message.body, 0)
            except UnicodeEncodeError:
                alphabet = _UCS2
            else:
                return [stencil.fill(destination, alphabet.data_coding, octets, tlvs=extras)]
        elif not alphabet.has(message.body):
            alphabet = _UCS2
        return self._long(stencil, destination, message.body, alphabet, extras)

    def _long(
        self,
        stencil: SubmitTemplate,
        destination: bytes,
        body: str,
        alphabet: "_Alphabet",
        extras: bytes,
    ) -> list[bytes]:
        way = self._settings.long_text
        encoding = Encoding.UCS2 if alphabet is _UCS2 else None
        header_octets = _UDH16_OCTETS if way == "udh16" else UDH_OCTETS
        pieces = split(body, encoding=encoding, header_octets=header_octets)
        if len(pieces) > _PARTS_MAX:
            raise ValueError(
                f"a text of {len(pieces)} parts cannot be sent, {_PARTS_MAX} is the most"
            )
        code = alphabet.data_coding
        if len(pieces) == 1:
            return [stencil.fill(destination, code, alphabet.encode(body, 0), tlvs=extras)]
        if way == "payload":
            payload = write_tlvs(((Tag.MESSAGE_PAYLOAD, alphabet.encode(body, 0)),))
            return [stencil.fill(destination, code, b"", tlvs=payload + extras)]
        self._reference += 1
        if way == "sar":
            return [
                stencil.fill(
                    destination,
                    code,
                    alphabet.encode(piece, 0),
                    tlvs=_sar(self._reference, len(pieces), number) + extras,
                )
                for number, piece in enumerate(pieces, 1)
            ]
        header = _udh16 if way == "udh16" else _udh8
        return [
            stencil.fill(
                destination,
                code,
                header(self._reference, len(pieces), number)
                + alphabet.encode(piece, header_octets),
                esm_class=UDH_INDICATOR,
                tlvs=extras,
            )
            for number, piece in enumerate(pieces, 1)
        ]

    def _make_stencil(self, sender: str) -> SubmitTemplate:
        chosen = self._settings
        source, ton, npi = _source(chosen.source_addr or phone.bare(sender), chosen)
        return SubmitTemplate(
            Message(
                service_type=chosen.service_type,
                source_addr_ton=ton if chosen.source_ton is None else chosen.source_ton,
                source_addr_npi=npi if chosen.source_npi is None else chosen.source_npi,
                source_addr=source,
                dest_addr_ton=chosen.dest_ton,
                dest_addr_npi=chosen.dest_npi,
                validity_period=chosen.validity_period,
                registered_delivery=chosen.registered_delivery,
            )
        )


def read_text(
    octets: bytes, data_coding: int, settings: Settings, *, header_octets: int = 0
) -> str:
    """Return the text from a handset; octets that are not in its alphabet become U+FFFD."""
    return decode(*read_octets(octets, data_coding, settings, header_octets=header_octets))


def read_octets(
    octets: bytes, data_coding: int, settings: Settings, *, header_octets: int = 0
) -> tuple[bytes, Alphabet]:
    """Return the octets of a text from a handset and their alphabet; septets come one to an octet.

    `header_octets` is the length of the header before the text: packed septets begin at the next
    septet boundary after it.
    """
    kind = _kind(data_coding)
    if kind == UCS2:
        return octets, Alphabet.UCS2
    if kind != DEFAULT_ALPHABET:
        return octets, Alphabet.LATIN1
    default = _ALPHABETS[settings.alphabet]
    if default.is_packed:
        octets = unpack(octets, header_octets)
    return octets, default.reads


# --- Alphabets


class _Alphabet(NamedTuple):
    """A data_coding and its codec; `encode` also takes the length of the header, in octets."""

    data_coding: int
    encode: Callable[[str, int], bytes]
    reads: Alphabet
    is_packed: bool = False

    def has(self, text: str) -> bool:
        try:
            self.encode(text, 0)
        except UnicodeEncodeError:
            return False
        return True


def _encode_gsm(text: str, _: int) -> bytes:
    return encode_gsm7(text)


def _encode_packed(text: str, header_octets: int) -> bytes:
    return pack(encode_gsm7(text), header_octets)


def _encode_latin1(text: str, _: int) -> bytes:
    return text.encode("latin-1")


def _encode_ucs2(text: str, _: int) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


_UCS2: Final = _Alphabet(UCS2, _encode_ucs2, Alphabet.UCS2)
_ALPHABETS: Final = {
    "gsm": _Alphabet(DEFAULT_ALPHABET, _encode_gsm, Alphabet.GSM7),
    "gsm_packed": _Alphabet(DEFAULT_ALPHABET, _encode_packed, Alphabet.GSM7, is_packed=True),
    "latin1": _Alphabet(DEFAULT_ALPHABET, _encode_latin1, Alphabet.LATIN1),
    "latin1_as_3": _Alphabet(LATIN1, _encode_latin1, Alphabet.GSM7),
}

# 3GPP TS 23.038, 4: the groups of GSM data_coding values, with the alphabet in bits 3 and 2. SMPP's
# own codes below 16 are not among them.
_GENERAL_GROUP: Final = range(0x10, 0x40)
_CLASS_GROUP: Final = range(0xF0, 0x100)
_GSM_KINDS: Final = {0x00: DEFAULT_ALPHABET, 0x04: LATIN1, 0x08: UCS2, 0x0C: DEFAULT_ALPHABET}


def _kind(data_coding: int) -> int:
    """Return the alphabet of a data_coding as one of SMPP's own three."""
    if data_coding in {DEFAULT_ALPHABET, UCS2}:
        return data_coding
    if data_coding in _GENERAL_GROUP:
        return _GSM_KINDS[data_coding & 0x0C]
    if data_coding in _CLASS_GROUP:
        return _GSM_KINDS[data_coding & 0x04]
    return LATIN1


# --- Septets in octets, 3GPP TS 23.038, 6.1.2.1

_SEPTET: Final = 7
_OCTET: Final = 8
_CR: Final = 0x0D


def pack(septets: bytes, header_octets: int = 0) -> bytes:
    """Pack septets, given one to an octet; the first begins at a septet boundary."""
    offset = _fill_bits(header_octets)
    bits = offset + len(septets) * _SEPTET
    if bits % _OCTET == 1:
        # Seven bits are left, which a receiver that counts octets would show as an extra `@`:
        # 6.1.2.3.1 fills them with a carriage return.
        septets, bits = septets + bytes((_CR,)), bits + _SEPTET
    number = 0
    for septet in reversed(septets):
        number = number << _SEPTET | septet
    return (number << offset).to_bytes(-(-bits // _OCTET), "little")


def unpack(octets: bytes, header_octets: int = 0) -> bytes:
    """Unpack septets, one to an octet."""
    septets = bytearray()
    fill_bits = _fill_bits(header_octets)
    # Zero bits before the fill bits make them a whole septet, which is dropped at the end.
    rest, bits = 0, -fill_bits % _SEPTET
    for octet in octets:
        rest |= octet << bits
        bits += _OCTET
        while bits >= _SEPTET:
            septets.append(rest & 0x7F)
            rest >>= _SEPTET
            bits -= _SEPTET
    # A last septet that ends with its octet may be padding.
    is_filled = bits == 0 and bytes(septets[-1:]) in {b"\r", b"\0"}
    return bytes(septets[bool(fill_bits) : len(septets) - is_filled])


def _fill_bits(header_octets: int) -> int:
    return -header_octets * _OCTET % _SEPTET


# --- Headers and addresses


def _udh8(reference: int, total: int, number: int) -> bytes:
    return bytes((5, 0x00, 3, reference & 0xFF, total, number))


def _udh16(reference: int, total: int, number: int) -> bytes:
    return bytes((6, 0x08, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number))


def _sar(reference: int, total: int, number: int) -> bytes:
    return write_tlvs(
        (
            (Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
            (Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
            (Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
        )
    )


def _source(text: str, settings: Settings) -> tuple[str, int, int]:
    """Return the source address, its TON and its NPI.

    A number is sent without plus, blanks and brackets.
    """
    if text.startswith(("+", "00")) and (number := read_number(text)) is not None:
        return str(number), _INTERNATIONAL, _E164
    if not text.isdecimal():
        return text, _ALPHANUMERIC, _UNKNOWN
    if len(text) <= SHORT_CODE_DIGITS_MAX:
        return text, settings.short_code_ton, settings.short_code_npi
    return text, _NATIONAL if text[0] == "0" else _INTERNATIONAL, _E164

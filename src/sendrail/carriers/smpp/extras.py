"""Optional parameters that an operator or a country requires, such as India's DLT ids.

A connector's settings define them: for all messages, per list, or from the customer's metadata.
Metadata overrides the list's value, which overrides the common one.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sendrail.carriers.details import Detail
from sendrail.carriers.smpp.pdu import Tag, write_tlvs
from sendrail.domain import phone
from sendrail.domain.address import read_number, read_short_code
from sendrail.domain.delivery import OutboundMessage

VALUE_MAX: Final = 255
_MANY: Final = 32
TlvName = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{4}$")]
TlvValues = Annotated[dict[TlvName, Annotated[str, Meta(min_length=1)]], Meta(max_length=_MANY)]
MetadataKeys = Annotated[
    dict[TlvName, Annotated[str, Meta(min_length=1, max_length=100)]], Meta(max_length=_MANY)
]

_HEX: Final = "hex:"
_TEXT: Final = re.compile(rf"[ -~]{{1,{VALUE_MAX}}}").fullmatch
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}").fullmatch
# We write the parameters that join the parts of a long text.
_OURS: Final = frozenset(
    {
        Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM, Tag.MESSAGE_PAYLOAD,
    }
)  # fmt: skip
_read_metadata: Final = msgspec.json.Decoder(dict[str, Any]).decode


class ExtraParameters:
    """The parameters that one connector adds to its submits."""

    def __init__(
        self,
        everywhere: Mapping[str, str],
        by_list: Mapping[str, Mapping[str, str]],
        from_metadata: Mapping[str, str],
        *,
        end: bytes,
    ) -> None:
        """Parse the settings `tlvs`, `list_tlvs` and `metadata_tlvs`; `end` terminates each text.

        Raise ValueError with the name of a setting that is wrong.
        """
        self._end = end
        self._from_metadata = {
            _tag(name, "metadata_tlvs"): key for name, key in from_metadata.items()
        }
        common = self._values(everywhere, "tlvs")
        self._by_list = {
            _list(number): common | self._values(values, f"list_tlvs of {number}")
            for number, values in by_list.items()
        }
        self._common = common
        # Cached: nearly all messages of a list have the same octets.
        self._written = {number: _write(values) for number, values in self._by_list.items()}
        self._written_common = _write(common)

    @property
    def reads_metadata(self) -> bool:
        """Whether messages need the customer's metadata."""
        return bool(self._from_metadata)

    def of(self, message: OutboundMessage) -> bytes:
        """Return the parameters of one message.

        Raise ValueError for metadata that cannot be sent.
        """
        if self._from_metadata and message.metadata is not None:
            said = _read_metadata(message.metadata)
            found = {
                tag: self._from_message(key, said[key])
                for tag, key in self._from_metadata.items()
                if said.get(key) is not None
            }
            if found:
                return _write(self._by_list.get(phone.bare(message.sender), self._common) | found)
        if not self._written:
            return self._written_common
        return self._written.get(phone.bare(message.sender), self._written_common)

    def _from_message(self, key: str, value: object) -> bytes:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _TEXT(text):
            raise ValueError(
                f"{Detail.REQUEST} (metadata {key!r} must be a text of 1 to {VALUE_MAX} printable "
                "ASCII characters)"
            )
        return text.encode("ascii") + self._end

    def _values(self, values: Mapping[str, str], where: str) -> dict[int, bytes]:
        return {_tag(name, where): self._value(name, text, where) for name, text in values.items()}

    def _value(self, name: str, text: str, where: str) -> bytes:
        if text.startswith(_HEX):
            try:
                octets = bytes.fromhex(text.removeprefix(_HEX))
            except ValueError:
                octets = b""
            if 1 <= len(octets) <= VALUE_MAX:
                return octets
        elif _TEXT(text):
            return text.encode("ascii") + self._end
        raise ValueError(
            f"{where}: the value of {name} must be 1 to {VALUE_MAX} printable ASCII characters, "
            "or hex: and the octets in hexadecimal"
        )


def _tag(name: str, where: str) -> int:
    tag = int(name, 16)
    if tag == 0 or tag in _OURS:
        raise ValueError(f"{where}: {name} is no parameter that a setting can give")
    return tag


def _list(number: str) -> str:
    found = read_short_code(number) or read_number(number)
    if found is not None:
        return str(found)
    if not _NAME(number):
        raise ValueError(
            f"list_tlvs: {number!r} is no list's number; write it as +15550002000, or as a short "
            "code"
        )
    return number


def _write(values: Mapping[int, bytes]) -> bytes:
    return write_tlvs(tuple(values.items()))

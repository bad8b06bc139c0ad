"""The types of mandatory fields in a PDU's body (SMPP 3.4: 3.1)."""

from dataclasses import dataclass
from typing import Final


class MalformedPdu(ValueError):
    """The bytes are no PDU; the message names the field."""


_OCTET_MAX: Final = 0xFF


@dataclass(frozen=True, slots=True)
class Integer:
    """One octet."""

    name: str

    def read(self, frame: bytes, at: int) -> tuple[int, int]:
        if at >= len(frame):
            raise MalformedPdu(f"the body ends before {self.name}")
        return frame[at], at + 1

    def write(self, value: int) -> bytes:
        if not 0 <= value <= _OCTET_MAX:
            raise ValueError(f"{self.name} is one octet and cannot be {value}")
        return bytes((value,))


@dataclass(frozen=True, slots=True)
class Text:
    """A C-octet string: text up to a NUL.

    `octets_max` counts the NUL, as the specification's tables do. It is enforced when writing only,
    because some SMSCs send longer ids.
    """

    name: str
    octets_max: int

    def read(self, frame: bytes, at: int) -> tuple[str, int]:
        end = frame.find(0, at)
        if end < 0:
            raise MalformedPdu(f"the body ends inside {self.name}")
        return frame[at:end].decode("latin-1"), end + 1

    def write(self, value: str) -> bytes:
        octets = value.encode("latin-1", "replace")
        if len(octets) >= self.octets_max or 0 in octets:
            raise ValueError(
                f"{self.name} holds at most {self.octets_max - 1} characters and no NUL"
            )
        return octets + b"\0"


@dataclass(frozen=True, slots=True)
class Octets:
    """Octets after a length of one octet: sm_length and short_message."""

    name: str

    def read(self, frame: bytes, at: int) -> tuple[bytes, int]:
        if at >= len(frame):
            raise MalformedPdu(f"the body ends before the length of {self.name}")
        start = at + 1
        end = start + frame[at]
        if end > len(frame):
            raise MalformedPdu(f"the body ends inside {self.name}")
        return frame[start:end], end

    def write(self, value: bytes) -> bytes:
        if len(value) > _OCTET_MAX:
            raise ValueError(f"{self.name} holds at most {_OCTET_MAX} octets")
        return bytes((len(value),)) + value

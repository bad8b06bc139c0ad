"""The settings of an SMPP connector; `docs/carriers/smpp.md` explains each."""

import re
import ssl
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sendrail.carriers.sdk import WHOLE_CONNECTOR, ProcessIndex, Secret, read_settings
from sendrail.carriers.smpp.extras import ExtraParameters, MetadataKeys, TlvValues
from sendrail.carriers.smpp.session import Role
from sendrail.carriers.smpp.states import ReceiptMeaning
from sendrail.carriers.smpp.status import StatusAction
from sendrail.domain.address import is_country, read_number
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.errors import CarrierTrouble

KIND: Final = "SMPP"
_Seconds = Annotated[float, Meta(gt=0, le=3_600)]
# Of an address, 3.4: 5.2.5 and 5.2.6.
_Octet = Annotated[int, Meta(ge=0, le=255)]
_ASCII: Final = (
    "system_id", "password", "system_type", "address_range", "source_addr", "service_type",
)  # fmt: skip
_STATUS: Final = re.compile(r"0x[0-9a-fA-F]{1,8}").fullmatch
_WORD: Final = re.compile(r"[!-~]{1,32}").fullmatch


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an SMPP connector, by the names of the specification where it has one."""

    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65_535)] = 2775
    system_id: Annotated[str, Meta(min_length=1, max_length=15)]
    password: Annotated[Secret, Meta(max_length=64)]
    system_type: Annotated[str, Meta(max_length=12)] = ""
    address_range: Annotated[str, Meta(max_length=40)] = ""
    interface_version: Literal["3.4", "5.0"] = "3.4"

    mode: Literal["transceiver", "pair"] = "transceiver"
    binds: Annotated[int, Meta(ge=1, le=32)] = 1
    window: Annotated[int, Meta(ge=1, le=5_000)] = 10
    response_timeout_seconds: _Seconds = 30.0
    enquire_link_seconds: _Seconds = 30.0
    connect_timeout_seconds: _Seconds = 10.0

    tls: bool = False
    tls_ca_file: Annotated[str, Meta(min_length=1)] | None = None
    tls_server_name: Annotated[str, Meta(min_length=1)] | None = None

    source_addr: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    source_ton: _Octet | None = None
    source_npi: _Octet | None = None
    short_code_ton: _Octet = 3
    short_code_npi: _Octet = 0
    dest_ton: _Octet = 1
    dest_npi: _Octet = 1

    service_type: Annotated[str, Meta(max_length=5)] = ""
    registered_delivery: Annotated[int, Meta(ge=0, le=31)] = 1
    validity_period: Annotated[str, Meta(pattern=r"^([0-9]{15}[R+-])?$")] = ""
    alphabet: Literal["gsm", "gsm_packed", "latin1", "latin1_as_3"] = "gsm"
    long_text: Literal["udh8", "udh16", "sar", "payload"] = "udh8"

    tlvs: TlvValues = {}
    list_tlvs: Annotated[dict[str, TlvValues], Meta(max_length=10_000)] = {}
    metadata_tlvs: MetadataKeys = {}
    tlvs_end_with_nul: bool = False

    message_ids: Literal["exact", "loose", "hex_to_dec", "dec_to_hex"] = "exact"
    receipts_per: Literal["part", "message"] = "part"
    unmarked_receipts: bool = False
    country: str | None = None
    statuses: dict[str, StatusAction] = {}
    receipt_states: dict[str, ReceiptMeaning] = {}
    receipt_errors: dict[str, RecipientTrouble] = {}

    def roles(self, part: ProcessIndex = WHOLE_CONNECTOR) -> tuple[Role, ...]:
        """Return the binds that the process with this index keeps."""
        pair = (Role.TRANSMITTER, Role.RECEIVER)
        return (pair if self.mode == "pair" else (Role.TRANSCEIVER,)) * self.share_of(part)

    def share_of(self, part: ProcessIndex) -> int:
        """Return this process's share of the `binds`: split evenly, at least one."""
        each, more = divmod(self.binds, part.of)
        return max(1, each + (part.place < more))

    @property
    def status_exceptions(self) -> dict[int, StatusAction]:
        """The `statuses` setting by number."""
        return {int(status, 16): then for status, then in self.statuses.items()}

    @property
    def extras(self) -> ExtraParameters:
        """The `tlvs` settings of all kinds. Raise ValueError with the name of a wrong one."""
        end = b"\0" if self.tlvs_end_with_nul else b""
        return ExtraParameters(self.tlvs, self.list_tlvs, self.metadata_tlvs, end=end)

    @property
    def state_words(self) -> dict[str, ReceiptMeaning]:
        """The `receipt_states` setting by word, in capitals."""
        return {word.upper(): ends for word, ends in self.receipt_states.items()}


def read(settings: Mapping[str, Any]) -> Settings:
    """Return a connector's settings; raise `CarrierTrouble` with the name of a wrong one."""
    chosen = read_settings(KIND, settings, Settings)
    for name in _ASCII:
        text = getattr(chosen, name) or ""
        if not (text.isascii() and text.isprintable()):
            raise _trouble(name, f"{name} must be printable ASCII")
    if not chosen.tls and (chosen.tls_ca_file or chosen.tls_server_name):
        name = "tls_ca_file" if chosen.tls_ca_file else "tls_server_name"
        raise _trouble(name, f"{name} means nothing without tls; set tls to true")
    _check_numbers(chosen)
    _check_words(chosen)
    try:
        _ = chosen.extras
    except ValueError as error:
        name = next(each for each in ("list_tlvs", "metadata_tlvs", "tlvs") if each in str(error))
        raise _trouble(name, str(error)) from error
    return chosen


def _check_numbers(chosen: Settings) -> None:
    if _is_mistyped(chosen.source_addr or ""):
        raise _trouble(
            "source_addr",
            f"source_addr {chosen.source_addr!r} is no international number; write it as "
            "+15550002000, a short code as 12345, a name in letters",
        )
    if chosen.country is not None and not is_country(chosen.country):
        raise _trouble(
            "country",
            f"country {chosen.country!r} has no numbering plan; give two capitals, such as US",
        )


def _check_words(chosen: Settings) -> None:
    for status in chosen.statuses:
        if not _STATUS(status):
            raise _trouble("statuses", f"statuses: {status!r} is no status; write it as 0x45")
    for word in chosen.receipt_states:
        if not _WORD(word):
            raise _trouble(
                "receipt_states",
                f"receipt_states: {word!r} is no word of a receipt; write it as after its stat:",
            )


def _is_mistyped(source: str) -> bool:
    """Return whether a sender begins like an international number but is not a valid one."""
    if any(letter.isalpha() for letter in source) or not source.startswith(("+", "00")):
        return False
    return read_number(source) is None


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the context that verifies the SMSC's certificate; None for a connector without TLS.

    Raise `CarrierTrouble` when the CA file cannot be read.
    """
    if not settings.tls:
        return None
    try:
        # The defaults verify the certificate chain and the host name; no setting turns that off.
        return ssl.create_default_context(cafile=settings.tls_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _trouble(
            "tls_ca_file", f"tls_ca_file {settings.tls_ca_file} cannot be read: {error}"
        ) from error


def _trouble(name: str, text: str) -> CarrierTrouble:
    return CarrierTrouble(f"A setting of the {KIND} connector is wrong: {text}.", param=name)

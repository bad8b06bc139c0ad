"""The settings of an SMPP connector; `docs/carriers/smpp.md` explains each."""

import re
import ssl
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sendrail.carriers.sdk import WHOLE_CONNECTOR, ProcessIndex, Secret, about, read_settings
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

    host: Annotated[str, Meta(min_length=1), about("Name or address of the SMSC.")]
    port: Annotated[int, Meta(ge=1, le=65_535), about("Its port.", shown_first=True)] = 2775
    system_id: Annotated[
        str, Meta(min_length=1, max_length=15), about("Your name at the SMSC, up to 15 characters.")
    ]
    password: Annotated[
        Secret,
        Meta(max_length=64),
        about(
            "Up to 8 characters according to the specification; up to 64 are accepted, "
            "because some SMSCs use longer ones."
        ),
    ]
    system_type: Annotated[str, Meta(max_length=12), about("As given by the operator.")] = ""
    address_range: Annotated[
        str,
        Meta(max_length=40),
        about("The numbers whose texts this bind receives, as given by the operator."),
    ] = ""
    interface_version: Annotated[Literal["3.4", "5.0"], about("`3.4` or `5.0`.")] = "3.4"

    mode: Annotated[
        Literal["transceiver", "pair"],
        about("`transceiver`, or `pair` for a transmitter and a receiver."),
    ] = "transceiver"
    binds: Annotated[
        int,
        Meta(ge=1, le=32),
        about(
            "Transceivers or pairs, up to 32; spread over the delivering processes, at "
            "least one each."
        ),
    ] = 1
    window: Annotated[
        int, Meta(ge=1, le=5_000), about("Messages that may wait for their answer, on each bind.")
    ] = 10
    response_timeout_seconds: Annotated[
        _Seconds, about("Without an answer for so long, a message is uncertain.")
    ] = 30.0
    enquire_link_seconds: Annotated[
        _Seconds,
        about(
            "After so long without traffic, an enquire_link is sent; after three times as"
            " long the bind is considered dead."
        ),
    ] = 30.0
    connect_timeout_seconds: Annotated[
        _Seconds, about("How long a connection may take, TLS included.")
    ] = 10.0

    tls: Annotated[
        bool,
        about(
            "Whether to use TLS; certificate and host name are always verified.", shown_first=True
        ),
    ] = False
    tls_ca_file: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        about("A file with the CA certificates to trust, instead of the system's."),
    ] = None
    tls_server_name: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        about("The name in the certificate, if it differs from `host`."),
    ] = None

    source_addr: Annotated[
        Annotated[str, Meta(min_length=1, max_length=20)] | None,
        about(
            "The sender of all messages, instead of the list's number: `+15550002000`, "
            "which is sent without its plus; up to six digits are a short code; with "
            "letters it is alphanumeric."
        ),
    ] = None
    source_ton: Annotated[
        _Octet | None,
        about(
            "Type of number of the sender: 1 for a number, 2 for one with a leading 0, 5 "
            "with letters, `short_code_ton` for up to six digits."
        ),
    ] = None
    source_npi: Annotated[
        _Octet | None,
        about(
            "Numbering plan of the sender: 1 for a number, 0 with letters, "
            "`short_code_npi` for up to six digits."
        ),
    ] = None
    short_code_ton: Annotated[
        _Octet, about("Type of number of a short code; some SMSCs require 0.")
    ] = 3
    short_code_npi: Annotated[_Octet, about("Numbering plan of a short code.")] = 0
    dest_ton: Annotated[_Octet, about("Type of number of the recipient.")] = 1
    dest_npi: Annotated[_Octet, about("Numbering plan of the recipient.")] = 1

    service_type: Annotated[str, Meta(max_length=5), about("As given by the operator.")] = ""
    registered_delivery: Annotated[
        int, Meta(ge=0, le=31), about("1 requests a receipt, 0 requests none.")
    ] = 1
    validity_period: Annotated[
        str,
        Meta(pattern=r"^([0-9]{15}[R+-])?$"),
        about(
            "How long the SMSC tries to deliver, in SMPP's format: `000001000000000R` is one day."
        ),
    ] = ""
    alphabet: Annotated[
        Literal["gsm", "gsm_packed", "latin1", "latin1_as_3"],
        about(
            "What data_coding 0 means: `gsm`, `gsm_packed`, `latin1`; or `latin1_as_3` to"
            " send Latin-1 as data_coding 3."
        ),
    ] = "gsm"
    long_text: Annotated[
        Literal["udh8", "udh16", "sar", "payload"],
        about(
            "`udh8` or `udh16` (a header of 6 or 7 octets in each part), `sar` "
            "(parameters), `payload` (one message_payload)."
        ),
    ] = "udh8"

    tlvs: Annotated[
        TlvValues,
        about('Optional parameters to add to each message: `{"0x1400": "1101234567890123456"}`.'),
    ] = {}
    list_tlvs: Annotated[
        dict[str, TlvValues],
        Meta(max_length=10_000),
        about(
            'The same for the messages of one list, by its number: `{"+15550002000": '
            '{"0x1401": "1107234567890123456"}}`.'
        ),
    ] = {}
    metadata_tlvs: Annotated[
        MetadataKeys,
        about(
            'The same from the `metadata` of a message, by the key there: `{"0x1401": '
            '"dlt_template_id"}`.'
        ),
    ] = {}
    tlvs_end_with_nul: Annotated[
        bool, about("Whether texts in these parameters end with a NUL.")
    ] = False

    message_ids: Annotated[
        Literal["exact", "loose", "hex_to_dec", "dec_to_hex"],
        about(
            "How the ids of answers and receipts are compared: `exact`; `loose` ignores "
            "leading zeros and letter case; `hex_to_dec` is for hexadecimal answers and "
            "decimal receipts, `dec_to_hex` for the opposite."
        ),
    ] = "exact"
    receipts_per: Annotated[
        Literal["part", "message"],
        about(
            "Whether each `part` of a long text has a receipt, or the whole `message` has"
            " one, under the id of any part."
        ),
    ] = "part"
    unmarked_receipts: Annotated[
        bool,
        about(
            "Whether a text in the form of a receipt counts as one even if nothing marks "
            "it; handsets can write such texts as well."
        ),
    ] = False
    country: Annotated[
        str | None, about("The country of national numbers of handsets, as two capitals: `US`.")
    ] = None
    statuses: Annotated[
        dict[str, StatusAction],
        about(
            "This SMSC's meaning of statuses, if it differs from the table below: "
            '`{"0x45": "throttle"}` with `throttle`, `full`, `retry`, `stop` or `refuse`.'
        ),
    ] = {}
    receipt_states: Annotated[
        dict[str, ReceiptMeaning],
        about(
            "The meaning of words after `stat:`, if it differs from the defaults: "
            '`{"BARRED": "failed"}` with `delivered`, `undelivered`, `failed` or '
            "`pending`."
        ),
    ] = {}
    receipt_errors: Annotated[
        dict[str, RecipientTrouble],
        about(
            "What an `err` of this SMSC's receipts, or its network_error_code, means for "
            'the recipient: `{"001": "invalid_destination"}` with `opted_out`, `spam`, '
            "`invalid_destination`, `absent_subscriber` or `operator`."
        ),
    ] = {}

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


def read(settings: Mapping[str, Any]) -> Settings:
    """Return a connector's settings, the words of `receipt_states` in capitals.

    Raise `CarrierTrouble` with the name of a wrong one.
    """
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
    # In capitals, as receipts' words are compared.
    words = {word.upper(): means for word, means in chosen.receipt_states.items()}
    return msgspec.structs.replace(chosen, receipt_states=words)


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

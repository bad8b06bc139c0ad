"""What each command_status means for the message it answers, as one table.

Names and numbers are those of SMPP 3.4 (5.1.3) and 5.0 (4.7.6). The reactions are not part of the
specification, and carriers differ: a connector's `statuses` setting overrides them.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import Failed, Outcome, Rejected, Throttled, Unavailable

ESME_ROK: Final = 0
# The pacer pauses for a second at the first throttle and longer at the next; this is the minimum.
THROTTLE_MS: Final = 1_000
# A misconfigured route is corrected by an operator, so quick retries are of no use.
STOP_MS: Final = 60_000


class StatusAction(StrEnum):
    """How to react to a status; the values of the `statuses` setting."""

    THROTTLE = "throttle"
    FULL = "full"
    RETRY = "retry"
    STOP = "stop"
    REFUSE = "refuse"


class Status(IntEnum):
    """The statuses that this client sends or handles itself, without ESME_ in front."""

    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    # ESME Receiver Temporary App Error: asks the SMSC to send the PDU again.
    RX_T_APPN = 0x64


# Refusals of a bind that persist until an operator changes the settings.
MISCONFIGURED: Final = frozenset({Status.RBINDFAIL, Status.RINVPASWD, Status.RINVSYSID})


class StatusMeaning(NamedTuple):
    """A row of the table."""

    name: str
    text: str
    then: StatusAction
    detail: Detail

    @property
    def trouble(self) -> RecipientTrouble | None:
        """What the status implies about the recipient."""
        return TROUBLE.get(self.detail)


# Only 0x0B concerns the recipient: a wrong type of number (0x50, 0x51) is an error in the
# connector's settings, and 0x45 and 0xFE give no reason for the failure.
MEANINGS: Final[Mapping[int, StatusMeaning]] = {
    0x01: StatusMeaning(
        "ESME_RINVMSGLEN", "message length is invalid", StatusAction.REFUSE, Detail.CONTENT
    ),
    0x02: StatusMeaning(
        "ESME_RINVCMDLEN", "command length is invalid", StatusAction.RETRY, Detail.REQUEST
    ),
    0x03: StatusMeaning(
        "ESME_RINVCMDID", "command id is invalid", StatusAction.RETRY, Detail.REQUEST
    ),
    0x04: StatusMeaning(
        "ESME_RINVBNDSTS", "this bind may not submit", StatusAction.STOP, Detail.ACCOUNT
    ),
    0x05: StatusMeaning("ESME_RALYBND", "already bound", StatusAction.STOP, Detail.ACCOUNT),
    0x06: StatusMeaning(
        "ESME_RINVPRTFLG", "priority flag is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x07: StatusMeaning(
        "ESME_RINVREGDLVFLG", "registered_delivery is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x08: StatusMeaning("ESME_RSYSERR", "system error", StatusAction.RETRY, Detail.SYSTEM),
    # Caused by one list, not by the connector: a stop would hold up all other lists.
    0x0A: StatusMeaning(
        "ESME_RINVSRCADR", "source address is invalid", StatusAction.RETRY, Detail.SENDER
    ),
    0x0B: StatusMeaning(
        "ESME_RINVDSTADR", "destination address is invalid", StatusAction.REFUSE, Detail.DESTINATION
    ),
    0x0C: StatusMeaning(
        "ESME_RINVMSGID", "message id is invalid", StatusAction.RETRY, Detail.SYSTEM
    ),
    0x0D: StatusMeaning("ESME_RBINDFAIL", "bind failed", StatusAction.STOP, Detail.ACCOUNT),
    0x0E: StatusMeaning("ESME_RINVPASWD", "password is wrong", StatusAction.STOP, Detail.ACCOUNT),
    0x0F: StatusMeaning("ESME_RINVSYSID", "system_id is wrong", StatusAction.STOP, Detail.ACCOUNT),
    0x14: StatusMeaning("ESME_RMSGQFUL", "message queue is full", StatusAction.FULL, Detail.RATE),
    0x15: StatusMeaning(
        "ESME_RINVSERTYP", "service_type is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x33: StatusMeaning(
        "ESME_RINVNUMDESTS",
        "number of destinations is invalid",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0x40: StatusMeaning(
        "ESME_RINVDESTFLAG", "destination flag is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x42: StatusMeaning(
        "ESME_RINVSUBREP", "submit with replace is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x43: StatusMeaning(
        "ESME_RINVESMCLASS", "esm_class is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x44: StatusMeaning(
        "ESME_RCNTSUBDL",
        "cannot submit to a distribution list",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0x45: StatusMeaning("ESME_RSUBMITFAIL", "submit failed", StatusAction.RETRY, Detail.UNKNOWN),
    0x48: StatusMeaning(
        "ESME_RINVSRCTON", "TON of the source address is invalid", StatusAction.STOP, Detail.SENDER
    ),
    0x49: StatusMeaning(
        "ESME_RINVSRCNPI", "NPI of the source address is invalid", StatusAction.STOP, Detail.SENDER
    ),
    0x50: StatusMeaning(
        "ESME_RINVDSTTON",
        "TON of the destination address is invalid",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0x51: StatusMeaning(
        "ESME_RINVDSTNPI",
        "NPI of the destination address is invalid",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0x53: StatusMeaning(
        "ESME_RINVSYSTYP", "system_type is invalid", StatusAction.STOP, Detail.ACCOUNT
    ),
    0x54: StatusMeaning(
        "ESME_RINVREPFLAG", "replace_if_present is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x55: StatusMeaning(
        "ESME_RINVNUMMSGS", "number of messages is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x58: StatusMeaning(
        "ESME_RTHROTTLED", "we exceeded the allowed rate", StatusAction.THROTTLE, Detail.RATE
    ),
    0x61: StatusMeaning(
        "ESME_RINVSCHED", "scheduled delivery time is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x62: StatusMeaning(
        "ESME_RINVEXPIRY", "validity_period is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x63: StatusMeaning(
        "ESME_RINVDFTMSGID", "predefined message is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x64: StatusMeaning(
        "ESME_RX_T_APPN", "temporary error of the receiver", StatusAction.RETRY, Detail.SYSTEM
    ),
    0x65: StatusMeaning(
        "ESME_RX_P_APPN", "permanent error of the receiver", StatusAction.REFUSE, Detail.UNKNOWN
    ),
    0x66: StatusMeaning(
        "ESME_RX_R_APPN", "rejected by the receiver", StatusAction.REFUSE, Detail.UNKNOWN
    ),
    0x67: StatusMeaning("ESME_RQUERYFAIL", "query failed", StatusAction.RETRY, Detail.SYSTEM),
    0xC0: StatusMeaning(
        "ESME_RINVOPTPARSTREAM",
        "optional part of the body is wrong",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0xC1: StatusMeaning(
        "ESME_ROPTPARNOTALLWD",
        "optional parameter is not allowed",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0xC2: StatusMeaning(
        "ESME_RINVPARLEN", "length of a parameter is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0xC3: StatusMeaning(
        "ESME_RMISSINGOPTPARAM",
        "optional parameter is missing",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0xC4: StatusMeaning(
        "ESME_RINVOPTPARAMVAL",
        "value of a parameter is invalid",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
    0xFE: StatusMeaning(
        "ESME_RDELIVERYFAILURE", "delivery failed", StatusAction.RETRY, Detail.UNKNOWN
    ),
    0xFF: StatusMeaning("ESME_RUNKNOWNERR", "unknown error", StatusAction.RETRY, Detail.UNKNOWN),
    0x100: StatusMeaning(
        "ESME_RSERTYPUNAUTH",
        "not authorised for this service_type",
        StatusAction.STOP,
        Detail.ACCOUNT,
    ),
    0x101: StatusMeaning(
        "ESME_RPROHIBITED", "not authorised for this operation", StatusAction.STOP, Detail.ACCOUNT
    ),
    0x102: StatusMeaning(
        "ESME_RSERTYPUNAVAIL", "service_type is unavailable", StatusAction.RETRY, Detail.SYSTEM
    ),
    0x103: StatusMeaning(
        "ESME_RSERTYPDENIED", "service_type is denied", StatusAction.STOP, Detail.ACCOUNT
    ),
    0x104: StatusMeaning(
        "ESME_RINVDCS", "data_coding is invalid", StatusAction.REFUSE, Detail.CONTENT
    ),
    0x105: StatusMeaning(
        "ESME_RINVSRCADDRSUBUNIT", "source subunit is invalid", StatusAction.REFUSE, Detail.REQUEST
    ),
    0x106: StatusMeaning(
        "ESME_RINVDSTADDRSUBUNIT",
        "destination subunit is invalid",
        StatusAction.REFUSE,
        Detail.REQUEST,
    ),
}

# The range for vendors' own codes (0x400 to 0x4FF) differs by vendor, and the meaning of other
# unknown codes is open: such submits are tried again a bounded number of times.
_UNKNOWN: Final = StatusMeaning(
    "vendor-specific", "a code of the carrier's own", StatusAction.RETRY, Detail.UNKNOWN
)


def meaning_of(status: int, exceptions: Mapping[int, StatusAction]) -> StatusMeaning:
    """Return the meaning of a status, where `exceptions` override the table."""
    meaning = MEANINGS.get(status, _UNKNOWN)
    then = exceptions.get(status)
    return meaning if then is None else meaning._replace(then=then)


def code_of(status: int) -> str:
    """Return a status by number and name, such as `0x0E ESME_RINVPASWD`."""
    return f"0x{status:02X} {MEANINGS.get(status, _UNKNOWN).name}"


def describe(status: int) -> str:
    """Return a status for people, such as `0x0E ESME_RINVPASWD: password is wrong`."""
    return f"{code_of(status)}: {MEANINGS.get(status, _UNKNOWN).text}"


def outcome_of(status: int, exceptions: Mapping[int, StatusAction]) -> Outcome:
    """Return the outcome of a submit that was answered with this error status."""
    meaning = meaning_of(status, exceptions)
    detail = f"{meaning.detail} ({code_of(status)})"
    match meaning.then:
        case StatusAction.THROTTLE:
            return Throttled(THROTTLE_MS)
        case StatusAction.FULL:
            return Throttled(THROTTLE_MS, may_be_own=True)
        case StatusAction.RETRY:
            return Failed(detail)
        case StatusAction.STOP:
            return Unavailable(describe(status), STOP_MS)
        case StatusAction.REFUSE:
            return Rejected(detail, meaning.trouble)

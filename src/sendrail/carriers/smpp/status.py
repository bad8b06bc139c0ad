"""What each command_status means for the message it answers, as one table.

Names and numbers are those of SMPP 3.4 (5.1.3) and 5.0 (4.7.6). What to do about them is custom,
not specification, and carriers differ: a connector's `statuses` setting says otherwise where they
do.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from sendrail.carriers.details import TROUBLE, Detail
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import Failed, Outcome, Rejected, Throttled, Unavailable

ESME_ROK: Final = 0
# The pacer pauses a second at the first throttle and longer at the next ones; this is its floor.
THROTTLE_MS: Final = 1_000
# A route that is set up wrongly is put right by a person, not by the next message.
STOP_MS: Final = 60_000


class Then(StrEnum):
    """What follows a status; the words of the `statuses` setting."""

    THROTTLE = "throttle"
    RETRY = "retry"
    STOP = "stop"
    REFUSE = "refuse"


class Status(IntEnum):
    """The statuses that this client itself sends or acts upon, without ESME_ in front."""

    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    # ESME Receiver Temporary App Error: the SMSC is to come again.
    RX_T_APPN = 0x64


# Refusals of a bind that only another setting cures.
MISCONFIGURED: Final = frozenset({Status.RBINDFAIL, Status.RINVPASWD, Status.RINVSYSID})


class Meaning(NamedTuple):
    """A row of the table."""

    name: str
    text: str
    then: Then
    detail: Detail

    @property
    def trouble(self) -> RecipientTrouble | None:
        """What the status says of the recipient."""
        return TROUBLE.get(self.detail)


# Only 0x0B tells of a recipient: a wrong type of number (0x50, 0x51) is the connector's set-up, and
# what was not delivered for no reason given (0x45, 0xFE) is nobody's.
MEANINGS: Final[Mapping[int, Meaning]] = {
    0x01: Meaning("ESME_RINVMSGLEN", "message length is invalid", Then.REFUSE, Detail.CONTENT),
    0x02: Meaning("ESME_RINVCMDLEN", "command length is invalid", Then.RETRY, Detail.REQUEST),
    0x03: Meaning("ESME_RINVCMDID", "command id is invalid", Then.RETRY, Detail.REQUEST),
    0x04: Meaning("ESME_RINVBNDSTS", "this bind may not submit", Then.STOP, Detail.ACCOUNT),
    0x05: Meaning("ESME_RALYBND", "already bound", Then.STOP, Detail.ACCOUNT),
    0x06: Meaning("ESME_RINVPRTFLG", "priority flag is invalid", Then.REFUSE, Detail.REQUEST),
    0x07: Meaning(
        "ESME_RINVREGDLVFLG", "registered_delivery is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x08: Meaning("ESME_RSYSERR", "system error", Then.RETRY, Detail.SYSTEM),
    # Of one list, not of the connector: with a stop, one list would hold up all the others.
    0x0A: Meaning("ESME_RINVSRCADR", "source address is invalid", Then.RETRY, Detail.SENDER),
    0x0B: Meaning(
        "ESME_RINVDSTADR", "destination address is invalid", Then.REFUSE, Detail.DESTINATION
    ),
    0x0C: Meaning("ESME_RINVMSGID", "message id is invalid", Then.RETRY, Detail.SYSTEM),
    0x0D: Meaning("ESME_RBINDFAIL", "bind failed", Then.STOP, Detail.ACCOUNT),
    0x0E: Meaning("ESME_RINVPASWD", "password is wrong", Then.STOP, Detail.ACCOUNT),
    0x0F: Meaning("ESME_RINVSYSID", "system_id is wrong", Then.STOP, Detail.ACCOUNT),
    0x14: Meaning("ESME_RMSGQFUL", "message queue is full", Then.THROTTLE, Detail.RATE),
    0x15: Meaning("ESME_RINVSERTYP", "service_type is invalid", Then.REFUSE, Detail.REQUEST),
    0x33: Meaning(
        "ESME_RINVNUMDESTS", "number of destinations is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x40: Meaning("ESME_RINVDESTFLAG", "destination flag is invalid", Then.REFUSE, Detail.REQUEST),
    0x42: Meaning("ESME_RINVSUBREP", "submit with replace is invalid", Then.REFUSE, Detail.REQUEST),
    0x43: Meaning("ESME_RINVESMCLASS", "esm_class is invalid", Then.REFUSE, Detail.REQUEST),
    0x44: Meaning(
        "ESME_RCNTSUBDL", "cannot submit to a distribution list", Then.REFUSE, Detail.REQUEST
    ),
    0x45: Meaning("ESME_RSUBMITFAIL", "submit failed", Then.RETRY, Detail.UNKNOWN),
    0x48: Meaning(
        "ESME_RINVSRCTON", "TON of the source address is invalid", Then.STOP, Detail.SENDER
    ),
    0x49: Meaning(
        "ESME_RINVSRCNPI", "NPI of the source address is invalid", Then.STOP, Detail.SENDER
    ),
    0x50: Meaning(
        "ESME_RINVDSTTON", "TON of the destination address is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x51: Meaning(
        "ESME_RINVDSTNPI", "NPI of the destination address is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x53: Meaning("ESME_RINVSYSTYP", "system_type is invalid", Then.STOP, Detail.ACCOUNT),
    0x54: Meaning("ESME_RINVREPFLAG", "replace_if_present is invalid", Then.REFUSE, Detail.REQUEST),
    0x55: Meaning("ESME_RINVNUMMSGS", "number of messages is invalid", Then.REFUSE, Detail.REQUEST),
    0x58: Meaning("ESME_RTHROTTLED", "we exceeded the allowed rate", Then.THROTTLE, Detail.RATE),
    0x61: Meaning(
        "ESME_RINVSCHED", "scheduled delivery time is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x62: Meaning("ESME_RINVEXPIRY", "validity_period is invalid", Then.REFUSE, Detail.REQUEST),
    0x63: Meaning(
        "ESME_RINVDFTMSGID", "predefined message is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x64: Meaning("ESME_RX_T_APPN", "temporary error of the receiver", Then.RETRY, Detail.SYSTEM),
    0x65: Meaning("ESME_RX_P_APPN", "permanent error of the receiver", Then.REFUSE, Detail.UNKNOWN),
    0x66: Meaning("ESME_RX_R_APPN", "rejected by the receiver", Then.REFUSE, Detail.UNKNOWN),
    0x67: Meaning("ESME_RQUERYFAIL", "query failed", Then.RETRY, Detail.SYSTEM),
    0xC0: Meaning(
        "ESME_RINVOPTPARSTREAM", "optional part of the body is wrong", Then.REFUSE, Detail.REQUEST
    ),
    0xC1: Meaning(
        "ESME_ROPTPARNOTALLWD", "optional parameter is not allowed", Then.REFUSE, Detail.REQUEST
    ),
    0xC2: Meaning(
        "ESME_RINVPARLEN", "length of a parameter is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0xC3: Meaning(
        "ESME_RMISSINGOPTPARAM", "optional parameter is missing", Then.REFUSE, Detail.REQUEST
    ),
    0xC4: Meaning(
        "ESME_RINVOPTPARAMVAL", "value of a parameter is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0xFE: Meaning("ESME_RDELIVERYFAILURE", "delivery failed", Then.RETRY, Detail.UNKNOWN),
    0xFF: Meaning("ESME_RUNKNOWNERR", "unknown error", Then.RETRY, Detail.UNKNOWN),
    0x100: Meaning(
        "ESME_RSERTYPUNAUTH", "not authorised for this service_type", Then.STOP, Detail.ACCOUNT
    ),
    0x101: Meaning(
        "ESME_RPROHIBITED", "not authorised for this operation", Then.STOP, Detail.ACCOUNT
    ),
    0x102: Meaning("ESME_RSERTYPUNAVAIL", "service_type is unavailable", Then.RETRY, Detail.SYSTEM),
    0x103: Meaning("ESME_RSERTYPDENIED", "service_type is denied", Then.STOP, Detail.ACCOUNT),
    0x104: Meaning("ESME_RINVDCS", "data_coding is invalid", Then.REFUSE, Detail.CONTENT),
    0x105: Meaning(
        "ESME_RINVSRCADDRSUBUNIT", "source subunit is invalid", Then.REFUSE, Detail.REQUEST
    ),
    0x106: Meaning(
        "ESME_RINVDSTADDRSUBUNIT", "destination subunit is invalid", Then.REFUSE, Detail.REQUEST
    ),
}

# A range for the vendor's own codes (0x400 to 0x4FF) means something else at each of them, and
# what is not in the table may mean anything: tried again a bounded number of times.
_UNKNOWN: Final = Meaning(
    "vendor-specific", "a code of the carrier's own", Then.RETRY, Detail.UNKNOWN
)


def meaning_of(status: int, exceptions: Mapping[int, Then]) -> Meaning:
    """Return what a status means on a connector that has these exceptions."""
    meaning = MEANINGS.get(status, _UNKNOWN)
    then = exceptions.get(status)
    return meaning if then is None else meaning._replace(then=then)


def code_of(status: int) -> str:
    """Return a status by number and name, such as `0x0E ESME_RINVPASWD`."""
    return f"0x{status:02X} {MEANINGS.get(status, _UNKNOWN).name}"


def describe(status: int) -> str:
    """Return a status for people, such as `0x0E ESME_RINVPASWD: password is wrong`."""
    return f"{code_of(status)}: {MEANINGS.get(status, _UNKNOWN).text}"


def outcome_of(status: int, exceptions: Mapping[int, Then]) -> Outcome:
    """Return what a refused submit means for its message."""
    meaning = meaning_of(status, exceptions)
    detail = f"{meaning.detail} ({code_of(status)})"
    match meaning.then:
        case Then.THROTTLE:
            return Throttled(THROTTLE_MS)
        case Then.RETRY:
            return Failed(detail)
        case Then.STOP:
            return Unavailable(describe(status), STOP_MS)
        case Then.REFUSE:
            return Rejected(detail, meaning.trouble)

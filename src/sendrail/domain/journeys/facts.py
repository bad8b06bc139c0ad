"""What a turn of a journey depends on: the facts of one contact, read before."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import IntFlag, StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from sendrail.domain.contact import Scalar

# Where neither the contact nor the journey has a zone: the public API's default.
DEFAULT_TIMEZONE: Final = "America/New_York"

# What an event says that says no more than its name.
NO_DATA: Final[Mapping[str, Scalar]] = MappingProxyType({})
# Why a message is put off by the caller: the pace of its list, or a queue that is too long.
HELD_PACE: Final = "held_pace"
HELD_QUEUE: Final = "held_queue"


class EventKind(StrEnum):
    """What a contact does, or what another system says it did."""

    CLICK = "click"
    REPLY = "reply"
    CONVERSION = "conversion"
    # Named by the client that posts it.
    CUSTOM = "custom"


class Wake(IntFlag):
    """What wakes an enrolment before its time: the bits of `Position.waits`."""

    CLICK = 1
    REPLY = 2
    CONVERSION = 4
    CUSTOM = 8
    # A custom field of the contact has changed.
    FIELD = 16
    # The last message of the journey has a new status.
    MESSAGE = 32


WAKES: Final = {
    EventKind.CLICK: Wake.CLICK,
    EventKind.REPLY: Wake.REPLY,
    EventKind.CONVERSION: Wake.CONVERSION,
    EventKind.CUSTOM: Wake.CUSTOM,
}


class MessageState(StrEnum):
    """What has become of the last message of an enrolment."""

    PENDING = "pending"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    # The carrier refused it, or it was dropped before it was sent.
    FAILED = "failed"


class Event(NamedTuple):
    """Something that happened to a contact, at a time in milliseconds.

    `detail` is the text of a reply, the public id of the offer of a click or a conversion, or the
    name of a custom event.
    """

    kind: EventKind
    at: int
    detail: str = ""


class Facts(NamedTuple):
    """The facts about one contact on one list, as they are at the time of a turn.

    `event_data` is what events of other systems have said on this passage, the last word of each
    name. `events` are those since the contact entered, in any order. `active` and `lists` say where
    it is subscribed: to the list of the journey, and to which of those that the version asks for
    (`Version.lists`); `audiences` is the same for `Version.audiences`. `timezone` is the contact's
    own, `default_timezone` stands behind the journey's.
    `last_message` is None where the enrolment has sent nothing; `last_sent_at` is the list's last
    message to the contact, whatever its origin. Before `send_from` the caller takes no message;
    `held_by` says why, for the counts. Times are milliseconds since the epoch.
    """

    fields: Mapping[str, Scalar]
    event_data: Mapping[str, Scalar] = NO_DATA
    events: Sequence[Event] = ()
    active: bool = True
    lists: AbstractSet[int] = frozenset()
    audiences: AbstractSet[str] = frozenset()
    timezone: str | None = None
    default_timezone: str = DEFAULT_TIMEZONE
    last_message: MessageState | None = None
    last_sent_at: int | None = None
    send_from: int = 0
    held_by: str = HELD_PACE

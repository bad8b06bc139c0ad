"""What a turn depends on beside the enrolment: the contacts, the journeys, the last messages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from sendrail.domain.contact import JourneyStatus, Scalar
from sendrail.domain.frame import Frame, OwnFrame
from sendrail.domain.ids import AccountId, JourneyId, ListId, MessageNumber, lane_in
from sendrail.domain.journeys.resuming import OverduePolicy
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import SendingList
from sendrail.storage.accounts.lists import sending_list
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement

_read_fields = msgspec.json.Decoder(dict[str, Scalar]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFacts:
    """What is known of a contact of a list; one that the list does not know has no row."""

    active: bool
    first_name: str = ""
    last_name: str = ""
    custom_fields: Mapping[str, Scalar] = field(default_factory=dict)
    timezone: str | None = None
    last_sent_at: int | None = None


class JourneyMessage(NamedTuple):
    """A message at rest that a journey has sent: to whom, and when it came to rest."""

    list_id: ListId
    recipient: PhoneNumber
    journey_id: JourneyId
    ended_at: int


class RunningJourney(NamedTuple):
    """What a round asks of a journey: whether it moves, and for how long it stood still.

    `overdue` is what is said of turns that came before `resumed_at`, the end of its last pause.
    """

    id: JourneyId
    list_id: ListId
    status: JourneyStatus
    active_version: int | None
    paused_ms: int
    resumed_at: int | None = None
    overdue: OverduePolicy | None = None
    account_is_active: bool = True

    @property
    def is_entered(self) -> bool:
        """Whether contacts enter it by what happens."""
        is_running = self.status is JourneyStatus.ACTIVE and self.active_version is not None
        return is_running and self.account_is_active


class JourneyGround(NamedTuple):
    """What all enrolments of a journey share in a round: its list, and what the account says.

    `timezone` is the account's. `has_campaigns` is whether the account has any schedule: without
    one, nothing goes by when its journeys sent.
    """

    journey: RunningJourney
    sender: SendingList
    frame: Frame
    timezone: str
    account_is_active: bool
    has_campaigns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyFactsTexts:
    """The statements of `JourneyFacts`."""

    contacts: Statement
    grounds: Statement
    of_list: Statement
    lists: Statement
    statuses: Statement
    sent_by: Statement
    set_field: Statement


class JourneyFacts:
    """The facts of turns, for many contacts at a time."""

    def __init__(self, driver: Driver, texts: JourneyFactsTexts) -> None:
        self._driver = driver
        self._texts = texts

    def contacts(
        self, account_id: AccountId, wanted: Collection[tuple[ListId, PhoneNumber]]
    ) -> dict[tuple[int, int], ContactFacts]:
        """Return the contacts that lists of the account know."""
        keys = [(account_id, *each) for each in sorted(wanted)]
        rows = self._driver.rows_by_key(self._texts.contacts, keys) if keys else ()
        return {
            (row[0], row[1]): ContactFacts(
                active=bool(row[2]),
                first_name=row[3],
                last_name=row[4],
                custom_fields=_read_fields(row[5]) if row[5] != "{}" else {},
                timezone=row[6],
                last_sent_at=row[7],
            )
            for row in rows
        }

    def grounds(self, journey_ids: Iterable[JourneyId]) -> dict[int, JourneyGround]:
        """Return journeys by their ids, each with its list and its account: in one statement."""
        keys = [(each,) for each in sorted(set(journey_ids))]
        rows = self._driver.rows_by_key(self._texts.grounds, keys) if keys else ()
        return {row[0]: _ground(row) for row in rows}

    def of_list(self, list_id: ListId) -> list[RunningJourney]:
        """Return the journeys of a list that contacts may be on, but for drafts."""
        rows = self._driver.rows(self._texts.of_list, list_id)
        return [_journey(row)._replace(account_is_active=bool(row[7])) for row in rows]

    def lists_with_journeys(self) -> set[ListId]:
        """Return the lists whose contacts may be on a journey."""
        return {ListId(row[0]) for row in self._driver.rows(self._texts.lists)}

    def statuses(self, messages: Iterable[tuple[MessageNumber, int]]) -> dict[int, str]:
        """Return the status of messages, named by their number and when they were created."""
        batch = sorted({(lane_in(number), number, at) for number, at in messages})
        rows = self._driver.rows_of_batch(self._texts.statuses, batch) if batch else ()
        return {row[0]: row[1] for row in rows}

    def sent_by_journeys(self, numbers: Sequence[int]) -> list[JourneyMessage]:
        """Return those of these messages that journeys have sent, and that are at rest."""
        rows = self._driver.rows_by_id(self._texts.sent_by, numbers)
        return [JourneyMessage(*row) for row in rows]

    def set_fields(
        self,
        account_id: AccountId,
        changes: Sequence[tuple[ListId, PhoneNumber, Mapping[str, Scalar | None]]],
    ) -> None:
        """Give custom fields of an account's contacts values; None takes a field away."""
        rows: list[tuple[Any, ...]] = [
            (list_id, recipient, account_id, _encode(values).decode())
            for list_id, recipient, values in changes
        ]
        self._driver.each(self._texts.set_field, sorted(rows))


def _journey(row: Sequence[Any]) -> RunningJourney:
    overdue = None if row[6] is None else OverduePolicy(row[6])
    return RunningJourney(row[0], row[1], JourneyStatus(row[2]), row[3], row[4], row[5], overdue)


def _ground(row: Sequence[Any]) -> JourneyGround:
    timezone, is_active, has_campaigns, prepend, append = row[7:12]
    return JourneyGround(
        _journey(row),
        sending_list(row[12:]),
        OwnFrame(prepend, append).over(Frame()),
        timezone,
        bool(is_active),
        bool(has_campaigns),
    )

"""Events of contacts who enter journeys and leave them, for the endpoints that ask for them.

A backfill may let a million contacts enter: where no endpoint asks, all of a transaction costs one
look.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sendrail.domain.ids import ListId
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.journeys.webhook_bodies import PassageShown, ended, entered, event_ref
from sendrail.domain.sender import SendingList
from sendrail.domain.webhook import Event
from sendrail.storage.journeys.enrolments import StoredEnrolment
from sendrail.storage.pipeline.gate import Gate
from sendrail.storage.pipeline.outbox import AccountEvent, Outbox

_encode: Final = msgspec.json.Encoder().encode


class PassageEvents:
    """Writes the events of passages in the transaction that begins or ends them."""

    def __init__(self, outbox: Outbox, gate: Gate) -> None:
        self._outbox = outbox
        self._gate = gate

    def entered(self, rows: Sequence[StoredEnrolment]) -> None:
        """Write an event of each of these passages, which have begun."""
        self._post(Event.JOURNEY_ENTERED, rows)

    def ended(self, rows: Iterable[StoredEnrolment]) -> None:
        """Write an event of each of these passages, which are over.

        A person whose data is deleted is named to no endpoint any more.
        """
        told = [each for each in rows if each.end_reason != EndReason.ERASED.value]
        self._post(Event.JOURNEY_ENDED, told)

    def _post(self, kind: Event, rows: Sequence[StoredEnrolment]) -> None:
        if not rows or not self._outbox.is_any_asking(kind):
            return
        of_list: defaultdict[ListId, list[StoredEnrolment]] = defaultdict(list)
        for row in rows:
            of_list[row.list_id].append(row)
        senders = self._gate.lists_by_id(of_list)
        for list_id, own in of_list.items():
            sender = senders.get(list_id)
            if sender is not None:
                events = [_event(kind, row, sender) for row in own]
                self._outbox.add_of_list(sender.account_id, list_id, events)


def _event(kind: Event, row: StoredEnrolment, sender: SendingList) -> AccountEvent:
    passage = PassageShown(row.journey_id, row.version, row.recipient, sender.shown, row.started_at)
    # Several passages may begin in one moment.
    ref = event_ref(kind.value, passage, str(row.times))
    if kind is Event.JOURNEY_ENTERED:
        body = entered(passage, row.started_at)
        return AccountEvent(kind.value, ref, row.started_at, _encode(body))
    body = ended(passage, row.step, row.end_reason or "", row.ends_at)
    return AccountEvent(kind.value, ref, row.ends_at, _encode(body))

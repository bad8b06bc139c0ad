"""Where an enrolment stands, between its row and the pure function that moves it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sendrail.domain.contact import Scalar
from sendrail.domain.journeys.facts import NO_DATA
from sendrail.domain.journeys.position import Position
from sendrail.storage.journeys.enrolments import StoredEnrolment

_encode: Final = msgspec.json.Encoder().encode


class EnrolmentState(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """What a row keeps in its `state`: what no statement asks for. Times are in milliseconds.

    `moves` counts the calls of `advance`. `message` is the last message that was sent, created at
    `message_at`. `paused_ms` is how long the journey had stood still in all when the row was
    written, or when one that never moved was parked; `parked` is when its turn was before that.
    `failures` counts turns that raised. `hops` is how many journeys have led to this one, each by
    the one before. `data` is what events have said on this passage (`Facts.event_data`).
    """

    moves: int = 0
    until: int | None = None
    last_send_at: int | None = None
    sends: int = 0
    visits: int = 1
    tries: int = 0
    held: str = ""
    message: int | None = None
    message_at: int | None = None
    paused_ms: int = 0
    parked: int | None = None
    failures: int = 0
    hops: int = 0
    data: Mapping[str, Scalar] = NO_DATA

    def text(self) -> str:
        """Return it as it is stored."""
        return _encode(self).decode()


_decode: Final = msgspec.json.Decoder(EnrolmentState).decode


def state_of(row: StoredEnrolment) -> EnrolmentState:
    """Return what a row keeps beside its columns."""
    return _decode(row.state)


def stood_since(state: EnrolmentState, paused_ms: int) -> int:
    """Return for how long a journey has stood still since an enrolment was written.

    `paused_ms` is the sum of the journey's pauses by now. One that never moved stood still where
    it was parked: before that it had not entered, or its journey ran.
    """
    has_stood = state.moves > 0 or state.parked is not None
    return max(0, paused_ms - state.paused_ms) if has_stood else 0


def position_of(row: StoredEnrolment, state: EnrolmentState, moved_on_ms: int = 0) -> Position:
    """Return where an enrolment stands, later by the time that its journey stood still."""
    due_at = row.due_at if state.parked is None else state.parked
    assert due_at is not None, "only what runs has a position"
    return Position(
        step=row.step,
        entered_at=row.started_at,
        ends_at=row.ends_at + moved_on_ms,
        arrived_at=row.arrived_at,
        due_at=due_at + moved_on_ms,
        seq=state.moves,
        until=None if state.until is None else state.until + moved_on_ms,
        waits=row.waits,
        last_send_at=state.last_send_at,
        sends=state.sends,
        visits=state.visits,
        tries=state.tries,
        held=state.held,
    )


def moved(row: StoredEnrolment, position: Position, **kept: Any) -> StoredEnrolment:
    """Return the row at a new position; `kept` are further fields of its state."""
    state = EnrolmentState(
        moves=position.seq,
        until=position.until,
        last_send_at=position.last_send_at,
        sends=position.sends,
        visits=position.visits,
        tries=position.tries,
        held=position.held,
        **kept,
    )
    return row._replace(
        step=position.step,
        due_at=position.due_at,
        waits=position.waits,
        arrived_at=position.arrived_at,
        ends_at=position.ends_at,
        state=state.text(),
    )

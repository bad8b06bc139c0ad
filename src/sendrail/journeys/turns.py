"""Many turns in one transaction: the due of one lane are claimed, moved, and written.

The enrolments of a round are of one account, since its messages are judged as that account's. The
verdict on a message continues its turn. So a step has its effects with its position, or not at all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from msgspec.structs import replace

from sendrail.domain.contact import FIELDS_BYTES_MAX, JourneyStatus, OptOutReason, Scalar
from sendrail.domain.delivery import RANK_CAMPAIGN, RANK_PACED
from sendrail.domain.ids import AccountId, EndpointId, JourneyId, ListId, MessageNumber
from sendrail.domain.journeys.document import HOPS_MAX, MINUTE_MS, SendStep, Version
from sendrail.domain.journeys.facts import (
    HELD_PACE,
    HELD_QUEUE,
    WAKES,
    Event,
    Facts,
    MessageState,
)
from sendrail.domain.journeys.position import (
    QUEUED,
    EndReason,
    EnrolmentKey,
    EnterJourney,
    PostWebhook,
    SetField,
    Turn,
    UnsubscribeContact,
)
from sendrail.domain.journeys.resuming import OverduePolicy, after_pause, is_overdue
from sendrail.domain.journeys.turn import advance
from sendrail.domain.journeys.webhook_bodies import PassageShown, at_step, event_ref
from sendrail.domain.message import Status
from sendrail.domain.order import Order
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.domain.webhook import JOURNEY_STEP
from sendrail.intake.orders import Limits
from sendrail.journeys.pace import JourneyPace
from sendrail.journeys.positions import EnrolmentState, moved, position_of, state_of, stood_since
from sendrail.journeys.writing import OrderWriter, OriginMemory
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import (
    PARKED,
    JourneyCount,
    StoredEnrolment,
)
from sendrail.storage.journeys.facts import ContactFacts, JourneyGround, RunningJourney
from sendrail.storage.journeys.passages import ENDED, FieldChange
from sendrail.storage.pipeline.outbox import PostedStep

_log = structlog.get_logger()
_encode: Final = msgspec.json.Encoder().encode

# A turn that raised so often is given up with its enrolment.
_FAILURES_MAX: Final = 3
_HAS_PLACE: Final = frozenset({HELD_PACE, HELD_QUEUE})
_KINDS: Final = {int(wake): kind for kind, wake in WAKES.items()}
_STRANGER: Final = ContactFacts(active=False)
_STATES: Final = {
    Status.DELIVERED.value: MessageState.DELIVERED,
    Status.UNDELIVERED.value: MessageState.UNDELIVERED,
    Status.FAILED.value: MessageState.FAILED,
    Status.DROPPED.value: MessageState.FAILED,
    Status.ORPHANED.value: MessageState.FAILED,
}


@dataclass(slots=True)
class _Walker:
    """An enrolment under way in a round."""

    row: StoredEnrolment
    state: EnrolmentState
    version: Version
    ground: JourneyGround
    contact: ContactFacts
    turn: Turn | None = None
    counts: tuple[tuple[str, str], ...] = ()
    effects: tuple[Any, ...] = ()
    message: int | None = None


class _FieldsSet:
    """The custom fields that steps have set, by contact: what is written, and what may follow."""

    def __init__(self) -> None:
        self.patches: defaultdict[tuple[ListId, PhoneNumber], dict[str, Scalar | None]]
        self.patches = defaultdict(dict)
        # By list, each journey's changes: it is not entered by its own.
        self.changes: defaultdict[ListId, list[FieldChange]] = defaultdict(list)
        self._fields: dict[tuple[ListId, PhoneNumber], dict[str, Scalar]] = {}

    def set(self, walker: _Walker, effect: SetField) -> None:
        """Note what a step sets; what a contact's fields have no room for is left out.

        A call, a file and a form are refused then; a contact on a journey goes on.
        """
        row = walker.row
        place = (row.list_id, row.recipient)
        before = self._fields.get(place, dict(walker.contact.custom_fields))
        after = {name: value for name, value in before.items() if name != effect.field}
        if effect.value is not None:
            after[effect.field] = effect.value
            if len(_encode(after)) > FIELDS_BYTES_MAX:
                _log.warning("journey_field_no_room", journey_id=row.journey_id, field=effect.field)
                return
        self._fields[place] = after
        self.patches[place][effect.field] = effect.value
        hops = walker.state.hops + 1
        change = FieldChange(row.recipient, before, after, row.journey_id, hops)
        self.changes[row.list_id].append(change)


class LaneTurns:
    """The turns of one lane that are due, for one account; good for one transaction."""

    def __init__(
        self, tx: Tx, limits: Limits, pace: JourneyPace, origins: OriginMemory, now: int
    ) -> None:
        self._tx = tx
        self._pace = pace
        self.writer = OrderWriter(tx, limits, origins, now)
        self._now = now
        # What the account whose turns these are says; None where none of the journeys is left.
        self.ground: JourneyGround | None = None
        self.claimed = 0
        # How many enrolments had their turn.
        self.moved = 0
        # How many turns raised.
        self.failed = 0
        self._written: list[StoredEnrolment] = []
        self._walkers: list[_Walker] = []
        self._asking: list[_Walker] = []
        # By list, journey and version, what was counted at its steps.
        self._counts: defaultdict[tuple[ListId, JourneyId, int], Counter[tuple[str, str]]]
        self._counts = defaultdict(Counter)

    @property
    def account_id(self) -> AccountId | None:
        """Whose turns these are."""
        return None if self.ground is None else self.ground.sender.account_id

    def take(self, lane: int, limit: int) -> list[Order]:
        """Claim what is due, move it as far as it gets, and return the orders it asks for."""
        claimed = self._tx.enrolments.claim(lane, self._now, limit)
        self.claimed = len(claimed)
        if not claimed:
            return []
        grounds = self._tx.journey_facts.grounds({each.journey_id for each in claimed})
        found = (grounds[each.journey_id] for each in claimed if each.journey_id in grounds)
        self.ground = next(found, None)
        for row in claimed:
            ground = grounds.get(row.journey_id)
            if ground is None:
                self._end(row, EndReason.ARCHIVED)
            elif ground.sender.account_id == self.account_id:
                self._begin(row, ground)
        return self._ask()

    def finish(self, verdicts: Sequence[str], numbers: Sequence[int | None]) -> None:
        """Go on by the verdicts on the orders, and write all that came of the round.

        `numbers` are those of the messages that orders became.
        """
        for walker, verdict, number in zip(self._asking, verdicts, numbers, strict=True):
            if number is not None:
                walker.message = number
            self._advance(walker, verdict)
        self._write()

    def put_off(self, lane: int, limit: int, error: Exception) -> int:
        """Take what is due out of the way, for a round broke at it; return how many these are.

        What a turn reads and writes may break beside the turn itself: the whole round is undone
        then, and done again one by one.
        """
        for row in self._tx.enrolments.claim(lane, self._now, limit):
            self._retry_later(row, error)
        self._write()
        return self.moved

    # What turns depend on

    def _begin(self, row: StoredEnrolment, ground: JourneyGround) -> None:
        """Let one of those that are due go, unless its list or its journey keeps it from going."""
        status, account_id = ground.journey.status, ground.sender.account_id
        version = self._tx.passages.version(account_id, row.journey_id, row.version)
        if ground.sender.status is ListStatus.DELETED:
            self._end(row, EndReason.LIST_DELETED)
        elif status is JourneyStatus.ARCHIVED:
            self._end(row, EndReason.ARCHIVED)
        elif version is None:
            self._end(row, EndReason.UNUSABLE)
        elif status is JourneyStatus.PAUSED:
            self._park(row, ground.journey.paused_ms)
        elif self._leaves(row, ground.journey):
            self._end(row, EndReason.PAUSED_OUT)
        else:
            self._walkers.append(_Walker(row, state_of(row), version, ground, _STRANGER))

    @staticmethod
    def _leaves(row: StoredEnrolment, journey: RunningJourney) -> bool:
        """Return whether the turn of one came in a pause, after which all these leave."""
        if journey.overdue is not OverduePolicy.EXIT:
            return False
        return is_overdue(position_of(row, state_of(row)), journey.resumed_at)

    def _park(self, row: StoredEnrolment, paused_ms: int) -> None:
        """Take one of a journey that stands still out of the way: others are behind it."""
        state = state_of(row)
        parked = state
        if state.parked is None:
            parked = replace(state, parked=row.due_at)
            if not state.moves:
                # It entered since the last pause: only this one is no part of its time.
                parked = replace(parked, paused_ms=paused_ms)
        self._written.append(row._replace(due_at=PARKED, state=parked.text()))

    def _facts(self, walkers: Sequence[_Walker]) -> dict[tuple[int, int], Facts]:
        assert self.ground is not None, "there are walkers of it"
        account_id, timezone = self.ground.sender.account_id, self.ground.timezone
        contacts = {(each.row.list_id, each.row.recipient) for each in walkers}
        known = self._tx.journey_facts.contacts(account_id, contacts)
        events = self._events(walkers)
        lists = {each for walker in walkers for each in walker.version.lists}
        memberships = self._tx.memberships(account_id, self._now)
        audiences: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
        for walker in walkers:
            if walker.version.audiences:
                audiences[walker.row.list_id, walker.row.recipient] |= walker.version.audiences
        facts: dict[tuple[int, int], Facts] = {}
        for walker in walkers:
            place = (walker.row.list_id, walker.row.recipient)
            walker.contact = known.get(place, _STRANGER)
            if place not in facts:
                facts[place] = Facts(
                    fields=walker.contact.custom_fields,
                    events=events.get(place, ()),
                    active=walker.contact.active,
                    lists=self._lists_of(walker, lists) if lists else frozenset(),
                    audiences=memberships.of(audiences.get(place, ()), walker.row.recipient),
                    timezone=walker.contact.timezone,
                    default_timezone=timezone,
                    last_sent_at=walker.contact.last_sent_at,
                )
        return facts

    def _events(self, walkers: Sequence[_Walker]) -> Mapping[tuple[int, int], list[Event]]:
        """Return what happened to those whose journeys ask for it."""
        asking = {
            (each.row.list_id, each.row.recipient) for each in walkers if each.version.asks_events
        }
        events: defaultdict[tuple[int, int], list[Event]] = defaultdict(list)
        for event in self._tx.enrolments.events(asking) if asking else ():
            kind = _KINDS.get(event.kind)
            if kind is not None:
                place = (event.list_id, event.recipient)
                events[place].append(Event(kind, event.at, event.detail))
        return events

    def _lists_of(self, walker: _Walker, lists: Iterable[int]) -> frozenset[int]:
        assert self.account_id is not None, "there are walkers of it"
        wanted = [(ListId(each), walker.row.recipient) for each in lists]
        known = self._tx.journey_facts.contacts(self.account_id, wanted)
        return frozenset(list_id for (list_id, _), contact in known.items() if contact.active)

    def _last_messages(self, walkers: Sequence[_Walker]) -> Mapping[int | None, MessageState]:
        sent = [
            (MessageNumber(each.state.message), each.state.message_at)
            for each in walkers
            if each.state.message is not None
            and each.state.message_at is not None
            and each.version.asks_message
        ]
        statuses = self._tx.journey_facts.statuses(sent) if sent else {}
        return {
            number: _STATES.get(statuses.get(number, ""), MessageState.PENDING)
            for number, _ in sent
        }

    # The turns

    def _ask(self) -> list[Order]:
        walkers = self._walkers
        if not walkers:
            return []
        facts, last = self._facts(walkers), self._last_messages(walkers)
        orders = []
        for walker in walkers:
            own = facts[walker.row.list_id, walker.row.recipient]
            message, data = walker.state.message, walker.state.data
            if data or message in last:
                # Of this enrolment alone: the contact may be on other journeys.
                own = own._replace(event_data=data, last_message=last.get(message))
            order = self._first(walker, own)
            if order is not None:
                self._asking.append(walker)
                orders.append(order)
        return orders

    def _first(self, walker: _Walker, facts: Facts) -> Order | None:
        """Take an enrolment as far as it gets without a verdict; return the order it asks for."""
        position = position_of(walker.row, walker.state)
        journey = walker.ground.journey
        if (stood_ms := stood_since(walker.state, journey.paused_ms)) > 0:
            position = after_pause(
                walker.version, position, facts, self._now, stood_ms, journey.resumed_at
            )
        walker.turn = Turn(position=position, facts=facts)
        if position.due_at > self._now and position.until is None:
            # Its journey stood still, and the time of its message has not come yet. One that rests
            # has a turn all the same: something may have happened that it waits for.
            return None
        begun = walker.turn
        self._advance(walker, None)
        turn = walker.turn
        if turn is None or turn.send is None:
            return None
        send_from, held_by = self._place(walker, turn.send, walker.ground.sender)
        if send_from > self._now:
            # Once more from its beginning, with what is known now.
            held = facts._replace(send_from=send_from, held_by=held_by)
            walker.turn = begun._replace(facts=held)
            walker.counts, walker.effects = (), ()
            self._advance(walker, None)
            return None
        order = self.writer.write(walker.row, turn.send, walker.ground, walker.contact, turn.facts)
        if isinstance(order, str):
            self._advance(walker, order)
            return None
        return order

    def _place(self, walker: _Walker, step: SendStep, sender: SendingList) -> tuple[int, str]:
        """Return when a message may be queued, and why not before that."""
        now = self._now
        if self._pace.is_full(sender, now, partial(self._waiting, sender)):
            return self._pace.later(sender, now), HELD_QUEUE
        had_place = walker.state.held in _HAS_PLACE and step.id == walker.row.step
        return now if had_place else self._pace.place(sender, now), HELD_PACE

    def _waiting(self, sender: SendingList, at_most: int) -> int:
        """Return how many messages wait on a list before a new one of a journey, up to so many."""
        count = self._tx.queue.count
        paced = count(sender.lane, sender.id, at_most, RANK_PACED)
        return paced + count(sender.lane, sender.id, at_most - paced, RANK_CAMPAIGN)

    def _advance(self, walker: _Walker, verdict: str | None) -> None:
        before = walker.turn
        assert before is not None, "a walker begins with where it stands"
        key = EnrolmentKey(walker.row.journey_id, walker.row.recipient)
        try:
            turn = advance(walker.version, before.position, before.facts, self._now, key, verdict)
        except Exception as bug:  # noqa: BLE001 - of one enrolment alone, counted and logged
            self._broke(walker, bug, for_good=verdict is not None)
            return
        walker.turn = turn
        walker.counts += turn.counts
        walker.effects += turn.effects

    def _broke(self, walker: _Walker, bug: Exception, *, for_good: bool) -> None:
        """Try a turn that raised again in a minute, and give it up after some times.

        It is given up `for_good` where its message has been judged: a second try would send it
        twice.
        """
        walker.turn, walker.counts, walker.effects = None, (), ()
        self._retry_later(walker.row, bug, for_good=for_good)

    def _retry_later(self, row: StoredEnrolment, bug: Exception, *, for_good: bool = False) -> None:
        self.failed += 1
        _log.error("journey_turn_broke", journey_id=row.journey_id, step=row.step, exc_info=bug)
        try:
            was = state_of(row)
        except msgspec.MsgspecError:
            for_good = True
        if for_good or (failures := was.failures + 1) >= _FAILURES_MAX:
            self._end(row, EndReason.UNUSABLE)
            return
        due_at, state = self._now + MINUTE_MS, replace(was, failures=failures)
        self._written.append(row._replace(due_at=due_at, state=state.text()))

    def _end(self, row: StoredEnrolment, reason: EndReason) -> None:
        self._written.append(row.ended(reason.value, self._now))
        self._count_end(row, reason.value)

    # What came of them

    def _write(self) -> None:
        for walker in self._walkers:
            if walker.turn is not None:
                self._keep(walker, walker.turn)
        written = self._tx.enrolments.write(self._written)
        assert written == len(self._written), "what is claimed is moved by no other process"
        self.moved = written
        self._apply_effects()
        self._tx.enrolments.count(
            {
                JourneyCount(*of, step, what): number
                for of, counts in self._counts.items()
                for (step, what), number in counts.items()
            }
        )
        over = [each for each in self._written if not each.is_running]
        if over:
            self._tx.enrolments.forget_events((each.list_id, each.recipient) for each in over)
            self._tx.passages.events.ended(over)

    def _keep(self, walker: _Walker, turn: Turn) -> None:
        row = walker.row
        self._counts[row.list_id, row.journey_id, row.version].update(walker.counts)
        if turn.ended is not None:
            ended = row._replace(step=turn.position.step).ended(turn.ended.value, self._now)
            self._written.append(ended)
            self._count_end(row, turn.ended.value)
            return
        message, message_at = walker.state.message, walker.state.message_at
        if walker.message is not None:
            message, message_at = walker.message, self._now
        self._written.append(
            moved(
                row,
                turn.position,
                message=message,
                message_at=message_at,
                paused_ms=walker.ground.journey.paused_ms,
                hops=walker.state.hops,
                data=walker.state.data,
            )
        )

    def _count_end(self, row: StoredEnrolment, reason: str) -> None:
        if row.version:
            self._count(row, "", ENDED + reason)

    def _count(self, row: StoredEnrolment, step: str, what: str) -> None:
        self._counts[row.list_id, row.journey_id, row.version][step, what] += 1

    def _apply_effects(self) -> None:
        fields = _FieldsSet()
        for walker in self._walkers:
            row = walker.row
            for effect in walker.effects:
                if isinstance(effect, SetField):
                    fields.set(walker, effect)
                elif isinstance(effect, UnsubscribeContact):
                    self._unsubscribe(row, effect)
                elif isinstance(effect, EnterJourney):
                    self._enter(walker, effect)
                elif isinstance(effect, PostWebhook):
                    self._post(walker, effect)
        if fields.changes and self.account_id is not None:
            # Enrolments are held before contacts are written, wherever both are.
            for list_id, changes in fields.changes.items():
                self._tx.passages.fields_changed(self.account_id, list_id, changes, self._now)
            values = [(*place, patch) for place, patch in fields.patches.items()]
            self._tx.journey_facts.set_fields(self.account_id, values)

    def _post(self, walker: _Walker, effect: PostWebhook) -> None:
        """Write the event of a step; a turn that is done again after a crash has written none."""
        assert self.account_id is not None, "the row is of it"
        row, shown = walker.row, walker.ground.sender.shown
        passage = PassageShown(row.journey_id, row.version, row.recipient, shown, row.started_at)
        body = at_step(passage, effect.step, effect.fields, self._now)
        ref = event_ref(JOURNEY_STEP, passage, f"{row.seq} {effect.step}")
        step = PostedStep(EndpointId(effect.endpoint_id), ref, self._now, _encode(body))
        self._tx.outbox.add_step(self.account_id, step)

    def _unsubscribe(self, row: StoredEnrolment, effect: UnsubscribeContact) -> None:
        self._tx.contacts.unsubscribe(
            row.list_id,
            row.recipient,
            OptOutReason.MANUAL,
            source=f"journey:{row.journey_id}",
            evidence=effect.note,
            now=self._now,
        )

    def _enter(self, walker: _Walker, effect: EnterJourney) -> None:
        """Lead a contact to another journey, unless too many have led it here by now."""
        assert self.account_id is not None, "the row is of it"
        row, hops = walker.row, walker.state.hops + 1
        if hops > HOPS_MAX:
            self._count(row, effect.step, "refused:too_many_hops")
            _log.warning("journey_hops_ended", journey_id=row.journey_id, step=effect.step)
            return
        journey_id = JourneyId(effect.journey_id)
        self._tx.passages.enter_one(
            self.account_id, row.list_id, row.recipient, journey_id, self._now, hops=hops
        )


def verdict_of(code: str | None) -> str:
    """Return the verdict for the pure function: the code of a refusal, or that there is none."""
    return QUEUED if code is None else code

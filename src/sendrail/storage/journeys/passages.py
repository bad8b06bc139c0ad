"""Contacts entering journeys, leaving them, and being woken on them: in the transaction that asks.

The transaction that writes what happens to a contact reports it here. The contact's enrolments are
held before anything is judged, and before its row is written: all transactions take them in this
order.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sendrail.domain.contact import Journey, JourneyVersion, Scalar
from sendrail.domain.ids import AccountId, JourneyId, ListId, lane_of
from sendrail.domain.journeys.document import HOPS_MAX, Occasion, Version
from sendrail.domain.journeys.entering import (
    RUNNING_MAX,
    Entrance,
    Happening,
    Passage,
    asked_by,
    chosen,
    is_meant_for,
    triggers,
)
from sendrail.domain.journeys.event_data import remembered
from sendrail.domain.journeys.facts import NO_DATA, Facts, Wake
from sendrail.domain.journeys.position import EndReason
from sendrail.domain.journeys.reading import read_document
from sendrail.domain.journeys.turn import enter
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.journeys.enrolments import (
    EnrolmentPlace,
    Enrolments,
    JourneyCount,
    JourneyEvent,
    StoredEnrolment,
)
from sendrail.storage.journeys.facts import ContactFacts, JourneyFacts, RunningJourney
from sendrail.storage.journeys.passage_events import PassageEvents
from sendrail.storage.pipeline.gate import Gate

# A journey without steps is version 0 of itself.
WITHOUT_STEPS: Final = Version()
ENTERED: Final = "entered"
ENDED: Final = "ended:"
_NOBODY: Final = ContactFacts(active=False)
# What the row of one who enters keeps, where nothing is known of how it came there.
_NEW: Final[Mapping[str, Any]] = MappingProxyType({})
# Versions never change; so many are remembered.
_REMEMBERED_MAX: Final = 500
# Of a reply, which may be long, as much as a keyword can have.
_DETAIL_LENGTH_MAX: Final = 400
_OCCASIONS: Final[Mapping[int, Occasion]] = {
    Wake.REPLY: Occasion.REPLY,
    Wake.CLICK: Occasion.CLICK,
    Wake.CONVERSION: Occasion.CONVERSION,
    Wake.CUSTOM: Occasion.EVENT,
}


# What finds a version of an account's journey.
FindVersion = Callable[[AccountId, JourneyId, int], JourneyVersion | None]
# What says, of an account at a time, which of some audiences a contact is in.
FindMemberships = Callable[[AccountId, int], Callable[[Iterable[str], int], frozenset[str]]]


class FieldChange(NamedTuple):
    """The custom fields of a contact before and after they were changed.

    Where a step of a journey has changed them, `by` is that journey, which is not entered by it,
    and `hops` is how many journeys would have led to one that is.
    """

    recipient: PhoneNumber
    before: Mapping[str, Scalar]
    after: Mapping[str, Scalar]
    by: JourneyId | None = None
    hops: int = 0


class Passages:
    """What a transaction may do with contacts and journeys, beside the rounds that move them."""

    def __init__(  # noqa: PLR0917 - the sets that it works on
        self,
        enrolments: Enrolments,
        facts: JourneyFacts,
        gate: Gate,
        events: PassageEvents,
        find_version: FindVersion,
        memberships: FindMemberships,
        has_due: Callable[[Iterable[int]], None],
    ) -> None:
        """Call `has_due` with the lanes in which a contact may have a turn sooner."""
        self._enrolments = enrolments
        self._facts = facts
        self._gate = gate
        self.events = events
        self._find_version = find_version
        self._memberships = memberships
        self._has_due = has_due
        self._versions: dict[tuple[int, int], Version] = {}

    # Versions

    def version(self, account_id: AccountId, journey_id: JourneyId, number: int) -> Version | None:
        """Return a version of a journey, None where it cannot be run; 0 has no steps."""
        if not number:
            return WITHOUT_STEPS
        found = self._versions.get((journey_id, number))
        if found is None:
            stored = self._find_version(account_id, journey_id, number)
            if stored is None:
                return None
            found = read_document(json.loads(stored.document)).version
            if found is None:
                return None
            if len(self._versions) >= _REMEMBERED_MAX:
                self._versions.clear()
            self._versions[journey_id, number] = found
        return found

    # Entering

    def enter_by(
        self,
        account_id: AccountId,
        list_id: ListId,
        recipients: Collection[PhoneNumber],
        happening: Happening,
        now: int,
    ) -> int:
        """Let contacts enter the journeys of a list that an occasion puts them on.

        The facts are those after the occasion. Returns how many entries that were.
        """
        entrances = self._entrances(account_id, list_id, happening.occasion)
        if not entrances or not recipients:
            return 0
        held = self._enrolments.hold((list_id, each) for each in recipients)
        return self._enter_held(account_id, list_id, recipients, held, entrances, happening, now)

    def _enter_held(  # noqa: PLR0917 - what an entry depends on
        self,
        account_id: AccountId,
        list_id: ListId,
        recipients: Collection[PhoneNumber],
        held: Sequence[StoredEnrolment],
        entrances: Sequence[Entrance],
        happening: Happening,
        now: int,
    ) -> int:
        """Do the same with the contacts' enrolments at hand, held by this transaction."""
        known = self._reachable(account_id, list_id, recipients)
        facts_of = self._facts_for(account_id, list_id, entrances, now)
        entered: list[StoredEnrolment] = []
        for recipient, contact in known.items():
            facts = facts_of(recipient, contact.custom_fields)._replace(event_data=happening.data)
            asked = [each for each in entrances if triggers(each.version, happening, facts, now)]
            state = {"data": dict(happening.data)} if happening.data else {}
            entered += self._entries(account_id, list_id, recipient, asked, held, now, state)
        return len(self._write_entries(entered))

    def _entries(  # noqa: PLR0917 - what an entry depends on
        self,
        account_id: AccountId,
        list_id: ListId,
        recipient: PhoneNumber,
        asked: Sequence[Entrance],
        held: Sequence[StoredEnrolment],
        now: int,
        state: Mapping[str, Any] = _NEW,
    ) -> list[StoredEnrolment]:
        """Return the rows of a contact on those of these journeys that it enters.

        `state` is what their rows keep from the beginning.
        """
        own = {each.journey_id: each for each in held if each.recipient == recipient}
        passages = [self._passage(account_id, each, now) for each in own.values()]
        return [
            _new(list_id, recipient, each, own.get(JourneyId(each.journey_id)), now, state)
            for each in chosen(asked, passages, now)
        ]

    def enter_one(
        self,
        account_id: AccountId,
        list_id: ListId,
        recipient: PhoneNumber,
        journey_id: JourneyId,
        now: int,
        *,
        hops: int = 0,
    ) -> bool:
        """Let a contact enter one journey of its list under that one's rules, but for its trigger.

        `hops` is how many journeys have led to it. Returns whether the contact entered.
        """
        own = self._facts.of_list(list_id)
        journey = next((each for each in own if each.id == journey_id and each.is_entered), None)
        entrance = None if journey is None else self._entrance(account_id, journey)
        if entrance is None or not self._reachable(account_id, list_id, [recipient]):
            return False
        held = self._enrolments.hold([(list_id, recipient)])
        passages = [self._passage(account_id, each, now) for each in held]
        if not chosen([entrance], passages, now):
            return False
        was = next((each for each in held if each.journey_id == journey_id), None)
        state = {"hops": hops} if hops else _NEW
        return bool(self._write_entries([_new(list_id, recipient, entrance, was, now, state)]))

    def admit(
        self,
        account_id: AccountId,
        journey: Journey,
        recipients: Collection[PhoneNumber],
        now: int,
        *,
        is_dry: bool = False,
    ) -> int:
        """Let contacts enter a journey whose condition holds of them, whatever its occasions.

        Its re-entry is asked, as for each of its triggers. Returns how many entered, or would
        enter where it `is_dry`.
        """
        number = journey.active_version or 0
        version = self.version(account_id, journey.id, number)
        own = self._facts.of_list(journey.list_id)
        is_entered = any(each.id == journey.id and each.is_entered for each in own)
        if version is None or not is_entered:
            return 0
        held = self._enrolments.hold((journey.list_id, each) for each in recipients)
        known = self._reachable(account_id, journey.list_id, recipients)
        entrance = Entrance(journey.id, number, version)
        facts_of = self._facts_for(account_id, journey.list_id, [entrance], now)
        entered = []
        for recipient, contact in known.items():
            facts = facts_of(recipient, contact.custom_fields)
            rows = [each for each in held if each.recipient == recipient]
            passages = [self._passage(account_id, each, now) for each in rows]
            if is_meant_for(version, facts, now) and chosen([entrance], passages, now):
                was = next((each for each in rows if each.journey_id == journey.id), None)
                entered.append(_new(journey.list_id, recipient, entrance, was, now))
        if is_dry:
            return len(entered)
        return len(self._write_entries(entered))

    def kept_out(
        self,
        account_id: AccountId,
        journey: Journey,
        recipients: Collection[PhoneNumber],
        now: int,
    ) -> dict[PhoneNumber, str]:
        """Return who may not be put on a journey, each with the code that says why.

        These are contacts who may not be texted, those of whom only a digest is left among them,
        and those that other journeys of the list keep off: an exclusive journey is beside no other,
        and a contact is on a limited number at once.
        """
        version = self.version(account_id, journey.id, journey.active_version or 0)
        is_exclusive = version is not None and version.exclusive
        others: defaultdict[PhoneNumber, list[StoredEnrolment]] = defaultdict(list)
        for each in self._enrolments.hold((journey.list_id, each) for each in recipients):
            if each.journey_id != journey.id and _is_on(each, now):
                others[each.recipient].append(each)
        found: dict[PhoneNumber, str] = {}
        for recipient, running in others.items():
            passages = [self._passage(account_id, each, now) for each in running]
            if is_exclusive or any(each.is_exclusive for each in passages):
                found[recipient] = "journey_conflict"
            elif len(running) >= RUNNING_MAX:
                found[recipient] = "too_many_journeys"
        known = self._gate.known_contacts(account_id, journey.list_id, list(recipients), now)
        for number, against in known.items():
            if against.unsubscribed:
                found[PhoneNumber(number)] = "contact_unsubscribed"
            elif against.blocked:
                found[PhoneNumber(number)] = "contact_blocked"
        return found

    def put_on(
        self,
        account_id: AccountId,
        journey: Journey,
        recipients: Collection[PhoneNumber],
        now: int,
        *,
        restarts: bool,
    ) -> list[StoredEnrolment]:
        """Put contacts on a journey, whatever its trigger and its re-entry say.

        One who is on it starts anew if that `restarts` passages, and stays where it is otherwise.
        """
        number = journey.active_version or 0
        version = self.version(account_id, journey.id, number)
        if version is None:
            return []
        held = self._enrolments.hold((journey.list_id, each) for each in recipients)
        before = {each.recipient: each for each in held if each.journey_id == journey.id}
        running = [each for each in before.values() if _is_on(each, now)]
        if restarts:
            self._count_ends(running, EndReason.RESTARTED)
            self.events.ended(each.ended(EndReason.RESTARTED.value, now) for each in running)
        on_it = set() if restarts else {each.recipient for each in running}
        entrance = Entrance(journey.id, number, version)
        return self._write_entries(
            [
                _new(journey.list_id, each, entrance, before.get(each), now)
                for each in dict.fromkeys(recipients)
                if each not in on_it
            ]
        )

    def fields_changed(
        self, account_id: AccountId, list_id: ListId, changes: Sequence[FieldChange], now: int
    ) -> int:
        """Tell that custom fields of contacts were changed; return how many entries that made.

        It wakes who waits for that. A journey is entered where its condition holds of the fields
        after the change, and did not before it.
        """
        if not changes or not self._facts.of_list(list_id):
            return 0
        held = self._enrolments.hold((list_id, each.recipient) for each in changes)
        woken = [each.place for each in held if each.is_running and each.waits & Wake.FIELD]
        if woken:
            self._enrolments.wake(woken, now)
            self._has_due([lane_of(list_id)])
        rising: defaultdict[PhoneNumber, dict[int, Entrance]] = defaultdict(dict)
        for entrance in self._entrances(account_id, list_id, Occasion.FIELD):
            facts_of = self._facts_for(account_id, list_id, [entrance], now)
            asks = partial(triggers, entrance.version, Happening(Occasion.FIELD), now=now)
            for each in changes:
                if (
                    each.by != entrance.journey_id
                    and each.hops <= HOPS_MAX
                    and asks(facts=facts_of(each.recipient, each.after))
                    and not asks(facts=facts_of(each.recipient, each.before))
                ):
                    rising[each.recipient][entrance.journey_id] = entrance
        if not rising:
            return 0
        hops: dict[PhoneNumber, int] = {}
        for each in changes:
            hops[each.recipient] = max(each.hops, hops.get(each.recipient, 0))
        entered = [
            row
            for recipient in self._reachable(account_id, list_id, rising)
            for row in self._entries(
                account_id, list_id, recipient, list(rising[recipient].values()), held, now,
                {"hops": hops[recipient]} if hops[recipient] else _NEW,
            )
        ]  # fmt: skip
        return len(self._write_entries(entered))

    def _write_entries(self, entered: Sequence[StoredEnrolment]) -> list[StoredEnrolment]:
        written = self._enrolments.enter(entered)
        counts = Counter(
            JourneyCount(each.list_id, each.journey_id, each.version, "", ENTERED)
            for each in written
            if each.version
        )
        self._enrolments.count(counts)
        self.events.entered(written)
        if written:
            self._has_due({lane_of(each.list_id) for each in written})
        return written

    def starts_by(self, account_id: AccountId, list_id: ListId, occasion: Occasion) -> bool:
        """Return whether an occasion can put contacts on a journey of a list."""
        return bool(self._entrances(account_id, list_id, occasion))

    def _entrances(
        self, account_id: AccountId, list_id: ListId, occasion: Occasion
    ) -> list[Entrance]:
        found = []
        for journey in self._facts.of_list(list_id):
            entrance = self._entrance(account_id, journey) if journey.is_entered else None
            if entrance is not None and occasion in entrance.version.trigger.on:
                found.append(entrance)
        return found

    def _entrance(self, account_id: AccountId, journey: RunningJourney) -> Entrance | None:
        number = journey.active_version or 0
        version = self.version(account_id, journey.id, number)
        return None if version is None else Entrance(journey.id, number, version)

    def _reachable(
        self, account_id: AccountId, list_id: ListId, recipients: Collection[PhoneNumber]
    ) -> dict[PhoneNumber, ContactFacts]:
        """Return those who may be on a journey at all: active on the list, and not blocked."""
        wanted = [(list_id, each) for each in recipients]
        known = self._facts.contacts(account_id, wanted)
        blocked = self._gate.blocked(account_id, list(recipients))
        return {
            each: contact
            for each in recipients
            if (contact := known.get((list_id, each), _NOBODY)).active and each not in blocked
        }

    def _facts_for(
        self, account_id: AccountId, list_id: ListId, entrances: Sequence[Entrance], now: int
    ) -> Callable[[PhoneNumber, Mapping[str, Scalar]], Facts]:
        """Return what gives the facts of a contact with these fields, who is active on the list.

        Other lists and audiences are asked for where the conditions of these journeys name them.
        """
        lists, audiences = asked_by(each.version for each in entrances)
        inside = self._memberships(account_id, now) if audiences else None

        def facts_of(recipient: PhoneNumber, fields: Mapping[str, Scalar]) -> Facts:
            wanted = [(ListId(each), recipient) for each in lists]
            known = self._facts.contacts(account_id, wanted) if wanted else {}
            others = {each for (each, _), contact in known.items() if contact.active}
            among = inside(audiences, recipient) if inside else frozenset[str]()
            return Facts(fields=fields, lists={list_id} | others, audiences=among)

        return facts_of

    def _passage(self, account_id: AccountId, was: StoredEnrolment, now: int) -> Passage:
        is_on = _is_on(was, now)
        version = self.version(account_id, was.journey_id, was.version) if is_on else None
        return Passage(
            journey_id=was.journey_id,
            is_running=is_on,
            started_at=was.started_at,
            ended_at=was.ends_at,
            times=was.times,
            is_exclusive=version is not None and version.exclusive,
        )

    # Leaving

    def end(
        self,
        contacts: Iterable[tuple[ListId, PhoneNumber]],
        reason: EndReason,
        now: int,
        journey_id: JourneyId | None = None,
    ) -> int:
        """End what these contacts are on, all of it or one journey; return how many ended.

        To be called before the contact's own row is written.
        """
        running = [
            each
            for each in self._enrolments.hold(contacts)
            if each.is_running and journey_id in {None, each.journey_id}
        ]
        if not running:
            return 0
        over = [each.ended(reason.value, now) for each in running]
        self._enrolments.write(over)
        self._count_ends(running, reason)
        self.events.ended(over)
        self._enrolments.forget_events((each.list_id, each.recipient) for each in running)
        return len(running)

    def end_everywhere(
        self,
        account_id: AccountId,
        recipients: Collection[PhoneNumber],
        reason: EndReason,
        now: int,
    ) -> int:
        """End what contacts are on, on every list of their account."""
        lists = self._facts.lists_with_journeys()
        own = self._gate.lists_by_id(lists) if lists else {}
        contacts = [
            (ListId(list_id), each)
            for list_id, sender in own.items()
            if sender.account_id == account_id
            for each in recipients
        ]
        return self.end(contacts, reason, now) if contacts else 0

    def _count_ends(self, ended: Iterable[StoredEnrolment], reason: EndReason) -> None:
        counts: Counter[JourneyCount] = Counter()
        for each in ended:
            if each.version:
                of = JourneyCount(each.list_id, each.journey_id, each.version, "", "")
                counts[of._replace(what=ENDED + reason.value)] += 1
                # One that has not had its first turn never came to its step.
                if each.step and json.loads(each.state).get("moves"):
                    counts[of._replace(step=each.step, what="left")] += 1
        self._enrolments.count(counts)

    # What happens

    def happened(
        self, account_id: AccountId, event: JourneyEvent, data: Mapping[str, Scalar] = NO_DATA
    ) -> None:
        """Tell what happened to a contact: it may wake the contact, or let it enter a journey.

        `data` is what an event of another system says beside its name.
        """
        held = self._enrolments.hold([(event.list_id, event.recipient)])
        self._happened(account_id, event, held, event.at, data)

    def all_happened(self, events: Sequence[tuple[AccountId, JourneyEvent]], now: int) -> None:
        """Report what happened to contacts, each of an account; some reports come long after it.

        The `kind` of an event is a bit of `Wake`. The enrolments are held first, for a round that
        is about to wait for it must not be passed by: what is read here is what that round has
        written.
        """
        contacts = [(each.list_id, each.recipient) for _, each in events]
        held: defaultdict[tuple[int, int], list[StoredEnrolment]] = defaultdict(list)
        for row in self._enrolments.hold(contacts):
            held[row.list_id, row.recipient].append(row)
        seen = set()
        for contact, (account_id, event) in zip(contacts, events, strict=True):
            # What happened before may have put the contact on a journey.
            own = self._enrolments.hold([contact]) if contact in seen else held[contact]
            seen.add(contact)
            self._happened(account_id, event, own, now)

    def _happened(
        self,
        account_id: AccountId,
        event: JourneyEvent,
        held: Sequence[StoredEnrolment],
        now: int,
        data: Mapping[str, Scalar] = NO_DATA,
    ) -> None:
        list_id, recipient, _, kind, detail = event
        occasion = _OCCASIONS.get(kind)
        if running := [each for each in held if each.is_running]:
            if occasion is not None:
                kept = event._replace(kind=int(kind), detail=detail[:_DETAIL_LENGTH_MAX])
                self._enrolments.add_event(kept)
            if data:
                self._enrolments.write(_knowing(each, data) for each in running)
            woken = [each.place for each in running if each.waits & kind]
            if woken:
                self._enrolments.wake(woken, now)
                self._has_due([lane_of(list_id)])
        entrances = self._entrances(account_id, list_id, occasion) if occasion else ()
        if occasion is not None and entrances:
            happening = Happening(occasion, detail, data)
            self._enter_held(account_id, list_id, [recipient], held, entrances, happening, now)

    def messages_ended(self, numbers: Sequence[int]) -> None:
        """Tell that messages came to rest: it wakes who waits for what becomes of their own.

        Their rows are held already; all transactions take them before the enrolments.
        """
        ended = self._facts.sent_by_journeys(numbers)
        if not ended:
            return
        sent = {EnrolmentPlace(each.list_id, each.recipient, each.journey_id) for each in ended}
        held = self._enrolments.hold((each.list_id, each.recipient) for each in sent)
        woken = [
            each.place
            for each in held
            if each.is_running and each.waits & Wake.MESSAGE and each.place in sent
        ]
        if woken:
            self._enrolments.wake(woken, max(each.ended_at for each in ended))
            self._has_due({lane_of(each.list_id) for each in woken})


def _knowing(row: StoredEnrolment, data: Mapping[str, Scalar]) -> StoredEnrolment:
    """Return an enrolment that remembers what an event has said."""
    state = json.loads(row.state)
    state["data"] = remembered(state.get("data", {}), data)
    return row._replace(state=json.dumps(state))


def _is_on(each: StoredEnrolment, now: int) -> bool:
    return each.is_running and each.ends_at > now


def _new(  # noqa: PLR0917 - what an entry is made of
    list_id: ListId,
    recipient: PhoneNumber,
    entrance: Entrance,
    was: StoredEnrolment | None,
    now: int,
    state: Mapping[str, Any] = _NEW,
) -> StoredEnrolment:
    position = enter(entrance.version, now)
    return StoredEnrolment(
        list_id=list_id,
        recipient=recipient,
        journey_id=JourneyId(entrance.journey_id),
        version=entrance.number,
        step=position.step,
        seq=0 if was is None else was.seq + 1,
        due_at=position.due_at,
        waits=position.waits,
        started_at=position.entered_at,
        arrived_at=position.arrived_at,
        ends_at=position.ends_at,
        times=1 if was is None else was.times + 1,
        state=json.dumps(state) if state else "{}",
    )

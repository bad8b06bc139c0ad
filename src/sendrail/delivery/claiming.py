"""One round of claims, inside one transaction: whose turn, what is due, what may still go.

The gate's `asked again` checks run here, on facts as they are now: a STOP that arrived while the
message waited wins. What passes gets its intent written; the bytes leave only after the commit.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sendrail.delivery.pacer import ListTurn, Pacer
from sendrail.delivery.quiet import QuietHours, WaitingPlace
from sendrail.delivery.routing import PlannedSubmits, Route, Routes
from sendrail.delivery.run_ends import DueMessage, too_late
from sendrail.domain.campaign_run import RunState
from sendrail.domain.content import contains_any
from sendrail.domain.delivery import (
    RANK_AHEAD,
    RANK_CAMPAIGN,
    RANK_HELD,
    RANK_PACED,
    RANKS,
    Claim,
    OutboundMessage,
)
from sendrail.domain.gate import GateFacts, judge_again
from sendrail.domain.ids import ConnectorId, Lane, ListId, MessageId, MessageIds, MessageNumber
from sendrail.domain.message import DropReason, Skip, Status
from sendrail.domain.order import MESSAGE_ID_PLACEHOLDER
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.quiet_hours import NEVER, keeps_quiet
from sendrail.domain.sender import SendingList
from sendrail.domain.text import Encoding
from sendrail.links.domains import LinkSender
from sendrail.links.texts import LinkedText, LinkTexts
from sendrail.ownership import Ownership
from sendrail.storage.campaigns.run_pages import RunStanding
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.gate import KnownContact
from sendrail.storage.pipeline.queue import AttemptStart, QueueHead, QueuePlace, WaitingMessage

# A round is one transaction: big enough to share its fsync, small enough to be short.
_ROUND_MAX: Final = 512
_SHARE_MIN: Final = 16
_SWEEP_MAX: Final = 500
_FOREVER: Final = 1 << 62
_NOBODY: Final = KnownContact()
_SKIP_CONTACT: Final = Skip.CONTACT_VALIDATION.value
_CAMPAIGN: Final = Skip.CAMPAIGN.value
_ENCODINGS: Final = {each.value: each for each in Encoding}
# What says nothing of the recipient. The planner pauses a run for it, and nothing of it is lost.
_OF_SENDER: Final = frozenset(
    {
        DropReason.INACTIVE_LIST,
        DropReason.ACCOUNT_SUSPENDED,
        DropReason.WEBHOOK_NOT_CONFIGURED,
    }
)
_NO_RESEND: Final = "not sent again: its connector takes nothing"


class NextLook(Enum):
    """When a list is to be looked at again after its turn."""

    WHEN_PACE_ALLOWS = auto()
    # It took its share of the round: there is more that may leave.
    AFTER_THE_OTHERS = auto()
    # It took what the window had room for: there will be room with the next answers.
    WITH_THE_NEXT_ANSWERS = auto()
    WHEN_CONNECTOR_ALLOWS = auto()
    WHEN_DUE = auto()
    WHEN_TOLD = auto()
    # Its lane has gone to another owner, or is about to.
    WHEN_OURS = auto()


@dataclass(slots=True)
class TurnResult:
    """The result of a list's turn."""

    turn: ListTurn
    next_look: NextLook = NextLook.WHEN_TOLD
    due_at: int = 0
    route: Route | None = None
    # The connectors the list waits for, where it must wait for one.
    connectors: tuple[ConnectorId, ...] = ()
    # How many segments must find room on the connector before the list can go on.
    segments: int = 1


@dataclass(slots=True)
class ClaimRound:
    """Everything one round takes from the queue; `now` paces, `wall` decides what is due."""

    tx: Tx
    now: float
    wall: int
    share: int
    # How many of a list may be dropped at once.
    sweep: int
    # The lanes that are ours until the transaction ends, with their epochs.
    held: Mapping[int, int]
    taken: list[TurnResult] = field(default_factory=list)
    claims: list[tuple[Route, Claim]] = field(default_factory=list)
    drops: list[tuple[QueuePlace, Status, str | None]] = field(default_factory=list)
    kept: list[QueuePlace] = field(default_factory=list)
    # What belongs to a run that is paused, or is about to be.
    paused: list[QueuePlace] = field(default_factory=list)
    # How many wait for the end of quiet hours since this round.
    quiet: int = 0
    planned: dict[ConnectorId, PlannedSubmits] = field(
        default_factory=lambda: defaultdict(PlannedSubmits)
    )
    # What waits of each list, as far as it may be taken.
    heads: dict[int, QueueHead] = field(default_factory=dict)
    # How many messages each connector took for the lists that have it as their second one.
    failed_over: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Candidate:
    place: QueuePlace
    sender: SendingList
    route: Route
    taken: TurnResult


class Claimer:
    """Makes rounds; holds no state between them."""

    def __init__(
        self,
        lanes: Ownership,
        routes: Routes,
        pacer: Pacer,
        ids: MessageIds,
        links: LinkTexts,
        *,
        quiet: QuietHours,
        stale_after_ms: int,
        blocked_words: str,
    ) -> None:
        self._lanes = lanes
        self._routes = routes
        self._pacer = pacer
        self._ids = ids
        self._links = links
        self._quiet = quiet
        self.stale_after_ms = stale_after_ms
        self._blocked_words = blocked_words

    def claim(
        self,
        tx: Tx,
        turns: Sequence[ListTurn],
        now: float,
        wall: int,
        portion: Callable[[int], int],
    ) -> ClaimRound:
        """Take what is due of these lists; `now` paces, `wall` decides what is due and stale.

        `portion` says how many rows of so many are to be taken while others want the database.
        Raises `SetupError` when another process has taken all lanes over.
        """
        held = self._lanes.lock(tx, (turn.lane for turn in turns))
        share = max(portion(_SHARE_MIN), portion(_ROUND_MAX) // len(turns))
        found = ClaimRound(tx, now, wall, share, portion(_SWEEP_MAX), held)
        candidates: list[_Candidate] = []
        senders = tx.gate.lists_by_id(turn.list_id for turn in turns)
        found.heads = self._look_ahead(turns, senders, found)
        for turn in turns:
            taken = TurnResult(turn)
            found.taken.append(taken)
            if turn.lane not in held:
                taken.next_look = NextLook.WHEN_OURS
            elif (sender := senders.get(turn.list_id)) is None:
                self._drop_orphans(taken, found)
            else:
                candidates += self._take_turn(taken, sender, found)
        self._judge_candidates(candidates, found)
        tx.queue.drop(found.drops, wall)
        tx.queue.make_uncertain(found.kept, _NO_RESEND)
        tx.queue.hold(found.paused)
        return found

    def _look_ahead(
        self, turns: Sequence[ListTurn], senders: Mapping[int, SendingList], found: ClaimRound
    ) -> dict[int, QueueHead]:
        """Read what waits of all lists whose turn it is, at most what each may take of the round.

        What a turn takes leaves less room for those after it: then some was read for nothing.
        """
        wanted = []
        for lane, list_id in turns:
            sender = senders.get(ListId(list_id))
            if sender is None or lane not in found.held:
                continue
            route = self._routes.choose(sender, found.now, {})
            room = found.share
            if sender.second_connector_id is None:
                room = 0 if route is None else min(room, route.room(found.now))
            if room > 0:
                paced = min(room, self._pacer.room(list_id, sender.rate, found.now))
                wanted.append((lane, list_id, room, max(0, paced)))
        return found.tx.queue.heads(wanted, found.wall)

    def _drop_orphans(self, taken: TurnResult, found: ClaimRound) -> None:
        for rank in (*RANKS, RANK_HELD):
            places = found.tx.queue.due(*taken.turn, rank, _FOREVER, found.sweep)
            found.drops += [(place, Status.ORPHANED, DropReason.ORPHAN) for place in places]
            if len(places) == found.sweep:
                taken.next_look = NextLook.AFTER_THE_OTHERS

    def _take_turn(
        self, taken: TurnResult, sender: SendingList, found: ClaimRound
    ) -> list[_Candidate]:
        list_id = taken.turn.list_id
        route = taken.route = self._routes.choose(sender, found.now, found.planned)
        taken.connectors = _connectors_of(sender, route, found.now)
        if route is None:
            taken.next_look = NextLook.WHEN_CONNECTOR_ALLOWS
            return []
        planned = found.planned[route.connector.id]
        room = min(found.share, route.room(found.now) - planned.messages)
        if room <= 0:
            taken.next_look = NextLook.WHEN_CONNECTOR_ALLOWS
            return []
        ahead = self._due(taken, RANK_AHEAD, room, found)
        pace_room = self._pacer.room(list_id, sender.rate, found.now)
        paced_max = min(room - len(ahead), pace_room)
        paced = self._due(taken, RANK_PACED, paced_max, found)
        paced += self._due(taken, RANK_CAMPAIGN, paced_max - len(paced), found)
        if len(ahead) + len(paced) == room:
            taken.next_look = _why_no_more(room, found.share, route.claim_room() - planned.messages)
        elif len(paced) == paced_max:
            taken.next_look = NextLook.WHEN_PACE_ALLOWS
        elif (
            taken.next_look is NextLook.WHEN_TOLD
            and (due_at := found.heads[list_id].next_due_at) is not None
        ):
            taken.next_look, taken.due_at = NextLook.WHEN_DUE, due_at
        planned.messages += len(ahead) + len(paced)
        return [_Candidate(place, sender, route, taken) for place in (*ahead, *paced)]

    def _due(self, taken: TurnResult, rank: int, limit: int, found: ClaimRound) -> list[QueuePlace]:
        """Return what is due, after dropping what has waited too long."""
        if limit <= 0:
            return []
        turn, queue, wall = taken.turn, found.tx.queue, found.wall
        places = found.heads[turn.list_id].due(rank)[:limit]
        stale_from = wall - self.stale_after_ms
        if not places or places[0].due_at >= stale_from:
            return places
        old = queue.due(*turn, rank, stale_from - 1, found.sweep)
        stale = set(_without_runs(found.tx, old) if rank == RANK_CAMPAIGN else old)
        found.drops += [(place, Status.DROPPED, DropReason.STALE) for place in stale]
        if len(old) == found.sweep and stale:
            # More of the old remain: nothing young is reached before they are gone.
            taken.next_look = NextLook.AFTER_THE_OTHERS
            due = old
        else:
            due = queue.due(*turn, rank, wall, limit + len(stale))
        return [place for place in due if place not in stale][:limit]

    def _judge_candidates(self, candidates: Sequence[_Candidate], found: ClaimRound) -> None:
        if not candidates:
            return
        tx, wall = found.tx, found.wall
        loaded = tx.queue.load([candidate.place for candidate in candidates])
        reasons = self._ask_again(tx, candidates, loaded, wall)
        runs = _runs_of(tx, loaded)
        late = _ended_for(tx, runs, loaded, wall)
        passed = []
        for each, reason in zip(candidates, reasons, strict=True):
            run = runs.get(loaded[each.place.number].origin_id or 0)
            state = None if run is None else run.state
            if state is RunState.PAUSED or (state is RunState.RUNNING and reason in _OF_SENDER):
                found.paused.append(each.place)
            elif state is RunState.STOPPED or each.place.number in late:
                found.drops.append((each.place, Status.DROPPED, DropReason.CAMPAIGN_STOPPED))
            elif reason is not None:
                found.drops.append((each.place, Status.DROPPED, reason))
            else:
                passed.append(each)
        going = [
            each
            for each in self._without_quiet(passed, loaded, found)
            if _may_leave(each, loaded[each.place.number], found)
        ]
        names = self._ids.show_many([each.place.number for each in going])
        self._fill_links(tx, going, loaded)
        wanted = [each.place for each in going if each.route.reads_metadata]
        metadata = tx.queue.metadata(wanted) if wanted else {}
        for each, name in zip(going, names, strict=True):
            number = each.place.number
            claim = _claim(each, loaded[number], name, metadata.get(number), found)
            found.claims.append((each.route, claim))
            if claim.connector_id != each.sender.connector_id:
                found.failed_over[each.route.connector.name] += 1
        tx.queue.start_attempts(
            [each.place for each in going],
            [
                AttemptStart(claim.attempt, claim.epoch, claim.connector_id, wall, claim.number)
                for _, claim in found.claims
            ],
        )

    def _without_quiet(
        self,
        candidates: Sequence[_Candidate],
        loaded: dict[int, WaitingMessage],
        found: ClaimRound,
    ) -> Sequence[_Candidate]:
        """Hold back what must not leave in quiet hours; return the rest."""
        held = self._hold(
            [
                WaitingPlace(each.place, each.sender, message)
                for each in candidates
                if keeps_quiet(
                    (message := loaded[each.place.number]).skips, each.sender.quiet_scope
                )
            ],
            found,
        )
        if not held:
            return candidates
        turns: dict[int, list[_Candidate]] = defaultdict(list)
        for each in candidates:
            turns[each.place.list_id].append(each)
        for of_list in turns.values():
            quiet = {each.place for each in of_list if each.place in held}
            if not quiet:
                continue
            openings = [held[place] for place in quiet]
            if len(quiet) * 2 >= len(of_list):
                known = {each.place for each in candidates}
                known.update(found.paused, (place for place, _, _ in found.drops))
                ranks = {place.rank for place in quiet}
                openings += self._look_past(of_list[0], ranks, known, found)
            _wait_until(of_list[0].taken, min(openings))
        return [each for each in candidates if each.place not in held]

    def _look_past(
        self,
        one: _Candidate,
        ranks: Collection[int],
        known: Collection[QueuePlace],
        found: ClaimRound,
    ) -> list[int]:
        """Hold back at once what more is quiet at the head of a list; return when it may leave.

        However slow a list is, what may leave then stands behind what may not for some rounds only.
        """
        taken, openings = one.taken, list[int]()
        stale_from = found.wall - self.stale_after_ms
        for rank in ranks:
            limit = found.sweep + sum(each[:3] == (*taken.turn, rank) for each in known)
            due = found.tx.queue.due(*taken.turn, rank, found.wall, limit)
            places = [each for each in due if each not in known and each.due_at >= stale_from]
            loaded = found.tx.queue.load(places)
            waiting = [
                WaitingPlace(each, one.sender, message)
                for each in places
                if keeps_quiet((message := loaded[each.number]).skips, one.sender.quiet_scope)
            ]
            openings += self._hold(waiting, found).values()
            if len(due) == limit:
                taken.next_look = NextLook.AFTER_THE_OTHERS
        return openings

    def _hold(self, waiting: Sequence[WaitingPlace], found: ClaimRound) -> dict[QueuePlace, int]:
        """Hold back those of these, which keep quiet hours, that may not leave now."""
        if not waiting:
            return {}
        held = self._quiet.hold(found.tx, waiting, found.wall)
        never = [place for place, opening in held.items() if opening == NEVER]
        found.drops += [(place, Status.DROPPED, DropReason.QUIET_HOURS) for place in never]
        found.quiet += len(held) - len(never)
        return held

    def _fill_links(
        self, tx: Tx, going: Sequence[_Candidate], loaded: dict[int, WaitingMessage]
    ) -> None:
        """Put the short links into the texts of those that have some."""
        texts = [
            LinkedText(
                message.number,
                LinkSender(each.sender.account_id, each.sender.id, each.sender.connector_id),
                message.body,
                message.links,
            )
            for each in going
            if (message := loaded[each.place.number]).links
        ]
        if texts:
            for text, body in zip(texts, self._links.fill(tx, texts), strict=True):
                loaded[text.number] = loaded[text.number]._replace(body=body)

    def _ask_again(
        self,
        tx: Tx,
        candidates: Sequence[_Candidate],
        loaded: dict[int, WaitingMessage],
        wall: int,
    ) -> list[DropReason | None]:
        messages = [loaded[each.place.number] for each in candidates]
        gate = tx.gate
        asked: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for each, message in zip(candidates, messages, strict=True):
            if not message.skips & _SKIP_CONTACT:
                asked[message.account_id, each.place.list_id].append(message.recipient)
        known = {
            (list_id, recipient): contact
            for (_, list_id), contacts in gate.known_contacts_of_lists(asked, wall).items()
            for recipient, contact in contacts.items()
        }
        accounts = gate.accounts({message.account_id for message in messages})
        words = {
            account_id: [each for each in (self._blocked_words, account.blocked_words) if each]
            for account_id, account in accounts.items()
        }
        # The same facts are judged once: nearly all messages of a list have the same.
        judged: dict[tuple[int, int, int, bool, bool, bool], DropReason | None] = {}
        reasons = []
        for each, message in zip(candidates, messages, strict=True):
            list_id, account_id = each.place.list_id, message.account_id
            contact = known.get((list_id, message.recipient), _NOBODY)
            blocked = any(contains_any(message.body, word) for word in words[account_id])
            facts = (blocked, contact.unsubscribed, contact.blocked)
            key = (list_id, account_id, message.skips, *facts)
            if key not in judged:
                active = accounts[account_id].active
                judged[key] = judge_again(GateFacts(each.sender, active, *facts), message.skips)
            reasons.append(judged[key])
        return reasons


def _runs_of(tx: Tx, loaded: Mapping[int, WaitingMessage]) -> Mapping[int, RunStanding]:
    """Return how those origins of messages stand that are runs."""
    ids = {each.origin_id or 0 for each in loaded.values() if each.skips & _CAMPAIGN} - {0}
    return tx.run_pages.standings(ids) if ids else {}


def _without_runs(tx: Tx, places: Sequence[QueuePlace]) -> list[QueuePlace]:
    """Return the places of messages that belong to no run, or to one that is finished.

    Nothing of a run is stale: it has an end, and by chance alone some of its people wait in the
    queue while the turn of others is still to come.
    """
    loaded = tx.queue.load(places)
    runs = _runs_of(tx, loaded)
    open_ = {origin_id for origin_id, run in runs.items() if run.state is not RunState.FINISHED}
    return [each for each in places if loaded[each.number].origin_id not in open_]


def _ended_for(
    tx: Tx, runs: Mapping[int, RunStanding], loaded: Mapping[int, WaitingMessage], wall: int
) -> Collection[int]:
    """Return the numbers of messages whose run sends no more to their recipients."""
    if all(wall < each.first_end for each in runs.values()):
        return ()
    return too_late(tx, runs, [DueMessage(each, wall) for each in loaded.values()])


def _wait_until(taken: TurnResult, opening: int) -> None:
    """Let a list that has nothing else to wait for be looked at when its quiet hours end."""
    if opening == NEVER:
        return
    if taken.next_look is NextLook.WHEN_TOLD:
        taken.next_look, taken.due_at = NextLook.WHEN_DUE, opening
    elif taken.next_look is NextLook.WHEN_DUE:
        taken.due_at = min(taken.due_at, opening)


def _why_no_more(room: int, share: int, window: int) -> NextLook:
    """Return when a list that took all it had room for may have more."""
    if room == window:
        return NextLook.WITH_THE_NEXT_ANSWERS
    return NextLook.AFTER_THE_OTHERS if room == share else NextLook.WHEN_PACE_ALLOWS


def _connectors_of(sender: SendingList, route: Route | None, now: float) -> tuple[ConnectorId, ...]:
    """Return the connectors a list waits for: the one it goes by, or any that may take it."""
    if route is not None and not route.takes_nothing(now):
        return (route.connector.id,)
    if sender.second_connector_id is None:
        return (sender.connector_id,)
    return sender.connector_id, sender.second_connector_id


def _may_leave(each: _Candidate, message: WaitingMessage, found: ClaimRound) -> bool:
    """Return whether a message that passed the checks leaves in this round; if not, note why."""
    connector_id = each.route.connector.id
    if message.resent and message.connector_id != connector_id:
        # It may have left by its connector already. Only what certainly did not goes by another
        # one.
        found.kept.append(each.place)
        return False
    planned = found.planned[connector_id]
    if each.taken.next_look is NextLook.WHEN_CONNECTOR_ALLOWS or not each.route.admits(
        found.now, planned.segments, message.segments
    ):
        if planned.segments < _FOREVER:
            each.route.reserve(found.now, message.segments)
            each.taken.segments = message.segments
        each.taken.next_look = NextLook.WHEN_CONNECTOR_ALLOWS
        # In this round no other message overtakes it.
        planned.segments = _FOREVER
        return False
    planned.segments += message.segments
    return True


def _claim(
    candidate: _Candidate,
    message: WaitingMessage,
    name: MessageId,
    metadata: str | None,
    found: ClaimRound,
) -> Claim:
    place, sender = candidate.place, candidate.sender
    body = message.body
    if "{{" in body:
        body = body.replace(MESSAGE_ID_PLACEHOLDER, name)
    return Claim(
        number=MessageNumber(place.number),
        lane=Lane(place.lane),
        list_id=ListId(place.list_id),
        connector_id=candidate.route.connector.id,
        epoch=found.held[place.lane],
        attempt=message.attempt + 1,
        claimed_at=found.wall,
        due_at=place.due_at,
        rank=place.rank,
        resent=bool(message.resent),
        on_uncertain=sender.on_uncertain,
        outbound=OutboundMessage(
            message_id=name,
            recipient=PhoneNumber(message.recipient),
            sender=sender.shown,
            body=body,
            encoding=_ENCODINGS[message.encoding],
            segments=message.segments,
            metadata=metadata,
        ),
        origin_id=message.origin_id or 0,
    )

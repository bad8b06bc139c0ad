"""A page of a dry run: what a run's planner and the gate would make of its contacts.

The rules are those of a run, and asked of the same functions; nothing is written.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.campaigns.planner import sending_as
from sendrail.campaigns.planning import (
    CAMPAIGN_SKIPS,
    ListSender,
    OrderSource,
    PagePlanner,
    merged,
    quiet_ones,
)
from sendrail.campaigns.run_content import RunContent
from sendrail.domain import gate
from sendrail.domain.campaign_run import is_capped
from sendrail.domain.content import contains_any
from sendrail.domain.destinations import fill_links
from sendrail.domain.ids import AccountId, ListId, RunId
from sendrail.domain.order import Fault, Order, Refusal
from sendrail.domain.phone import prefix_of
from sendrail.domain.quiet_hours import OpeningTable, OpenTimes, keeps_quiet
from sendrail.domain.schedule import OutsideHours
from sendrail.domain.sender import SendingList
from sendrail.domain.sending_time import MessageBatch, SendingTime, sending_time
from sendrail.domain.waves import Wave
from sendrail.intake.links import NO_DOMAIN
from sendrail.intake.orders import Limits, measured
from sendrail.links.domains import LinkSender
from sendrail.links.texts import LinkTexts, stand_ins
from sendrail.storage.campaigns.run_members import Member, MembersOfList
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.gate import Caller, KnownContact

PAGE_MAX: Final = 500
# In no zone whose hour is still to come.
PASSED_OVER: Final = "passed_over"
_NOTHING_KNOWN: Final = KnownContact()


class TrialText(NamedTuple):
    """A message that would be sent: its text with its links in it, and what it costs."""

    recipient: int
    list_id: int
    variant: int
    text: str
    encoding: str
    segments: int
    defaulted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """What a dry run goes by, read once. Of a sample it has every `step`-th number, else all."""

    account_id: AccountId
    content: RunContent
    waves: Sequence[Wave]
    queries: Sequence[MembersOfList]
    caller: Caller
    senders: Mapping[int, SendingList]
    lists: Mapping[int, ListSender]
    # What is as long as a list's links, by their number; None where it can have none.
    stand_ins: Mapping[int, Sequence[Sequence[str]] | None]
    begins_at: int
    first_run_at: int | None
    counted_at: int
    step: int


@dataclass(frozen=True, slots=True)
class TrialPage:
    """Some contacts of a dry run with what is known of them; `above` is None at the end."""

    members: Sequence[Member]
    opted_out: int
    known: Mapping[tuple[int, int], Mapping[int, KnownContact]]
    zones: Mapping[int, str]
    told: Mapping[int, str]
    sends: Mapping[int, str]
    above: int | None


def read_lists(
    tx: Tx, content: RunContent, links: LinkTexts
) -> tuple[
    dict[int, SendingList], dict[int, ListSender], dict[int, Sequence[Sequence[str]] | None]
]:
    """Return the lists of a run, how they stand around texts, and what their links are like."""
    senders = tx.gate.lists_by_id(ListId(each) for each in content.lists)
    lists = {int(each.id): sending_as(tx, each) for each in senders.values()}
    like: dict[int, Sequence[Sequence[str]] | None] = {}
    for each in senders.values():
        host = links.host_of(tx, LinkSender(each.account_id, each.id, each.connector_id))
        like[each.id] = None if host is None else stand_ins(host)
    return dict(senders), lists, like


def read_page(tx: Tx, run: TrialRun, above: int) -> TrialPage:
    """Return the next contacts of a dry run, in the order of their numbers."""
    found = [tx.run_members.trial_page(each, above, PAGE_MAX, run.step) for each in run.queries]
    streams = [active for active, _ in found]
    active = {member.recipient for stream in streams for member in stream}
    everyone = merged([*streams, *(others for _, others in found)], PAGE_MAX)
    members = [each for each in everyone if each.recipient in active]
    recipients = [each.recipient for each in members]
    by_list: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for each in members:
        by_list[run.account_id, each.list_id].append(each.recipient)
    return TrialPage(
        members,
        len(everyone) - len(members),
        tx.gate.known_contacts_of_lists(by_list, run.begins_at),
        tx.gate.zones(run.account_id, recipients),
        tx.numbers.told(run.account_id, recipients) if len(run.waves) > 1 else {},
        tx.run_pages.sends(run.account_id, recipients) if run.content.is_capped else {},
        everyone[-1].recipient if len(everyone) == PAGE_MAX else None,
    )


class TrialPlanner:
    """Plans and judges the pages of one dry run, as a run's are planned and the gate judges."""

    def __init__(
        self, run: TrialRun, limits: Limits, openings: OpeningTable, blocked_words: str
    ) -> None:
        self._run = run
        self._limits = limits
        self._openings = openings
        self._blocked_words = (blocked_words, run.caller.blocked_words)
        # Which text who gets is decided by the run's number: here it is another one.
        self._planner = PagePlanner(run.account_id, RunId(0), run.content, limits)
        self._planned = 0
        # The messages of each list that may leave alike.
        self._batches: defaultdict[int, Counter[MessageBatch]] = defaultdict(Counter)

    def plan(self, page: TrialPage) -> tuple[list[TrialText], int, list[str]]:
        """Return the messages of a page, how many are held out, and why others are left out."""
        texts: list[TrialText] = []
        held_out, reasons = 0, []
        for wave, members in self._by_wave(page):
            if wave is None:
                reasons += [PASSED_OVER] * len(members)
                continue
            plan = self._planner.plan(
                members,
                self._run.lists,
                self._capped(members, page.sends, wave),
                quiet=self._quiet(members, page.zones, wave),
                zones=page.zones,
                before=self._planned,
            )
            held_out += len(plan.held_out)
            reasons += [reason for _, reason in plan.left_out]
            for order, source in zip(plan.orders, plan.sources, strict=True):
                judged = self._judged(order, source, page)
                if isinstance(judged, str):
                    reasons.append(judged)
                else:
                    texts.append(judged)
                    self._planned += 1
                    times = self._open_times(judged, page.zones)
                    batch = MessageBatch(0, wave.due_at, wave.ends_at, times)
                    self._batches[judged.list_id][batch] += 1
        return texts, held_out, reasons

    def sending_times(self) -> dict[int, SendingTime]:
        """Return how long each list takes for what was planned, and for as many as that stands for.

        Of messages that are left, those of the sample are counted.
        """
        step = self._run.step
        holds = self._run.content.outside_hours is OutsideHours.HOLD
        found = {}
        for list_id, counts in self._batches.items():
            batches = [each._replace(messages=count * step) for each, count in counts.items()]
            taken = sending_time(batches, self._run.senders[list_id].rate, holds=holds)
            found[list_id] = taken._replace(unsent=-(-taken.unsent // step))
        return found

    def _open_times(self, text: TrialText, zones: Mapping[int, str]) -> OpenTimes:
        sender = self._run.senders[text.list_id]
        if not keeps_quiet(CAMPAIGN_SKIPS, sender.quiet_scope):
            return OpenTimes()
        key = prefix_of(text.recipient), sender.quiet_hours, zones.get(text.recipient)
        return self._openings.times_at(*key)

    def _by_wave(self, page: TrialPage) -> Iterator[tuple[Wave | None, Sequence[Member]]]:
        waves = self._run.waves
        of_wave: defaultdict[int | None, list[Member]] = defaultdict(list)
        for each in page.members:
            told = page.told.get(each.recipient)
            which = (at for at, wave in enumerate(waves) if wave.takes(each.recipient, told))
            of_wave[next(which, None)].append(each)
        for at, some in of_wave.items():
            yield None if at is None else waves[at], some

    def _capped(self, members: Sequence[Member], sends: Mapping[int, str], wave: Wave) -> set[int]:
        bounds = self._run.content.cap_bounds(wave.due_at)
        if bounds is None:
            return set()
        numbers = [each.recipient for each in members]
        return {each for each in numbers if is_capped(sends.get(each, ""), bounds)}

    def _quiet(self, members: Sequence[Member], zones: Mapping[int, str], wave: Wave) -> set[int]:
        waits = self._run.content.outside_hours is OutsideHours.HOLD
        until = wave.ends_at if waits else 0
        return quiet_ones(members, self._run.senders, zones, self._openings, until, wave.due_at)

    def _judged(self, order: Order, source: OrderSource, page: TrialPage) -> TrialText | str:
        """Return what a message would be, or the code of its refusal."""
        list_id = source.list_id
        text, size = order.body, (order.encoding, order.segments)
        if order.links:
            like = self._run.stand_ins[list_id]
            if like is None:
                return NO_DOMAIN.code
            text = fill_links(text, like[len(order.links)])
            found = measured(text, self._limits)
            if isinstance(found, Fault):
                return found.code
            size = found
        refusal = self._refusal(order, list_id, page)
        if refusal is not None:
            return refusal.value
        return TrialText(
            int(order.recipient), list_id, source.variant, text, *size, source.defaulted
        )

    def _refusal(self, order: Order, list_id: int, page: TrialPage) -> Refusal | None:
        known = page.known.get((self._run.account_id, list_id), {})
        contact = known.get(order.recipient, _NOTHING_KNOWN)
        facts = gate.GateFacts(
            self._run.senders[list_id],
            self._run.caller.active,
            any(contains_any(order.body, each) for each in self._blocked_words),
            contact.unsubscribed,
            contact.blocked,
            same_message_recently=False,
            in_active_journey=contact.enrolled,
        )
        return gate.judge(facts, CAMPAIGN_SKIPS)

"""Take back and add what clicks counted for, within a transaction, where their classes change.

Clicks are dealt with in the order they came. Where a message's first click turns out to be a
machine's, the next one of a person takes its place; until that is met, the message says that it is
looked for.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sendrail.domain.click_classes import ClickClass
from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import AccountId, ListId, MessageNumber
from sendrail.domain.origin_counts import CountKind
from sendrail.storage.interface import Tx
from sendrail.storage.tracking.message_clicks import (
    ClickedMessage,
    ContactTally,
    LinkTally,
    TakenClick,
)
from sendrail.storage.tracking.reclassification import ClickCorrection, FirstClick, ReclassedClick
from sendrail.tracking.applying import MACHINES, offers_of
from sendrail.tracking.counting import MessageCounts, click_event


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedClicks:
    """What one transaction has changed: clicks, and messages that gained or lost their first."""

    changed: list[ReclassedClick] = field(default_factory=list)
    gained: int = 0
    lost: int = 0
    # Whether times were taken back whose place another click may take.
    has_lost: bool = False


def correct(tx: Tx, account_id: AccountId, clicks: Sequence[ReclassedClick]) -> CorrectedClicks:
    """Write the classes of an account's clicks, and what follows; return what has changed."""
    changed = tx.reclassification.reclass([each for each in clicks if each.before != each.after])
    skipped = {each.before.id for each in clicks if each.before != each.after}
    skipped -= {each.before.id for each in changed}
    human = [
        each.after
        for each in clicks
        if each.after.position is not None
        and each.after.click_class is ClickClass.HUMAN
        and each.before.id not in skipped
    ]
    work = _Work(tx, account_id, changed, human)
    of_messages = work.of_messages()
    tx.message_clicks.add_to_links(_of_links(changed))
    return CorrectedClicks(
        changed=changed,
        gained=len(of_messages.gained),
        lost=len(of_messages.lost),
        has_lost=of_messages.has_lost,
    )


@dataclass(slots=True)
class _OfMessages:
    gained: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    has_lost: bool = False


class _Work:
    """The messages that some clicks are on, and what changes of them."""

    def __init__(
        self,
        tx: Tx,
        account_id: AccountId,
        changed: Sequence[ReclassedClick],
        human: Sequence[TakenClick],
    ) -> None:
        self._tx = tx
        self._account_id = account_id
        self._changed = _by_message(changed)
        self._human: defaultdict[int, list[TakenClick]] = defaultdict(list)
        for each in human:
            self._human[each.number].append(each)

    def of_messages(self) -> _OfMessages:
        """Correct messages and their contacts; notify of messages that no person had clicked."""
        tx, found = self._tx, _OfMessages()
        wanted = self._changed.keys() | self._searching()
        # Held until the end, in the same order as those that count.
        messages = {
            number: message
            for number, message in tx.message_clicks.messages(wanted).items()
            if message.account_id == self._account_id
        }
        before = tx.reclassification.first(self._account_id, messages)
        first = self._first(before)
        offers = offers_of(tx, messages, first)
        corrections = [
            self._correction(messages[number], was, first.get(number), offers.get(number))
            for number, was in before.items()
        ]
        tx.reclassification.correct(corrections)
        self._count(messages, before, corrections)
        for each in corrections:
            were = before[each.number].human_clicks
            if not were and each.humans > 0:
                found.gained.append(each.number)
            elif were and were + each.humans <= 0:
                found.lost.append(each.number)
            found.has_lost |= each.at is not None and each.position is None
        found.has_lost |= self._correct_contacts(messages, before, found)
        tx.outbox.add_clicks(sorted(found.gained))
        return found

    def _count(
        self,
        messages: dict[int, ClickedMessage],
        before: dict[int, FirstClick],
        corrections: Sequence[ClickCorrection],
    ) -> None:
        """Correct the counts of what the messages come from, and of whom they went to."""
        counts, events = MessageCounts(), []
        for each in corrections:
            message, was = messages[each.number], before[each.number]
            if was.human_clicks and was.at is not None:
                counts.add(message, CountKind.CLICKED.value, was.at, -1)
                events.append(click_event(message, was.at, -1))
            if was.human_clicks + each.humans > 0 and each.at is not None:
                counts.add(message, CountKind.CLICKED.value, each.at)
                events.append(click_event(message, each.at))
            for click in self._changed.get(each.number, ()):
                more = _difference(click, MACHINES)
                counts.add(message, CountKind.BOT_CLICKS.value, click.after.at, more)
        self._tx.origin_counts.add(counts.tally)
        self._tx.cohort_counts.add(events)

    def _searching(self) -> set[int]:
        """Return the messages for whose first click one of these may be taken."""
        others = self._human.keys() - self._changed.keys()
        known = self._tx.reclassification.first(self._account_id, others)
        return {number for number, each in known.items() if is_searched(each)}

    def _first(self, before: dict[int, FirstClick]) -> dict[int, TakenClick]:
        """Return the clicks that become first ones, by message."""
        found = {}
        for number, was in before.items():
            if not (human := self._human.get(number)):
                continue
            one = min(human, key=lambda each: (each.at, each.id))
            if was.at is None or is_searched(was) or self._loses_first(was) or one.at < was.at:
                found[number] = one
        return found

    def _loses_first(self, was: FirstClick) -> bool:
        return any(
            each.before.click_class is ClickClass.HUMAN
            and each.after.click_class is not ClickClass.HUMAN
            and (each.before.at, each.before.position) == (was.at, was.position)
            for each in self._changed.get(was.number, ())
        )

    def _correction(
        self,
        message: ClickedMessage,
        was: FirstClick,
        first: TakenClick | None,
        offer_id: int | None,
    ) -> ClickCorrection:
        clicks = self._changed.get(message.number, ())
        humans = sum(_difference(each, _HUMAN) for each in clicks)
        machines = sum(_difference(each, MACHINES) for each in clicks)
        at, position, offer = was.at, was.position, was.offer_id
        if was.human_clicks + humans <= 0:
            at = position = offer = None
        elif first is not None:
            at, position, offer = first.at, first.position, offer_id  # type: ignore[assignment]
        elif self._loses_first(was):
            position = offer = None
        return ClickCorrection(
            message.number, message.account_id, message.created_at, at, position, offer,
            humans, machines,
        )  # fmt: skip

    def _correct_contacts(
        self,
        messages: dict[int, ClickedMessage],
        before: dict[int, FirstClick],
        found: _OfMessages,
    ) -> bool:
        """Correct what contacts have clicked; return whether a last time may have gone."""
        taken: dict[tuple[ListId, int], ContactTally] = {}
        added: dict[tuple[ListId, int], ContactTally] = {}
        gained, lost, has_lost = set(found.gained), set(found.lost), False
        for number in before:
            message = messages[number]
            if message.recipient == REDACTED:
                continue
            key = (message.list_id, message.recipient)
            clicks = self._changed.get(number, ())
            gone = [each.before.at for each in clicks if _difference(each, _HUMAN) < 0]
            new = [each.after.at for each in clicks if _difference(each, _HUMAN) > 0]
            if gone or new:
                # Those that are only added to as well: all are locked in the order of their keys.
                _tally(taken, key, number in lost, max(gone, default=0))
                has_lost |= bool(gone)
            if new:
                _tally(added, key, number in gained, max(new))
        self._tx.reclassification.take_from_contacts(taken.values())
        self._tx.message_clicks.add_to_contacts(added.values())
        return has_lost


_HUMAN: Final = frozenset({ClickClass.HUMAN})


def is_searched(first: FirstClick) -> bool:
    """Return whether another first click is looked for."""
    return first.at is not None and first.position is None


def _tally(
    tallies: dict[tuple[ListId, int], ContactTally], key: tuple[ListId, int], counts: bool, at: int
) -> None:
    before = tallies.get(key, ContactTally(*key, 0, 0))
    tallies[key] = before._replace(
        clicks=before.clicks + counts, last_clicked_at=max(before.last_clicked_at, at)
    )


def _difference(click: ReclassedClick, classes: Collection[ClickClass]) -> int:
    return (click.after.click_class in classes) - (click.before.click_class in classes)


def _by_message(changed: Sequence[ReclassedClick]) -> dict[int, list[ReclassedClick]]:
    found: dict[int, list[ReclassedClick]] = {}
    for each in changed:
        if each.before.position is not None:
            found.setdefault(each.before.number, []).append(each)
    return found


def _of_links(changed: Sequence[ReclassedClick]) -> list[LinkTally]:
    tallies: dict[int, LinkTally] = {}
    for each in changed:
        number = each.before.number
        if each.before.position is None and (more := _difference(each, _HUMAN)):
            before = tallies.get(number, LinkTally(number, each.before.account_id, 0, 0, 0))
            tallies[number] = before._replace(
                human_clicks=before.human_clicks + more,
                last_clicked_at=max(before.last_clicked_at, each.before.at if more > 0 else 0),
            )
    return list(tallies.values())


def settle_times(tx: Tx, account_id: AccountId, human: Sequence[TakenClick]) -> None:
    """Give clicks of people to those messages and contacts whose time was taken back."""
    if not human:
        return
    numbers = {MessageNumber(each.number) for each in human}
    linked = tx.clicks.linked([(number, 0) for number in numbers])
    last: dict[tuple[ListId, int], int] = {}
    for each in human:
        message = linked.get(MessageNumber(each.number))
        if message is not None and message.account_id == account_id:
            key = (message.list_id, message.recipient)
            if message.recipient != REDACTED:
                last[key] = max(each.at, last.get(key, 0))
    _Work(tx, account_id, (), human).of_messages()
    tx.reclassification.last_of_contacts([(*key, at) for key, at in last.items()])

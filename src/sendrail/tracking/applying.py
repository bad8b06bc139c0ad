"""Count clicks within a transaction: their classes, what they are the first of, who is notified."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sendrail.domain.click_classes import ClickClass, ClickReason, ClickVerdict
from sendrail.domain.click_neighbours import ClickNeighbours
from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import OfferId
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.origin_counts import CountKind, CountTally
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.recipient_links import destination_of
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import JourneyEvent
from sendrail.storage.tracking.message_clicks import (
    ClickedMessage,
    ContactTally,
    LinkTally,
    MessageTally,
    TakenClick,
)
from sendrail.tracking.counting import MessageCounts, click_event

MACHINES: Final = frozenset({ClickClass.BOT, ClickClass.PREVIEW, ClickClass.PREFETCH})


@dataclass(frozen=True, slots=True)
class CountedClicks:
    """What one transaction has counted: clicks by their class, and messages clicked first."""

    clicks: Counter[ClickClass] = field(default_factory=Counter)
    first_clicks: int = 0

    def __add__(self, other: "CountedClicks") -> "CountedClicks":
        return CountedClicks(self.clicks + other.clicks, self.first_clicks + other.first_clicks)


def count(tx: Tx, clicks: Sequence[TakenClick], neighbours: ClickNeighbours) -> CountedClicks:
    """Count clicks that were taken in this transaction; return what they were."""
    messages = tx.message_clicks.messages(
        {each.number for each in clicks if each.position is not None}
    )
    judged = [_judged(each, messages.get(each.number), neighbours) for each in clicks]
    tx.message_clicks.reclass(
        after for before, after in zip(clicks, judged, strict=True) if before != after
    )
    of_messages: defaultdict[int, list[TakenClick]] = defaultdict(list)
    for each in judged:
        # What is on a message that is gone counts for none.
        if each.position is not None and _is_of(messages.get(each.number), each):
            of_messages[each.number].append(each)
    first = count_for_messages(tx, messages, of_messages)
    # Before the contacts' rows: all transactions take the enrolments first.
    _tell_journeys(tx, messages, first)
    _count_for_contacts(tx, messages, of_messages, first)
    _count_for_links(tx, [each for each in judged if each.position is None])
    tx.origin_counts.add(_origin_counts(messages, of_messages, first))
    tx.cohort_counts.add(click_event(messages[each.number], each.at) for each in first.values())
    tx.outbox.add_clicks(sorted(first))
    return CountedClicks(Counter(each.click_class for each in judged), len(first))


def set_aside(click: TakenClick) -> TakenClick:
    """Return a click that could not be counted: a person's is in doubt until it is judged again."""
    if click.click_class is not ClickClass.HUMAN:
        return click
    return click._replace(click_class=ClickClass.UNKNOWN, reason=ClickReason.SET_ASIDE)


def _is_of(message: ClickedMessage | None, click: TakenClick) -> bool:
    return message is not None and message.account_id == click.account_id


def _judged(
    click: TakenClick, message: ClickedMessage | None, neighbours: ClickNeighbours
) -> TakenClick:
    if click.position is None or message is None:
        return click
    links = len(links_of(message))
    verdict = ClickVerdict(click.click_class, click.reason)
    verdict = neighbours.judge(click.number, links, click.at, verdict, click.digest)
    return click._replace(click_class=verdict.click_class, reason=verdict.reason)


def links_of(message: ClickedMessage) -> list[str]:
    """Return where a message's links lead, as its row says: ids of destinations, or URLs."""
    return message.links.split(" ") if message.links else []


def count_for_messages(
    tx: Tx, messages: dict[int, ClickedMessage], clicks: dict[int, list[TakenClick]]
) -> dict[int, TakenClick]:
    """Count clicks for their messages; return those that are a person's first, by message."""
    known = tx.message_clicks.first_clicks(clicks)
    first = {
        number: min(human, key=lambda each: (each.at, each.id))
        for number, some in clicks.items()
        if number not in known
        and (human := [each for each in some if each.click_class is ClickClass.HUMAN])
    }
    offers = offers_of(tx, messages, first)
    tx.message_clicks.add(
        _message_tally(messages[number], some, first, offers) for number, some in clicks.items()
    )
    return first


def _message_tally(
    message: ClickedMessage,
    clicks: Sequence[TakenClick],
    first: dict[int, TakenClick],
    offers: dict[int, OfferId],
) -> MessageTally:
    classes = Counter(each.click_class for each in clicks)
    one = first.get(message.number)
    return MessageTally(
        number=message.number,
        account_id=message.account_id,
        at=None if one is None else one.at,
        position=None if one is None else one.position,
        offer_id=offers.get(message.number),
        clicks=len(clicks),
        human_clicks=classes[ClickClass.HUMAN],
        machine_clicks=sum(classes[each] for each in MACHINES),
        made_at=message.created_at,
    )


def offers_of(
    tx: Tx, messages: dict[int, ClickedMessage], first: dict[int, TakenClick]
) -> dict[int, OfferId]:
    """Return the offers that first clicks led to, by message."""
    led_to = {}
    for number, click in first.items():
        links = links_of(messages[number])
        if click.position is not None and click.position < len(links):
            destination_id = destination_of(links[click.position])
            if destination_id is not None:
                led_to[number] = destination_id
    wanted = [(each, messages[number].account_id) for number, each in led_to.items()]
    offers = tx.message_clicks.offers(wanted)
    return {number: offers[each] for number, each in led_to.items() if each in offers}


def _tell_journeys(
    tx: Tx, messages: dict[int, ClickedMessage], first: dict[int, TakenClick]
) -> None:
    """Tell of the first click of a person on each message: it may bring the person on."""
    with_journeys = tx.journey_facts.lists_with_journeys() if first else ()
    led_to = [
        (messages[number], click)
        for number, click in first.items()
        if messages[number].recipient != REDACTED and messages[number].list_id in with_journeys
    ]
    if not led_to:
        return
    offers = offers_of(tx, messages, first)
    events = []
    for message, click in led_to:
        offer = offers.get(message.number)
        ref = "" if offer is None else tx.offers.refs(message.account_id, [offer]).get(offer, "")
        recipient = PhoneNumber(message.recipient)
        event = JourneyEvent(message.list_id, recipient, click.at, Wake.CLICK, ref)
        events.append((message.account_id, event))
    tx.passages.all_happened(events, max(click.at for _, click in led_to))


def _count_for_contacts(
    tx: Tx,
    messages: dict[int, ClickedMessage],
    clicks: dict[int, list[TakenClick]],
    first: dict[int, TakenClick],
) -> None:
    tallies: dict[tuple[int, int], ContactTally] = {}
    for number, some in clicks.items():
        message = messages[number]
        human = [each.at for each in some if each.click_class is ClickClass.HUMAN]
        if message.recipient == REDACTED or not human:
            continue
        key = (message.list_id, message.recipient)
        before = tallies.get(key, ContactTally(*key, 0, 0))
        tallies[key] = before._replace(
            clicks=before.clicks + (number in first),
            last_clicked_at=max(before.last_clicked_at, *human),
        )
    tx.message_clicks.add_to_contacts(tallies.values())


def _origin_counts(
    messages: dict[int, ClickedMessage],
    clicks: dict[int, list[TakenClick]],
    first: dict[int, TakenClick],
) -> CountTally:
    """Return what clicks add to the counts of what their messages come from."""
    counts = MessageCounts()
    for number, some in clicks.items():
        message = messages[number]
        for each in some:
            counts.add(message, CountKind.CLICKS.value, each.at)
            if each.click_class in MACHINES:
                counts.add(message, CountKind.BOT_CLICKS.value, each.at)
        if number in first:
            counts.add(message, CountKind.CLICKED.value, first[number].at)
    return counts.tally


def _count_for_links(tx: Tx, clicks: Sequence[TakenClick]) -> None:
    tallies: dict[int, LinkTally] = {}
    for each in clicks:
        before = tallies.get(each.number, LinkTally(each.number, each.account_id, 0, 0, 0))
        is_human = each.click_class is ClickClass.HUMAN
        tallies[each.number] = before._replace(
            clicks=before.clicks + 1,
            human_clicks=before.human_clicks + is_human,
            # A conversion's window runs from it: no machine that looks every week keeps that open.
            last_clicked_at=max(before.last_clicked_at, each.at if is_human else 0),
        )
    tx.message_clicks.add_to_links(tallies.values())

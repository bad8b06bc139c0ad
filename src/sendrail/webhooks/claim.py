"""Take events up: read what is due, and give each the body it keeps from then on."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sendrail.domain.ids import AccountId, EndpointId, EventId, MessageIds
from sendrail.domain.recipient_links import destination_of
from sendrail.domain.webhook import Event, OutboxEvent
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.outbox import ClickedLink
from sendrail.webhooks import payloads


def take(
    tx: Tx,
    ids: MessageIds,
    endpoint_id: EndpointId,
    *,
    now: int,
    held: Collection[EventId],
    limit: int,
    again: int,
) -> list[OutboxEvent]:
    """Return due events that are not held already, each with its body.

    There are at most `limit` that have never been tried, and before them at most `again` others.
    The body is durable before anything is posted: a restart must not make another one. An event
    whose message or reply retention has taken meanwhile is brought to rest.
    """
    # What is held may stand before all others, and is read over.
    bounds = [room + len(held) if room else 0 for room in (limit, again)]
    due = tx.outbox.due(endpoint_id, now, *bounds)
    fresh = [event for event in due if event.id not in held]
    taken = [event for event in fresh if event.retries][:again]
    taken += [event for event in fresh if not event.retries][:limit]
    blank = [event for event in taken if event.body is None]
    if not blank:
        return taken
    bodies = _bodies(tx, ids, blank)
    tx.outbox.store_bodies([(body, event_id) for event_id, body in bodies.items()])
    tx.outbox.give_up([event.id for event in blank if event.id not in bodies])
    return [
        event if event.body is not None else replace(event, body=bodies[event.id])
        for event in taken
        if event.body is not None or event.id in bodies
    ]


_Bodies = dict[EventId, bytes]


def _bodies(tx: Tx, ids: MessageIds, events: Sequence[OutboxEvent]) -> _Bodies:
    by_kind: defaultdict[str, list[OutboxEvent]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event)
    return {
        **_of_messages(tx, ids, by_kind[Event.DELIVERY]),
        **_of_sent(tx, ids, by_kind[Event.SENT]),
        **_of_clicks(tx, ids, by_kind[Event.CLICK]),
        **_of_conversions(tx, ids, by_kind[Event.CONVERSION]),
        **_of_replies(tx, by_kind[Event.REPLY] + by_kind[Event.UNSUBSCRIBE]),
    }


def _of_messages(tx: Tx, ids: MessageIds, events: Sequence[OutboxEvent]) -> _Bodies:
    messages = tx.outbox.ended_messages([event.ref for event in events])
    shown = ids.show_many([event.ref for event in events])
    return {
        event.id: payloads.delivery(message_id, messages[event.ref])
        for event, message_id in zip(events, shown, strict=True)
        if event.ref in messages
    }


def _of_sent(tx: Tx, ids: MessageIds, events: Sequence[OutboxEvent]) -> _Bodies:
    messages = tx.outbox.sent_messages([event.ref for event in events])
    shown = ids.show_many([event.ref for event in events])
    return {
        event.id: payloads.sent(message_id, messages[event.ref])
        for event, message_id in zip(events, shown, strict=True)
        if event.ref in messages
    }


def _of_clicks(tx: Tx, ids: MessageIds, events: Sequence[OutboxEvent]) -> _Bodies:
    clicked = tx.outbox.clicked_links([event.ref for event in events])
    urls = _urls(tx, clicked.values())
    shown = ids.show_many([event.ref for event in events])
    return {
        event.id: payloads.click(message_id, clicked[event.ref], urls.get(event.ref))
        for event, message_id in zip(events, shown, strict=True)
        if event.ref in clicked
    }


def _urls(tx: Tx, clicked: Iterable[ClickedLink]) -> dict[int, str]:
    """Return where clicked links lead, by message: the templates of URLs that messages share."""
    found, shared = {}, defaultdict[AccountId, dict[int, int]](dict)
    for each in clicked:
        links = each.links.split(" ") if each.links else []
        link = links[each.position] if each.position < len(links) else ""
        destination_id = destination_of(link)
        if destination_id is not None:
            shared[AccountId(each.account_id)][each.number] = destination_id
        elif link:
            found[each.number] = link
    for account_id, of_account in shared.items():
        urls = tx.destinations.urls(account_id, sorted(set(of_account.values())))
        found |= {number: urls[each] for number, each in of_account.items() if each in urls}
    return found


def _of_conversions(tx: Tx, ids: MessageIds, events: Sequence[OutboxEvent]) -> _Bodies:
    reported = tx.outbox.reported_conversions([event.ref for event in events])
    return {
        event.id: payloads.conversion(ids, reported[event.ref])
        for event in events
        if event.ref in reported
    }


def _of_replies(tx: Tx, events: Sequence[OutboxEvent]) -> _Bodies:
    taken = tx.outbox.taken_replies([event.ref for event in events])
    return {
        event.id: payloads.unsubscribe(taken[event.ref])
        if event.kind == Event.UNSUBSCRIBE
        else payloads.reply(taken[event.ref])
        for event in events
        if event.ref in taken
    }

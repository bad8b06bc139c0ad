"""Take events up: read what is due, and give each the body it keeps from then on."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from sendrail.domain.ids import EndpointId, EventId, MessageIds
from sendrail.domain.webhook import Event, OutboxEvent
from sendrail.storage.interface import Tx
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


def _bodies(tx: Tx, ids: MessageIds, events: Sequence[OutboxEvent]) -> dict[EventId, bytes]:
    endings = [event for event in events if event.kind == Event.DELIVERY]
    conversions = [event for event in events if event.kind == Event.CONVERSION]
    others = {Event.DELIVERY, Event.CONVERSION}
    replies = [event for event in events if event.kind not in others]
    messages = tx.outbox.ended_messages([event.ref for event in endings])
    reported = tx.outbox.reported_conversions([event.ref for event in conversions])
    taken = tx.outbox.taken_replies([event.ref for event in replies])
    shown = ids.show_many([event.ref for event in endings])
    bodies = {
        event.id: payloads.delivery(message_id, messages[event.ref])
        for event, message_id in zip(endings, shown, strict=True)
        if event.ref in messages
    }
    bodies |= {
        event.id: payloads.conversion(ids, reported[event.ref])
        for event in conversions
        if event.ref in reported
    }
    for event in replies:
        if (reply := taken.get(event.ref)) is not None:
            is_opt_out = event.kind == Event.UNSUBSCRIBE
            bodies[event.id] = payloads.unsubscribe(reply) if is_opt_out else payloads.reply(reply)
    return bodies

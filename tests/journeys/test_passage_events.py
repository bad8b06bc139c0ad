"""What endpoints are told of contacts who enter journeys and leave them."""

import json

from travels import ANN, BEN, send, wait

from sendrail.contacts.erasure import ErasureService
from sendrail.domain.audit import Actor
from sendrail.domain.contact import OptOutReason
from sendrail.domain.webhook import USUAL, EndpointState, Event

BOTH = {Event.JOURNEY_ENTERED, Event.JOURNEY_ENDED}


def endpoint(road, events, *, account=None, list_id=None):
    about = {
        "name": "shop", "url": "https://shop.example/", "events": events, "list_id": list_id,
        "state": EndpointState.ACTIVE, "secret": b"s", "created_at": 0,
    }  # fmt: skip
    return road.write(lambda tx: tx.endpoints.add(account or road.account, **about))


def told(road, endpoint_id):
    rows = road.sql("SELECT body, ref FROM outbox WHERE endpoint_id = ? ORDER BY id", endpoint_id)
    return [(json.loads(bytes(body)), ref) for body, ref in rows]


def test_entries_and_ends_are_told_to_the_endpoints_that_ask(journeys):
    road = journeys.road
    them = road.write(lambda tx: tx.accounts.add("them", 0))
    asks = endpoint(road, BOTH)
    of_list = endpoint(road, {Event.JOURNEY_ENDED}, list_id=journeys.sender.id)
    others = [
        endpoint(road, USUAL),
        endpoint(road, BOTH, account=them),
        endpoint(road, BOTH, list_id=road.add_list().id),
    ]
    journey = journeys.add(send("hello", "Hi"), wait("day", 1, "days"))
    journeys.enter(ANN, BEN)
    journeys.step()
    road.write(
        lambda tx: tx.contacts.unsubscribe(
            journeys.sender.id, BEN, OptOutReason.API, source="t", evidence="",
            now=road.clock.now(),
        )
    )  # fmt: skip
    journeys.put(journey, ANN, restarts=True)
    journeys.wait(2 * 86_400)
    journeys.wait(2 * 86_400)
    found = [each for each, _ in told(road, asks)]
    what = [(e["event"], e["phone_number"], e.get("step"), e.get("reason")) for e in found]
    assert what == [
        ("journey.entered", f"+{ANN}", None, None),
        ("journey.entered", f"+{BEN}", None, None),
        ("journey.ended", f"+{BEN}", "day", "unsubscribed"),
        ("journey.ended", f"+{ANN}", "day", "restarted"),
        ("journey.entered", f"+{ANN}", None, None),
        ("journey.ended", f"+{ANN}", "day", "completed"),
    ]
    assert {(e["journey_id"], e["version"]) for e in found} == {(journey.id, 1)}
    # Each passage has ids of its own, the same at every endpoint.
    refs = [ref for each, ref in told(road, asks) if each["event"] == "journey.ended"]
    assert len(set(refs)) == 3
    assert [ref for _, ref in told(road, of_list)] == refs
    assert [told(road, each) for each in others] == [[], [], []]


def test_who_asks_for_nothing_pays_one_look(journeys):
    road = journeys.road
    endpoint(road, USUAL)
    journeys.add(wait("day", 1, "days"))
    statements = road.statements(lambda: journeys.enter(*range(ANN, ANN + 50)))
    assert sum("webhook_endpoints" in each for each in statements) == 1
    assert road.sql("SELECT * FROM outbox") == []


def test_who_is_erased_is_in_no_event_any_more(journeys):
    road = journeys.road
    asks = endpoint(road, BOTH)
    journeys.add(wait("day", 1, "days"))
    journeys.enter(ANN, BEN)
    journeys.step()
    erasure = ErasureService(road.store, road.clock.now)
    road.do(erasure.erase(road.account, ANN, Actor(name="a test")))
    assert [each["phone_number"] for each, _ in told(road, asks)] == [f"+{BEN}"]

"""What is kept of who clicked, and for how long: by retention, and by a person's wish."""

import json

import pytest
from clicking import (
    Clock,
    add_link,
    click,
    count_all,
    first_clicks,
    keep,
    read,
    standalone,
    tallies,
)
from sqlalchemy import update
from stores import ANN, BEN, NOW

from sendrail.contacts.erasure import ErasureService
from sendrail.domain.audit import Actor
from sendrail.domain.erasure import REDACTED
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.webhook import EndpointState, Event
from sendrail.storage.message_tables import messages
from sendrail.storage.tracking_tables import clicks, short_links
from sendrail.storage.webhook_tables import outbox

ME = Actor(name="a test")
WHO = {"agent_id": 1, "network": b"net"}


@pytest.fixture
def clicked(house):
    """Two people of ours and one of another account have clicked, and are counted."""
    house.queue(1, 2, links="17")
    house.queue(3, sender=house.their_list, links="17")
    is_bens = messages.c.number == house.no(2)
    house.write(lambda tx: tx.core.execute(update(messages).where(is_bens).values(recipient=BEN)))
    keep(house, click(house, 1, digest=b"anns", **WHO))
    keep(house, click(house, 2, at=NOW + 1, digest=b"bens", **WHO))
    theirs = {"account": house.them, "sender": house.their_list}
    keep(house, click(house, 3, at=NOW + 2, digest=b"theirs", **theirs, **WHO))
    for link_id, recipient in ((7, ANN), (8, BEN)):
        add_link(house, link_id)
        whose = update(short_links).where(short_links.c.id == link_id)
        given = whose.values(recipient=recipient, metadata=json.dumps({"of": recipient}))
        house.write(lambda tx, given=given: tx.core.execute(given))
        row = standalone(house, link_id, NOW + link_id)
        keep(house, row._replace(digest=b"%d" % link_id, **WHO))
    count_all(house, Clock(NOW + 10))
    return house


def digests(house):
    found = read(house, clicks, clicks.c.at, clicks.c.digest, clicks.c.agent_id, clicks.c.network)
    for row in found:
        assert len({value is None for value in row[1:]}) == 1
    return [None if row[1] is None else bytes(row[1]) for row in found]


def erase(house, who=ANN):
    service = ErasureService(house.store, lambda: NOW + 100_000)
    return house.do(service.erase(house.us, PhoneNumber(who), ME))


def test_an_erased_persons_clicks_say_nothing_of_them_and_are_counted_still(clicked):
    before = tallies(clicked), first_clicks(clicked)
    erase(clicked)
    assert digests(clicked) == [None, b"bens", b"theirs", None, b"8"]
    assert (tallies(clicked), first_clicks(clicked)) == before
    of = short_links.c
    rows = read(clicked, short_links, of.id, of.recipient, of.metadata, of.clicks)
    assert [tuple(row) for row in rows] == [
        (7, REDACTED, None, 1),
        (8, BEN, json.dumps({"of": BEN}), 1),
    ]
    # A click that came while the person was being erased goes by the next erasure of anybody.
    keep(clicked, click(clicked, 1, at=NOW + 50_000, digest=b"late", **WHO))
    erase(clicked, BEN)
    assert digests(clicked) == [None, None, b"theirs", None, None, None]


def test_events_of_an_erased_persons_clicks_are_deleted(house):
    house.queue(1, links="17")
    house.write(
        lambda tx: tx.endpoints.add(
            house.us,
            name="",
            url="https://example.com/",
            events=[Event.CLICK, Event.SENT],
            list_id=None,
            state=EndpointState.ACTIVE,
            secret=b"",
            created_at=NOW,
        )
    )
    house.start_attempts(1)
    house.finish_attempts(house.result(1))
    keep(house, click(house, 1))
    count_all(house, Clock(NOW))
    assert sorted(row[0] for row in read(house, outbox, outbox.c.kind)) == ["click", "sent"]
    erase(house)
    assert read(house, outbox, outbox.c.kind) == []

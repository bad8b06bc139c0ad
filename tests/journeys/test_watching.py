"""Contacts who come into an audience that a journey watches enter it."""

import pytest
from travels import ANN, BEN, CID, OURS, add_audience, wait

from sendrail.contacts.erasure import ErasureService
from sendrail.contacts.journey_documents import JourneyDocuments
from sendrail.domain.audit import Actor
from sendrail.journeys import watching

US = Actor(name="us")
LOOK = watching.WATCH_MS // 1000


class Watched:
    """A journey that is entered by coming into the audience of those whose plan is pro."""

    def __init__(self, journeys):
        self.journeys, self.road = journeys, journeys.road
        add_audience(journeys, self.road.account, OURS)
        self.documents = JourneyDocuments(self.road.store, self.road.clock.now)
        always = {"mode": "always"}
        self.journey = journeys.add(wait("hour"), trigger={"on": ["api"]}, reentry=always)
        self.change(trigger={"on": ["audience"], "audience_id": OURS}, status="active")

    def change(self, *, status, **changes):
        work = self.documents.change(self.road.account, self.journey.id, changes, US, status=status)
        self.road.do(work)

    def plan(self, recipient, plan):
        row = (self.journeys.sender.id, recipient, {"plan": plan})
        self.road.write(lambda tx: tx.journey_facts.set_fields(self.road.account, [row]))

    def look(self, seconds=LOOK):
        """Let a look come, and what is left of it: after an entry it goes on a moment later."""
        self.journeys.wait(seconds)
        for _ in range(5):
            self.journeys.wait(1)

    def entries(self):
        rows = self.road.sql("SELECT recipient, times FROM enrolments ORDER BY recipient")
        return dict(map(tuple, rows))


@pytest.fixture
def watched(journeys):
    return Watched(journeys)


def test_who_comes_into_a_watched_audience_enters(watched, monkeypatch):
    journeys = watched.journeys
    # Small bites: a look has several, and members and known ones end at different places.
    monkeypatch.setattr(watched.road.store, "portion", lambda most: min(most, 3))
    journeys.know(*range(CID + 1, CID + 9), fields={"plan": "pro"})
    journeys.know(ANN, BEN)
    journeys.step()
    # Who is in it from the first does not enter.
    assert watched.entries() == {}
    watched.plan(ANN, "pro")
    journeys.wait(LOOK - 1)
    assert watched.entries() == {}
    watched.look(1)
    assert watched.entries() == {ANN: 1}
    watched.plan(CID + 4, "free")
    watched.plan(ANN, "free")
    watched.look()
    watched.plan(CID + 4, "pro")
    watched.look(3_600)
    assert watched.entries() == {ANN: 1, CID + 4: 1}
    # Out and in again, when it is over: its re-entry says always.
    watched.plan(ANN, "pro")
    watched.look()
    assert watched.entries() == {ANN: 2, CID + 4: 1}


def test_who_comes_in_during_a_pause_does_not_enter(watched):
    journeys, road = watched.journeys, watched.road
    journeys.know(ANN, BEN)
    journeys.step()
    watched.change(status="paused")
    watched.plan(ANN, "pro")
    watched.look()
    watched.change(status="active")
    watched.plan(BEN, "pro")
    watched.look()
    assert watched.entries() == {BEN: 1}
    road.do(ErasureService(road.store, road.clock.now).erase(road.account, ANN, US))
    assert road.sql("SELECT recipient FROM watched_members") == [(BEN,)]
    # A version that is entered by something else watches nothing, nor does an archived one.
    watched.change(trigger={"on": ["api"]}, status="active")
    assert road.sql("SELECT * FROM journey_watches") == []
    assert road.sql("SELECT * FROM watched_members") == []

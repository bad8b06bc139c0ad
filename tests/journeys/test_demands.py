"""What journeys must stand beside: others that are due, bursts, crashes, and all of it at once."""

import asyncio
from collections import Counter
from functools import partial
from random import Random

import pytest
from grounds import embedded_only
from random_journeys import happen, numbers, random_document, random_events, simulated
from travels import ANN, BEN, send, wait

from sendrail.contacts.erasure import ErasureService
from sendrail.contacts.journey_documents import JourneyDocuments
from sendrail.domain.audit import Actor
from sendrail.domain.contact import OptOutReason
from sendrail.domain.journeys.facts import Wake
from sendrail.storage.journeys.enrolments import JourneyEvent

MINUTE = 60_000
STALE_MS = 30 * MINUTE
US = Actor(name="us")


@embedded_only
@pytest.mark.parametrize("are_paused", [False, True])
def test_another_lane_has_its_turn_after_one_round_however_many_are_due(journeys, are_paused):
    many, road = 1_000, journeys.road
    crowd = journeys.add(send("hello", "Crowd"))
    other = road.add_list()
    alone = journeys.add(send("hello", "Alone"), sender=other)
    journeys.put(crowd, *range(ANN + 1, ANN + 1 + many))
    journeys.put(alone, ANN)
    if are_paused:
        journeys.change(crowd, status="paused")
    engine = journeys.open_engine(round_max=10)

    async def rounds():
        await engine._look_if_due()
        taken = 0
        while not road.sql("SELECT 1 FROM messages WHERE body LIKE '%Alone%'"):
            await engine._take(engine._next_lane())
            taken += 1
        return taken

    assert road.do(rounds()) <= 2


def test_a_burst_of_ten_minutes_leaves_before_any_of_it_is_stale(journeys):
    road, rate = journeys.road, 20
    road.change_list(journeys.sender, rate=rate)
    journey = journeys.add(send("hello"))
    journeys.enter(*range(ANN, ANN + 10 * rate))
    oldest, minutes = 0, 0
    oldest_first = "SELECT number, due_at FROM queue ORDER BY due_at, number"
    while journeys.counts(journey).get(("hello", "left"), 0) < 10 * rate or road.sql(oldest_first):
        journeys.step()
        # The list sends a minute's worth.
        for number, due_at in road.sql(oldest_first)[:rate]:
            oldest = max(oldest, road.clock.now() - due_at)
            road.sql(f"DELETE FROM queue WHERE number = {number}")
        road.clock.advance(60)
        minutes += 1
        assert minutes < 40, "the burst comes to its end"
    assert oldest < STALE_MS
    assert journeys.counts(journey)["hello", "sent"] == 10 * rate


def test_many_contacts_go_their_ways_as_simulated_while_engines_come_and_go(journeys):
    """Thirty days of a plain model, `simulate`, beside engines that are thrown away at any time."""
    chance, road, ways = Random(30), journeys.road, []
    start = road.clock.now()
    for seed in range(12):
        document, events = random_document(chance, f"j{seed}"), random_events(chance)
        about = {name: value for name, value in document.items() if name not in {"name", "steps"}}
        journey = journeys.add(*document["steps"], name=document["name"], **about)
        recipient = next(numbers)
        journeys.know(recipient)
        expected = simulated(document, journey, recipient, events, start)
        ways.append((journey, recipient, sorted(events, key=lambda e: e.after_ms), expected))
    for journey, recipient, _, _ in ways:
        journeys.put(journey, recipient)
    while True:
        now = road.clock.now()
        for _, recipient, waiting, _ in ways:
            while waiting and start + waiting[0].after_ms <= now:
                happen(journeys, recipient, waiting.pop(0))
        if chance.random() < 0.3:
            journeys.engine = journeys.open_engine(round_max=chance.randint(1, 5))
        journeys.step()
        rows = [journeys.at(recipient, journey) for journey, recipient, _, _ in ways]
        upcoming = [each.due_at for each in rows if each.is_running]
        if not upcoming:
            break
        upcoming += [start + each[2][0].after_ms for each in ways if each[2]]
        road.clock.advance((min(upcoming) - now) / 1_000)
    for row, (journey, _, _, (moments, ended, ended_at)) in zip(rows, ways, strict=True):
        assert (row.end_reason, row.ends_at) == (ended, ended_at)
        did = sum(moments.values(), Counter())
        counted = Counter({
            (step, what): n
            for (step, what), n in journeys.counts(journey).items()
            if step and what not in {"entered", "left"}
        })  # fmt: skip
        assert counted == did


def test_of_who_is_erased_nothing_is_left_and_nobody_lets_it_enter_again(journeys):
    road = journeys.road
    trigger = {"on": ["signup", "event"], "event": "cart"}
    journey = journeys.add(send("hello"), send("more", "{{event.note|}}"), wait("day", 24),
                           trigger=trigger, reentry={"mode": "always"})  # fmt: skip
    both = dict.fromkeys((ANN, BEN))
    road.write(lambda tx: tx.signups.upsert_contacts(road.account, both, road.clock.now()))
    journeys.enter(ANN, BEN)
    journeys.step()
    for who in (ANN, BEN):
        event = JourneyEvent(journeys.sender.id, who, road.clock.now(), Wake.CUSTOM, "cart")
        note = {"note": f"call {who}"}
        road.write(lambda tx, e=event, n=note: tx.passages.happened(road.account, e, n))
    tables = ("enrolments", "journey_events", "list_contacts", "contacts", "messages")

    def rows(who):
        counts = (f"SELECT count(*) FROM {table} WHERE recipient = ?" for table in tables)
        return [road.sql(each, who)[0][0] > 0 for each in counts]

    assert rows(ANN) == rows(BEN) == [True] * 5
    road.do(ErasureService(road.store, road.clock.now).erase(road.account, ANN, US))
    assert (rows(ANN), rows(BEN)) == ([False] * 5, [True] * 5)
    assert road.sql(f"SELECT 1 FROM enrolments WHERE state LIKE '%{ANN}%'") == []
    # It counts as one who has left, and no way leads back: no occasion, backfill or call.
    assert journeys.counts(journey)["", "ended:erased"] == 1
    now = road.clock.now()
    assert journeys.occasion(ANN) == 0
    journeys.happens(ANN, Wake.CUSTOM, "cart")
    assert road.write(lambda tx: tx.passages.admit(road.account, journey, [ANN], now)) == 0
    kept_out = road.write(lambda tx: tx.passages.kept_out(road.account, journey, [ANN], now))
    assert kept_out == {ANN: "contact_unsubscribed"}
    assert rows(ANN) == [False] * 5


class Crowd:
    """Contacts of whom some click, some leave and some are held up, all while they are moved."""

    def __init__(self, journeys, chance):
        self.journeys = journeys
        self.chance = chance
        self.store, self.account = journeys.road.store, journeys.road.account
        waiting = {
            "id": "wait", "kind": "wait_event", "yes": "thanks", "no": None,
            "if": {"type": "event", "event": "click", "since": "step"},
            "timeout": {"value": 2, "unit": "days"},
        }  # fmt: skip
        self.journey = journeys.add(send("hello", "Hi"), waiting, send("thanks", "Thanks"))
        self.documents = JourneyDocuments(self.store, journeys.road.clock.now)
        self.clicked, self.left = set(), {}

    async def click(self, who, at):
        event = JourneyEvent(self.journeys.sender.id, who, at, Wake.CLICK)
        await self.store.write(lambda tx: tx.passages.happened(self.account, event))

    async def leave(self, who, at):
        await self.store.write(
            lambda tx: tx.contacts.unsubscribe(
                self.journeys.sender.id, who, OptOutReason.MESSAGE, source="t", evidence="", now=at
            )
        )

    async def pause(self):
        for about in ({"status": "paused"}, {"status": "active", "overdue": "catch_up"}):
            await self.documents.change(self.account, self.journey.id, {}, US, **about)

    def burst(self):
        """Let three more enter, and everything happen to them at one time."""
        some, now = [next(numbers) for _ in range(3)], self.journeys.road.clock.now()
        self.journeys.know(*some)
        self.journeys.put(self.journey, *some)
        works = [self.pause] if self.chance.random() < 0.3 else []
        for who in some:
            drawn = self.chance.random()
            if drawn < 0.5:
                works.append(partial(self.click, who, now + 1))
                self.clicked.add(who)
            elif drawn < 0.8:
                works.append(partial(self.leave, who, now))
                self.left[who] = now
        self.chance.shuffle(works)

        async def together():
            await asyncio.gather(self.journeys.engine.step(), *(work() for work in works))

        self.journeys.road.do(together())


@pytest.mark.parametrize("bursts", [25, pytest.param(1_000, marks=pytest.mark.slow)])
def test_turns_events_opt_outs_and_pauses_at_once_lose_no_event_and_no_opt_out(journeys, bursts):
    crowd, road = Crowd(journeys, Random(bursts)), journeys.road
    for _ in range(bursts):
        crowd.burst()
        road.clock.advance(1)
        # What follows them in the next moment.
        journeys.step()
    for _ in range(3):
        journeys.wait(60)
    assert {journeys.where(who) for who in crowd.clicked} == {"over: completed"}
    assert {journeys.where(who) for who in crowd.left} == {"over: unsubscribed"}
    sent = road.sql("SELECT recipient, created_at FROM messages")
    assert [who for who, at in sent if at > crowd.left.get(who, at)] == []

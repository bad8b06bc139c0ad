"""Stored clicks judged again: classes change, and with them all that the clicks counted for."""

import random
from collections import Counter

import clicking
import pytest
from clicking import (
    BOT,
    HUMAN,
    PREVIEW,
    UNKNOWN,
    Clock,
    add_link,
    classes,
    click,
    contacts,
    count_all,
    first_clicks,
    keep,
    read,
    tallies,
)
from stores import ANN, NOW

from sendrail.domain.audit import Action, Actor
from sendrail.domain.click_classes import ClickReason
from sendrail.domain.contact import SignUp, SignupMethod
from sendrail.domain.times import DAY_MS
from sendrail.domain.webhook import EndpointState
from sendrail.links.networks import NetworkKinds
from sendrail.storage.message_tables import messages
from sendrail.storage.tracking.clicks import ClickRow
from sendrail.storage.tracking_tables import click_reclassifications, short_links
from sendrail.storage.webhook_tables import outbox
from sendrail.tracking.reclassifying import ReclassificationService

PHONE = b"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36"
CURL = b"curl/8.5.0"
SCANNER, OTHER = bytes([203, 0, 113]), bytes([198, 51, 100])
NONE, AGENT, NETWORK = ClickReason.NONE, ClickReason.AGENT, ClickReason.NETWORK
OPERATOR = Actor(name="test")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def agents(house):
    """The ids of a phone's agent and of a machine's."""
    ids = house.write(lambda tx: tx.agents.ids([PHONE, CURL], 1))
    return ids[PHONE], ids[CURL]


def queue(house, *ns, links="17", sender=None):
    """Messages that were handed over a minute ago."""
    house.queue(*ns, links=links, sender=sender)
    handed_over = messages.update().values(sent_at=NOW - 60_000)
    house.write(lambda tx: tx.core.execute(handed_over))


def service(house, clock, machines="", burst=20, rules="", store=None):
    return ReclassificationService(
        store or house.store,
        NetworkKinds(machines),
        lambda: clock.now + 60_000,
        burst_messages_max=burst,
        rules=rules + machines,
    )


def again(house, clock, *, dry_run=False, machines="", at_once=250, **more):
    run = service(house, clock, machines, **more)
    return house.do(run.run(house.us, OPERATOR, dry_run=dry_run, at_once=at_once))


def moves(report):
    return {(old, new): count for (old, new), count in report.classes.items() if old is not new}


def test_a_click_that_was_set_aside_counts_once_it_is_judged_again(house, clock, agents):
    queue(house, 1, links=str(1 << 70))
    keep(house, click(house, 1, agent_id=agents[0], network=OTHER))
    count_all(house, clock)
    assert classes(house) == [(UNKNOWN, ClickReason.SET_ASIDE)]
    # What was at fault is mended.
    house.write(lambda tx: tx.core.execute(messages.update().values(links="17")))
    report = again(house, clock)
    assert moves(report) == {(UNKNOWN, HUMAN): 1}
    assert (report.gained, report.lost) == (1, 0)
    assert classes(house) == [(HUMAN, NONE)]
    assert first_clicks(house) == {house.no(1): (NOW, 0)}
    assert contacts(house) == {ANN: (1, NOW)}


def state(house):
    return classes(house), tallies(house), first_clicks(house), contacts(house)


def test_a_machine_that_becomes_a_person_is_its_messages_first_click(house, clock, agents):
    phone, _ = agents
    queue(house, 1)
    house.write(
        lambda tx: tx.endpoints.add(
            house.us, name="", url="https://a.example/", events=("click",), list_id=None,
            state=EndpointState.ACTIVE, secret=b"", created_at=NOW,
        )
    )  # fmt: skip
    keep(house, click(house, 1, kind=BOT, reason=AGENT, agent_id=phone, network=OTHER))
    count_all(house, clock)
    before = state(house)
    assert before[1] == {house.no(1): (1, 0, 1)}
    assert moves(again(house, clock, dry_run=True)) == {(BOT, HUMAN): 1}
    assert state(house) == before
    report = again(house, clock)
    assert (moves(report), report.gained, report.lost) == ({(BOT, HUMAN): 1}, 1, 0)
    assert state(house) == (
        [(HUMAN, NONE)],
        {house.no(1): (1, 1, 0)},
        {house.no(1): (NOW, 0)},
        {ANN: (1, NOW)},
    )
    assert [tuple(row) for row in read(house, outbox, outbox.c.kind, outbox.c.ref)] == [
        ("click", house.no(1))
    ]
    [entry] = house.read(lambda tx: tx.audit.page(house.us, Action.CLICKS_RECLASSIFIED, 0, 9))
    assert entry.details == {
        "clicks": 1,
        "changed": {"bot to human": 1},
        "messages_gained": 1,
        "messages_lost": 0,
    }
    # The second time finds nothing, and notifies nobody.
    assert not again(house, clock).changed
    assert len(read(house, outbox, outbox.c.id)) == 1


def test_a_person_that_becomes_a_machine_takes_its_counts_back(house, clock, agents):
    phone, _ = agents
    queue(house, 1, 2)
    row = {"agent_id": phone}
    keep(
        house,
        click(house, 1, at=NOW, network=SCANNER, **row),
        click(house, 1, at=NOW + 10_000, network=OTHER, **row),
        click(house, 2, at=NOW + 20_000, network=SCANNER, **row),
    )
    clock.now += 20_000
    count_all(house, clock)
    assert contacts(house) == {ANN: (2, NOW + 20_000)}
    report = again(house, clock, machines="203.0.113.0/24", at_once=1)
    assert (moves(report), report.gained, report.lost) == ({(HUMAN, BOT): 2}, 0, 1)
    machine = (BOT, NETWORK)
    assert state(house) == (
        [machine, (HUMAN, NONE), machine],
        {house.no(1): (2, 1, 1), house.no(2): (1, 0, 1)},
        # The next click of a person takes the first one's place, for the contact as well.
        {house.no(1): (NOW + 10_000, 0), house.no(2): (None, None)},
        {ANN: (1, NOW + 10_000)},
    )


def test_what_the_row_cannot_say_stays_as_it_was_judged(house, clock, agents):
    phone, curl = agents
    queue(house, 1, 2, links="17 18")
    fixed = [
        click(house, 1, kind=BOT, reason=ClickReason.HEAD, agent_id=phone, network=OTHER),
        click(house, 1, reason=ClickReason.CONFIRMED, agent_id=curl, network=OTHER),
        # Who it was has had its time.
        click(house, 1, kind=BOT, reason=NETWORK),
        click(house, 1, kind=PREVIEW, reason=ClickReason.PREVIEW),
        # Only a part of the network is known to be of machines.
        click(house, 1, kind=BOT, reason=NETWORK, agent_id=phone, network=SCANNER),
        click(house, 2, agent_id=phone, network=SCANNER),
        # Of a message that is gone.
        click(house, 9, kind=UNKNOWN, reason=ClickReason.TOO_SOON, agent_id=phone, network=OTHER),
        click(house, 9, kind=UNKNOWN, reason=ClickReason.ALL_LINKS, agent_id=phone, network=OTHER),
    ]
    keep(house, *(row._replace(at=NOW + n * 5_000) for n, row in enumerate(fixed)))
    clock.now += 40_000
    count_all(house, clock)
    before = state(house)
    report = again(house, clock, machines="203.0.113.7")
    assert (report.clicks, report.changed) == (8, 0)
    assert state(house) == before


def test_neighbours_are_judged_as_they_were_when_counted(house, clock, agents):
    phone, _ = agents
    queue(house, *range(1, 26), links="17 18")
    row = {"agent_id": phone, "network": OTHER}
    rows = [click(house, n, at=NOW + n, digest=b"shared", **row) for n in range(1, 23)]
    rows += [click(house, 23, place, at=NOW + 90_000 + place, **row) for place in (0, 1)]
    house.write(lambda tx: tx.clicks.add(rows))
    clock.now += 90_001
    count_all(house, clock)
    assert Counter(classes(house)) == {
        (UNKNOWN, ClickReason.BURST): 22,
        (UNKNOWN, ClickReason.ALL_LINKS): 2,
    }
    assert not again(house, clock, at_once=5).changed
    # Without the rule of bursts, those are people.
    report = again(house, clock, burst=0, at_once=5)
    assert (moves(report), report.gained) == ({(UNKNOWN, HUMAN): 22}, 22)
    assert contacts(house) == {ANN: (22, NOW + 22)}


def test_another_accounts_clicks_stay_and_are_neighbours(house, clock, agents):
    phone, _ = agents
    queue(house, 1)
    queue(house, *range(30, 52), sender=house.their_list)
    row = {"kind": BOT, "reason": AGENT, "agent_id": phone, "digest": b"shared"}
    theirs = {**row, "account": house.them, "sender": house.their_list}
    rows = [click(house, n, at=NOW + n, **theirs) for n in range(30, 52)]
    keep(house, *rows, click(house, 1, at=NOW + 60, **row))
    clock.now += 60
    count_all(house, clock)
    report = again(house, clock)
    assert moves(report) == {(BOT, UNKNOWN): 1}
    assert classes(house) == [(BOT, AGENT)] * 22 + [(UNKNOWN, ClickReason.BURST)]


def test_standalone_links_are_corrected(house, clock, agents):
    phone, curl = agents
    add_link(house, 7)
    rows = [
        ClickRow(house.list.lane, house.us, 7, None, NOW + n, kind, 0, agent, OTHER, None)
        for n, (kind, agent) in enumerate([(HUMAN, curl), (BOT, phone), (BOT, phone)])
    ]
    keep(house, *rows)
    clock.now += 2
    count_all(house, clock)
    assert moves(again(house, clock)) == {(HUMAN, BOT): 1, (BOT, HUMAN): 2}
    of = short_links.c
    [row] = read(house, short_links, of.clicks, of.human_clicks, of.last_clicked_at)
    assert tuple(row) == (3, 2, NOW + 2)


def random_clicks(house, chance, agents, count=60):
    """Clicks on ten messages, each judged by chance; and what each is by its row."""
    phone, curl = agents
    rows, now = [], []
    for n in range(count):
        agent, network = chance.choice([phone, curl]), chance.choice([SCANNER, OTHER])
        kind, reason = chance.choice([(HUMAN, NONE), (BOT, AGENT), (UNKNOWN, ClickReason.BURST)])
        at = NOW + n * 40_000 + chance.randint(0, 9_000)
        rows.append(
            click(house, chance.randint(1, 10), 0, at, kind, reason, None, agent_id=agent,
                  network=network)
        )  # fmt: skip
        by_agent = (BOT, ClickReason.NO_BROWSER) if agent == curl else (HUMAN, NONE)
        now.append((BOT, NETWORK) if (network, agent) == (SCANNER, phone) else by_agent)
    return rows, now


def counted(rows, now):
    """What the clicks of one person's messages count for, straight from what they are."""
    of = {}
    for row, (kind, _) in zip(rows, now, strict=True):
        of.setdefault(row.number, []).append((row.at, kind))
    human = {n: [at for at, kind in some if kind is HUMAN] for n, some in of.items()}
    tally = {
        n: (len(some), len(human[n]), sum(kind is BOT for _, kind in some))
        for n, some in of.items()
    }
    first = {n: (min(times), 0) if times else (None, None) for n, times in human.items()}
    clicked = [max(times) for times in human.values() if times]
    return tally, first, (len(clicked), max(clicked, default=None))


@pytest.mark.parametrize("seed", [1, 2])
def test_however_often_it_is_ended_all_counts_are_those_of_the_classes(house, clock, agents, seed):
    chance = random.Random(seed)
    queue(house, *range(1, 11))
    # Some clicks are of her first week, and others are not.
    week_ends = NOW + 20 * 40_000
    signup = SignUp(recipient=ANN, method=SignupMethod.API, at=week_ends - 7 * DAY_MS)
    house.write(lambda tx: tx.signups.add(house.list.id, [(signup, {})], NOW))
    rows, now = random_clicks(house, chance, agents)
    house.write(lambda tx: tx.clicks.add(rows))
    clock.now = NOW + 60 * 40_000
    count_all(house, clock)
    ends = 0
    for bites in (1, 3, 2, 7, 5, 40, 99):
        store = Ending(house.store, bites)
        try:
            report = again(house, clock, machines="203.0.113.0/24", at_once=3, store=store)
            break
        except Ended:
            ends += 1
    assert ends >= 5
    assert report.resumed
    assert report.clicks == len(rows)
    assert classes(house) == now
    assert not read(house, click_reclassifications, click_reclassifications.c.account_id)
    tally, first, of_contact = counted(rows, now)
    assert tallies(house) == tally
    assert first_clicks(house) == first
    assert contacts(house) == {ANN: of_contact}
    assert clicking.counted(house) == clicking.to_be_counted(house)
    bands = Counter(0 if at < week_ends else 7 for at, _ in first.values() if at is not None)
    assert clicking.cohort_clicks(house) == bands


def test_a_run_by_other_rules_begins_anew(house, clock, agents):
    phone, _ = agents
    queue(house, 1, 2)
    keep(house, *(click(house, n, at=NOW + n, agent_id=phone, network=SCANNER) for n in (1, 2)))
    clock.now += 2
    count_all(house, clock)
    with pytest.raises(Ended):
        again(house, clock, at_once=1, store=Ending(house.store, 1))
    report = again(house, clock, machines="203.0.113.0/24")
    assert not report.resumed
    assert moves(report) == {(HUMAN, BOT): 2}


def test_clicks_that_wait_are_left_to_the_stage_that_counts_them(house, clock, agents):
    phone, _ = agents
    queue(house, 1)
    keep(house, click(house, 1, kind=BOT, reason=AGENT, agent_id=phone, network=OTHER))
    assert again(house, clock).clicks == 0
    assert classes(house) == [(BOT, AGENT)]


class Ended(Exception):
    """The process was ended."""


class Ending:
    """A store whose process ends within the transaction after so many."""

    def __init__(self, store, writes):
        self._store = store
        self._writes = writes
        self.read = store.read

    async def write(self, work):
        def ended(tx):
            work(tx)
            raise Ended

        self._writes -= 1
        return await self._store.write(work if self._writes >= 0 else ended)

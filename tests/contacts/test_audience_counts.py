"""Audiences are counted at once where they are small, else estimated, and counted in slices."""

import asyncio

import pytest
from sqlalchemy import insert
from stores import PostgresBackend, SqliteBackend
from written import DELETE, parsed

from sendrail.contacts.audience_counts import AudienceCounter
from sendrail.contacts.audiences import AudienceChange, AudienceService
from sendrail.contacts.number_places import place_of
from sendrail.contacts.turns import WAITING_MAX
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.errors import Conflict, InvalidInput, NotFound, Overloaded
from sendrail.domain.quiet_hours import OpeningTable, parse_rules
from sendrail.storage.contact_tables import list_contacts

ME = Actor(name="a test")
FIRST = 15550100000
SMALL = 1_000
SLICE = 1_000


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request, tmp_path):
    return (SqliteBackend if request.param == "sqlite" else PostgresBackend)(tmp_path)


def of_plan(*plans):
    condition = {"condition_type": "custom_field", "field": "plan", "operator": "in"}
    return read_filter({"operator": "AND", "conditions": [condition | {"value": list(plans)}]})


def anybody():
    condition = {"condition_type": "time", "field": "signup_date", "operator": "exists"}
    return read_filter({"operator": "AND", "conditions": [condition]})


class Grounds:
    """An account with lists of any size, and what counts its audiences."""

    def __init__(self, house):
        self.house = house
        clock = lambda: house.now  # noqa: E731
        self.audiences = AudienceService(house.store, clock)
        openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
        self.counter = AudienceCounter(
            house.store, clock, openings, small_max=SMALL, slice_numbers=SLICE
        )
        self.lists = []

    def add_list(self, numbers, plan_of=lambda _: "pro", **more):
        number = f"+1555020{len(self.lists):04}"
        work = self.house.lists.add(self.house.us, parsed(number), connector="sandbox")
        made = self.house.do(work).sender
        rows = [
            {
                "list_id": made.id,
                "recipient": number,
                "active": True,
                "first_name": "",
                "last_name": "",
                "subscribed_at": 0,
                "signup_at": 0,
                "custom_fields": f'{{"plan":"{plan_of(number)}"}}',
            }
            | more
            for number in numbers
        ]

        def add(tx):
            tx.begin()
            tx.core.execute(insert(list_contacts), rows)

        self.house.write(add)
        self.lists.append(made.id)
        return made.id

    def audience(self, group, source_lists=()):
        given = AudienceChange(name="A", filter=group, source_lists=source_lists)
        return self.house.do(self.audiences.add(self.house.us, given, ME)).ref

    def size(self, ref, **more):
        return self.house.do(self.counter.size(self.house.us, ref, **more))

    def estimate(self, ref):
        return self.house.do(self.counter.estimate(self.house.us, ref))

    def shown(self, ref):
        return self.house.do(self.audiences.show(self.house.us, ref))


@pytest.fixture
def grounds(house):
    return Grounds(house)


def test_a_small_list_is_counted_at_once(grounds):
    grounds.add_list(range(FIRST, FIRST + 300), lambda number: "pro" if number % 3 else "free")
    ref = grounds.audience(of_plan("pro"))
    found = grounds.estimate(ref)
    assert (found.size, found.low, found.high, found.is_exact) == (200, 200, 200, True)
    assert found.counted_at == grounds.house.now
    assert grounds.shown(ref).cached_size is None
    assert grounds.size(ref) == found
    assert grounds.shown(ref).cached_size == 200
    assert grounds.shown(ref).cached_size_updated_at == grounds.house.now


def test_a_large_list_is_estimated_and_then_counted_in_slices(grounds):
    grounds.add_list(range(FIRST, FIRST + 5_000), lambda number: "pro" if number % 3 else "free")
    ref = grounds.audience(of_plan("pro"))
    found = grounds.estimate(ref)
    assert not found.is_exact
    assert found.size % SAMPLE_STEP == 0
    assert found.low <= 3_333 <= found.high
    progress = []
    exact = grounds.size(ref, on_progress=lambda done, total: progress.append((done, total)))
    assert (exact.size, exact.is_exact) == (
        sum(n % 3 > 0 for n in range(FIRST, FIRST + 5_000)),
        True,
    )
    total = progress[-1][1]
    assert total >= 5
    assert progress == [(done, total) for done in range(1, total + 1)]


def test_a_number_on_several_lists_counts_once(grounds):
    for start in (0, 500, 4_000):
        grounds.add_list(range(FIRST + start, FIRST + start + 2_000))
    ref = grounds.audience(of_plan("pro"))
    assert grounds.size(ref).size == 4_500
    assert (
        grounds.estimate(ref).size
        == sum(
            n % SAMPLE_STEP == 0
            for n in [*range(FIRST, FIRST + 2_500), *range(FIRST + 4_000, FIRST + 6_000)]
        )
        * SAMPLE_STEP
    )
    some = grounds.audience(of_plan("pro"), grounds.lists[:1])
    assert grounds.size(some).size == 2_000


def test_a_change_meanwhile_ends_a_count_and_keeps_no_size(grounds):
    grounds.add_list(range(FIRST, FIRST + 5_000))
    ref = grounds.audience(of_plan("pro"))
    us = grounds.house.us

    async def both():
        async def change():
            given = AudienceChange(filter=of_plan("free"))
            await grounds.audiences.change(us, ref, given, ME)

        changes = []
        store = grounds.counter._store

        class AfterChanges:
            async def read(self, work, **how):
                await asyncio.gather(*changes)
                return await store.read(work, **how)

            def __getattr__(self, name):
                return getattr(store, name)

        grounds.counter._store = AfterChanges()

        def on_progress(done, _total):
            if done == 1:
                changes.append(asyncio.ensure_future(change()))

        try:
            await grounds.counter.size(us, ref, on_progress=on_progress)
        finally:
            await changes[0]

    with pytest.raises(Conflict) as caught:
        grounds.house.do(both())
    assert caught.value.code == "audience_changed"
    assert grounds.shown(ref).cached_size is None
    assert grounds.size(ref).size == 0


def test_a_count_that_is_given_up_asks_for_no_more_slices(grounds):
    grounds.add_list(range(FIRST, FIRST + 5_000))
    ref = grounds.audience(of_plan("pro"))

    async def given_up():
        seen = []
        task = asyncio.ensure_future(
            grounds.counter.size(
                grounds.house.us,
                ref,
                on_progress=lambda done, _: (seen.append(done), done == 2 and task.cancel()),
            )
        )
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen

    assert grounds.house.do(given_up()) == [1, 2]
    # The turn is free again.
    assert grounds.size(ref).size == 5_000


def test_one_count_of_an_account_runs_at_a_time_and_few_wait(grounds):
    grounds.add_list(range(FIRST, FIRST + 3_000))
    ref = grounds.audience(of_plan("pro"))
    us = grounds.house.us
    under_way = []

    async def one(name):
        await grounds.counter.size(us, ref, on_progress=lambda *_: under_way.append(name))

    async def many():
        tasks = [one(name) for name in range(WAITING_MAX + 2)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = grounds.house.do(many())
    assert [type(each) for each in results if each is not None] == [Overloaded]
    turns = [name for at, name in enumerate(under_way) if name != ([None, *under_way])[at]]
    assert len(turns) == len(set(turns)) == WAITING_MAX + 1


def test_an_explanation_counts_each_number_once(grounds):
    house = grounds.house
    first = grounds.add_list(range(FIRST, FIRST + 1_500))
    grounds.add_list(range(FIRST + 1_000, FIRST + 2_000), active=False, reason="message")
    [sender] = [each for each in house.do(house.lists.all(house.us)) if each.id == first]
    house.do(house.journeys.add(house.us, sender.number, "welcome"))
    for number in (FIRST, FIRST + 1):
        house.do(house.journeys.enrol(house.us, sender.number, "welcome", number))
    house.do(house.blocks.add(house.us, FIRST))
    house.do(house.blocks.add(house.us, FIRST + 1_999))
    ref = grounds.audience(anybody())
    found = house.do(grounds.counter.explain(house.us, ref))
    counts = found.counts
    assert (counts.matching, counts.opted_out, counts.blocked, counts.on_journey) == (
        2_000, 500, 1, 1,
    )  # fmt: skip
    assert found.reachable == 1_498


def test_an_explanation_counts_who_has_quiet_hours_now(grounds):
    house = grounds.house
    # 21:30 in New York, 18:30 in Los Angeles, and 03:30 in Oslo, where nothing says it is night.
    house.now = 1_800_066_600_000
    numbers = [first + at for first in (12125550000, 12135550000) for at in range(700)]
    made = grounds.add_list([*numbers, *range(4790000000, 4790000050)])
    grounds.add_list(numbers[:100])
    ref = grounds.audience(anybody())

    def explained():
        found = house.do(grounds.counter.explain(house.us, ref))
        return found.reachable, found.in_quiet_hours

    def change(*lists, **values):
        for each in lists:
            house.write(lambda tx: tx.lists.change(house.us, each, **values))  # noqa: B023

    assert explained() == (1_450, 700)
    # A list's own hours are for all of it, and those who keep none are not counted.
    change(made, quiet_hours="22:00-04:00")
    assert explained() == (1_450, 750)
    change(*grounds.lists, quiet_scope="none")
    assert explained() == (1_450, 0)


def test_some_members_are_shown_spread_over_all(grounds):
    grounds.add_list(range(FIRST, FIRST + 5_000))
    grounds.add_list(range(FIRST, FIRST + 10))
    ref = grounds.audience(of_plan("pro"))
    found = grounds.house.do(grounds.counter.some(grounds.house.us, ref))
    assert len({each.recipient for each in found}) == len(found) == 20
    assert {each.list_id for each in found} == {grounds.lists[0]}
    assert found == grounds.house.do(grounds.counter.some(grounds.house.us, ref))


def test_a_list_that_was_deleted_has_nobody(grounds):
    house = grounds.house
    gone = grounds.add_list(range(FIRST, FIRST + 10))
    grounds.add_list(range(FIRST + 100, FIRST + 103))
    of_it = grounds.audience(of_plan("pro"), [gone])
    everywhere = grounds.audience(of_plan("pro"))
    there = read_filter(
        {"operator": "AND", "conditions": [{"condition_type": "list", "list_id": gone}]}
    )
    on_it = grounds.audience(there)
    [sender] = [each for each in house.do(house.lists.all(house.us)) if each.id == gone]
    house.do(house.lists.update(house.us, sender.number, DELETE))
    assert [grounds.size(ref).size for ref in (of_it, everywhere, on_it)] == [0, 3, 0]


def test_an_account_without_lists_reaches_nobody(grounds):
    ref = grounds.audience(of_plan("pro"))
    assert grounds.size(ref).size == 0
    found = grounds.house.do(grounds.counter.explain(grounds.house.us, ref))
    assert found.reachable == 0
    assert grounds.house.do(grounds.counter.some(grounds.house.us, ref)) == []


def test_what_an_audience_names_is_the_accounts_own(grounds):
    house = grounds.house
    mine = grounds.add_list([FIRST])
    theirs = house.do(
        house.lists.add(house.them, parsed("+15550300000"), connector="sandbox")
    ).sender.id
    ref = grounds.audience(of_plan("pro"))
    of_list = read_filter(
        {"operator": "AND", "conditions": [{"condition_type": "list", "list_id": theirs}]}
    )
    of_audience = read_filter(
        {"operator": "AND", "conditions": [{"condition_type": "audience", "audience_id": ref}]}
    )
    for account, group, lists in (
        (house.us, of_plan("pro"), [mine, theirs]),
        (house.us, of_list, []),
        (house.them, of_audience, []),
    ):
        given = AudienceChange(name="A", filter=group, source_lists=lists)
        with pytest.raises(NotFound):
            house.do(grounds.audiences.add(account, given, ME))
        with pytest.raises(NotFound):
            house.do(grounds.counter.preview(account, lists, group))
    for work in (
        grounds.audiences.show(house.them, ref),
        grounds.audiences.archive(house.them, ref, ME),
        grounds.audiences.change(house.them, ref, AudienceChange(name="B"), ME),
        grounds.counter.size(house.them, ref),
        grounds.counter.estimate(house.them, ref),
        grounds.counter.explain(house.them, ref),
        grounds.counter.some(house.them, ref),
    ):
        with pytest.raises(NotFound):
            house.do(work)


def named(*refs):
    conditions = [{"condition_type": "audience", "audience_id": ref} for ref in refs]
    return read_filter({"operator": "OR", "conditions": conditions})


def test_audiences_never_ask_for_themselves_and_form_no_long_chain(grounds):
    us = grounds.house.us
    refs = [grounds.audience(of_plan("pro"))]
    for _ in range(3):
        refs.append(grounds.audience(named(refs[-1])))
    grounds.audience(named(refs[-1]))
    for ref in refs:
        with pytest.raises(InvalidInput) as caught:
            grounds.house.do(
                grounds.audiences.change(us, refs[0], AudienceChange(filter=named(ref)), ME)
            )
        assert caught.value.code == "audience_cycle"
    last = grounds.audience(named(refs[-1]))
    with pytest.raises(InvalidInput) as caught:
        grounds.audience(named(last))
    assert caught.value.code == "filter_too_large"
    wide = grounds.audience(named(*[refs[0]] * 99))
    grounds.audience(named(wide))
    with pytest.raises(InvalidInput) as caught:
        grounds.audience(named(wide, wide))
    assert caught.value.code == "filter_too_large"

"""The stage behind the redirect: what clicks are among their neighbours, and count for."""

import asyncio

import pytest
from clicking import (
    BOT,
    HOUR,
    HUMAN,
    PREFETCH,
    PREVIEW,
    UNKNOWN,
    Clock,
    add_link,
    classes,
    click,
    contacts,
    count_all,
    counted,
    counting,
    first_clicks,
    keep,
    read,
    standalone,
    tallies,
    to_be_counted,
)
from stores import ANN, NOW

from sendrail.domain.click_classes import ClickReason
from sendrail.domain.erasure import REDACTED
from sendrail.domain.errors import StorageUnavailable
from sendrail.storage.message_tables import destinations, messages
from sendrail.storage.tracking_tables import message_clicks, short_links

NONE, CONFIRMED = ClickReason.NONE, ClickReason.CONFIRMED


@pytest.fixture
def clock():
    return Clock()


def test_a_click_waits_for_its_neighbours_and_counts_then(house, clock):
    house.queue(1, links="17")
    keep(house, click(house, 1))
    worker = counting(house, clock)
    clock.now = NOW + 2_999
    assert house.do(worker.step())
    assert first_clicks(house) == {}
    clock.now = NOW + 3_000
    house.do(worker.step())
    assert first_clicks(house) == {house.no(1): (NOW, 0)}
    assert contacts(house) == {ANN: (1, NOW)}
    assert not house.do(worker.step())


def test_the_first_click_of_a_person_counts_and_later_ones_do_not(house, clock):
    house.queue(1, links="17 18")
    keep(house, click(house, 1, 1, NOW), click(house, 1, 0, NOW + 9_000))
    worker = count_all(house, clock)
    clock.now = NOW + 20_000
    keep(house, click(house, 1, 0, NOW + 15_000))
    count_all(house, clock, worker)
    assert first_clicks(house) == {house.no(1): (NOW, 1)}
    assert tallies(house) == {house.no(1): (3, 3, 0)}
    # The contact's last click is the last one, but it is one message.
    assert contacts(house) == {ANN: (1, NOW + 15_000)}


@pytest.mark.parametrize("kind", [BOT, PREVIEW, PREFETCH, UNKNOWN])
def test_machines_and_doubtful_clicks_are_counted_and_count_for_nothing(house, clock, kind):
    house.queue(1, links="17")
    keep(house, click(house, 1, kind=kind))
    worker = count_all(house, clock)
    assert tallies(house) == {house.no(1): (1, 0, int(kind is not UNKNOWN))}
    assert first_clicks(house) == {house.no(1): (None, None)}
    assert contacts(house) == {}
    # Then the person comes.
    keep(house, click(house, 1, at=NOW + 5_000), click(house, 1, at=NOW + 6_000))
    clock.now = NOW + 6_000
    count_all(house, clock, worker)
    assert first_clicks(house) == {house.no(1): (NOW + 5_000, 0)}
    assert contacts(house) == {ANN: (1, NOW + 6_000)}
    assert counted(house) == to_be_counted(house)
    assert (0, NOW // HOUR, "@clicked") in counted(house)


def test_what_a_person_confirms_is_a_click(house, clock):
    house.queue(1, links="17 18")
    keep(
        house,
        click(house, 1, 0, NOW, UNKNOWN, ClickReason.TOO_SOON),
        click(house, 1, 1, NOW + 1, UNKNOWN, ClickReason.TOO_SOON),
        click(house, 1, 1, NOW + 1_500, HUMAN, CONFIRMED),
    )
    count_all(house, clock, _after(clock, 1_500))
    assert first_clicks(house) == {house.no(1): (NOW + 1_500, 1)}


def _after(clock, ms):
    clock.now += ms


def test_all_links_at_once_are_no_persons_and_the_row_says_so(house, clock):
    house.queue(1, 2, links="17 18")
    keep(house, click(house, 1, 0), click(house, 2, 0, NOW + 9), click(house, 1, 1, NOW + 2_000))
    # The first is old enough before the second is, and sees it all the same.
    clock.now = NOW + 100
    worker = counting(house, clock)
    count_all(house, clock, worker)
    assert tallies(house) == {house.no(1): (1, 0, 0), house.no(2): (1, 1, 0)}
    clock.now = NOW + 2_000
    count_all(house, clock, worker)
    doubtful = (UNKNOWN, ClickReason.ALL_LINKS)
    assert classes(house) == [doubtful, (HUMAN, NONE), doubtful]
    assert first_clicks(house) == {house.no(1): (None, None), house.no(2): (NOW + 9, 0)}


def test_a_burst_from_one_address_is_no_persons(house, clock):
    house.queue(*range(1, 23), links="17")
    keep(house, *(click(house, n, at=NOW + n, digest=b"shared") for n in range(1, 22)))
    keep(house, click(house, 22, at=NOW + 30, digest=b"own"))
    clock.now = NOW + 30
    count_all(house, clock)
    assert classes(house) == [(UNKNOWN, ClickReason.BURST)] * 21 + [(HUMAN, NONE)]
    assert first_clicks(house)[house.no(22)] == (NOW + 30, 0)


def test_a_burst_goes_on_over_a_restart(house, clock):
    house.queue(*range(1, 23), links="17")
    keep(house, *(click(house, n, at=NOW + n, digest=b"shared") for n in range(1, 21)))
    clock.now = NOW + 20
    count_all(house, clock)
    assert len(first_clicks(house)) == 20
    keep(house, click(house, 21, at=NOW + 50_000, digest=b"shared"))
    clock.now = NOW + 50_000
    # A new worker knows the last minute from the rows.
    count_all(house, clock, counting(house, clock))
    assert classes(house)[-1] == (UNKNOWN, ClickReason.BURST)
    keep(house, click(house, 22, at=NOW + 110_001, digest=b"shared"))
    clock.now = NOW + 110_001
    count_all(house, clock, counting(house, clock))
    assert classes(house)[-1] == (HUMAN, NONE)


def test_clicks_are_counted_once_whatever_the_clock_does(house, clock):
    house.queue(1, 2, 3, links="17")
    clock.now = NOW + 3_600_000
    keep(house, click(house, 1, at=clock.now))
    # Then it steps back by an hour: nobody waits so long for the one before.
    clock.now = NOW
    keep(house, click(house, 2, at=NOW))
    worker = count_all(house, clock)
    assert set(first_clicks(house)) == set(house.nos(1, 2))
    keep(house, click(house, 3, at=NOW + 100))
    clock.now = NOW + 100
    count_all(house, clock, worker)
    assert {number: row[0] for number, row in tallies(house).items()} == dict.fromkeys(
        house.nos(1, 2, 3), 1
    )


def test_an_hour_of_clicks_is_judged_as_if_counted_at_once(house, clock):
    house.queue(*range(1, 51), links="17 18")
    for n in range(1, 51):
        keep(house, click(house, n, 0, NOW + n * 60_000), click(house, n, 1, NOW + n * 60_000 + 1))
    clock.now = NOW + 3_600_000
    worker = counting(house, clock)
    worker._at_once, worker._read_at_once = 7, 20
    count_all(house, clock, worker)
    assert set(classes(house)) == {(UNKNOWN, ClickReason.ALL_LINKS)}
    assert set(tallies(house).values()) == {(2, 0, 0)}
    # An hour is not held in memory.
    assert len(worker._neighbours) < 30
    house.do(worker.step())
    assert len(worker._neighbours) == 0


def test_offers_are_those_that_the_first_click_led_to(house, clock):
    row = {"account_id": house.us, "digest": b"1", "url": "https://a.example/", "created_at": NOW}
    house.write(lambda tx: tx.core.execute(destinations.insert().values(row | {"offer_id": 5})))
    [(offered,)] = read(house, destinations, destinations.c.id)
    house.queue(1, 2, 3, links=f"https://own.example/ {offered}")
    keep(house, click(house, 1, 1), click(house, 2, 0), click(house, 3, 3, kind=HUMAN))
    count_all(house, clock)
    of = message_clicks.c
    found = [row[1] for row in read(house, message_clicks, of.number, of.offer_id)]
    assert found == [5, None, None]


def test_standalone_links_count_their_clicks_and_notify_nobody(house, clock):
    add_link(house, 7)
    of = short_links.c

    def count(*clicks):
        keep(house, *clicks)
        clock.now += 1
        count_all(house, clock)
        [row] = read(house, short_links, of.clicks, of.human_clicks, of.last_clicked_at)
        return tuple(row)

    # The last click of a person says for how long conversions count, and no machine's does.
    assert count(standalone(house, 7, NOW, BOT)) == (1, 0, None)
    assert count(standalone(house, 7, NOW + 1), standalone(house, 8)) == (2, 1, NOW + 1)
    assert count(standalone(house, 7, NOW + 2, BOT)) == (3, 1, NOW + 1)
    assert tallies(house) == {}


def test_a_message_that_is_gone_or_anothers_counts_for_nothing(house, clock):
    house.queue(1, links="17")
    keep(house, click(house, 1, account=house.them), click(house, 2))
    count_all(house, clock)
    assert tallies(house) == {}
    assert not house.do(counting(house, clock).step())


def test_an_erased_person_is_counted_for_the_message_only(house, clock):
    house.queue(1, links="17")
    blank = messages.update().values(recipient=REDACTED, links=None)
    house.write(lambda tx: tx.core.execute(blank))
    keep(house, click(house, 1))
    count_all(house, clock)
    assert tallies(house) == {house.no(1): (1, 1, 0)}
    assert contacts(house) == {}


def test_a_round_that_is_undone_is_done_again_whole(house, clock):
    house.queue(1, links="17")
    keep(house, click(house, 1))
    worker = counting(house, clock)
    clock.now = NOW + 3_000
    count = worker._count

    def broken(tx, before, after):
        tx.begin()
        count(tx, before, after)
        raise StorageUnavailable("away")

    worker._count = broken
    with pytest.raises(StorageUnavailable):
        house.do(worker.step())
    assert first_clicks(house) == {}
    worker._count = count
    house.do(worker.step())
    assert tallies(house) == {house.no(1): (1, 1, 0)}


# No database has an id of a destination as large as this one.
_NOWHERE = str(1 << 70)


def test_a_click_that_cannot_be_counted_is_set_aside_and_holds_up_no_others(house, clock):
    house.queue(1, 2, links="17")
    house.queue(3, links=_NOWHERE)
    house.queue(4, links="17")
    keep(house, *(click(house, n, at=NOW + n) for n in (1, 3, 2)))
    clock.now = NOW + 3
    worker = count_all(house, clock)
    assert tallies(house) == {
        house.no(1): (1, 1, 0), house.no(2): (1, 1, 0), house.no(3): (1, 0, 0)
    }  # fmt: skip
    assert classes(house) == [(HUMAN, NONE), (HUMAN, NONE), (UNKNOWN, ClickReason.SET_ASIDE)]
    assert worker._metrics.clicks_set_aside._value.get() == 1
    assert contacts(house) == {ANN: (2, NOW + 2)}
    # It is over with it: what comes later is counted, and it is not counted twice.
    clock.now = NOW + 10_000
    keep(house, click(house, 4, at=clock.now))
    count_all(house, clock, worker)
    assert tallies(house)[house.no(4)] == (1, 1, 0)
    assert tallies(house)[house.no(3)] == (1, 0, 0)
    assert counted(house) == to_be_counted(house)


@pytest.mark.parametrize("kind", [HUMAN, BOT])
def test_a_click_at_which_everything_breaks_is_passed_over(house, clock, kind):
    house.queue(1, 2, links="17")
    keep(house, click(house, 1, kind=kind), click(house, 2, at=NOW + 1))
    clock.now = NOW + 1
    worker = counting(house, clock)
    take, set_aside = worker._take, worker._set_aside

    def broken(tx, clicks):
        counted = take(tx, clicks)
        if any(each.number == house.no(1) for each in clicks):
            raise ValueError
        return counted

    def broken_too(tx, click, *, is_counted):
        counted = set_aside(tx, click, is_counted=is_counted)
        if is_counted:
            raise ValueError
        return counted

    worker._take, worker._set_aside = broken, broken_too
    count_all(house, clock, worker)
    assert tallies(house) == {house.no(2): (1, 1, 0)}
    reason = (UNKNOWN, ClickReason.SET_ASIDE) if kind is HUMAN else (BOT, NONE)
    assert classes(house) == [reason, (HUMAN, NONE)]
    assert not house.do(worker.step())


def test_two_processes_count_a_click_once(house, clock):
    house.queue(*range(1, 41), links="17")
    rows = [click(house, n, at=NOW + n) for n in range(1, 41) for _ in range(2)]
    house.write(lambda tx: tx.clicks.add(rows))
    clock.now = NOW + 10_000
    stores = (
        [house.store] if "Sqlite" in type(house.store).__name__ else [house.store, house.open()]
    )
    workers = [counting(house, clock, store) for store in stores for _ in range(2)]

    async def all_at_once():
        await asyncio.gather(*(worker.step() for worker in workers))

    house.do(all_at_once())
    assert set(tallies(house).values()) == {(2, 2, 0)}
    assert len(first_clicks(house)) == 40
    assert contacts(house)[ANN][0] == 40

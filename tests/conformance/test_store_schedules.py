"""Every store keeps schedules whole, and says which are due."""

from dataclasses import fields, replace
from datetime import date, time

import pytest
from schedules import DAILY
from stores import NOW

from sendrail.domain.creative import OfferLink
from sendrail.domain.errors import NotFound
from sendrail.domain.ids import AccountId
from sendrail.domain.quiet_hours import OpenHours
from sendrail.domain.schedule import (
    Blast,
    FrequencyCap,
    LateZones,
    OutsideHours,
    OverlapRule,
    ScheduleStatus,
    ScheduleTerms,
    SendType,
)

FULL = ScheduleTerms(
    name="Grüße",
    send_type=SendType.BLAST,
    is_repeating=True,
    send_time=time(9, 30),
    audiences=("a" * 24, "b" * 24),
    send_date=date(2026, 12, 24),
    start_date=date(2026, 12, 1),
    end_date=date(2027, 2, 28),
    weekdays=(0, 6),
    source_lists=(2, 1),
    skip_within_hours=24,
    use_local_time=True,
    filter_bots=False,
    is_mms=True,
    is_cto=True,
    automated_percent=80,
    ir_revenue=12_345,
    blasts=(
        Blast(
            message="Hi {{first_name|there}} {{link1}}",
            percent_audience=70,
            offer_links=(OfferLink(key="link1", offer_ref="c" * 24, url_params={"s": "ü"}),),
            variant_name="A",
            mms_image_url="https://shop.example/a.png",
        ),
        Blast(message="Hi", percent_audience=30),
    ),
    frequency_cap=FrequencyCap(3, 7),
    late_zones=LateZones.NEXT_DAY,
    late_minutes=90,
    overlap=OverlapRule.QUEUE,
    outside_hours=OutsideHours.SKIP,
    send_until=time(20),
    holdout_percent=5,
)
STATE = {"status": ScheduleStatus.ON, "created_at": NOW, "updated_at": NOW}


def add(house, ref="0" * 24, terms=FULL, account=None, **state):
    owner = account or house.us
    house.write(lambda tx: tx.schedules.add(owner, terms, ref=ref, **STATE | state))
    return house.read(lambda tx: tx.schedules.by_ref(owner, ref))


def test_a_schedule_comes_back_as_it_was_said(house):
    for terms, ref in ((FULL, "1" * 24), (DAILY, "2" * 24)):
        found = add(house, ref, terms, on_since=NOW - 1, next_at=NOW + 1)
        for field in fields(ScheduleTerms):
            assert getattr(found, field.name) == getattr(terms, field.name), field.name
        assert (found.ref, found.account_id, found.status) == (ref, house.us, ScheduleStatus.ON)
        assert (found.on_since, found.next_at, found.last_date) == (NOW - 1, NOW + 1, None)
        assert house.read(lambda tx, it=found: tx.schedules.find(house.us, it.id)) == found


def test_a_change_touches_what_is_given_and_only_the_accounts_own(house):
    found = add(house)
    values = {"status": ScheduleStatus.OFF, "updated_at": NOW + 5}
    changed = replace(FULL, name="Other")
    house.write(lambda tx: tx.schedules.change(house.them, found.id, changed, **values))
    assert house.read(lambda tx: tx.schedules.by_ref(house.us, found.ref)) == found
    house.write(lambda tx: tx.schedules.change(house.us, found.id, changed, **values))
    expected = replace(found, name="Other", **values)
    assert house.read(lambda tx: tx.schedules.by_ref(house.us, found.ref)) == expected
    assert house.read(lambda tx: tx.schedules.by_ref(house.them, found.ref)) is None
    assert house.read(lambda tx: tx.schedules.find(house.them, found.id)) is None


def test_an_accounts_schedules_are_listed_newest_first_and_archived_ones_apart(house):
    refs = [f"{at:024x}" for at in range(3)]
    for at, ref in enumerate(refs):
        add(house, ref, status=ScheduleStatus.ARCHIVE if at == 1 else ScheduleStatus.DRAFT)

    def listed(status=None, account=house.us):
        found = house.read(lambda tx: tx.schedules.all(account, status))
        return [each.ref for each in found]

    assert listed() == [refs[2], refs[0]]
    assert listed(ScheduleStatus.ARCHIVE) == [refs[1]]
    assert listed(account=house.them) == []
    assert house.read(lambda tx: tx.schedules.count(house.us)) == 3
    assert house.read(lambda tx: tx.schedules.count(house.them)) == 0


def test_those_are_due_whose_next_run_is_the_longest_first(house):
    for at, (account, next_at) in enumerate(
        [(house.us, NOW), (house.them, NOW - 5), (house.us, NOW + 1), (house.us, None)]
    ):
        add(house, f"{at:024x}", account=account, next_at=next_at)
    due = house.read(lambda tx: tx.schedules.due(NOW, 10))
    assert [each.next_at for each in due] == [NOW - 5, NOW]
    assert len(house.read(lambda tx: tx.schedules.due(NOW, 1))) == 1


def test_f3_only_one_of_two_moves_a_schedule_on(house):
    found = add(house, next_at=NOW)
    day = date(2026, 12, 7)
    assert house.write(lambda tx: tx.schedules.move_on(found, day, NOW + 9))
    assert not house.write(lambda tx: tx.schedules.move_on(found, day, NOW + 9))
    moved = house.read(lambda tx: tx.schedules.by_ref(house.us, found.ref))
    assert moved == replace(found, last_date=day, next_at=NOW + 9)
    house.write(lambda tx: tx.schedules.change(house.us, found.id, updated_at=NOW + 1))
    assert not house.write(lambda tx: tx.schedules.move_on(moved, day, None))


def test_an_account_goes_by_a_clock_of_its_own(house):
    assert house.read(lambda tx: tx.accounts.timezone(house.us)) == "America/New_York"
    house.write(lambda tx: tx.accounts.set_timezone(house.us, "Europe/Oslo"))
    assert house.read(lambda tx: tx.accounts.timezone(house.us)) == "Europe/Oslo"
    assert house.read(lambda tx: tx.accounts.timezone(house.them)) == "America/New_York"
    with pytest.raises(NotFound):
        house.write(lambda tx: tx.accounts.set_timezone(AccountId(10**6), "UTC"))
    with pytest.raises(NotFound):
        house.read(lambda tx: tx.accounts.timezone(AccountId(10**6)))


def test_an_account_gives_its_quiet_hours_to_lists_without_their_own(house):
    made = [
        house.add_list(account, number)
        for account, number in (
            (house.us, 15550170001), (house.us, 15550170002), (house.them, 15550170003),
        )
    ]  # fmt: skip

    def found():
        return [
            house.read(lambda tx, of=each: tx.lists.find_id(of.account_id, of.id)) for each in made
        ]

    own_hours = {"quiet_hours": "22:00-07:00", "has_own_hours": True}
    house.write(lambda tx: tx.lists.change(house.us, made[1].id, **own_hours))
    house.write(lambda tx: tx.accounts.set_quiet_hours(house.us, "20:00-09:00"))
    house.write(lambda tx: tx.lists.inherit_quiet_hours(house.us, "20:00-09:00"))
    assert house.read(lambda tx: tx.accounts.quiet_hours(house.us)) == "20:00-09:00"
    assert house.read(lambda tx: tx.accounts.quiet_hours(house.them)) is None
    ours, own, theirs = found()
    assert ours.quiet_hours == OpenHours(9 * 60, 20 * 60)
    assert (ours.own_quiet_hours, own.own_quiet_hours) == (None, "22:00-07:00")
    assert theirs.quiet_hours is None
    for ask in (
        lambda tx: tx.accounts.quiet_hours(AccountId(10**6)),
        lambda tx: tx.accounts.set_quiet_hours(AccountId(10**6), None),
    ):
        with pytest.raises(NotFound):
            house.write(ask)

"""Quiet hours at the claim: nothing that keeps them leaves in them, and nothing is lost by that."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from grounds import NOW, embedded_only
from sqlalchemy import insert

from sendrail.contacts.area_codes import zones_of
from sendrail.domain.campaign_run import RunState
from sendrail.domain.delivery import Failed
from sendrail.domain.message import Skip
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.quiet_hours import QuietScope, parse_rules
from sendrail.domain.waves import Wave, area_range
from sendrail.storage.campaigns.runs import NewRun
from sendrail.storage.contact_tables import contacts

NEW_YORK = range(12125550000, 12125559999)
LOS_ANGELES = range(12135550000, 12135559999)
CAMPAIGN = Skip.CAMPAIGN
MINUTE = 60


@pytest.fixture
def road(make_road):
    road = make_road()
    road.quiet_rules = parse_rules("US 21:00-08:00, US-FL 20:00-08:00")
    return road


def utc(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1_000)


# In New York.
EVENING = utc(2027, 1, 16, 2)
MORNING = utc(2027, 1, 16, 13)


def at(road, instant):
    """Let it be a time, with nothing running meanwhile."""
    if road.alive is not None:
        road.stop_all()
    assert instant >= road.clock.now()
    road.clock.advance((instant - road.clock.now()) / 1_000)


def begin_at(road, instant):
    """Let it be a time as if the machine had just begun: a clock of so many days has no grain."""
    road.clock.now = lambda: instant + road.clock.passed_us // 1_000
    road.intake = road.open_intake()


def left(road):
    """Return (recipient, instant) of everything that left."""
    wall, monotonic = road.clock.now(), road.clock.monotonic()
    return [
        (message.recipient, wall - round((monotonic - when) * 1_000))
        for when, message in road.carrier.taken
    ]


def test_a_slow_list_sends_nothing_after_the_hour_and_goes_on_in_the_morning(road):
    sender = road.add_list(rate=60)
    at(road, EVENING - 30_000)
    told = road.send(sender, *NEW_YORK[:100], skips=CAMPAIGN)
    road.deliver(2 * MINUTE)
    by_nine = len(road.carrier.taken)
    assert 25 <= by_nine <= 31
    assert all(when < EVENING for _, when in left(road))
    waiting = road.look_up(told[-1])
    assert (waiting.stored.status, waiting.stored.attempt) == ("queued", 0)
    assert waiting.waits_until == MORNING
    assert road.metrics.held_quiet._value.get() == 100 - by_nine
    # They are not stale: they have waited since the morning.
    at(road, MORNING)
    road.deliver(2 * MINUTE)
    assert road.carrier.recipients == list(NEW_YORK[:100])
    assert road.look_up(told[-1]).waits_until is None
    assert {road.find(each).attempt for each in told} == {1}


def test_a_worker_that_runs_all_night_sends_when_the_hours_begin(road):
    sender = road.add_list()
    at(road, MORNING - 3 * MINUTE * 1_000)
    road.send(sender, *NEW_YORK[:20], skips=CAMPAIGN)
    road.deliver(2 * MINUTE)
    assert road.carrier.taken == []
    road.pass_time(2 * MINUTE)
    assert [when // 1_000 for _, when in left(road)] == [MORNING // 1_000] * 20


def test_what_waits_for_the_hours_does_not_stand_in_the_way_and_is_not_read_again(make_road):
    road = make_road()
    road.quiet_rules = parse_rules("US 21:00-08:00")
    # One message a second: by its pace it would look at the last of them in half an hour.
    slow, other = road.add_list(rate=60), road.add_list()
    road.change_list(slow, quiet_scope=QuietScope.ALL)
    at(road, EVENING)
    road.send(slow, *NEW_YORK[:2_000])
    road.send(slow, LOS_ANGELES[0])
    road.send(other, LOS_ANGELES[1])
    road.deliver(0.2)
    assert road.carrier.recipients[0] == LOS_ANGELES[1]
    road.pass_time(1.0)
    assert road.carrier.recipients == [LOS_ANGELES[1], LOS_ANGELES[0]]
    assert road.metrics.held_quiet._value.get() == 2_000
    # Nothing of it is read again before the morning.
    claimer = road.worker._claimer
    judge, read = claimer._judge_candidates, []
    claimer._judge_candidates = lambda some, found: read.extend(some) or judge(some, found)
    road.pass_time(MINUTE)
    assert read == []


def test_only_what_markets_waits_unless_the_list_says_otherwise(road):
    lists = {scope: road.add_list() for scope in QuietScope}
    for scope, sender in lists.items():
        road.change_list(sender, quiet_scope=scope)
    at(road, EVENING)
    recipients = iter(NEW_YORK)
    kinds = (
        Skip.NONE,
        Skip.RATE_LIMIT,
        CAMPAIGN,
        Skip.QUIET_HOURS,
        Skip.AUTOMATIC,
        Skip.VERIFICATION,
    )
    sent = {(scope, skips): next(recipients) for scope in QuietScope for skips in kinds}
    for (scope, skips), recipient in sent.items():
        road.send(lists[scope], recipient, skips=skips)
    road.deliver(1)
    held = {key for key, recipient in sent.items() if recipient not in road.carrier.recipients}
    assert held == {
        (QuietScope.CAMPAIGNS, CAMPAIGN),
        (QuietScope.ALL, CAMPAIGN),
        (QuietScope.ALL, Skip.NONE),
        (QuietScope.ALL, Skip.RATE_LIMIT),
    }


def test_a_list_has_hours_of_its_own_for_every_country(road):
    sender = road.add_list()
    road.change_list(sender, quiet_hours="17:00-09:00")
    # 17:30 in Oslo and in Paris, where only this list keeps any.
    at(road, utc(2027, 1, 15, 16, 30))
    told = road.send(sender, 4790000000, 33600000000, skips=CAMPAIGN)
    road.deliver(1)
    assert road.carrier.taken == []
    assert {road.look_up(each).waits_until for each in told} == {utc(2027, 1, 16, 8)}


def test_a_contact_with_a_zone_of_its_own_goes_by_that(road):
    sender = road.add_list()
    row = {"account_id": road.account, "recipient": NEW_YORK[0], "created_at": NOW}
    moved = insert(contacts).values(**row, timezone="America/Los_Angeles")
    road.write(lambda tx: tx.core.execute(moved))
    at(road, EVENING)
    road.send(sender, *NEW_YORK[:2], skips=CAMPAIGN)
    road.deliver(1)
    assert road.carrier.recipients == [NEW_YORK[0]]


def test_who_unsubscribes_in_the_night_is_not_texted_in_the_morning(road):
    sender = road.add_list()
    at(road, EVENING)
    told = road.send(sender, *NEW_YORK[:2], skips=CAMPAIGN)
    road.deliver(1)
    road.unsubscribe(sender, NEW_YORK[0])
    at(road, MORNING)
    road.deliver(2)
    assert road.carrier.recipients == [NEW_YORK[1]]
    assert road.fate(told[0]) == ("dropped", "contact_blocked")


def run_until(road, ends_at, version, *waves):
    """Return the origin of a campaign's run that may send until then."""
    new = NewRun(
        road.account, version, "2027-01-15", RunState.RUNNING, None, "{}", NOW, ends_at, waves
    )

    def add(tx):
        origin = Origin(OriginKind.RUN, tx.runs.add(new, NOW), 1, "A")
        return tx.origins.find_or_add(road.account, [origin])[origin]

    return road.write(add)


def test_f5_what_a_campaign_has_not_sent_when_it_ends_is_not_sent_next_morning(road):
    sender = road.add_list()
    at(road, EVENING)
    origins = [run_until(road, ends_at, n) for n, ends_at in enumerate((MORNING, MORNING + 1), 1)]
    told = road.accept(
        *(
            road.order(sender, who, skips=CAMPAIGN, origin_id=origin)
            for who, origin in zip(NEW_YORK, origins, strict=False)
        )
    )
    road.deliver(1)
    assert [road.fate(each.message_id) for each in told] == [
        ("dropped", "quiet_hours"), ("queued", None),
    ]  # fmt: skip


def test_who_waits_for_the_morning_gets_nothing_once_the_run_has_ended_in_the_own_zone(road):
    sender = road.add_list()
    at(road, EVENING)
    far = MORNING + 6 * 60 * MINUTE * 1_000
    origin = run_until(
        road,
        far,
        1,
        Wave(NOW, MORNING, ranges=(area_range("212"),)),
        Wave(NOW, far, ranges=(area_range("213"),)),
    )
    told = road.accept(
        *(
            road.order(sender, who, skips=CAMPAIGN, origin_id=origin)
            for who in (NEW_YORK[0], LOS_ANGELES[0])
        )
    )
    road.deliver(1)
    assert [road.fate(each.message_id) for each in told] == [
        ("dropped", "quiet_hours"), ("sent", None),
    ]  # fmt: skip


def test_what_fails_before_the_hour_is_not_tried_again_after_it(road):
    sender = road.add_list()
    road.carrier.will(NEW_YORK[0], Failed("no"))
    at(road, EVENING - 1_000)
    told = road.send(sender, NEW_YORK[0], skips=CAMPAIGN)
    road.deliver(5 * MINUTE)
    assert len(road.carrier.taken) == 1
    assert (road.find(told[0]).attempt, road.look_up(told[0]).waits_until) == (1, MORNING)
    at(road, MORNING)
    road.deliver(2)
    assert (len(road.carrier.taken), road.find(told[0]).attempt) == (2, 2)


def test_what_no_hour_is_open_for_is_dropped_and_says_why(road):
    sender = road.add_list()
    road.change_list(sender, quiet_hours="12:00-09:00")
    at(road, EVENING)
    # It may be anywhere from New York to Los Angeles, which share no such hour.
    told = road.send(sender, 18005550100, *NEW_YORK[:3], skips=CAMPAIGN)
    road.deliver(1)
    assert road.fate(told[0]) == ("dropped", "quiet_hours")
    assert [road.fate(each) for each in told[1:]] == [("queued", None)] * 3


# Nights on which clocks are put forward and back, and one in summer.
NIGHTS = [utc(2027, 3, 13, 20), utc(2027, 11, 6, 20), utc(2027, 7, 1)]
# Of one place, of several zones, of Florida, of no place, and of no place with rules.
CODES = ("12125550000", "18505550000", "14235550000", "19075550000", "13055550000", "18005550000",
         "17875550000", "18085550000", "14165550000", "4790000000")  # fmt: skip


@embedded_only  # the law is the claim's, whatever the database; SQL differs in none of it
@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_keeps_quiet_hours_leaves_in_them_and_nothing_is_lost(road, seed):
    dice = random.Random(seed)
    lists = [road.add_list(rate=dice.choice((600, 60_000))) for _ in range(4)]
    road.change_list(lists[0], quiet_scope=QuietScope.ALL)
    road.change_list(lists[1], quiet_hours="19:30-10:15")
    road.change_list(lists[2], quiet_scope=QuietScope.NONE)
    begin_at(road, NIGHTS[seed])
    told, number = [], 0
    for _ in range(30):
        for sender in lists:
            skips = dice.choice((CAMPAIGN, CAMPAIGN, Skip.NONE))
            for _ in range(dice.randrange(4)):
                number += 1
                recipient = int(dice.choice(CODES)) + number
                told.append((sender, skips, recipient))
                road.send(sender, recipient, skips=skips)
        road.deliver(dice.uniform(2, 6))
        at(road, road.clock.now() + int(dice.uniform(0, 25 * MINUTE) * 1_000))
    # For a day, never away so long that something is stale.
    for _ in range(60):
        if len(road.carrier.taken) < len(told):
            road.deliver(20)
            at(road, road.clock.now() + 25 * MINUTE * 1_000)
    places = {recipient: (sender, skips) for sender, skips, recipient in told}
    for recipient, when in left(road):
        sender, skips = places[recipient]
        if hours := quiet_of(lists, sender, skips, recipient):
            assert all(hours[0] <= shown < hours[1] for shown in shown_at(recipient, when))
    assert sorted(road.carrier.recipients) == sorted(places)


def quiet_of(lists, sender, skips, recipient):
    """Return the minutes of a day between which a message may leave, by a reading of the rules."""
    if sender.id == lists[2].id or not (skips == CAMPAIGN or sender.id == lists[0].id):
        return None
    opens, closes = 0, 1_440
    # Florida, or where a number may be of it.
    if str(recipient)[:4] in {"1305", "1850", "1800"}:
        opens, closes = 480, 1_200
    elif str(recipient)[:4] not in {"1416", "4790"}:
        opens, closes = 480, 1_260
    if sender.id == lists[1].id:
        opens, closes = max(opens, 615), min(closes, 1_170)
    return opens, closes


def shown_at(recipient, when):
    zones = zones_of(recipient) or ("Europe/Oslo",)
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=when)
    for zone in zones:
        shown = instant.astimezone(ZoneInfo(zone))
        yield shown.hour * 60 + shown.minute

"""What a pause or a stop does to what waits in the queue: nothing leaves after one more round."""

from datetime import time

import pytest
from planned import EVERYBODY, HELLO
from road import ground, make_road, road
from sqlalchemy import insert

from sendrail.campaigns.run_content import RunContent
from sendrail.campaigns.run_control import RunService
from sendrail.campaigns.run_ends import RunEnds
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.campaign_run import RunReason, RunState
from sendrail.domain.delivery import Failed
from sendrail.domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from sendrail.domain.message import Skip
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.schedule import Blast, ScheduleTerms, SendType
from sendrail.domain.waves import EVERYONE, Wave, area_range
from sendrail.storage.campaigns.runs import NewRun
from sendrail.storage.contact_tables import contacts
from sendrail.storage.contacts.audience_filter import AudienceTarget

__all__ = ["ground", "make_road", "road"]

ME = Actor(name="a test")
HOUR = 3_600_000
SCHEDULE_ID = 1
REF = "0123456789abcdef01234567"
OFFER = {
    "payout": 0,
    "payout_type": "cpa",
    "pixel_amounts": False,
    "status": "active",
    "metadata": {},
}
REASONS = {
    "list": RunReason.LIST_INACTIVE,
    "account": RunReason.ACCOUNT_SUSPENDED,
    "carrier": RunReason.LIST_INACTIVE,
}
# How a run is refused to be resumed, and what is said of it.
REFUSED = {
    "list": ("list_inactive", "is paused: let it send again, then resume the run"),
    "account": ("account_suspended", "`sendrail accounts resume`"),
    "carrier": ("list_inactive", "by a carrier of its own that is not verified yet"),
}
CROWD = range(15550100000, 15550110000)


class Campaign:
    """Runs on a road, whose messages are queued as the planner queues them."""

    def __init__(self, road):
        self.road = road
        self.sender = road.add_list(rate=60)
        self.service = RunService(road.store, road.clock.now)
        self.ends = RunEnds(road.store, road.clock.now)
        self.days = 0

    def begin(self, *waves, variants=HELLO):
        now, account = self.road.clock.now(), self.road.account
        self.days += 1
        group = read_filter(EVERYBODY)
        lists = (self.sender.id,)
        target = AudienceTarget(account_id=account, lists=lists, group=group, now=now)
        content = RunContent(lists=lists, targets=(target,), variants=variants, began_at=now)
        waves = waves or (Wave(now, now + 12 * HOUR, ranges=(EVERYONE,)),)
        new = NewRun(
            account, SCHEDULE_ID, f"2026-01-{self.days:02}", RunState.RUNNING, None,
            content.to_json(), now, max(each.ends_at for each in waves), waves,
        )  # fmt: skip
        return self.road.write(lambda tx: tx.runs.add(new, now))

    def send(self, run_id, *recipients):
        origin = Origin(OriginKind.RUN, run_id, 1, "1")
        account = self.road.account
        origin_id = self.road.write(lambda tx: tx.origins.find_or_add(account, [origin]))[origin]
        orders = [
            self.road.order(self.sender, each, skips=Skip.CAMPAIGN, origin_id=origin_id)
            for each in recipients
        ]
        return [verdict.message_id for verdict in self.road.accept(*orders)]

    def do(self, move, run_id, account=None):
        moves = getattr(self.service, move)
        return self.road.do(moves(account or self.road.account, run_id, ME)).run.state

    def run(self, run_id):
        found = self.road.read(lambda tx: tx.runs.find(self.road.account, run_id))
        return found.state, found.reason

    def put_away(self, away):
        if away == "account":
            self.road.write(lambda tx: tx.accounts.set_status(self.road.account, "suspended"))
        else:
            values = {"list": {"status": "paused"}, "carrier": {"byoc": True}}
            self.road.change_list(self.sender, **values[away])

    def bring_back(self, away):
        if away == "account":
            self.road.write(lambda tx: tx.accounts.set_status(self.road.account, "active"))
        else:
            values = {"list": {"status": "active"}, "carrier": {"byoc": False}}
            self.road.change_list(self.sender, **values[away])

    def add_offer(self):
        times = {"created_at": 1, "updated_at": 1}
        values = {"name": "Shoes", "tracking_url": "https://shoes.example", **OFFER, **times}
        return self.road.write(lambda tx: tx.offers.add(self.road.account, ref=REF, **values))

    def add_schedule(self, message):
        """Add what runs that have begun here are runs of."""
        terms = ScheduleTerms(
            name="A", send_type=SendType.BLAST, is_repeating=False, send_time=time(10),
            audiences=(), blasts=(Blast(message=message, percent_audience=100),),
        )  # fmt: skip
        values = {"status": "on", "on_since": 0, "next_at": None, "created_at": 0, "updated_at": 0}
        schedule_id = self.road.write(
            lambda tx: tx.schedules.add(self.road.account, terms, ref=REF, **values)
        )
        assert schedule_id == SCHEDULE_ID

    def change_offer(self, offer_id, **values):
        self.road.write(lambda tx: tx.offers.change(self.road.account, offer_id, **values))

    def sweep(self):
        self.road.do(self.ends.step())


@pytest.fixture
def campaign(road):
    return Campaign(road)


def test_nothing_leaves_while_a_run_is_paused_and_all_of_it_afterwards(road, campaign):
    road.stale_after_ms = 20_000
    run_id = campaign.begin()
    messages = campaign.send(run_id, *CROWD[:6])
    road.deliver(1.5)
    sent = len(road.carrier.taken)
    assert 1 <= sent <= 3
    assert campaign.do("pause", run_id) is RunState.PAUSED
    # Longer than anything may wait in the queue.
    road.deliver(30)
    assert len(road.carrier.taken) == sent
    assert campaign.do("resume", run_id) is RunState.RUNNING
    campaign.sweep()
    road.deliver(10)
    assert road.carrier.recipients == list(CROWD[:6])
    assert set(road.fates(messages)) == {("sent", None)}


@pytest.mark.parametrize("away", ["list", "account", "carrier"])
def test_nothing_of_a_run_is_lost_while_its_sender_cannot_send(road, campaign, away):
    run_id = campaign.begin()
    messages = campaign.send(run_id, *CROWD[:6])
    road.deliver(1.5)
    sent = len(road.carrier.taken)
    assert 1 <= sent <= 3
    campaign.put_away(away)
    # Nothing of it is left to be planned, and nobody has looked yet.
    road.deliver(3)
    assert len(road.carrier.taken) == sent
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.PAUSED, REASONS[away])
    with pytest.raises((InvalidInput, Forbidden)) as refused:
        campaign.do("resume", run_id)
    code, remedy = REFUSED[away]
    assert refused.value.code == code
    assert remedy in refused.value.message
    campaign.bring_back(away)
    assert campaign.do("resume", run_id) is RunState.RUNNING
    campaign.sweep()
    road.deliver(10)
    assert road.carrier.recipients == list(CROWD[:6])
    assert set(road.fates(messages)) == {("sent", None)}


def test_a_run_whose_list_is_deleted_waits_for_its_return_or_is_stopped(road, campaign):
    run_id = campaign.begin()
    campaign.send(run_id, *CROWD[:3])
    road.change_list(campaign.sender, status="deleted")
    campaign.sweep()
    with pytest.raises(InvalidInput, match=r"is deleted: .*, or stop the run\.$") as refused:
        campaign.do("resume", run_id)
    assert refused.value.code == "list_inactive"
    assert campaign.do("stop", run_id) is RunState.STOPPED


@pytest.mark.parametrize(
    ("ended", "again"),
    [
        ({"status": "paused"}, {"status": "active"}),
        ({"expires_at": 1}, {"expires_at": None}),
    ],
)
def test_a_run_whose_offer_ends_waits_for_its_return(road, campaign, ended, again):
    offer = campaign.add_offer()
    run_id = campaign.begin(variants=(HELLO[0]._replace(offers=[offer]),))
    messages = campaign.send(run_id, *CROWD[:6])
    road.deliver(1.5)
    sent = len(road.carrier.taken)
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)
    campaign.change_offer(offer, **ended)
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.PAUSED, RunReason.OFFER_PAUSED)
    road.deliver(3)
    assert len(road.carrier.taken) == sent
    with pytest.raises(InvalidInput, match=r"^The offer Shoes is (paused|expired): ") as refused:
        campaign.do("resume", run_id)
    assert refused.value.code == "offer_paused"
    campaign.change_offer(offer, **again)
    assert campaign.do("resume", run_id) is RunState.RUNNING
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)
    road.deliver(10)
    assert set(road.fates(messages)) == {("sent", None)}


def test_a_run_goes_on_with_an_archived_offer_to_which_its_links_lead(campaign):
    offer = campaign.add_offer()
    run_id = campaign.begin(variants=(HELLO[0]._replace(offers=[offer]),))
    campaign.send(run_id, *CROWD[:3])
    campaign.change_offer(offer, status="archived")
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)


def test_a_run_whose_text_leaves_a_paused_offer_goes_on(campaign):
    """What is asked of it then are the offers that its texts have now."""
    offer = campaign.add_offer()
    run_id = campaign.begin(variants=(HELLO[0]._replace(offers=[offer]),))
    campaign.send(run_id, *CROWD[:3])
    campaign.change_offer(offer, status="paused")
    campaign.sweep()
    campaign.add_schedule(message="Hello without a link")
    assert campaign.do("resume", run_id) is RunState.RUNNING
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)


def test_a_run_is_finished_once_no_carrier_can_bring_any_of_it_back(road, campaign):
    run_id = campaign.begin()
    # Two seconds for an answer, which is to try again later.
    road.carrier.will(CROWD[0], 2, Failed("busy"))
    messages = campaign.send(run_id, CROWD[0])
    road.sql("UPDATE runs SET planned = 1")
    road.sql("UPDATE run_waves SET done = TRUE")
    road.deliver(1)
    assert road.carrier.recipients == [CROWD[0]]
    # Handed over, and not answered: nothing of it waits in the queue.
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)
    road.deliver(1.2)
    assert road.fates(messages) == [("queued", "busy")]
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)
    road.deliver(60)
    assert road.fates(messages) == [("sent", None)]
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.FINISHED, None)


@pytest.mark.parametrize("away", ["list", "account", "carrier"])
def test_what_a_claim_held_leaves_though_its_sender_is_back_before_anyone_looked(
    road, campaign, away
):
    run_id = campaign.begin()
    campaign.sweep()
    messages = campaign.send(run_id, *CROWD[:6])
    campaign.put_away(away)
    road.deliver(3)
    campaign.bring_back(away)
    # The run is still being planned, and was never paused.
    campaign.sweep()
    assert campaign.run(run_id) == (RunState.RUNNING, None)
    road.deliver(10)
    campaign.sweep()
    road.deliver(10)
    assert road.carrier.recipients == list(CROWD[:6])
    assert set(road.fates(messages)) == {("sent", None)}


def test_what_has_no_run_to_wait_for_is_dropped_while_its_list_is_paused(road, campaign):
    ended = campaign.begin()
    messages = campaign.send(ended, *CROWD[:2])
    road.write(lambda tx: tx.runs.move((road.account, ended), RunState, state="finished"))
    alone = road.send(campaign.sender, *CROWD[2:4])
    campaign.put_away("list")
    road.deliver(3)
    assert set(road.fates([*messages, *alone])) == {("dropped", "inactive_list")}


def test_a_paused_run_is_in_nobodys_way(road, campaign):
    paused, other = campaign.begin(), campaign.begin()
    campaign.do("pause", paused)
    campaign.send(paused, *CROWD[:50])
    campaign.send(other, *CROWD[50:53])
    road.send(campaign.sender, CROWD[60])
    road.deliver(8)
    assert sorted(road.carrier.recipients) == [*CROWD[50:53], CROWD[60]]


def test_what_waits_of_a_stopped_run_is_dropped_whether_it_was_paused_or_not(road, campaign):
    run_id, other = campaign.begin(), campaign.begin()
    campaign.do("pause", run_id)
    held = campaign.send(run_id, *CROWD[:3])
    road.deliver(1)
    queued = campaign.send(run_id, *CROWD[3:6])
    kept = campaign.send(other, CROWD[9])
    assert campaign.do("stop", run_id) is RunState.STOPPED
    campaign.sweep()
    road.deliver(5)
    assert set(road.fates(held + queued)) == {("dropped", "campaign_stopped")}
    assert road.fates(kept) == [("sent", None)]


def test_a_claim_drops_what_belongs_to_a_stopped_run_though_nobody_sweeps(road, campaign):
    run_id = campaign.begin()
    messages = campaign.send(run_id, *CROWD[:3])
    campaign.do("stop", run_id)
    road.deliver(5)
    assert road.carrier.taken == []
    assert set(road.fates(messages)) == {("dropped", "campaign_stopped")}


@pytest.mark.parametrize("planned", [False, True], ids=["being planned", "planned"])
def test_what_waits_of_a_run_that_goes_on_after_its_end_does_not_leave(road, campaign, planned):
    now = road.clock.now()
    run_id = campaign.begin(Wave(now, now + HOUR, ranges=(EVERYONE,)))
    messages = campaign.send(run_id, *CROWD[:6])
    # As the planner does with each page.
    road.sql("UPDATE runs SET planned = 6")
    if planned:
        road.sql("UPDATE run_waves SET done = TRUE")
    campaign.do("pause", run_id)
    road.deliver(HOUR / 1_000)
    assert campaign.do("resume", run_id) is RunState.RUNNING
    campaign.sweep()
    road.deliver(10)
    campaign.sweep()
    assert road.carrier.taken == []
    assert set(road.fates(messages)) == {("dropped", "campaign_stopped")}
    if planned:
        assert campaign.run(run_id) == (RunState.STOPPED, RunReason.OUT_OF_TIME)


def test_what_waits_of_a_run_is_never_stale_before_its_end(road, campaign):
    road.stale_after_ms = 20_000
    run_id = campaign.begin()
    messages = campaign.send(run_id, *CROWD[:30])
    # Of the same rank, and of no run.
    alone = road.send(campaign.sender, *CROWD[30:40], skips=Skip.CAMPAIGN)
    ended = campaign.begin()
    left = campaign.send(ended, CROWD[40])
    road.write(lambda tx: tx.runs.move((road.account, ended), RunState, state="finished"))
    # Half a minute each, one a second.
    road.deliver(45)
    assert set(road.fates(messages)) == {("sent", None)}
    assert set(road.fates(alone + left)) == {("dropped", "stale")}


def test_what_waits_of_a_run_leaves_in_no_zone_in_which_it_has_ended(road, campaign):
    now, east, west = road.clock.now(), area_range("212"), area_range("213")
    easterner, westerner, moved, elsewhere = 12125550100, 12135550100, 12125550101, 13125550100
    zone = "America/Los_Angeles"
    row = {"account_id": road.account, "recipient": moved, "created_at": 0, "told_zone": zone}
    road.write(lambda tx: tx.core.execute(insert(contacts).values(row)))
    run_id = campaign.begin(
        Wave(now, now + HOUR, ranges=(east,), told_in=frozenset()),
        Wave(now, now + 4 * HOUR, ranges=(west,), told_in=frozenset({zone})),
        Wave(now, now + HOUR, ranges=(EVERYONE,), is_rest=True),
    )
    people = (easterner, westerner, moved, elsewhere)
    messages = campaign.send(run_id, *people)
    campaign.do("pause", run_id)
    road.deliver(HOUR / 1_000)
    campaign.do("resume", run_id)
    campaign.sweep()
    road.deliver(10)
    assert sorted(road.carrier.recipients) == [moved, westerner]
    over, sent = ("dropped", "campaign_stopped"), ("sent", None)
    assert road.fates(messages) == [over, sent, sent, over]


def test_a_run_is_moved_only_as_its_state_allows_and_only_by_its_account(road, campaign):
    run_id = campaign.begin()
    with pytest.raises(Conflict) as conflict:
        campaign.do("resume", run_id)
    assert conflict.value.code == "run_state_conflict"
    them = road.write(lambda tx: tx.accounts.add("them", 0))
    for move in ("pause", "resume", "stop"):
        with pytest.raises(NotFound):
            campaign.do(move, run_id, them)
        with pytest.raises(NotFound):
            campaign.do(move, run_id + 1)
    campaign.do("stop", run_id)
    for move in ("pause", "resume", "stop"):
        with pytest.raises(Conflict):
            campaign.do(move, run_id)

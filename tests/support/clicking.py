"""Clicks as the redirect keeps them, and what is counted of them, for tests."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from stores import NOW

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.ownership import WholeOwnership
from sendrail.storage.campaign_tables import cohort_counts
from sendrail.storage.message_tables import destinations, messages, origin_counts
from sendrail.storage.tables import metadata
from sendrail.storage.tracking.clicks import ClickRow
from sendrail.storage.tracking_tables import clicks, contact_earnings, message_clicks, short_links
from sendrail.telemetry import Metrics
from sendrail.tracking.worker import ClickWorker

HUMAN, UNKNOWN = ClickClass.HUMAN, ClickClass.UNKNOWN
BOT, PREVIEW, PREFETCH = ClickClass.BOT, ClickClass.PREVIEW, ClickClass.PREFETCH
BURST_MAX = 20
HOUR = 3_600_000


@dataclass
class Clock:
    """A time that a test owns."""

    now: int = NOW

    def __call__(self):
        return self.now


def click(house, n, position=0, at=NOW, kind=HUMAN, reason=ClickReason.NONE, digest=None, **more):
    """A request for a link of the n-th message of our list."""
    account = more.pop("account", house.us)
    sender = more.pop("sender", house.list)
    number = house.no(n, sender)
    of_visitor = (more.pop("agent_id", None), more.pop("network", None), digest)
    return ClickRow(sender.lane, account, number, position, at, kind, reason, *of_visitor)


def standalone(house, link_id, at=NOW, kind=HUMAN):
    """A request for a standalone link."""
    return ClickRow(house.list.lane, house.us, link_id, None, at, kind, 0, None, None, None)


def add_link(house, link_id):
    """A standalone link of our account."""
    row = {
        "id": link_id,
        "account_id": house.us,
        "list_id": house.list.id,
        "destination_id": 1,
        "created_at": NOW,
        "clicks": 0,
        "human_clicks": 0,
    }
    house.write(lambda tx: tx.core.execute(short_links.insert().values(row)))


def add_destination(house, url, offer_id=None):
    """A destination of our account, perhaps an offer's; returns its id."""
    row = {
        "account_id": house.us,
        "digest": url.encode(),
        "url": url,
        "offer_id": offer_id,
        "created_at": NOW,
    }
    added = destinations.insert().values(row).returning(destinations.c.id)
    return house.write(lambda tx: tx.core.execute(added).scalar_one())


def keep(house, *rows):
    """Keep requests, each in a transaction of its own."""
    for row in rows:
        house.write(lambda tx, row=row: tx.clicks.add([row]))


def counting(house, clock, store=None, burst=BURST_MAX):
    """A worker that counts by a clock."""
    return ClickWorker(
        (store or house.store).beside(),
        Metrics(),
        now=clock,
        ownership=WholeOwnership(),
        burst_messages_max=burst,
    )


def count_all(house, clock, worker=None):
    """Do rounds until nothing that was ready waits any more, some seconds from now."""
    worker = worker or counting(house, clock)
    clock.now += 3_000
    while True:
        house.do(worker.step())
        if worker._is_all_seen and worker._is_counted:
            return worker


def classes(house):
    """The classes and reasons of clicks, by their time."""
    rows = read(house, clicks, clicks.c.at, clicks.c.click_class, clicks.c.reason)
    return [(ClickClass(row[1]), ClickReason(row[2])) for row in rows]


def first_clicks(house):
    """When and where each message was first clicked by a person, by number."""
    of = message_clicks.c
    return {
        row[0]: tuple(row[1:]) for row in read(house, message_clicks, of.number, of.at, of.position)
    }


def tallies(house):
    """How often each message was clicked: in all, by people, by machines."""
    of = message_clicks.c
    wanted = (of.number, of.clicks, of.human_clicks, of.machine_clicks)
    return {row[0]: tuple(row[1:]) for row in read(house, message_clicks, *wanted)}


def contacts(house):
    """What contacts have clicked: how many messages, and when the last one."""
    of = contact_earnings.c
    rows = read(house, contact_earnings, of.recipient, of.clicks, of.last_clicked_at)
    return {row[0]: tuple(row[1:]) for row in rows}


def read(house, table, *wanted):
    """Rows of a table, in the order of the columns that are wanted."""
    assert table.metadata is metadata
    return house.read(lambda tx: tx.core.execute(select(*wanted).order_by(*wanted)).fetchall())


def counted(house):
    """What is counted of clicks by origin, hour and kind; what was taken back is not there."""
    of = origin_counts.c
    rows = read(house, origin_counts, of.origin_id, of.hour, of.what, of.n)
    found = Counter()
    for origin_id, hour, what, n in rows:
        if what.lstrip("@") in {"clicked", "clicks", "bot_clicks"}:
            found[origin_id, hour, what] += n
    return {key: n for key, n in found.items() if n}


def cohort_clicks(house):
    """How many clicked messages are counted of contacts, by the band of days since sign-up."""
    of = cohort_counts.c
    found = Counter()
    for band, n in read(house, cohort_counts, of.band, of.n):
        found[band] += n
    return {band: n for band, n in found.items() if n}


def to_be_counted(house):
    """The same from the clicks themselves, and from when each message was clicked first."""
    of = messages.c
    rows = read(house, messages, of.number, of.origin_id, of.created_at, of.sending_at)
    sent = {row[0]: (row[1] or 0, (row[3] or row[2]) // HOUR) for row in rows}
    found = Counter()

    def add(number, what, at):
        origin_id, hour = sent[number]
        found[origin_id, hour, what] += 1
        found[origin_id, at // HOUR, f"@{what}"] += 1

    for number, (at, _) in first_clicks(house).items():
        if at is not None and tallies(house)[number][1]:
            add(number, "clicked", at)
    of = clicks.c
    for number, position, at, kind in read(
        house, clicks, of.number, of.position, of.at, of.click_class
    ):
        if position is not None and number in sent:
            add(number, "clicks", at)
            if kind in {BOT, PREVIEW, PREFETCH}:
                add(number, "bot_clicks", at)
    return dict(found)

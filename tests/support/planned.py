"""Runs of campaigns on a store: people on lists, runs over them, and planners that tests step."""

from contextlib import suppress

from no_links import NoLinks
from sqlalchemy import text
from stores import NOW, sign_up

from sendrail.campaigns.planner import Planner
from sendrail.campaigns.run_content import RunContent, Variant, frames_of
from sendrail.contacts.number_places import place_of
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.campaign_run import RunState
from sendrail.domain.ids import MessageIds
from sendrail.domain.quiet_hours import OpeningTable, QuietRules
from sendrail.domain.waves import EVERYONE, Wave
from sendrail.intake.cluster import ClusterAcceptor
from sendrail.intake.duplicates import DuplicateWindow
from sendrail.intake.local import LocalAcceptor
from sendrail.intake.orders import Limits
from sendrail.intake.service import Intake
from sendrail.links.ranges import RangeSlots
from sendrail.storage.campaigns.runs import NewRun
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.sqlite.store import SqliteStore
from sendrail.telemetry import Metrics

IDS = MessageIds(bytes(range(16)))
HOUR = 3_600_000
LIMITS = Limits(segments_max=10, characters_max=1_600)
FIRST = 12025550000
EVERYBODY = {
    "operator": "AND",
    "conditions": [
        {"condition_type": "count", "field": "send_count", "operator": "gte", "value": 0}
    ],
}
HELLO = (Variant(1, "A", 100, "Hello {{first_name|friend}}", {}),)


def crowd(count, first=FIRST):
    """Numbers one after the other."""
    return [first + at for at in range(count)]


class Desk:
    """A house whose lists have people, and the runs over them."""

    def __init__(self, house):
        self.house = house
        self.now = NOW
        self.days = 0
        self.openings = open_always()
        self.fast(house.list)

    def fast(self, sender, rate=1_000_000):
        """Let a list have room for whatever is planned."""
        self.house.write(lambda tx: tx.lists.change(sender.account_id, sender.id, rate=rate))

    def join(self, numbers, sender=None, at=NOW - HOUR):
        sender = sender or self.house.list

        def join(tx):
            sign_up(tx, sender.id, *numbers)
            moved = text("UPDATE list_contacts SET subscribed_at = :at WHERE list_id = :id")
            tx.core.execute(moved, {"at": at, "id": sender.id})

        self.house.write(join)

    def content(self, *senders, filters=(EVERYBODY,), variants=HELLO, **more):
        lists = tuple(each.id for each in senders or (self.house.list,))
        targets = tuple(
            AudienceTarget(
                account_id=self.house.us, lists=lists, group=read_filter(each), now=self.now,
                known_lists=frozenset(lists),
            )
            for each in filters
        )  # fmt: skip
        frames = self.house.read(lambda tx: frames_of(tx, lists))
        return RunContent(
            lists=lists, targets=targets, variants=variants, began_at=self.now, frames=frames,
            **more,
        )  # fmt: skip

    def begin(self, content=None, waves=None, *, date=None, state=RunState.RUNNING):
        """Add a run that has begun; return its id, None where there is one of its date."""
        content = content or self.content()
        self.days += 1
        waves = waves or (Wave(self.now, self.now + 12 * HOUR, ranges=(EVERYONE,)),)
        new = NewRun(
            self.house.us, 1, date or f"2026-01-{self.days:02}", state, None, content.to_json(),
            self.now, max(each.ends_at for each in waves), waves,
        )  # fmt: skip
        return self.house.write(lambda tx: tx.runs.add(new, self.now))

    def planner(self, store=None, **more):
        store = store or self.house.store
        intake = intake_of(store, lambda: self.now)
        return Planner(store, intake, LIMITS, self.openings, lambda: self.now, **more)

    def plan(self, planner=None, steps=1_000, **more):
        """Plan until nothing is left to be planned; return how many rounds that took."""
        planner = planner or self.planner(**more)

        async def plan():
            for step in range(steps):
                if not await planner.step():
                    return step
            return steps

        return self.house.do(plan())

    def end(self, planner):
        """Do what is to be done beside the pages."""
        self.house.do(planner._ends.step())

    # What came of it

    def run(self, run_id):
        return self.house.read(lambda tx: tx.runs.find(self.house.us, run_id))

    def messages(self, run_id=None):
        """Return (recipient, list, body) of the messages, of one run or of all."""
        return sorted(
            self.sql(
                "SELECT m.recipient, m.list_id, m.body FROM messages AS m"
                " LEFT JOIN origins AS o ON o.id = m.origin_id"
                " WHERE :run_id = 0 OR (o.kind = 'run' AND o.of_id = :run_id)",
                run_id=run_id or 0,
            )
        )

    def recipients(self, run_id=None):
        return [recipient for recipient, _, _ in self.messages(run_id)]

    def waiting(self, rank=2):
        return self.sql("SELECT count(*) FROM queue WHERE rank = :rank", rank=rank)[0][0]

    def move(self, run_id, state, **values):
        """Put a run into a state, as a user or another process would."""
        key = (self.house.us, run_id)
        values |= {"state": state.value}
        assert self.house.write(lambda tx: tx.runs.move(key, RunState, **values))

    @property
    def false(self):
        return "0" if isinstance(self.house.store, SqliteStore) else "false"

    def sql_write(self, statement):
        self.house.write(lambda tx: tx.core.execute(text(statement)))

    def sql(self, statement, **values):
        return [
            tuple(row)
            for row in self.house.read(lambda tx: tx.core.execute(text(statement), values).all())
        ]


def open_always():
    """Return a table in which no number is ever quiet."""
    return OpeningTable(QuietRules({}), place_of)


def intake_of(store, now):
    """Return an intake for one of several stores."""
    if isinstance(store, SqliteStore):
        acceptor = LocalAcceptor(IDS, DuplicateWindow(0))
    else:
        acceptor = ClusterAcceptor(IDS, RangeSlots(), window_ms=0, fingerprint_key=bytes(16))
    with suppress(AttributeError):
        store.hints.queued.clear()
    return Intake(
        store, acceptor, IDS, Metrics(), now=now, blocked_words="", waiting_max=100, links=NoLinks()
    )

"""Counts by origin: what counting the messages would give, whatever happened to them."""

import random
from collections import Counter

import pytest
from sqlalchemy import func, select
from stores import ANN, BEN, NOW

from sendrail.domain.message import DropReason, Status, may_move
from sendrail.domain.origin import Origin, OriginKind
from sendrail.storage.message_tables import messages, origin_counts
from sendrail.storage.pipeline.inbox import StatusChange
from sendrail.storage.pipeline.queue import AttemptStart

HOUR = 3_600_000
RECEIPTED = ("delivered", "undelivered", "failed")
MESSAGES = range(1, 61)


def counts(house):
    """Return all counts: how many, and of how many segments."""
    of = origin_counts.c
    key = (of.origin_id, of.list_id, of.hour, of.what)
    query = select(*key, func.sum(of.n), func.sum(of.segments)).group_by(*key)
    rows = house.read(lambda tx: tx.core.execute(query).all())
    return {tuple(row[:4]): (int(row[4]), int(row[5])) for row in rows}


def expected(house):
    """Return what the rows of the messages say, read by another way than the counts were made."""
    rows = house.read(lambda tx: tx.core.execute(select(messages)).all())
    found, segments = Counter(), Counter()
    for row in rows:
        of = (row.origin_id or 0, row.list_id)
        sent = None if row.sending_at is None else row.sending_at // HOUR
        ended = None if row.ended_at is None else row.ended_at // HOUR
        if row.status in {"sent", "delivered", "undelivered"} or (
            row.status == "failed" and row.sent_at is not None
        ):
            found[*of, sent, "sent"] += 1
            segments[*of, sent, "sent"] += row.segments
        if row.status in RECEIPTED:
            found[*of, sent, row.status] += 1
            found[*of, ended, f"@{row.status}"] += 1
        if row.status in {"dropped", "orphaned"}:
            found[*of, ended, f"dropped:{row.detail}"] += 1
    return {key: (n, segments[key]) for key, n in found.items()}


class Life:
    """Messages to which things happen, in an order that a seed decides."""

    def __init__(self, house, seed):
        self.house = house
        self.chance = random.Random(seed)
        self.clock = NOW
        self.results = []
        [one, two] = house.write(
            lambda tx: tx.origins.find_or_add(
                house.us, [Origin(OriginKind.RUN, 1, 1, part) for part in ("1", "2")]
            )
        ).values()
        rows = [
            (
                house.no(n), house.list.lane, house.us, house.list.id, ANN, NOW, 0, 1 + n % 3,
                "gsm7", "Hello", None, "",
            )
            for n in MESSAGES
        ]  # fmt: skip
        origins = {house.no(n): (one, two)[n % 2] for n in MESSAGES if n % 3}

        self.counted_by = {row[0]: (origins.get(row[0], 0), house.list.id, row[7]) for row in rows}

        def insert(tx):
            house.backend.use_lane(tx, house.list.lane)
            tx.messages.insert(rows, NOW, origins)

        house.write(insert)

    def step(self, tx):
        self.clock += self.chance.randrange(HOUR)
        steps = (self.start, self.finish, self.finish, self.receipt, self.drop, self.expire)
        self.chance.choice(steps)(tx)

    def some(self, tx, *statuses):
        """Return a few messages in one of these states, in their order."""
        rows = tx.core.execute(select(messages).where(messages.c.status.in_(statuses))).all()
        return sorted(self.chance.sample(rows, min(len(rows), 3)), key=lambda row: row.number)

    def places(self, tx):
        house = self.house
        due = tx.queue.due(house.list.lane, house.list.id, 1, 1 << 62, 100)
        return {place.number: place for place in due}

    def start(self, tx):
        rows, places = self.some(tx, "queued"), self.places(tx)
        starts = [
            AttemptStart(row.attempt + 1, self.clock, self.house.connector, self.clock, row.number)
            for row in rows
        ]
        tx.queue.start_attempts([places[row.number] for row in rows], starts)
        self.results += [self.result(start) for start in starts]

    def result(self, start):
        status = self.chance.choice(("sent", "sent", "sent", "failed", "uncertain", "queued"))
        sent = status == "sent"
        return self.house.result()._replace(
            number=start.number,
            epoch=start.epoch,
            attempt=start.attempt,
            attempts_spent=start.attempt,
            ended_at=self.clock + 50,
            started_at=start.sending_at,
            status=status,
            # Delivery has it at hand; others need not.
            counted_by=self.counted_by[start.number] if self.chance.random() < 0.7 else None,
            carrier_ref=f"r{start.number}/{start.attempt}" if sent else None,
            place=self.house.place(0)._replace(number=start.number, due_at=self.clock)
            if status == "queued"
            else None,
        )

    def finish(self, tx):
        if self.results:
            # Also those that are written already, or given up.
            some = self.chance.sample(self.results, min(len(self.results), 2))
            tx.queue.finish_attempts(list({each.number: each for each in some}.values()))

    def receipt(self, tx):
        status = Status(self.chance.choice(RECEIPTED))
        rows = self.some(tx, "sending", "sent", "uncertain")
        assert all(may_move(Status(row.status), status) for row in rows)
        tx.inbox.apply(
            [
                StatusChange(status.value, "word", self.clock, row.number, row.lane)
                for row in rows
                for _ in range(2)
            ]
        )

    def drop(self, tx):
        rows, places = self.some(tx, "queued")[:1], self.places(tx)
        reason = self.chance.choice((DropReason.STALE, DropReason.CONTACT_BLOCKED))
        drops = [(places[row.number], Status.DROPPED, reason) for row in rows]
        tx.queue.drop(drops, self.clock)

    def expire(self, tx):
        for row in self.some(tx, "uncertain", "sent")[:1]:
            tx.queue.expire(row.number, row.lane, "unknown_outcome", self.clock)


def test_the_counts_are_those_of_the_messages_whatever_happens(house):
    """By seeds; what one transaction undoes is undone in both."""
    life = Life(house, seed=7)
    seen = set()
    for at in range(60):

        def work(tx):
            for _ in range(5):
                life.step(tx)

        house.write(work)
        if at % 6 == 5:
            assert counts(house) == expected(house)
        seen |= {key[3].partition(":")[0] for key in counts(house)}
    assert seen == {
        "sent", "delivered", "undelivered", "failed", "@delivered", "@undelivered", "@failed",
        "dropped",
    }  # fmt: skip


def test_what_is_undone_is_not_counted(house):
    house.queue(1)
    house.start_attempts(1)

    def fail(tx):
        tx.queue.finish_attempts([house.result(1)])
        raise KeyError

    with pytest.raises(KeyError):
        house.write(fail)
    assert counts(house) == {}
    house.finish_attempts(house.result(1))
    house.finish_attempts(house.result(1))
    assert counts(house) == {(0, house.list.id, NOW // HOUR, "sent"): (1, 1)}


def test_an_opt_out_is_counted_for_what_sent_to_the_contact_last(house):
    origin = Origin(OriginKind.RUN, 1, 1, "1")
    of_list = (house.list.lane, house.list.id)

    def send(n, at, recipient, origin_id=None):
        row = (
            house.no(n), house.list.lane, house.us, house.list.id, recipient, at, 0, 1, "gsm7",
            "Hello", None, "",
        )  # fmt: skip
        origins = {} if origin_id is None else {house.no(n): origin_id}
        house.write(lambda tx: tx.messages.insert([row], at, origins))

    def leave(recipient, at):
        house.write(lambda tx: tx.origin_counts.opted_out(*of_list, recipient, at))

    house.write(lambda tx: house.backend.use_lane(tx, house.list.lane))
    [run] = house.write(lambda tx: tx.origins.find_or_add(house.us, [origin])).values()
    send(1, NOW, ANN, run)
    # What the account sends itself since is nobody else's doing.
    send(2, NOW + HOUR, ANN)
    send(3, NOW, BEN)
    house.write(lambda tx: tx.activity.count(2))
    house.write(lambda tx: tx.activity.count(2))
    leave(ANN, NOW + 72 * HOUR - 1)
    leave(BEN, NOW + HOUR)
    leave(ANN, NOW + 72 * HOUR)
    hour, listed = NOW // HOUR, house.list.id
    assert {key: n for key, (n, _) in counts(house).items()} == {
        (run, listed, hour, "opt_outs"): 1,
        (run, listed, (NOW + 72 * HOUR - 1) // HOUR, "@opt_outs"): 1,
        (0, listed, hour + 1, "opt_outs"): 1,
        (0, listed, hour + 1, "@opt_outs"): 1,
        (0, listed, hour + 72, "opt_outs"): 1,
        (0, listed, hour + 72, "@opt_outs"): 1,
    }

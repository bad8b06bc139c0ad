"""Mutated callbacks of all carriers among good ones: the good ones count, and nothing ends.

Each takes the real road: stored, taken, read by its carrier, checked, applied. The long form is
`just fuzz-inbound`; `INBOUND_FUZZ_SEED` plays one of its runs again.
"""

import os
import random
import secrets

import pytest
from grounds import embedded_only, shared_only
from inbound import kinds, mutated
from odd_carrier import has_left, inbox_is_empty

from sendrail.domain.message import Status

BATCH = 500
# Of each batch: a good text for each kind, and a good receipt while there are messages.
MESSAGES = 40
FIRST_GOOD = 15_557_000_000


class Flood:
    """One road with a connector and a list for each kind of carrier."""

    def __init__(self, road, seed):
        self.road = road
        self.chance = random.Random(seed)
        self.kinds = kinds()
        self.connectors = {kind: road.add_connector() for kind in self.kinds}
        for kind, connector in self.connectors.items():
            road.sql(f"UPDATE connectors SET kind = '{kind}' WHERE id = {connector}")
        self.lists = {
            kind: road.add_list(connector=self.connectors[kind], rate=10**9) for kind in self.kinds
        }
        self.messages = {
            kind: road.send(sender, *range(FIRST_GOOD, FIRST_GOOD + MESSAGES))
            for kind, sender in self.lists.items()
        }
        road.deliver(2)
        road.stop_all()
        for kind, connector in self.connectors.items():
            road.carriers[connector].parse = self.kinds[kind].carrier.parse
        self.good = FIRST_GOOD + 1_000
        self.put = 0

    def play(self, count):
        batches = -(-count // BATCH)
        for batch in range(batches):
            self.store_batch(batch)
            while self.road.do(self.road.receipts.step()):
                pass
            if batch % 40 == 39:
                self.road.write(lambda tx: tx.refused.trim(1_000, 2**24))
        for kind, message_ids in self.messages.items():
            told = message_ids[: min(batches, MESSAGES)]
            fates = [self.road.find(each).status for each in told]
            assert fates == [Status.DELIVERED] * len(told), kind

    def store_batch(self, batch):
        share = BATCH // len(self.kinds)
        goods = []
        for kind, its in self.kinds.items():
            number = self.lists[kind].number
            raws = [self.bad(its, number) for _ in range(share)]
            self.good += 1
            goods.append((kind, self.good))
            stop = its.text(self.good, number, "STOP", f"mo-{self.good}")
            raws.insert(self.chance.randrange(len(raws) + 1), stop)
            if batch < MESSAGES:
                told = its.receipt(f"ref-{batch + 1}")
                raws.insert(self.chance.randrange(len(raws) + 1), told)
            self.road.do(self.road.inbox.put(self.connectors[kind], raws))
            self.put += len(raws)
        self.goods = goods

    def bad(self, its, number):
        ref = f"who-knows-{self.chance.randrange(10)}"
        if self.chance.random() < 0.5:
            return mutated(its.receipt(ref), self.chance)
        body = self.chance.choice(("STOP", "START", "Hello", "Where are you? é"))
        return mutated(its.text(15_552_340_001, number, body, ref), self.chance)


def play(make_road, logs, count, seed):
    print(f"INBOUND_FUZZ_SEED={seed}")
    flood = Flood(make_road(window=10_000), seed)
    flood.play(count)
    assert flood.put >= count
    assert inbox_is_empty(flood.road)
    # Nobody's STOP among the good ones is lost; and the one place let nothing through.
    for at in range(flood.good - FIRST_GOOD - 1_000):
        kind = list(flood.kinds)[at % len(flood.kinds)]
        assert has_left(flood.road, flood.lists[kind], FIRST_GOOD + 1_001 + at), (kind, at)
    events = {line["event"] for line in logs}
    assert not events & {"receipts_divided", "callback_stuck", "receipts_broke_postponed"}


@pytest.mark.long
@embedded_only  # the same on the other database takes ten times as long: below, with fewer
def test_mutated_callbacks_stop_nothing(make_road, logs):
    play(make_road, logs, 20_000, seed=20)


@shared_only  # what one database keeps the other may not
def test_mutated_callbacks_stop_nothing_on_a_shared_database(make_road, logs):
    play(make_road, logs, 2_000, seed=21)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@embedded_only  # as above
def test_a_million_mutated_callbacks_stop_nothing(make_road, logs):
    seed = int(os.environ.get("INBOUND_FUZZ_SEED") or secrets.randbits(32))
    play(make_road, logs, 1_000_000, seed)

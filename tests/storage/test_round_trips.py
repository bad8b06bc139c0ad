"""How often the database is asked and waited for on the way of a hundred messages.

A coordinator of several servers adds its time to each statement, and so does a network. So what a
round takes is bounded by its lists at most, never by its messages. Each statement is one round
trip: the driver sends the next when the one before is answered.
"""

import asyncio

import pytest
from grounds import LanesGround, PostgresGround
from hooks import Hooks
from road import ANSWER_SECONDS, Road
from round_trips import DRIVERS_OWN, Bound

from sendrail.domain.message import Status
from sendrail.domain.receipt import Receipt

MESSAGES = 100
FIRST = 15550100000
STAGES = ("accept", "claim", "finish", "put", "receipts", "webhooks", "count")
# On one server the same for any number of lists.
PLAIN = {
    "accept": 2,
    "claim": 10,
    # With its counts: which shard is free, and what is added to it.
    "finish": 8,
    "put": 3,
    "receipts": 17,
    "webhooks": 9,
    # The messages of contacts are looked up by their sign-ups as well.
    "count": 8,
}
# With tables that are spread: one for each lane where rows are locked or changed.
SPREAD = {
    # The contacts of each list; what is new is noted and written for all lanes at once.
    "accept": Bound(17, 1),
    # What waits, the contacts of the list, out of the queue, under way.
    "claim": Bound(6, 4),
    # The messages; their attempts, references and counts for all lanes at once.
    "finish": Bound(13, 1),
    "put": Bound(5),
    # Locked, looked at once more because there is an endpoint, ended; and whom they have reached.
    "receipts": Bound(19, 3),
    "webhooks": Bound(9),
    # The notes taken away.
    "count": Bound(9, 1),
}


class Tour:
    """A hundred messages on their way, on so many lists, each of a lane of its own."""

    def __init__(self, ground, folder, lanes):
        self.road = Road(ground(folder, 0), window=10 * MESSAGES)
        self.hooks = Hooks(self.road)
        self.hooks.add()
        self.lists = [self.road.add_list(rate=6_000_000) for _ in range(lanes)]
        assert len({each.lane for each in self.lists}) == lanes
        self.road.open_delivery()
        self.hooks.open(concurrency=2 * MESSAGES)
        # Each lane has its block of numbers.
        self._offer(first=FIRST + MESSAGES)
        self.road.write(lambda tx: tx.activity.count(10 * MESSAGES))
        self.road.sql("DELETE FROM queue")
        self.road.sql("DELETE FROM messages")

    def run(self):
        """Return the statements of each stage, without those that the driver asks for itself.

        It asks for each type of array once on a connection.
        """
        ran = {stage: self.road.statements(getattr(self, f"_{stage}")) for stage in STAGES}
        return {
            stage: [each for each in some if not any(own in each for own in DRIVERS_OWN)]
            for stage, some in ran.items()
        }

    def _offer(self, first):
        senders = self.lists * (MESSAGES // len(self.lists))
        orders = [self.road.order(each, first + n) for n, each in enumerate(senders)]
        self.road.accept(*orders)

    def _accept(self):
        self._offer(FIRST)

    def _claim(self):
        self.road.carrier.gate = asyncio.Event()
        self.road.do(self.road.worker.step())
        # What they are handed over by has begun, and no answer has come.
        self.road.do(asyncio.sleep(0))

    def _finish(self):
        async def answer():
            self.road.carrier.gate.set()
            await asyncio.sleep(ANSWER_SECONDS / 10)

        self.road.do(answer())
        assert self.statuses() == [("sent", MESSAGES)]

    def _put(self):
        refs = [f"ref-{n + 1}" for n in range(MESSAGES)]
        said = {"status": Status.DELIVERED, "detail": "ok"}
        self.road.callback(*(Receipt(carrier_ref=ref, **said) for ref in refs))

    def _receipts(self):
        self.road.do(self.road.receipts.step())
        assert self.statuses() == [("delivered", MESSAGES)]

    def _webhooks(self):
        async def post():
            await self.hooks.worker.step()
            await asyncio.sleep(1)

        self.road.do(post())

    def _count(self):
        assert self.road.write(lambda tx: tx.activity.count(10 * MESSAGES)) == MESSAGES

    def statuses(self):
        return self.road.sql("SELECT status, count(*) FROM messages GROUP BY status")


@pytest.fixture
def round_trips(tmp_path):
    tours = []

    def count(ground, lanes):
        tours.append(Tour(ground, tmp_path, lanes))
        return {stage: len(ran) for stage, ran in tours[-1].run().items()}

    yield count
    for tour in tours:
        tour.road.close()


@pytest.mark.parametrize("lanes", [1, 10, 100])
def test_on_one_server_a_round_takes_the_same_for_any_number_of_lists(round_trips, lanes):
    found = round_trips(PostgresGround, lanes)
    assert {stage: count for stage, count in found.items() if count > PLAIN[stage]} == {}


def test_a_bulk_with_links_takes_no_more_than_one_without(tmp_path):
    tour = Tour(PostgresGround, tmp_path, 1)
    road, [sender] = tour.road, tour.lists
    # More than share what is left of the block of numbers: they have a range of slots of their own.
    people = iter(range(FIRST, FIRST + 10 * MESSAGES))

    def accept(body, **links):
        orders = [road.order(sender, next(people), body, **links) for _ in range(3 * MESSAGES)]
        assert len(road.accept(*orders)) == len(orders)

    def linked():
        accept("See {{link1}}", links=("https://shop.example/",))

    # Where the links lead, and the part of all slots that this process divides.
    linked()
    before = road.sql("SELECT count(*) FROM link_ranges")[0][0]
    with_links, without = road.statements(linked), road.statements(lambda: accept("See this"))
    assert road.sql("SELECT count(*) FROM link_ranges")[0][0] == before + 1
    assert len(with_links) == len(without) <= PLAIN["accept"]
    road.close()


@pytest.mark.parametrize("lanes", [1, 10, 100])
def test_on_many_servers_a_round_takes_a_few_for_each_lane_and_none_for_a_message(
    round_trips, lanes
):
    found = round_trips(LanesGround, lanes)
    most = {stage: bound.at(lanes) for stage, bound in SPREAD.items()}
    assert {stage: count for stage, count in found.items() if count > most[stage]} == {}

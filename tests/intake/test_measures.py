"""What an operator is told of accepting: how long a request waits, and never less than it did."""

import asyncio

from road import Road

from sendrail.domain.errors import StorageFull
from sendrail.intake.submission import Submission

ANN = 15550100001


class Asked(Submission):
    def resolve(self, result):
        pass

    def shape(self, verdicts):
        return len(verdicts), b""


def test_the_first_request_of_a_group_says_how_long_accepting_took(road: Road):
    sender = road.add_list()

    async def slow_group():
        for n in range(3):
            road.intake.offer(Asked(road.account, [road.order(sender, ANN + n)]))
            # The loop is busy with something else meanwhile.
            road.clock.advance(0.25)
        await asyncio.sleep(1)

    road.do(slow_group())
    assert road.counted("messages_accepted_total") == 3
    # One commit, one observation: that of the one who waited longest.
    assert road.counted("accept_seconds_count") == 1
    assert road.counted("accept_seconds_sum") == 0.75


def test_what_a_full_group_leaves_over_is_not_told_to_be_faster(road: Road):
    sender = road.add_list()

    async def many():
        for n in range(7):
            orders = [road.order(sender, ANN + n * 100 + m) for m in range(100)]
            road.intake.offer(Asked(road.account, orders))
            road.clock.advance(0.1)
        await asyncio.sleep(1)

    road.do(many())
    assert road.counted("accept_seconds_count") == 2
    assert road.counted("accept_seconds_sum") >= 2 * 0.7


def test_orders_for_which_there_is_no_room_are_counted_by_code(road: Road):
    sender = road.add_list()
    orders = [road.order(sender, ANN), road.order(sender, ANN + 1)]

    async def offered():
        road.intake.offer(Asked(road.account, orders))
        await asyncio.sleep(1)

    road.intake.closed = StorageFull("The disk is nearly full.")
    road.do(offered())
    assert road.counted("orders_refused_total", code="storage_full") == 2
    road.intake.closed = None
    road.intake = road.open_intake(waiting_max=0)
    road.do(offered())
    assert road.counted("orders_refused_total", code="overloaded") == 2
    road.intake = road.open_intake()
    road.sql("ALTER TABLE messages RENAME TO elsewhere")
    road.do(offered())
    road.sql("ALTER TABLE elsewhere RENAME TO messages")
    # Which of them it is, the two databases see differently.
    codes = ("internal_error", "storage_unavailable")
    assert sum(road.counted("orders_refused_total", code=code) for code in codes) == 2
    assert road.counted("messages_accepted_total") == 0

"""How much may be planned: what lists send within a minute, counted now and then."""

from types import SimpleNamespace

from sendrail.campaigns.room import ListRooms
from sendrail.domain.delivery import LOOK_AHEAD_MAX


class Queue:
    """What waits for each list, and how often that was counted."""

    def __init__(self, **waiting):
        self.waiting = {int(name[1:]): count for name, count in waiting.items()}
        self.counted = 0

    def count(self, lane, list_id, most):
        assert lane == list_id + 100
        self.counted += 1
        return min(self.waiting[list_id], most)


def senders(*rates):
    return [SimpleNamespace(id=n, lane=n + 100, rate=rate) for n, rate in enumerate(rates, 1)]


def room(rooms, queue, some, limit=1_000, at=0.0):
    return rooms.room(SimpleNamespace(queue=queue), some, limit, at)


def test_the_room_is_what_a_list_sends_in_a_minute_less_what_waits():
    some, fast = senders(600), senders(1_000_000)
    assert room(ListRooms(), Queue(_1=0), some) == 600
    assert room(ListRooms(), Queue(_1=450), some) == 150
    assert room(ListRooms(), Queue(_1=451), some) == 0
    assert room(ListRooms(), Queue(_1=LOOK_AHEAD_MAX - 250), fast) == 250
    assert room(ListRooms(), Queue(_1=LOOK_AHEAD_MAX - 249), fast) == 0


def test_the_list_with_the_least_room_decides():
    assert room(ListRooms(), Queue(_1=0, _2=100), senders(5_000, 600)) == 500
    assert room(ListRooms(), Queue(_1=0, _2=600), senders(5_000, 600)) == 0


def test_a_count_serves_for_half_a_second_less_what_was_planned_since():
    rooms, queue, some = ListRooms(), Queue(_1=0), senders(5_000)
    assert room(rooms, queue, some) == 1_000
    for _ in range(4):
        rooms.plan([1, 7], 1_000)
        queue.waiting[1] += 1_000
        assert room(rooms, queue, some, at=0.4) == 1_000
    assert queue.counted == 1
    # With less than a page left, and after a while, it is counted.
    rooms.plan([1], 1_000)
    queue.waiting[1] += 1_000
    assert room(rooms, queue, some, at=0.4) == 0
    queue.waiting[1] = 2_500
    assert room(rooms, queue, some, at=0.4) == 1_000
    queue.waiting[1] = 5_000
    assert room(rooms, queue, some, at=0.8) == 1_000
    assert room(rooms, queue, some, at=0.9) == 0

"""Every store keeps messages for later beside the queue, and moves each into it once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import postgres
import pytest
from stores import AHEAD, FOREVER, NOW, PACED, SHARED

from sendrail.domain.message import Status
from sendrail.intake.scheduled import ScheduledWorker
from sendrail.ownership import WholeOwnership
from sendrail.storage.pipeline.queue import AttemptStart
from sendrail.storage.pipeline.scheduled import ScheduledMessage

HOUR = 3_600_000


@pytest.fixture
def put_off(house):
    """Queue messages and take them out again until their time, as the intake does."""

    def work(*numbers, send_at=NOW + HOUR, rank=PACED):
        house.queue(*numbers, rank=rank)
        rows = [
            ScheduledMessage(
                house.list.lane, house.no(number), send_at, house.us, house.list.id, rank
            )
            for number in numbers
        ]
        house.write(lambda tx: tx.scheduled.put_off(rows, NOW))

    return work


def queue_due(house, now, limit=100, store=None):
    return house.write(lambda tx: tx.scheduled.queue_due(now, limit), store)


def test_what_leaves_later_is_not_in_the_queue(house, put_off):
    put_off(1, 2)
    assert house.waiting() == []
    assert house.read(lambda tx: tx.figures.waiting()) == {}
    assert house.read(lambda tx: tx.queue.lists_waiting()) == []
    assert house.read(lambda tx: tx.scheduled.count(house.us)) == 2
    assert house.read(lambda tx: tx.scheduled.count(house.them)) == 0
    found = house.find(1)
    assert (found.status, found.send_at) == (Status.QUEUED, NOW + HOUR)


def test_it_comes_into_the_queue_when_its_time_has_come(house, put_off):
    put_off(1, send_at=NOW + 2 * HOUR)
    put_off(2)
    assert house.read(lambda tx: tx.scheduled.next_at()) == NOW + HOUR
    assert queue_due(house, NOW + HOUR - 1) == []
    assert queue_due(house, NOW + HOUR) == [(house.list.lane, house.list.id)]
    assert house.waiting() == [2]
    [place] = house.due(FOREVER)
    # From then on it may become stale.
    assert place.due_at == NOW + HOUR
    assert house.find(2).send_at is None
    assert house.read(lambda tx: tx.scheduled.next_at()) == NOW + 2 * HOUR
    assert queue_due(house, NOW + HOUR) == []


def test_the_longest_due_comes_first(house, put_off):
    for number in (1, 2, 3):
        put_off(number, send_at=NOW + HOUR - number)
    assert len(queue_due(house, NOW + HOUR, limit=2)) == 2
    assert sorted(house.waiting()) == [2, 3]
    queue_due(house, NOW + HOUR, limit=2)
    assert sorted(house.waiting()) == [1, 2, 3]


def test_a_move_that_is_undone_loses_nothing(house, put_off):
    put_off(1, 2)

    def fail(tx):
        tx.scheduled.queue_due(NOW + HOUR, 100)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        house.write(fail)
    assert house.waiting() == []
    assert len(queue_due(house, NOW + HOUR)) == 2
    assert house.waiting() == [1, 2]


def test_two_processes_queue_each_message_once(house, put_off):
    numbers = range(1, 41)
    put_off(*numbers)
    other = house.open()

    async def race():
        work = lambda tx: tx.scheduled.queue_due(NOW + HOUR, 7)  # noqa: E731
        moved = 0
        while moved < len(numbers):
            both = await asyncio.gather(
                house.store.write(work), other.write(work), return_exceptions=True
            )
            moved += sum(len(each) for each in both if isinstance(each, list))
        return moved

    assert house.do(race()) == len(numbers)
    assert house.waiting() == list(numbers)


def test_one_is_called_back_and_never_queued(house, put_off):
    put_off(1, 2)
    cancel = lambda account, number: house.write(  # noqa: E731
        lambda tx: tx.scheduled.cancel(account, house.list.id, house.no(number), NOW + 5)
    )
    assert not cancel(house.them, 1)
    assert cancel(house.us, 1)
    assert not cancel(house.us, 1)
    found = house.find(1)
    assert (found.status, found.detail, found.ended_at) == (Status.DROPPED, "cancelled", NOW + 5)
    assert found.send_at is None
    queue_due(house, NOW + HOUR)
    assert house.waiting() == [2]
    assert not cancel(house.us, 2)
    assert house.find(2).status is Status.QUEUED
    assert not cancel(house.us, 77)


def test_one_is_called_back_from_the_queue_as_long_as_it_waits_there(house):
    house.queue(1, 2, 3, rank=AHEAD, due_at=NOW + HOUR)
    house.start_attempts(2, rank=AHEAD, due_at=NOW + HOUR)

    def cancel(number):
        place = house.read(
            lambda tx: tx.scheduled.place_in_queue(house.list.id, NOW, house.no(number))
        )
        return place and house.write(lambda tx: tx.queue.cancel(place, NOW + 5))

    assert cancel(1)
    assert cancel(1) is None
    assert cancel(2) is None
    moved = house.place(3, AHEAD, NOW)
    assert not house.write(lambda tx: tx.queue.cancel(moved, NOW + 5))
    assert house.statuses(1, 2, 3) == [Status.DROPPED, Status.SENDING, Status.QUEUED]
    found = house.find(1)
    assert (found.detail, found.ended_at) == ("cancelled", NOW + 5)
    assert house.waiting(rank=AHEAD) == [3]


def start(tx, house, places):
    begun = [AttemptStart(1, 1, house.connector, NOW, each.number) for each in places]
    tx.queue.start_attempts(places, begun)


def postpone(tx, _house, places):
    tx.queue.postpone(places, [NOW + HOUR] * len(places))


@pytest.mark.parametrize("house", SHARED, indirect=True)
@pytest.mark.parametrize(("work", "status"), [(start, "sending"), (postpone, "queued")])
def test_what_another_process_takes_out_of_the_queue_in_a_claim_is_claimed_without_it(
    house, work, status
):
    """A run that is stopped, or a message that is cancelled, must not end the one who claims."""
    house.queue(1, 2)
    read = []

    def claim(tx):
        places = tx.queue.due(house.list.lane, house.list.id, PACED, NOW, 100)
        read.append(len(places))
        if len(read) == 1:
            with ThreadPoolExecutor(1) as other:
                other.submit(cancel_elsewhere, house, 1).result()
        work(tx, house, places)

    house.write(claim)
    assert read == [2, 1]
    assert house.statuses(1, 2) == ["dropped", status]


def cancel_elsewhere(house, number):
    """Take a message out of the queue by a connection of another process."""
    of_message = f"lane = {house.list.lane} AND number = {house.no(number)}"
    postgres.do(
        house.backend.url,
        f"DELETE FROM queue WHERE {of_message}",
        f"UPDATE messages SET status = 'dropped', ended_at = {NOW} WHERE {of_message}",
    )


def test_the_worker_rests_until_the_next_time_has_come(house, put_off):
    now = NOW
    worker = ScheduledWorker(house.store, lambda: now, WholeOwnership())
    put_off(1, send_at=NOW + 400)
    assert house.do(worker._round()) == 0.4
    now = NOW + 400
    assert house.do(worker._round()) == 0.0
    assert house.waiting() == [1]
    assert house.store.hints.queued == {house.list.id: house.list.lane}
    # Nothing more is there: it looks now and then.
    assert house.do(worker._round()) >= 1.0
    assert house.do(worker.step()) == 0


def test_a_worker_that_does_not_own_the_work_leaves_it(house, put_off):
    class Others(WholeOwnership):
        def owns(self, lane=0):  # noqa: ARG002 - whichever it is
            return False

    put_off(1, send_at=NOW)
    worker = ScheduledWorker(house.store, lambda: NOW + 1, Others())
    assert house.do(worker._round()) > 0
    assert house.waiting() == []

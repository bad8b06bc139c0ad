"""What `sendrail status` counts, and what waits for a claim; on every store."""

import asyncio

import postgres
from sqlalchemy import text
from sqlalchemy.util import await_only
from stores import NOW

from sendrail.domain.delivery import RANK_HELD
from sendrail.domain.sender import ConnectorReport, ConnectorState, ReportedPace


def backlog(house):
    return house.read(lambda tx: tx.figures.backlog())


def test_what_is_not_settled_is_counted(house):
    assert backlog(house) == (0, 0)
    house.queue(1, 2, 3)
    house.start_attempts(1, 2)
    house.finish_attempts(
        house.result(1, outcome="uncertain", status="uncertain", carrier_ref=None)
    )
    house.write(lambda tx: tx.inbox.put(house.connector, [b"one", b"two"], 0))
    assert backlog(house) == (1, 2)


def test_an_accounts_newest_messages_are_counted_in_steps(house):
    house.queue(1, 2, created_at=NOW)
    house.queue(3, created_at=NOW + 60_000)
    house.queue(4, created_at=NOW - 1)
    house.queue(9, sender=house.their_list, created_at=NOW)
    house.start_attempts(1)
    house.finish_attempts(
        house.result(1, outcome="uncertain", status="uncertain", carrier_ref=None)
    )
    found = house.read(lambda tx: tx.figures.of_account(house.us, NOW, 60_000))
    assert sorted(found.counts) == [
        (NOW, "queued", 1),
        (NOW, "uncertain", 1),
        (NOW + 60_000, "queued", 1),
    ]
    assert (found.waiting, found.uncertain, found.is_whole) == (3, 1, True)
    assert found.oldest_due_at is not None
    assert house.read(lambda tx: tx.figures.of_account(house.them, NOW, 60_000)).waiting == 1
    # What a paused campaign holds waits, and is not late.
    held = text(f"UPDATE queue SET rank = {RANK_HELD}")
    house.write(lambda tx: tx.core.execute(held))
    found = house.read(lambda tx: tx.figures.of_account(house.us, NOW, 60_000))
    assert (found.waiting, found.oldest_due_at) == (3, None)


def test_waiting_for_a_claim_changes_nothing(house):
    house.queue(1, 2)
    house.start_attempts(1)
    places = [(house.list.lane, number) for number in house.nos(1, 2)]
    house.write(lambda tx: tx.queue.await_claims(places))
    assert house.statuses(1, 2) == ["sending", "queued"]


def test_a_store_beside_sees_the_same_rows(house):
    beside = house.store.beside()
    house.queue(1)
    assert house.write(lambda tx: tx.figures.waiting()[house.us].depth, beside) == 1


def test_each_process_reports_what_it_has_found_of_a_throttled_connector(house):
    def pace(process, per_second, at, limit=None):
        return ReportedPace(process=process, per_second=per_second, limit=limit, at=at)

    one, two = pace("a:1", 40.0, 1_000, 50.0), pace("b:2", 8.5, 2_000)

    def report(tx):
        tx.connectors.report_paces("b:2", {house.connector: two})
        tx.connectors.report_paces("a:1", {house.connector: one})

    house.write(report)
    assert house.read(lambda tx: tx.connectors.paces(1_000)) == {house.connector: [one, two]}
    assert house.read(lambda tx: tx.connectors.paces(1_001)) == {house.connector: [two]}
    # What a process says takes the place of all that it said.
    later = pace("a:1", 44.0, 3_000, 50.0)
    house.write(lambda tx: tx.connectors.report_paces("a:1", {house.connector: later}))
    assert house.read(lambda tx: tx.connectors.paces(0)) == {house.connector: [later, two]}
    house.write(lambda tx: tx.connectors.report_paces("a:1", {}))
    house.write(lambda tx: tx.connectors.forget_paces(2_000))
    assert house.read(lambda tx: tx.connectors.paces(0)) == {house.connector: [two]}
    house.write(lambda tx: tx.connectors.forget_paces(2_001))
    assert house.read(lambda tx: tx.connectors.paces(0)) == {}


def test_two_that_report_on_a_connector_at_once_both_do(house):
    other = house.open()
    house.write(lambda tx: tx.connectors.reports(), other)

    def report(state, then):
        def work(tx):
            tx.connectors.report({house.connector: ConnectorReport(state=state)})
            then(tx)

        return work

    reported = asyncio.Event()

    def hesitate(tx):
        reported.set()
        if tx.core.dialect.name == "postgresql":
            # Elsewhere nobody else can write meanwhile.
            await_only(postgres.until_blocked(house.backend.url))

    async def both():
        first = asyncio.create_task(house.store.write(report(ConnectorState.OPEN, hesitate)))
        await asyncio.wait_for(reported.wait(), postgres.HANG_SECONDS)
        await other.write(report(ConnectorState.BROKEN, lambda _: None))
        await first

    house.do(both())
    assert (
        house.read(lambda tx: tx.connectors.reports())[house.connector].state
        is ConnectorState.BROKEN
    )

"""What is kept of runs, and for how long: who was in them, when people were sent to, counts."""

from types import SimpleNamespace

from planned import crowd
from shares import share_of
from stores import NOW

from sendrail import maintenance
from sendrail.delivery.rescuer import Rescuer
from sendrail.domain.campaign_run import RunState, shown_send
from sendrail.domain.ids import MessageIds
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.origin_counts import HOUR_MS
from sendrail.domain.times import DAY_MS
from sendrail.maintenance import Maintenance
from sendrail.ownership import WholeOwnership
from sendrail.settings import Settings
from sendrail.storage.pipeline.origin_counts import CountKey, CountTally
from sendrail.telemetry import Metrics


def chores(desk, **settings):
    metrics = Metrics()
    rescuer = Rescuer(
        desk.house.store, WholeOwnership(), MessageIds(bytes(16)), metrics, expire_after_ms=1
    )
    intake = SimpleNamespace(full_accounts=frozenset(), closed=None)
    return Maintenance(
        desk.house.store, intake, rescuer, metrics, Settings(**settings), now=lambda: desk.now,
        ownership=share_of(0),
    )  # fmt: skip


def test_who_was_in_a_run_is_forgotten_so_long_after_its_end(desk):
    runs = [desk.begin() for _ in range(3)]
    people = crowd(450)

    def keep(tx):
        for run_id in runs:
            tx.run_pages.keep(run_id, 1, people)

    desk.house.write(keep)
    # The first one pauses for ever, and keeps none behind it.
    desk.move(runs[0], RunState.PAUSED)
    desk.move(runs[1], RunState.FINISHED, ended_at=NOW)
    desk.move(runs[2], RunState.FINISHED, ended_at=NOW + 1)
    kept = chores(desk, retention_days=0)
    caring = chores(desk, retention_days=30)

    def left(chore):
        desk.house.do(chore.step())
        return desk.sql("SELECT run_id, count(*) FROM run_recipients GROUP BY run_id ORDER BY 1")

    desk.now = NOW + 30 * DAY_MS
    assert left(caring) == [(each, 450) for each in runs]
    desk.now += 1
    assert left(caring) == [(runs[0], 450), (runs[2], 450)]
    desk.now += 9 * DAY_MS
    assert left(kept) == [(runs[0], 450), (runs[2], 450)]
    assert left(caring) == [(runs[0], 450)]
    assert desk.run(runs[1]) is not None


def test_send_times_are_forgotten_once_no_cap_looks_back_to_them(desk):
    us, many = desk.house.us, crowd(maintenance.WALK_BATCH + 500)

    def note(numbers, at):
        desk.house.write(lambda tx: tx.run_pages.note_sends(us, numbers, shown_send(at)))

    note(many, NOW)
    again = many[100:200]
    note(again, NOW + 2 * DAY_MS)
    chore = chores(desk)

    def left():
        desk.house.do(chore.step())
        return [each for (each,) in desk.sql("SELECT recipient FROM campaign_sends ORDER BY 1")]

    desk.now = NOW + 90 * DAY_MS - 1
    assert left() == left() == many
    # The walk is over, and begins anew a day later.
    desk.now += 1
    assert left() == many
    desk.now = NOW + 91 * DAY_MS - 1
    first = left()
    assert len(first) == 600
    assert left() == again


def test_send_times_that_are_new_by_now_are_kept(desk):
    us, [one, other] = desk.house.us, crowd(2)
    desk.house.write(lambda tx: tx.run_pages.note_sends(us, [one, other], shown_send(NOW)))
    found = desk.house.read(lambda tx: tx.run_pages.sends_after((0, 0), 10))
    desk.house.write(lambda tx: tx.run_pages.note_sends(us, [one], shown_send(NOW + 1_000)))
    assert desk.house.write(lambda tx: tx.run_pages.forget_sends(found)) == 1
    assert desk.sql("SELECT recipient FROM campaign_sends") == [(one,)]
    assert desk.house.read(lambda tx: tx.run_pages.sends_after((us, one), 10)) == []


def test_counts_are_forgotten_as_reports_are(desk):
    sender, tally = desk.house.list, CountTally()
    hour = NOW // 3_600_000
    for at in range(hour - 450, hour + 1):
        tally.add(CountKey(sender.lane, 0, sender.id, at, "sent"))
    desk.house.write(lambda tx: tx.origin_counts.add(tally))
    desk.now = NOW + 90 * DAY_MS
    desk.house.do(chores(desk, report_retention_days=90).step())
    assert desk.sql("SELECT hour FROM origin_counts") == [(hour,)]


def test_an_origin_is_forgotten_once_nothing_is_counted_of_it_and_its_run_is_long_over(desk):
    runs = [desk.begin() for _ in range(4)]

    def add(tx):
        wanted = [Origin(OriginKind.RUN, each, 1, "1") for each in runs]
        wanted.append(Origin(OriginKind.JOURNEY, 1 << 40, 1, "hello"))
        return tx.origins.find_or_add(desk.house.us, wanted)

    ids = {origin.of_id: each for origin, each in desk.house.write(add).items()}
    lane, list_id = desk.house.list.lane, desk.house.list.id

    def count(tx):
        tally = CountTally()
        tally.add(CountKey(lane, ids[runs[0]], list_id, NOW // HOUR_MS, "@clicked"))
        tx.origin_counts.add(tally)

    desk.house.write(count)
    for each in runs[:2]:
        desk.move(each, RunState.FINISHED, ended_at=NOW - HOUR_MS)
    desk.move(runs[2], RunState.FINISHED, ended_at=NOW + HOUR_MS)

    def left(**settings):
        desk.house.do(chores(desk, report_retention_days=90, **settings).step())
        found = desk.sql("SELECT id FROM origins ORDER BY id")
        return {of_id for of_id, each in ids.items() if (each,) in found}

    desk.now = NOW + 90 * DAY_MS
    # Where messages stay for longer than their counts, they still name what they come from.
    assert left(retention_days=0) == left(retention_days=91) == set(ids)
    assert left(retention_days=90) == {runs[0], runs[2], runs[3]}
    desk.now += HOUR_MS
    assert left(retention_days=90) == {runs[2], runs[3]}
    desk.now += 1
    assert left(retention_days=90) == {runs[3]}

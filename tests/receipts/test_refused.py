"""Refused callbacks afterwards: put back, counted, and no more kept than is bearable."""

from types import SimpleNamespace

import pytest
from odd_carrier import CID, has_left, raises, receipt, refused_raws, stop
from stores import NOW, house

from sendrail import maintenance
from sendrail.delivery.rescuer import Rescuer
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import MessageIds
from sendrail.domain.receipt import CallbackSubject
from sendrail.maintenance import Maintenance
from sendrail.ownership import WholeOwnership
from sendrail.receipts.refused import RefusedService
from sendrail.settings import Settings
from sendrail.storage.pipeline.refused import Refusal, RefusedFilter
from sendrail.telemetry import Metrics

__all__ = ["house"]

DAY_MS = 86_400_000


def test_what_can_be_read_by_now_is_put_back_and_counts(road, sender, table, sent):
    said = [receipt(), stop(sender), stop(sender, CID)]
    raws = [table.raw(raises(CarrierTrouble("not yet"))) for _ in said]
    road.callback(*raws)
    road.pass_time(1)
    assert refused_raws(road) == raws
    for raw, each in zip(raws, said, strict=True):
        table._said[raw] = (each,)
    service = RefusedService(road.store)
    assert road.do(service.retry_all(RefusedFilter(connector="connector-0"))) == 3
    road.pass_time(1)
    assert refused_raws(road) == []
    assert road.fate(sent) == ("delivered", "ok")
    assert has_left(road, sender)
    assert has_left(road, sender, CID)


def test_what_still_cannot_be_read_is_refused_again_once(road, table, sent):
    raws = [table.raw(raises(CarrierTrouble("never"))) for _ in range(250)]
    road.callback(*raws)
    road.pass_time(1)
    assert road.do(RefusedService(road.store).retry_all(RefusedFilter())) == 250
    road.pass_time(2)
    assert refused_raws(road) == raws
    assert road.fate(sent) == ("sent", None)


def chores(house, metrics, now=NOW, **settings):
    intake = SimpleNamespace(full_accounts=frozenset(), closed=None)
    rescuer = Rescuer(
        house.store, WholeOwnership(), MessageIds(bytes(16)), metrics, expire_after_ms=1
    )
    chores = Maintenance(
        house.store,
        intake,
        rescuer,
        metrics,
        Settings(**settings),
        now=lambda: now,
        ownership=WholeOwnership(),
    )
    house.do(chores.step())


def keep(house, *abouts, size=1):
    def work(tx):
        for about in abouts:
            tx.refused.keep(Refusal(house.connector, NOW, b"x" * size, "why", about), NOW)

    house.write(work)


def kept(house):
    return [each.about for each in house.read(lambda tx: tx.refused.page(RefusedFilter(), 0, 99))]


def shown(metrics):
    value = metrics.registry.get_sample_value
    return tuple(value(f"sendrail_callbacks_refused_{name}") for name in ("kept", "texts"))


def test_they_are_counted_and_those_that_may_be_texts(house):
    metrics = Metrics()
    keep(house, CallbackSubject.RECEIPT, CallbackSubject.REPLY, CallbackSubject.UNKNOWN)
    chores(house, metrics)
    assert shown(metrics) == (3, 2)
    house.do(RefusedService(house.store).forget_all(RefusedFilter()))
    chores(house, metrics)
    assert shown(metrics) == (0, 0)


@pytest.mark.parametrize(("days", "left"), [(89, 1), (91, 0)])
def test_they_are_forgotten_after_so_many_days(house, days, left):
    keep(house, CallbackSubject.REPLY)
    chores(house, Metrics(), NOW + days * DAY_MS)
    assert len(kept(house)) == left


def test_days_are_a_setting(house):
    keep(house, CallbackSubject.REPLY)
    chores(house, Metrics(), NOW + 3 * DAY_MS, refused_callbacks_days=2)
    assert kept(house) == []


@pytest.mark.parametrize(("name", "most"), [("REFUSED_MAX", 2), ("REFUSED_BYTES_MAX", 25)])
def test_no_more_are_kept_than_is_bearable(house, monkeypatch, name, most):
    monkeypatch.setattr(maintenance, name, most)
    keep(house, CallbackSubject.REPLY, CallbackSubject.RECEIPT, CallbackSubject.RECEIPT, size=10)
    chores(house, Metrics())
    assert kept(house) == [CallbackSubject.RECEIPT, CallbackSubject.REPLY]


def test_the_bounds_are_those_of_the_pages():
    assert (maintenance.REFUSED_MAX, maintenance.REFUSED_BYTES_MAX) == (10_000, 256 * 2**20)

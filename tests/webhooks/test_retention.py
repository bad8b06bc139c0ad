"""Nothing is kept for ever, and what is lost by that is told to the operator."""

from logged import logged_here

from sendrail.maintenance import Maintenance
from sendrail.ownership import WholeOwnership
from sendrail.settings import Settings

DAY = 86_400
URL = "https://example.com/"


def maintenance_of(road, settings):
    return Maintenance(
        road.store,
        road.intake,
        road.rescuer,
        road.metrics,
        settings,
        now=road.clock.now,
        ownership=WholeOwnership(),
    )


def test_old_events_go_after_their_time_and_untold_ones_loudly(road, hooks):
    told, dead = hooks.add(URL).endpoint, hooks.add("https://dead.example.com/").endpoint
    hooks.make_events(300, endpoint_id=told.id)
    hooks.pass_time(10)
    hooks.stop()
    hooks.make_events(250, endpoint_id=dead.id, first=1_001)
    road.open_delivery()
    settings = Settings(webhook_retention_days=3)
    maintenance = maintenance_of(road, settings)
    road.do(maintenance.step())
    assert road.counted("webhook_events_waiting") == 250
    road.clock.advance(3 * DAY - 60)
    road.do(maintenance.step())
    assert road.sql("SELECT count(*) FROM outbox") == [(550,)]
    road.clock.advance(120)
    with logged_here() as logs:
        road.do(maintenance.step())
    for table in ("outbox", "webhook_attempts"):
        assert road.sql(f"SELECT count(*) FROM {table}") == [(0,)]
    lost = [line["count"] for line in logs if line["event"] == "webhook_events_lost"]
    assert sum(lost) == 250


def test_the_store_is_told_what_is_past_its_time(road, monkeypatch):
    asked = []

    async def maintain(now, **limits):
        asked.append({name: at and now - at for name, at in limits.items()})

    monkeypatch.setattr(road.store, "maintain", maintain)
    road.open_delivery()
    for days in (90, 0):
        settings = Settings(retention_days=days, duplicate_window_seconds=600)
        maintenance = maintenance_of(road, settings)
        road.do(maintenance.step())
    assert asked == [
        {"messages_before": 90 * DAY * 1000, "seen_before": 600_000},
        {"messages_before": None, "seen_before": 600_000},
    ]

"""A run of an account behind a door, as the planner would have made it."""

from itertools import count

from sendrail.campaigns.run_content import RunContent, Variant
from sendrail.domain.campaign_run import RunState
from sendrail.domain.waves import KeyRange, Wave
from sendrail.storage.campaigns.runs import NewRun

HOUR = 3_600_000
_days = count(1)


def a_run(door, account, state=RunState.RUNNING):
    """Return the id of a new run; its only wave is far off."""
    now = door.runtime.clock.now()
    wave = Wave(now + 24 * HOUR, now + 36 * HOUR, ranges=(KeyRange(1, 1_000),))
    variants = (Variant(1, "A", 100, "Hello", {}),)
    content = RunContent(lists=(), targets=(), variants=variants, began_at=now)
    new = NewRun(
        account, 10**6 + next(_days), "2026-12-01", state, None, content.to_json(), now,
        wave.ends_at, (wave,),
    )  # fmt: skip
    return door.write(lambda tx: tx.runs.add(new, now))

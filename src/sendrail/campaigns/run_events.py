"""The notices to a customer of runs that end, pause or are skipped without a request."""

from hashlib import blake2b
from typing import Final

import msgspec

from sendrail.domain.campaign_run import Run
from sendrail.domain.ids import AccountId, RunId
from sendrail.domain.times import shown_finely
from sendrail.domain.webhook import Event
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.outbox import AccountEvent

# What fits the id of an event.
_REF_BYTES: Final = 5
_ENDINGS: Final = frozenset({Event.CAMPAIGN_COMPLETED, Event.CAMPAIGN_STOPPED})
_encode: Final = msgspec.json.Encoder().encode


def tell(tx: Tx, kind: Event, account_id: AccountId, run_id: RunId, now: int) -> None:
    """Write an event of a run that has been moved in this transaction, as it is by now."""
    if not tx.outbox.has_endpoints():
        return
    run = tx.runs.find(account_id, run_id)
    assert run is not None, "it has been moved"
    schedule = tx.schedules.find(account_id, run.schedule_id)
    body = body_of(kind, run, None if schedule is None else schedule.ref, now)
    # A run may pause more than once.
    key = b"%s %d %d" % (kind.value.encode(), run_id, now)
    ref = int.from_bytes(blake2b(key, digest_size=_REF_BYTES).digest())
    tx.outbox.add_of_account(account_id, AccountEvent(kind.value, ref, now, body))


def body_of(kind: Event, run: Run, schedule_ref: str | None, at: int) -> bytes:
    """Return what is posted of a run; of one that has ended, with what came of its contacts."""
    counts = {"planned": run.planned, "held_out": run.held_out, "left_out": run.left_out}
    return _encode(
        {
            "event": kind,
            "run_id": run.id,
            "schedule_id": schedule_ref,
            "local_date": run.local_date,
            "reason": run.reason,
            **(counts if kind in _ENDINGS else {}),
            "timestamp": shown_finely(at),
        }
    )

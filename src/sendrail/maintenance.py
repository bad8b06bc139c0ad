"""The quiet chores: watch the disk and the queue, forget what is old, keep the gauges true."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from sendrail.delivery.rescuer import Rescuer
from sendrail.domain.campaign_run import is_past
from sendrail.domain.errors import StorageFull
from sendrail.domain.times import DAY_MS
from sendrail.domain.upload import UPLOAD_HOURS_MAX, UPLOAD_REPORT_DAYS_MAX
from sendrail.domain.user import SESSION_DAYS_MAX, SESSION_IDLE_DAYS_MAX
from sendrail.intake.service import Intake
from sendrail.ownership import Ownership
from sendrail.rounds import Rounds, until_next
from sendrail.settings import Settings
from sendrail.storage.campaigns.run_pages import SendTimes
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.refused import RefusedTally
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

_LOOK_SECONDS: Final = 5.0
# Small bites: a chore must never hold the one writer for longer than a request may wait.
_FORGET_BATCH: Final = 200
# Counting must not take more than a few percent of the time, however much waits.
_COUNT_PAUSE: Final = 30
# The last use of a key is kept to the minute; a request must not write it.
_KEYS_PAUSE_MS: Final = 60_000
# What is only as old as it gets, such as messages to be forgotten, may wait so long for its chore
# where nothing else happens: it is kept for days.
_REST_MS_MAX: Final = 600_000
_HOUR_MS: Final = 3_600_000
_ANSWERS_KEPT_MS: Final = 24 * _HOUR_MS
# The longest that a carrier offers a text again: a month, CM.com.
_REPLY_REFS_KEPT_MS: Final = 32 * 86_400_000
_STRAYS_KEPT_MS: Final = 7 * 24 * 3_600_000
# Of send times looked at in one round: ten million are walked within a day.
WALK_BATCH: Final = 1_000
_BEFORE_ALL: Final = (0, 0)
# Of the refused callbacks no more is kept, whatever carriers send.
REFUSED_MAX: Final = 10_000
REFUSED_BYTES_MAX: Final = 256 * 2**20


class Maintenance:
    """Does the chores every few seconds until cancelled."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        rescuer: Rescuer,
        metrics: Metrics,
        settings: Settings,
        *,
        now: Callable[[], int],
        ownership: Ownership,
        is_shared: bool = False,
    ) -> None:
        self._store = store
        self._intake = intake
        self._rescuer = rescuer
        self._metrics = metrics
        self._settings = settings
        self._now = now
        self._is_shared = is_shared
        # Of several processes only the owner does the chores of the whole installation.
        self._ownership = ownership
        self._rounds = Rounds("chores", retry_seconds=_LOOK_SECONDS)
        self._count_at = 0
        # What was last written down of full accounts; None before the first time.
        self._told: frozenset[int] | None = None
        self._changes_seen = -1
        self._rest_until = 0
        # Whether messages wait: then their age grows by itself.
        self._waits = False
        self._note_keys_at = 0
        # How far the walk over origins has come, and when the next bite is due.
        self._origins_to = 0
        self._origins_at = 0
        # How far the walk over send times has come, and when the next bite is due.
        self._walked_to = _BEFORE_ALL
        self._walk_at = 0

    async def run(self) -> None:
        """Do the chores again and again; a chore that fails is done next time."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        if not self._is_shared:
            self.watch_disk()
        await self.note_used_keys()
        changes, now = self._store.hints.changes, self._now()
        if self._is_idle(now):
            if self._rescuer.has_uncertain and self._ownership.owns():
                await self._rescuer.expire(now)
            return until_next(_LOOK_SECONDS)
        if self._ownership.owns():
            await self.step()
        if self._is_shared:
            await self.apply_full_accounts()
        self._changes_seen, self._rest_until = changes, now + _REST_MS_MAX
        return until_next(_LOOK_SECONDS)

    def _is_idle(self, now: int) -> bool:
        """Return whether nothing was written, and nothing waits, since every chore was done."""
        is_unchanged = self._store.hints.is_unchanged(self._changes_seen)
        return is_unchanged and not self._waits and now < self._rest_until

    def watch_disk(self) -> None:
        """Stop accepting while the disk is so full that accepted messages could not be finished."""
        free = shutil.disk_usage(self._settings.data_dir).free
        self._metrics.disk_free.set(free)
        was_closed = self._intake.closed is not None
        if free >= self._settings.free_disk_min_mb * 2**20:
            self._intake.closed = None
        elif not was_closed:
            _log.error("disk_nearly_full", free_mb=free // 2**20)
            self._intake.closed = StorageFull(
                "The disk is nearly full; nothing was stored. Free some space and try again."
            )
        self._metrics.log_bytes.set(_log_size(self._settings.data_dir))

    async def step(self) -> None:
        """Do every chore that is due."""
        now = self._now()
        if now >= self._count_at:
            await self._count(now)
        await self._rescuer.expire(now)
        await self._store.maintain(
            now,
            messages_before=self._messages_before(now),
            seen_before=now - self._settings.duplicate_window_seconds * 1000,
        )
        while await self._store.write(lambda tx: self._forget(tx, now)):  # noqa: ASYNC110 - no waiting
            await asyncio.sleep(0)
        await self._walk_sends(now)
        await self._walk_origins(now)

    async def _walk_origins(self, now: int) -> None:
        """Look at one bite of the origins, and delete those that nothing refers to any more.

        Every message with an origin was counted for it when it was accepted. So what has no counts
        has no messages either, where those are kept for no longer than counts; otherwise origins
        stay.
        """
        days = self._settings.report_retention_days
        if now < self._origins_at or not 0 < self._settings.retention_days <= days:
            return
        after, before = self._origins_to, now - days * DAY_MS
        past = await self._store.read(
            lambda tx: tx.origins.past(after, before, WALK_BATCH), begun=False
        )
        for first in range(0, len(past.ids), _FORGET_BATCH):
            some = past.ids[first : first + _FORGET_BATCH]
            await self._store.write(partial(_forget_origins, ids=some))
        if past.last is None:
            self._origins_to, self._origins_at = 0, now + DAY_MS
        else:
            self._origins_to = past.last

    async def _walk_sends(self, now: int) -> None:
        """Look at one bite of the send times of numbers, and delete those that no cap asks for.

        They are walked and not found by an index: each send of each campaign would have to move
        its number within that.
        """
        if now < self._walk_at:
            return
        after = self._walked_to
        found = await self._store.read(
            lambda tx: tx.run_pages.sends_after(after, WALK_BATCH), begun=False
        )
        if old := [each for each in found if is_past(each.sends, now)]:
            for first in range(0, len(old), _FORGET_BATCH):
                some = old[first : first + _FORGET_BATCH]
                await self._store.write(partial(_forget_sends, old=some))
        if len(found) == WALK_BATCH:
            self._walked_to = (found[-1].account_id, found[-1].recipient)
        else:
            self._walked_to, self._walk_at = _BEFORE_ALL, now + DAY_MS

    async def _count(self, now: int) -> None:
        """Count what waits; less often when that takes long, as with millions of messages."""
        waiting, unsent, refused = await self._store.read(
            lambda tx: (tx.figures.waiting(), tx.endpoints.backlog(), tx.refused.tally()),
            begun=False,
        )
        self._metrics.webhook_waiting.set(unsent)
        await self._keep_refused(refused)
        self._count_at = now + _COUNT_PAUSE * (self._now() - now)
        self._waits = bool(waiting)
        self._metrics.waiting.set(sum(account.depth for account in waiting.values()))
        oldest = min((account.oldest_due_at for account in waiting.values()), default=now)
        self._metrics.oldest_seconds.set(max(0, now - oldest) / 1000)
        full = frozenset(
            account_id
            for account_id, account in waiting.items()
            if account.depth >= self._settings.queue_depth_max
        )
        # Most of the time that is known already: written again, it would wake every process.
        if self._is_shared and not full == self._told == self._intake.full_accounts:
            self._told = full
            await self._store.write(lambda tx: tx.processes.set_full_accounts(sorted(full)))
        self._intake.full_accounts = full

    async def note_used_keys(self) -> None:
        """Write down which API keys were used here, at most once a minute."""
        now, used = self._now(), self._store.hints.used_keys
        if used and now >= self._note_keys_at:
            self._note_keys_at = now + _KEYS_PAUSE_MS
            digests = sorted(used)
            used.clear()
            await self._store.write(lambda tx: tx.accounts.note_use(digests, now))

    async def _keep_refused(self, tallies: Sequence[RefusedTally]) -> None:
        """Show how many callbacks are kept as refused, and delete those that are too many."""
        count = sum(each.count for each in tallies)
        self._metrics.callbacks_kept.set(count)
        self._metrics.texts_kept.set(sum(each.texts for each in tallies))
        if count <= REFUSED_MAX and sum(each.size for each in tallies) <= REFUSED_BYTES_MAX:
            return
        gone = await self._store.write(lambda tx: tx.refused.trim(REFUSED_MAX, REFUSED_BYTES_MAX))
        _log.error("refused_callbacks_lost", count=gone, reason="there are too many of them")

    async def apply_full_accounts(self) -> None:
        """Read which accounts' queues are full: another process may have counted them."""
        self._intake.full_accounts = await self._store.read(
            lambda tx: tx.processes.full_accounts(), begun=False
        )

    def _forget(self, tx: Tx, now: int) -> int:
        forgotten = tx.idempotency.forget(now - _ANSWERS_KEPT_MS, _FORGET_BATCH)
        strays = tx.inbox.forget_parked(now - _STRAYS_KEPT_MS, _FORGET_BATCH)
        self._metrics.receipts.labels("unknown").inc(strays)
        forgotten += self._forget_events(tx, now)
        forgotten += _forget_sessions(tx, now)
        forgotten += tx.uploads.forget(
            now - UPLOAD_HOURS_MAX * _HOUR_MS, now - UPLOAD_REPORT_DAYS_MAX * DAY_MS
        )
        forgotten += self._forget_clicks(tx, now)
        if (before := self._messages_before(now)) is not None:
            forgotten += tx.lookup.forget_before(before, _FORGET_BATCH)
            forgotten += tx.history.forget_before(before, _FORGET_BATCH)
            forgotten += tx.enrolments.forget(before, _FORGET_BATCH)
            forgotten += tx.run_pages.forget_members(before, _FORGET_BATCH)
        reports_before = now - self._settings.report_retention_days * DAY_MS
        forgotten += tx.origin_counts.forget(reports_before, _FORGET_BATCH)
        forgotten += tx.cohort_counts.forget(reports_before, _FORGET_BATCH)
        forgotten += tx.replies.forget_refs(now - _REPLY_REFS_KEPT_MS, _FORGET_BATCH)
        forgotten += tx.auto_replies.forget(now - _ANSWERS_KEPT_MS, _FORGET_BATCH)
        troubles_before = now - self._settings.recipient_troubles_days * DAY_MS
        forgotten += tx.soft_bounces.forget(troubles_before, _FORGET_BATCH)
        refused_before = now - self._settings.refused_callbacks_days * DAY_MS
        forgotten += tx.refused.forget(refused_before, _FORGET_BATCH)
        return forgotten + strays

    def _messages_before(self, now: int) -> int | None:
        """Return before when messages at rest are forgotten, None if they never are."""
        days = self._settings.retention_days
        return now - days * DAY_MS if days else None

    def _forget_clicks(self, tx: Tx, now: int) -> int:
        """Delete who clicked, and clicks that are as old as a message may be."""
        blank_before = now - self._settings.click_detail_days * DAY_MS
        forgotten = tx.click_details.blank_before(blank_before, _FORGET_BATCH)
        # A day more: what was met on the last day is on clicks that are being blanked.
        forgotten += tx.click_details.forget_agents(blank_before - DAY_MS, _FORGET_BATCH)
        if (before := self._messages_before(now)) is not None:
            forgotten += tx.click_details.forget_before(before, _FORGET_BATCH)
        return forgotten

    def _forget_events(self, tx: Tx, now: int) -> int:
        before = now - self._settings.webhook_retention_days * DAY_MS
        forgotten, lost = tx.outbox.forget_before(before, _FORGET_BATCH)
        if lost:
            _log.error("webhook_events_lost", count=lost, reason="webhook_retention_days")
        return forgotten + tx.endpoints.end_listeners(now)


def _forget_origins(tx: Tx, ids: Sequence[int]) -> int:
    return tx.origins.forget(ids)


def _forget_sends(tx: Tx, old: Sequence[SendTimes]) -> int:
    return tx.run_pages.forget_sends(old)


def _forget_sessions(tx: Tx, now: int) -> int:
    """Delete the sessions and invitations that can be used no more."""
    ended = tx.sessions.end_old(
        created_before=now - SESSION_DAYS_MAX * DAY_MS,
        used_before=now - SESSION_IDLE_DAYS_MAX * DAY_MS,
    )
    return ended + tx.invitations.forget(now)


def _log_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*-wal"))

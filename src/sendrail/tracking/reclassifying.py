"""Judge an account's stored clicks again by today's rules, and correct what they counted for.

The clicks are walked through a bite at a time; whatever ends the process, the next run goes on
behind the last one. A dry run only counts.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from sendrail import __version__
from sendrail.domain.audit import Action, Actor
from sendrail.domain.click_neighbours import WAIT_MS, ClickNeighbours
from sendrail.domain.ids import AccountId
from sendrail.links.networks import NetworkKinds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.tracking.message_clicks import ClickPlace
from sendrail.storage.tracking.reclassification import ClickProgress
from sendrail.tracking.rejudging import ClickWalk, ReclassReport

# One bite is one transaction: requests wait for it some milliseconds.
_AT_ONCE: Final = 250
_BEGINNING: Final = ClickPlace(0, 0)


class ReclassificationService:
    """Judges stored clicks again."""

    def __init__(
        self,
        store: Store,
        kinds: NetworkKinds,
        now: Callable[[], int],
        *,
        burst_messages_max: int,
        rules: str,
    ) -> None:
        """Take the rules that settings add, as text: a run goes on by the same ones only."""
        self._store = store
        self._kinds = kinds
        self._now = now
        self._burst_messages_max = burst_messages_max
        text = f"{__version__} {burst_messages_max} {rules}"
        self._rules = hashlib.sha256(text.encode()).hexdigest()[:16]

    async def run(
        self,
        account_id: AccountId,
        actor: Actor,
        *,
        dry_run: bool,
        step: Callable[[int], object] = lambda _: None,
        at_once: int = _AT_ONCE,
    ) -> ReclassReport:
        """Judge an account's counted clicks again; return how many by their classes.

        `step` is called with the clicks judged so far, at most `at_once` more each time. A run that
        an earlier one has begun by the same rules goes on behind it; a dry run never does.
        """
        began = ClickProgress(
            self._rules, self._now() - WAIT_MS, *_BEGINNING, *_BEGINNING, False, False, "[[],0,0]"
        )
        there = await self._store.read(lambda tx: tx.reclassification.progress(account_id))
        is_resumed = not dry_run and there is not None and there.rules == self._rules
        progress = there if is_resumed and there is not None else began
        report = ReclassReport.unpacked(progress.report)
        report.resumed = is_resumed
        walk = ClickWalk(self._store, self._kinds, account_id, report, progress)
        neighbours = ClickNeighbours(self._burst_messages_max)
        if not progress.is_judged:
            await walk.judge(neighbours, at_once, step, dry_run=dry_run)
        if dry_run:
            return walk.report
        report = walk.report
        if walk.progress.has_lost:
            await walk.settle(at_once)
        await self._store.write(lambda tx: self._end(tx, account_id, actor, report))
        return report

    def _end(self, tx: Tx, account_id: AccountId, actor: Actor, report: ReclassReport) -> None:
        tx.begin()
        tx.reclassification.end(account_id)
        moved = {
            f"{old.name.lower()} to {new.name.lower()}": count
            for (old, new), count in sorted(report.classes.items())
            if old is not new
        }
        details = {
            "clicks": report.clicks,
            "changed": moved,
            "messages_gained": report.gained,
            "messages_lost": report.lost,
        }
        tx.audit.add(account_id, actor, Action.CLICKS_RECLASSIFIED, "clicks", details, self._now())

"""What a run would be, without making one: read once, frozen as a run's, for a sample or all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sendrail.campaigns.dry_run_pages import TrialPlanner, TrialRun, read_lists
from sendrail.campaigns.run_content import RunContent, freeze
from sendrail.campaigns.zones import account_numbers
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.campaign_run import RunReason
from sendrail.domain.occurrences import hours_by_hand, occurrences
from sendrail.domain.quiet_hours import OpeningTable
from sendrail.domain.schedule import Schedule
from sendrail.domain.waves import EVERYONE, Wave, waves_of
from sendrail.intake.orders import Limits
from sendrail.links.texts import LinkTexts
from sendrail.storage.interface import Tx

# More keys of the sample than are counted to choose the step.
_KEYS_MAX: Final = 1_000_000


class TrialSize(NamedTuple):
    """Up to how many keys of the sample all contacts are looked at, and about how many of more."""

    small_keys: int
    sample_max: int


@dataclass(frozen=True, slots=True)
class TrialMaker:
    """Makes trials by what the installation allows of texts, links and hours."""

    links: LinkTexts
    limits: Limits
    openings: OpeningTable
    blocked_words: str = ""

    def run(
        self, tx: Tx, schedule: Schedule, now: int, size: TrialSize, *, at_once: bool = False
    ) -> TrialRun | None:
        """Return a schedule's next run, or one as of now; None where it has nothing to send.

        It is as of now where no run is to come, and `at_once`: as one that is begun by hand.
        """
        if schedule.on_since is None:
            schedule = replace(schedule, on_since=now)
        first_run_at, waves = _by_hand(tx, schedule, now) if at_once else _hours(tx, schedule, now)
        begins_at = max(now, waves[0].due_at)
        content = freeze(tx, schedule, begins_at, keeps_links=False)
        if isinstance(content, RunReason):
            return None
        senders, lists, like = read_lists(tx, content, self.links)
        step = _step(tx, content, size)
        queries = [
            tx.run_members.trial_query(target, list_id, content.began_at, of_sample=step > 1)
            for list_id in content.lists
            for target in content.targets
            if list_id in target.lists
        ]
        account_id = schedule.account_id
        return TrialRun(
            account_id=account_id,
            content=content,
            waves=waves,
            queries=queries,
            caller=tx.gate.accounts({account_id})[account_id],
            senders=senders,
            lists=lists,
            stand_ins=like,
            begins_at=begins_at,
            first_run_at=first_run_at,
            counted_at=now,
            step=step,
        )

    def planner(self, run: TrialRun) -> TrialPlanner:
        """Return what plans the pages of a trial."""
        return TrialPlanner(run, self.limits, self.openings, self.blocked_words)


def _step(tx: Tx, content: RunContent, size: TrialSize) -> int:
    """Return which part of the numbers is looked at: every `step`-th, and 1 is all."""
    everyone = replace(content.targets[0], lists=content.lists)
    keys = tx.audience_members.sampled_keys(everyone, _KEYS_MAX)
    if keys <= size.small_keys:
        return 1
    return SAMPLE_STEP * -(-keys // size.sample_max)


def _hours(tx: Tx, schedule: Schedule, now: int) -> tuple[int | None, Sequence[Wave]]:
    """Return when the next run is due, and its waves; without one, those of one that begins now."""
    numbers = account_numbers(tx, schedule.account_id)
    zones = numbers.all() if schedule.use_local_time else {numbers.account}
    coming = next(occurrences(schedule, zones, schedule.last_date), None)
    if coming is not None:
        waves = waves_of(schedule, coming.local_date, numbers, coming.starts_at)
        if waves:
            return coming.starts_at, waves
    return _by_hand(tx, schedule, now)


def _by_hand(tx: Tx, schedule: Schedule, now: int) -> tuple[None, Sequence[Wave]]:
    """Return the waves of a run that begins now in all zones at once."""
    hours = hours_by_hand(schedule, now, tx.accounts.timezone(schedule.account_id))
    return None, (Wave(*hours, ranges=(EVERYONE,)),)

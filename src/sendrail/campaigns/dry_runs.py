"""A dry run: what the next run of a schedule would do, by what is known now.

Small audiences are walked whole, and then it is what a run does. Of larger ones it is asked of a
sample of their contacts, and reported with its band. The work is bounded, and goes in short reads.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from sendrail.campaigns.dry_run_pages import (
    TrialPage,
    TrialPlanner,
    TrialRun,
    TrialText,
    read_page,
)
from sendrail.campaigns.schedules import owned_schedule
from sendrail.campaigns.trial_runs import TrialMaker, TrialSize
from sendrail.contacts.turns import AccountTurns
from sendrail.domain.audience import SAMPLE_STEP, band_of
from sendrail.domain.errors import Conflict, InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.sender import ListStatus
from sendrail.domain.text import Encoding
from sendrail.storage.interface import Store, Tx

# Up to so many contacts all are looked at, and of more about so many.
SMALL_MAX: Final = 100_000
SAMPLE_MAX: Final = 16_000
_MINUTE: Final = 60
# Of each kind of example so many are shown, ten in all.
_SHOWN: Final = {"longest": 3, "shortest": 3, "defaults": 2, "not_gsm7": 2}


class TrialCount(NamedTuple):
    """How many there are, from `low` to `high` with a confidence of 95 %."""

    size: int
    low: int
    high: int


class ExampleText(NamedTuple):
    """A message of a dry run, and why it is shown."""

    kind: str
    text: TrialText


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a run would do.

    Where it `is_exact`, `low` and `high` of each count are its size. `examined` are the contacts
    that were looked at. A sample has no contact who opted out: then `opted_out` is None.
    `defaulted` are the messages in which defaults stand for a field, by its name.
    `duration_seconds` is what the slowest list takes for its messages by its rate, `finishes_at`
    is when the last leaves, within open hours, and `out_of_time` are those of the recipients whom
    the run ends before.
    """

    is_exact: bool
    examined: int
    recipients: TrialCount
    held_out: TrialCount
    opted_out: TrialCount | None
    left_out: Mapping[str, TrialCount]
    defaulted: Mapping[str, TrialCount]
    default_percents: Mapping[str, float]
    segments_mean: float
    segments_max: int
    duration_seconds: int
    finishes_at: int | None
    out_of_time: TrialCount
    examples: Sequence[ExampleText]
    first_run_at: int | None
    counted_at: int


@dataclass(slots=True)
class _Tally:
    """What was counted so far, and what may be shown of it."""

    examined: int = 0
    opted_out: int = 0
    held_out: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    by_list: Counter[int] = field(default_factory=Counter)
    defaulted: Counter[str] = field(default_factory=Counter)
    segments: int = 0
    segments_max: int = 0
    shown: dict[str, list[TrialText]] = field(default_factory=dict)

    def add(self, page: TrialPage, planner: TrialPlanner) -> None:
        """Count a page."""
        texts, held_out, reasons = planner.plan(page)
        self.examined += len(page.members) + page.opted_out
        self.opted_out += page.opted_out
        self.held_out += held_out
        self.left_out.update(reasons)
        for each in texts:
            self.by_list[each.list_id] += 1
            self.defaulted.update(each.defaulted)
            self.segments += each.segments
            self.segments_max = max(self.segments_max, each.segments)
        self._keep("longest", sorted(texts, key=_length, reverse=True))
        self._keep("shortest", sorted(texts, key=_length))
        self._keep("defaults", [each for each in texts if each.defaulted])
        self._keep("not_gsm7", [each for each in texts if each.encoding != Encoding.GSM7.value])

    def _keep(self, kind: str, texts: Sequence[TrialText]) -> None:
        """Keep the best examples of a kind, no two alike; more than are shown of one kind."""
        best = [*self.shown.get(kind, ()), *texts]
        if kind in {"longest", "shortest"}:
            best.sort(key=_length, reverse=kind == "longest")
        kept: dict[str, TrialText] = {}
        for each in best:
            if len(kept) == sum(_SHOWN.values()):
                break
            kept.setdefault(each.text, each)
        self.shown[kind] = list(kept.values())

    def examples(self) -> list[ExampleText]:
        """Return the examples, each text once, under the first kind that has it."""
        found: dict[str, ExampleText] = {}
        for kind, most in _SHOWN.items():
            fresh = [each for each in self.shown.get(kind, ()) if each.text not in found]
            found |= {each.text: ExampleText(kind, each) for each in fresh[:most]}
        return list(found.values())


class DryRunner:
    """Makes dry runs, one at a time for each account."""

    def __init__(
        self,
        store: Store,
        trials: TrialMaker,
        *,
        turns: AccountTurns,
        now: Callable[[], int],
        small_max: int = SMALL_MAX,
        sample_max: int = SAMPLE_MAX,
    ) -> None:
        """Look at all of up to `small_max` contacts, and at about `sample_max` of more."""
        self._store = store
        self._trials = trials
        self._turns = turns
        self._now = now
        self._size = TrialSize(small_max // SAMPLE_STEP, sample_max)

    async def run(self, account_id: AccountId, ref: str) -> DryRun:
        """Return what a schedule's next run would do, or one now where there is none to come.

        Raises `NotFound`, `Conflict` where nothing can be sent, `InvalidInput` where a list cannot
        send, and `Overloaded` where too many counts of the account wait for their turn.
        """
        async with self._turns.of(account_id):
            run = await self._store.read(lambda tx: self._begin(tx, account_id, ref))
            planner = self._trials.planner(run)
            tally, above = _Tally(), 0
            while True:
                page = await self._store.read(partial(read_page, run=run, above=above))
                tally.add(page, planner)
                if page.above is None:
                    return _told(run, tally, planner)
                above = page.above

    def _begin(self, tx: Tx, account_id: AccountId, ref: str) -> TrialRun:
        schedule = owned_schedule(tx, account_id, ref)
        run = self._trials.run(tx, schedule, self._now(), self._size)
        if run is None:
            raise Conflict("It has no text, or no list, to send now.", code="nothing_to_send")
        for each in run.senders.values():
            if each.status is not ListStatus.ACTIVE:
                raise InvalidInput(
                    f"The list {each.shown} is {each.status}",
                    code="list_inactive",
                    param="source_lists",
                )
        return run


def _told(run: TrialRun, tally: _Tally, planner: TrialPlanner) -> DryRun:
    count = partial(_scaled, step=run.step)
    messages = tally.by_list.total()
    times = planner.sending_times().values()
    seconds = (
        -(-number * run.step * _MINUTE // run.senders[list_id].rate)
        for list_id, number in tally.by_list.items()
    )
    return DryRun(
        is_exact=run.step == 1,
        examined=tally.examined,
        recipients=count(messages),
        held_out=count(tally.held_out),
        opted_out=count(tally.opted_out) if run.step == 1 else None,
        left_out={reason: count(number) for reason, number in sorted(tally.left_out.items())},
        defaulted={name: count(number) for name, number in sorted(tally.defaulted.items())},
        default_percents={
            name: round(100 * number / messages, 1) for name, number in tally.defaulted.items()
        },
        segments_mean=round(tally.segments / messages, 2) if messages else 0.0,
        segments_max=tally.segments_max,
        duration_seconds=max(seconds, default=0),
        finishes_at=max(filter(None, (each.finishes_at for each in times)), default=None),
        out_of_time=count(sum(each.unsent for each in times)),
        examples=tally.examples(),
        first_run_at=run.first_run_at,
        counted_at=run.counted_at,
    )


def _scaled(found: int, step: int) -> TrialCount:
    if step == 1:
        return TrialCount(found, found, found)
    return TrialCount(found * step, *band_of(found, step))


def _length(each: TrialText) -> tuple[int, int]:
    return each.segments, len(each.text)

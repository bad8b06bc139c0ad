"""Walk through an account's stored clicks, and judge each by its row, its message, its neighbours.

The clicks of all accounts are read, in the order they came, since all are neighbours. A bite of
them, what follows from it, and how far that has come are one transaction.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from sendrail.domain.click_classes import TOO_SOON_MS, ClickClass, ClickReason, ClickVerdict
from sendrail.domain.click_neighbours import BURST_MS, WAIT_MS, ClickNeighbours
from sendrail.domain.ids import AccountId, MessageNumber
from sendrail.domain.reclassification import KeptRequest, judge_again
from sendrail.links.networks import NetworkKinds
from sendrail.storage.interface import Store, Tx
from sendrail.storage.tracking.clicks import LinkedMessage
from sendrail.storage.tracking.message_clicks import ClickPlace, TakenClick
from sendrail.storage.tracking.reclassification import ClickProgress, KeptClick, ReclassedClick
from sendrail.tracking.correcting import CorrectedClicks, correct, settle_times

_READ_AT_ONCE: Final = 1_000
# Some megabytes, whatever clocks said.
_HELD_MAX: Final = 20_000


@dataclass(slots=True, kw_only=True)
class ReclassReport:
    """How clicks are judged now: how many by class before and after, and what they count for.

    `gained` messages have a person's click that had none, `lost` have none any more; a dry run
    does not look at messages' counts, and leaves both 0. `resumed` says that an earlier run had
    done a part of it.
    """

    classes: Counter[tuple[ClickClass, ClickClass]] = field(default_factory=Counter)
    gained: int = 0
    lost: int = 0
    resumed: bool = False

    @property
    def clicks(self) -> int:
        """Return how many clicks were judged."""
        return self.classes.total()

    @property
    def changed(self) -> int:
        """Return how many have another class than before."""
        return sum(count for (old, new), count in self.classes.items() if old is not new)

    def count(self, clicks: Sequence[ReclassedClick]) -> None:
        """Add clicks as they were and are."""
        self.classes.update((each.before.click_class, each.after.click_class) for each in clicks)

    def with_clicks(
        self, clicks: Sequence[ReclassedClick], corrected: CorrectedClicks
    ) -> "ReclassReport":
        """Return the report with clicks added that are judged, and with what was corrected."""
        after = replace(
            self,
            classes=Counter(self.classes),
            gained=self.gained + corrected.gained,
            lost=self.lost + corrected.lost,
        )
        written = {each.before.id for each in corrected.changed}
        after.count(
            [each for each in clicks if each.before == each.after or each.before.id in written]
        )
        return after

    def packed(self) -> str:
        """Return the report as text."""
        rows = [[old.value, new.value, count] for (old, new), count in self.classes.items()]
        return msgspec.json.encode([rows, self.gained, self.lost]).decode()

    @classmethod
    def unpacked(cls, text: str) -> "ReclassReport":
        """Return the report of a text that `packed` has made."""
        rows, gained, lost = msgspec.json.decode(text)
        classes = {(ClickClass(old), ClickClass(new)): count for old, new, count in rows}
        return cls(classes=Counter(classes), gained=gained, lost=lost, resumed=True)


class ClickWalk:
    """One run through the clicks, from where it begins."""

    def __init__(
        self,
        store: Store,
        kinds: NetworkKinds,
        account_id: AccountId,
        report: ReclassReport,
        progress: ClickProgress,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._account_id = account_id
        self.report = report
        self.progress = progress

    async def judge(
        self,
        neighbours: ClickNeighbours,
        at_once: int,
        step: Callable[[int], object],
        *,
        dry_run: bool,
    ) -> None:
        """Judge all clicks from where the run stands."""
        place = ClickPlace(self.progress.seen_at, self.progress.seen_id)
        # Where pages began whose clicks may be neighbours of what comes.
        starts = deque([place])
        ahead: deque[KeptClick] = deque()
        is_all_read = False
        while ahead or not is_all_read:
            while not is_all_read and not _is_known(ahead):
                page = await self._page(place)
                for each in page:
                    self._see(neighbours, each)
                ahead.extend(each for each in page if not each.is_passed)
                is_all_read = len(page) < _READ_AT_ONCE
                place = _place(page[-1].click) if page else place
                starts.append(place)
            bite = _bite(ahead, at_once, is_all_read=is_all_read)
            if not bite:
                break
            began = bite[0].click.at - BURST_MS
            while len(starts) > 1 and starts[1].at < began:
                starts.popleft()
            await self._take(bite, neighbours, starts[0], dry_run=dry_run)
            neighbours.forget_before(began)
            step(self.report.clicks)
        if not dry_run:
            judged = self.progress._replace(is_judged=True, at=0, click_id=0)
            await self._store.write(lambda tx: self._save(tx, judged))
            self.progress = judged

    async def settle(self, at_once: int) -> None:
        """Look for the times that were taken back, through all clicks of people."""
        while True:
            place = self.progress.place
            page = await self._store.read(
                lambda tx, at=place: tx.reclassification.page(at, at, at_once)  # type: ignore[misc]
            )
            if not page:
                return
            human = [
                each.click
                for each in page
                if self._is_ours(each)
                and each.click.position is not None
                and each.click.click_class is ClickClass.HUMAN
            ]
            last = _place(page[-1].click)
            after = self.progress._replace(at=last.at, click_id=last.id)

            def work(
                tx: Tx, human: Sequence[TakenClick] = human, after: ClickProgress = after
            ) -> None:
                tx.begin()
                settle_times(tx, self._account_id, human)
                self._save(tx, after)

            await self._store.write(work)
            self.progress = after

    async def _page(self, place: ClickPlace) -> list[KeptClick]:
        passed = self.progress.place
        return await self._store.read(
            lambda tx: tx.reclassification.page(place, passed, _READ_AT_ONCE)
        )

    def _is_ours(self, each: KeptClick) -> bool:
        click = each.click
        is_old = click.at <= self.progress.until_at
        return each.is_counted and is_old and click.account_id == self._account_id

    def _request(self, each: KeptClick) -> KeptRequest:
        kind = None if each.network is None else self._kinds.of_prefix(each.network)
        is_blank = not each.has_agent and each.network is None and each.click.digest is None
        return KeptRequest(each.agent or b"", kind, is_blank)

    def _see(self, neighbours: ClickNeighbours, each: KeptClick) -> None:
        click = each.click
        if click.position is None:
            return
        before = ClickVerdict(click.click_class, click.reason)
        # Too soon or not, it is like a person's.
        verdict = judge_again(before, self._request(each), TOO_SOON_MS)
        neighbours.see(
            click.number, click.position, click.at, verdict.click_class, verdict.reason,
            click.digest,
        )  # fmt: skip

    async def _take(
        self,
        bite: Sequence[KeptClick],
        neighbours: ClickNeighbours,
        seen: ClickPlace,
        *,
        dry_run: bool,
    ) -> None:
        """Judge some clicks, and correct what follows unless nothing is to be written."""
        ours = [each for each in bite if self._is_ours(each)]
        if dry_run:
            self.report.count(await self._store.read(lambda tx: self._judged(tx, ours, neighbours)))
            return
        last = _place(bite[-1].click)

        def work(tx: Tx) -> tuple[ReclassReport, ClickProgress]:
            tx.begin()
            judged = self._judged(tx, ours, neighbours)
            corrected = correct(tx, self._account_id, judged)
            report = self.report.with_clicks(judged, corrected)
            progress = self.progress._replace(
                at=last.at, click_id=last.id, seen_at=seen.at, seen_id=seen.id,
                has_lost=self.progress.has_lost or corrected.has_lost, report=report.packed(),
            )  # fmt: skip
            self._save(tx, progress)
            return report, progress

        self.report, self.progress = await self._store.write(work)

    def _save(self, tx: Tx, progress: ClickProgress) -> None:
        tx.begin()
        tx.reclassification.save(self._account_id, progress)

    def _judged(
        self, tx: Tx, clicks: Sequence[KeptClick], neighbours: ClickNeighbours
    ) -> list[ReclassedClick]:
        numbers = {each.click.number for each in clicks if each.click.position is not None}
        messages = tx.clicks.linked([(MessageNumber(number), 0) for number in numbers])
        return [
            ReclassedClick(
                each.click,
                self._again(each, messages.get(MessageNumber(each.click.number)), neighbours),
            )
            for each in clicks
        ]

    def _again(
        self, each: KeptClick, message: LinkedMessage | None, neighbours: ClickNeighbours
    ) -> TakenClick:
        click = each.click
        if message is not None and message.account_id != click.account_id:
            message = None
        before = ClickVerdict(click.click_class, click.reason)
        verdict = judge_again(before, self._request(each), _since_sent(click, message))
        if click.position is not None:
            links = len(message.links.split(" ")) if message and message.links else 0
            if not links and click.reason is ClickReason.ALL_LINKS:
                return click
            verdict = neighbours.judge(click.number, links, click.at, verdict, click.digest)
        return click._replace(click_class=verdict.click_class, reason=verdict.reason)


def _since_sent(click: TakenClick, message: LinkedMessage | None) -> int | None:
    """Return how long a message had been handed over when it was clicked, as `classify` takes it.

    Where that is not known any more, or it was handed over again since, the click's own class says
    whether it was too soon.
    """
    if click.position is None:
        return TOO_SOON_MS
    sent_at = None if message is None else message.sent_at
    if sent_at is not None and sent_at <= click.at:
        return click.at - sent_at
    if message is None:
        return None if click.reason is ClickReason.TOO_SOON else TOO_SOON_MS
    was_late = click.click_class is ClickClass.HUMAN or click.reason in _LATE
    return TOO_SOON_MS if was_late else None


# What is judged only after it was not too soon.
_LATE: Final = frozenset({ClickReason.ALL_LINKS, ClickReason.BURST, ClickReason.SET_ASIDE})


def _is_known(ahead: deque[KeptClick]) -> bool:
    """Return whether the neighbours of the first click are read, or as many as are held."""
    return bool(ahead) and (
        ahead[-1].click.at >= ahead[0].click.at + WAIT_MS or len(ahead) >= _HELD_MAX
    )


def _bite(ahead: deque[KeptClick], at_once: int, *, is_all_read: bool) -> list[KeptClick]:
    """Take the first clicks whose neighbours are known."""
    bite: list[KeptClick] = []
    while ahead and len(bite) < at_once and (is_all_read or _is_known(ahead)):
        bite.append(ahead.popleft())
    return bite


def _place(click: TakenClick) -> ClickPlace:
    return ClickPlace(click.at, click.id)

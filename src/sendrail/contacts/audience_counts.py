"""How many an audience reaches: estimated at once from a sample, then counted to the last.

An exact count of a large audience goes in slices of its lists' numbers, each a read of its own: no
read is long, and a count that is cancelled ends with its slice. One runs at a time for each
account, so that those of one never take all readers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sendrail.contacts.audiences import owned_audience
from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.turns import AccountTurns
from sendrail.domain.audience import SAMPLE_STEP, Audience, band_of
from sendrail.domain.audience_filter import FilterGroup
from sendrail.domain.contact import ListContact
from sendrail.domain.errors import Conflict
from sendrail.domain.ids import AccountId
from sendrail.domain.quiet_hours import NOW, OpeningTable, QuietScope, strictest
from sendrail.domain.sender import SendingList
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.audience_members import MemberCounts, MemberQuery
from sendrail.storage.contacts.audience_targets import checked_target, target_of
from sendrail.storage.interface import Store, Tx

T = TypeVar("T")
Count = TypeVar("Count", int, MemberCounts)

# Up to about so many contacts an exact count takes no longer than a sample is worth.
SMALL_MAX: Final = 100_000
SLICE_NUMBERS: Final = 50_000
SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceEstimate:
    """How many members there are, from `low` to `high` with a confidence of 95 %.

    Where it `is_exact`, all three are the same. `counted_at` is in milliseconds.
    """

    size: int
    low: int
    high: int
    is_exact: bool
    counted_at: int


@dataclass(frozen=True, slots=True)
class AudienceExplanation:
    """What would become of an audience's matching numbers if it were sent to now."""

    counts: MemberCounts
    counted_at: int
    # Of those that are reachable, who has quiet hours now, by the places of their numbers.
    in_quiet_hours: int = 0

    @property
    def reachable(self) -> int:
        """How many nothing known keeps from being sent to."""
        counts = self.counts
        return counts.matching - counts.opted_out - counts.blocked - counts.on_journey


Progress = Callable[[int, int], None]
# Above one number and up to another, or to the last.
_Bounds = tuple[int, int | None]


class AudienceCounter:
    """Counts members of audiences, and shows some of them."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        openings: OpeningTable,
        *,
        small_max: int = SMALL_MAX,
        slice_numbers: int = SLICE_NUMBERS,
        turns: AccountTurns | None = None,
    ) -> None:
        """Count exactly at once up to `small_max` contacts, and in slices of so many above it."""
        self._store = store
        self._now = now
        self._openings = openings
        self._small_keys = small_max // SAMPLE_STEP
        self._slice_keys = slice_numbers // SAMPLE_STEP
        self._turns = turns or AccountTurns()

    async def preview(
        self,
        account_id: AccountId,
        source_lists: Sequence[int],
        group: FilterGroup,
        *,
        guard: Guard = unguarded,
    ) -> AudienceEstimate:
        """Return the estimate of a filter that is not stored; raises as a new audience does."""
        found = await self._estimate(
            lambda tx: checked_target(tx.audiences, account_id, source_lists, group, self._now())
        )
        # Read beside the writer: only its answer is kept with the key.
        return found if guard is unguarded else await self._store.write(guard(lambda _: found))

    async def estimate(self, account_id: AccountId, ref: str) -> AudienceEstimate:
        """Return the estimate of an audience. Raises `NotFound`."""
        return await self._estimate(
            lambda tx: target_of(tx.audiences, owned_audience(tx, account_id, ref), self._now())
        )

    async def _estimate(self, target: Callable[[Tx], AudienceTarget]) -> AudienceEstimate:
        def read(tx: Tx) -> AudienceEstimate:
            wanted = target(tx)
            if self._is_small(tx, wanted):
                size = tx.audience_members.count(tx.audience_members.query(wanted))
                return AudienceEstimate(
                    size=size, low=size, high=size, is_exact=True, counted_at=wanted.now
                )
            return _projected(tx.audience_members.count_sample(wanted), wanted.now)

        return await self._store.read(read)

    async def size(
        self, account_id: AccountId, ref: str, *, on_progress: Progress | None = None
    ) -> AudienceEstimate:
        """Count an audience to the last member, and keep that as its size.

        `on_progress` gets the slices that are counted, and how many there are. Raises `NotFound`,
        `Conflict` where the audience is changed meanwhile, and `Overloaded` where too many counts
        of the account wait for their turn.
        """
        audience, size, counted_at = await self._in_slices(
            account_id,
            ref,
            lambda tx, target: tx.audience_members.query(target),
            lambda tx, query, bounds: tx.audience_members.count(
                query, above=bounds[0], upto=bounds[1]
            ),
            0,
            on_progress=on_progress,
        )
        await self._store.write(lambda tx: tx.audiences.note_size(audience, size, counted_at))
        return AudienceEstimate(
            size=size, low=size, high=size, is_exact=True, counted_at=counted_at
        )

    async def explain(
        self, account_id: AccountId, ref: str, *, on_progress: Progress | None = None
    ) -> AudienceExplanation:
        """Return what would become of the matching numbers; counted and raising as `size` does."""
        audience, counts, counted_at = await self._in_slices(
            account_id,
            ref,
            lambda tx, target: tx.audience_members.explanation(target),
            lambda tx, query, bounds: tx.audience_members.explain(
                query, above=bounds[0], upto=bounds[1]
            ),
            MemberCounts(),
            on_progress=on_progress,
        )
        lists = await self._store.read(lambda tx: tx.lists.all(account_id))
        senders = [
            each for each in lists if not audience.source_lists or each.id in audience.source_lists
        ]
        return AudienceExplanation(counts, counted_at, self._in_quiet_hours(counts, senders))

    def _in_quiet_hours(self, counts: MemberCounts, senders: Sequence[SendingList]) -> int:
        """Return how many have quiet hours now; of several lists the strictest counts."""
        keeping = [each for each in senders if each.quiet_scope is not QuietScope.NONE]
        if not keeping:
            return 0
        own = strictest(each.quiet_hours for each in keeping if each.quiet_hours is not None)
        now = self._now()
        return sum(
            count
            for prefix, count in counts.reachable.items()
            if self._openings.opening_at(prefix, own, None, now) != NOW
        )

    async def some(self, account_id: AccountId, ref: str, limit: int = SHOWN) -> list[ListContact]:
        """Return some members, spread over all of them. Raises `NotFound`."""

        def read(tx: Tx) -> list[ListContact]:
            target = target_of(tx.audiences, owned_audience(tx, account_id, ref), self._now())
            is_small = self._is_small(tx, target)
            return tx.audience_members.some(target, limit, of_sample=not is_small)

        return await self._store.read(read)

    async def _in_slices(
        self,
        account_id: AccountId,
        ref: str,
        query: Callable[[Tx, AudienceTarget], MemberQuery],
        count: Callable[[Tx, MemberQuery, _Bounds], Count],
        nothing: Count,
        *,
        on_progress: Progress | None,
    ) -> tuple[Audience, Count, int]:
        async with self._turns.of(account_id):
            begun = await self._store.read(lambda tx: self._begin(tx, account_id, ref, query))
            total: Count = nothing

            def counted(bounds: _Bounds) -> Callable[[Tx], Count]:
                def read(tx: Tx) -> Count:
                    _check_unchanged(tx, begun.audience)
                    return count(tx, begun.query, bounds)

                return read

            for done, bounds in enumerate(begun.slices, 1):
                total += await self._store.read(counted(bounds))
                if on_progress is not None:
                    on_progress(done, len(begun.slices))
            return begun.audience, total, begun.now

    def _begin(
        self,
        tx: Tx,
        account_id: AccountId,
        ref: str,
        query: Callable[[Tx, AudienceTarget], MemberQuery],
    ) -> "_Begun":
        audience = owned_audience(tx, account_id, ref)
        target = target_of(tx.audiences, audience, self._now())
        is_small = self._is_small(tx, target)
        ends = [] if is_small else tx.audience_members.bounds(target, self._slice_keys)
        slices = tuple(zip([0, *ends], [*ends, None], strict=True))
        return _Begun(audience, query(tx, target), slices, target.now)

    def _is_small(self, tx: Tx, target: AudienceTarget) -> bool:
        most = self._small_keys
        return not target.lists or tx.audience_members.sampled_keys(target, most + 1) <= most


@dataclass(frozen=True, slots=True)
class _Begun:
    """A count as it begins, with the slices it goes in."""

    audience: Audience
    query: MemberQuery
    slices: Sequence[_Bounds]
    now: int


def _check_unchanged(tx: Tx, audience: Audience) -> None:
    if not tx.audiences.is_unchanged(audience):
        raise Conflict(
            "The audience was changed while it was being counted. Count it again.",
            code="audience_changed",
        )


def _projected(found: int, counted_at: int) -> AudienceEstimate:
    low, high = band_of(found)
    return AudienceEstimate(
        size=found * SAMPLE_STEP, low=low, high=high, is_exact=False, counted_at=counted_at
    )

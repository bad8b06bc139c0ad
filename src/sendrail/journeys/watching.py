"""Audiences whose new members enter a journey: they are compared with the last look, in bites.

Membership follows from clicks, sends, fields and time, so that no single write could tell of it.
Who is in an audience when a journey begins to watch it does not enter: coming in is what counts.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from sendrail.domain.contact import JourneyStatus
from sendrail.domain.ids import lane_of
from sendrail.domain.phone import PhoneNumber
from sendrail.journeys.tasks import BACKFILL_MINUTE, BITE
from sendrail.ownership import Ownership
from sendrail.rounds import WorkGuard
from sendrail.storage.interface import Store, Tx
from sendrail.storage.journeys.watches import JourneyWatch

# From the end of a look to the next one.
WATCH_MS: Final = 5 * 60_000
_MINUTE_MS: Final = 60_000
# Above every number there is.
_TOP: Final = 1 << 62


class _Compared(NamedTuple):
    """What a bite of a look has found, up to a number: who came into the audience, who left it."""

    upto: int
    came: list[PhoneNumber]
    left: list[PhoneNumber]


class AudienceWatcher:
    """Looks at the audiences that journeys of our lanes watch."""

    def __init__(self, store: Store, ownership: Ownership, now: Callable[[], int]) -> None:
        self._store = store
        self._ownership = ownership
        self._now = now
        self._guard = WorkGuard[int]("journey_watch_broke", "journey_id")

    async def step(self) -> bool:
        """Do one bite of each look that is due; return whether any has more to do now."""
        now, more = self._now(), False
        for watch in await self._store.read(lambda tx: tx.journey_watches.due(now), begun=False):
            if self._ownership.owns(lane_of(watch.list_id)):
                bite = partial(self._bite, watch)
                more = bool(await self._guard.do(watch.journey_id, bite)) or more
        return more

    async def _bite(self, watch: JourneyWatch) -> bool:
        most, now = self._store.portion(BITE), self._now()
        found = await self._store.read(lambda tx: _compare(tx, watch, most, now))
        return await self._store.write(lambda tx: _apply(tx, watch, found, most, now))


def _compare(tx: Tx, watch: JourneyWatch, most: int, now: int) -> _Compared:
    """Compare the next members with the next who were members before."""
    target = tx.memberships(watch.account_id, now).target(watch.audience)
    members = []
    if target is not None:
        members = tx.audience_members.after(target, watch.cursor, most)
    known = tx.journey_watches.known(watch, most)
    upto = min(each[-1] if len(each) == most else _TOP for each in (members, known))
    inside, before = ({each for each in some if each <= upto} for some in (members, known))
    return _Compared(upto, sorted(inside - before), sorted(before - inside))


def _apply(tx: Tx, watch: JourneyWatch, found: _Compared, most: int, now: int) -> bool:
    """Let who came in enter, and note it; return whether the look has more to do now."""
    is_over = found.upto == _TOP
    enters = bool(found.came) and not watch.is_first
    next_at = now + WATCH_MS if is_over else now
    if enters and not is_over:
        # As slowly as a backfill: an import may bring a million in.
        next_at = now + _MINUTE_MS * most // BACKFILL_MINUTE
    cursor = 0 if is_over else found.upto
    if not tx.journey_watches.move(watch, cursor, next_at, is_first=watch.is_first and not is_over):
        return False
    came = found.came
    journey = tx.journeys.by_id(watch.account_id, watch.journey_id)
    if enters and journey is not None:
        # What was read before may have changed since.
        inside = tx.memberships(watch.account_id, now).of
        came = [each for each in came if inside([watch.audience], each)]
        if journey.status is JourneyStatus.ACTIVE:
            tx.passages.admit(watch.account_id, journey, came, now)
    tx.journey_watches.note(watch, came, found.left)
    return next_at <= now

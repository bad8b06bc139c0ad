"""Claims that have not left: their commit came too late, or may not have come at all."""

from collections.abc import Callable, Sequence

import structlog

from sendrail.domain.delivery import Claim
from sendrail.domain.errors import StorageUnavailable
from sendrail.ownership import Ownership
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.queue import AttemptResult

_log = structlog.get_logger()


class UnconfirmedClaims:
    """Takes such claims back.

    Nothing may be claimed before that is done. Otherwise the same attempt could be claimed again,
    and be taken back while it is under way; and what is claimed next would overtake it.
    """

    def __init__(
        self, store: Store, lanes: Ownership, taken_back: Callable[[Claim], AttemptResult]
    ) -> None:
        self._store = store
        self._lanes = lanes
        # What is written of a claim that certainly was not handed over.
        self._taken_back = taken_back
        self._claims: list[Claim] = []

    def __bool__(self) -> bool:
        return bool(self._claims)

    def note(self, claims: Sequence[Claim]) -> None:
        """Remember claims that have not left, and will not."""
        self._claims += claims
        self._lanes.begin(claim.lane for claim in claims)

    async def settle(self) -> bool:
        """Return what was claimed to the queue; return whether that is done."""
        results = [self._taken_back(claim) for claim in self._claims]

        def take_back(tx: Tx) -> None:
            # The lost transaction may still be on its way to its end.
            tx.queue.await_claims([(claim.lane, claim.number) for claim in self._claims])
            tx.queue.finish_attempts(results)

        try:
            await self._store.write(take_back)
        except StorageUnavailable as error:
            _log.warning("taking_back_postponed", reason=error.code, count=len(results))
            return False
        _log.warning("claims_taken_back", count=len(results))
        self._lanes.end(claim.lane for claim in self._claims)
        self._claims.clear()
        return True

"""Take a carrier's callback: store it raw, and only then let the carrier forget it."""

from collections.abc import Callable, Sequence

from sendrail.domain.ids import LinkId
from sendrail.storage.interface import Store
from sendrail.telemetry import Metrics


class Intake:
    """The one way in for callbacks, whether they come by HTTP, SMPP or from the simulator."""

    def __init__(self, store: Store, metrics: Metrics, now: Callable[[], int]) -> None:
        self._store = store
        self._metrics = metrics
        self._now = now

    async def put(self, link_id: LinkId, raws: Sequence[bytes]) -> None:
        """Store callbacks of one link; return once they are durable.

        Raises `StorageUnavailable`: the carrier must not be told that we have them.
        """
        await self._store.write(lambda tx: tx.inbox.put(link_id, raws, self._now()))
        self._metrics.callbacks.inc(len(raws))
        self._store.hints.inbox_has()

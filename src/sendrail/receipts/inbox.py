"""Take a carrier's callback: store it raw, and only then let the carrier forget it."""

from collections.abc import Callable, Sequence

from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.ids import ConnectorId
from sendrail.domain.receipt import CallbackSubject
from sendrail.receipts.reading import RAW_BYTES_MAX
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.refused import Refusal
from sendrail.telemetry import Metrics


class CallbackInbox:
    """The one way in for callbacks, whether they come by HTTP, SMPP or from the simulator."""

    def __init__(self, store: Store, metrics: Metrics, now: Callable[[], int]) -> None:
        self._store = store
        self._metrics = metrics
        self._now = now

    async def put(self, connector_id: ConnectorId, raws: Sequence[bytes]) -> None:
        """Store callbacks of one connector; return once they are durable.

        Raises `StorageUnavailable`: the callback must not be acknowledged. Raises
        `CarrierTrouble` where a carrier hands over something else than bytes.
        """
        whole = [_bytes(raw) for raw in raws]
        await self._store.write(lambda tx: self._put(tx, connector_id, whole))
        self._metrics.callbacks.inc(len(raws))
        self._store.hints.inbox_has()

    def _put(self, tx: Tx, connector_id: ConnectorId, raws: Sequence[bytes]) -> None:
        now = self._now()
        fit = [raw for raw in raws if len(raw) <= RAW_BYTES_MAX]
        if fit:
            tx.inbox.put(connector_id, fit, now)
        for raw in raws:
            if len(raw) > RAW_BYTES_MAX:
                # No carrier sends the like: its beginning shows what it was.
                reason = f"larger than {RAW_BYTES_MAX:,} bytes, cut there"
                refusal = Refusal(
                    connector_id, now, raw[:RAW_BYTES_MAX], reason, CallbackSubject.UNKNOWN
                )
                tx.refused.keep(refusal, now)


def _bytes(raw: object) -> bytes:
    if isinstance(raw, bytes):
        return raw
    if isinstance(raw, bytearray | memoryview):
        return bytes(raw)
    raise CarrierTrouble(f"A carrier hands over callbacks as bytes, not as {type(raw).__name__}.")

"""The message that a receipt is about, by a carrier's reference or by our own id.

A reference counts on the connector that it was given by. Our own id is echoed by all that know it,
so that it counts only where the message has left by that very connector, or by another one of the
same account and carrier: another's message is not settled.
"""

from collections.abc import Sequence

from sendrail.domain.ids import AccountId, ConnectorId, MessageIds
from sendrail.domain.receipt import Receipt
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.inbox import ReceiptTarget


class ReceiptTargets:
    """The messages that the receipts of one round are about."""

    def __init__(
        self, tx: Tx, ids: MessageIds, receipts: Sequence[tuple[ConnectorId, Receipt]]
    ) -> None:
        self._tx = tx
        self._ids = ids
        self._by_ref = tx.inbox.targets_by_ref(
            [(connector_id, receipt.carrier_ref) for connector_id, receipt in receipts]
        )
        echoed: set[int] = set()
        if len(self._by_ref) < len(receipts):
            echoed.update(
                number
                for connector_id, receipt in receipts
                if receipt.message_id is not None
                and (connector_id, receipt.carrier_ref) not in self._by_ref
                and (number := ids.read(receipt.message_id)) is not None
            )
        self._by_id = tx.inbox.targets_by_number(echoed) if echoed else {}
        self._sides: dict[ConnectorId, tuple[AccountId | None, str] | None] = {}

    def of(self, connector_id: ConnectorId, receipt: Receipt) -> ReceiptTarget | None:
        """Return the message a receipt is about, if it is known and the connector's to settle."""
        target = self._by_ref.get((connector_id, receipt.carrier_ref))
        if target is not None:
            return target
        found = self._echoed(receipt)
        return found[0] if found is not None and self._may_settle(connector_id, found[1]) else None

    def is_foreign(self, connector_id: ConnectorId, receipt: Receipt) -> bool:
        """Return whether a receipt names a message that is another's to settle."""
        found = self._echoed(receipt)
        return found is not None and not self._may_settle(connector_id, found[1])

    def _echoed(self, receipt: Receipt) -> tuple[ReceiptTarget, set[int]] | None:
        if not self._by_id or receipt.message_id is None:
            return None
        number = self._ids.read(receipt.message_id)
        return None if number is None else self._by_id.get(number)

    def _may_settle(self, connector_id: ConnectorId, left_by: set[int]) -> bool:
        if connector_id in left_by:
            return True
        side = self._side(connector_id)
        return side is not None and any(self._side(ConnectorId(other)) == side for other in left_by)

    def _side(self, connector_id: ConnectorId) -> tuple[AccountId | None, str] | None:
        """Return the account and the carrier of a connector."""
        if connector_id not in self._sides:
            connector = self._tx.connectors.by_id(connector_id)
            self._sides[connector_id] = (
                None if connector is None else (connector.account_id, connector.kind)
            )
        return self._sides[connector_id]

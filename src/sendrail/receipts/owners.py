"""Whose receipt it is: the message that a carrier's reference, or our own id, names.

A reference counts on the link that it was given by. Our own id is echoed by whoever knows it, so
that it counts only where the message has left by that very link, or by another one of the same
account and carrier: another's message is nobody's to settle.
"""

from collections.abc import Sequence

from sendrail.domain.ids import AccountId, LinkId, MessageIds
from sendrail.domain.receipt import Receipt
from sendrail.storage.interface import Tx
from sendrail.storage.rows import Owner


class Owners:
    """The messages that the receipts of one round are about."""

    def __init__(self, tx: Tx, ids: MessageIds, receipts: Sequence[tuple[LinkId, Receipt]]) -> None:
        self._tx = tx
        self._ids = ids
        self._by_ref = tx.inbox.owners(
            [(link_id, receipt.carrier_ref) for link_id, receipt in receipts]
        )
        echoed: set[int] = set()
        if len(self._by_ref) < len(receipts):
            echoed.update(
                number
                for link_id, receipt in receipts
                if receipt.message_id is not None
                and (link_id, receipt.carrier_ref) not in self._by_ref
                and (number := ids.read(receipt.message_id)) is not None
            )
        self._by_id = tx.inbox.standing(echoed) if echoed else {}
        self._sides: dict[LinkId, tuple[AccountId | None, str] | None] = {}

    def of(self, link_id: LinkId, receipt: Receipt) -> Owner | None:
        """Return the message a receipt is about, if it is known and the link's to settle."""
        owner = self._by_ref.get((link_id, receipt.carrier_ref))
        if owner is not None or not self._by_id or receipt.message_id is None:
            return owner
        found = self._echoed(receipt)
        return found[0] if found is not None and self._may_settle(link_id, found[1]) else None

    def is_foreign(self, link_id: LinkId, receipt: Receipt) -> bool:
        """Tell whether a receipt names a message that is another's to settle."""
        found = self._echoed(receipt)
        return found is not None and not self._may_settle(link_id, found[1])

    def _echoed(self, receipt: Receipt) -> tuple[Owner, set[int]] | None:
        if not self._by_id or receipt.message_id is None:
            return None
        number = self._ids.read(receipt.message_id)
        return None if number is None else self._by_id.get(number)

    def _may_settle(self, link_id: LinkId, left_by: set[int]) -> bool:
        if link_id in left_by:
            return True
        side = self._side(link_id)
        return side is not None and any(self._side(LinkId(other)) == side for other in left_by)

    def _side(self, link_id: LinkId) -> tuple[AccountId | None, str] | None:
        """Return whose a link is, and which carrier's."""
        if link_id not in self._sides:
            link = self._tx.links.by_id(link_id)
            self._sides[link_id] = None if link is None else (link.account_id, link.kind)
        return self._sides[link_id]

"""What contacts have clicked and earned: a row for each that ever did, in the subscription's order.

Few contacts click, so these stand beside `contact_activity` and not in it: a row of every contact
would be longer for the sake of one in ten.
"""

from typing import Any, Final

from sqlalchemy import Connection, case, delete, select

from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import insert_of
from sendrail.storage.tables import lists
from sendrail.storage.tracking_tables import contact_earnings

_of: Final = contact_earnings.c
_SUMS: Final = ("clicks", "conversions", "revenue")
_TIMES: Final = ("last_clicked_at", "last_revenue_at")


class Earnings:
    """The clicks, conversions and revenue of contacts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def add(
        self,
        list_id: ListId,
        recipient: PhoneNumber,
        *,
        clicks: int = 0,
        clicked_at: int | None = None,
        conversions: int = 0,
        revenue: int = 0,
        earned_at: int | None = None,
    ) -> None:
        """Add to what is counted of a contact; amounts are ten-thousandths, negative ones too."""
        row = {
            "list_id": list_id,
            "recipient": recipient,
            "clicks": clicks,
            "last_clicked_at": clicked_at,
            "conversions": conversions,
            "revenue": revenue,
            "last_revenue_at": earned_at,
        }
        new = insert_of(self._connection, contact_earnings)
        added = new.values(row).on_conflict_do_update(
            index_elements=contact_earnings.primary_key,
            set_={name: _of[name] + new.excluded[name] for name in _SUMS}
            | {name: _later(_of[name], new.excluded[name]) for name in _TIMES},
        )
        self._execute(added)

    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        """Delete what is counted of a person, once their messages name them no more."""
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        gone = delete(contact_earnings).where(_of.list_id.in_(own), _of.recipient == recipient)
        self._execute(gone)


def _later(one: Any, other: Any) -> Any:
    """Return the later of two times, either of which may be none."""
    return case((one.is_(None), other), (other.is_(None), one), (other > one, other), else_=one)

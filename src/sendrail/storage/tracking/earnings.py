"""What contacts have clicked and earned: a row for each that ever did, in the subscription's order.

Few contacts click, so these stand beside `contact_activity` and not in it: a row of every contact
would be longer for the sake of one in ten.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, case, delete, select

from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import insert_of
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tables import lists
from sendrail.storage.tracking_tables import contact_earnings

_of: Final = contact_earnings.c
_SUMS: Final = ("clicks", "conversions", "revenue")
_TIMES: Final = ("last_clicked_at", "last_revenue_at")


class NewEarnings(NamedTuple):
    """What a contact has clicked or earned anew; amounts are ten-thousandths, negative ones too.

    A time of None is none that counts. What was imported is counted apart.
    """

    list_id: ListId
    recipient: PhoneNumber
    clicks: int = 0
    clicked_at: int | None = None
    conversions: int = 0
    revenue: int = 0
    earned_at: int | None = None
    is_imported: bool = False


class Earnings:
    """The clicks, conversions and revenue of contacts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def add(self, earned: Sequence[NewEarnings]) -> None:
        """Add to what is counted of contacts."""
        # In the order of their keys: who else counts locks them in the same.
        rows = [_row(each) for each in sorted(by_contact(earned))]
        if not rows:
            return
        new = insert_of(self._connection, contact_earnings)
        added = new.on_conflict_do_update(
            index_elements=contact_earnings.primary_key,
            set_={name: _of[name] + new.excluded[name] for name in _SUMS}
            | {name: _later(_of[name], new.excluded[name]) for name in _TIMES},
        )
        insert_each(self._connection, added, rows)

    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        """Delete what is counted of a person, once their messages name them no more."""
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        gone = delete(contact_earnings).where(_of.list_id.in_(own), _of.recipient == recipient)
        self._execute(gone)


def _row(each: NewEarnings) -> dict[str, Any]:
    return {
        "list_id": each.list_id,
        "recipient": each.recipient,
        "clicks": each.clicks,
        "last_clicked_at": each.clicked_at,
        "conversions": each.conversions,
        "revenue": each.revenue,
        "last_revenue_at": each.earned_at,
    }


def by_contact(earned: Iterable[NewEarnings]) -> list[NewEarnings]:
    """Return the same for each contact once: sums, and the later of two times."""
    of_contact: dict[tuple[ListId, PhoneNumber], list[NewEarnings]] = defaultdict(list)
    for each in earned:
        of_contact[each.list_id, each.recipient].append(each)
    return [
        NewEarnings(
            *contact,
            clicks=sum(each.clicks for each in some),
            clicked_at=_last(each.clicked_at for each in some),
            conversions=sum(each.conversions for each in some),
            revenue=sum(each.revenue for each in some),
            earned_at=_last(each.earned_at for each in some),
        )
        for contact, some in of_contact.items()
    ]


def _last(times: Iterable[int | None]) -> int | None:
    return max((at for at in times if at is not None), default=None)


def _later(one: Any, other: Any) -> Any:
    """Return the later of two times, either of which may be none."""
    return case((one.is_(None), other), (other.is_(None), one), (other > one, other), else_=one)

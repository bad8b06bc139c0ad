"""Creatives as rows, with the offers that their links lead to."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from sendrail.domain.creative import Creative, CreativeStatus, CreativeType, OfferLink
from sendrail.domain.ids import AccountId, CreativeId, OfferId
from sendrail.storage.campaign_tables import creative_links, creatives
from sendrail.storage.dialect import batches
from sendrail.storage.row_batches import insert_each
from sendrail.storage.tracking_tables import offers

_of: Final = creatives.c
_link: Final = creative_links.c
_encode: Final = msgspec.json.Encoder().encode


class Creatives:
    """The creatives of accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def add(self, account_id: AccountId, **values: Any) -> CreativeId:
        row = insert(creatives).values(account_id=account_id, **values)
        return CreativeId(self._execute(row.returning(_of.id)).scalar_one())

    def change(self, account_id: AccountId, creative_id: CreativeId, **values: Any) -> None:
        changed = update(creatives).where(_of.account_id == account_id, _of.id == creative_id)
        self._execute(changed.values(**values))

    def set_links(
        self,
        account_id: AccountId,
        creative_id: CreativeId,
        links: Sequence[tuple[OfferLink, OfferId]],
    ) -> None:
        """Replace a creative's links, each with the number of its offer."""
        before = (_link.account_id == account_id, _link.creative_id == creative_id)
        self._execute(delete(creative_links).where(*before))
        rows = [
            {
                "creative_id": creative_id,
                "position": position,
                "account_id": account_id,
                "key": link.key,
                "offer_id": offer_id,
                "url": link.url,
                "url_params": _encode(link.url_params).decode(),
            }
            for position, (link, offer_id) in enumerate(links)
        ]
        insert_each(self._connection, insert(creative_links), rows)

    def count(self, account_id: AccountId) -> int:
        """Return how many creatives an account has, the archived ones included."""
        all_ = select(func.count()).select_from(creatives).where(_of.account_id == account_id)
        return int(self._execute(all_).scalar_one())

    def find(self, account_id: AccountId, creative_id: int) -> Creative | None:
        """Return the account's creative of an id, whatever its status."""
        one = select(creatives).where(_of.account_id == account_id, _of.id == creative_id)
        return next(iter(self._with_links(account_id, self._execute(one).all())), None)

    def names(self, account_id: AccountId, ids: Collection[int]) -> dict[int, str]:
        """Return the names of those of the ids that are creatives of the account."""
        found: dict[int, str] = {}
        for some in batches(sorted(ids)):
            own = select(_of.id, _of.name).where(_of.account_id == account_id, _of.id.in_(some))
            found |= {row.id: row.name for row in self._execute(own)}
        return found

    def page(
        self,
        account_id: AccountId,
        status: CreativeStatus,
        creative_type: CreativeType | None,
        offset: int,
        limit: int,
    ) -> tuple[list[Creative], int]:
        """Return one page of an account's creatives, oldest first, and how many there are."""
        wanted = [_of.account_id == account_id, _of.status == status]
        if creative_type is not None:
            wanted.append(_of.creative_type == creative_type)
        page = select(creatives).where(*wanted).order_by(_of.id).offset(offset).limit(limit)
        counted = select(func.count()).select_from(creatives).where(*wanted)
        found = self._with_links(account_id, self._execute(page).all())
        return found, int(self._execute(counted).scalar_one())

    def _with_links(self, account_id: AccountId, rows: Sequence[Any]) -> list[Creative]:
        links: defaultdict[int, list[OfferLink]] = defaultdict(list)
        of_these = (
            select(creative_links, offers.c.ref)
            .join(offers, offers.c.id == _link.offer_id)
            .where(_link.account_id == account_id, _link.creative_id.in_([row.id for row in rows]))
        )
        for row in self._execute(of_these.order_by(_link.creative_id, _link.position)):
            links[row.creative_id].append(
                OfferLink(
                    key=row.key,
                    offer_ref=row.ref,
                    url=row.url,
                    url_params=msgspec.json.decode(row.url_params, type=dict[str, str]),
                )
            )
        return [_creative(row, links[row.id]) for row in rows]


def _creative(row: Any, links: Sequence[OfferLink]) -> Creative:
    values = row._asdict() | {
        "offer_links": tuple(links),
        "status": CreativeStatus(row.status),
        "creative_type": CreativeType(row.creative_type),
    }
    return Creative(**values)

"""Links that are in no message, as rows: each leads to a destination of its account."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, Text, func, insert, literal_column, select

from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import AccountId, ConnectorId, ListId, OfferId
from sendrail.storage.message_tables import destinations
from sendrail.storage.tables import lists, sender_shown
from sendrail.storage.tracking_tables import link_settings, offers, short_links

_of: Final = short_links.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLink:
    """A link that is in no message, its list, and where it leads.

    Times are milliseconds. `filter_bots` is the offer's, else the account's. `human_clicks` are
    those of people, of all its `clicks`; `recipient` is whose link it is, where that was said and
    the person was not erased, and `metadata` the caller's JSON object.
    """

    id: int
    account_id: AccountId
    list_id: ListId
    connector_id: ConnectorId
    list_number: str
    url: str
    offer_id: OfferId | None
    offer_ref: str | None
    filter_bots: bool
    recipient: int | None
    metadata: str | None
    created_at: int
    clicks: int
    human_clicks: int
    last_clicked_at: int | None


class ShortLinks:
    """The links of accounts that are in no message."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(
        self,
        account_id: AccountId,
        *,
        list_id: ListId,
        destination_id: int,
        recipient: int | None,
        metadata: str | None,
        now: int,
    ) -> int:
        """Add a link; return its id."""
        row = insert(short_links).values(
            account_id=account_id,
            list_id=list_id,
            destination_id=destination_id,
            recipient=recipient,
            metadata=metadata,
            created_at=now,
            clicks=0,
            human_clicks=0,
        )
        return int(self._execute(row.returning(_of.id)).scalar_one())

    def find(self, account_id: AccountId, link_id: int) -> ShortLink | None:
        """Return the account's link of an id."""
        one = _links().where(_of.account_id == account_id, _of.id == link_id)
        return next(self._read(one), None)

    def find_all(self, account_id: AccountId, link_ids: Collection[int]) -> Sequence[ShortLink]:
        """Return those of the account's links that have one of these ids."""
        some = _links().where(_of.account_id == account_id, _of.id.in_(sorted(link_ids)))
        return list(self._read(some))

    def page(
        self, account_id: AccountId, offset: int, limit: int
    ) -> tuple[Sequence[ShortLink], int]:
        """Return one page of an account's links, newest first, and how many there are."""
        ours = _of.account_id == account_id
        page = _links().where(ours).order_by(_of.id.desc()).offset(offset).limit(limit)
        counted = select(func.count()).select_from(short_links).where(ours)
        return list(self._read(page)), int(self._execute(counted).scalar_one())

    def _read(self, statement: Select[Any]) -> Iterator[ShortLink]:
        return map(_link, self._execute(statement))


def _links() -> Select[Any]:
    return (
        select(
            *(column for column in _of if column.name != "destination_id"),
            lists.c.connector_id,
            literal_column(sender_shown(), Text).label("list_number"),
            destinations.c.url,
            destinations.c.offer_id,
            offers.c.ref.label("offer_ref"),
            func.coalesce(offers.c.filter_bots, link_settings.c.filter_bots, False).label(
                "filter_bots"
            ),
        )
        .select_from(short_links)
        .join(lists, lists.c.id == _of.list_id)
        .join(destinations, destinations.c.id == _of.destination_id)
        .outerjoin(offers, offers.c.id == destinations.c.offer_id)
        .outerjoin(link_settings, link_settings.c.account_id == _of.account_id)
    )


def _link(row: Row[Any]) -> ShortLink:
    named = {"recipient": None if row.recipient == REDACTED else row.recipient}
    return ShortLink(**row._asdict() | named | {"filter_bots": bool(row.filter_bots)})

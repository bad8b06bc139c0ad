"""A message as look-up shows it, and how it is read."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, Text, and_, literal_column, select

from sendrail.domain import quiet_hours
from sendrail.domain.ids import AccountId, ConnectorId, ListId, MessageNumber
from sendrail.domain.message import Skip, Status
from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.quiet_hours import OpenHours, QuietScope
from sendrail.storage.message_tables import messages, origins, scheduled
from sendrail.storage.tables import connectors, lists, sender_shown

STORED: Final = (
    select(
        messages.c.number,
        messages.c.recipient,
        literal_column(sender_shown(), Text).label("list_number"),
        messages.c.body,
        messages.c.metadata,
        messages.c.status,
        messages.c.detail,
        messages.c.provider_detail,
        messages.c.encoding,
        messages.c.segments,
        messages.c.attempt,
        connectors.c.kind.label("provider"),
        connectors.c.name.label("connector"),
        messages.c.carrier_ref,
        messages.c.created_at,
        messages.c.sent_at,
        messages.c.ended_at,
        messages.c.skips,
        messages.c.account_id,
        messages.c.list_id,
        lists.c.connector_id.label("list_connector_id"),
        messages.c.links,
        scheduled.c.send_at,
        lists.c.quiet_scope,
        lists.c.quiet_hours,
        origins.c.kind.label("origin_kind"),
        origins.c.of_id.label("origin_of_id"),
        origins.c.version.label("origin_version"),
        origins.c.part.label("origin_part"),
    )
    .select_from(messages)
    .join(lists, lists.c.id == messages.c.list_id)
    .outerjoin(connectors, connectors.c.id == messages.c.connector_id)
    .outerjoin(
        scheduled,
        and_(scheduled.c.lane == messages.c.lane, scheduled.c.number == messages.c.number),
    )
    .outerjoin(origins, origins.c.id == messages.c.origin_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as look-up shows it.

    `provider` is the kind of carrier it last went to, `connector` the name of the connection.
    """

    number: MessageNumber
    recipient: PhoneNumber
    list_number: str
    body: str
    metadata: str | None
    status: Status
    detail: str | None
    encoding: str
    segments: int
    attempt: int
    provider: str | None
    connector: str | None
    carrier_ref: str | None
    created_at: int
    sent_at: int | None
    ended_at: int | None
    # What the short links in the text follow from.
    account_id: AccountId
    list_id: ListId
    # The list's own connector now, and where the links of the text lead.
    list_connector_id: ConnectorId
    links: str | None
    automatic: bool = False
    # When it is to leave, while it waits for that.
    send_at: int | None = None
    provider_detail: str | None = None
    # Whether it waits for the end of quiet hours, and what those of its list leave open.
    keeps_quiet: bool = False
    open_hours: OpenHours | None = None
    # What it comes from; None where the account sent it itself.
    origin: Origin | None = None


def of_account(account_id: AccountId) -> Select[Any]:
    return STORED.where(messages.c.account_id == account_id)


def stored(row: Row[*tuple[Any, ...]]) -> StoredMessage:
    return StoredMessage(
        number=MessageNumber(row.number),
        recipient=PhoneNumber(row.recipient),
        list_number=row.list_number,
        body=row.body,
        metadata=row.metadata,
        status=Status(row.status),
        detail=row.detail,
        encoding=row.encoding,
        segments=row.segments,
        attempt=row.attempt,
        provider_detail=row.provider_detail,
        provider=row.provider,
        connector=row.connector,
        carrier_ref=row.carrier_ref,
        created_at=row.created_at,
        sent_at=row.sent_at,
        ended_at=row.ended_at,
        automatic=bool(row.skips & Skip.AUTOMATIC),
        send_at=row.send_at,
        keeps_quiet=quiet_hours.keeps_quiet(row.skips, QuietScope(row.quiet_scope)),
        open_hours=None if row.quiet_hours is None else quiet_hours.parse(row.quiet_hours),
        account_id=AccountId(row.account_id),
        list_id=ListId(row.list_id),
        list_connector_id=ConnectorId(row.list_connector_id),
        links=row.links,
        origin=None
        if row.origin_kind is None
        else Origin(
            OriginKind(row.origin_kind), row.origin_of_id, row.origin_version, row.origin_part
        ),
    )

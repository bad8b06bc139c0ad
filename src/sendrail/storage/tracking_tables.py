"""The tables of links: where they lead, who followed them, and what they earn.

Times are milliseconds since the epoch, UTC; phone numbers are their digits as an integer.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

offers: Final = Table(
    "offers",
    metadata,
    row_id(),
    # Its public id: chance, so that it names neither the account nor how many there are.
    needed("ref", Text),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("tracking_url", Text),
    Column("fallback_url", Text),
    Column("external_platform", Text),
    Column("external_id", Text),
    Column("advertiser_id", Text),
    # Ten-thousandths of the account's currency.
    needed("payout", BigInteger),
    needed("payout_type", Text),
    Column("click_window_days", SmallInteger),
    # NULL where the account's links decide.
    Column("filter_bots", Boolean),
    needed("pixel_amounts", Boolean),
    needed("status", Text),
    Column("expires_at", BigInteger),
    needed("metadata", Text),
    # Sealed; what a postback shows is compared with it.
    Column("secret", LargeBinary),
    Column("old_secret", LargeBinary),
    Column("old_secret_until", BigInteger),
    needed("created_at", BigInteger),
    needed("updated_at", BigInteger),
    UniqueConstraint("ref"),
    Index(None, "account_id", "external_id"),
)

# The hosts that short links stand on.
tracking_domains: Final = Table(
    "tracking_domains",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    # Whatever the account: a request names nothing else.
    needed("host", Text),
    Column("home_url", Text),
    Column("fallback_url", Text),
    needed("letters", SmallInteger),
    needed("is_default", Boolean),
    needed("token", Text),
    Column("verified_at", BigInteger),
    Column("checked_at", BigInteger),
    Column("problem", Text),
    needed("created_at", BigInteger),
    UniqueConstraint("host"),
    Index(None, "account_id"),
    sqlite_autoincrement=True,
)

# Which lists name a domain, in place of their account's default.
list_domains: Final = Table(
    "list_domains",
    metadata,
    key("list_id", RowId),
    needed("account_id", RowId),
    needed("domain_id", RowId),
    Index(None, "domain_id"),
    sqlite_with_rowid=False,
)

# How an account's links treat visitors; one that has set nothing has no row.
link_settings: Final = Table(
    "link_settings",
    metadata,
    key("account_id", RowId),
    needed("filter_bots", Boolean),
    Column("page_title", Text),
    Column("page_text", Text),
    Column("page_button", Text),
    Column("page_language", Text),
    sqlite_with_rowid=False,
)

# Links that are in no message: made one by one, so that each has a row.
short_links: Final = Table(
    "short_links",
    metadata,
    row_id(),
    needed("account_id", RowId),
    needed("list_id", BigInteger),
    needed("destination_id", BigInteger),
    # Whose link it is, where that was said; `REDACTED` where that person was erased.
    Column("recipient", BigInteger),
    Column("metadata", Text),
    needed("created_at", BigInteger),
    needed("clicks", Integer),
    # Those of people, of all its clicks.
    needed("human_clicks", Integer),
    Column("last_clicked_at", BigInteger),
    Index(None, "account_id"),
)

# The requests for links, as they came: what needs their neighbours is decided behind.
clicks: Final = Table(
    "clicks",
    metadata,
    row_id(),
    needed("account_id", BigInteger),
    # The message's number, or the id of a standalone link, which has no position.
    needed("number", BigInteger),
    Column("position", SmallInteger),
    needed("at", BigInteger),
    # A `ClickClass` and a `ClickReason`.
    needed("click_class", SmallInteger),
    needed("reason", SmallInteger),
    Column("agent_id", BigInteger),
    # The network of the address, or all of it, and a digest of the whole that is good for a day.
    Column("network", LargeBinary),
    Column("digest", LargeBinary),
)

# How far an account's stored clicks have been judged again; there is no row where none are.
click_reclassifications: Final = Table(
    "click_reclassifications",
    metadata,
    key("account_id", RowId),
    # A digest of the rules: by others it begins anew.
    needed("rules", Text),
    # Clicks that came later were judged by the rules of today.
    needed("until_at", BigInteger),
    # The last that was dealt with, and where its neighbours begin.
    needed("at", BigInteger),
    needed("click_id", BigInteger),
    needed("seen_at", BigInteger),
    needed("seen_id", BigInteger),
    # Whether only the times that were taken back are still looked for.
    needed("is_judged", Boolean),
    # Whether any were.
    needed("has_lost", Boolean),
    # What has changed, and what has not, for the report.
    needed("report", Text),
    sqlite_with_rowid=False,
)

# What browsers call themselves, each once.
agents: Final = Table(
    "agents",
    metadata,
    row_id(),
    needed("digest", LargeBinary),
    needed("text", LargeBinary),
    # The day, since 1970, that it was last met on.
    needed("seen_on", Integer),
    UniqueConstraint("digest"),
    Index(None, "seen_on"),
)

# The clicks on each message that has any: how many, and the first of a person, which counts.
message_clicks: Final = Table(
    "message_clicks",
    metadata,
    key("number", RowId),
    needed("account_id", BigInteger),
    # None while no person has clicked.
    Column("at", BigInteger),
    # None, too, while another first click is looked for: the one it was is no person's any more.
    Column("position", SmallInteger),
    Column("offer_id", BigInteger),
    # Of all clicks, those of people and those of machines; the others are neither for certain.
    needed("clicks", Integer, server_default=text("0")),
    needed("human_clicks", Integer, server_default=text("0")),
    needed("machine_clicks", Integer, server_default=text("0")),
    Index(
        None,
        "account_id",
        "offer_id",
        "at",
        sqlite_where=text("at IS NOT NULL"),
    ),
)

# What happened behind links, each once: those that are known by a transaction, or by message and
# day, are not there twice.
conversions: Final = Table(
    "conversions",
    metadata,
    row_id(),
    needed("account_id", RowId),
    # 0 is none: it is part of a key.
    needed("offer_id", RowId),
    needed("event", Text),
    Column("external_id", Text),
    Column("known_by", Text),
    Column("number", BigInteger),
    Column("list_id", BigInteger),
    needed("source", Text),
    needed("attribution", Text),
    # Ten-thousandths; negative where an earlier one is taken back.
    needed("amount", BigInteger),
    Column("payout", BigInteger),
    needed("currency", Text),
    needed("at", BigInteger),
    needed("created_at", BigInteger),
    needed("imported", Boolean),
    needed("attributed", Boolean),
    Column("takes_back", BigInteger),
    # The link that it came by, where that is in no message.
    Column("link_id", BigInteger),
    UniqueConstraint("account_id", "offer_id", "event", "known_by"),
    Index(None, "account_id", "offer_id", "external_id"),
    Index(None, "account_id", "number"),
    Index(
        None,
        "account_id",
        "link_id",
        sqlite_where=text("link_id IS NOT NULL"),
    ),
)

coupons: Final = Table(
    "coupons",
    metadata,
    key("account_id", RowId),
    Column("code", Text, primary_key=True),
    needed("offer_id", RowId),
    needed("created_at", BigInteger),
    # A postback names no account.
    Index(None, "code"),
    sqlite_with_rowid=False,
)

# How an account takes conversions; one that has set nothing has no row.
postback_settings: Final = Table(
    "postback_settings",
    metadata,
    key("account_id", RowId),
    needed("currency", Text),
    Column("click_window_days", SmallInteger),
    needed("open_links", Boolean),
    Column("secret", LargeBinary),
    Column("old_secret", LargeBinary),
    Column("old_secret_until", BigInteger),
    sqlite_with_rowid=False,
)

# What an account sent on the platform that it came from, as far as clicks and revenue refer to it.
imported_sends: Final = Table(
    "imported_sends",
    metadata,
    row_id(),
    needed("account_id", RowId),
    # The message's id on that platform.
    needed("ref", Text),
    needed("list_id", BigInteger),
    # 0 where the person's data was deleted.
    needed("recipient", BigInteger),
    needed("at", BigInteger),
    Column("send_type", Text),
    Column("delivered", Boolean),
    Column("length", Integer),
    # Its one click, and the offer that it led to.
    Column("clicked_at", BigInteger),
    Column("click_offer_id", BigInteger),
    needed("created_at", BigInteger),
    UniqueConstraint("account_id", "ref"),
    Index(None, "list_id", "recipient"),
    # Conversions go on naming a row that is gone: its id is never used again.
    sqlite_autoincrement=True,
)

# What was imported of contacts, beside what was counted here: so it can be taken back.
contact_history: Final = Table(
    "contact_history",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    needed("sends", Integer),
    Column("first_sent_at", BigInteger),
    Column("last_sent_at", BigInteger),
    needed("clicks", Integer),
    Column("last_clicked_at", BigInteger),
    needed("conversions", Integer),
    needed("revenue", BigInteger),
    Column("last_revenue_at", BigInteger),
    sqlite_with_rowid=False,
)

# What contacts have clicked and earned, in the order of their subscription; few ever do.
contact_earnings: Final = Table(
    "contact_earnings",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    needed("clicks", Integer),
    Column("last_clicked_at", BigInteger),
    needed("conversions", Integer),
    needed("revenue", BigInteger),
    Column("last_revenue_at", BigInteger),
    sqlite_with_rowid=False,
)

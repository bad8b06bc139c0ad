"""The tables of contacts: whom an account may text, and whom not.

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
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.storage.columns import JsonText, RowId, key, metadata, needed, row_id

list_contacts: Final = Table(
    "list_contacts",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    needed("active", Boolean),
    needed("first_name", Text),
    needed("last_name", Text),
    needed("subscribed_at", BigInteger),
    Column("unsubscribed_at", BigInteger),
    Column("reason", Text),
    needed("custom_fields", JsonText, server_default=text("'{}'")),
    # When and how the number came to the list, with what shows its consent. A number that a list
    # knows only by its leaving has no way in.
    needed("signup_at", BigInteger, server_default=text("0")),
    Column("signup_method", Text),
    Column("ip_address", Text),
    Column("url", Text),
    Column("ad_network_source", Text),
    Column("ad_network_id", Text),
    # `active` is in it so that pages of the active, and counts, never touch the rows themselves.
    Index("list_contacts_by_signup", "list_id", "signup_at", "recipient", "active"),
    # Few leave a list: by it they are counted and shown without a look at all the others.
    Index(
        "list_contacts_left",
        "list_id",
        "active",
        "signup_at",
        "recipient",
        sqlite_where=text("active = 0"),
    ),
    # By it an audience is estimated: with what most filters ask about. `active` comes early: where
    # only its first column is known, a planner takes it for no better than the other one.
    Index(
        "list_contacts_sample",
        "list_id",
        "active",
        "recipient",
        "signup_at",
        "custom_fields",
        sqlite_where=text(f"recipient % {SAMPLE_STEP} = 0"),
    ),
    sqlite_with_rowid=False,
)

# How many contacts of a list signed up on a day since the epoch, those who have left included. A
# count is the sum over its shards.
signup_counts: Final = Table(
    "signup_counts",
    metadata,
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    needed("n", BigInteger),
    sqlite_with_rowid=False,
)

# What was sent to a contact, in the order of its subscription; counted after the messages.
contact_activity: Final = Table(
    "contact_activity",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    needed("sends", Integer),
    needed("first_sent_at", BigInteger),
    needed("last_sent_at", BigInteger),
    # Of the last message of a campaign or a journey: what it came from, and when it was accepted.
    Column("last_origin_id", BigInteger),
    Column("last_origin_at", BigInteger),
    sqlite_with_rowid=False,
)

# What is known of a number whatever the list. It is the account's own knowledge: no account can
# learn from an answer that another one knows the number.
contacts: Final = Table(
    "contacts",
    metadata,
    key("account_id", RowId),
    key("recipient", BigInteger),
    Column("email", Text),
    Column("carrier", Text),
    Column("line_type", Text),
    Column("timezone", Text),
    # The zone that the account itself has set; then the contact's zone is no other.
    Column("told_zone", Text),
    Column("is_valid", Boolean),
    # None until its carrier, line type and time zone have been looked up.
    Column("looked_up_at", BigInteger),
    needed("created_at", BigInteger),
    Index(
        "contacts_to_look_up",
        "account_id",
        "recipient",
        sqlite_where=text("looked_up_at IS NULL"),
    ),
    Index(
        "contacts_told_zones",
        "account_id",
        "told_zone",
        "recipient",
        sqlite_where=text("told_zone IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

consent_events: Final = Table(
    "consent_events",
    metadata,
    row_id(),
    needed("list_id", RowId),
    needed("recipient", BigInteger),
    needed("active", Boolean),
    needed("reason", Text),
    needed("source", Text),
    needed("evidence", Text),
    needed("at", BigInteger),
    Column("rule", Text),
    Index(None, "list_id", "recipient"),
)

blocks: Final = Table(
    "blocks",
    metadata,
    key("account_id", RowId),
    key("recipient", BigInteger),
    needed("note", Text),
    needed("blocked_at", BigInteger),
    sqlite_with_rowid=False,
)

# Numbers of people whose data was deleted, as digests: they stay out of every list of the account.
erased: Final = Table(
    "erased",
    metadata,
    key("account_id", RowId),
    key("digest", BigInteger),
    # A contact who has complained is not brought back by a START either.
    needed("complained", Boolean),
    needed("erased_at", BigInteger),
    sqlite_with_rowid=False,
)

# Saved filters over contacts of lists.
audiences: Final = Table(
    "audiences",
    metadata,
    row_id(),
    # Its public id: chance, as an offer's.
    needed("ref", Text),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("description", Text),
    # An array of lists' ids; an empty one is all lists of the account.
    needed("source_lists", Text),
    # The tree as the public API shows it.
    needed("filter", Text),
    needed("status", Text),
    # The members as they were last counted.
    Column("cached_size", BigInteger),
    Column("cached_size_updated_at", BigInteger),
    needed("created_at", BigInteger),
    needed("updated_at", BigInteger),
    UniqueConstraint("ref"),
    Index(None, "account_id"),
)

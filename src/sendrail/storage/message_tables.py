"""The tables of the way of a message: accepted, queued, handed over, followed by its receipt.

Hot tables (messages, queue, attempts, carrier_refs, inbox) carry their `lane` in each row and are
written in the order of their key: a random-order index costs the accept path several times its
throughput. Times are milliseconds since the epoch, UTC; phone numbers are their digits as an
integer. Hot tables have no foreign keys: a look-up for each would cost more than the insert, and
the gate has just read the very rows they would check.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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

counters: Final = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    needed("value", BigInteger),
    sqlite_with_rowid=False,
)

messages: Final = Table(
    "messages",
    metadata,
    key("number", RowId),
    needed("lane", SmallInteger),
    needed("account_id", BigInteger),
    needed("list_id", BigInteger),
    needed("recipient", BigInteger),
    needed("created_at", BigInteger),
    needed("status", Text),
    needed("attempt", SmallInteger),
    needed("epoch", BigInteger),
    needed("skips", SmallInteger),
    needed("resent", SmallInteger),
    needed("segments", SmallInteger),
    needed("encoding", Text),
    needed("body", Text),
    Column("metadata", Text),
    # A word for what became of it, and the carrier's own code or sentence.
    Column("detail", Text),
    Column("provider_detail", Text),
    Column("connector_id", BigInteger),
    Column("carrier_ref", Text),
    Column("sending_at", BigInteger),
    Column("sent_at", BigInteger),
    Column("ended_at", BigInteger),
    # How many parts are still to be delivered, where the carrier gives a receipt for each.
    Column("parts_left", SmallInteger),
    # Where the short links of the text lead, in the order of its marks, apart by blanks: the id of
    # a destination, or a URL of this message's own.
    Column("links", Text),
    # What it comes from; null where an account sends it itself.
    Column("origin_id", BigInteger),
    # What is neither waiting nor at rest: the rescuer's list, and always a short one.
    Index(
        "messages_unsettled",
        "status",
        "number",
        sqlite_where=text("status IN ('sending', 'uncertain')"),
    ),
)

# What messages come from: a run of a campaign or a journey, with the variant or the step.
origins: Final = Table(
    "origins",
    metadata,
    row_id(),
    needed("account_id", BigInteger),
    needed("kind", Text),
    needed("of_id", BigInteger),
    needed("version", Integer),
    needed("part", Text),
    # The creative of its text, and the ids of the offers that its links count for, apart by blanks.
    Column("creative_id", BigInteger),
    needed("offers", Text),
    UniqueConstraint("account_id", "kind", "of_id", "version", "part"),
)

# What has become of messages, by origin, list and hour; 0 is the origin of what accounts send
# themselves. A count is the sum over its shards: each writer has one.
origin_counts: Final = Table(
    "origin_counts",
    metadata,
    key("origin_id", BigInteger),
    key("list_id", BigInteger),
    # Since the epoch.
    key("hour", Integer),
    Column("what", Text, primary_key=True),
    key("shard", SmallInteger),
    needed("n", BigInteger),
    needed("segments", BigInteger),
    needed("amount", BigInteger),
    Index(None, "list_id", "hour"),
    Index(None, "hour"),
    sqlite_with_rowid=False,
)

# Where the links of many messages lead: a row for each URL of an account, found by its digest.
destinations: Final = Table(
    "destinations",
    metadata,
    row_id(),
    needed("account_id", BigInteger),
    # The offer that a click counts for; the digest is of the offer and the URL.
    Column("offer_id", BigInteger),
    needed("digest", LargeBinary),
    needed("url", Text),
    needed("created_at", BigInteger),
    UniqueConstraint("account_id", "digest"),
)

queue: Final = Table(
    "queue",
    metadata,
    key("lane", SmallInteger),
    key("list_id", BigInteger),
    key("rank", SmallInteger),
    key("due_at", BigInteger),
    key("number", BigInteger),
    sqlite_with_rowid=False,
)

# Messages that leave at a time of their own: in the queue they would be looked at again and again.
scheduled: Final = Table(
    "scheduled",
    metadata,
    key("lane", SmallInteger),
    key("number", BigInteger),
    needed("send_at", BigInteger),
    needed("account_id", BigInteger),
    needed("list_id", BigInteger),
    needed("rank", SmallInteger),
    Index(None, "send_at"),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)

attempts: Final = Table(
    "attempts",
    metadata,
    key("number", BigInteger),
    key("attempt", SmallInteger),
    needed("lane", SmallInteger),
    needed("connector_id", BigInteger),
    needed("epoch", BigInteger),
    needed("started_at", BigInteger),
    needed("ended_at", BigInteger),
    needed("outcome", Text),
    Column("detail", Text),
    Column("provider_detail", Text),
    Column("carrier_ref", Text),
    sqlite_with_rowid=False,
)

carrier_refs: Final = Table(
    "carrier_refs",
    metadata,
    key("connector_id", BigInteger),
    Column("carrier_ref", Text, primary_key=True),
    needed("lane", SmallInteger),
    needed("number", BigInteger),
    # Set where the carrier names each part of a long text: which one this is, of how many, and
    # whether its receipt has come.
    Column("part", SmallInteger),
    Column("parts", SmallInteger),
    needed("told", Boolean, server_default=text("0")),
    # How those of a message are found when it is forgotten: its row names one of them at most, not
    # the parts of a long text nor what an attempt that was given up got in the end.
    Index(None, "number"),
    sqlite_with_rowid=False,
)

inbox: Final = Table(
    "inbox",
    metadata,
    row_id(),
    needed("connector_id", BigInteger),
    needed("received_at", BigInteger),
    needed("raw", LargeBinary),
)

parked_receipts: Final = Table(
    "parked_receipts",
    metadata,
    row_id(),
    needed("connector_id", BigInteger),
    needed("carrier_ref", Text),
    Column("status", Text),
    needed("detail", Text),
    needed("received_at", BigInteger),
    Column("trouble", Text),
    Index(None, "received_at"),
)

refused_callbacks: Final = Table(
    "refused_callbacks",
    metadata,
    row_id(),
    needed("connector_id", BigInteger),
    needed("received_at", BigInteger),
    needed("refused_at", BigInteger),
    # Whether it is a receipt, a handset's text, or unknown.
    needed("about", Text),
    needed("size", BigInteger),
    needed("reason", Text),
    # Last, so that what comes before is read without it.
    needed("raw", LargeBinary),
)

replies: Final = Table(
    "replies",
    metadata,
    row_id(),
    needed("account_id", BigInteger),
    needed("list_id", BigInteger),
    needed("sender", BigInteger),
    needed("body", Text),
    Column("keyword", Text),
    needed("received_at", BigInteger),
    Column("rule", Text),
    needed("review", Boolean, server_default=text("0")),
    # The keyword as it came, in its plain form.
    Column("word", Text),
    # When a user of the account has first seen it, and what a person has decided it was.
    Column("seen_at", BigInteger),
    Column("verdict", Text),
    Index(None, "account_id"),
    # Those that wait for a user are few among all.
    Index("replies_unseen", "account_id", sqlite_where=text("seen_at IS NULL AND keyword IS NULL")),
    Index("replies_to_review", "account_id", sqlite_where=text("review AND verdict IS NULL")),
    # One contact's replies are read beside the thousands of others.
    Index(None, "account_id", "sender"),
)

# The carriers' ids of texts that were taken, each with a few bits of its text, so that one offered
# twice is taken once.
reply_refs: Final = Table(
    "reply_refs",
    metadata,
    key("connector_id", BigInteger),
    Column("carrier_ref", Text, primary_key=True),
    needed("received_at", BigInteger),
    Index(None, "received_at"),
    sqlite_with_rowid=False,
)

reply_parts: Final = Table(
    "reply_parts",
    metadata,
    key("connector_id", BigInteger),
    key("sender", BigInteger),
    key("list_number", BigInteger),
    key("reference", Integer),
    key("total", SmallInteger),
    key("number", SmallInteger),
    needed("body", Text),
    # What the body was read from: a character may begin in one part and end in the next.
    Column("octets", LargeBinary),
    Column("alphabet", Text),
    needed("answered", Boolean),
    # Kept for a while after the text is whole, so that a part that comes twice is known.
    needed("joined", Boolean),
    needed("received_at", BigInteger),
    Index(None, "received_at"),
    sqlite_with_rowid=False,
)

auto_replies: Final = Table(
    "auto_replies",
    metadata,
    key("list_id", BigInteger),
    key("recipient", BigInteger),
    Column("keyword", Text, primary_key=True),
    needed("account_id", BigInteger),
    needed("list_number", BigInteger),
    needed("body", Text),
    needed("asked_at", BigInteger),
    # None while it waits; it stays for a while afterwards, so that none follows too soon.
    Column("queued_at", BigInteger),
    Index(None, "queued_at", "asked_at"),
    sqlite_with_rowid=False,
)

recipient_troubles: Final = Table(
    "recipient_troubles",
    metadata,
    key("list_id", BigInteger),
    key("recipient", BigInteger),
    key("number", BigInteger),
    needed("at", BigInteger),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

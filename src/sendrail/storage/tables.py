"""The tables, once, for every database.

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
    Float,
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

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.storage import (
    campaign_tables,
    enrolment_tables,
    journey_tables,
    tracking_tables,
    upload_tables,
    user_tables,
    webhook_tables,
)
from sendrail.storage.columns import JsonText, RowId, needed, row_id

# The newest migration; a test holds it against the migrations' own chain.
SCHEMA: Final = "0001"
# With the tables of links, campaigns, users, uploads and webhooks, which have modules of their own.
metadata: Final = tracking_tables.offers.metadata
assert metadata is campaign_tables.creatives.metadata
assert metadata is journey_tables.journey_versions.metadata
assert metadata is enrolment_tables.journey_events.metadata
assert metadata is user_tables.users.metadata
assert metadata is upload_tables.uploads.metadata
assert metadata is webhook_tables.outbox.metadata

# What an operator sets up: small, read often, changed by hand.

accounts: Final = Table(
    "accounts",
    metadata,
    row_id(),
    needed("name", Text),
    needed("status", Text),
    needed("blocked_words", Text),
    needed("created_at", BigInteger),
    # An account's own words for STOP.
    needed("stop_words", Text, server_default=text("''")),
    # Of numbers in files that have no plus; two letters, or empty.
    needed("country", Text, server_default=text("''")),
    # The clock that its campaigns go by where no recipient's is meant.
    needed("timezone", Text, server_default=text("'America/New_York'")),
    # What stands before and after its texts; what is not there is the default.
    Column("prepend_text", Text),
    Column("append_text", Text),
    # Quiet hours of its lists that have none of their own.
    Column("quiet_hours", Text),
    UniqueConstraint("name"),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("digest", LargeBinary),
    needed("shown", Text),
    needed("name", Text),
    needed("created_at", BigInteger),
    Column("revoked_at", BigInteger),
    # To the minute or so: no request writes it.
    Column("last_used_at", BigInteger),
    UniqueConstraint("digest"),
)

connectors: Final = Table(
    "connectors",
    metadata,
    row_id(),
    Column("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("kind", Text),
    # Sealed JSON: nothing here is readable without the installation's master key.
    needed("settings", LargeBinary),
    needed("window", Integer),
    Column("mps", Float),
    Column("segments_per_second", Float),
    needed("version", Integer),
    # Sealed, because it is shown to the operator; looked up by its digest.
    Column("token", LargeBinary),
    Column("token_digest", LargeBinary),
    Column("old_token_digest", LargeBinary),
    Column("old_token_until", BigInteger),
    Column("paused_at", BigInteger),
    # A removed connector keeps its row: messages, references and callbacks name it for years.
    Column("removed_at", BigInteger),
    Index(None, "token_digest"),
    Index(None, "old_token_digest"),
)

# What the delivering process reports of its connectors; written when it changes.
connector_states: Final = Table(
    "connector_states",
    metadata,
    Column("connector_id", RowId, primary_key=True, autoincrement=False),
    needed("state", Text),
    needed("detail", Text),
    needed("since", BigInteger),
    sqlite_with_rowid=False,
)

lists: Final = Table(
    "lists",
    metadata,
    row_id(),
    needed("lane", SmallInteger),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("number", BigInteger),
    needed("name", Text),
    needed("brand", Text),
    needed("status", Text),
    needed("rate", Integer),
    needed("connector_id", RowId, ForeignKey("connectors.id")),
    needed("byoc", Boolean),
    Column("verified_at", BigInteger),
    needed("on_uncertain", Text),
    needed("created_at", BigInteger),
    # What it answers to keywords; a text that is not there is the default.
    needed("answers", Boolean, server_default=text("1")),
    Column("stop_text", Text),
    Column("start_text", Text),
    Column("help_text", Text),
    Column(
        "second_connector_id",
        RowId,
        ForeignKey("connectors.id", name="lists_to_second_connectors"),
    ),
    # Where it sends from a name, of which the number is a digest.
    Column("sender_name", Text),
    # Its own frame; what is not there is its account's. Whether `/send` has one as well.
    Column("prepend_text", Text),
    Column("append_text", Text),
    needed("frames_sends", Boolean, server_default=text("0")),
    # Which of its messages wait for the end of quiet hours; its quiet hours, and whether they are
    # its own or its account's, written here so that delivery reads one row.
    needed("quiet_scope", Text, server_default=text("'campaigns'")),
    Column("quiet_hours", Text),
    needed("has_own_hours", Boolean, server_default=text("0")),
    UniqueConstraint("account_id", "number"),
    # A reply names only the number it was sent to.
    Index(None, "number"),
)


def sender_shown(lists_as: str = "lists") -> str:
    """Return the SQL of what a list sends from as the public API writes it."""
    number, name = f"{lists_as}.number", f"{lists_as}.sender_name"
    digits = f"CASE WHEN {number} < 0 THEN CAST(-{number} AS TEXT) ELSE '+' || {number} END"
    return f"coalesce({name}, {digits})"


# Which account owns a sender on a connector that accounts share: it sends as it, and reads its
# replies.
sender_owners: Final = Table(
    "sender_owners",
    metadata,
    Column("connector_id", RowId, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("since", BigInteger),
    sqlite_with_rowid=False,
)

# How far a list on the account's own carrier has come on its way to being verified.
verifications: Final = Table(
    "verifications",
    metadata,
    Column("list_id", RowId, primary_key=True, autoincrement=False),
    needed("checked_at", BigInteger),
    needed("checked", Text),
    Column("sent_at", BigInteger),
    Column("recipient", BigInteger),
    Column("message_number", BigInteger),
    sqlite_with_rowid=False,
)

# Contacts, and whether they may be texted.

list_contacts: Final = Table(
    "list_contacts",
    metadata,
    Column("list_id", RowId, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
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

# What was sent to a contact, in the order of its subscription; counted after the messages.
contact_activity: Final = Table(
    "contact_activity",
    metadata,
    Column("list_id", RowId, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
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
    Column("account_id", RowId, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
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
    Column("account_id", RowId, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
    needed("note", Text),
    needed("blocked_at", BigInteger),
    sqlite_with_rowid=False,
)

# Numbers of people whose data was deleted, as digests: they stay out of every list of the account.
erased: Final = Table(
    "erased",
    metadata,
    Column("account_id", RowId, primary_key=True, autoincrement=False),
    Column("digest", BigInteger, primary_key=True, autoincrement=False),
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

journeys: Final = Table(
    "journeys",
    metadata,
    row_id(),
    needed("list_id", RowId, ForeignKey("lists.id")),
    needed("name", Text),
    needed("created_at", BigInteger),
    # What puts a contact on it: joining its list, or nothing but a call for this one contact.
    needed("trigger", Text, server_default=text("'none'")),
    # One without steps is active from the first.
    needed("status", Text, server_default=text("'active'")),
    # Of several journeys that one occasion starts, an exclusive one is started alone: the one of
    # the highest priority. These three are those of the active version.
    needed("priority", Integer, server_default=text("0")),
    needed("exclusive", Boolean, server_default=text("0")),
    needed("holds_other_sends", Boolean, server_default=text("1")),
    # Whether a version of it ever asked what became of a message: contacts may be on any of them.
    needed("asks_message", Boolean, server_default=text("0")),
    # The version that contacts enter; null is a journey without steps, or a draft.
    Column("active_version", Integer),
    # The document that is to become the next version.
    Column("draft", Text),
    # For how long it has been paused in all, without the pause that has begun.
    needed("paused_ms", BigInteger, server_default=text("0")),
    Column("paused_at", BigInteger),
    UniqueConstraint("list_id", "name"),
)

enrolments: Final = Table(
    "enrolments",
    metadata,
    Column("list_id", RowId, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
    Column("journey_id", RowId, primary_key=True, autoincrement=False),
    needed("lane", SmallInteger),
    needed("started_at", BigInteger),
    # When it is over at the latest, and when it was, once it is.
    needed("ends_at", BigInteger),
    # Where it rests: a step of a version. Version 0 is a journey without steps.
    needed("version", Integer, server_default=text("0")),
    needed("step", Text, server_default=text("''")),
    # When it came there.
    needed("arrived_at", BigInteger, server_default=text("0")),
    # How often it was moved: what moves it names the count it has seen.
    needed("seq", Integer, server_default=text("0")),
    # When its next turn is, at `ends_at` at the latest. It is null once it is over.
    Column("due_at", BigInteger),
    # The kinds of event that bring the turn forward, as bits.
    needed("waits", SmallInteger, server_default=text("0")),
    needed("state", Text, server_default=text("'{}'")),
    # How often the contact was put on the journey.
    needed("times", SmallInteger, server_default=text("1")),
    # Why it is over; the row stays, for re-entry has rules.
    Column("end_reason", Text),
    # Timers, agenda and expiry at once.
    Index("enrolments_due", "lane", "due_at", sqlite_where=text("due_at IS NOT NULL")),
    Index("enrolments_running", "journey_id", "recipient", sqlite_where=text("due_at IS NOT NULL")),
    Index("enrolments_over", "ends_at", sqlite_where=text("due_at IS NULL")),
    sqlite_with_rowid=False,
)

# The way of a message.

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
    Column("number", RowId, primary_key=True, autoincrement=False),
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
    Column("origin_id", BigInteger, primary_key=True, autoincrement=False),
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    # Since the epoch.
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
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
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rank", SmallInteger, primary_key=True, autoincrement=False),
    Column("due_at", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# Messages that leave at a time of their own: in the queue they would be looked at again and again.
scheduled: Final = Table(
    "scheduled",
    metadata,
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
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
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", SmallInteger, primary_key=True, autoincrement=False),
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
    Column("connector_id", BigInteger, primary_key=True, autoincrement=False),
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
    Column("connector_id", BigInteger, primary_key=True, autoincrement=False),
    Column("carrier_ref", Text, primary_key=True),
    needed("received_at", BigInteger),
    Index(None, "received_at"),
    sqlite_with_rowid=False,
)

reply_parts: Final = Table(
    "reply_parts",
    metadata,
    Column("connector_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sender", BigInteger, primary_key=True, autoincrement=False),
    Column("list_number", BigInteger, primary_key=True, autoincrement=False),
    Column("reference", Integer, primary_key=True, autoincrement=False),
    Column("total", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
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
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
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
    Column("list_id", BigInteger, primary_key=True, autoincrement=False),
    Column("recipient", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    needed("at", BigInteger),
    Index(None, "at"),
    sqlite_with_rowid=False,
)

# How processes work together.

leases: Final = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    needed("owner", Text),
    needed("epoch", BigInteger),
    needed("taken_at", BigInteger),
    sqlite_with_rowid=False,
)

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    needed("route", Text),
    needed("body_digest", LargeBinary),
    needed("status", SmallInteger),
    needed("answer", LargeBinary),
    needed("created_at", BigInteger),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

# Values by which an installation knows itself, such as the proof of its master key.
marks: Final = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    needed("value", LargeBinary),
    sqlite_with_rowid=False,
)

# What was done to people's data; rows are only ever added.
audit: Final = Table(
    "audit",
    metadata,
    row_id(),
    needed("account_id", RowId),
    needed("at", BigInteger),
    needed("actor", Text),
    needed("action", Text),
    needed("about", Text),
    needed("details", Text),
    Column("request_id", Text),
    Index(None, "account_id"),
)

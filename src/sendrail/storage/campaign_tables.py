"""The tables of campaigns: what is written, and the runs that send it.

Times are milliseconds since the epoch, UTC.
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

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

creatives: Final = Table(
    "creatives",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("name", Text),
    needed("message", Text),
    needed("status", Text),
    needed("creative_type", Text),
    needed("created_at", BigInteger),
    needed("updated_at", BigInteger),
    Index(None, "account_id"),
)

# Where the links of a creative lead, in the order in which its author gave them.
creative_links: Final = Table(
    "creative_links",
    metadata,
    key("creative_id", RowId),
    key("position", SmallInteger),
    needed("account_id", RowId),
    needed("key", Text),
    needed("offer_id", RowId),
    # A URL in place of the offer's.
    Column("url", Text),
    needed("url_params", Text),
    sqlite_with_rowid=False,
)

schedules: Final = Table(
    "schedules",
    metadata,
    row_id(),
    # The public id.
    needed("ref", Text),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("status", Text),
    # What the account says of it, as an object in JSON.
    needed("terms", Text),
    # When it was switched on; null while it is not.
    Column("on_since", BigInteger),
    # When its next run is due; null when there is none to come.
    Column("next_at", BigInteger),
    # The local date of the last run that was made of it.
    Column("last_date", Text),
    needed("created_at", BigInteger),
    needed("updated_at", BigInteger),
    UniqueConstraint("ref"),
    Index(None, "account_id"),
    Index(
        "schedules_due",
        "next_at",
        sqlite_where=text("next_at IS NOT NULL"),
    ),
)

# The days of schedules that were made runs. The key on the date is what keeps a second one out,
# whatever makes them: two planners, a doubled hour, a restored backup.
runs: Final = Table(
    "runs",
    metadata,
    row_id(),
    needed("account_id", RowId),
    needed("schedule_id", RowId),
    needed("local_date", Text),
    needed("state", Text),
    Column("reason", Text),
    # What it sends and to whom, as it was when the run began; counted up with each change.
    needed("content", Text),
    needed("version", SmallInteger),
    needed("due_at", BigInteger),
    needed("ends_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    # When it last had its turn: runs take turns.
    needed("turn_at", BigInteger),
    needed("planned", BigInteger),
    needed("held_out", BigInteger),
    # Two objects in JSON: contacts left out by the reason, and messages by their variant.
    needed("left_out", Text),
    needed("variants", Text),
    # What is still to be done with its messages in the queue; null is nothing.
    Column("sweep", Text),
    # Whether who was in it is still kept.
    needed("remembers", Boolean),
    # Its results at some moments, as an array in JSON: what its brake looks at.
    Column("moments", Text),
    UniqueConstraint("account_id", "schedule_id", "local_date"),
    Index(None, "account_id", "local_date"),
    Index(
        "runs_open",
        "state",
        "turn_at",
        sqlite_where=text("state IN ('due', 'running', 'paused')"),
    ),
    Index("runs_remembered", "ended_at", sqlite_where=text("remembers")),
    Index("runs_to_sweep", "sweep", sqlite_where=text("sweep IS NOT NULL")),
)

# The parts of a run that are due at one instant, each with the ranges of numbers that it walks.
run_waves: Final = Table(
    "run_waves",
    metadata,
    key("run_id", RowId),
    key("wave", SmallInteger),
    needed("account_id", RowId),
    needed("due_at", BigInteger),
    needed("ends_at", BigInteger),
    # An array of pairs in JSON: the first and the last number of each.
    needed("ranges", Text),
    needed("is_rest", Boolean),
    # Which of the zones set for contacts are of it, in JSON; null where none had been set.
    Column("told", Text),
    # The last number that was looked at.
    needed("cursor", BigInteger),
    needed("done", Boolean),
    sqlite_with_rowid=False,
)

# Who was in a run, and as which variant: 0 is its holdout. It keeps a second message of the run
# from the same number.
run_recipients: Final = Table(
    "run_recipients",
    metadata,
    key("run_id", RowId),
    key("recipient", BigInteger),
    needed("variant", SmallInteger),
    sqlite_with_rowid=False,
)

# When campaigns last sent to a number, on whichever list of the account: what caps are held by.
campaign_sends: Final = Table(
    "campaign_sends",
    metadata,
    key("account_id", RowId),
    key("recipient", BigInteger),
    # Some times, the latest first; see `domain/campaign_run.py`.
    needed("sends", Text),
    sqlite_with_rowid=False,
)

# What contacts of a list brought, by the day since the epoch that they signed up on, and by the day
# of their subscription that a band begins with. A count is the sum over its shards.
cohort_counts: Final = Table(
    "cohort_counts",
    metadata,
    key("list_id", BigInteger),
    key("day", Integer),
    key("band", SmallInteger),
    Column("what", Text, primary_key=True),
    key("shard", SmallInteger),
    needed("n", BigInteger),
    needed("amount", BigInteger),
    Index(None, "day"),
    sqlite_with_rowid=False,
)

# The same of each contact, but for messages, in the order of its subscription: so cohorts are made
# of what contacts have in common now. Few contacts ever click, buy or leave.
contact_counts: Final = Table(
    "contact_counts",
    metadata,
    key("list_id", RowId),
    key("recipient", BigInteger),
    key("band", SmallInteger),
    Column("what", Text, primary_key=True),
    needed("n", BigInteger),
    needed("amount", BigInteger),
    sqlite_with_rowid=False,
)

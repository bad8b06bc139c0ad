"""The tables of people who use the dashboard.

Of whatever lets a user in, only a digest is kept. Times are milliseconds since the epoch, UTC.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from sendrail.storage.columns import RowId, key, metadata, needed, row_id

users: Final = Table(
    "users",
    metadata,
    row_id(),
    needed("email", Text),
    needed("name", Text),
    needed("is_operator", Boolean),
    # By argon2id, with its own parameters in it; empty until an invitation is accepted.
    needed("password", Text),
    # The secret of an authenticator, sealed; it counts once a code of it was shown.
    Column("totp", LargeBinary),
    Column("totp_since", BigInteger),
    # The time step of the last code that was taken: no code is good twice.
    Column("totp_step", BigInteger),
    needed("created_at", BigInteger),
    Column("disabled_at", BigInteger),
    UniqueConstraint("email"),
)

backup_codes: Final = Table(
    "backup_codes",
    metadata,
    key("user_id", RowId, ForeignKey("users.id")),
    Column("digest", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

memberships: Final = Table(
    "memberships",
    metadata,
    key("account_id", RowId, ForeignKey("accounts.id")),
    key("user_id", RowId, ForeignKey("users.id")),
    needed("role", Text),
    needed("created_at", BigInteger),
    Index(None, "user_id"),
    sqlite_with_rowid=False,
)

user_sessions: Final = Table(
    "user_sessions",
    metadata,
    row_id(),
    needed("user_id", RowId, ForeignKey("users.id")),
    # The account that this browser looks at.
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("digest", LargeBinary),
    needed("created_at", BigInteger),
    needed("used_at", BigInteger),
    needed("confirmed_at", BigInteger),
    needed("agent", Text),
    needed("address", Text),
    UniqueConstraint("digest"),
    Index(None, "user_id"),
)

invitations: Final = Table(
    "invitations",
    metadata,
    row_id(),
    needed("account_id", RowId, ForeignKey("accounts.id")),
    needed("email", Text),
    needed("role", Text),
    needed("is_operator", Boolean),
    # Of an invited person who is a user already.
    Column("user_id", RowId, ForeignKey("users.id")),
    needed("digest", LargeBinary),
    needed("created_at", BigInteger),
    needed("expires_at", BigInteger),
    UniqueConstraint("digest"),
    Index(None, "account_id"),
)

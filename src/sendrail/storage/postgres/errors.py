"""What the driver and the server say went wrong, as our own errors with what to do about it."""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from sendrail.domain.errors import (
    Contended,
    Overloaded,
    StorageFull,
    StorageUnavailable,
    Unstorable,
)
from sendrail.storage.postgres.availability import AWAY, DRIVER_ERRORS

# Longer than a search may take.
READ_SECONDS_MAX: Final = 10
# Two transactions in each other's way: the same again goes well in a moment.
_CONTENDED: Final = frozenset({"40001", "40P01", "55P03"})
# The classes of what ends a connection: connection exceptions, operator intervention.
_LOST: Final = frozenset({"08", "57"})
# The classes of what is the fault of a value and not of the database: data, integrity, limits.
_REFUSALS: Final = frozenset({"21", "22", "23", "54"})
# The server has become a standby: another host is the one to speak to now.
_READ_ONLY: Final = "25006"
_DISK_FULL: Final = "53100"
_CANCELLED: Final = "57014"


def is_lost(error: Exception) -> bool:
    """Return whether the connection is gone, and the transaction with it."""
    cause = _cause(error)
    if isinstance(cause, asyncpg.PostgresError):
        code = cause.sqlstate or ""
        return code[:2] in _LOST and code != _CANCELLED
    return isinstance(cause, DRIVER_ERRORS)


def is_read_only(error: Exception) -> bool:
    return getattr(_cause(error), "sqlstate", None) == _READ_ONLY


def _cause(error: BaseException) -> BaseException:
    """Return the driver's own error behind SQLAlchemy's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def translated(error: Exception) -> Exception:
    """Return our error, with what to do about it, for one of the driver's; others as they are."""
    if is_lost(error):
        # If the commit was sent, it may have been done.
        return StorageUnavailable(AWAY)
    cause = _cause(error)
    if isinstance(cause, asyncpg.PostgresError):
        return _from_server(cause, cause.sqlstate or "")
    return error


def _from_server(cause: asyncpg.PostgresError, code: str) -> Exception:
    if code[:2] in _REFUSALS:
        # Its own words may hold the value; the driver's do, where it could not write one down.
        return Unstorable(
            f"The database refuses a value that it was given ({code}); nothing was stored."
        )
    # A plan that a change of the schema has made void is made anew; the rest of its class, which
    # the server does not support, would fail again.
    if code in _CONTENDED or isinstance(cause, asyncpg.InvalidCachedStatementError):
        return Contended("Two changes got in each other's way; nothing was stored. Try again.")
    if code == _DISK_FULL:
        return StorageFull(
            "The database's disk is full; nothing was stored. Free some space and try again."
        )
    if code == _CANCELLED:
        return Overloaded(
            f"The search took over {READ_SECONDS_MAX} s. Narrow it down, for example with "
            "created_after.",
            code="query_too_broad",
        )
    return StorageUnavailable(f"The database cannot be used: {cause}. Nothing was stored.")

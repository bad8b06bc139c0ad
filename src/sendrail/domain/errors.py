"""The closed set of expected errors, each with a machine-readable code.

No error here knows HTTP: the API maps codes to status codes in `api/errors.py`, and the command
line prints the same sentence to a terminal.
"""

from typing import Final

# What was given may be megabytes long, and an error that names it is shown and logged.
MESSAGE_LENGTH_MAX: Final = 2_000
PARAM_LENGTH_MAX: Final = 300


def excerpt(text: str, length_max: int) -> str:
    """Return a text, of a long one its beginning and its end with `…` between them."""
    if len(text) <= length_max:
        return text
    rest = length_max - 1
    return f"{text[: rest - rest // 3]}…{text[-(rest // 3) :]}"


class SendrailError(Exception):
    """An error that the caller or the operator can resolve; the text says how."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        message = excerpt(message, MESSAGE_LENGTH_MAX)
        super().__init__(message)
        self.message = message
        self.param = None if param is None else excerpt(param, PARAM_LENGTH_MAX)
        if code is not None:
            self.code = code


class InvalidInput(SendrailError):
    """A value the caller gave cannot be used."""

    code = "invalid_field"


class NotFound(SendrailError):
    """The object does not exist, or belongs to another account: the two look the same."""

    code = "not_found"


class Conflict(SendrailError):
    """The object exists already, or its state forbids the request."""

    code = "conflict"


class Unauthorized(SendrailError):
    """The caller did not show a valid API key."""

    code = "invalid_api_key"


class Forbidden(SendrailError):
    """The caller is known, but may not do this."""

    code = "account_suspended"


class Overloaded(SendrailError):
    """The installation is too busy, or a limit on waiting work is reached; try again later."""

    code = "overloaded"


class StorageUnavailable(SendrailError):
    """The database cannot take or give data right now; nothing was changed."""

    code = "storage_unavailable"


class Contended(StorageUnavailable):
    """Two changes conflicted; the same change can be retried shortly."""


class StorageFull(StorageUnavailable):
    """The disk is full: nothing was stored."""

    code = "storage_full"


class Unstorable(StorageUnavailable):
    """The database cannot store a value: a retry fails as well; nothing was stored."""

    code = "internal_error"


class SetupError(SendrailError):
    """The installation cannot start or run with its settings."""

    code = "setup"


class CarrierTrouble(SendrailError):
    """A connector's settings are wrong, or a callback of its carrier cannot be read."""

    code = "carrier_trouble"


class ConnectorUnread(SendrailError):
    """A connector has not been read from the database yet, so its callbacks must wait."""

    code = "connector_unread"


def is_passing(error: Exception) -> bool:
    """Return whether the storage is in trouble, so that the same may go well in a moment.

    What else goes wrong is the fault of what was to be done, and goes wrong again.
    """
    return isinstance(error, StorageUnavailable | Overloaded) and not isinstance(error, Unstorable)


def missing(name: str) -> InvalidInput:
    """Return the error for a field that is absent, null, blank or empty."""
    return InvalidInput(f"{name} is required", code=f"missing_{name}", param=name)

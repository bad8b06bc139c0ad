"""The closed set of expected troubles, each with a machine-readable code.

No error here knows HTTP: the API maps codes to status codes once, in `api/errors.py`, and the
command line prints the same sentence to a terminal.
"""


class SendrailError(Exception):
    """Trouble that is the caller's or the operator's to solve; the text says how."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class InvalidInput(SendrailError):
    """A value the caller gave cannot be used."""

    code = "invalid_field"


class NotFound(SendrailError):
    """There is no such thing, or it belongs to somebody else: the two look the same."""

    code = "not_found"


class Conflict(SendrailError):
    """The thing exists already, or its state forbids what was asked."""

    code = "conflict"


class Unauthorized(SendrailError):
    """The caller did not show a valid API key."""

    code = "invalid_api_key"


class Forbidden(SendrailError):
    """The caller is known, but may not do this."""

    code = "account_suspended"


class Overloaded(SendrailError):
    """We are too busy just now, or a limit on waiting work is reached; later is better."""

    code = "overloaded"


class StorageUnavailable(SendrailError):
    """The database cannot take or give data right now; nothing was changed."""

    code = "storage_unavailable"


class Contended(StorageUnavailable):
    """Two changes got in each other's way; the same again goes well in a moment."""

    code = "storage_contended"


class StorageFull(StorageUnavailable):
    """The disk is full: nothing was stored."""

    code = "storage_full"


class Unstorable(StorageUnavailable):
    """A value that this database cannot keep: the same again fails again; nothing was stored."""


class SetupError(SendrailError):
    """The installation cannot start or run as it is set up."""

    code = "setup"


class CarrierTrouble(SendrailError):
    """A carrier connector is set up wrongly, or its callback cannot be read."""

    code = "carrier_trouble"


class ConnectorUnread(SendrailError):
    """A connector has not been read from the database yet: its callbacks wait a moment longer."""

    code = "connector_unread"

"""Every bound of the server's door, in one table.

`docs/operate/security.md` is made from it, and each row has a test under its name
(`tests/contract/test_limits.py`).
"""

from typing import Final, NamedTuple

# One request

HEAD_BYTES_MAX: Final = 65_536
HEAD_FIELDS_MAX: Final = 100
QUERY_BYTES_MAX: Final = 16_384
QUERY_FIELDS_MAX: Final = 100
BODY_BYTES_MAX: Final = 5_000_000
CALLBACK_BYTES_MAX: Final = 262_144
FORM_BYTES_MAX: Final = 65_536
# What a request may hold of its body before its caller is known.
UNASKED_BYTES_MAX: Final = 16_384

# One connection

OUTSTANDING_MAX: Final = 64
UNREAD_BYTES_MAX: Final = 65_536
REQUEST_SECONDS_MAX: Final = 30.0
# Longer than clients and proxies keep an idle connection (most 5 to 60 s): where both sides give it
# up at the same time, a request runs into a closed door.
IDLE_SECONDS_MAX: Final = 75.0
ANSWER_SECONDS_MAX: Final = 75.0
LINGER_BYTES_MAX: Final = 67_108_864
LINGER_SECONDS_MAX: Final = 30.0
# While the server stops.
LINGER_STOPPING_SECONDS: Final = 1.0

# The process

BODIES_BYTES_MAX: Final = 134_217_728
STRANGERS_BYTES_MAX: Final = 16_777_216


class Limit(NamedTuple):
    """A row of the table: the name of its constant, what it bounds, and what follows past it."""

    name: str
    bounds: str
    past: str

    @property
    def value(self) -> float:
        """Return the number itself."""
        value: float = globals()[self.name]
        return value


LIMITS: Final = (
    Limit(
        "HEAD_BYTES_MAX",
        "bytes of a request's line and headers, and of its trailers",
        "head_too_large",
    ),
    Limit("HEAD_FIELDS_MAX", "headers of a request, and trailers", "head_too_large"),
    Limit("QUERY_BYTES_MAX", "bytes of a query", "query_too_long"),
    Limit("QUERY_FIELDS_MAX", "fields of a query", "query_too_long"),
    Limit("BODY_BYTES_MAX", "bytes of a body", "payload_too_large"),
    Limit("CALLBACK_BYTES_MAX", "bytes of a carrier's callback", "payload_too_large"),
    Limit("FORM_BYTES_MAX", "bytes of a form of the dashboard", "the form is refused"),
    Limit(
        "UNASKED_BYTES_MAX",
        "bytes of a body that are buffered before the API key is looked up",
        "the key is looked up first",
    ),
    Limit(
        "OUTSTANDING_MAX",
        "requests of one connection without a response yet",
        "reading pauses",
    ),
    Limit(
        "UNREAD_BYTES_MAX",
        "bytes of responses or of a body that are buffered for one connection",
        "reading pauses",
    ),
    Limit(
        "REQUEST_SECONDS_MAX", "seconds from a request's first byte to its last", "request_timeout"
    ),
    Limit("IDLE_SECONDS_MAX", "seconds without a request", "the connection is closed"),
    Limit(
        "ANSWER_SECONDS_MAX",
        "seconds in which a client reads none of its responses",
        "the connection is closed",
    ),
    Limit(
        "LINGER_BYTES_MAX",
        "bytes that are read and discarded after a refusal",
        "the connection is closed",
    ),
    Limit(
        "LINGER_SECONDS_MAX",
        "seconds for a client to read a refusal and close the connection",
        "the connection is closed",
    ),
    Limit(
        "LINGER_STOPPING_SECONDS",
        "second for that while the server shuts down",
        "the connection is closed",
    ),
    Limit("BODIES_BYTES_MAX", "bytes of all request bodies in progress together", "overloaded"),
    Limit(
        "STRANGERS_BYTES_MAX",
        "bytes of request bodies in progress before their sender is authenticated",
        "the key is looked up first; a callback without a token is `overloaded`",
    ),
)

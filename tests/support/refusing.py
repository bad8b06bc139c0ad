"""A port at which nothing answers, for as long as a test needs it."""

import socket
from contextlib import contextmanager


@contextmanager
def refusing():
    """Hold a port at which nobody listens.

    One that was merely free a moment ago may be given to a server of another test, or to our own
    end of the connection, which then reaches itself.
    """
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]

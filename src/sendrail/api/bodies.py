"""Bodies of requests, read no further than their limit, and all of them within one bound."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.requests import Request

from sendrail.api.limits import BODIES_BYTES_MAX, STRANGERS_BYTES_MAX
from sendrail.domain.errors import Overloaded, SendrailError

_MB: Final = 1_000_000
_KIB: Final = 1_024
_FULL: Final = "Too many large requests are under way. Try again shortly."


class Budget:
    """So many bytes, and what of them is free."""

    __slots__ = ("free",)

    def __init__(self, size: int) -> None:
        self.free = size

    def take(self, size: int) -> bool:
        """Take so many bytes; return False, and take none, where fewer are free."""
        if size > self.free:
            return False
        self.free -= size
        return True

    @contextmanager
    def body(self, request: Request, bytes_max: int) -> Iterator["Body"]:
        """Hold a request's body for as long as it is of use."""
        body = Body(self, request, bytes_max)
        try:
            yield body
        finally:
            self.free += body.held


class Bodies:
    """The bodies under way in one process: of callers who are known, and of others."""

    def __init__(self) -> None:
        self.known = Budget(BODIES_BYTES_MAX)
        self.strangers = Budget(STRANGERS_BYTES_MAX)


class Body:
    """One body that is read, and what it takes of a budget."""

    def __init__(self, budget: Budget, request: Request, bytes_max: int) -> None:
        """Refuse at once a body that is declared too large."""
        self._budget = budget
        self._request = request
        self._bytes_max = bytes_max
        self.held = 0
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > bytes_max:
            raise self._refuse(too_large(bytes_max))

    async def read(self) -> bytes:
        """Return the body.

        Raises `Overloaded` where all bodies together are too large, `SendrailError` where this one
        is; then nothing more of it is read.
        """
        chunks = []
        async for chunk in self._request.stream():
            if self.held + len(chunk) > self._bytes_max:
                raise self._refuse(too_large(self._bytes_max))
            if not self._budget.take(len(chunk)):
                raise self._refuse(Overloaded(_FULL))
            self.held += len(chunk)
            chunks.append(chunk)
        return b"".join(chunks)

    def _refuse(self, error: SendrailError) -> SendrailError:
        self._request.state.ends_connection = True
        return error


def too_large(bytes_max: int) -> SendrailError:
    """Return the error for a body of more bytes."""
    size = f"{bytes_max // _MB} MB" if bytes_max >= _MB else f"{bytes_max // _KIB} KiB"
    return SendrailError(f"The body is larger than {size}", code="payload_too_large")

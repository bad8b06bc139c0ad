"""A file that is the body of a request, and is taken while it comes."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from starlette.requests import Request

from sendrail.api.cycle import lift_time_limit
from sendrail.contacts.imports import Chunks, ImportReport
from sendrail.domain.errors import InvalidInput, NotFound, SendrailError

CSV: Final = "text/csv"


class Upload:
    """A file as it comes, of a caller who may send one."""

    def __init__(self, request: Request, bytes_max: int) -> None:
        """Raise `InvalidInput` where the body is of another type."""
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != CSV:
            raise InvalidInput(
                f"Send the file as the body, with `Content-Type: {CSV}`",
                code="unsupported_media_type",
            )
        self.key = dict(request.headers.raw).get(b"idempotency-key")
        # One stream for all readers: the next one begins where the last one stopped.
        self._stream = file_stream(request, bytes_max)
        # The query counts as well: a dry run is another request.
        self._digest = hashlib.sha256(str(request.query_params).encode())

    async def into(self, take: Callable[[Chunks], Awaitable[ImportReport]]) -> ImportReport:
        """Pass the file on. Where it is refused, read the rest, or the client gets no answer."""
        try:
            return await take(self._chunks())
        except (InvalidInput, NotFound):
            await self.pass_over()
            raise

    async def pass_over(self) -> None:
        """Read what is left of the file."""
        async for _ in self._chunks():
            pass

    def digest(self) -> bytes:
        """Return the digest of the file that has been read, and of what was asked for."""
        return self._digest.digest()

    async def _chunks(self) -> Chunks:
        async for chunk in self._stream:
            self._digest.update(chunk)
            yield chunk


def file_stream(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    """Return a request's body as it comes; its connection ends unless all of it is read.

    Raises `SendrailError` with code `payload_too_large`, at once where a larger one is declared.
    """
    # A file takes as long as it takes, while it keeps coming.
    lift_time_limit(request.scope)
    request.state.ends_connection = True
    return _bounded(request, bytes_max)


async def _bounded(request: Request, bytes_max: int) -> AsyncIterator[bytes]:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > bytes_max:
        raise _too_large(bytes_max)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max)
        yield chunk
    request.state.ends_connection = False


def _too_large(bytes_max: int) -> SendrailError:
    return SendrailError(
        f"The file is larger than {bytes_max:,} bytes; import it in parts, or by "
        "`sendrail contacts import`, which has no limit.",
        code="payload_too_large",
    )

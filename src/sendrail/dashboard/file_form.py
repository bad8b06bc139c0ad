"""A form with a file in it, read as it comes (`multipart/form-data`, RFC 7578).

The fields that stand before the file are read at once, and the file piece by piece: memory holds a
piece. What stands behind the file is not looked at.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from sendrail.domain.errors import InvalidInput

# RFC 2046, 5.1.1: at most 70 characters.
_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE).search
_PARAMETER: Final = re.compile(rb'[;\s](name|filename)="([^"]*)"')
# What browsers write for what would end the name (HTML, "multipart/form-data encoding algorithm").
_ESCAPES: Final = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))
_HEAD_BYTES_MAX: Final = 8_192
_FIELD_BYTES_MAX: Final = 16_384
_FIELDS_MAX: Final = 50
_KIND: Final = "multipart/form-data"


def is_file_form(content_type: str) -> bool:
    """Return whether a body is a form that may have a file in it."""
    return content_type.partition(";")[0].strip().lower() == _KIND


class FileForm:
    """A form whose last field is a file; `file_name` is empty where none was chosen."""

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        """Raise `InvalidInput` where the type names no boundary."""
        found = _BOUNDARY(content_type)
        if found is None:
            raise _unreadable()
        self._mark = b"\r\n--" + (found[1] or found[2]).encode("latin-1", "replace")
        self._chunks = chunks
        # The first boundary stands at the very beginning, without a line break.
        self._held = bytearray(b"\r\n")
        self._in_file = False
        self.fields: dict[str, str] = {}
        self.file_name = ""

    async def read_fields(self) -> None:
        """Read the form up to its file, or to its end. Raises `InvalidInput` for what is none."""
        await self._until(self._mark, 0)
        while await self._next_part():
            name, file_name = _names_in(await self._until(b"\r\n\r\n", _HEAD_BYTES_MAX))
            if file_name is not None:
                self.file_name, self._in_file = file_name, True
                return
            value = await self._until(self._mark, _FIELD_BYTES_MAX)
            self.fields[name] = _text(value)
            if len(self.fields) > _FIELDS_MAX:
                raise _unreadable()

    async def file(self) -> AsyncIterator[bytes]:
        """Yield the file, as often as this is asked from where it was read to."""
        while self._in_file:
            at = self._held.find(self._mark)
            # What might be the beginning of the mark waits for what comes next.
            size = at if at >= 0 else len(self._held) - len(self._mark) + 1
            self._in_file = at < 0
            if size > 0:
                piece = bytes(self._held[:size])
                del self._held[:size]
                yield piece
            if self._in_file and not await self._more():
                self._in_file = False
                raise _unreadable()

    async def pass_over(self) -> None:
        """Read what is left, so that the browser gets to reading the answer."""
        self._held.clear()
        async for _ in self._chunks:
            pass

    async def _next_part(self) -> bool:
        """Return whether a part follows the boundary that was just read."""
        after = await self._until(b"\r\n", _HEAD_BYTES_MAX, or_end=True)
        return not after.startswith(b"--")

    async def _until(self, mark: bytes, size_max: int, *, or_end: bool = False) -> bytes:
        """Return what stands before a mark, and read past it."""
        while (at := self._held.find(mark)) < 0:
            if len(self._held) > size_max + len(mark):
                raise _unreadable()
            if not await self._more():
                if or_end:
                    break
                raise _unreadable()
        if at > size_max:
            raise _unreadable()
        size = len(self._held) if at < 0 else at
        found = bytes(self._held[:size])
        del self._held[: size + len(mark)]
        return found

    async def _more(self) -> bool:
        async for chunk in self._chunks:
            self._held += chunk
            return True
        return False


def _names_in(head: bytes) -> tuple[str, str | None]:
    """Return the name of a part, and that of its file where it is one."""
    lines = head.split(b"\r\n")
    of_form = [each for each in lines if each.lower().startswith(b"content-disposition:")]
    if len(of_form) != 1:
        raise _unreadable()
    found = {key.decode(): _text(value) for key, value in _PARAMETER.findall(of_form[0])}
    for escaped, plain in _ESCAPES:
        found = {key: value.replace(escaped, plain) for key, value in found.items()}
    if "name" not in found:
        raise _unreadable()
    return found["name"], found.get("filename")


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable() from None


def _unreadable() -> InvalidInput:
    return InvalidInput("This form cannot be read.")

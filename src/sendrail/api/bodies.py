"""Bodies of requests, read no further than their limit."""

from starlette.requests import Request


async def read_body(request: Request, bytes_max: int) -> bytes | None:
    """Return the request's body, or None when it is too large: then nothing more is read."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > bytes_max:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            return None
    return bytes(body)

"""The only file of the HTTP base with a socket: one pool of connections per connector.

It must know whether a request may have left. A request that has certainly not left makes the
connector unavailable; one that may have left, and got no answer, is uncertain.
"""

import os
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Final

import aiohttp
from yarl import URL

from sendrail import __version__
from sendrail.carriers.http.exchange import Answer, Request
from sendrail.domain.delivery import Unavailable, Uncertain

# The longest answer that is read, in bytes; usual answers have a few hundred.
ANSWER_MAX: Final = 64 * 1024
# When to try again after a carrier was not reachable.
AWAY_MS: Final = 5_000
# Shorter than the idle time of the usual load balancers (60 s): when a request is sent on a
# connection that the peer is closing, it is unknown whether it arrived.
_KEEP_ALIVE_SECONDS: Final = 20.0
_HEADERS: Final = {
    "Accept": "application/json",
    # A few hundred bytes need no compression, and without it there is no decompression bomb.
    "Accept-Encoding": "identity",
    "User-Agent": f"sendrail/{__version__}",
}


@dataclass(slots=True)
class RequestProgress:
    """Whether a request's bytes may have left; true from just before the first one does."""

    may_have_left: bool = False


class HttpClient:
    """Connections to one carrier; made inside the event loop that uses it.

    It follows no redirect, reads no proxy or password from the environment, keeps no cookie and
    sends nothing twice. Its errors name neither URLs nor headers, because these hold secrets.
    """

    def __init__(
        self, *, connections: int, connect_timeout_seconds: float, timeout_seconds: float
    ) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_leaves)
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(
                limit=connections, keepalive_timeout=_KEEP_ALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(
                total=timeout_seconds, sock_connect=connect_timeout_seconds
            ),
            trace_configs=[tracing],
            trust_env=False,
        )

    async def send(
        self, request: Request, passage: RequestProgress
    ) -> Answer | Unavailable | Uncertain:
        """Send a request and return its answer, or an outcome where no answer arrived.

        `passage` shows at any time, also after a cancellation, whether the request may have left.
        """
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),
                allow_redirects=False,
                data=request.body or None,
                headers=request.headers,
                trace_request_ctx=passage,
            ) as response:
                return await _answer(response)
        except (aiohttp.ClientError, OSError, ValueError, _SentTwice) as error:
            # TimeoutError is an OSError; a host or a header that cannot be sent is a ValueError.
            if passage.may_have_left:
                return Uncertain(f"no answer: {_trouble(error)}")
            return Unavailable(f"not reached: {_trouble(error)}", AWAY_MS)

    async def close(self) -> None:
        """Close all connections, also those in use."""
        await self._session.close()


class _SentTwice(Exception):
    """A request was about to be sent again on another connection."""


# The first match counts; the order is from special to general.
_TROUBLES: Final = (
    (aiohttp.ClientConnectorDNSError, "its host name is not known"),
    (aiohttp.ClientConnectorCertificateError, "its TLS certificate is not trusted"),
    (aiohttp.ClientSSLError, "TLS failed"),
    (aiohttp.ConnectionTimeoutError, "it did not accept the connection in time"),
    (TimeoutError, "it took too long"),
)


def _trouble(error: Exception) -> str:
    """Return what went wrong, without the error's own text, which may hold the URL."""
    for kind, says in _TROUBLES:
        if isinstance(error, kind):
            return says
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__


async def _leaves(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    del session, params
    passage: RequestProgress = context.trace_request_ctx
    if passage.may_have_left:
        # The library sends a GET again when a kept connection breaks; a GET may send an SMS.
        raise _SentTwice
    passage.may_have_left = True


async def _answer(response: aiohttp.ClientResponse) -> Answer:
    """Read an answer. Raise an error of the library where a success breaks off in its body."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    head = Answer(status=response.status, headers=headers)
    try:
        return replace(head, body=await _read(response.content))
    except (aiohttp.ClientError, OSError):
        if head.is_success:
            raise
        # A refusal is one without its body: the message was not taken, and nothing is in doubt.
        return head


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = b""
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > ANSWER_MAX:
            # Leaving it unread closes the connection.
            return b""
    return body

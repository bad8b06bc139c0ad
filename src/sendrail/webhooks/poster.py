"""Post one event: the only place of this room that touches the network.

No redirects, no proxies from the environment, no cookies, no unpacking, and no more than 64 KiB
read: an endpoint is not trusted. The guard decides which addresses it may have.
"""

import ssl
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from sendrail import __version__
from sendrail.domain.errors import InvalidInput
from sendrail.domain.webhook import Acknowledged, Answer, EndpointGone, NotAcknowledged
from sendrail.webhooks.guard import Rules, TargetRefused, check_url
from sendrail.webhooks.resolver import GuardedResolver, Lookup

_CONNECT_SECONDS: Final = 5.0
_TOTAL_SECONDS: Final = 5.0
_ANSWER_BYTES_MAX: Final = 64 * 1024
_DETAIL_MAX: Final = 200
# Lookups for one host are shared. An address was checked when it came, so that a moment's memory
# of it is safe.
_NAMES_KEPT_SECONDS: Final = 10
_HEADERS: Final = {
    "Content-Type": "application/json",
    "User-Agent": f"Sendrail/{__version__}",
    "Accept-Encoding": "identity",
}
_OK: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_GONE: Final = 410
_ASKS_FOR_PATIENCE: Final = frozenset({429, 503})


class Poster:
    """Posts events; one for a process, so that connections are kept."""

    def __init__(
        self,
        rules: Rules,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = _CONNECT_SECONDS,
        total_seconds: float = _TOTAL_SECONDS,
    ) -> None:
        """Make a poster; a `lookup` and a `tls` of one's own are for tests."""
        self._rules = rules
        self._lookup = lookup
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, signature: Mapping[str, str], now: int) -> Answer:
        """Post a signed body to a URL; whatever goes wrong is an answer, too."""
        try:
            # Again for each attempt: the rules may have changed since the URL was taken.
            check_url(url, self._rules)
            async with self._open().post(
                url, data=body, headers={**_HEADERS, **signature}, allow_redirects=False
            ) as response:
                return _read(response, await _beginning(response), now)
        except InvalidInput as error:
            return NotAcknowledged(error.message)
        except (TimeoutError, aiohttp.ClientError) as error:
            return NotAcknowledged(_short(_trouble(error)))

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No limit over all: connections to a dead endpoint must not be taken from the others.
            # What is under way is bounded by the worker, endpoint by endpoint.
            connector = aiohttp.TCPConnector(
                limit=0,
                resolver=GuardedResolver(self._rules, self._lookup),
                ttl_dns_cache=_NAMES_KEPT_SECONDS,
                ssl=self._tls or True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return an answer's first bytes; of a longer or a broken one the connection is given up."""
    parts, size = [], 0
    try:
        while size <= _ANSWER_BYTES_MAX and (part := await response.content.readany()):
            parts.append(part)
            size += len(part)
    except (TimeoutError, aiohttp.ClientError):
        # The status has come, and that is the answer; the text is only for the operator's eyes.
        response.close()
    if size > _ANSWER_BYTES_MAX:
        response.close()
    return b"".join(parts)[:_ANSWER_BYTES_MAX]


def _trouble(error: TimeoutError | aiohttp.ClientError) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorDNSError():
            is_refused = isinstance(error.os_error, TargetRefused)
            return str(error.os_error) if is_refused else "the host has no address"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate is not valid: {error.certificate_error}"
        case aiohttp.ClientOSError():
            return f"no connection: {error.strerror or error}"
        case _:
            return f"no answer that can be read: {type(error).__name__}"


def _read(response: aiohttp.ClientResponse, body: bytes, now: int) -> Answer:
    status, text = response.status, _short(body.decode("utf-8", "replace"))
    if status in _OK:
        return Acknowledged(status, text)
    if status == _GONE:
        return EndpointGone(text)
    if status in _REDIRECT:
        text = "redirects are not followed: enter the new URL"
    after = response.headers.get("Retry-After") if status in _ASKS_FOR_PATIENCE else None
    return NotAcknowledged(text, status, retry_after_ms(after, now) if after else None)


def retry_after_ms(value: str, now: int) -> int | None:
    """Return what a `Retry-After` asks for (RFC 9110, 10.2.3): seconds or a date."""
    if value.isascii() and value.isdigit():
        # More digits than any pause has are cut off rather than computed with.
        return int(value[:9]) * 1000
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return max(0, at - now)


def _short(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:_DETAIL_MAX])

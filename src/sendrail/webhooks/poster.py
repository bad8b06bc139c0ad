"""Post one event, or get a page: what is sent where, and what an answer means.

An endpoint is not trusted. The guard decides which addresses it may have, and `client.py` has the
sockets.
"""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from sendrail.domain.errors import InvalidInput
from sendrail.domain.webhook import Acknowledged, Answer, EndpointGone, NotAcknowledged
from sendrail.webhooks.client import BrokenAnswer, Client, Response, Target
from sendrail.webhooks.guard import (
    GuardedResolver,
    Lookup,
    NoAddress,
    Rules,
    TargetRefused,
    check_url,
)

_CONNECT_SECONDS: Final = 5.0
_TOTAL_SECONDS: Final = 5.0
_DETAIL_MAX: Final = 200
# A character of UTF-8 has at most four bytes.
_DETAIL_BYTES_MAX: Final = 4 * _DETAIL_MAX
_NAMES_KEPT_SECONDS: Final = 10.0
_TARGETS_MAX: Final = 4_096
_HTTPS_PORT: Final = 443
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
        names_kept_seconds: float = _NAMES_KEPT_SECONDS,
    ) -> None:
        """Make a poster; a `lookup` and a `tls` of one's own are for tests."""
        self._rules = rules
        # `webhook_ports` is about endpoints: what phones follow is on the port of https.
        ports = None if rules.ports is None else {*rules.ports, _HTTPS_PORT}
        self._page_rules = replace(rules, ports=ports)
        self._resolver = GuardedResolver(rules, lookup)
        self._client = Client(
            self._resolver,
            tls=tls,
            connect_seconds=connect_seconds,
            total_seconds=total_seconds,
            names_kept_seconds=names_kept_seconds,
        )
        self._targets: dict[str, Target] = {}

    async def post(self, url: str, body: bytes, signature: Mapping[str, str], now: int) -> Answer:
        """Post a signed body to a URL; whatever goes wrong is an answer, too."""
        try:
            target = self._targets.get(url) or self._target(url)
            headers = "".join([f"{name}: {value}\r\n" for name, value in signature.items()])
            return _read(await self._client.send(target, headers, body), now)
        except InvalidInput as error:
            return NotAcknowledged(error.message)
        except (OSError, BrokenAnswer) as error:
            return NotAcknowledged(_short(_trouble(error)))

    async def get(self, url: str, now: int) -> Answer:
        """Get a URL within the same rules, or on the port of https.

        Whatever goes wrong is an answer, too.
        """
        try:
            check_url(url, self._page_rules)
            return _read(await self._client.send(Target.of(url, "GET"), "", b""), now)
        except InvalidInput as error:
            return NotAcknowledged(error.message)
        except (OSError, BrokenAnswer) as error:
            return NotAcknowledged(_short(_trouble(error)))

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self._client.aclose()
        await self._resolver.close()

    def _target(self, url: str) -> Target:
        # Again in each process: the rules may have changed since the URL was stored.
        check_url(url, self._rules)
        if len(self._targets) >= _TARGETS_MAX:
            self._targets.clear()
        target = self._targets[url] = Target.of(url)
        return target


def _trouble(error: OSError | BrokenAnswer) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case TargetRefused():
            return str(error)
        case NoAddress():
            return "the host has no address"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not valid: {error}"
        case OSError():
            return f"no connection: {error.strerror or error}"
        case _:
            return f"no answer that can be read: {error}"


def _read(response: Response, now: int) -> Answer:
    status = response.status
    text = _short(response.body[:_DETAIL_BYTES_MAX].decode("utf-8", "replace"))
    if status in _OK:
        return Acknowledged(status, text)
    if status == _GONE:
        return EndpointGone(text)
    if status in _REDIRECT:
        text = "redirects are not followed: enter the new URL"
    after = response.retry_after if status in _ASKS_FOR_PATIENCE else None
    return NotAcknowledged(text, status, retry_after_ms(after, now) if after else None)


def retry_after_ms(value: str, now: int) -> int | None:
    """Return what a `Retry-After` asks for (RFC 9110, 10.2.3): seconds or a date."""
    if value.isascii() and value.isdigit():
        # More digits than any pause has are cut off rather than computed with.
        return int(value[:9]) * 1000
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        # A year or a zone of twenty digits fits no date.
        return None
    at = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return max(0, at - now)


def _short(text: str) -> str:
    text = text[:_DETAIL_MAX]
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " for each in text)

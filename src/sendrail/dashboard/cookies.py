"""The cookies: the session's, the one of forms before there is a session, and three preferences.

Off loopback they are for TLS only, and bound to the host by their names (`__Host-`).
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from sendrail.domain.times import DAY_MS
from sendrail.domain.tracking_domain import host_of
from sendrail.domain.user import SESSION_DAYS_MAX

ZONE: Final = "sendrail_zone"
THEME: Final = "sendrail_theme"
KEYS: Final = "sendrail_keys"
_SESSION: Final = "sendrail_session"
_DOOR: Final = "sendrail_door"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_SECONDS: Final = SESSION_DAYS_MAX * DAY_MS // 1_000
_YEAR_SECONDS: Final = 365 * 86_400
_DOOR_SECONDS: Final = 3_600


def is_loopback(host: str) -> bool:
    """Return whether a `Host` header names this machine itself."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name.lower() in _LOOPBACK or host_of(host) in _LOOPBACK


@dataclass(frozen=True, slots=True)
class SessionCookies:
    """The names and attributes of cookies, for the host of a request."""

    is_secure: bool

    @classmethod
    def of(cls, request: Request) -> "SessionCookies":
        return cls(not is_loopback(request.headers.get("host", "")))

    def session(self, request: Request) -> str | None:
        """Return the session's token."""
        return request.cookies.get(self._name(_SESSION))

    def door(self, request: Request) -> str | None:
        """Return the token of forms that are sent before the user is signed in."""
        return request.cookies.get(self._name(_DOOR))

    def set_session(self, response: Response, token: str) -> None:
        self._set(response, _SESSION, token, _SECONDS)
        self._set(response, _DOOR, "", 0)

    def set_door(self, response: Response, token: str) -> None:
        self._set(response, _DOOR, token, _DOOR_SECONDS)

    def end_session(self, response: Response) -> None:
        self._set(response, _SESSION, "", 0)

    def set_theme(self, response: Response, theme: str) -> None:
        self._prefer(response, THEME, theme)

    def set_keys(self, response: Response, state: str) -> None:
        """Keep whether single keys act: `on` or `off`."""
        self._prefer(response, KEYS, state)

    def _prefer(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            name, value, max_age=_YEAR_SECONDS, secure=self.is_secure, samesite="lax", path="/"
        )

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._name(name),
            value,
            max_age=seconds,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.is_secure else name

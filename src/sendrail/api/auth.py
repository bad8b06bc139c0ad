"""The caller of a request: its API key and the account behind it."""

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

from sendrail.domain.account import KEY_SHOWN_LENGTH, key_digest
from sendrail.domain.audit import Actor
from sendrail.domain.errors import Forbidden, Unauthorized
from sendrail.domain.ids import AccountId
from sendrail.intake.verdicts import SUSPENDED
from sendrail.storage.interface import Store

MISSING_KEY: Final = "API key required"
_BEARER: Final = b"bearer "


def key_in(api_key: bytes | None, authorization: bytes | None) -> str | None:
    """Return the key in these two headers' values, or None without one."""
    if api_key:
        return api_key.strip().decode("latin-1") or None
    if authorization and authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip().decode("latin-1") or None
    return None


def key_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the key of a request's headers (names in lower case), or None without one."""
    given = dict(headers)
    return key_in(given.get(b"x-api-key"), given.get(b"authorization"))


def caller_in(api_key: bytes | None, authorization: bytes | None) -> bytes | None:
    """Return the digest of the key in these two headers' values, or None without one."""
    key = key_in(api_key, authorization)
    return None if key is None else key_digest(key)


def caller_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the digest of a request's key (names in lower case), or None without one."""
    given = dict(headers)
    return caller_in(given.get(b"x-api-key"), given.get(b"authorization"))


def actor_of(request: Request) -> Actor:
    """Return the caller as the audit log names them: by the part of the key that is shown."""
    key = key_of(request.headers.raw) or ""
    return Actor(name=f"key {key[:KEY_SHOWN_LENGTH]}", request_id=request.state.request_id)


async def account_of(store: Store, headers: Iterable[tuple[bytes, bytes]]) -> AccountId:
    """Return the account of a request.

    Raises `Unauthorized` without a valid key, `Forbidden` when the account is suspended.
    """
    digest = caller_of(headers)
    if digest is None:
        raise Unauthorized(MISSING_KEY, code="missing_api_key")
    callers = await store.read(lambda tx: tx.gate.callers([digest]), begun=False)
    if digest not in callers:
        raise Unauthorized("Invalid API key")
    store.hints.used_keys.add(digest)
    if not callers[digest].active:
        raise Forbidden(SUSPENDED)
    return callers[digest].account_id

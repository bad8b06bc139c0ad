"""Tracking domains: the hosts that an account's short links stand on."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.ids import AccountId, DomainId

# How many letters the ids of a domain's links have: the usual number, and one that is harder to
# guess.
LETTERS: Final = (7, 10)
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+{_LABEL}").fullmatch
_NUMERIC: Final = re.compile(r"0x[0-9a-f]*|[0-9]+").fullmatch
_PORT: Final = re.compile(r":[0-9]*\Z")
# Public shorteners, whose links carriers filter: T-Mobile's code of conduct 3.4, AT&T's 5.3. No
# tracking domain is one of them, and, unless the operator says otherwise, no link leads to one.
SHORTENERS: Final = frozenset(
    {
        "adf.ly", "bit.do", "bit.ly", "bitly.com", "bl.ink", "buff.ly", "cutt.ly", "dub.sh",
        "fb.me", "goo.gl", "ht.ly", "is.gd", "j.mp", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly",
        "s.id", "s2r.co", "short.gy", "short.io", "shorturl.at", "t.co", "t.ly", "t2m.io",
        "tiny.cc", "tinyurl.com", "tr.im", "u.to", "v.gd", "vk.cc", "wp.me", "x.co"
    }
)  # fmt: skip


class DomainStatus(StrEnum):
    """Whether HTTPS on a domain leads to this installation."""

    # It never has so far.
    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    # It once did; links that were sent are used all the same.
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingDomain:
    """A host of an account's short links.

    `token` names it in the path that shows the way here. `verified_at` is the first time that
    HTTPS led here, `checked_at` the last time it was tried, and `problem` what went wrong then.
    """

    id: DomainId
    account_id: AccountId
    host: str
    home_url: str | None
    fallback_url: str | None
    letters: int
    is_default: bool
    token: str
    verified_at: int | None
    checked_at: int | None
    problem: str | None
    created_at: int

    @property
    def status(self) -> DomainStatus:
        """Return whether HTTPS leads here."""
        if self.verified_at is None:
            return DomainStatus.UNVERIFIED
        return DomainStatus.VERIFIED if self.problem is None else DomainStatus.FAILING


def host_of(header: str) -> str:
    """Return the host that a `Host` header names: no port, no case, no dot at the end."""
    return _PORT.sub("", header.strip()).lower().removesuffix(".")


def is_below(host: str, hosts: Iterable[str]) -> bool:
    """Return whether a host is one of others, or a name below one."""
    return any(host == each or host.endswith(f".{each}") for each in hosts)


def host_fault(host: str, ours: Collection[str]) -> str | None:
    """Return why a host cannot be a tracking domain, or None. `ours` are those of the API."""
    if not _NAME(host) or _NUMERIC(host.rpartition(".")[2]):
        return (
            "must be a host name with a dot, such as go.example.com, without scheme, port or path; "
            "write other letters in their xn-- form"
        )
    if is_below(host, SHORTENERS):
        return "is a public shortener, whose links carriers filter"
    if host in ours:
        return "is the host of this API; links need one of their own"
    return None

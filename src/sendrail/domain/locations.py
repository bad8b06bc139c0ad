"""The `Location` of a redirect: a destination with its values, checked once more before it leaves.

A destination was judged when it was made. What is filled in since stands behind its host and is
percent-encoded; whether that is so is asked again of the parser that browsers are like.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import can_ada

from sendrail.domain.destinations import fill_destination, macros_of

CLICK_ID: Final = "click_id"
_SCHEMES: Final = frozenset({"http:", "https:"})
# A campaign has few destinations, and each is followed thousands of times.
_KEPT: Final = 4096


def location_of(
    template: str, values: Mapping[str, str], click_id: str | None = None
) -> bytes | None:
    """Return where a link leads, as the value of a header, or None where that is no safe place.

    A `click_id` is added to the query, unless the template has a place for it.
    """
    fixed = _fixed(template)
    if fixed is None:
        return None
    if click_id is None and "{{" not in template:
        return fixed.location
    filled = fill_destination(template, values)
    if click_id is not None and CLICK_ID not in macros(template):
        filled = _with_parameter(filled, CLICK_ID, click_id)
    try:
        url = can_ada.parse(filled)
    except ValueError:
        return None
    return url.href.encode("ascii") if _origin_of(url) == fixed.origin else None


def host_of(template: str) -> str:
    """Return the host that a template leads to, whatever its values; empty where that is none."""
    fixed = _fixed(template)
    return "" if fixed is None else fixed.host


@lru_cache(maxsize=_KEPT)
def macros(template: str) -> frozenset[str]:
    """Return the names of the values that a template wants."""
    return frozenset(macros_of(template)) if "{{" in template else frozenset()


class _Fixed:
    """What of a template no value changes; without macros its whole location."""

    __slots__ = ("host", "location", "origin")

    def __init__(self, url: can_ada.URL) -> None:
        self.origin = _origin_of(url)
        self.host: str = url.hostname.rstrip(".")
        self.location = url.href.encode("ascii")


@lru_cache(maxsize=_KEPT)
def _fixed(template: str) -> _Fixed | None:
    try:
        url = can_ada.parse(fill_destination(template, {}))
    except ValueError:
        return None
    is_safe = url.protocol in _SCHEMES and url.hostname and not url.username and not url.password
    return _Fixed(url) if is_safe else None


def _origin_of(url: can_ada.URL) -> tuple[str, str, str, str]:
    return url.protocol, url.username, url.password, url.host


def _with_parameter(url: str, name: str, value: str) -> str:
    """Return a URL with one parameter more, before its fragment; one that is there stays."""
    before, mark, fragment = url.partition("#")
    path, _, query = before.partition("?")
    if any(each.partition("=")[0] == name for each in query.split("&")):
        return url
    return f"{path}?{query}{'&' if query else ''}{name}={value}{mark}{fragment}"

"""Where short links may lead, and the URLs of a text that become short links.

URLs are parsed by the WHATWG rules, as browsers do: what a browser would follow is what is judged
and stored, so no trick with blanks, backslashes or capitals passes the rules. They apply when a
destination is made; when a redirect is built from its template, no value can change its host.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

import can_ada

from sendrail.domain.link_macros import macro_fault
from sendrail.domain.order import Fault
from sendrail.domain.short_ids import LINKS_MAX
from sendrail.domain.text import PLAIN_MAX, basic_around, is_plain
from sendrail.domain.tracking_domain import is_below

URL_CHARACTERS_MAX: Final = 2048
_SCHEMES: Final = frozenset({"http:", "https:"})
_IPV4: Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}").fullmatch

# A macro of a template, such as `{{click_id}}`, filled in when the link is followed.
_MACRO: Final = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")
# Stands for a macro while the URL around it is parsed: no rule of URLs changes these letters, and
# a host that contains them is one with a macro in it.
_STAND_IN: Final = "zqmacro{}qz"
_STOOD_IN: Final = re.compile(r"zqmacro([0-9]+)qz", re.IGNORECASE)

# Quotation marks, and the punctuation of scripts without blanks, end a URL wherever they stand.
# Blanks are spelled out, as `\s` would be asked of each letter by itself; both cases of a letter as
# well, as a pattern that ignores case takes three times as long. What is looked for first is the
# end of the scheme: to try each letter of a text for its beginning takes longer than all the rest.
BLANKS: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_ENDS_URL: Final = f'{BLANKS}<>"«»“”„…。，！？；：、（）「」『』【】'
_BEHIND_SCHEME: Final = re.compile(
    f"://(?:(?<=[Hh][Tt][Tt][Pp][Ss]://)|(?<=[Hh][Tt][Tt][Pp]://))[^{_ENDS_URL}]+"
).search
_SPLIT_AT_ENDS: Final = re.compile(f"[{_ENDS_URL}]").split
_SCHEME: Final = re.compile("[Hh][Tt][Tt][Pp][Ss]?://").search
# The last letters of a text in which a scheme may have begun.
_SCHEME_LETTERS: Final = len("https:/")
# A browser reads a backslash as a slash.
_ENDS_HOST: Final = re.compile(r"[/\\?#]").search
# What ends a sentence and not a URL, at its end.
_ENDINGS: Final = ".,;:!?'*_~’"
# Those of them that percent-encoding leaves as they are.
_KEPT_ENDINGS: Final = "._~"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}
# The links' places in a stored text; the short ids follow from the message's number.
_MARKS: Final = tuple(f"{{{{link{position}}}}}" for position in range(1, LINKS_MAX + 1))
# For each number of links: finds texts that are plain but for their marks.
_PLAIN_AROUND: Final = tuple(basic_around(_MARKS[:count]) for count in range(LINKS_MAX + 1))
# The URLs of a campaign are few, and each is in thousands of messages.
_URLS_KEPT: Final = 1024

TOO_MANY_LINKS: Final = Fault(
    "too_many_links", f"body has more than {LINKS_MAX} links to wrap", "body"
)


# Distinguished by identity: an installation has few, and they are part of a cache's key.
@dataclass(frozen=True, eq=False, kw_only=True)
class DestinationRules:
    """Which hosts links may lead to.

    `own` are the installation's tracking domains, to which a link would lead in a circle; they may
    change while the rules are in use. `denied` are known shorteners, which carriers filter, each
    with all names below it. Without `allowed`, all others may be led to.
    """

    own: Collection[str] = frozenset()
    denied: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    addresses_allowed: bool = False


ANYWHERE: Final = DestinationRules()


class _Destination(NamedTuple):
    """A URL in its normal form, and its host."""

    url: str
    host: str


def read_destination(text: str, rules: DestinationRules, param: str = "url") -> str | Fault:
    """Return a URL, perhaps with macros, in its normal ASCII form, or why no link may lead there.

    A macro may stand anywhere behind the host.
    """
    found = _read(text, rules, param)
    if isinstance(found, Fault):
        return found
    # Asked each time: domains come and go.
    if found.host in rules.own:
        return _leads_in_a_circle(param)
    return found.url


@lru_cache(maxsize=_URLS_KEPT)
def _read(text: str, rules: DestinationRules, param: str) -> _Destination | Fault:
    if len(text) > URL_CHARACTERS_MAX:
        return _fault(f"is longer than {URL_CHARACTERS_MAX:,} characters", param)
    macros: list[str] = []
    plain = _MACRO.sub(lambda macro: _stand_in(macro, macros), text) if "{{" in text else text
    if not macros and _STOOD_IN.search(plain):
        return _fault("is not a URL that a link can lead to", param)
    try:
        url = can_ada.parse(plain)
    except ValueError:
        return _fault("is not a URL", param)
    if (problem := _problem(url, rules)) is not None:
        return _fault(problem, param)
    href: str = _STOOD_IN.sub(lambda at: f"{{{{{macros[int(at[1])]}}}}}", url.href)
    if len(href) > URL_CHARACTERS_MAX:
        return _fault(f"is longer than {URL_CHARACTERS_MAX:,} characters", param)
    return _Destination(href, url.hostname.rstrip("."))


def read_macro_url(text: str, rules: DestinationRules, param: str = "url") -> str | Fault:
    """Return a URL as `read_destination` does; a macro that nothing fills is a fault as well."""
    if (fault := macro_fault(text)) is not None:
        return _fault(fault, param)
    return read_destination(text, rules, param)


def fill_destination(template: str, values: Mapping[str, str]) -> str:
    """Return the URL of a template of `read_destination`; a macro without a value becomes empty.

    Values are percent-encoded, and stand behind the host: they cannot change where a link leads.
    """
    if "{{" not in template:
        return template
    return _MACRO.sub(lambda macro: _encoded(values.get(macro[1], "")), template)


def _encoded(value: str) -> str:
    # Half of a pair of code units is no character: it becomes a question mark.
    return quote(value, safe="", errors="replace")


def fill_known(template: str, values: Mapping[str, str]) -> str:
    """Return a template with the macros filled that have values; the others stay."""
    if "{{" not in template:
        return template
    return _MACRO.sub(
        lambda macro: quote(values[macro[1]], safe="") if macro[1] in values else macro[0], template
    )


def macros_of(template: str) -> set[str]:
    """Return the names of the macros in a template."""
    return {macro[1] for macro in _MACRO.finditer(template)}


def wrap_links(body: str, rules: DestinationRules) -> tuple[str, tuple[str, ...]] | Fault:
    """Return a text with marks for its URLs, and their destinations in the order of the marks.

    The same URL twice is two links, so that each click tells which one was followed. One that no
    link may lead to is a fault, as is a fifth: silence would lose its clicks.
    """
    if "://" not in body:
        return body, ()
    marked = ""
    destinations: tuple[str, ...] = ()
    at = place = 0
    # One by one: most texts have one URL, and to make an iterator takes as long as to find it.
    found = _BEHIND_SCHEME(body)
    while found is not None:
        colon, end = found.span()
        start = colon - (4 if body[colon - 1] in "pP" else 5)
        url = body[start:end]
        if not url[-1].isalnum():
            url = _without_ending(url)
        if place == LINKS_MAX:
            return TOO_MANY_LINKS
        # Not by `read_destination`: this runs for each message, and most have the URL of the last.
        destination = _read(url, rules, "body")
        if isinstance(destination, Fault):
            return destination
        to, host = destination
        if host in rules.own:
            return _leads_in_a_circle("body")
        destinations += (to,)
        marked += body[at:start] + _MARKS[place]
        at = start + len(url)
        place += 1
        found = _BEHIND_SCHEME(body, end)
    return marked + body[at:], destinations


def fill_links(body: str, links: Sequence[str]) -> str:
    """Return a text with the short links in the places of its marks."""
    if len(links) == 1:
        return body.replace(_MARKS[0], links[0])
    # As many marks as a text has, and perhaps fewer links: what has no link stays.
    for mark, link in zip(_MARKS, links, strict=False):
        body = body.replace(mark, link)
    return body


def plain_lengths(link: str, characters_max: int) -> Sequence[int]:
    """Return how long texts may be that are one plain segment with their links.

    `link` is as long as each of their links will be. The place in the sequence is the number of
    links, and the lengths are those of stored texts, with their marks; -1 is none.
    """
    if not is_plain(link):
        return [-1] * (LINKS_MAX + 1)
    most = min(PLAIN_MAX, characters_max)
    return [
        max(-1, most - sum(len(link) - len(mark) for mark in _MARKS[:count]))
        for count in range(LINKS_MAX + 1)
    ]


def is_plain_around_links(body: str, links: int) -> bool:
    """Return whether a stored text has marks for so many links, and only basic characters else."""
    return _PLAIN_AROUND[links](body) is not None


class OpenUrl:
    """Follows a text that is written piece by piece: whether it ends within a URL of `wrap_links`.

    What is kept of the text does not grow with it, but for the host of a URL.
    """

    def __init__(self) -> None:
        # The end of the text, as far as a URL has or may have begun in it.
        self._run = ""
        self._is_open = False
        self._is_behind_host = False

    def write(self, piece: str) -> None:
        """Note the next piece."""
        run = _SPLIT_AT_ENDS(self._run + piece)[-1]
        scheme = _SCHEME(run)
        self._is_open = scheme is not None
        self._is_behind_host = False
        if scheme is None:
            self._run = run[-_SCHEME_LETTERS:]
            return
        host_end = _ENDS_HOST(run, scheme.end())
        self._is_behind_host = host_end is not None
        self._run = run[scheme.start() : host_end.end() if host_end else None]

    def value(self, value: str) -> str | Fault:
        """Return a value as it is to stand at the end, or why none may stand there.

        Within a URL it is percent-encoded, and stays part of the URL to its last letter; a host
        takes none.
        """
        if not self._is_open:
            return value
        if not self._is_behind_host:
            return _fault("must have a host without macros", "body")
        encoded = _encoded(value)
        inner = encoded.rstrip(_KEPT_ENDINGS)
        return inner + "".join(f"%{ord(each):02X}" for each in encoded[len(inner) :])


def hosts_of(text: str) -> frozenset[str]:
    """Return the hosts in a setting, by commas or blanks."""
    return frozenset(re.split(r"[\s,]+", text.lower().strip())) - {""}


def _stand_in(macro: re.Match[str], macros: list[str]) -> str:
    macros.append(macro[1])
    return _STAND_IN.format(len(macros) - 1)


def _problem(url: can_ada.URL, rules: DestinationRules) -> str | None:
    """Return what is wrong with a URL that a browser would understand."""
    if url.protocol not in _SCHEMES:
        return "must begin with http:// or https://"
    if url.username or url.password:
        return "must not have a user name or password before its host"
    host: str = url.hostname.rstrip(".")
    if not host or _STOOD_IN.search(url.host):
        return "must have a host without macros"
    return _host_problem(host, rules)


def _host_problem(host: str, rules: DestinationRules) -> str | None:
    if (host[0] == "[" or _IPV4(host)) and not rules.addresses_allowed:
        return "must lead to a name, not to an address"
    if is_below(host, rules.denied):
        return f"leads to {host}, a shortener that carriers filter"
    if rules.allowed and not is_below(host, rules.allowed):
        return f"leads to {host}, which the account does not allow"
    return None


def _without_ending(url: str) -> str:
    """Return a URL without what belongs to the sentence around it."""
    while not (last := url[-1]).isalnum():
        opening = _BRACKETS.get(last)
        # A bracket that was opened within the URL belongs to it, as in Wikipedia's, or in a macro.
        if last in _ENDINGS or (opening and url.count(last) > url.count(opening)):
            url = url[:-1]
        else:
            break
    return url


def _leads_in_a_circle(param: str) -> Fault:
    return _fault("leads to a tracking domain of this installation", param)


def _fault(problem: str, param: str) -> Fault:
    return Fault("invalid_url", f"A link {problem}", param)

"""What kind of visitor a request for a short link is: a person, or one of the machines that look.

Links in messages are fetched by previewers, filters, scanners and prefetching browsers, often
before the recipient has read them. A class is a flag on one click, never on a contact. The signs
are tried in a fixed order, and the first that fits decides: so each class has one reason.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

# Cut before anything else: the work on an agent is bounded, whatever a visitor sends.
AGENT_BYTES_MAX: Final = 512
# Shorter than any browser's.
_AGENT_BYTES_MIN: Final = 20
# An installation meets some thousand agents; each is judged once.
_AGENTS_KEPT: Final = 4096
# No person reads a message and follows its link so soon after it was handed over.
TOO_SOON_MS: Final = 2000


class ClickClass(IntEnum):
    """The kind of a visitor; the values are stored, and stand in click ids."""

    HUMAN = 1
    # Looks like a person, but is not believed to be one until a later click or confirmation.
    UNKNOWN = 2
    BOT = 3
    # Fetches the page to show what is behind the link.
    PREVIEW = 4
    # A person's browser that fetches ahead of them.
    PREFETCH = 5


class ClickReason(IntEnum):
    """Why a click has its class; the values are stored."""

    NONE = 0
    HEAD = 1
    PREFETCH = 2
    PREVIEW = 3
    NO_BROWSER = 4
    AGENT = 5
    NETWORK = 6
    TOO_SOON = 8
    ALL_LINKS = 9
    BURST = 10
    CONFIRMED = 11
    # Counting it broke, by a bug of ours: it waits to be judged again.
    SET_ASIDE = 12


class NetworkKind(IntEnum):
    """What is known of a visitor's address."""

    ORDINARY = 0
    PREVIEWER = 1
    MACHINE = 2


class ClickVerdict(NamedTuple):
    """The class of a click and the reason for it."""

    click_class: ClickClass
    reason: ClickReason


_HUMAN: Final = ClickVerdict(ClickClass.HUMAN, ClickReason.NONE)
_HEAD: Final = ClickVerdict(ClickClass.BOT, ClickReason.HEAD)
_PREFETCH: Final = ClickVerdict(ClickClass.PREFETCH, ClickReason.PREFETCH)
_PREVIEW: Final = ClickVerdict(ClickClass.PREVIEW, ClickReason.PREVIEW)
_NO_BROWSER: Final = ClickVerdict(ClickClass.BOT, ClickReason.NO_BROWSER)
_AGENT: Final = ClickVerdict(ClickClass.BOT, ClickReason.AGENT)
_NETWORK: Final = ClickVerdict(ClickClass.BOT, ClickReason.NETWORK)
_TOO_SOON: Final = ClickVerdict(ClickClass.UNKNOWN, ClickReason.TOO_SOON)


def classify(
    agent: bytes,
    *,
    is_head: bool = False,
    is_prefetch: bool = False,
    network: NetworkKind = NetworkKind.ORDINARY,
    since_sent_ms: int | None = None,
) -> ClickVerdict:
    """Return the class of a request; the first sign that fits decides.

    `since_sent_ms` is the time since the message was handed over, or None where it was not yet.
    A link that belongs to no message passes a time that is never too soon.
    """
    if is_head:
        return _HEAD
    if is_prefetch:
        return _PREFETCH
    verdict = class_of_agent(agent[:AGENT_BYTES_MAX])
    if verdict is _PREVIEW or network is NetworkKind.PREVIEWER:
        return _PREVIEW
    if verdict is not _HUMAN:
        return verdict
    if network is NetworkKind.MACHINE:
        return _NETWORK
    return _TOO_SOON if since_sent_ms is None or since_sent_ms < TOO_SOON_MS else _HUMAN


def means_prefetch(name: bytes, value: bytes) -> bool:
    """Return whether a header, its name in lower case, says that no person looks at the page yet.

    Sec-Purpose is the Fetch standard's; the others are what Chrome, Edge, Firefox and Safari sent
    before it and partly send still.
    """
    if name == b"sec-purpose":
        return value.strip().lower().startswith(b"prefetch")
    wanted = _PREFETCH_HEADERS.get(name)
    return wanted is not None and value.strip().lower() == wanted


_PREFETCH_HEADERS: Final = {
    b"purpose": b"prefetch",
    b"x-moz": b"prefetch",
    b"x-purpose": b"preview",
}


# The names of headers that `means_prefetch` knows.
PREFETCH_NAMES: Final = (b"sec-purpose", *_PREFETCH_HEADERS)


@lru_cache(maxsize=_AGENTS_KEPT)
def class_of_agent(agent: bytes) -> ClickVerdict:
    """Return what a user agent of at most 512 bytes says by itself."""
    assert len(agent) <= AGENT_BYTES_MAX, "an agent is cut before it is looked at"
    text = agent.decode("latin-1").lower()
    found = _TOKEN(text)
    # Before the first token of all there is none of a previewer's.
    if found is not None and _PREVIEWER(text, found.start()) is not None:
        return _PREVIEW
    if len(agent) < _AGENT_BYTES_MIN or not _is_browsers(text):
        return _NO_BROWSER
    return _HUMAN if found is None else _AGENT


def _is_browsers(text: str) -> bool:
    """Return whether an agent has the shape of a browser's: the prefix of all, and an engine."""
    if text.startswith("mozilla/5.0 ("):
        return "applewebkit/" in text or "gecko/" in text or "trident/" in text
    # Opera Mini, on small phones.
    return text.startswith("opera/9.80 (")


# What makes a machine's token, the key, innocent where it stands before it: phones of Cubot, search
# apps that are browsers, and how Ecosia's browser signs.
_INNOCENT: Final = {
    "bot": ("cu",),
    "search": ("ya", "yandex"),
    "@": ("ecosia android", "ecosia ios"),
}

# Who fetches the page behind a link to show it, by what their agents say of themselves. KakaoTalk
# and LINE say Facebook's name beside theirs, Signal says WhatsApp's.
_PREVIEWERS: Final = (
    "preview", "facebookexternalhit", "meta-externalfetcher", "whatsapp/", "googlemessages",
    "google-pagerenderer", "/web/snippet", "proxy", "viber/", "mastodon/", "cardyb", "pinterest/0",
    "tumblr/", "embedly", "iframely", "vkshare", "mattermost", "rocket.chat", "nextcloud server",
    "snap url", "opengraph", "facebot", "twitterbot", "telegrambot", "slackbot", "discordbot",
    "linkedinbot", "redditbot", "pinterestbot", "zalobot",
)  # fmt: skip

# What machines say that look like browsers otherwise. Libraries such as curl need no token: their
# agents have not the shape of a browser's.
_MACHINES: Final = (
    "bot", "crawl", "spider", "scan", "check", "monitor", "headless", "phantom",
    "node", "http:", "https:", ".com", "search", "@", "feed", "rss",
    "lighthouse", "gtmetrix", "pingdom", "ptst/", "synthetic", "dareboost", "wkhtml", "electron/",
    "inspect", "verif", "security", "capture", "shot", "render", "favicon", "proofpoint",
    "mimecast", "barracuda", "zscaler", "compatible;",
)  # fmt: skip


def _search_for(tokens: Iterable[str]) -> Callable[..., re.Match[str] | None]:
    """Return what finds the first of tokens in a text, in one pass and a time that is bounded.

    A token is looked for letter by letter, together with all that begin alike, and nothing is
    repeated. A search for each token takes half as long again at its worst.
    """
    return re.compile(_any_of([(token, _guard(token)) for token in tokens])).search


def _any_of(endings: Sequence[tuple[str, str]]) -> str:
    """Return the pattern of endings of tokens, each with what must hold behind it."""
    by_letter: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for ending, guard in endings:
        if not ending:
            return guard
        by_letter[ending[0]].append((ending[1:], guard))
    patterns = [re.escape(letter) + _any_of(some) for letter, some in by_letter.items()]
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def _guard(token: str) -> str:
    return "".join(f"(?<!{re.escape(each + token)})" for each in _INNOCENT.get(token, ()))


_PREVIEWER: Final = _search_for(_PREVIEWERS)
_TOKEN: Final = _search_for((*_PREVIEWERS, *_MACHINES))

"""The pages of tracking domains: the filter page, and what stands where no link is.

Plain HTML with one style sheet inside: no script, and nothing from any other host. So a page works
on every phone, and its content security policy can allow nothing but that style sheet.
"""

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import parse_qs

from sendrail.domain.click_classes import ClickClass, ClickReason, ClickVerdict

TITLE_LENGTH_MAX: Final = 80
TEXT_LENGTH_MAX: Final = 400
BUTTON_LENGTH_MAX: Final = 40
# A form of this page is a third of this; a client that sends more did not see it.
FORM_BYTES_MAX: Final = 256
_TOKEN_FIELD: Final = "token"  # noqa: S105 - a name
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
# A language tag with a script or region at most (RFC 5646, 2.1).
_LANGUAGE: Final = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,2}").fullmatch

# Dark text on white is 16.1 : 1, white on the button's blue 6.4 : 1 (WCAG 2.2 asks for 4.5 : 1);
# the button is 48 pixels high, so that a thumb hits it (2.5.8 asks for 24).
_STYLE: Final = (
    "body{margin:0;background:#fff;color:#1f1f1f;font:1.125rem/1.5 system-ui,sans-serif}"
    "main{max-width:32rem;margin:0 auto;padding:15vh 1.5rem 2rem;text-align:center}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}"
    "p{margin:0 0 2rem}"
    "p,h1{overflow-wrap:anywhere}"
    "button{min-height:48px;padding:.5rem 2rem;border:0;border-radius:8px;background:#0b57d0;"
    "color:#fff;font:inherit;font-weight:600;cursor:pointer}"
    "button:focus-visible{outline:3px solid #1f1f1f;outline-offset:3px}"
)
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

# No `form-action`: browsers apply it to where a form's answer redirects as well, and that is the
# shop, or the app store that the shop's link leads to.
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
)
# The head of an answer that is one of these pages, names in lower case.
PAGE_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", _POLICY.encode("ascii")),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"private, no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
)


@dataclass(frozen=True, slots=True)
class PageWords:
    """What the filter page says, and the language that it says it in."""

    title: str = "One more step"
    text: str = "Please confirm that you want to open this link."
    button: str = "Continue"
    language: str = "en"


def page_fault(words: PageWords) -> tuple[str, str] | None:
    """Return the field that a page cannot have, and why, or None."""
    lengths = {"title": TITLE_LENGTH_MAX, "text": TEXT_LENGTH_MAX, "button": BUTTON_LENGTH_MAX}
    for name, most in lengths.items():
        text = getattr(words, name)
        if not text.strip():
            return name, "must be a text that is not empty"
        if len(text) > most:
            return name, f"may have at most {most} characters"
        if _CONTROL(text):
            return name, "is one line, without control characters"
    if not _LANGUAGE(words.language):
        return "language", "must be a language tag such as en or pt-BR"
    return None


def shows_page(verdict: ClickVerdict) -> bool:
    """Return whether a visitor sees the filter page where links have one.

    Who only looks ahead or asks for the head is led on: a preview must show the shop's page.
    """
    if verdict.click_class is ClickClass.UNKNOWN:
        return True
    return verdict.click_class is ClickClass.BOT and verdict.reason is not ClickReason.HEAD


def page(words: PageWords, token: str) -> bytes:
    """Return the filter page of a link: its form posts the token to the page's own address."""
    return _document(
        words.language,
        words.title,
        f"<p>{escape(words.text)}</p>"
        f'<form method="post"><input type="hidden" name="{_TOKEN_FIELD}" value="{escape(token)}">'
        f'<button type="submit">{escape(words.button)}</button></form>',
    )


def token_in(form: bytes) -> str:
    """Return the token that a form of the page brings, or an empty text."""
    if len(form) > FORM_BYTES_MAX:
        return ""
    return parse_qs(form.decode("latin-1")).get(_TOKEN_FIELD, [""])[0]


def _document(language: str, title: str, content: str) -> bytes:
    # With `auto` a text of a right-to-left script stands as its readers expect.
    return (
        f'<!doctype html><html lang="{escape(language)}" dir="auto"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex,nofollow">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>\n"
    ).encode()


def _small(title: str, text: str) -> bytes:
    return _document("en", title, f"<p>{text}</p>")


# Where an id names no link: the same for one that never was and for one of another domain.
NOT_FOUND_PAGE: Final = _small("Nothing here", "This link does not exist. Is its end missing?")
# Where a link has led somewhere once.
GONE_PAGE: Final = _small("Link expired", "This link no longer leads anywhere.")
TOO_MANY_PAGE: Final = _small("Too many attempts", "Please try again in ten minutes.")
UNAVAILABLE_PAGE: Final = _small("Please try again", "This link cannot be opened right now.")

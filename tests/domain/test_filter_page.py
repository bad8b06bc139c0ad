"""The filter page holds what the account says, and nothing that runs or comes from elsewhere."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.click_classes import ClickClass, ClickReason, ClickVerdict
from sendrail.domain.filter_page import (
    BUTTON_LENGTH_MAX,
    FORM_BYTES_MAX,
    GONE_PAGE,
    NOT_FOUND_PAGE,
    PAGE_HEADERS,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    TOO_MANY_PAGE,
    UNAVAILABLE_PAGE,
    PageWords,
    page,
    page_fault,
    shows_page,
    token_in,
)

WORDS = PageWords()
SMALL = (NOT_FOUND_PAGE, GONE_PAGE, TOO_MANY_PAGE, UNAVAILABLE_PAGE)
# Elements and attributes by which a page runs something or fetches it.
FETCHES = {"script", "img", "link", "iframe", "object", "embed", "video", "audio", "base", "svg"}
# What text may be anywhere: without control characters and halves of surrogate pairs.
LINES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)


class Parsed(HTMLParser):
    """A page as the library's own parser reads it."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self._open = [], {}, []
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        self._open = self._open[: len(self._open) - 1 - self._open[::-1].index(tag)]

    def handle_data(self, data):
        if self._open:
            self.text[self._open[-1]] = self.text.get(self._open[-1], "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def tags(html):
    return [tag for tag, _ in Parsed(html).elements]


def header(name):
    return dict(PAGE_HEADERS)[name].decode()


def directives():
    parts = (each.split(maxsplit=1) for each in header(b"content-security-policy").split(";"))
    return dict(parts)


def luminance(colour):
    """Return the relative luminance of a colour as WCAG 2.2 defines it."""
    colour = "".join(2 * each for each in colour) if len(colour) == 3 else colour
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_page_is_one_form_with_a_token_and_a_button_that_posts_to_its_own_address():
    found = Parsed(page(WORDS, "c0ffee"))
    assert found.all("form") == [{"method": "post"}]  # without an action: the page's own address
    [field] = found.all("input")
    assert (field["type"], field["name"], field["value"]) == ("hidden", "token", "c0ffee")
    assert found.all("button") == [{"type": "submit"}]
    assert found.text["button"] == "Continue"


@given(title=LINES, text=LINES, button=LINES)
def test_words_of_an_account_are_shown_as_they_are_and_never_markup(title, text, button):
    found = Parsed(page(PageWords(title, text, button), "t"))
    assert found.text["h1"] == found.text["title"] == title
    assert (found.text["p"], found.text["button"]) == (text, button)
    assert tags(page(PageWords(title, text, button), "t")) == tags(page(WORDS, "t"))


def test_markup_in_words_is_text():
    words = PageWords('</title><script>alert("1")</script>', "<img src=x>", "'\"><b>")
    assert b"<script" not in page(words, "t")
    assert b"<img" not in page(words, "t")
    assert b"<b>" not in page(words, "t")


@pytest.mark.parametrize("html", [page(WORDS, "t"), *SMALL])
def test_a_page_runs_nothing_and_fetches_nothing(html):
    found = Parsed(html)
    assert not FETCHES & {tag for tag, _ in found.elements}
    attributes = {name for _, each in found.elements for name in each}
    assert not {name for name in attributes if name.startswith("on")}
    assert not attributes & {"src", "href", "style", "action", "formaction", "srcset"}
    assert b"url(" not in html
    assert b"@import" not in html


@pytest.mark.parametrize("html", [page(WORDS, "t"), *SMALL])
def test_a_page_names_its_language_and_title_and_fits_a_phone(html):
    found = Parsed(html)
    assert found.all("html")[0]["lang"] == "en"
    assert found.text["title"] == found.text["h1"] != ""
    [viewport] = [each for each in found.all("meta") if each.get("name") == "viewport"]
    assert viewport["content"] == "width=device-width,initial-scale=1"  # and may be magnified
    assert len(html) < 2_048


def test_the_policy_allows_the_one_style_sheet_and_nothing_else():
    style = re.search(rb"<style>(.*)</style>", page(WORDS, "t"))[1]
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert directives() == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert header(b"x-frame-options") == "DENY"
    assert header(b"cache-control") == "private, no-store"


def test_text_and_button_have_the_contrast_of_the_guidelines():
    style = Parsed(page(WORDS, "t")).text["style"]
    pairs = re.findall(r"\{[^}]*background:#(\w+);color:#(\w+)", style)
    assert len(pairs) == 2
    for background, text in pairs:
        assert contrast(background, text) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize(
    ("click_class", "reason", "sees"),
    [
        (ClickClass.BOT, ClickReason.HEAD, False),
        (ClickClass.PREFETCH, ClickReason.PREFETCH, False),
        (ClickClass.PREVIEW, ClickReason.PREVIEW, False),
        (ClickClass.BOT, ClickReason.NO_BROWSER, True),
        (ClickClass.BOT, ClickReason.AGENT, True),
        (ClickClass.BOT, ClickReason.NETWORK, True),
        (ClickClass.UNKNOWN, ClickReason.TOO_SOON, True),
        (ClickClass.HUMAN, ClickReason.NONE, False),
        (ClickClass.HUMAN, ClickReason.CONFIRMED, False),
    ],
)
def test_bots_and_unknown_ones_see_the_page_and_who_looks_ahead_never(click_class, reason, sees):
    assert shows_page(ClickVerdict(click_class, reason)) is sees


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (PageWords(title=" "), "title"),
        (PageWords(title="a" * (TITLE_LENGTH_MAX + 1)), "title"),
        (PageWords(text="a" * (TEXT_LENGTH_MAX + 1)), "text"),
        (PageWords(text="two\nlines"), "text"),
        (PageWords(text="\ud83d"), "text"),
        (PageWords(button="a" * (BUTTON_LENGTH_MAX + 1)), "button"),
        (PageWords(language="english please"), "language"),
        (PageWords(language='en" onload="x'), "language"),
    ],
)
def test_words_that_a_page_cannot_have_are_named(words, field):
    assert page_fault(words)[0] == field


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        PageWords(title="a" * TITLE_LENGTH_MAX, text="a" * TEXT_LENGTH_MAX),
        PageWords(button="a" * BUTTON_LENGTH_MAX, language="pt-BR"),
        PageWords(
            "\u0627\u062f\u0627\u0645\u0647 \u0645\u06cc\u200c\u062f\u0647\u0645", language="fa"
        ),
    ],
)
def test_words_of_any_language_are_taken(words):
    assert page_fault(words) is None


@pytest.mark.parametrize(
    ("form", "token"),
    [
        (b"token=abc123", "abc123"),
        (b"other=1&token=a%2Bb", "a+b"),
        (b"", ""),
        (b"token", ""),
        (b"token=" + b"a" * FORM_BYTES_MAX, ""),
        (b"\xff\xfe&&&=;%zz", ""),
    ],
)
def test_the_token_of_a_form_is_found_whatever_it_holds(form, token):
    assert token_in(form) == token


@given(st.binary(max_size=FORM_BYTES_MAX))
def test_any_form_has_a_token_or_none(form):
    assert isinstance(token_in(form), str)

"""Creatives: the texts of campaigns, with places for links, and what they cost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import quote

from sendrail.domain.frame import FramedSender, enclosed
from sendrail.domain.ids import MESSAGE_ID_LENGTH, AccountId, CreativeId
from sendrail.domain.order import MESSAGE_ID_PLACEHOLDER
from sendrail.domain.placeholders import (
    LINK_KEYS,
    FieldPlace,
    LinkPlace,
    MessageIdPlace,
    Template,
)
from sendrail.domain.slugs import slug_of
from sendrail.domain.text import TextSize, measure

NAME_LENGTH_MAX: Final = 255
MESSAGE_LENGTH_MAX: Final = 1_600
# The public API's estimate: a link's characters, those of the compliance texts, and how many
# characters a segment has.
ESTIMATED_LINK: Final = 23
ESTIMATED_FRAME: Final = 34
_ALONE_MAX: Final = 160
_JOINED_MAX: Final = 153
_LINK: Final = re.compile(rf"\{{\{{\s*(?:{'|'.join(LINK_KEYS)})\s*\}}\}}")
# A long name, such as Maximiliane-Henriette.
LONG_VALUE: Final = "x" * 21


class CreativeStatus(StrEnum):
    """Whether campaigns may choose a creative."""

    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class CreativeType(StrEnum):
    """What a creative is for: automated selection, one campaign, or welcome journeys."""

    AUTOMATED = "automated"
    ONE_TIME = "one_time"
    WELCOME = "welcome"


# Query parameters that a link appends, and how long one may be: its name and value together.
PARAMS_MAX: Final = 20
PARAM_LENGTH_MAX: Final = 255
PARAMS_HELP: Final = (
    f"has at most {PARAMS_MAX} names, each with a value of at most {PARAM_LENGTH_MAX} characters "
    "together; neither has a line break or another control character, and a name has no ="
)
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]").search


def read_params(given: object) -> Mapping[str, str] | None:
    """Return the query parameters that a link appends, without blanks around them.

    None is returned for anything else than texts that a form can show, one `name=value` a line.
    """
    if not isinstance(given, Mapping) or len(given) > PARAMS_MAX:
        return None
    found: dict[str, str] = {}
    for name, value in given.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            return None
        called, said = name.strip(), value.strip()
        is_fit = called and "=" not in called and called not in found
        if not is_fit or len(called) + len(said) > PARAM_LENGTH_MAX or _UNWRITABLE(called + said):
            return None
        found[called] = said
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLink:
    """Where a creative's link leads: to an offer, perhaps by a URL of its own.

    `key` is the placeholder's, such as `link1`; `offer_ref` the offer's public id. `url_params` are
    appended to the URL.
    """

    key: str
    offer_ref: str
    url: str | None = None
    url_params: Mapping[str, str] = field(default_factory=dict)

    def destination(self, tracking_url: str) -> str:
        """Return where the link leads, with its macros; `tracking_url` is the offer's."""
        url = self.url or tracking_url
        if not self.url_params:
            return url
        base, mark, fragment = url.partition("#")
        pairs = "&".join(
            f"{quote(name, safe='')}={quote(value, safe=_AS_IT_IS)}"
            for name, value in self.url_params.items()
        )
        joint = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
        return f"{base}{joint}{pairs}{mark}{fragment}"


# A macro's braces, so that it is filled when the link is clicked; and what is plain in a query.
_AS_IT_IS: Final = "{}/:@!$'()*,;~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Creative:
    """One text of an account. Times are milliseconds."""

    id: CreativeId
    account_id: AccountId
    name: str
    message: str
    offer_links: Sequence[OfferLink]
    status: CreativeStatus
    creative_type: CreativeType
    created_at: int
    updated_at: int

    @property
    def slug(self) -> str:
        """Return the id with the name in it, for people: `crv_summer-sale_101`."""
        return f"crv_{slug_of(self.name, 'creative')}_{self.id}"

    @property
    def offer_refs(self) -> list[str]:
        """Return the ids of its offers, each once."""
        return list(dict.fromkeys(link.offer_ref for link in self.offer_links))


class TextEstimate(NamedTuple):
    """The public API's counts: every link has 23 characters, and 34 are added."""

    characters: int
    segments: int


def estimate(message: str) -> TextEstimate:
    """Return the documented counts of a text, which know one encoding only."""
    characters = ESTIMATED_FRAME + len(_LINK.sub("x" * ESTIMATED_LINK, message))
    segments = 1 if characters <= _ALONE_MAX else -(-characters // _JOINED_MAX)
    return TextEstimate(characters, segments)


@dataclass(frozen=True, slots=True)
class SampleText:
    """A text as a handset may show it, with what stands around it."""

    text: str
    size: TextSize


def sample(template: Template, link: str, sender: FramedSender, filler: str = "") -> SampleText:
    """Return a text with defaults, where there are some, and a filler for the other fields.

    `link` stands for each short link and has its length; the message's id is eight letters.
    """
    body = "".join(
        link
        if isinstance(part, LinkPlace)
        else "x" * MESSAGE_ID_LENGTH
        if isinstance(part, MessageIdPlace)
        else _sample_value(part, sender, filler)
        if isinstance(part, FieldPlace)
        else part
        for part in template.parts
    )
    text = enclosed(body, sender)
    return SampleText(text, measure(text))


def finished(rendered: str, links: Mapping[str, str], message_id: str) -> str:
    """Return a rendered text with its short links and the message's id, as a handset shows it."""
    for key, link in links.items():
        rendered = rendered.replace(f"{{{{{key}}}}}", link)
    return rendered.replace(MESSAGE_ID_PLACEHOLDER, message_id)


def _sample_value(part: FieldPlace, sender: FramedSender, filler: str) -> str:
    if part.name == "brand_name" and sender.brand:
        return sender.brand
    # The longest text is one whose contact has a value where there is a default.
    return filler or part.default or ""

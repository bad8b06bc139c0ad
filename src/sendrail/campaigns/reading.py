"""What callers give of a creative, checked in the order of the public API's codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from sendrail.domain.creative import (
    MESSAGE_LENGTH_MAX,
    NAME_LENGTH_MAX,
    PARAMS_HELP,
    CreativeStatus,
    CreativeType,
    OfferLink,
    read_params,
)
from sendrail.domain.destinations import DestinationRules
from sendrail.domain.errors import InvalidInput, missing
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import LINK_KEYS, Template, read_template
from sendrail.links.destinations import destination_of

Choice = TypeVar("Choice", bound=StrEnum)

# What a new creative may be; a change may archive it as well.
NEW_STATUSES: Final = (CreativeStatus.ACTIVE, CreativeStatus.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkInput:
    """Where a link is to lead, as a caller gives it."""

    key: str | None = None
    offer_id: str | None = None
    url: str | None = None
    url_params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeInput:
    """What a caller gives of a creative; None is not given."""

    name: str | None = None
    message: str | None = None
    offer_links: Sequence[LinkInput] | None = None
    status: str | None = None
    creative_type: str | None = None


def required(given: CreativeInput) -> None:
    """Refuse what a new creative cannot be without."""
    for name in ("name", "message"):
        if not (getattr(given, name) or "").strip():
            raise missing(name)
    if not given.offer_links:
        raise missing("offer_links")


def columns(given: CreativeInput, statuses: Sequence[CreativeStatus]) -> dict[str, Any]:
    """Return the columns that are given, each checked by itself."""
    values: dict[str, Any] = {
        "name": _text(given.name, "name", NAME_LENGTH_MAX),
        "message": _text(given.message, "message", MESSAGE_LENGTH_MAX),
        "status": _choice(CreativeStatus, given.status, "status", statuses),
        "creative_type": _choice(
            CreativeType, given.creative_type, "creative_type", tuple(CreativeType)
        ),
    }
    return {name: value for name, value in values.items() if value is not None}


def template_of(message: str) -> Template:
    """Return a message in its parts. Raises `InvalidInput` with the place and the remedy."""
    template = read_template(message)
    if isinstance(template, Fault):
        raise InvalidInput(template.text, code=template.code, param=template.param)
    if not template.link_keys:
        raise InvalidInput(
            "`message` has no link: write {{link1}} where the link goes",
            code="missing_link_placeholder",
            param="message",
        )
    return template


def links_of(given: Sequence[LinkInput], rules: DestinationRules) -> list[OfferLink]:
    """Return where links lead; that their offers exist is not checked here."""
    if not given:
        raise missing("offer_links")
    links = [_link(each, rules) for each in given]
    if len({link.key for link in links}) < len(links):
        raise InvalidInput("`offer_links` has the same key twice", param="offer_links")
    return links


def expect_links(template: Template, links: Sequence[OfferLink]) -> None:
    """Refuse a text with a link that leads nowhere."""
    known = {link.key for link in links}
    if lost := [key for key in template.link_keys if key not in known]:
        raise InvalidInput(
            f"`offer_links` does not define {', '.join(lost)}",
            code="missing_offer_links_for_placeholders",
            param="offer_links",
        )


def expect_destination(link: OfferLink, tracking_url: str, rules: DestinationRules) -> None:
    """Refuse a link whose whole URL is none that a link may lead to."""
    url = link.destination(tracking_url)
    destination_of(url, rules, f"The URL of {link.key}", "offer_links")


def _link(given: LinkInput, rules: DestinationRules) -> OfferLink:
    key, offer_ref = (given.key or "").strip(), (given.offer_id or "").strip()
    if not key:
        raise _missing_of_link("key", "key")
    if key not in LINK_KEYS:
        raise InvalidInput(
            f"`key` must be {' or '.join(LINK_KEYS)}, as in the message", param="offer_links"
        )
    if not offer_ref:
        raise _missing_of_link("offer_id", key)
    url = (given.url or "").strip()
    if url:
        url = destination_of(url, rules, f"The URL of {key}", "offer_links")
    if (params := read_params(given.url_params)) is None:
        raise InvalidInput(f"`url_params` {PARAMS_HELP}", param="offer_links")
    return OfferLink(key=key, offer_ref=offer_ref, url=url or None, url_params=params)


def _missing_of_link(name: str, key: str) -> InvalidInput:
    text = f"Each of `offer_links` needs its {name}"
    text += "" if name == key else f"; {key} has none"
    return InvalidInput(text, code=f"missing_offer_link_{name}", param="offer_links")


def _text(text: str | None, name: str, length_max: int) -> str | None:
    if text is None:
        return None
    if not text.strip():
        raise missing(name)
    if "\0" in text:
        raise InvalidInput(f"`{name}` must not contain the NUL character", param=name)
    # A text's own blanks stay: a message may begin with a line break.
    kept = text.strip() if name == "name" else text
    if len(kept) > length_max:
        raise InvalidInput(
            f"`{name}` has at most {length_max:,} characters", code=f"{name}_too_long", param=name
        )
    return kept


def _choice(
    kind: type[Choice], text: str | None, name: str, choices: Sequence[Choice]
) -> Choice | None:
    if text is None:
        return None
    if text not in choices:
        raise InvalidInput(
            f"`{name}` must be {' or '.join(choices)}", code=f"invalid_{name}", param=name
        )
    return kind(text)

"""What a message's row says of a link: a destination, perhaps with values of its recipient.

    17                                destination 17
    17?first_name=Anna&custom_fields.c=8731
                                      the same, with what its macros are for this recipient
    https://shop.example/cart/8731    a URL of the message's own

A contact changes, and what was true when the message was sent is what its link is to lead with. So
the values that a URL names, and no others, stay with the message, as long as it does.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote

from sendrail.domain.destinations import macros_of
from sendrail.domain.link_macros import CONTACT_PREFIX, is_of_contact

# Longer values are cut: a link stands in its message's row.
VALUE_CHARACTERS_MAX: Final = 255


class RecipientTarget(NamedTuple):
    """The destination that a link leads to, and the values that its recipient has for it."""

    destination_id: int
    # By the names of a contact's fields, without the prefix that they have in a URL.
    values: Mapping[str, str]


_NO_VALUES: Final[Mapping[str, str]] = {}


def link_to(destination_id: int, template: str) -> str:
    """Return a link to a destination, with the names of the values that its URL wants."""
    names = sorted(
        name.removeprefix(CONTACT_PREFIX) for name in macros_of(template) if is_of_contact(name)
    )
    return f"{destination_id}?{'&'.join(names)}" if names else str(destination_id)


def with_values(link: str, values: Mapping[str, str]) -> str:
    """Return a link of `link_to` with a recipient's values; one that wants none as it is.

    `values` are those of a text, by the names of fields: see `placeholders.values_of`.
    """
    destination, mark, names = link.partition("?")
    if not mark or not destination.isdecimal():
        return link
    pairs = [
        f"{name}={quote(values[name][:VALUE_CHARACTERS_MAX], safe='', errors='replace')}"
        for name in names.split("&")
        if values.get(name)
    ]
    return f"{destination}?{'&'.join(pairs)}" if pairs else destination


def destination_of(link: str) -> int | None:
    """Return the id of the destination that a link leads to, None for a URL of its own."""
    # Nearly all have no values, and no URL begins with a digit.
    if link.isdecimal():
        return int(link)
    return int(link.partition("?")[0]) if link[:1].isdecimal() else None


def target_of(link: str) -> RecipientTarget | str:
    """Return where a link leads, with its recipient's values, or the URL of its own that it is."""
    if link.isdecimal():
        return RecipientTarget(int(link), _NO_VALUES)
    destination_id = destination_of(link)
    if destination_id is None:
        return link
    return RecipientTarget(destination_id, dict(parse_qsl(link.partition("?")[2])))


def shown(template: str, values: Mapping[str, str]) -> str:
    """Return a URL with its recipient's values filled in; what is filled at the click stays."""
    for name, value in values.items():
        template = template.replace(f"{{{{{CONTACT_PREFIX}{name}}}}}", quote(value, safe=""))
    return template

"""The text of a journey's message, written for one contact at the time of its turn."""

from collections.abc import Mapping
from typing import NamedTuple

from sendrail.domain.contact import Scalar
from sendrail.domain.creative import MESSAGE_LENGTH_MAX
from sendrail.domain.placeholders import MissingValue, RenderedText, Template, values_of


class ContactNames(NamedTuple):
    """What a text may say of a contact beside its custom fields, and the brand of the list."""

    first_name: str | None = None
    last_name: str | None = None
    timezone: str | None = None
    brand: str = ""


class UnwritableText(NamedTuple):
    """There is no text for the contact: the code is a verdict for `advance`."""

    code: str
    detail: str


def text_for(
    template: Template, names: ContactNames, fields: Mapping[str, Scalar]
) -> RenderedText | UnwritableText:
    """Return a text with a contact's values, with marks for links and the message's id."""
    own = {
        "first_name": names.first_name,
        "last_name": names.last_name,
        "timezone": names.timezone,
    }
    rendered = template.render(values_of(own, fields, names.brand))
    if isinstance(rendered, MissingValue):
        return UnwritableText("unknown_macro", rendered.name)
    if len(rendered.text) > MESSAGE_LENGTH_MAX:
        return UnwritableText("message_too_long", f"{len(rendered.text):,} characters")
    return rendered

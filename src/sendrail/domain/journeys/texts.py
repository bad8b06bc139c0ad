"""The text of a journey's message, written for one contact at the time of its turn."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sendrail.domain.creative import MESSAGE_LENGTH_MAX
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.placeholders import MissingValue, RenderedText, Template, values_of

# What stands before a name of an event's data in a placeholder.
EVENT_PREFIX: Final = "event."


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


def text_values(names: ContactNames, facts: Facts) -> Mapping[str, str]:
    """Return a contact's values, as texts show them; what events have said begins with `event.`."""
    own = {
        "first_name": names.first_name,
        "last_name": names.last_name,
        "timezone": names.timezone,
    }
    said = {EVENT_PREFIX + name: value for name, value in facts.event_data.items()}
    return values_of(own, {**facts.fields, **said}, names.brand)


def text_for(template: Template, values: Mapping[str, str]) -> RenderedText | UnwritableText:
    """Return a text with a contact's values, with marks for links and the message's id."""
    rendered = template.render(values)
    if isinstance(rendered, MissingValue):
        return UnwritableText("unknown_macro", rendered.name)
    if len(rendered.text) > MESSAGE_LENGTH_MAX:
        return UnwritableText("message_too_long", f"{len(rendered.text):,} characters")
    return rendered

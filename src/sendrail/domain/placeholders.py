"""Placeholders of a text: what stands in double braces, and what becomes of it for a contact.

A text is read once and rendered for many contacts. Fields are filled when it is rendered; links and
the message's id keep marks in its place, which are filled when the message leaves.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sendrail.domain.order import MESSAGE_ID_PLACEHOLDER, Fault
from sendrail.domain.short_ids import LINKS_MAX

# A name and perhaps a default, neither of which has braces.
PLACEHOLDER: Final = re.compile(r"\{\{([^{}|]*)(?:\|([^{}]*))?\}\}")
# The documented ones; any other name is a custom field's.
FIELDS: Final = ("first_name", "last_name", "timezone", "brand_name")
LINK_KEYS: Final = tuple(f"link{position}" for position in range(1, LINKS_MAX + 1))
CUSTOM_PREFIX: Final = "custom_fields."
# The message's id has two documented names.
_IDS: Final = ("messageId", "sendId")
# What only the URL of an offer can hold: it is filled when a link is clicked.
_OF_URLS: Final = frozenset({"click_id", "offerId", "externalId", "contact.phone"})
_SHOWN_MAX: Final = 64
_LIKE_LINK: Final = re.compile(r"link[\s_-]*([0-9]*)", re.IGNORECASE).fullmatch
# What is filled when a message leaves.
_MARK: Final = re.compile(
    "|".join(map(re.escape, (MESSAGE_ID_PLACEHOLDER, *(f"{{{{{key}}}}}" for key in LINK_KEYS))))
)
_WITHOUT_BRACES: Final = str.maketrans("{}", "()")


class FieldPlace(NamedTuple):
    """The place of a contact's field; `default` stands in for a value that is missing or blank."""

    name: str
    default: str | None = None


class LinkPlace(NamedTuple):
    """The place of a short link, such as `link1`."""

    key: str


class MessageIdPlace(NamedTuple):
    """The place of the message's own id."""


Part = str | FieldPlace | LinkPlace | MessageIdPlace


class MissingValue(NamedTuple):
    """A contact has no value for a field that has no default."""

    name: str


class RenderedText(NamedTuple):
    """A text for one contact, with marks for links and the message's id.

    `defaulted` are the fields for which defaults stand.
    """

    text: str
    defaulted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A text that was read, in its parts."""

    parts: Sequence[Part]

    @property
    def link_keys(self) -> tuple[str, ...]:
        """Return the keys of its links, in the order of their first places."""
        return tuple(dict.fromkeys(part.key for part in self.parts if isinstance(part, LinkPlace)))

    @property
    def fields(self) -> tuple[FieldPlace, ...]:
        """Return its fields, each once for each of its defaults."""
        return tuple(dict.fromkeys(part for part in self.parts if isinstance(part, FieldPlace)))

    def render(self, values: Mapping[str, str]) -> RenderedText | MissingValue:
        """Return the text with a contact's values, or the first field that has none.

        A value is text, whatever is in it. Where braces in values would make a mark that the
        author did not write, they become round brackets.
        """
        written: list[str] = []
        defaulted: list[str] = []
        has_braces = False
        for part in self.parts:
            if isinstance(part, str):
                written.append(part)
            elif isinstance(part, FieldPlace):
                value = values.get(part.name)
                if value is None or not value or value.isspace():
                    if part.default is None:
                        return MissingValue(part.name)
                    value = part.default
                    defaulted.append(part.name)
                has_braces = has_braces or "{" in value or "}" in value
                written.append(value)
            else:
                written.append(shown(part))
        text = "".join(written)
        if has_braces and marks_in(text) != self._marks():
            text = "".join(
                without_braces(value) if isinstance(part, FieldPlace) else value
                for part, value in zip(self.parts, written, strict=True)
            )
        return RenderedText(text, tuple(dict.fromkeys(defaulted)) if defaulted else ())

    def _marks(self) -> int:
        return sum(isinstance(part, LinkPlace | MessageIdPlace) for part in self.parts)


def shown(part: str | LinkPlace | MessageIdPlace) -> str:
    """Return what stands in a rendered text for a part that is no field."""
    if isinstance(part, str):
        return part
    return f"{{{{{part.key}}}}}" if isinstance(part, LinkPlace) else MESSAGE_ID_PLACEHOLDER


def marks_in(text: str) -> int:
    """Return how many places of a text are filled when it leaves."""
    return len(_MARK.findall(text))


def without_braces(value: str) -> str:
    """Return a value with round brackets in place of braces."""
    return value.translate(_WITHOUT_BRACES)


def inert(value: str) -> str:
    """Return a text of which nothing is ever filled: one with a mark loses its braces."""
    return without_braces(value) if "{" in value else value


def read_template(text: str, param: str = "message") -> Template | Fault:
    """Return a text in its parts, or its first fault, which names the place and the remedy.

    Places count characters from 1.
    """
    parts: list[Part] = []
    at = 0
    for found in PLACEHOLDER.finditer(text):
        between = text[at : found.start()]
        if (fault := _brace_fault(between, at, param, before=True)) is not None:
            return fault
        part = _read(found[1].strip(), found[2])
        if isinstance(part, str):
            return _fault(found[0], found.start(), part, param)
        parts += (between, part) if between else (part,)
        at = found.end()
    if (fault := _brace_fault(text[at:], at, param, before=False)) is not None:
        return fault
    if at < len(text):
        parts.append(text[at:])
    return Template(tuple(parts))


def _read(name: str, default: str | None) -> FieldPlace | LinkPlace | MessageIdPlace | str:
    """Return what a placeholder is, or why it is none."""
    special = _read_special(name)
    if special is None:
        return FieldPlace(name, None if default is None else default.strip())
    if default is not None and not isinstance(special, str):
        return f"always has a value: write {{{{{name}}}}} without a default"
    return special


def _read_special(name: str) -> LinkPlace | MessageIdPlace | str | None:
    """Return what a name that is no field's is, or what is wrong with it; None for a field's."""
    if name in LINK_KEYS:
        return LinkPlace(name)
    return MessageIdPlace() if name in _IDS else _name_problem(name)


def _name_problem(name: str) -> str | None:
    if not name:
        return "names no field: write one such as {{first_name}}"
    if name in _OF_URLS:
        return "is filled only in the URL of an offer"
    if (like := _LIKE_LINK(name)) is not None:
        meant = f"link{like[1] or 1}"
        if meant in LINK_KEYS:
            return f"is written {{{{{meant}}}}}"
        return f"is no link: a text has {{{{link1}}}} to {{{{link{LINKS_MAX}}}}}"
    for known in (*FIELDS, *_IDS):
        if name != known and name.lower() == known.lower():
            return (
                f"is written {{{{{known}}}}}; a custom field of this name is "
                f"{{{{{CUSTOM_PREFIX}{name}}}}}"
            )
    return None


def _brace_fault(between: str, start: int, param: str, *, before: bool) -> Fault | None:
    """Return the fault in a text between placeholders: braces that open and are no placeholder."""
    at = between.find("{{")
    if at < 0 and before and between.endswith("{"):
        at = len(between) - 1
    if at < 0:
        return None
    return _fault(between[at : at + 16], start + at, "is no placeholder: close it by }}", param)


def _fault(shown_: str, at: int, problem: str, param: str) -> Fault:
    short = shown_ if len(shown_) <= _SHOWN_MAX else f"{shown_[:_SHOWN_MAX]}…"
    return Fault("unknown_macro", f"{short} at character {at + 1} {problem}", param)


def values_of(
    named: Mapping[str, str | None], custom: Mapping[str, object], brand: str = ""
) -> dict[str, str]:
    """Return the values of a contact's fields, as texts show them.

    `named` are its own fields, `custom` its custom fields, each also under its long name. A field
    of its own wins over a custom field of the same name.
    """
    values = dict(_custom_values(custom)) if custom else {}
    for name, value in named.items():
        if value is not None:
            values[name] = value
    if brand:
        values["brand_name"] = brand
    return values


def _custom_values(custom: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in custom.items():
        text = shown_value(value)
        yield name, text
        yield f"{CUSTOM_PREFIX}{name}", text


def shown_value(value: object) -> str:
    """Return a custom field as a text shows it: words stay JSON's, and null is nothing."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)

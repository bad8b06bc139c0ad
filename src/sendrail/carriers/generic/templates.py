"""Settings with placeholders, such as `Bearer {api_key}`, and how a message fills them.

Values are escaped for their place: percent-encoded in a URL or a form, as a string in JSON. So no
text of a message can become a field, a header or a parameter.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from sendrail.domain.errors import CarrierTrouble

# The values of placeholders; None where unknown, such as a callback URL without a public address.
Values = Mapping[str, str | None]

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([a-z_]+)\}|[{}]")
# In JSON, a string that consists of one of these alone becomes a number.
_NUMBERS: Final = frozenset({"to_int", "from_int"})


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders: `texts` are the fixed pieces before, between and after `names`."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

    def fill(self, values: Values, escape: Callable[[str], str] = str) -> str:
        """Return the text with each placeholder's value, escaped; an unknown one is empty."""
        filled = [escape(values[name] or "") for name in self.names]
        pairs = zip(self.texts, [*filled, ""], strict=True)
        return "".join(text + value for text, value in pairs)

    def lacks(self, values: Values) -> bool:
        """Return whether any placeholder has no value."""
        return any(values[name] is None for name in self.names)


def read_template(text: str, known: AbstractSet[str], setting: str) -> Template:
    """Return a text of a setting as a template.

    Raise `CarrierTrouble` for an unknown placeholder or an unmatched brace.
    """
    texts, names, begin, literal = [], [], 0, ""
    for token in _TOKEN.finditer(text):
        literal += text[begin : token.start()]
        begin = token.end()
        if token[0] in {"{{", "}}"}:
            literal += token[0][0]
        elif token[1] in known:
            texts.append(literal)
            names.append(token[1])
            literal = ""
        else:
            names_known = ", ".join(sorted(known)) or "none while no credential is set"
            raise CarrierTrouble(
                f"{setting} has {token[0]}, which is no placeholder there; those are "
                f"{names_known}. Write a brace twice to mean the brace.",
                param=setting,
            )
    return Template((*texts, literal + text[begin:]), tuple(names))


def read_tree(value: Any, known: AbstractSet[str], setting: str) -> Any:
    """Return a JSON value of a setting with each string in it read as a template."""
    match value:
        case str(text):
            return read_template(text, known, setting)
        case list(items):
            return [read_tree(item, known, setting) for item in items]
        case dict(members):
            return {name: read_tree(item, known, setting) for name, item in members.items()}
        case _:
            return value


def fill_tree(tree: Any, values: Values) -> Any:
    """Return a filled tree; members and items whose placeholder has no value are left out."""
    match tree:
        case Template(("", ""), (name,)) if name in _NUMBERS:
            # A sender that is a name stays a string.
            given = values[name] or "0"
            return int(given) if given.isdecimal() else given
        case Template():
            return tree.fill(values)
        case list(items):
            return [fill_tree(item, values) for item in items if not _lacks(item, values)]
        case dict(members):
            return {
                name: fill_tree(item, values)
                for name, item in members.items()
                if not _lacks(item, values)
            }
        case _:
            return tree


def _lacks(tree: Any, values: Values) -> bool:
    return isinstance(tree, Template) and tree.lacks(values)

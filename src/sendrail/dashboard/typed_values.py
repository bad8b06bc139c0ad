"""Values of custom fields and of events as forms show them: a text, and as what it is meant.

A number 3 and a text "3" are two values, and a condition on one does not hold for the other.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from sendrail.contacts.inputs import json_in
from sendrail.dashboard.form_parts import number
from sendrail.domain.digits import number_written
from sendrail.domain.errors import InvalidInput

TYPES: Final = {
    "text": "as text", "number": "as a number", "truth": "as true or false", "json": "as JSON",
}  # fmt: skip
_TRUTHS: Final = {"true": True, "yes": True, "false": False, "no": False}


def type_of(values: Sequence[Any]) -> str:
    """Return as what values can be typed, each on its own, without becoming others."""
    if all(isinstance(each, bool) for each in values):
        return "truth"
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        return "number"
    is_plain = all(
        isinstance(each, str) and each and each.isprintable() and each == each.strip()
        for each in values
    )
    return "text" if is_plain else "json"


def typed(value: Any, kind: str) -> str:
    """Return a value as it is typed; `kind` is what `type_of` returns for it."""
    if kind == "text":
        return str(value)
    return number_written(value) if kind == "number" else json.dumps(value, ensure_ascii=False)


def read_typed(text: str, kind: str, fault: Callable[[str], InvalidInput]) -> Any:
    """Return the value that was typed. Raises what `fault` makes of the words for what is none."""
    match kind:
        case "number":
            if (found := number(text)) is None:
                raise fault("This is a number, such as 5 or 12.50.")
            return found
        case "truth":
            if (truth := _TRUTHS.get(text.strip().lower())) is None:
                raise fault("This is true or false.")
            return truth
        case "json":
            try:
                return json_in(text)
            except ValueError:
                raise fault('This is JSON, such as "gold", 5 or true.') from None
        case _:
            return text

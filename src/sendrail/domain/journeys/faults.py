"""The faults of a document: each with a code, a sentence and a path to the part at fault."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sendrail.domain.errors import MESSAGE_LENGTH_MAX, PARAM_LENGTH_MAX, InvalidInput, excerpt
from sendrail.domain.order import Fault

MISSING: Final = object()
# A document may have some thousand faults or warnings; the first of them are shown.
FAULTS_MAX: Final = 100


class StepReference(NamedTuple):
    """An object of the account that a document names, and where.

    `kind` is `creative`, `offer`, `journey`, `endpoint`, `list` or `audience`.
    """

    kind: str
    id: int | str
    param: str


class FaultLog:
    """What a reader finds: faults, which keep a document from being activated, and warnings."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.references: list[StepReference] = []

    def fault(self, code: str, text: str, param: str) -> None:
        """Note a fault; `text` says what the part is when it is right."""
        self.faults.append(_fault(code, text, param))

    def advise(self, code: str, text: str, param: str) -> None:
        """Note a warning."""
        self.warnings.append(_fault(code, text, param))

    def refer(self, kind: str, name: int | str, param: str) -> None:
        """Note that an object of the account is named."""
        self.references.append(StepReference(kind, name, param))

    def expect_keys(self, given: Mapping[str, Any], known: Sequence[str], path: str) -> None:
        """Warn of each key that a reader does not know: it may be a slip of the pen."""
        for key in given:
            if key not in known:
                self.advise(
                    "unknown_field",
                    f"is not known; those are {', '.join(known)}",
                    joined(path, key),
                )

    # Values that many parts have. Each returns None where it has noted a fault.

    def text(self, value: object, param: str, length_max: int, *, blank: bool = False) -> str:
        """Return a text, "" where it is none."""
        if (
            isinstance(value, str)
            and len(value) <= length_max
            and "\0" not in value
            and (blank or value.strip())
        ):
            return value
        self.fault("invalid_value", f"must be a text of 1 to {length_max:,} characters", param)
        return ""

    def number(self, value: object, param: str, least: int, most: int) -> int | None:
        """Return a whole number within bounds."""
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault("invalid_value", f"must be a whole number from {least:,} to {most:,}", param)
        return None

    def flag(self, given: Mapping[str, Any], name: str, path: str, *, default: bool) -> bool:
        """Return a truth value of an object."""
        value = given.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        self.fault("invalid_value", "must be true or false", joined(path, name))
        return default


def _fault(code: str, text: str, param: str) -> Fault:
    # The keys of a document are as long as the caller likes.
    shown = excerpt(param, PARAM_LENGTH_MAX)
    return Fault(code, excerpt(f"`{shown}` {text}", MESSAGE_LENGTH_MAX), shown)


def joined(path: str, name: str) -> str:
    """Return the path to a part of a part; the document itself has the path ""."""
    return f"{path}.{name}" if path else name


class FaultyDocument(InvalidInput):
    """A document cannot be run: its first fault, and the first `FAULTS_MAX` of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.text, code=first.code, param=first.param)
        self.faults = tuple(faults[:FAULTS_MAX])

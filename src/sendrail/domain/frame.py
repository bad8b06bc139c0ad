"""What stands before and after a text: whose it is, and how to stop it.

Texts to American numbers must say both. An account has its words, a list may have its own, and
both count towards the segments.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from sendrail.domain.order import Fault
from sendrail.domain.phone import NORTH_AMERICA, PhoneNumber
from sendrail.domain.placeholders import (
    FieldPlace,
    LinkPlace,
    MissingValue,
    Template,
    inert,
    read_template,
)

# The documented ones.
PREPEND: Final = "{{brand_name}}: "
APPEND: Final = " Reply stop to stop. Help for help."
FRAME_LENGTH_MAX: Final = 320
_BRAND: Final = "brand_name"
# The numbers whose texts anything stands around.
FRAMED: Final = NORTH_AMERICA


class Frame(NamedTuple):
    """What stands before and after a text, with places for the list's brand."""

    prepend: str = PREPEND
    append: str = APPEND


class OwnFrame(NamedTuple):
    """The part of a frame that an account or a list says itself; None is what is above it."""

    prepend: str | None = None
    append: str | None = None

    def over(self, above: Frame) -> Frame:
        """Return the frame that this makes of the one above it."""
        return Frame(
            above.prepend if self.prepend is None else self.prepend,
            above.append if self.append is None else self.append,
        )


class FramedSender(NamedTuple):
    """The frame of a list, and the brand that the list sends for; it may be empty."""

    frame: Frame
    brand: str


class FilledFrame(NamedTuple):
    """A list's frame with its brand in it, for many texts."""

    prepend: str
    append: str

    @classmethod
    def of(cls, sender: FramedSender) -> "FilledFrame":
        return cls(_filled(sender.frame.prepend, sender), _filled(sender.frame.append, sender))

    def around(self, body: str, recipient: PhoneNumber) -> str:
        """Return a text as it goes to a number, as `framed` does."""
        return f"{self.prepend}{body}{self.append}" if recipient in FRAMED else body


class FilledFrames:
    """The frames of many lists, each filled once."""

    __slots__ = ("_of_list",)

    def __init__(self) -> None:
        self._of_list: dict[int, FilledFrame] = {}

    def of(self, list_id: int, brand: str, frame: Callable[[], Frame]) -> FilledFrame:
        """Return the frame of a list, which is read by `frame` where it is not known yet."""
        found = self._of_list.get(list_id)
        if found is None:
            found = FilledFrame.of(FramedSender(frame(), brand))
            self._of_list[list_id] = found
        return found


def framed(body: str, sender: FramedSender, recipient: PhoneNumber) -> str:
    """Return a text as it goes to a number: framed where that is American (`+1`)."""
    return enclosed(body, sender) if recipient in FRAMED else body


def enclosed(body: str, sender: FramedSender) -> str:
    """Return a text within a list's frame.

    Where the list has no brand, what names it is left out.
    """
    return f"{_filled(sender.frame.prepend, sender)}{body}{_filled(sender.frame.append, sender)}"


def frame_fault(text: str, param: str) -> Fault | None:
    """Return what is wrong with a text that is to stand before or after others, or None."""
    if len(text) > FRAME_LENGTH_MAX:
        return Fault("invalid_field", f"`{param}` has at most {FRAME_LENGTH_MAX} characters", param)
    if "\0" in text:
        return Fault("invalid_field", f"`{param}` must not contain the NUL character", param)
    template = read_template(text, param)
    if isinstance(template, Fault):
        return template
    for part in template.parts:
        if isinstance(part, LinkPlace) or (isinstance(part, FieldPlace) and part.name != _BRAND):
            name = part.key if isinstance(part, LinkPlace) else part.name
            return Fault(
                "unknown_macro",
                f"`{param}` is the same for all contacts: {{{{{name}}}}} has no place in it",
                param,
            )
    return None


def _filled(text: str, sender: FramedSender) -> str:
    if "{{" not in text:
        return text
    template = read_template(text)
    assert isinstance(template, Template), "the text was checked before"
    rendered = template.render({_BRAND: inert(sender.brand)})
    return "" if isinstance(rendered, MissingValue) else rendered.text

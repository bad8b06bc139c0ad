"""Texts as phones will show them while they are written, for the part of a page that shows them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sendrail.campaigns.creatives import MeasuredText
from sendrail.dashboard.asking import PageRequest
from sendrail.domain.errors import InvalidInput
from sendrail.domain.text import Encoding

ENCODINGS: Final = {Encoding.GSM7: "GSM-7", Encoding.UCS2: "UCS-2"}


class TextPreview(NamedTuple):
    """One text: its name, and its sizes, or what keeps it from being read; neither where empty."""

    name: str
    text: MeasuredText | None
    fault: str
    linked: bool


async def previews(ask: PageRequest, texts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return what `text_previews.html` is given, for texts and their names."""
    found = []
    for name, message in texts:
        text, fault = None, ""
        if message.strip():
            try:
                text = await ask.runtime.creatives.measure(ask.account, message)
            except InvalidInput as error:
                fault = error.message
        found.append(TextPreview(name, text, fault, "{{link" in message))
    return {"previews": found, "encodings": ENCODINGS}

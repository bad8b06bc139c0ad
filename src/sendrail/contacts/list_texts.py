"""What a list answers to keywords, checked and as its columns."""

from collections.abc import Mapping
from typing import Any

from sendrail.domain.answer_texts import SEGMENTS_MAX, AnswerTexts
from sendrail.domain.consent import read_reply
from sendrail.domain.errors import InvalidInput
from sendrail.domain.text import measure


def answer_changes(enabled: bool | None, texts: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the columns that change; None stays, and an empty text is the default one again.

    Raises `InvalidInput` for a text at fault.
    """
    values: dict[str, Any] = {
        name: _answer_text(name, text) for name, text in texts.items() if text is not None
    }
    return values if enabled is None else values | {"answers": enabled}


def answer_values(texts: AnswerTexts) -> dict[str, Any]:
    """Return the columns of a new list's answers. Raises `InvalidInput` for one at fault."""
    own = {"stop_text": texts.stop, "start_text": texts.start, "help_text": texts.help}
    checked = {name: _answer_text(name, text or "") for name, text in own.items()}
    return {"answers": texts.enabled, **checked}


def _answer_text(param: str, text: str) -> str | None:
    """Return a text as it is kept; a blank one is the default text, which is None."""
    text = text.strip()
    if not text:
        return None
    if (segments := measure(text).segments) > SEGMENTS_MAX:
        raise InvalidInput(
            f"The answer has {segments} segments; it may have {SEGMENTS_MAX}.", param=param
        )
    if (keyword := read_reply(text).keyword) is not None:
        raise InvalidInput(
            f"Other systems would read this answer as {keyword.upper()}, as we do, and answer it "
            "in turn. Choose other words.",
            param=param,
        )
    return text

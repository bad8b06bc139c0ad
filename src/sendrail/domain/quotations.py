"""Removes what the sender of a reply has not written: quotes, reactions, text added by programs.

None of it counts. A quotation has the marks of any script, may be truncated by the phone, or
follows `>`; a reaction from a phone with another messenger comes as a sentence around a quotation.
All passes take linear time.
"""

import re
from collections.abc import Callable
from typing import Final

# For each opening mark: the marks that close it, and those that close it if none of the first
# follows. “ closes „, and » can open or close, so the first mark decides.
_CURLY: Final = ("”", '“"')
_QUOTES: Final = {
    '"': ('"', "“”"),
    "“": _CURLY,
    "”": ("”", '"'),
    "„": ("“”‟", '"'),
    "‟": ("”‟", '"'),
    "«": ("»", ""),
    "»": ("«»", ""),
    "‹": ("›", ""),
    "›": ("‹›", ""),
    "❝": ("❞", ""),
    "❮": ("❯", ""),
    "〝": ("〞〟", ""),
    "「": ("」", ""),
    "『": ("』", ""),
    "《": ("》", ""),
    "〈": ("〉", ""),
    "【": ("】", ""),
    "〖": ("〗", ""),
    "\u2e42": ("“”", ""),
}
# These are apostrophes as well: they quote only from the start of a word to the end of one.
_SINGLE: Final = {"'": "'’", "‘": "’'", "‚": "‘’", "‛": "’'", "`": "`'´"}
_MARK: Final = re.compile("[" + "".join(_QUOTES) + "".join(_SINGLE) + "]")
_SINGLE_END: Final = {
    opening: re.compile(rf"(?<=[^\s])[{closing}](?!\w)") for opening, closing in _SINGLE.items()
}
_APOSTROPHES: Final = str.maketrans("", "", "'’`´\u02bc")
_QUOTED_LINE: Final = re.compile(r"^[ \t]*[>▏┃][^\n]*", re.MULTILINE)
_QUOTED_LINES: Final = re.compile(r"(?:[ \t]*\n)*(?:[ \t]*[>▏┃][^\n]*(?:\n[ \t]*)*)+")

# Mail programs and messengers put these before a text that answers or forwards; Unicode's accents
# are folded away.
_PREFIX: Final = re.compile(
    r"\s{0,9}[\[(]?(?:(?:subject|betreff|objet|asunto|oggetto|onderwerp|antwort|re|fwd|fw|aw|wg|sv|vs|vb|antw|doorst|tr|ref|rv|rif|enc|res|odp|pd|ynt|ilt|va|bls|"
    r"ath|yml|atb|пер|отв|回复|回覆|答复|转发|轉寄|返信|転送|σχετ|πρθ|رد|תגובה|השב)"
    r"(?:[ \t]?[\[(]\d{1,3}[\])])?[ \t]{0,2}:[ \t]*)"
)
_PREFIXES_MAX: Final = 10
# What they add after it, and before the text that is answered.
_SIGNATURE: Final = re.compile(
    r"(?:^|[\n.!?]|\s(?=\w+ (?:from|von|de|mon|da|desde)\b))[ \t]*(?:--[ \t]*\n)?"
    r"(?:sent from|get outlook for|gesendet von|von meinem|envoye (?:de|depuis)|"
    r"enviado (?:de|desde|do)|inviato da|skickat fran|sendt fra|verzonden van(?:af)?|"
    r"lahetetty|wyslane z|отправлено с|发自|發自|从我的|iphoneから)[^\n]{0,60}\s{0,9}$"
)
_ORIGINAL: Final = re.compile(
    r"^[ \t>]*(?:-{2,}[ \t]*(?:original|forwarded|urspr|weitergel|message d|messaggio|mensaje|"
    r"mensagem|oorspr)[^\n]*|_{8,}"
    r"|(?:on|am|le|el|il|em|op|den|dnia) [^\n]{1,200}(?:wrote|schrieb[^\n]{0,80}|a ecrit|escribio|"
    r"ha scritto|escreveu|schreef|skrev|napisal)[ \t]?:[ \t]*)$",
    re.MULTILINE,
)

# The beginnings of reactions to a message, as phones send them that have no other form for it. Only
# those with which no answer begins; in any language, quoted text is removed anyway.
_REACTION: Final = re.compile(
    r"\s*(?:(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted [^\"“'‘]{1,40} to)"
    r" (?:[\"“'‘„«]|an? \w+\s*$|your message)"
    r"|removed an? [\w ]{1,40} from (?:[\"“'‘„«]|an? \w+\s*$)"
    r"|[^\w\s]{1,20} (?:to|a|à|auf|zu|op|till|til|на|на сообщение) [\"“'‘„«])"
)


def without_frame(text: str) -> str:
    """Return a plain text without what a program adds before and after it."""
    for _ in range(_PREFIXES_MAX):
        if (prefix := _PREFIX.match(text)) is None:
            break
        text = text[prefix.end() :]
    if (original := _ORIGINAL.search(text)) is not None:
        text = text[: original.start()] + _below(text[original.end() :])
    return _SIGNATURE.sub("", _QUOTED_LINE.sub(" ", text))


def _below(original: str) -> str:
    """Return what was written below a text that is answered, where marks show its end.

    Some programs put the answer there. Without a mark before each line all that follows is quoted.
    """
    quoted = _QUOTED_LINES.match(original)
    return "" if quoted is None else f"\n{original[quoted.end() :]}"


def is_reaction(text: str) -> bool:
    """Return whether a plain text is a phone's reaction to a message."""
    return _REACTION.match(text) is not None


def own_text(text: str, is_typed: Callable[[str], bool]) -> tuple[str, bool]:
    """Return the part of a plain text that is the sender's own, and whether any was quoted.

    `is_typed` returns whether a quoted piece was written by the sender, such as a lone "STOP".
    """
    kept, at, unwrapped = [], 0, False
    following: dict[str, int] = {}
    while (mark := _MARK.search(text, at)) is not None:
        end = _end_of(text, mark.start(), following)
        if end is None:
            # An apostrophe.
            kept.append(text[at : mark.end()])
            at = mark.end()
            continue
        kept.append(text[at : mark.start()])
        piece = text[mark.end() : end]
        # A truncated quotation may be one of our texts, unless it begins the reply.
        typed = (end < len(text) or not text[: mark.start()].strip()) and is_typed(piece)
        unwrapped = unwrapped or typed
        kept.append(f" {piece} " if typed else " ")
        at = end + 1
    kept.append(text[at:])
    return "".join(kept).translate(_APOSTROPHES), unwrapped


def _end_of(text: str, start: int, following: dict[str, int]) -> int | None:
    """Return the end of the quotation that begins here; None where none begins.

    `following` caches the next position of each mark, so that no part of a text is searched twice.
    """
    opening = text[start]
    before = text[start - 1] if start else " "
    if opening in _SINGLE:
        return None if before.isalnum() else _end_of_single(text, start, following)
    if opening == '"' and before.isdigit():
        # Inches.
        return None
    for closings in _QUOTES[opening]:
        ends = [_find(text, mark, start + 1, following) for mark in closings]
        if found := [end for end in ends if end < len(text)]:
            return min(found)
    return len(text)


def _end_of_single(text: str, start: int, following: dict[str, int]) -> int | None:
    opening = text[start]
    if following.get(opening, 0) == len(text):
        return None
    end = _SINGLE_END[opening].search(text, start + 1)
    if end is not None:
        return end.start()
    following[opening] = len(text)
    # A text that begins with a quotation and does not end it is a truncated quotation.
    return len(text) if opening != "`" and not text[:start].strip() else None


def _find(text: str, mark: str, start: int, following: dict[str, int]) -> int:
    if (known := following.get(mark, -1)) >= start:
        return known
    found = text.find(mark, start)
    following[mark] = len(text) if found < 0 else found
    return following[mark]

"""Words that people write in files, from `words.toml`: names of columns, and yes and no."""

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

_FILE: Final = "words.toml"
# What stands between the parts of a word and in abbreviations.
# Letters that Unicode does not take apart: the Polish l with its stroke, the Turkish i without dot.
_WHOLE: Final = str.maketrans("\u0142\u0131", "li")
_BETWEEN: Final = str.maketrans("", "", " \u00a0_-.'\u2019")


def column_names(column: str) -> Sequence[str]:
    """Return the names that a header may give a column, the first of which is used."""
    return tuple(_words()["columns"][column])


def consent_names(kind: str) -> Sequence[str]:
    """Return the names of columns that tell opt-outs: by a no (`on`), a yes (`off`) or a status."""
    return tuple(_words()["consent"][kind])


def folded(text: str) -> str:
    """Return the letters and digits of a word, without case and accents: `Téléphone` and others."""
    return "".join(char for char in _plain(text) if char.isalnum())


def meaning_of(text: str) -> bool | None:
    """Return whether a word is a yes or a no; None for any other."""
    return _meanings().get(text) if text in _meanings() else _meanings().get(_short(text))


def _short(text: str) -> str:
    # A number may have become 1.0.
    return _plain(text.strip().removesuffix(".0").removesuffix(",0").translate(_BETWEEN))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_WHOLE))
    marks = ("Mn", "Cf")
    return "".join(char for char in decomposed if unicodedata.category(char) not in marks)


@cache
def _meanings() -> Mapping[str, bool]:
    words = _words()["meanings"]
    return {
        key: name == "yes"
        for name in ("yes", "no")
        for word in words[name]
        for key in (word, _short(word))
    }


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(_FILE).read_text("utf-8"))

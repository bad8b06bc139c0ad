"""Phone numbers as people and spreadsheets write them in files: one reading for all files.

The rule is that a number is never a stranger's. What can be read in two ways, or has lost digits,
is refused by its row with the reason, and so is what no numbering plan knows.
"""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from sendrail.contacts.csv_files import RowError
from sendrail.contacts.numbering_plans import Country, is_in_service, is_known, is_landline
from sendrail.domain.phone import E164, PhoneNumber

# As exports write it, `(+47) 91234567`.
_EXPORTED: Final = re.compile(r"\(\+([1-9][0-9]{0,2})\) ([0-9]{4,14})").fullmatch
# Blanks, dashes, brackets and what is not seen; NFKC has made one of each that has several widths.
_MEANINGLESS: Final = frozenset({"Zs", "Zl", "Zp", "Pd", "Ps", "Pe", "Cf"})
# Of other categories: the minus signs, the long vowel mark that is typed for a dash, tildes, dots.
_SEPARATORS: Final = frozenset("./-\u2212\u30fc\uff70~\u2053\u223c\u00b7\u2022\u2027\u2219\u30fb_")
# Those of them in ASCII, and a number that has no others.
_NO_SEPARATORS: Final = str.maketrans("", "", "./-~_ ()[]{}")
_PLAIN: Final = re.compile(r"\+?[0-9]+").fullmatch
# Without one of these an ASCII text has no word in it, and so no extension.
_WORD: Final = re.compile(r"[A-Za-z#]").search
# Numbers that are no digits: a footnote's, a circled one. NFKC would make digits of them.
_NO_DIGITS: Final = frozenset({"No", "Nl"})

_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?E[+-]?[0-9]+", re.IGNORECASE).fullmatch
# Some programs group the thousands with blanks.
_FLOAT: Final = re.compile(r"([+]?[0-9](?:[0-9\s]*[0-9])?)[.,]0{1,2}").fullmatch
# As some programs write a text so that no spreadsheet takes it for a number.
_AS_TEXT: Final = re.compile(r'="([^"]*)"').fullmatch
_DATE: Final = re.compile(
    r"(?:19|20)[0-9]{2}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?:[T ].*)?"
    r"|(?:0?[1-9]|[12][0-9]|3[01])([-/.])(?:0?[1-9]|[12][0-9]|3[01])\2(?:19|20)[0-9]{2}"
).fullmatch
# What a spreadsheet makes of +47-912 where it takes that for a sum, and how accountants show it.
_NEGATIVE: Final = re.compile(r"[-\u2010-\u2015\u2212]\s*[0-9].*|\([0-9][0-9\s.]*\)").fullmatch
_EXTENSION: Final = re.compile(
    r"[0-9)\]][\s,;.]*(?:ext|extn|extension|x|#|;ext=|doorkies|durchwahl|poste|anexo|int|доб)"
    r"[\s.:=]*[0-9]+\s*",
    re.IGNORECASE,
).search
_TRUNK: Final = re.compile(r"[(\[{<]\s*0\s*[)\]}>]")
_TEL: Final = re.compile(r"tel:", re.IGNORECASE).match
_APOSTROPHES: Final = "'`\u2018\u2019\u00b4"
# A slash divides an area code from the rest; further on it says that there are two numbers.
_BEFORE_SLASH_MAX: Final = 7
_AFTER_SLASH_MIN: Final = 5
_DIGITS_MIN, _DIGITS_MAX = 7, 15
_TEXT_LENGTH_MAX: Final = 100

_NONE: Final = "not a phone number, such as +15550100000"


def number_of(text: str, country: Country | None = None) -> PhoneNumber:
    """Return the number that is written in a cell.

    With a plus it may be of any country; without one it is of the file's `country`, where there is
    one. Raises `RowError` with what to do.
    """
    if E164(text):
        return _known(text[1:])
    if (exported := _EXPORTED(text)) is not None:
        return _known(exported[1] + exported[2])
    return _read(text, country)


def _known(digits: str) -> PhoneNumber:
    if not is_known(digits):
        raise RowError(
            "not_sendable: no numbering plan has a number like this; look for digits that are "
            "missing or too many, and for a 0 behind the country code"
        )
    return PhoneNumber(int(digits))


def _read(text: str, country: Country | None) -> PhoneNumber:
    plain = _folded(text)
    if not plain:
        raise RowError("no phone number")
    if _PLAIN(plain):
        # None of what follows can be in it.
        return _of_digits([_digits(plain)], country)
    _refuse_what_spreadsheets_made(plain)
    if (exact := _FLOAT(plain)) is not None:
        plain = exact[1]
    if (_WORD(plain) or not plain.isascii()) and _EXTENSION(plain):
        raise RowError("a number with an extension cannot be texted; give the number alone")
    if (tel := _TEL(plain)) is not None:
        plain = plain[tel.end() :]
    _refuse_two_numbers(plain)
    # The trunk zero in brackets is for those who call from inside; in some countries it stays.
    found = {
        _digits(each): None
        for each in ((_TRUNK.sub("", plain), plain) if _TRUNK.search(plain) else (plain,))
    }
    return _of_digits(list(found), country)


def _of_digits(written: list[str], country: Country | None) -> PhoneNumber:
    if written[0].startswith("+"):
        return _international([each[1:] for each in written])
    return _national(written, country)


def _folded(text: str) -> str:
    """Return the text in the plain form of its characters."""
    if len(text) > _TEXT_LENGTH_MAX:
        raise RowError(_NONE)
    # Most cells are ASCII, where nothing is raised, unseen, or another form of something else.
    is_ascii = text.isascii()
    if not is_ascii and any(unicodedata.category(char) in _NO_DIGITS for char in text):
        raise RowError(f"{_NONE}: raised or circled digits are no part of a number")
    plain = text.strip() if is_ascii else unicodedata.normalize("NFKC", text).strip()
    if (quoted := _AS_TEXT(plain)) is not None:
        plain = quoted[1]
    # An apostrophe in front says to a spreadsheet that this is text; what is not seen says nothing.
    if not is_ascii:
        plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return plain.strip().lstrip(_APOSTROPHES).strip()


def _refuse_what_spreadsheets_made(plain: str) -> None:
    if _SCIENTIFIC(plain.replace(" ", "")):
        raise RowError(
            "a spreadsheet has shortened the number and its last digits are lost; format the "
            "column as text, and fill it in again from where the numbers came from"
        )
    if _DATE(plain):
        raise RowError("a date and no phone number")
    if _NEGATIVE(plain):
        raise RowError(
            "a negative number: a spreadsheet has perhaps worked a sum out where a phone number "
            "with dashes stood; format the column as text, and fill it in again"
        )


def _refuse_two_numbers(plain: str) -> None:
    before, slash, after = plain.partition("/")
    if slash and (
        _count(before) > _BEFORE_SLASH_MAX or _count(after) < _AFTER_SLASH_MIN or "+" in after
    ):
        raise RowError("perhaps two numbers, divided by a slash; give each its own row")


def _count(text: str) -> int:
    return sum(char in "0123456789" for char in text)


def _digits(plain: str) -> str:
    """Return the digits, behind a plus where there is one. Raises `RowError` for anything else."""
    bare = plain.translate(_NO_SEPARATORS)
    digits = bare if _PLAIN(bare) else _digits_among(plain)
    count = len(digits.removeprefix("+"))
    if count > _DIGITS_MAX + _DIGITS_MIN:
        raise RowError(f"a number has {_DIGITS_MIN} to {_DIGITS_MAX} digits, not {count}")
    return digits


def _digits_among(plain: str) -> str:
    kept: list[str] = []
    for char in plain:
        if char in "0123456789" or (char == "+" and not kept):
            kept.append(char)
        elif char not in _SEPARATORS and unicodedata.category(char) not in _MEANINGLESS:
            raise RowError(_NONE)
    digits = "".join(kept)
    if not digits.strip("+"):
        raise RowError(_NONE)
    return digits


def _international(written: list[str]) -> PhoneNumber:
    for digits in written:
        if not _DIGITS_MIN <= len(digits) <= _DIGITS_MAX and len(written) == 1:
            raise RowError(f"a number has {_DIGITS_MIN} to {_DIGITS_MAX} digits, not {len(digits)}")
    found = {each for each in written if E164(f"+{each}") and is_known(each)}
    return _only(found) if found else _known(written[0])


def _national(written: list[str], country: Country | None) -> PhoneNumber:
    if country is None:
        raise RowError(
            "a number without a plus, and no country to read it by: write it with + and its "
            "country code, or name the file's country (`country`), such as NO"
        )
    found = {number for each in written for number in country.readings(each)}
    if not found:
        raise RowError(
            f"not_sendable: no number of {country.code}; write it with + and its country code, "
            "or look for digits that are missing or too many"
        )
    bare = {country.calling_code + each for each in written}
    return _only(found, {number for each in written for number in country.doubts(each)}, bare)


def _only(found: set[str], doubts: Collection[str] = (), bare: Collection[str] = ()) -> PhoneNumber:
    """Return the one number that is meant.

    Of several it is the only one whose range is in service. A landline that is `bare` of every
    prefix does not count: files of contacts are of mobiles, and it may be the rest of another.
    """
    numbers = {each for each in found.union(doubts) if E164(f"+{each}")}
    if len(numbers) > 1:
        numbers = {each for each in numbers if is_in_service(each)}
        # Of `4915112345678` in Germany the mobile +4915..., not a landline of fifteen digits.
        numbers -= {each for each in numbers.intersection(bare) if is_landline(each)}
    if len(numbers) != 1 or not numbers <= found:
        raise RowError("can be read as more than one number; write it with + and its country code")
    return PhoneNumber(int(numbers.pop()))

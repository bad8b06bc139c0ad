"""Numbers in texts: whole ones as programs write them, in ASCII digits alone, and decimals."""

from decimal import Decimal


def read_digits(text: str, most: int) -> int | None:
    """Return the whole number that a text is; None where it is none, or more than `most`.

    `int` would take blanks, signs, underscores and the digits of other scripts as well, and fails
    on a text of some thousand digits.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    found = int(text)
    return found if found <= most else None


def number_written(value: float) -> str:
    """Return a number as people write it, without an exponent."""
    return f"{Decimal(repr(value)):f}"

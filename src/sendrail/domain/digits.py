"""Whole numbers as programs write them in texts: ASCII digits alone."""


def read_digits(text: str, most: int) -> int | None:
    """Return the whole number that a text is; None where it is none, or more than `most`.

    `int` would take blanks, signs, underscores and the digits of other scripts as well, and fails
    on a text of some thousand digits.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    found = int(text)
    return found if found <= most else None

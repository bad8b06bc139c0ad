"""Whole numbers as programs write them."""

import pytest

from sendrail.domain.digits import read_digits


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", 0), ("7", 7), ("007", 7), ("100", 100), ("101", None), ("0100", None), ("", None),
        (" 7", None), ("+7", None), ("-7", None), ("7.0", None), ("1_0", None), ("\u0667", None),
        ("\u00b2", None), ("9" * 5_000, None), ("7\n", None),
    ],
)  # fmt: skip
def test_only_ascii_digits_are_a_number_and_none_is_beyond_its_bound(text, found):
    assert read_digits(text, 100) == found

"""Money is whole ten-thousandths: exact in, exact out, and nothing else is an amount."""

from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain import money


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (24.99, 249_900),
        (0, 0),
        (0.1, 1_000),
        (1.005, 10_050),
        (0.00005, 0),
        (0.00015, 2),
        (1e-7, 0),
        (1_000_000_000, money.AMOUNT_MAX),
    ],
)
def test_a_number_is_read_by_its_shortest_decimal(value, amount):
    assert money.of_number(value) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00"), (1, "0.0001"), (125_000, "12.50"), (123_456, "12.3456"), (120, "0.012"),
        (money.AMOUNT_MAX, "1000000000.00"),
    ],
)  # fmt: skip
def test_an_amount_is_written_with_all_that_is_kept_of_it(amount, text):
    assert money.written(amount) == text
    assert money.of_text(text) == amount


@pytest.mark.parametrize("value", [-0.01, -1, inf, -inf, nan, 1_000_000_000.01, 1e300])
def test_what_is_no_amount_is_none(value):
    assert money.of_number(value) is None


@pytest.mark.parametrize(
    ("text", "amount"), [("24.99", 249_900), (" 5 ", 50_000), ("0", 0), ("0.00005", 0)]
)
def test_a_text_is_read(text, amount):
    assert money.of_text(text) == amount


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1,5", "1.", ".5", "1e3", "nan", "inf", "٣", "1000000000.0001", "9" * 13],
)
def test_a_text_that_is_no_amount_is_none(text):
    assert money.of_text(text) is None


@given(st.decimals(min_value=0, max_value=1_000_000_000, places=4))
def test_text_and_number_mean_the_same_and_come_back(value):
    amount = int(value * 10_000)
    assert money.of_text(f"{value:f}") == amount
    assert money.of_number(float(value)) == amount
    assert Decimal(repr(money.shown(amount))) == value

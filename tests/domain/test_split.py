"""Shares that are exact at every page's end, and a holdout that stays the same people."""

import random
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from sendrail.domain.split import divided, is_held_out, quotas

KEY = b"run 1"
PEOPLE = range(12_025_550_000, 12_025_650_000)


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=10).filter(any),
    st.lists(st.integers(0, 300), max_size=8),
)
@settings(max_examples=60)
def test_at_every_pages_end_each_variant_has_had_its_share_to_within_one(shares, pages):
    had = [0] * len(shares)
    for before, until in zip(accumulate([0, *pages]), accumulate(pages), strict=False):
        given_now = quotas(shares, before, until - before)
        assert min(given_now) >= 0
        assert sum(given_now) == until - before
        had = [a + b for a, b in zip(had, given_now, strict=True)]
        for share, count in zip(shares, had, strict=True):
            assert abs(share * until / sum(shares) - count) < 1


def test_the_worst_case_is_pages_of_one():
    shares = [35, 10, 5, 50]
    had = [0] * 4
    for before in range(300):
        for variant, quota in enumerate(quotas(shares, before, 1)):
            assert quota >= 0
            had[variant] += quota
            assert abs(shares[variant] * (before + 1) / 100 - had[variant]) < 1
    assert had == [105, 30, 15, 150]


def test_a_page_that_is_planned_again_is_divided_alike_and_no_area_leans_to_a_variant():
    page = [
        area * 10**7 + number
        for area in (1202, 1213, 1312, 1415)
        for number in random.Random(1).sample(range(10**7), 500)
    ]
    variants = divided(KEY, page, [50, 30, 20], before=7)
    assert variants == divided(KEY, page, [50, 30, 20], before=7)
    assert variants != divided(b"run 2", page, [50, 30, 20], before=7)
    assert [variants.count(each) for each in (1, 2, 3)] == quotas([50, 30, 20], 7, 2_000)
    for area in range(0, 2_000, 500):
        # Five standard deviations of a draw of 500.
        assert abs(variants[area : area + 500].count(1) - 250) < 5 * 11.2


def test_a_holdout_is_the_same_people_and_of_each_larger_one():
    held = {percent: {n for n in PEOPLE if is_held_out(KEY, n, percent)} for percent in (0, 5, 6)}
    assert held[0] == set()
    assert held[5] < held[6]
    assert abs(len(held[5]) / len(PEOPLE) - 0.05) < 0.004
    assert held[5] != {n for n in PEOPLE if is_held_out(b"account 2", n, 5)}


def test_a_holdout_leans_to_no_variant():
    page = [n for n in PEOPLE[:20_000] if is_held_out(KEY, n, 20)]
    variants = divided(KEY + b"run", page, [50, 50], 0)
    later = [v for n, v in zip(page, variants, strict=True) if is_held_out(KEY, n, 10)]
    assert abs(later.count(1) / len(later) - 0.5) < 0.06

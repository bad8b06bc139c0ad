"""What automated selection loses against knowing the best, beside what equal shares lose."""

import random

import pytest

from sendrail.domain.thompson import SHARES, CreativeResults, Results, chosen, shares_of


def regret(rates, recipients, page, delay, seed):
    """Return the clicks that are lost against the best creative, as a share of equal shares' loss.

    Results come back `delay` pages later.
    """
    dice = random.Random(seed)
    known = [Results() for _ in rates]
    under_way, lost = [], 0.0
    for _ in range(recipients // page):
        creatives = [CreativeResults(now=each) for each in known]
        shares = shares_of(creatives, Results(1_000, 25), dice)
        results = []
        for share, rate in zip(shares, rates, strict=True):
            sends = page * share // SHARES
            spread = (sends * rate * (1 - rate)) ** 0.5
            results.append(Results(sends, max(0, round(dice.gauss(sends * rate, spread)))))
            lost += sends * (max(rates) - rate)
        under_way.append(results)
        if len(under_way) > delay:
            arrived = under_way.pop(0)
            known = [
                Results(old.sends + new.sends, old.clicks + new.clicks)
                for old, new in zip(known, arrived, strict=True)
            ]
    return lost / sum(recipients / len(rates) * (max(rates) - rate) for rate in rates)


def test_the_regret_of_a_million_is_at_most_035_of_equal_shares():
    # Four creatives of 2 to 3 %, and what a page brings is known sixty thousand recipients later.
    rates = [0.02, 0.023, 0.026, 0.03]
    found = [regret(rates, 1_000_000, 10_000, 6, seed) for seed in range(5)]
    assert max(found) <= 0.35
    assert sum(found) / 5 <= 0.2


def test_a_selection_that_learns_nothing_is_no_better_than_equal_shares():
    assert regret([0.02, 0.023, 0.026, 0.03], 200_000, 10_000, 1_000, 1) > 0.9


NOTHING = Results()


def of(sends, clicks, conversions=0, payout=0, past=NOTHING):
    return CreativeResults(now=Results(sends, clicks, conversions), past=past, payout=payout)


def best(creatives, **how):
    shares = shares_of(creatives, Results(), random.Random(1), **how)
    assert sum(shares) == SHARES
    return shares


def test_revenue_counts_and_with_cto_not_conversions():
    cheap, dear = of(10_000, 400, 200, payout=10_000), of(10_000, 300, 30, payout=50_000)
    # 0.04 x 0.5 x 1 against 0.03 x 0.1 x 5.
    assert best([cheap, dear])[0] > 900
    # 0.04 x 1 against 0.03 x 5.
    assert best([cheap, dear], is_cto=True)[1] == SHARES
    unpaid = [of(10_000, 400, 0), of(10_000, 300, 300)]
    assert best(unpaid)[0] == SHARES


@pytest.mark.parametrize(("sends", "least"), [(499, 10), (500, 0)])
def test_a_creative_that_little_is_known_of_keeps_a_hundredth(sends, least):
    assert best([of(100_000, 9_000), of(sends, 0)])[1] == least


def test_the_past_counts_but_no_more_than_two_thousand_sends():
    good = Results(1_000_000, 90_000)
    assert best([of(0, 0, past=good), of(10_000, 300)])[0] > 900
    # Ten thousand bad ones of today outweigh it.
    assert best([of(20_000, 200, past=good), of(10_000, 300)])[0] < 100


def test_many_new_creatives_all_keep_something():
    shares = best([of(10_000, 9_000), *[of(0, 0, past=Results(5_000, 0))] * 300])
    assert min(shares) == 1
    assert shares[0] == 700


def test_the_control_group_is_its_share_and_spread_evenly():
    page = list(range(12_025_550_000, 12_025_551_000))
    found = chosen(b"run", page, [1_000, 0], 80, before=0)
    assert sum(is_control for _, is_control in found) == 200
    assert sum(variant == 1 for variant, is_control in found if is_control) == 100
    assert {variant for variant, is_control in found if not is_control} == {1}
    assert not any(is_control for _, is_control in chosen(b"run", page, [500, 500], 100, 0))

"""Automated selection: creatives get shares of each page by how good they may be.

Thompson sampling with Beta posteriors. A rate that is known from few sends may be anything, so such
a creative is tried; one that is surely worse than another is not. What comes back late is learnt
late: a run that is planned at once learns nothing, which is why runs are planned page by page.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.domain.split import divided

# As good as a draw for each recipient of a page, and about a millisecond for four creatives.
DRAWS: Final = 200
# Shares are given in thousandths.
SHARES: Final = 1_000
# What a creative brought before counts as so many sends at most: audiences and seasons differ.
PAST_MAX: Final = 2_000
# One without a past is taken for as good as the account's mean, with the weight of so many sends.
MEAN_WEIGHT: Final = 50
# Until so many sends a creative gets a hundredth at least.
_FEW_SENDS: Final = 500
_FLOOR: Final = SHARES // 100
# The prior of Jeffreys, so that no draw is certain.
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Results:
    """What sends have brought: clicks of people, and conversions."""

    sends: int = 0
    clicks: int = 0
    conversions: int = 0

    def __add__(self, other: "Results") -> "Results":
        return Results(
            self.sends + other.sends,
            self.clicks + other.clicks,
            self.conversions + other.conversions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeResults:
    """One creative to choose from: its results in this run, and in all runs before.

    `payout` is what a conversion earns, or with CTO a click, in ten-thousandths.
    """

    now: Results
    past: Results = Results()
    payout: int = 0


def shares_of(
    creatives: Sequence[CreativeResults],
    mean: Results,
    dice: random.Random,
    *,
    is_cto: bool = False,
) -> list[int]:
    """Return the share of each creative in the next page, in thousandths.

    A creative's share is how often it is the best of `DRAWS` draws by revenue for each send: its
    rate of clicks, times that of conversions, times its payout; with `is_cto` conversions are left
    out, for there every click is paid. Where nothing is paid at all, clicks alone count. `mean` are
    the results of all the account's creatives.
    """
    assert creatives, "there is nothing to choose from"
    is_paid = any(each.payout for each in creatives)
    rates = [_Rates.of(each, mean) for each in creatives]
    wins = [0] * len(creatives)
    for _ in range(DRAWS):
        scores = [
            rate.draw(dice, with_conversions=is_paid and not is_cto)
            * (each.payout if is_paid else 1)
            for rate, each in zip(rates, creatives, strict=True)
        ]
        wins[scores.index(max(scores))] += 1
    return _with_floor([count * SHARES // DRAWS for count in wins], creatives)


def chosen(
    key: bytes,
    recipients: Sequence[int],
    shares: Sequence[int],
    automated_percent: int,
    before: int,
) -> list[tuple[int, bool]]:
    """Return the variant of each recipient of a page, and whether it is of the control group.

    The control group is the rest of `automated_percent`; its variants are spread evenly, so that
    what the selection brings can be measured. `before` are the run's recipients up to the page.
    """
    groups = divided(
        key + b"control", recipients, [automated_percent, 100 - automated_percent], before
    )
    found: list[tuple[int, bool]] = [(0, False)] * len(recipients)
    for group, is_control in ((1, False), (2, True)):
        places = [at for at, each in enumerate(groups) if each == group]
        weights = [1] * len(shares) if is_control else shares
        # The shares of a page are its own: there is no running total to keep to.
        earlier = before * (100 - automated_percent) // 100 if is_control else 0
        variants = divided(key, [recipients[at] for at in places], weights, earlier)
        for at, variant in zip(places, variants, strict=True):
            found[at] = (variant, is_control)
    return found


@dataclass(frozen=True, slots=True)
class _Rates:
    """The Beta distributions of the rates of clicks and of conversions."""

    clicked: float
    ignored: float
    converted: float
    left: float

    @classmethod
    def of(cls, creative: CreativeResults, mean: Results) -> "_Rates":
        now, past = creative.now, creative.past
        has_past = past.sends > 0
        prior, weight = (past, PAST_MAX) if has_past else (mean, MEAN_WEIGHT)
        scale = min(1.0, weight / prior.sends) if prior.sends else 0.0
        sends, clicks, conversions = (
            value * scale for value in (prior.sends, prior.clicks, prior.conversions)
        )
        # Clicks and conversions come later than sends, and some after them.
        return cls(
            clicked=_HALF + clicks + now.clicks,
            ignored=_HALF + max(0.0, sends + now.sends - clicks - now.clicks),
            converted=_HALF + conversions + now.conversions,
            left=_HALF + max(0.0, clicks + now.clicks - conversions - now.conversions),
        )

    def draw(self, dice: random.Random, *, with_conversions: bool) -> float:
        rate = dice.betavariate(self.clicked, self.ignored)
        return rate * dice.betavariate(self.converted, self.left) if with_conversions else rate


def _with_floor(shares: list[int], creatives: Sequence[CreativeResults]) -> list[int]:
    """Return shares of which none that little is known of is below the floor."""
    # However many there are, the best has half at least to give of.
    floor = min(_FLOOR, SHARES // 2 // len(shares))
    floored = [
        max(share, floor) if each.now.sends < _FEW_SENDS else share
        for share, each in zip(shares, creatives, strict=True)
    ]
    floored[floored.index(max(floored))] += SHARES - sum(floored)
    return floored

"""How an audience is divided: exact shares for variants, and a holdout that stays the same.

Which variant a recipient gets follows from the run, from how many it has had before, and from the
recipients of the page; all of it stands in the run's row, so a page that is planned again after a
crash is divided alike. The variant is stored all the same: it cannot be computed from the recipient
alone.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Final

# Variants are counted from 1, as people do; in a run's recipients this stands for the holdout.
HOLDOUT: Final = 0
_HASH_BYTES: Final = 8
# A holdout is in steps of a hundredth of a per cent.
_BUCKETS: Final = 10_000
_PER_CENT: Final = _BUCKETS // 100


def quotas(shares: Sequence[int], before: int, count: int) -> list[int]:
    """Return how many of the next recipients each variant gets, after `before` have had one.

    After each recipient every variant has had its share of all so far, to within less than one.
    Shares are weights, such as per cent.
    """
    until, divisor = before + count, gcd(*shares)
    weights = tuple(share // divisor for share in shares)
    turns = _turns(weights)
    (rounds_before, turn_before), (rounds, turn) = (
        divmod(total, len(turns)) for total in (before, until)
    )
    return [
        (rounds - rounds_before) * weight
        + turns[:turn].count(variant)
        - turns[:turn_before].count(variant)
        for variant, weight in enumerate(weights)
    ]


def divided(key: bytes, recipients: Sequence[int], shares: Sequence[int], before: int) -> list[int]:
    """Return the variant of each recipient of a page, from 1; `key` is of the run alone.

    The order of a keyed hash decides who gets which, so that no area code leans to a variant.
    """
    order = sorted(range(len(recipients)), key=lambda at: _hash(key, recipients[at]))
    variants = [0] * len(recipients)
    at = 0
    for variant, quota in enumerate(quotas(shares, before, len(recipients)), start=1):
        for place in order[at : at + quota]:
            variants[place] = variant
        at += quota
    return variants


def is_held_out(key: bytes, recipient: int, percent: int) -> bool:
    """Return whether a recipient is of the account's holdout; `key` is the account's own.

    It is the same people in every campaign, and those of a smaller holdout are of each larger one.
    """
    if not percent:
        return False
    return int.from_bytes(_hash(key, recipient), "big") % _BUCKETS < percent * _PER_CENT


# Shares of a selection are new with each page.
@lru_cache(maxsize=64)
def _turns(shares: tuple[int, ...]) -> tuple[int, ...]:
    """Return whose turn it is, over and over.

    The rule is that of Tijdeman ("The chairman assignment problem", 1980): of those that have
    fallen behind, the one whose turn would be overdue first. To round each share of the whole does
    not do, for what a variant has had would shrink at times.
    """
    whole, many = sum(shares), max(2 * sum(map(bool, shares)) - 2, 1)
    assert whole > 0, "at least one share is above zero"
    had = [0] * len(shares)
    turns = []
    for turn in range(1, whole + 1):
        behind = (
            variant
            for variant, share in enumerate(shares)
            if share and (share * turn - had[variant] * whole) * many >= whole
        )
        found = min(behind, key=lambda each: ((had[each] + 1) * many - 1) / shares[each])
        had[found] += 1
        turns.append(found)
    return tuple(turns)


def _hash(key: bytes, recipient: int) -> bytes:
    text = recipient.to_bytes(_HASH_BYTES, "big")
    return hashlib.blake2b(text, key=key, digest_size=_HASH_BYTES).digest()

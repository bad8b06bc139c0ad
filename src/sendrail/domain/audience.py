"""Audiences: saved filters that say whom of some lists to reach, asked anew at each use."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sendrail.domain.audience_filter import FilterGroup
from sendrail.domain.ids import AccountId, AudienceId

NAME_LENGTH_MAX: Final = 255
DESCRIPTION_LENGTH_MAX: Final = 2_000
SOURCE_LISTS_MAX: Final = 1_000
# Every so-manieth number of a list is in its sample. A prime, so that numbers given out in steps of
# ten are sampled like all others. The index of the sample is made with it.
SAMPLE_STEP: Final = 61

# Two-sided, of the normal distribution.
_Z_95: Final = 1.959964


class AudienceStatus(StrEnum):
    """Whether an audience is in use."""

    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One audience of an account.

    `ref` is its public id, 24 hexadecimal digits. No `source_lists` are all lists of the account.
    `cached_size` is how many members it had at `cached_size_updated_at`, None until they were
    counted. Times are milliseconds.
    """

    id: AudienceId
    ref: str
    account_id: AccountId
    name: str
    description: str
    source_lists: tuple[int, ...]
    filter: FilterGroup
    status: AudienceStatus
    cached_size: int | None
    cached_size_updated_at: int | None
    created_at: int
    updated_at: int


def band_of(found: int, step: int = SAMPLE_STEP) -> tuple[int, int]:
    """Return between how many members there are, with a confidence of 95 %, of so many in a sample.

    The sample has every `step`-th number. It is the exact interval of a Poisson count (Garwood,
    1936) by the approximation of Wilson and Hilferty, which is good for few and for none as well.
    """
    more = found + 1
    low = found * (1 - 1 / (9 * found) - _Z_95 / (3 * math.sqrt(found))) ** 3 if found else 0.0
    high = more * (1 - 1 / (9 * more) + _Z_95 / (3 * math.sqrt(more))) ** 3
    # Those that were found are there.
    return max(found, math.floor(low * step)), math.ceil(high * step)

"""Messages coming in, as rows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from sendrail.domain.delivery import RANK_AHEAD, RANK_CAMPAIGN, RANK_PACED
from sendrail.domain.message import Skip

# `domain.delivery.rank_of`, as SQL.
RANK_OF_SKIPS: Final = (
    f"CASE WHEN skips & {Skip.RATE_LIMIT.value} <> 0 THEN {RANK_AHEAD}"
    f" WHEN skips & {Skip.CAMPAIGN.value} <> 0 THEN {RANK_CAMPAIGN} ELSE {RANK_PACED} END"
)

# A judged order on its way into the queue. Plain tuples, since the driver binds any other sequence
# at several times the cost: number, lane, account_id, list_id, recipient, created_at, skips,
# segments, encoding, body, metadata, links. No links are an empty text.
MessageRow: TypeAlias = tuple[int, int, int, int, int, int, int, int, str, str, str | None, str]

# What messages come from, by their numbers: those that an account sends itself are not there, and
# cost nothing.
NO_ORIGINS: Final[Mapping[int, int]] = MappingProxyType({})

# A lane and a fingerprint, for the duplicate window that processes share.
Fingerprint: TypeAlias = tuple[int, int]


class RecentMessage(NamedTuple):
    """What the duplicate window remembers of a message."""

    number: int
    created_at: int
    list_id: int
    recipient: int
    body: str
    account_id: int
    links: str | None

"""Messages coming in, as rows."""

from typing import NamedTuple, TypeAlias

# A judged order on its way into the queue. Plain tuples, since the driver binds any other sequence
# at several times the cost: number, lane, account_id, list_id, recipient, created_at, skips,
# segments, encoding, body, metadata, links. No links are an empty text.
MessageRow: TypeAlias = tuple[int, int, int, int, int, int, int, int, str, str, str | None, str]

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

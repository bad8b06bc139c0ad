"""Shares as a member of a cluster would keep them, without the cluster."""

from math import inf

from sendrail.clock import SystemClock
from sendrail.ownership import SharedOwnership


def share_of(*spans, count=1, clock=None):
    """Return a share in which these spans are owned for good, until `own` says otherwise."""
    share = SharedOwnership(
        "work", count, role="deliver", owner="us", life_ms=1_000, takes=True,
        clock=clock or SystemClock(),
    )  # fmt: skip
    own(share, *spans)
    return share


def own(share, *spans, goal=None):
    share.update(dict.fromkeys(spans, 1), len(spans) if goal is None else goal, inf)

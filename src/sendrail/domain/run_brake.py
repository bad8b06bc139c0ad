"""The brake of a run: it pauses itself where people leave, or its messages fail.

It looks at about the last thousand messages, by the run's counts at a few moments.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sendrail.domain.campaign_run import RunReason

WINDOW: Final = 1_000
# Of fewer, one opt-out more or less would decide.
FEWEST: Final = 200
OPT_OUT_PERCENT_MAX: Final = 3
FAILURE_PERCENT_MAX: Final = 20
# A moment is kept after so many messages.
_APART: Final = 100
_WHOLE: Final = 100


class RunResults(NamedTuple):
    """What has become of a run by a moment: taken by carriers, not delivered, and opted out."""

    sent: int = 0
    failed: int = 0
    opt_outs: int = 0

    @property
    def tried(self) -> int:
        """How many have left or failed; one that did both is both."""
        return self.sent + self.failed


def looked_at(
    moments: Sequence[RunResults], now: RunResults
) -> tuple[list[RunResults], RunReason | None]:
    """Return the moments to be kept of a run, and why it must be paused, if it must.

    Without a moment before, this is the first: what was before a run was resumed is forgiven.
    """
    if not moments:
        return [now], None
    base = max(
        (at for at, each in enumerate(moments) if now.tried - each.tried >= WINDOW), default=0
    )
    kept = list(moments[base:])
    if now.tried - kept[-1].tried >= _APART:
        kept.append(now)
    return kept, _reason(kept[0], now)


def _reason(before: RunResults, now: RunResults) -> RunReason | None:
    tried = now.tried - before.tried
    if tried < FEWEST:
        return None
    if (now.opt_outs - before.opt_outs) * _WHOLE > tried * OPT_OUT_PERCENT_MAX:
        return RunReason.OPT_OUTS
    if (now.failed - before.failed) * _WHOLE > tried * FAILURE_PERCENT_MAX:
        return RunReason.FAILURES
    return None

"""A run brakes by its last thousand messages, and not by those before."""

import pytest

from sendrail.domain.campaign_run import RunReason
from sendrail.domain.run_brake import RunResults, looked_at


def braked_at(shares, step=10):
    """Return after how many messages a run is paused and why; `shares` are (messages, failed per
    thousand, opted out per thousand) one after the other.
    """
    moments, reason = looked_at([], RunResults())
    tried, failed, opt_outs = 0, 0.0, 0.0
    for count, failing, leaving in shares:
        for _ in range(count // step):
            tried += step
            failed += step * failing / 1000
            opt_outs += step * leaving / 1000
            now = RunResults(tried - int(failed), int(failed), int(opt_outs))
            moments, reason = looked_at(moments, now)
            if reason is not None:
                return tried, reason
            assert len(moments) <= 13
    return None


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([(20_000, 199, 29)], None),
        # Nothing is said of the first two hundred.
        ([(10_000, 0, 40)], (200, RunReason.OPT_OUTS)),
        ([(10_000, 210, 0)], (200, RunReason.FAILURES)),
        ([(190, 1000, 1000), (5_000, 0, 0)], (200, RunReason.OPT_OUTS)),
    ],
)
def test_it_brakes_past_three_per_cent_of_opt_outs_or_twenty_of_failures(shares, expected):
    assert braked_at(shares) == expected


def test_a_long_good_past_does_not_hide_a_bad_hour():
    tried, reason = braked_at([(500_000, 0, 0), (5_000, 0, 100)])
    assert reason is RunReason.OPT_OUTS
    assert 500_290 <= tried <= 500_420


def test_what_was_before_is_forgiven_once():
    bad = RunResults(1_000, 0, 500)
    moments, reason = looked_at([], bad)
    assert (moments, reason) == ([bad], None)
    _, reason = looked_at(moments, RunResults(1_300, 0, 500))
    assert reason is None
    _, reason = looked_at(moments, RunResults(1_300, 0, 510))
    assert reason is RunReason.OPT_OUTS

"""What the log says of a trouble that lasts: enough, and not the same a thousand times."""

import pytest
import structlog

from sendrail.telemetry import LogThrottle


class Log:
    def __init__(self):
        self.now = 1_000.0
        self.seldom = LogThrottle(lambda: self.now)

    def lines(self, event, seconds):
        """Log every half second; return when a line got through, and what it said."""
        said = []
        for _ in range(int(seconds * 2)):
            try:
                line = self.seldom(None, "warning", {"event": event})
            except structlog.DropEvent:
                pass
            else:
                said.append((self.now - 1_000, line.get("unsaid")))
            self.now += 0.5
        return said


def test_what_is_postponed_again_and_again_is_said_at_first_and_then_seldom():
    log = Log()
    assert log.lines("claim_postponed", 125) == [(0, None), (60, 119), (120, 119)]
    # One kind does not hide another, and what comes after a while is said at once.
    assert log.lines("look_postponed", 1) == [(125, None)]
    log.now += 60
    assert log.lines("claim_postponed", 1) == [(186, 9)]


@pytest.mark.parametrize("event", ["message_uncertain", "database_away"])
def test_what_is_news_is_always_said(event):
    assert len(Log().lines(event, 5)) == 10

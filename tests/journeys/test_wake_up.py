"""A round that is about to wait for an event, and the event at the same moment, on PostgreSQL."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import postgres
import pytest

from sendrail.domain.ids import lane_of
from sendrail.storage.postgres.enrolments import TEXTS

LIST, ANN, JOURNEY, REPLY = 7, 15550100001, 3, 2
LANE = lane_of(LIST)
NEXT, NOW = 1_000, 6
# What one would write at first: it sees the row as it was last committed.
AT_ONCE = """
    UPDATE enrolments SET due_at = $3
    WHERE lane = $1 AND list_id = $2 AND due_at IS NOT NULL AND waits & 2 <> 0
"""


@pytest.fixture(scope="module")
def url():
    with postgres.database() as url:
        postgres.make_tables(url)
        yield url


@pytest.fixture
def lines(url):
    """Two connections: that of the round, and that of whoever tells of the event."""
    # Neither is the one that is asked who is blocked: in a transaction its answer would not change.
    more = "&" if "?" in url else "?"
    one, other = (postgres.line(f"{url}{more}application_name={who}") for who in ("ours", "theirs"))
    one.do("DELETE FROM enrolments")
    one.do(
        "INSERT INTO enrolments (lane, list_id, recipient, journey_id, started_at, ends_at, due_at)"
        " VALUES ($1, $2, $3, $4, 0, 9999, 0)",
        LANE, LIST, ANN, JOURNEY,
    )  # fmt: skip
    return one, other


def told(line):
    """Tell of a reply as `Passages.happened` does: hold, look, wake."""
    line.do("BEGIN")
    held = line.do(TEXTS.hold.text, [LANE], [LIST], [ANN])
    if any(row["waits"] & REPLY for row in held):
        line.do(TEXTS.wake.text, [LANE], [LIST], [ANN], [JOURNEY], [NOW])
    line.do("COMMIT")


def told_at_once(line):
    line.do(AT_ONCE, LANE, LIST, NOW)


@pytest.mark.parametrize(("tell", "due_at"), [(told, NOW), (told_at_once, NEXT)])
def test_an_event_waits_for_the_round_that_is_about_to_wait_for_it(url, lines, tell, due_at):
    ours, theirs = lines
    ours.do("BEGIN")
    [row] = ours.do(TEXTS.claim, LANE, 5, 100)
    assert (row["recipient"], row["waits"]) == (ANN, 0)
    with ThreadPoolExecutor(1) as thread:
        telling = thread.submit(tell, theirs)
        if tell is told:
            asyncio.run(postgres.until_blocked(url))
        else:
            telling.result(60)
        ours.do(
            TEXTS.write.text, [LANE], [LIST], [ANN], [JOURNEY], [0], [1], ["answer"], [NEXT],
            [REPLY], [5], [9999], ["{}"], [None],
        )  # fmt: skip
        ours.do("COMMIT")
        telling.result(60)
    [(found,)] = ours.do("SELECT due_at FROM enrolments")
    assert found == due_at


def test_what_one_round_holds_another_passes_by(lines):
    ours, theirs = lines
    ours.do("BEGIN")
    assert len(ours.do(TEXTS.claim, LANE, 5, 100)) == 1
    assert theirs.do(TEXTS.claim, LANE, 5, 100) == []
    ours.do("ROLLBACK")
    assert len(theirs.do(TEXTS.claim, LANE, 5, 100)) == 1

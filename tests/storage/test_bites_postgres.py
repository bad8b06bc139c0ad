"""A chore takes no more than its bite, whatever plan PostgreSQL makes.

Rows that are locked and then written are chosen once. Chosen in a sub-select they may be chosen
again for every row that they are joined with, and each time what was just written is passed over
for the next ones: then a bite has no bound. It takes an unusual plan, which is asked for here.
"""

import re

import hot_texts
import postgres
import pytest
from stores import NOW

WRITES = re.compile(r"DELETE FROM|INSERT INTO|UPDATE \w+( AS \w+)? SET")
NO_OTHER_PLAN = [
    "hashjoin",
    "mergejoin",
    "hashagg",
    "sort",
    "material",
    "memoize",
    "indexscan",
    "bitmapscan",
]

FINGERPRINTS = """
    INSERT INTO fingerprints (lane, fingerprint, number, at)
    SELECT 7, n, n, 0 FROM generate_series(1, 9) AS n"""
EVENTS = """
    INSERT INTO outbox (lane, id, endpoint_id, kind, ref, at, told, attempts, retries)
    SELECT 7, n, 1, 'test', n, 0, false, 0, 0 FROM generate_series(1, 9) AS n"""
PARKED = """
    INSERT INTO parked_receipts (lane, id, connector_id, carrier_ref, detail, received_at)
    SELECT 7, n, 1, n::text, '', 0 FROM generate_series(1, 9) AS n"""
SPANS = """
    INSERT INTO spans (kind, span, owner, epoch, until)
    SELECT 'deliver', n, '', 0, 0 FROM generate_series(1, 9) AS n"""
CLICKS = """
    INSERT INTO clicks (lane, id, account_id, number, at, click_class, reason, waits)
    SELECT 7, n, 1, n, 0, 1, 0, false FROM generate_series(1, 9) AS n"""

BITES = {
    "messages.forget_fingerprints": (FINGERPRINTS, (NOW, 0, 64, 4)),
    "click_details.forget": (CLICKS, (NOW, 4)),
    "inbox.forget_parked": (PARKED, (NOW, 4)),
    "leases.take_spans": (SPANS, ("deliver", "me", 4, 1000)),
    "outbox.forget_events": (EVENTS, (NOW, 4)),
}


@pytest.fixture(scope="module")
def line():
    with postgres.database() as url:
        postgres.make_tables(url)
        name = postgres.name_of(url)
        postgres.do(
            url, *(f"ALTER DATABASE {name} SET enable_{way} = off" for way in NO_OTHER_PLAN)
        )
        yield postgres.line(url)


@pytest.mark.parametrize("name", BITES)
def test_a_bite_has_its_bound_under_every_plan(line, name):
    rows, values = BITES[name]
    line.do(rows)
    tag = line.tag(hot_texts.statements()[name], *values)
    assert tag.rpartition(" ")[2] == "4"


def test_each_statement_that_writes_what_it_locks_is_tried_here():
    assert BITES.keys() == {
        name
        for name, text in hot_texts.statements().items()
        if "LIMIT" in text and "SKIP LOCKED" in text and WRITES.search(text)
    }

"""Every hot statement names its lane, so that a distributed database knows where to look."""

import hot_texts
import pytest

from sendrail.storage.postgres.schema import HOT_KEYS, metadata

STATEMENTS = hot_texts.statements()
# What goes everywhere, and why that is right.
EVERYWHERE = {
    "inbox.parked": "looks through the few receipts that came before their reference; by time",
    "inbox.forget_parked": "a chore: forgets what is a week old; by time",
    "activity.behind": "a chore: counts the notes that wait, up to a bound",
    "activity.news": "a chore of one process: the first notes that wait",
    "click_details.detailed": "a chore: what clicks say of people has had its time; by time",
    "click_details.forget": "a chore: forgets what is past its retention; by time",
    "message_clicks.since": "one process reads the clicks of all lanes, as a burst does; by time",
    "message_clicks.waiting": "the same: the few clicks that wait; by time",
    "message_clicks.first_of_offer": "a coupon names no message; by offer and time",
    "gate.find": "on one server alone: several read kind by kind, with the lane as a value",
    "enrolments.forget": "a chore: forgets what was over long ago; by time",
    "origin_counts.forget": "a chore: forgets what reports show no more; by time",
    "origins.counted": "a chore: asks once a day whether anything is counted of old origins",
    "reclassification.page": "a command: the clicks of all lanes, judged again; by time",
    "outbox.forget_events": "a chore: forgets what is past its retention; by time",
}


def test_the_statements_are_found():
    assert {"queue.due", "queue.start_attempt", "inbox.targets", "messages.insert_new"} <= set(
        STATEMENTS
    )
    assert len(STATEMENTS) >= 60
    hot = {finding.table for text in STATEMENTS.values() for finding in hot_texts.findings(text)}
    assert hot == set(HOT_KEYS)


def test_a_statement_names_the_lane_of_every_hot_table_in_it():
    found = [
        (name, finding)
        for name in STATEMENTS.keys() - EVERYWHERE.keys()
        for finding in hot_texts.findings(STATEMENTS[name])
        if finding.reach >= hot_texts.Reach.EVERYWHERE
    ]
    assert found == []


@pytest.mark.parametrize("name", EVERYWHERE)
def test_an_exception_is_one(name):
    assert hot_texts.reach(STATEMENTS[name]) is hot_texts.Reach.EVERYWHERE


@pytest.mark.parametrize("name", HOT_KEYS)
def test_a_hot_table_has_its_lane_first_in_its_key(name):
    key = [column.name for column in metadata.tables[name].primary_key]
    assert key[0] == "lane"
    assert key == list(HOT_KEYS[name])


@pytest.mark.parametrize(
    "column", [c for table in metadata.sorted_tables for c in table.columns if c.name == "lane"]
)
def test_what_has_a_lane_is_hot_or_says_whose_lane_it_is(column):
    assert column.table.name in {*HOT_KEYS, "lists", "link_ranges", "scheduled"}
    assert not column.nullable


# What the reader makes of statements whose answer is plain.
@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("SELECT 1 FROM queue WHERE lane = $1", "ONE_LANE"),
        ("SELECT 1 FROM queue WHERE lane = ANY($1)", "LANES"),
        ("SELECT 1 FROM queue WHERE lane >= $1 AND lane < $2", "SPAN"),
        ("SELECT 1 FROM queue WHERE list_id = $1", "EVERYWHERE"),
        ("SELECT 1 FROM queue WHERE lane = $1 OR list_id = $2", "EVERYWHERE"),
        ("SELECT 1 FROM queue WHERE lane <> $1", "EVERYWHERE"),
        ("SELECT lane FROM queue ORDER BY lane", "EVERYWHERE"),
        ("DELETE FROM queue WHERE number = $1", "EVERYWHERE"),
        (("UPDATE queue AS q SET number = 1 FROM unnest($1, $2) AS u (lane, n)"
         " WHERE q.lane = u.lane AND q.number = u.n"), "LANES"),
        (("UPDATE queue AS q SET number = 1 FROM unnest($1, $2) AS u (lane, n)"
         " WHERE q.number = u.n"), "EVERYWHERE"),
        ("SELECT 1 FROM messages AS m JOIN queue AS q ON q.lane = m.lane", "EVERYWHERE"),
        ("SELECT 1 FROM messages AS m JOIN queue AS q ON q.lane = m.lane WHERE m.lane = $1",
         "ONE_LANE"),
        ("SELECT 1 FROM messages AS m JOIN queue AS q ON q.number = m.number WHERE m.lane = $1",
         "EVERYWHERE"),
        (("DELETE FROM queue AS q USING (SELECT lane FROM queue WHERE due_at < $1) AS old"
         " WHERE q.lane = old.lane"), "EVERYWHERE"),
        (("WITH old AS (SELECT lane FROM queue WHERE lane = ANY($1))"
         " DELETE FROM queue AS q USING old WHERE q.lane = old.lane"), "LANES"),
        ("SELECT 1 FROM lists", "NOTHING_HOT"),
    ],
)  # fmt: skip
def test_the_reader_tells_how_far_a_statement_goes(text, reach):
    assert hot_texts.reach(text) is hot_texts.Reach[reach]


def test_a_row_without_its_lane_is_not_written():
    with pytest.raises(AssertionError, match="without its lane"):
        hot_texts.reach("INSERT INTO queue (number) VALUES ($1)")

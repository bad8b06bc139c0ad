"""What the planner asks for again and again costs the same, however many runs have ended."""

import pytest
from sqlalchemy import create_engine, insert

from sendrail.storage.campaign_tables import runs
from sendrail.storage.campaigns.runs import RunPlace, Runs
from sendrail.storage.tables import metadata

FEW, MANY = 20, 2_000
ASKED = {
    "next_work_at": lambda of: of.next_work_at(),
    "waiting": lambda of: of.waiting(64),
    "watched": lambda of: of.watched(64),
    "watched from a place on": lambda of: of.watched(64, RunPlace(1, 1)),
    "abandoned": lambda of: of.abandoned(64),
    "walked_out": lambda of: of.walked_out(64),
    "to_sweep": lambda of: of.to_sweep(64),
    "waves_due": lambda of: of.waves_due(1_000, 64),
    "waves_due from a place on": lambda of: of.waves_due(1_000, 64, RunPlace(1, 1)),
    "paused": lambda of: of.paused(1, 4),
    "open_of": lambda of: of.open_of(1, 1),
}


def filled(ended):
    """Return a connection to an account with a run that is paused, and so many that have ended."""
    connection = create_engine("sqlite://").connect()
    metadata.create_all(connection)
    row = {
        "account_id": 1, "content": "", "version": 1, "due_at": 0, "ends_at": 0, "turn_at": 0,
        "planned": 0, "held_out": 0, "left_out": "{}", "variants": "{}", "remembers": False,
    }  # fmt: skip
    some = [{"schedule_id": at + 2, "local_date": "", "state": "finished"} for at in range(ended)]
    some.append({"schedule_id": 1, "local_date": "", "state": "paused"})
    connection.execute(insert(runs), [row | each for each in some])
    return connection


def steps(connection, ask):
    """Count the steps of SQLite's machine, once it has the statement at hand."""
    done = 0

    def step():
        nonlocal done
        done += 1

    ask(Runs(connection))
    raw = connection.connection.driver_connection
    raw.set_progress_handler(step, 1)
    ask(Runs(connection))
    raw.set_progress_handler(None, 0)
    return done


@pytest.fixture(scope="module")
def few_and_many():
    connections = filled(FEW), filled(MANY)
    yield connections
    for each in connections:
        each.close()
        each.engine.dispose()


@pytest.mark.parametrize("name", ASKED)
def test_runs_that_have_ended_cost_nothing(few_and_many, name):
    few, many = (steps(each, ASKED[name]) for each in few_and_many)
    assert 0 < many <= few * 1.2

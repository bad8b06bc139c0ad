"""An audience is estimated along the sample's index, and a slice of it walks the primary key.

No database here was ever analysed unless it is said: plans rest on what is always known.
"""

import re

import pytest
from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql
from stores import House, PostgresBackend, SqliteBackend

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.audience_filter_json import read_filter
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.audience_members import AudienceMembers

FIRST = 15550100000
MANY = 20_000
FILTERS = {
    "custom field": [
        {"condition_type": "custom_field", "field": "plan", "operator": "eq", "value": "pro"}
    ],
    "activity": [
        {"condition_type": "count", "field": "send_count", "operator": "gt", "value": 1},
        {"condition_type": "clicked", "value": False},
    ],
    "sign-up": [
        {
            "condition_type": "time",
            "field": "signup_date",
            "operator": "within",
            "value": 3,
            "unit": "days",
        }
    ],
    "number": [
        {"condition_type": "dnc", "value": False},
        {"condition_type": "validation", "operator": "ne", "value": "invalid"},
        {"condition_type": "list", "operator": "not_in", "list_id": 2},
    ],
}
FILL = """
    INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name, subscribed_at,
        custom_fields, signup_at)
    SELECT l, {first} + n, true, '', '', 0, '{{"plan":"pro"}}', n FROM ({numbers}) AS numbers,
        (SELECT 1 AS l UNION ALL SELECT 2) AS lists
"""
SERIES = {
    "sqlite": f"""
        WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted
            WHERE n < {MANY - 1}) SELECT n FROM counted
    """,
    "postgresql": f"SELECT n FROM generate_series(0, {MANY - 1}) AS n",
}


def target(name):
    group = read_filter({"operator": "AND", "conditions": FILTERS[name]})
    return AudienceTarget(
        account_id=1, lists=(1,), group=group, now=10, known_lists=frozenset({1, 2})
    )


def fill(tx):
    tx.begin()
    numbers = SERIES[tx.core.dialect.name]
    tx.core.execute(text(FILL.format(first=FIRST, numbers=numbers).replace(":", r"\:")))


def filled(backend):
    house = House(backend)
    house.write(fill)
    return house


def asked(tx, work):
    """Return the statement of some work, and its values."""
    seen = []
    note = lambda *call: seen.append(call[2:4])  # noqa: E731
    event.listen(tx.core, "before_cursor_execute", note)
    work(tx)
    event.remove(tx.core, "before_cursor_execute", note)
    return seen[-1]


ESTIMATES = {
    "keys": lambda tx, it: tx.audience_members.sampled_keys(it, 100),
    "bounds": lambda tx, it: tx.audience_members.bounds(it, 10),
    "estimate": lambda tx, it: tx.audience_members.count_sample(it),
    "some": lambda tx, it: tx.audience_members.some(it, 20, of_sample=True),
}
COUNTS = {
    "count": lambda it: it.query,
    "explain": lambda it: it.explanation,
}


def sqlite_steps(tx, work):
    statement, values = asked(tx, work)
    rows = tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    return [row[3] for row in rows]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    house = filled(SqliteBackend(tmp_path_factory.mktemp("plans")))
    yield house
    house.close()


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("work", ESTIMATES)
def test_sqlite_estimates_along_the_sample(embedded, work, name):
    steps = embedded.read(lambda tx: sqlite_steps(tx, lambda tx: ESTIMATES[work](tx, target(name))))
    [entered] = [step for step in steps if re.match(r"SEARCH list_contacts(_1)? ", step)][:1]
    assert "USING COVERING INDEX list_contacts_sample (list_id=? AND active=?" in entered
    assert not [step for step in steps if re.match(r"SCAN (list_|contact)", step)]


@pytest.mark.parametrize("name", FILTERS)
def test_sqlite_tries_a_run_along_the_sample_or_the_key(embedded, name):
    def tried(of_sample):
        def page(tx):
            query = tx.run_members.trial_query(target(name), 1, 10, of_sample=of_sample)
            tx.run_members.trial_page(query, FIRST, 100, 61)

        steps = embedded.read(lambda tx: sqlite_steps(tx, page))
        assert not [step for step in steps if re.match(r"SCAN (list_|contact)", step)]
        # Of the sample, the rows of one page are put in order once more.
        assert steps.count("USE TEMP B-TREE FOR ORDER BY") == of_sample
        return next(step for step in steps if step.startswith("SEARCH list_contacts_1 "))

    bounds = "recipient>? AND recipient<?)"
    assert f"list_contacts_sample (list_id=? AND active=? AND {bounds}" in tried(of_sample=True)
    assert f"PRIMARY KEY (list_id=? AND {bounds}" in tried(of_sample=False)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("work", COUNTS)
def test_sqlite_counts_a_slice_along_the_key(embedded, work, name):
    def count(tx):
        members = tx.audience_members
        ask = members.count if work == "count" else members.explain
        ask(COUNTS[work](members)(target(name)), above=FIRST, upto=FIRST + 100)

    steps = embedded.read(lambda tx: sqlite_steps(tx, count))
    [entered] = [step for step in steps if re.match(r"SEARCH list_contacts_1 ", step)][:1]
    assert "PRIMARY KEY (list_id=? AND recipient>? AND recipient<?)" in entered
    assert not [step for step in steps if re.match(r"SCAN (list_|contact)", step)]


def postgres_plan(house, statement, *, analysed):
    literal = statement.compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    plan = f"EXPLAIN (COSTS OFF) {literal}".replace("%%", "%")

    def work(tx):
        tx.begin()
        if analysed:
            tx.core.exec_driver_sql("ANALYZE list_contacts")
        return "\n".join(row[0] for row in tx.core.exec_driver_sql(plan))

    return house.write(work)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    house = filled(PostgresBackend(tmp_path_factory.mktemp("plans")))
    yield house
    house.close()


class Asked(Exception):
    """The statement that would be run."""


class Listener:
    """Stands for a connection to PostgreSQL, and runs nothing."""

    class dialect:  # noqa: N801 - a connection's name for it
        name = "postgresql"

    def execute(self, statement, values=None):
        raise Asked(statement.params(**values) if values else statement)


def statement_of(work):
    with pytest.raises(Asked) as caught:
        work(AudienceMembers(Listener()))
    return caught.value.args[0]


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("name", FILTERS)
def test_postgres_estimates_along_the_sample(shared, name, analysed):
    statement = statement_of(lambda members: members.count_sample(target(name)))
    plan = postgres_plan(shared, statement, analysed=analysed)
    assert "list_contacts_sample" in plan, plan
    assert "Seq Scan on list_contacts" not in plan


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("work", COUNTS)
def test_postgres_counts_a_slice_along_the_key(shared, work, name, analysed):
    def count(members):
        ask = members.count if work == "count" else members.explain
        ask(COUNTS[work](members)(target(name)), above=FIRST, upto=FIRST + 100)

    plan = postgres_plan(shared, statement_of(count), analysed=analysed)
    assert "list_contacts_key" in plan, plan
    assert "Seq Scan on list_contacts" not in plan


def test_the_sample_is_the_same_for_every_list(embedded):
    keys = embedded.read(
        lambda tx: tx.core.execute(
            text(f"SELECT count(*) FROM list_contacts WHERE recipient % {SAMPLE_STEP} = 0")
        ).scalar_one()
    )
    both = AudienceTarget(account_id=1, lists=(1, 2), group=target("sign-up").group, now=10**12)
    assert embedded.read(lambda tx: tx.audience_members.sampled_keys(both, 10**6)) == keys

"""Pages of contacts and journeys find their rows by an index, however many there are."""

import pytest
from planned import EVERYBODY
from sqlalchemy import create_engine, event, insert

from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.cohort import day_of
from sendrail.domain.contact import Journey
from sendrail.domain.ids import lane_of
from sendrail.storage.campaign_tables import contact_counts
from sendrail.storage.campaigns.cohorts import Cohorts, SignUpPlace
from sendrail.storage.campaigns.run_members import RunMembers
from sendrail.storage.contact_tables import contacts, list_contacts, signup_counts
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.contacts import Contacts
from sendrail.storage.contacts.journeys import Journeys
from sendrail.storage.contacts.numbers import Numbers
from sendrail.storage.contacts.signups import ContactFilter, ContactPlace, SignUps
from sendrail.storage.enrolment_tables import enrolments
from sendrail.storage.journey_tables import journeys
from sendrail.storage.tables import accounts, connectors, lists, metadata

ANN = 15550100001
# What only reads counts none.
NO_COUNTS = None
PLACE = ContactPlace(ANN + 90, 1, ANN + 90)
TARGET = AudienceTarget(
    account_id=1, lists=(1,), group=read_filter(EVERYBODY), now=0, known_lists=frozenset([1])
)
VALUES_OF = lambda field: (1, 1, field, SignUpPlace(ANN + 10, 0), ANN * 2, 50)  # noqa: E731 - one line
JOURNEY = Journey(id=1, list_id=1, name="welcome", created_at=0)


def filled(count):
    """Return a connection to two lists with this many contacts each, all on a journey."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    connection = engine.connect()
    names = {"name": "", "status": "active", "created_at": 0}
    connection.execute(insert(accounts), [{"id": 1, "blocked_words": "", **names}])
    connector = {"id": 1, "name": "", "kind": "", "settings": b"", "window": 1, "version": 1}
    connection.execute(insert(connectors), [connector])
    sender = {"lane": 0, "account_id": 1, "brand": "", "rate": 1, "connector_id": 1, "byoc": False}
    sender |= {"on_uncertain": "hold", "answers": True, **names}
    connection.execute(insert(lists), [{"id": at, "number": at, **sender} for at in (1, 2)])
    journey = {"id": 1, "list_id": 1, "name": "welcome", "created_at": 0}
    connection.execute(insert(journeys), [journey])
    numbers = range(ANN, ANN + count)
    unnamed = {"first_name": "", "last_name": "", "subscribed_at": 0}
    rows = [
        {"list_id": at, "recipient": number, "active": number % 10 > 0, "signup_at": number}
        for at in (1, 2)
        for number in numbers
    ]
    connection.execute(insert(list_contacts), [row | unnamed for row in rows])
    day = day_of(ANN)
    signed_up = [{"list_id": at, "day": day, "shard": 0, "n": count} for at in (1, 2)]
    connection.execute(insert(signup_counts), signed_up)
    connection.execute(
        insert(contacts),
        [{"account_id": 1, "recipient": number, "created_at": 0} for number in numbers],
    )
    counts = {"list_id": 1, "band": 0, "what": "clicks", "n": 1, "amount": 0}
    rows = [counts | {"recipient": number} for number in numbers]
    connection.execute(insert(contact_counts), rows)
    connection.execute(
        insert(enrolments),
        [
            {"list_id": 1, "recipient": number, "journey_id": 1, "started_at": 0, "ends_at": number}
            | {"lane": lane_of(1), "due_at": number}
            for number in numbers
        ],
    )
    return connection


ASKED = {
    "a page of a list": lambda it: SignUps(it, NO_COUNTS).page(1, ContactFilter(1), 0, 50),
    "a page of a list's active": lambda it: SignUps(it, NO_COUNTS).page(
        1, ContactFilter(1, True), 0, 50
    ),
    "a page of who left a list": lambda it: SignUps(it, NO_COUNTS).page(
        1, ContactFilter(1, False), 0, 20
    ),
    "a page past a place": lambda it: SignUps(it, NO_COUNTS).page(
        1, ContactFilter(1), 0, 50, PLACE
    ),
    "a page of all lists": lambda it: SignUps(it, NO_COUNTS).page(1, ContactFilter(), 0, 50),
    "a page of all lists past a place": lambda it: SignUps(it, NO_COUNTS).page(
        1, ContactFilter(None, True), 0, 50, PLACE
    ),
    "one number": lambda it: SignUps(it, NO_COUNTS).page(1, ContactFilter(recipient=ANN), 0, 50),
    "one number counted": lambda it: SignUps(it, NO_COUNTS).count(1, ContactFilter(recipient=ANN)),
    "standings": lambda it: SignUps(it, NO_COUNTS).subscription_states(1, [ANN]),
    "who is on a journey": lambda it: Journeys(it).enrolments(JOURNEY, 0, 0, 50),
    "on a journey or not": lambda it: Journeys(it).enrolled(1, [ANN], 0),
    "who told a zone": lambda it: Numbers(it).told_in(1, ["Asia/Tokyo"], ANN, 50),
    "which zones were told": lambda it: Numbers(it).told_zones(1),
    "those of a run who told none": lambda it: RunMembers(it).page(
        RunMembers(it).untold_query(TARGET, 1, ANN), ANN, ANN + 9, 50
    ),
    "cohorts by carrier": lambda it: Cohorts(it).values(*VALUES_OF(None)),
    "cohorts by field": lambda it: Cohorts(it).values(*VALUES_OF("plan")),
    "those of a run by number": lambda it: RunMembers(it).named(
        RunMembers(it).named_query(TARGET, 1, ANN), [ANN, ANN + 50]
    ),
}
COUNTED = {
    "a list counted": lambda it: SignUps(it, NO_COUNTS).count(1, ContactFilter(1)),
    "a list's active counted": lambda it: SignUps(it, NO_COUNTS).count(1, ContactFilter(1, True)),
    "all counted": lambda it: SignUps(it, NO_COUNTS).count(1, ContactFilter()),
    "each list counted": lambda it: SignUps(it, NO_COUNTS).active_of_lists(1),
    "who is active": lambda it: Contacts(it, None, NO_COUNTS).count(1),
    "each list estimated": lambda it: SignUps(it, NO_COUNTS).sizes_of_lists(1, [1, 2], 10_000),
    "a journey counted": lambda it: Journeys(it).count(JOURNEY, 0),
}
LARGE = ("list_contacts", "contacts", "enrolments", "contact_counts", "contact_activity")


def plan_of(connection, work):
    asked = []
    event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    work(connection)
    return [
        row[3]
        for text, values in list(asked)
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
    ]


@pytest.fixture(scope="module")
def few():
    connection = filled(100)
    yield connection
    connection.close()
    connection.engine.dispose()


@pytest.mark.parametrize("name", ASKED | COUNTED)
def test_the_large_tables_are_searched_by_a_key(few, name):
    steps = plan_of(few, (ASKED | COUNTED)[name])
    assert not [step for step in steps if step.startswith(tuple(f"SCAN {each}" for each in LARGE))]
    assert [step for step in steps if step.startswith("SEARCH")]


@pytest.mark.parametrize("name", [name for name in ASKED if "all lists" in name])
def test_a_page_of_all_lists_reads_the_newest_of_each_by_the_index(few, name):
    """Sorting what all lists have would take as long as there are contacts."""
    steps = plan_of(few, ASKED[name])
    by_index = "SEARCH list_contacts USING COVERING INDEX list_contacts_by_signup (list_id=?"
    assert any(step.startswith(by_index) for step in steps), steps
    assert not any("LAST" in step and "ORDER BY" in step for step in steps), steps


def test_a_list_is_estimated_from_the_indexes_alone(few):
    steps = plan_of(few, COUNTED["each list estimated"])
    searched = [step.partition("INDEX ")[2] for step in steps if "list_contacts" in step]
    assert searched == [
        "list_contacts_by_signup (list_id=?)",
        "list_contacts_sample (list_id=? AND active=?)",
    ]
    assert not [step for step in steps if "ORDER BY" in step]


@pytest.mark.parametrize(
    "name", [name for name in COUNTED if not name.endswith(("journey counted", "estimated"))]
)
def test_counting_reads_the_index_alone(few, name):
    searched = [step for step in plan_of(few, COUNTED[name]) if "list_contacts" in step]
    assert searched
    assert all("COVERING INDEX list_contacts_by_signup" in step for step in searched)


@pytest.mark.parametrize(
    "name", ["a page of a list", "a page of a list's active", "a page past a place"]
)
def test_a_page_of_a_list_comes_in_the_order_of_the_index(few, name):
    steps = plan_of(few, ASKED[name])
    inner = steps[: steps.index("SCAN anon_1")]
    assert any("COVERING INDEX list_contacts_by_signup (list_id=?" in step for step in inner)
    if "past" in name:
        assert any("(signup_at,recipient)<(?,?)" in step for step in inner), inner
    assert not [step for step in inner if "TEMP B-TREE" in step]


def test_a_page_of_those_who_left_passes_over_nobody_else(few):
    steps = plan_of(few, ASKED["a page of who left a list"])
    inner = steps[: steps.index("SCAN anon_1")]
    assert any("INDEX list_contacts_left (list_id=? AND active=?)" in step for step in inner), inner
    assert not [step for step in inner if "TEMP B-TREE" in step]


def test_sign_ups_are_read_from_their_counts_and_only_those_who_left_from_contacts(few):
    steps = plan_of(few, lambda it: Cohorts(it).signups(1, (0, 1_000), 31))
    those_who_left = (
        "COVERING INDEX list_contacts_left (list_id=? AND active=? AND signup_at>? AND signup_at<?)"
    )
    assert "PRIMARY KEY (list_id=? AND day>? AND day<?)" in steps[0]
    assert "CORRELATED" in steps[1]
    assert those_who_left in steps[2]
    assert len(steps) == 3, steps


@pytest.fixture(scope="module")
def more():
    connections = [filled(count) for count in (400, 4_000)]
    yield connections
    for each in connections:
        each.close()
        each.engine.dispose()


@pytest.mark.parametrize("name", [name for name in ASKED if name != "what is overdue"])
def test_more_contacts_cost_a_page_nothing(more, name):
    steps = []
    for connection in more:
        ASKED[name](connection)
        raw = connection.connection.driver_connection
        done = [0]

        def step(done=done):
            done[0] += 1

        raw.set_progress_handler(step, 1)
        ASKED[name](connection)
        raw.set_progress_handler(None, 0)
        steps.append(done[0])
    assert steps[1] <= steps[0] * 1.1, steps

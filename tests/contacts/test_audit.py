"""Each change of contacts, blocks, lists and journeys is noted in the audit log, a file twice."""

import re

import pytest
from stores import BACKENDS
from written import PAUSE, parsed

from sendrail.contacts.contacts import SignUpRequest
from sendrail.contacts.imports import ImportOptions
from sendrail.contacts.journey_progress import JourneyProgress
from sendrail.contacts.lists import ListChange
from sendrail.domain.audit import Actor
from sendrail.domain.contact import SignUp, SignupMethod
from sendrail.domain.errors import InvalidInput

LIST = "+15550100000"
ANN, BEN, CID = (parsed(f"+1555010000{n}") for n in (1, 2, 3))
ME = Actor(name="key trk_abc", request_id="request-7")


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def us(house):
    house.do(house.lists.add(house.us, parsed(LIST), name="News"))
    return house.us


def asked(recipient, number=LIST):
    signup = SignUp(recipient=recipient, method=SignupMethod.API)
    return SignUpRequest(parsed(number), signup)


def entries(house, before=()):
    """Return what was noted since, oldest first: who did it, what and about whom."""
    known = {each.id for each in before}
    found = [each for each in house.do(house.audit.page(house.us)) if each.id not in known]
    assert {(each.actor, each.request_id) for each in found} <= {(ME.name, ME.request_id)}
    # A number stands in no entry.
    assert not re.search(r"155501000\d[123]\b", str([(each.about, each.details) for each in found]))
    return [(each.action, dict(each.details)) for each in reversed(found)]


@pytest.fixture
def since(house, us):
    """Return what was noted since the test began."""
    before = house.do(house.audit.page(us))
    return lambda: entries(house, before)


def test_a_contact_added_changed_and_taken_off(house, us, since):
    contacts, number = house.contacts, parsed(LIST)
    house.do(contacts.add(us, number, ANN, actor=ME))
    house.do(contacts.sign_up_one(us, asked(BEN), actor=ME))
    for _ in range(2):
        house.do(contacts.set_fields(us, number, ANN, {"plan": "pro"}, actor=ME))
        house.do(contacts.remove(us, number, ANN, source="test", actor=ME))
        house.do(contacts.leave(us, number, BEN, evidence="x", actor=ME))
    on_list = {"list": LIST}
    assert since() == [
        ("contact.added", on_list | {"is_new": True}),
        ("contact.added", on_list | {"is_new": True}),
        ("contact.changed", on_list | {"custom_fields": ["plan"]}),
        ("contact.opted_out", on_list),
        ("contact.opted_out", on_list),
    ]


def test_a_batch_has_one_entry_and_one_of_which_nothing_is_taken_has_none(house, us, since):
    gone = asked(CID, "+15550100999")
    house.do(house.contacts.sign_up(us, [asked(ANN), asked(BEN), gone], actor=ME))
    house.do(house.contacts.sign_up(us, [gone, gone], actor=ME))
    with pytest.raises(InvalidInput):
        house.do(house.contacts.sign_up_one(us, gone, actor=ME))
    said = {"lists": [LIST], "rows": 3, "added": 2, "refused": 1}
    assert since() == [("contacts.added", said)]


def test_blocks_by_number_and_by_batch(house, us, since):
    for _ in range(2):
        house.do(house.blocks.add(us, ANN, actor=ME))
        house.do(house.blocks.add_many(us, [(ANN, ""), (BEN, ""), (CID, "x")], actor=ME))
    for _ in range(2):
        house.do(house.blocks.remove(us, ANN, actor=ME))
    assert since() == [
        ("block.added", {}),
        ("blocks.added", {"rows": 3, "added": 2}),
        ("block.removed", {}),
    ]


def test_lists_say_what_changed_and_a_file_of_them_is_one(house, us, since):
    async def rows():
        yield b"number,name\n+15550100001,A\n+15550100002,B\n"

    lists, number = house.lists, parsed(LIST)
    for _ in range(2):
        house.do(lists.update(us, number, ListChange(name="Offers", rate=60), ME))
        house.do(lists.update(us, number, ListChange(stop_text="Bye"), ME))
        house.do(lists.update(us, number, PAUSE, ME))
    house.do(lists.import_csv(us, rows(), ImportOptions(), actor=ME))
    house.do(lists.add(us, parsed("+15550100077"), actor=ME))
    *changes, begun, imported, added = since()
    assert changes == [
        ("list.changed", {"fields": ["name", "rate"]}),
        ("list.changed", {"fields": ["answers"]}),
        ("list.changed", {"fields": ["status"], "status": "paused"}),
    ]
    assert begun == ("import.begun", {"action": "lists.imported"})
    assert imported[0] == "lists.imported"
    assert (imported[1]["rows"], imported[1]["created"]) == (2, 2)
    assert added == ("list.added", {})


def test_a_journey_and_the_work_on_all_who_are_on_it(house, us, since):
    made = house.do(house.journeys.add(us, parsed(LIST), "Welcome", actor=ME))
    progress = JourneyProgress(house.store, lambda: house.now)
    task = house.do(progress.exit_all(us, made.id, is_confirmed=True, actor=ME))
    for _ in range(2):
        house.do(progress.cancel(us, made.id, task.id, ME))
    said = {"task": task.id, "kind": "exit"}
    assert since() == [
        ("journey.added", {}),
        ("journey.task_started", said),
        ("journey.task_stopped", said),
    ]


def test_words_country_and_keys(house, us, since):
    house.change(us, ME, blocked_words=["casino"])
    house.change(us, ME, stop_words=["arret"])
    house.change(us, ME, country="NO")
    key = house.do(house.accounts.create_key(us, "ci", ME)).record
    house.do(house.accounts.rename_key(us, key.id, "till", ME))
    house.do(house.accounts.revoke_key(us, key.id, ME))
    assert since() == [
        *(
            ("account.changed", {"fields": [each]})
            for each in ("blocked_words", "stop_words", "country")
        ),
        ("key.added", {}),
        ("key.changed", {"fields": ["name"]}),
        ("key.revoked", {}),
    ]

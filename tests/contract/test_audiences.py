"""Audiences over HTTP, as the public API has them and beyond."""

import uuid

import pytest
from asking import ask, refused, told
from written import parsed

from sendrail.contacts.audiences import AUDIENCES_MAX
from sendrail.domain.audience import DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX, SOURCE_LISTS_MAX

PRO = {
    "condition_type": "custom_field",
    "field": "custom_fields.plan",
    "operator": "eq",
    "value": "pro",
}
FILTER = {"operator": "AND", "conditions": [PRO]}
SHOWN = {
    "operator": "AND",
    "conditions": [
        {
            "conditionType": "custom_field",
            "field": "custom_fields.plan",
            "operator": "eq",
            "value": "pro",
        }
    ],
    "groups": [],
}


class Marketer:
    """An account of its own, with a list of ten contacts, six of them on the plan."""

    def __init__(self, door):
        self.door = door
        runtime = door.runtime
        self.account = door.do(runtime.accounts.add(f"audiences {uuid.uuid4()}"))
        self.key = door.new_key(self.account)
        number = parsed(door.recipient())
        self.list = door.do(runtime.lists.add(self.account, number, connector="sandbox")).sender
        self.numbers = [parsed(door.recipient()) for _ in range(10)]
        for place, recipient in enumerate(self.numbers):
            fields = {"plan": "pro" if place < 6 else "free", "seats": place}
            door.do(runtime.contacts.add(self.account, number, recipient, custom_fields=fields))

    def ask(self, method, path, body=None):
        return ask(self.door, method, path, body, x_api_key=self.key)

    def add(self, **more):
        body = {"name": "Pro", "filter": FILTER} | more
        return told(self.ask("POST", "audiences", body))["audience"]

    def actions(self):
        found = self.door.do(self.door.runtime.audit.page(self.account))
        return [
            (each.action, each.about, dict(each.details))
            for each in found
            if each.action.startswith("audience.")
        ]


@pytest.fixture
def marketer(door):
    return Marketer(door)


def test_an_audience_is_made_shown_changed_and_archived(marketer):
    body = {"name": " Pro ", "filter": FILTER, "source_lists": [marketer.list.id]}
    saved = told(marketer.ask("POST", "audiences", body))
    assert saved.pop("success") is True
    made = saved.pop("audience")
    assert made == saved
    path = f"audiences/{made['id']}"
    assert told(marketer.ask("GET", path)) == made
    assert len(made["id"]) == 24
    assert made | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "name": "Pro",
        "description": "",
        "source_lists": [marketer.list.id],
        "filter": SHOWN,
        "cached_size": None,
        "cached_size_updated_at": None,
        "status": "active",
        "created_at": "",
        "updated_at": "",
    }
    changed = told(marketer.ask("PUT", path, {"description": "Who pays", "source_lists": []}))
    assert changed["audience"]["description"] == "Who pays"
    assert changed["audience"]["source_lists"] == []
    assert changed["audience"]["name"] == "Pro"
    assert told(marketer.ask("DELETE", path)) == {"success": True, "archived": True}
    assert told(marketer.ask("DELETE", path)) == {"success": True, "archived": True}
    assert told(marketer.ask("GET", "audiences"))["audiences"] == []
    [gone] = told(marketer.ask("GET", "audiences?status=archived"))["audiences"]
    assert (gone["id"], gone["status"]) == (made["id"], "archived")
    assert told(marketer.ask("PUT", path, {"status": "active"}))["status"] == "active"
    about = f"audience {made['id']}"
    assert marketer.actions() == [
        ("audience.changed", about, {"fields": ["status"]}),
        ("audience.archived", about, {}),
        ("audience.changed", about, {"fields": ["description", "source_lists"]}),
        (
            "audience.added",
            about,
            {"fields": ["description", "filter", "name", "source_lists", "status"]},
        ),
    ]


def test_what_was_shown_can_be_given_again(marketer):
    made = marketer.add()
    again = told(marketer.ask("PUT", f"audiences/{made['id']}", {"filter": made["filter"]}))
    assert again["filter"] == made["filter"]


def test_audiences_come_in_pages_newest_first(marketer):
    names = [marketer.add(name=f"A{n}")["name"] for n in range(3)]
    page = told(marketer.ask("GET", "audiences?per_page=2"))
    assert [each["name"] for each in page["audiences"]] == names[:0:-1]
    assert page["pagination"]["total"] == 3
    refused(marketer.ask("GET", "audiences?status=paused"), "invalid_parameter", "status")
    refused(marketer.ask("GET", "audiences?per_page=101"), "invalid_parameter", "per_page")


def test_a_size_is_counted_and_kept_until_the_meaning_changes(marketer):
    made = marketer.add()
    path = f"audiences/{made['id']}"
    size = told(marketer.ask("GET", f"{path}/size"))
    assert size.pop("calculated_at").endswith("Z")
    assert size == {
        "audience_id": made["id"], "size": 6, "low": 6, "high": 6, "is_exact": True,
    }  # fmt: skip
    assert told(marketer.ask("GET", path))["cached_size"] == 6
    assert told(marketer.ask("PUT", path, {"name": "Payers"}))["cached_size"] == 6
    free = {"operator": "AND", "conditions": [PRO | {"value": "free"}]}
    changed = told(marketer.ask("PUT", path, {"filter": free}))
    assert (changed["cached_size"], changed["cached_size_updated_at"]) == (None, None)
    assert told(marketer.ask("GET", f"{path}/size?exact=false"))["size"] == 4
    assert told(marketer.ask("GET", path))["cached_size"] is None
    refused(marketer.ask("GET", f"{path}/size?exact=maybe"), "invalid_parameter", "exact")


def test_a_filter_is_estimated_before_it_is_stored(marketer):
    body = {"filter": {"operator": "OR", "conditions": [PRO, PRO | {"value": "free"}]}}
    found = told(marketer.ask("POST", "audiences/preview", body))
    assert (found["size"], found["is_exact"]) == (10, True)
    assert told(marketer.ask("GET", "audiences"))["audiences"] == []
    refused(marketer.ask("POST", "audiences/preview", {}), "missing_filter", "filter")


def test_members_are_shown_with_what_the_filter_saw(marketer):
    made = marketer.add()
    found = told(marketer.ask("GET", f"audiences/{made['id']}/sample"))["contacts"]
    assert {parsed(each["phone_number"]) for each in found} == set(marketer.numbers[:6])
    assert {each["custom_fields"]["plan"] for each in found} == {"pro"}
    assert {each["list_id"] for each in found} == {marketer.list.id}
    contacts = told(marketer.ask("GET", "contacts"))["contacts"]
    ids = {(each["contact_id"], each["list_contact_id"]) for each in contacts}
    assert {(each["contact_id"], each["list_contact_id"]) for each in found} < ids


def test_an_explanation_tells_who_is_not_reached(marketer):
    runtime, do = marketer.door.runtime, marketer.door.do
    us, sender = marketer.account, marketer.list.number
    do(runtime.contacts.remove(us, sender, marketer.numbers[0], source="test"))
    do(runtime.blocks.add(us, marketer.numbers[1]))
    made = marketer.add()
    found = told(marketer.ask("GET", f"audiences/{made['id']}/explain"))
    del found["calculated_at"]
    assert found == {
        "audience_id": made["id"], "matching": 6, "opted_out": 1, "blocked": 1, "on_journey": 0,
        "reachable": 4, "in_quiet_hours": 0,
    }  # fmt: skip


FAULTS = {
    "no name": ({"name": " "}, "missing_name", "name"),
    "a long name": ({"name": "n" * (NAME_LENGTH_MAX + 1)}, "name_too_long", "name"),
    "a long description": (
        {"description": "d" * (DESCRIPTION_LENGTH_MAX + 1)}, "invalid_field", "description",
    ),
    "a name that is a number": ({"name": 7}, "invalid_field", "name"),
    "no filter": ({"filter": None}, "missing_filter", "filter"),
    "a filter that is a text": ({"filter": "all"}, "invalid_filter", "filter"),
    "an empty group": (
        {"filter": {"operator": "AND", "conditions": []}}, "empty_filter_group", "filter",
    ),
    "a wrong value": (
        {"filter": {"operator": "AND", "groups": [FILTER, {"operator": "OR", "conditions": [
            PRO, PRO | {"value": None}]}]}},
        "invalid_filter", "filter.groups[1].conditions[1].value",
    ),
    "a NUL in it": (
        {"filter": {"operator": "AND", "conditions": [PRO | {"value": "a\0"}]}},
        "invalid_filter", "filter.conditions[0].value",
    ),
    "no list": ({"source_lists": [10**12]}, "not_found", "source_lists"),
    "many lists": ({"source_lists": [1] * (SOURCE_LISTS_MAX + 1)}, "invalid_field",
                   "source_lists"),
    "a list beyond any": ({"source_lists": [2**70]}, "not_found", "source_lists"),
    "no such list in it": (
        {"filter": {"operator": "AND", "conditions": [
            {"condition_type": "list", "list_id": 10**12}]}},
        "not_found", "filter",
    ),
    "no such audience in it": (
        {"filter": {"operator": "AND", "conditions": [
            {"condition_type": "audience", "audience_id": "0" * 24}]}},
        "not_found", "filter",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "code", "param"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_and_nothing_is_stored(marketer, change, code, param):
    body = {"name": "Pro", "filter": FILTER} | change
    answer = marketer.ask("POST", "audiences", body)
    refused(answer, code, param)
    # What a field names is not what the request is about: it is named.
    assert code != "not_found" or answer.json()["error"].startswith("There is no ")
    assert told(marketer.ask("GET", "audiences"))["audiences"] == []
    if change.get("filter", "") is not None:
        made = marketer.add()
        refused(marketer.ask("PUT", f"audiences/{made['id']}", change), code, param)
        assert told(marketer.ask("GET", f"audiences/{made['id']}")) == made


def test_a_filter_of_any_depth_is_refused_and_not_followed(marketer):
    for levels in (9, 70, 10_000, 100_000):
        body = '{"name":"Deep","filter":' + '{"operator":"AND","groups":[' * levels
        body += "]}" * levels + "}"
        error = told(marketer.ask("POST", "audiences", body), 400)
        assert error["code"] in ("filter_too_large", "invalid_json")


def test_half_a_character_in_a_filter_is_refused(marketer):
    body = (
        '{"name":"Half","filter":{"operator":"AND","conditions":[{"condition_type":"custom_field",'
        '"field":"plan","operator":"eq","value":"\\ud83d"}]}}'
    )
    refused(marketer.ask("POST", "audiences", body), "invalid_field", "filter")


def test_an_account_has_a_number_of_audiences_and_no_more(marketer):
    made = marketer.add()
    store = marketer.door.runtime.store

    def fill(tx):
        tx.begin()
        found = tx.audiences.by_ref(marketer.account, made["id"])
        for n in range(AUDIENCES_MAX - 1):
            tx.audiences.add(
                marketer.account,
                ref=f"{n:012x}{found.id:012x}",
                name="A",
                description="",
                source_lists=(),
                filter=found.filter,
                status="archived",
                created_at=0,
                updated_at=0,
            )

    marketer.door.do(store.write(fill))
    body = {"name": "One more", "filter": FILTER}
    refused(marketer.ask("POST", "audiences", body), "too_many_audiences")


@pytest.mark.parametrize("path", ["", "/size", "/sample", "/explain"])
def test_anothers_audience_is_no_audience(marketer, door, path):
    made = marketer.add()
    for audience_id in (made["id"], "0" * 24, "x"):
        refused(ask(door, "GET", f"audiences/{audience_id}{path}"), "not_found")

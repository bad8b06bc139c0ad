"""Contacts by hand: added, changed, taken off a list, blocked, exported, erased; each is noted."""

import re
from pathlib import Path

import pytest
from dashboard_site import Elements
from written import parsed

import sendrail.dashboard
from sendrail.domain.audit import Action
from sendrail.domain.user import Role

LIST, OTHER = "+15557300001", "+15557300002"


class Desk:
    def __init__(self, site):
        self.site, self.runtime = site, site.runtime
        lists = [
            site.do(self.runtime.lists.add(site.us, parsed(each), connector="sandbox"))
            for each in (LIST, OTHER)
        ]
        self.list_id, self.other_id = (each.sender.id for each in lists)
        self.browser = site.signed_in("desk@example.com", Role.OWNER)

    def contact(self, number, on=LIST):
        return self.site.do(self.runtime.contacts.show(self.site.us, parsed(on), parsed(number)))

    def post(self, path, status=303, **fields):
        answer = self.browser.post(path, **fields)
        assert answer.status_code == status, (answer.status_code, answer.text[-900:])
        return answer

    def add(self, number, **fields):
        form = {"phone_number": number, "list_number": LIST, "first_name": "Ana"}
        return self.post("/contacts/add", **form | fields)

    def noted(self, action):
        """Return the newest entry of an action, which names no number."""
        [entry] = self.site.do(self.runtime.audit.page(self.site.us, action=action, per_page=1))
        assert entry.actor == "user desk@example.com"
        assert re.fullmatch(r"person [0-9a-f]{16}", entry.about)
        return entry


@pytest.fixture(scope="module")
def desk(site):
    return Desk(site)


def test_a_contact_is_added_with_where_they_agreed(desk):
    answer = desk.add("+1 555 730 0101", source="shop counter")
    assert answer.headers["location"].startswith("/dashboard/contacts/15557300101")
    found = desk.contact("+15557300101")
    assert (found.active, found.first_name) == (True, "Ana")
    assert desk.noted(Action.CONTACT_ADDED).details["is_new"] is True
    page = Elements(desk.browser.page("/contacts/15557300101")).text
    assert "by dashboard" in page
    assert "shop counter" in page


def test_faults_of_a_new_contact_stand_beside_their_fields(desk):
    for fields, param in (
        ({"phone_number": "12"}, "phone_number"),
        ({"phone_number": ""}, "phone_number"),
        ({"phone_number": "+44 (0) 7700 900102"}, "phone_number"),
        ({"phone_number": "+1 555 730 0102 ext. 7"}, "phone_number"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"source": "x" * 256}, "source"),
    ):
        form = {"phone_number": "+15557300102", "list_number": LIST, "first_name": "Kept"}
        answer = desk.post("/contacts/add", 400, **form | fields)
        assert f'id="w-{param}"' in answer.text, param
        assert 'value="Kept"' in answer.text
    # Who has left does not come back by a form.
    desk.add("+15557300103")
    desk.post(f"/contacts/15557300103/lists/{desk.list_id}/leave")
    form = {"phone_number": "+15557300103", "list_number": LIST}
    assert "has opted out" in desk.post("/contacts/add", 400, **form).text


def test_names_and_custom_fields_are_changed_and_keep_their_kinds(desk):
    desk.add("+15557300104")
    contacts, us = desk.runtime.contacts, desk.site.us
    known = {"age": 41, "city": "Oslo", "vip": True, "zip": "0150", "gone": "x"}
    number = parsed("+15557300104")
    desk.site.do(contacts.set_fields(us, parsed(LIST), number, known))
    path = f"/contacts/15557300104/lists/{desk.list_id}"
    shown = Elements(desk.browser.page(path)).found
    form = {
        each["name"]: each["value"]
        for tag, each in shown
        if tag == "input" and each.get("name", "").split(".")[0] in {"name", "value"}
    }
    kinds = re.findall(r'<option value="(\w+)" selected', desk.browser.page(path))
    form |= {f"kind.{at}": kind for at, kind in enumerate(kinds)}
    desk.post(path, first_name="Ana", last_name="Berg", **form)
    assert desk.contact("+15557300104").custom_fields == known
    assert desk.contact("+15557300104").last_name == "Berg"
    place = {form[f"name.{at}"]: at for at in range(5)}
    changed = form | {
        f"value.{place['age']}": "42.5",
        f"value.{place['vip']}": "no",
        f"value.{place['gone']}": "",
        "name.5": "shoe size", "kind.5": "number", "value.5": "-9",
    }  # fmt: skip
    desk.post(path, first_name="", last_name="", **changed)
    found = desk.contact("+15557300104")
    assert found.custom_fields == {
        "age": 42.5, "city": "Oslo", "vip": False, "zip": "0150", "shoe size": -9,
    }  # fmt: skip
    assert (found.first_name, found.last_name) == ("", "")
    entry = desk.noted(Action.CONTACT_CHANGED)
    assert entry.details["custom_fields"] == ["age", "gone", "shoe size", "vip"]
    for wrong, param in (
        ({f"value.{place['age']}": "many"}, f"{place['age']}"),
        ({f"value.{place['age']}": "inf"}, f"{place['age']}"),
        ({f"value.{place['vip']}": "perhaps"}, f"{place['vip']}"),
        ({"value.6": "of nothing"}, "6"),
    ):
        answer = desk.post(path, 400, first_name="Typed", last_name="", **form | wrong)
        assert f'id="w-{param}"' in answer.text
        assert 'value="Typed"' in answer.text
        assert next(iter(wrong.values())) in answer.text
    assert desk.contact("+15557300104").custom_fields["age"] == 42.5


def test_a_contact_leaves_a_list_with_evidence_and_joins_another(desk):
    desk.add("+15557300105")
    leave = f"/contacts/15557300105/lists/{desk.list_id}/leave"
    assert "Take this contact off" in desk.browser.page(leave)
    answer = desk.post(leave, 400, note="x" * 201)
    assert 'id="w-note"' in answer.text
    desk.post(leave, note="called us")
    assert not desk.contact("+15557300105").active
    desk.noted(Action.CONTACT_OPTED_OUT)
    page = Elements(desk.browser.page("/contacts/15557300105")).text
    assert "user desk@example.com: called us" in page
    desk.post("/contacts/15557300105/lists", list_number=OTHER)
    assert desk.contact("+15557300105", OTHER).active
    assert not desk.contact("+15557300105").active
    answer = desk.post("/contacts/15557300105/lists", 400, list_number=LIST)
    assert "has opted out" in answer.text


def test_a_number_is_blocked_found_exported_and_unblocked(desk):
    desk.add("+15557300106")
    desk.post("/blocks", phone_number="+1 (555) 730-0106", note="=asked by letter")
    desk.noted(Action.BLOCK_ADDED)
    assert "This number is blocked" in desk.browser.page("/contacts/15557300106")
    assert "asked by letter" in desk.browser.page("/blocks?q=5557300106".replace("q=", "q=%2B1"))
    assert "'=asked by letter" in desk.browser.get("/blocks.csv").text
    # A sign that is none of a number is not passed over: which number is meant is not known.
    desk.post("/blocks", 400, phone_number="+1 555 730 01O6")
    for fields, param in (({"phone_number": "x"}, "phone_number"), ({"note": "x" * 201}, "note")):
        answer = desk.post("/blocks", 400, **{"phone_number": "+15557300106"} | fields)
        assert f'id="w-{param}"' in answer.text
    desk.post("/blocks/15557300106/remove")
    desk.noted(Action.BLOCK_REMOVED)
    assert "This number is blocked" not in desk.browser.page("/contacts/15557300106")
    desk.post("/blocks/15557300106/remove", 404)


def test_contacts_of_a_list_are_a_file(desk):
    desk.add("+15557300107")
    answer = desk.browser.get(f"/contacts.csv?list={LIST.replace('+', '%2B')}")
    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.csv"'
    assert '"(+1) 5557300107","","Ana"' in answer.text
    assert desk.browser.get("/contacts.csv?list=%2B15550009999").status_code == 404


def test_a_person_is_erased_once_the_number_is_typed_and_the_password_was_shown(desk):
    desk.add("+15557300108")
    path = "/contacts/15557300108/erase"
    desk.site.now += 16 * 60_000
    assert "/confirm?next=" in desk.post(path, number="+15557300108").headers["location"]
    desk.browser.get("/confirm?next=/")
    desk.post("/confirm", password="correct horse", next="/")
    assert "Nothing brings the data back" in desk.browser.page(path)
    answer = desk.post(path, 400, number="+15557300109")
    assert 'id="w-number"' in answer.text
    desk.post(path, number="1 555 730 0108")
    desk.noted(Action.CONTACTS_ERASED)
    assert desk.browser.get("/contacts/15557300108").status_code == 404
    form = {"phone_number": "+15557300108", "list_number": LIST}
    assert "has opted out" in desk.post("/contacts/add", 400, **form).text


def test_every_form_that_is_posted_has_its_token():
    folder = Path(sendrail.dashboard.__file__).with_name("templates")
    for path in folder.glob("*.html"):
        for form in re.findall(r'<form[^>]*method="post".*?</form>', path.read_text(), re.DOTALL):
            assert "ui.token()" in form or "form_token" in form, (path.name, form[:200])

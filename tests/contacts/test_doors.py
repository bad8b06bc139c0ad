"""One rule for a contact, whichever way it comes: by the API, a file, a form or a command.

Each way has its own spelling: a form has no way to give a blank, and a call none to give half an
object. What is kept of a value, and whether it is refused, is the same.
"""

import csv
import io
import json

import pytest
from dashboard_site import ME
from written import parsed

from doors import LIST, REFUSED, Doors
from sendrail.contacts.imports import ImportOptions
from sendrail.contacts.inputs import json_in
from sendrail.dashboard.journey_conditions import json_of
from sendrail.domain.audit import Action
from sendrail.domain.errors import InvalidInput, SendrailError

NAMES, SOURCES, EMAILS = ("first_name", "last_name"), ("ad_network_source",), ("email",)
# Each value that is given for fields, and what is kept of it.
VALUES = [
    *((NAMES, *each) for each in (
        ("  Ann ", "Ann"), ("\u00a0Ann\u2003", "Ann"), ("\tAnn", "Ann"), (" ", ""), ("", ""),
        ("e\u0301", "e\u0301"), ("=1+1", "=1+1"), ("x" * 100, "x" * 100), ("x" * 101, REFUSED),
        ("\U0001f600" * 100, "\U0001f600" * 100), ("a\0b", REFUSED), ("\ud83d", REFUSED),
    )),
    *((SOURCES, *each) for each in (
        (" shop ", "shop"), ("x" * 255, "x" * 255), ("x" * 256, REFUSED), ("a\0b", REFUSED),
        ("\ud83d", REFUSED),
    )),
    *((EMAILS, *each) for each in (
        (" ann@example.com ", "ann@example.com"), ("a@b@c", "a@b@c"), ("", None), ("ann", REFUSED),
        ("@b", REFUSED), ("a@", REFUSED), ("ann lee@example.com", REFUSED), ("a@b\n.c", REFUSED),
        ("a\u00a0@b", REFUSED), ("a" * 253 + "@b", REFUSED), ("a@b\0", REFUSED),
    )),
    *((("timezone",), *each) for each in (
        (" Europe/Oslo ", "Europe/Oslo"), ("", None), (" ", None), ("europe/oslo", REFUSED),
        ("Europe/Oslo\0", REFUSED),
    )),
    *((("custom_fields",), *each) for each in (
        ({" plan ": "gold"}, {"plan": "gold"}), ({"age": 41}, {"age": 41}),
        ({"age": 4.5}, {"age": 4.5}), ({"vip": True}, {"vip": True}),
        ({"p" * 101: "x"}, REFUSED), ({"plan": "a\0b"}, REFUSED), ({"plan": "\ud83d"}, REFUSED),
        ({"plan": "x" * 4_000}, REFUSED),
    )),
]  # fmt: skip


class ContactDoors(Doors):
    """The ways in for contacts, and what is kept of each."""

    def kept(self, number, field):
        """Return what is kept of a contact's field; that it was refused where there is none."""
        recipient = parsed(number)
        try:
            contact = self.do(self.runtime.contacts.show(self.us, parsed(LIST), recipient))
        except SendrailError:
            return REFUSED
        if field in {"email", "timezone"}:
            facts = self.do(
                self.runtime.store.read(lambda tx: tx.numbers.facts(self.us, [recipient]))
            )
            return getattr(facts[recipient], field)
        return getattr(contact.facts if field in SOURCES else contact, field)

    def by_api(self, number, field, value):
        body = {"phone_number": number, "list_number": LIST, field: value}
        answer = self.call("POST", "contacts", body)
        assert answer.status_code in {200, 201, 400, 413}, answer.text

    def by_file(self, number, field, value):
        text = io.StringIO()
        cell = json.dumps(value) if isinstance(value, dict) else value
        csv.writer(text).writerows([["phone_number", field], [number, cell]])

        async def chunks():
            yield text.getvalue().encode("utf-8", "surrogatepass")

        self.do(
            self.runtime.files.import_contacts(self.us, parsed(LIST), chunks(), ImportOptions(), ME)
        )

    def by_form(self, number, field, value):
        # What a browser writes of half a character.
        form = {"source" if field in SOURCES else field: value}
        self.browser.get("/contacts/add")
        answer = self.browser.post("/contacts/add", phone_number=number, list_number=LIST, **form)
        assert answer.status_code in {303, 400}, answer.text[-600:]

    def by_command(self, number, field, value):
        words = [f"--{field.replace('_', '-')}", value]
        if isinstance(value, dict):
            [(name, of)] = value.items()
            kind = {bool: "boolean", str: "text"}.get(type(of), "number")
            words = ["--field", f"{name}:{kind}={of}"]
        result = self.command("contacts", "add", LIST, number, *words)
        assert result.exit_code in {0, 2}, (result.output, result.exception)


def _has_half(value):
    text = "".join(map(str, value.values())) if isinstance(value, dict) else value
    return any(0xD800 <= ord(each) <= 0xDFFF for each in text)


WAYS = {
    ContactDoors.by_api: {*NAMES, *SOURCES, *EMAILS, "timezone", "custom_fields"},
    ContactDoors.by_file: {*NAMES, *SOURCES, *EMAILS, "timezone", "custom_fields"},
    ContactDoors.by_form: {*NAMES, *SOURCES},
    ContactDoors.by_command: {*NAMES, "timezone", "custom_fields"},
}


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    doors = ContactDoors(tmp_path_factory.mktemp("doors"))
    yield doors
    doors.close()


CASES = [
    (way, field, value, kept)
    for fields, value, kept in VALUES
    for field in fields
    for way, takes in WAYS.items()
    if field in takes and not (way is ContactDoors.by_form and _has_half(value))
]


@pytest.mark.parametrize(
    ("way", "field", "value", "kept"),
    CASES,
    ids=[f"{each[0].__name__}-{each[1]}-{ascii(each[2])[:24]}" for each in CASES],
)
def test_a_value_is_kept_alike_whichever_way_it_comes(doors, way, field, value, kept):
    number = doors.number()
    way(doors, number, field, value)
    assert doors.kept(number, field) == kept


def test_a_consent_holds_no_nul_however_deep_it_stands(doors):
    consent = {"text": "I agr\0ee", "source": "form", "at": "2026-01-31T08:00:00Z"}
    body = {"phone_number": doors.number(), "list_number": LIST, "consent": consent}
    answer = doors.call("POST", "contacts", body)
    assert answer.status_code == 400
    assert answer.json()["param"] == "consent.text"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/contacts/{number}/lists/{list_id}/leave", "note"),
        ("/journeys", "name"),
        ("/settings/words", "blocked_words"),
        ("/keys", "name"),
        ("/lists/new", "list_name"),
    ],
)
def test_no_form_takes_a_text_that_not_every_database_keeps(doors, path, field):
    number = doors.number()
    doors.do(doors.runtime.contacts.add(doors.us, parsed(LIST), parsed(number)))
    where = path.format(number=number[1:], list_id=doors.list_id)
    answer = doors.browser.post(where, list_number="+15557200009", **{field: "a\0b"})
    assert answer.status_code == 400
    assert "must not contain the NUL character" in answer.text


def test_a_form_that_changes_nothing_notes_nothing(doors):
    number = doors.number()
    fields = {"plan": "gold"}
    doors.do(
        doors.runtime.contacts.add(doors.us, parsed(LIST), parsed(number), custom_fields=fields)
    )
    path = f"/contacts/{number[1:]}/lists/{doors.list_id}"
    form = {"first_name": "", "last_name": " ", "name.0": "plan", "value.0": "gold"}

    def count():
        return len(doors.do(doors.runtime.audit.page(doors.us, action=Action.CONTACT_CHANGED)))

    before = count()
    assert doors.browser.post(path, **form).status_code == 303
    assert count() == before
    assert doors.browser.post(path, **form | {"last_name": "Lee"}).status_code == 303
    assert count() == before + 1


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("number", "1_000", REFUSED), ("number", "\u0663", REFUSED), ("number", "1e5", REFUSED),
        ("number", "9" * 40, REFUSED), ("number", "nan", REFUSED), ("number", "12.50", 12.5),
        ("number", "+7", 7), ("truth", "Ja", True), ("truth", "maybe", REFUSED),
    ],
)  # fmt: skip
def test_a_form_reads_numbers_and_yes_or_no_as_files_and_commands_do(doors, kind, text, kept):
    name = {"number": "number", "truth": "boolean"}[kind]
    for way in ("form", "command"):
        number = doors.number()
        doors.do(doors.runtime.contacts.add(doors.us, parsed(LIST), parsed(number)))
        if way == "form":
            path = f"/contacts/{number[1:]}/lists/{doors.list_id}"
            form = {"name.0": "x", "kind.0": kind, "value.0": text}
            doors.browser.post(path, first_name="", last_name="", **form)
        else:
            doors.command("contacts", "add", LIST, number, "--field", f"x:{name}={text}")
        found = doors.kept(number, "custom_fields")
        assert found == ({} if kept is REFUSED else {"x": kept}), way


NO_JSON = {
    "NaN is not valid JSON": '{"name": NaN}',
    "out of range": '{"priority": 1e999}',
    "surrogate": '{"name": "\\ud83d"}',
    "levels deep": '{"a": ' + "[" * 65 + "]" * 65 + "}",
    "line 1": '{"name"',
}


@pytest.mark.parametrize("said", NO_JSON)
def test_json_that_a_person_writes_is_read_as_that_of_a_call(doors, tmp_path, said):
    text = NO_JSON[said]
    with pytest.raises(ValueError, match=said):
        json_in(text)
    assert doors.call("POST", "journeys", text).status_code == 400
    file = tmp_path / "journey.json"
    file.write_text(text)
    result = doors.command("journeys", "draft", LIST, file)
    assert result.exit_code == 2, (result.output, result.exception)
    with pytest.raises(InvalidInput, match="This is not valid JSON"):
        json_of(text, "document")

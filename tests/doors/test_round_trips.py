"""What was accepted can be shown, edited unchanged and brought in again as it is."""

import csv
import io

import pytest
from dashboard_site import ME
from page_forms import fields_of

from doors import LIST
from sendrail.connectors.service import ConnectorCapacity
from sendrail.contacts.imports import ImportOptions
from sendrail.dashboard.cookies import ZONE

# A name in a form is followed by its value: blanks around either, and accents, are kept as rules
# say; nothing else changes because a person has looked at it.
ODD_LINK = {"key": "link1", "url_params": {" sub 1 ": " a=b&c ", "clic\u0327k": "{{click_id}}"}}
PARTS = [
    ("custom_field", {"field": 'custom_fields.a"b\\c', "operator": "eq", "value": "x\ny"}),
    ("custom_field", {"field": "custom_fields.n", "operator": "gt", "value": 1e-7}),
    ("custom_field", {"field": "custom_fields.n", "operator": "in", "value": [2**53, -0.5]}),
    ("custom_field", {"field": "custom_fields.t", "operator": "eq", "value": True}),
    ("count", {"field": "send_count", "operator": "gte", "value": 1_000}),
    ("revenue", {"field": "revenue_total", "operator": "lt", "value": 1234.5678}),
    ("time", {"field": "signup_date", "operator": "after", "value": "2026-01-31T08:00:00.001Z"}),
]  # fmt: skip


def _filter():
    conditions = [{"condition_type": kind, **more} for kind, more in PARTS]
    return {"operator": "AND", "conditions": conditions}


def _offer(_):
    return {
        "name": "Boots", "tracking_url": "https://shop.example/", "payout": 12.3456,
        "click_window_days": 30, "external_id": "a\u202eb",
        # The second 02:30 of that night in Oslo.
        "expires_at": "2098-10-26T01:30:00.123Z",
        "metadata": {"a b": "x\ny", " k ": " v "},
    }  # fmt: skip


def _creative(offer):
    link = ODD_LINK | {"offer_id": offer}
    return {"name": "Boots", "message": "\n See {{link1}} \n", "offer_links": [link]}


def _campaign(offer, audience):
    return {
        "name": "Sale", "send_type": "blast", "is_repeating": False, "send_time": "10:00",
        "send_date": "2098-10-03", "audiences": [audience], "ir_revenue": 0.0001,
        "blasts": [{"message": "\n See {{link1}} ", "offer_links": [ODD_LINK | {"offer_id": offer}],
                    "variant_name": "e\u0301"}],
    }  # fmt: skip


@pytest.mark.parametrize("of", ["offer", "creative", "audience", "campaign"])
def test_a_form_that_nothing_is_typed_into_changes_nothing(doors, of):
    resource = doors.resources[of]
    boots = doors.resources["offer"].made(doors)
    audience = doors.resources["audience"].made(doors)
    body = {
        "offer": lambda: _offer(boots),
        "creative": lambda: _creative(boots),
        "audience": lambda: {"name": "All", "description": "x\ny", "filter": _filter()},
        "campaign": lambda: _campaign(boots, audience),
    }[of]()
    made = doors.call("POST", resource.path, body)
    assert made.status_code == 200, made.text
    place = f"{resource.path}/{resource.wrap(made.json())['id']}"
    before = doors.call("GET", place).json()
    doors.browser.client.cookies.set(ZONE, "Europe/Oslo")
    path = f"{resource.form}/{resource.wrap(made.json())['id']}/edit"
    answer = doors.form(path, **fields_of(doors.browser.page(path)))
    assert answer.status_code == 303, answer.text[-800:]
    after = doors.call("GET", place).json()
    for found in (before, after):
        found.pop("updated_at")
    assert after == before


def test_the_limits_of_a_connector_stay_as_they_are_in_its_form(doors):
    limits = ConnectorCapacity(mps=12_345.678, segments_per_second=0.0001)
    connectors = doors.runtime.connectors
    doors.do(connectors.add(doors.us, "simulator", "slow", {}, limits, own=True))
    path = "/connectors/slow/edit"
    doors.browser.get("/connectors")
    fields = fields_of(doors.browser.page(path))
    assert (fields["mps"], fields["segments_per_second"]) == ("12345.678", "0.0001")


def test_a_phrase_on_two_lines_stays_one_blocked_word(doors):
    doors.call("PUT", "account", {"blocked_words": [" free\nmoney "], "stop_words": ["no\tmore"]})
    fields = fields_of(doors.browser.page("/settings"))
    answer = doors.form(
        "/settings/words", blocked_words=fields["blocked_words"], stop_words=fields["stop_words"]
    )
    assert answer.status_code == 303
    found = doors.call("GET", "account").json()
    assert (found["blocked_words"], found["stop_words"]) == (["free money"], ["no more"])


async def _pieces(text):
    yield text.encode()


async def _text(pieces):
    return "".join([each.decode() async for each in pieces])


def test_blocked_numbers_come_in_again_with_their_notes(doors):
    notes = ["asked by phone", "=1+1", 'said "stop", twice', "e\u0301", ""]
    numbers = {doors.number(): note for note in notes}
    for number, note in numbers.items():
        assert doors.call("POST", "blocks", {"phone_number": number, "note": note}).is_success
    files = doors.runtime.files

    async def exported():
        return await _text(await files.export_blocks(doors.us, ME))

    text = doors.do(exported())
    for number in numbers:
        doors.call("DELETE", "blocks", {"phone_number": number})
    options = ImportOptions()
    doors.do(files.import_blocks(doors.us, _pieces(text), options, ME, note="of the file"))
    kept = doors.do(doors.runtime.blocks.page(doors.us)).blocks
    known = {f"+{each.recipient}": each.note for each in kept}
    found = {number: known.get(number) for number in numbers}
    assert found == {number: note or "of the file" for number, note in numbers.items()}
    assert doors.do(exported()).count("of the file") == 1


def test_a_row_with_a_note_that_is_too_long_is_refused_alone(doors):
    text = io.StringIO()
    long, short = doors.number(), doors.number()
    csv.writer(text).writerows([["phone_number", "note"], [long, "x" * 201], [short, "x" * 200]])
    files = doors.runtime.files
    report = doors.do(files.import_blocks(doors.us, _pieces(text.getvalue()), ImportOptions(), ME))
    assert report.refused == 1
    kept = {f"+{each.recipient}" for each in doors.do(doors.runtime.blocks.page(doors.us)).blocks}
    assert short in kept
    assert long not in kept


def test_a_list_that_is_deleted_is_no_list_of_an_endpoint(doors):
    number = doors.number()
    made = doors.call("POST", "lists", {"phone_number": number, "connector": "sandbox"}).json()[
        "id"
    ]
    assert doors.call("DELETE", f"lists/{made}").is_success
    for words in (["add", "https://x.example/"], ["change", "1"]):
        result = doors.command("webhooks", *words, "--list", number, "--json")
        assert result.exit_code, result.output
    result = doors.command("webhooks", "add", "https://x.example/", "--list", LIST, "--json")
    assert result.exit_code == 0, result.output


def test_a_name_in_a_file_of_a_journey_is_a_text(doors, tmp_path):
    file = tmp_path / "journey.json"
    for text in ('{"name": 5}', '{"name": ["x"]}', '{"name": "a\\u0000b"}', '{"name": "\\ud83d"}'):
        file.write_text(text)
        assert doors.command("journeys", "draft", LIST, file).exit_code == 2
        called = text.replace("{", f'{{"list_number": "{LIST}", ', 1)
        assert doors.call("POST", "journeys", called).status_code == 400


def test_a_field_of_any_name_can_be_asked_for(doors):
    for name in ('a"b', "a\\b", "a\tb", "a.b", "e\u0301", "$[0]"):
        known = {"phone_number": doors.number(), "list_number": LIST, "custom_fields": {name: 5}}
        assert doors.call("POST", "contacts", known).is_success
        for operator, value, found in (("eq", 5, 1), ("eq", "5", 0), ("gt", 4, 1)):
            part = {"condition_type": "custom_field", "field": f"custom_fields.{name}"}
            asked = part | {"operator": operator, "value": value}
            body = {"filter": {"operator": "AND", "conditions": [asked]}}
            answer = doors.call("POST", "audiences/preview", body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["size"] == found, (name, operator, value)

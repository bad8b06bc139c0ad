"""Files over HTTP: brought in while they come, written out as they are read, once and only once."""

import csv
import io
import re
import time

import pytest
from written import parsed

from sendrail.domain.audit import Action

COLUMNS = "phone_number,first_name,consent_date"


@pytest.fixture
def sender(door):
    """Return a list of the test's own."""
    return door.new_list(door.recipient())


def put(door, path, content, params=None, **headers):
    content = content.encode() if isinstance(content, str) else content
    given = door.headers(content_type="text/csv") | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    given = {name: value for name, value in given.items() if value is not None}
    url = f"/api/v2/{path}"
    return door.client.post(url, content=content, params=params, headers=given)


def bring_in(door, sender, content, *, dry_run="false", headers=None, **params):
    given = {"list_number": sender, "dry_run": dry_run} | params
    return put(door, "contacts/import", content, given, **(headers or {}))


def export(door, sender, **params):
    answer = door.get("contacts/export", params={"list_number": sender, **params})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    return [row | {"phone_number": re.sub(r"[^+0-9]", "", row["phone_number"])} for row in rows]


def code_of(answer):
    return answer.status_code, answer.json()["code"]


def test_columns_go_into_custom_fields(door, sender):
    number = door.recipient()
    content = f"phone,plan,Shoe size\n{number},pro,9\n"
    told = bring_in(
        door, sender, content, fields="plan,Shoe size=size:number", dry_run="true"
    ).json()
    assert told["columns"] == [
        {"column": "phone", "becomes": "phone_number"},
        {"column": "plan", "becomes": "custom_fields.plan", "type": "text"},
        {"column": "shoe size", "becomes": "custom_fields.size", "type": "number"},
    ]
    assert told["ignored_columns"] == []
    assert bring_in(door, sender, content, fields="plan").json()["ignored_columns"] == ["shoe size"]
    found = door.get("contacts", params={"list_number": sender}).json()["contacts"]
    assert [each["custom_fields"] for each in found] == [{"plan": "pro"}]
    typed = bring_in(door, sender, content, fields="Shoe size=size:number,plan:boolean").json()
    assert [each["reason"] for each in typed["errors"]] == [
        "plan is neither a yes nor a no; write true or false"
    ]
    assert bring_in(door, sender, content, fields="Shoe size=size:number").json()["merged"] == 1
    found = door.get("contacts", params={"list_number": sender}).json()["contacts"]
    assert [each["custom_fields"] for each in found] == [{"plan": "pro", "size": 9}]
    odd = bring_in(door, sender, content, fields="plan:sizes")
    assert code_of(odd) == (400, "invalid_parameter")
    assert code_of(bring_in(door, sender, content, fields="nothing")) == (400, "missing_column")
    assert code_of(bring_in(door, sender, content, fields="plan=")) == (400, "invalid_parameter")


def test_a_file_is_only_judged_unless_told_otherwise(door, sender):
    who = door.recipient()
    content = f"{COLUMNS}\n{who},Ada,01/31/2026\nnobody,Bob,\n"
    for params in ({}, {"dry_run": "true"}, {"dryRun": "true"}):
        answer = put(door, "contacts/import", content, {"list_number": sender, **params})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["success"], told["dry_run"], told["rows"], told["created"]) == (
            True, True, 2, 1,
        )  # fmt: skip
        assert told["refused"] == 1
        assert [each["row"] for each in told["errors"]] == [3]
        assert export(door, sender) == []
    answer = put(door, "contacts/import", content, {"list_number": sender, "dryRun": "false"})
    assert (answer.json()["dry_run"], answer.json()["created"]) == (False, 1)
    [row] = export(door, sender)
    assert (row["phone_number"], row["first_name"]) == (who, "Ada")
    assert row["consent_date"] == "2026-01-31T00:00:00.000Z"


def test_a_report_is_a_file_of_what_was_not_taken(door, sender):
    out = door.recipient()
    door.do(door.runtime.contacts.remove(door.us, parsed(sender), parsed(out), source="test"))
    answer = bring_in(door, sender, f"phone,color\n{out},=red\nnobody,blue\n", report="csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.csv"'
    text = answer.content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["row", "reason", "line"],
        ["2", "opted out; only their own START brings them back", f"'{out},'=red"],
        ["3", "not a phone number, such as +15550100000", "nobody,blue"],
    ]


def test_a_file_of_many_batches_comes_in_pieces(door, sender):
    def pieces():
        yield b"phone\n"
        for n in range(3_000):
            yield b"+1557020%04d\n" % n

    answer = door.client.post(
        "/api/v2/contacts/import",
        content=pieces(),
        params={"list_number": sender, "dry_run": "false"},
        headers=door.headers(content_type="text/csv; charset=utf-8"),
    )
    assert answer.json()["created"] == 3_000
    assert len(export(door, sender)) == 3_000


def test_what_is_written_out_comes_in_again(door, sender):
    bring_in(door, sender, f"{COLUMNS}\n{door.recipient()},=1+1,2026-01-31\n")
    there = door.get("contacts/export", params={"list_number": sender}).content
    assert there.startswith(b'\xef\xbb\xbf"phone_number","email",')
    assert b'","\'=1+1","' in there
    other = door.new_list(door.recipient())
    assert bring_in(door, other, there).json()["added"] == 1
    # Meanwhile the server may have looked the number up.
    [before], [after] = export(door, sender), export(door, other)
    found = {"carrier", "line_type", "timezone"}
    assert {name: before[name] for name in before.keys() - found} == {
        name: after[name] for name in after.keys() - found
    }


def test_blocks_are_stored_unless_told_otherwise(door):
    who = door.recipient()
    content = f"msisdn\n{who}\n{who}\n"
    tried = put(door, "blocks/import", content, {"dry_run": "true"}).json()
    done = put(door, "blocks/import", content, {"note": "old system"}).json()
    assert (tried["created"], tried["already_there"]) == (1, 1)
    assert (done["dry_run"], done["created"], done["already_there"]) == (False, 1, 1)
    answer = door.get("blocks/export")
    assert f'"(+1) {who[2:]}","old system",' in answer.text
    assert put(door, "blocks/import", answer.content).json()["refused"] == 0
    assert code_of(door.post("send-raw", door.order(to=who))) == (400, "contact_blocked")


def test_a_number_without_a_plus_is_of_the_country_that_is_named(door, sender):
    content = "phone\n4791234567\n"
    [refused] = bring_in(door, sender, content).json()["errors"]
    assert refused["row"] == 2
    assert "`country`" in refused["reason"]
    assert bring_in(door, sender, content, country="no").json()["created"] == 1
    assert [row["phone_number"] for row in export(door, sender)] == ["+4791234567"]
    tried = put(door, "blocks/import", content, {"dry_run": "true", "country": "NO"}).json()
    assert tried["created"] == 1


def test_a_number_that_no_plan_knows_is_refused_by_its_row_and_accepted_alone(door, sender):
    unknown = "+4407700900123"
    [refused] = bring_in(door, sender, f"phone\n{unknown}\n").json()["errors"]
    assert refused["reason"].startswith("not_sendable: ")
    assert door.post("send-raw", door.order(to=unknown)).status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        ("phone\n".encode("utf-16"), "invalid_csv"),
        (b"name\n", "missing_column"),
        (b"phone,Opted out,opted_out\n+15550100001,,yes\n", "duplicate_column"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(door, sender, content, code):
    assert code_of(bring_in(door, sender, content)) == (400, code)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"list_number": ""}, "missing_list_number"),
        ({"list_number": "7"}, "invalid_list_number"),
        ({"list_number": "+15550002999"}, "list_not_found"),
        ({"dry_run": "maybe"}, "invalid_parameter"),
        ({"report": "xlsx"}, "invalid_parameter"),
        ({"country": "Norway"}, "invalid_country"),
        ({"country": "UK"}, "invalid_country"),
    ],
)
def test_a_parameter_at_fault_is_told_by_its_code(door, sender, params, code):
    given = {"list_number": sender} | params
    assert code_of(put(door, "contacts/import", b"phone\n", given)) == (400, code)


def test_the_answer_is_heard_where_the_whole_file_is_still_to_come(door):
    content = b"name\n" + b"x" * 3_000_000
    answer = put(door, "contacts/import", content, {"list_number": door.list_number})
    assert code_of(answer) == (400, "missing_column")


def test_only_csv_is_a_file(door, sender):
    answer = bring_in(door, sender, b"{}", headers={"content_type": "application/json"})
    assert code_of(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["contacts/import", "blocks/import"])
def test_a_file_past_the_limit_is_refused_before_it_comes(door, path):
    limit = door.runtime.settings.import_bytes_max
    with door.wire() as wire:
        head = wire.request(
            line=f"POST /api/v2/{path}?list_number=%2B15550001000 HTTP/1.1",
            length=False,
            content_type="text/csv",
            content_length=str(limit + 1),
        )
        status, headers, body = wire.send(head).answer()
    assert (status, headers["connection"]) == (413, "close")
    assert body["code"] == "payload_too_large"


def test_a_file_of_no_told_length_is_read_to_the_limit_and_no_further(door):
    limit = door.runtime.settings.import_bytes_max
    with door.wire() as wire:
        head = wire.request(
            line="POST /api/v2/blocks/import?dry_run=true HTTP/1.1",
            length=False,
            content_type="text/csv",
            transfer_encoding="chunked",
        )
        # The chunk goes on for ever; what is sent of it is one byte too many.
        wire.send(head, f"{2 * limit:x}\r\n", b"phone\n" + b"x" * (limit - 5))
        status, headers, body = wire.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert body["code"] == "payload_too_large"


def test_a_key_makes_an_import_count_once(door, sender):
    first, second = (f"phone\n{door.recipient()}\n" for _ in range(2))
    key = {"idempotency_key": f"import-{sender}"}
    told = bring_in(door, sender, first, headers=key)
    again = bring_in(door, sender, first, headers=key)
    assert again.json() == told.json()
    assert again.json()["created"] == 1
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in told.headers
    for other in (
        bring_in(door, sender, second, headers=key),
        bring_in(door, sender, first, headers=key, dry_run="true"),
    ):
        assert code_of(other) == (422, "idempotency_key_reused")
    refused = bring_in(door, sender, first, headers=key, report="csv")
    assert code_of(refused) == (400, "invalid_idempotency_key")
    too_long = {"idempotency_key": "x" * 256}
    assert code_of(bring_in(door, sender, first, headers=too_long)) == (
        400, "invalid_idempotency_key",
    )  # fmt: skip


def test_an_erased_person_is_gone_and_stays_out(door, sender):
    who = door.recipient()
    bring_in(door, sender, f"phone\n{who}\n")
    message = door.send(to=who, list_number=sender, body="Something private")
    deadline = time.monotonic() + 60
    while door.get(f"messages/{message}").json()["status"] != "delivered":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    answer = door.post("contacts/erase", {"phone_number": who})
    assert answer.json() == {
        "success": True, "lists": 1, "consent_events": 0, "blocks": 0, "messages": 1,
        "replies": 0, "callbacks": 0,
    }  # fmt: skip
    shown = door.get(f"messages/{message}").json()
    assert (shown["to"], shown["body"], shown["metadata"]) == (None, "", None)
    assert shown["status"] == "delivered"
    order = door.order(to=who, list_number=sender)
    assert code_of(door.post("send-raw", order)) == (400, "contact_unsubscribed")
    assert bring_in(door, sender, f"phone\n{who}\n").json()["opted_out"] == 1
    added = door.post("contacts", {"phone_number": who, "list_number": sender}).json()
    [warning] = added["warnings"]
    assert "opted out" in warning
    assert export(door, sender) == []


def test_an_erasure_counts_once_for_a_key(door):
    who = door.recipient()
    door.do(door.runtime.blocks.add(door.us, parsed(who)))
    first, again = (
        door.post("contacts/erase", {"phone_number": who}, idempotency_key=f"erase-{who}")
        for _ in range(2)
    )
    assert first.json()["blocks"] == 1
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_what_another_account_has_is_not_there(door, sender):
    who = door.recipient()
    bring_in(door, sender, f"phone\n{who}\n")
    theirs = {"x_api_key": door.their_key}
    unknown = door.get("contacts/export", params={"list_number": door.unknown}, **theirs)
    others = door.get("contacts/export", params={"list_number": sender}, **theirs)
    assert code_of(others) == code_of(unknown) == (400, "list_not_found")
    answer = bring_in(door, sender, f"phone\n{who}\n", headers=theirs)
    assert code_of(answer) == (400, "list_not_found")
    erased = door.post("contacts/erase", {"phone_number": who}, **theirs).json()
    assert erased["lists"] == erased["messages"] == 0
    assert [row["phone_number"] for row in export(door, sender)] == [who]


@pytest.mark.parametrize("path", ["contacts/import", "blocks/import"])
@pytest.mark.parametrize(
    ("key", "code"), [(None, "missing_api_key"), ("trk_" + "0" * 32, "invalid_api_key")]
)
def test_a_file_of_a_stranger_is_not_read(door, path, key, code):
    answer = put(door, path, b"phone\n+15550100001\n", x_api_key=key)
    assert code_of(answer) == (401, code)


def test_who_did_it_is_noted_with_the_request(door, sender):
    answer = bring_in(
        door,
        sender,
        f"phone\n{door.recipient()}\n",
        headers={"x_request_id": f"import-{sender[1:]}"},
    )
    assert answer.status_code == 200
    entries = door.do(
        door.runtime.audit.page(door.us, action=Action.CONTACTS_IMPORTED, per_page=50)
    )
    [entry] = [each for each in entries if each.about == f"list {sender}"]
    assert entry.actor == f"key {door.key[:10]}"
    assert entry.request_id == f"import-{sender[1:]}"

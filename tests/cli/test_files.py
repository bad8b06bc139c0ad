"""Files at the command line, a person's data deleted, and the audit log of both."""

import csv
import errno
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
import typer

from sendrail.cli.exported import export_file
from sendrail.cli.output import choose_json, exit_on_error
from sendrail.cli.session import choose_data_dir
from sendrail.sandbox import sandbox_number

SANDBOX = sandbox_number()
ANN, BEN = "+15550100001", "+15550100002"


@pytest.fixture
def contacts(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text(f"phone,first_name,color\n{ANN},Ann,red\nnobody,,\n{BEN},=Ben,\n")
    return str(path)


def brought_in(shell, contacts):
    return shell.json("contacts", "import", SANDBOX, contacts, "--no-dry-run", code=1)


def test_an_import_reports_rows_and_fails_when_some_were_refused(shell, contacts):
    report = {
        "dry_run": False, "rows": 3, "created": 2, "added": 0, "merged": 0, "opted_out": 0,
        "blocked": 0, "refused": 1, "ignored_columns": ["color"],
        "columns": [
            {"column": "phone", "becomes": "phone_number"},
            {"column": "first_name", "becomes": "first_name"},
        ],
        "reasons": [{"row": 3, "reason": "not a phone number, such as +15550100000"}],
    }  # fmt: skip
    tried = shell.json("contacts", "import", SANDBOX, contacts, code=1)
    assert tried == report | {"dry_run": True}
    assert shell.json("contacts", "list", SANDBOX)["contacts"] == []
    assert brought_in(shell, contacts) == report
    listed = shell.json("contacts", "list", SANDBOX)["contacts"]
    assert {each["first_name"] for each in listed} == {"Ann", "=Ben"}


def test_a_column_goes_into_a_custom_field(shell, contacts):
    words = ("contacts", "import", SANDBOX, contacts, "--field", "color=paint")
    result = shell.run(*words)
    assert "Custom fields: color into custom_fields.paint (text).\n" in result.stderr
    shell.json(*words, "--no-dry-run", code=1)
    listed = shell.json("contacts", "list", SANDBOX)["contacts"]
    assert [each["custom_fields"] for each in listed if each["first_name"] == "Ann"] == [
        {"paint": "red"}
    ]
    number = ("contacts", "import", SANDBOX, contacts, "--field", "color:number")
    report = shell.json(*number, code=1)
    assert report["columns"][-1] == {
        "column": "color", "becomes": "custom_fields.color", "type": "number",
    }  # fmt: skip
    assert [each["reason"][:18] for each in report["reasons"]] == [
        "color is no number", "not a phone number",
    ]  # fmt: skip
    assert shell.error(*words, "--field", "x:y") == (2, "invalid_parameter")
    assert shell.error(*words, "--field", "x=") == (2, "invalid_parameter")


def test_an_import_in_words(shell, contacts):
    counts = "2 created, 0 added, 0 merged, 0 opted out, 0 blocked, 1 refused\n"
    refused = "row 3: not a phone number, such as +15550100000\nIgnored columns: color.\n"
    result = shell.run("contacts", "import", SANDBOX, contacts)
    assert (result.exit_code, result.stdout) == (1, counts)
    hint = "Nothing was stored. To import the file, add --no-dry-run.\n"
    assert result.stderr == refused + hint
    result = shell.run("contacts", "import", SANDBOX, contacts, "--no-dry-run")
    assert (result.stdout, result.stderr) == (counts, refused)


def test_a_report_has_each_row_that_was_not_taken(shell, contacts, tmp_path):
    shell.json("contacts", "remove", SANDBOX, BEN)
    report = tmp_path / "report.csv"
    shell.json("contacts", "import", SANDBOX, contacts, "--report", str(report), code=1)
    with report.open(newline="", encoding="utf-8-sig") as file:
        assert list(csv.reader(file)) == [
            ["row", "reason", "line"],
            ["3", "not a phone number, such as +15550100000", "nobody,,"],
            ["4", "opted out; only their own START brings them back", f"'{BEN},'=Ben,"],
        ]


def test_an_import_reads_standard_input(shell):
    words = ("contacts", "import", SANDBOX, "-", "--no-dry-run")
    report = shell.json(*words, stdin=f"phone\n{ANN}\n".encode())
    assert report["created"] == 1


def test_a_file_that_is_not_there_is_an_error(shell):
    assert shell.error("contacts", "import", SANDBOX, "missing.csv") == (1, "os_error")


def test_a_file_without_the_column_is_an_error(shell, tmp_path):
    path = tmp_path / "wrong.csv"
    path.write_text("name\nAnn\n")
    assert shell.error("contacts", "import", SANDBOX, str(path)) == (2, "missing_column")


def test_contacts_are_written_to_a_file_of_the_users_own(shell, contacts, tmp_path):
    brought_in(shell, contacts)
    path = tmp_path / "out.csv"
    assert shell.run("contacts", "export", SANDBOX, str(path)).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.glob("*.part")) == []
    printed = shell.run("contacts", "export", SANDBOX, "-").stdout
    assert printed.encode() == path.read_bytes().replace(b"\r\n", b"\n") or printed
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["phone_number"], row["first_name"]) for row in rows] == [
        (f"(+1) {ANN[2:]}", "Ann"),
        (f"(+1) {BEN[2:]}", "'=Ben"),
    ]
    again = shell.json("contacts", "import", SANDBOX, str(path), "--no-dry-run")
    assert (again["merged"], again["refused"]) == (2, 0)
    shell.json("contacts", "remove", SANDBOX, ANN)
    left = shell.run("contacts", "export", SANDBOX, "-", "--with-left").stdout
    assert "false" in left
    assert "false" not in shell.run("contacts", "export", SANDBOX, "-").stdout


def test_a_files_country_is_told_or_the_accounts(shell, tmp_path):
    path = tmp_path / "norwegian.csv"
    path.write_text("Mobil;Navn\n4791234567;Kari\n912 34 567;Kari\n+15550100001;Ann\n")
    refused = shell.json("contacts", "import", SANDBOX, str(path), code=1)
    assert [each["row"] for each in refused["reasons"]] == [2, 3]
    told = shell.json("contacts", "import", SANDBOX, str(path), "--country", "NO")
    assert (told["created"], told["merged"]) == (2, 1)
    assert shell.json("contacts", "country") == {"country": None}
    assert shell.json("contacts", "country", "--set", "no") == {"country": "NO"}
    assert shell.run("contacts", "country").stdout == "NO\n"
    assert shell.json("contacts", "import", SANDBOX, str(path)) == told
    assert shell.json("blocks", "import", str(path), "--dry-run")["created"] == 2
    # What is told of a file goes before what the account has set.
    american = shell.json("blocks", "import", str(path), "--dry-run", "--country", "US", code=1)
    assert [each["row"] for each in american["reasons"]] == [3]
    assert shell.json("contacts", "country", "--set", "") == {"country": None}
    assert shell.error("contacts", "country", "--set", "UK") == (2, "invalid_country")
    assert shell.error("contacts", "import", SANDBOX, str(path), "--country", "NOR") == (
        2,
        "invalid_country",
    )


def test_lists_of_a_file_have_numbers_of_its_country(shell, tmp_path):
    path = tmp_path / "lists.csv"
    path.write_text("number,name\n912 34 567,Oslo\n")
    assert shell.json("lists", "import", str(path), code=1)["refused"] == 1
    assert shell.json("lists", "import", str(path), "--country", "NO")["created"] == 1
    assert "+4791234567" in str(shell.json("lists", "list"))


def test_an_export_of_no_list_leaves_no_file(shell, tmp_path):
    path = tmp_path / "out.csv"
    result = shell.run("contacts", "export", "+15550109999", str(path))
    assert result.exit_code == 1
    assert "list_not_found" in result.stderr
    assert list(tmp_path.glob("out*")) == []


def test_what_a_killed_export_left_is_named_and_made_anew(shell, contacts, tmp_path):
    brought_in(shell, contacts)
    path, left = tmp_path / "out.csv", tmp_path / "out.csv.part"
    left.touch(0o644)
    result = shell.run("contacts", "export", SANDBOX, str(path))
    assert result.exit_code == 0
    assert f"{left} was left by an export that was cut off" in result.stderr
    assert not left.exists()
    # Also where the file that was left was open to others.
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def in_a_thread(work):
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()


def export(data, path, work):
    choose_data_dir(data)
    choose_json(False)
    with exit_on_error():
        export_file(path, work)


def exporting(meanwhile):
    """Return the work of an export of one line, which lets something happen before it ends."""

    async def chunks():
        yield b"phone_number\r\n"
        meanwhile()

    async def begin(_):
        return chunks()

    return begin


def test_two_exports_to_one_file_are_not_mixed(data, shell, contacts, tmp_path, capsys):
    brought_in(shell, contacts)
    path = tmp_path / "out.csv"
    codes = []

    def another():
        with pytest.raises(typer.Exit) as caught:
            export(data, path, exporting(lambda: None))
        codes.append(caught.value.exit_code)

    # Another process would see the same: the lock belongs to the opened file.
    export(data, path, exporting(lambda: in_a_thread(another)))
    said = capsys.readouterr().err
    assert codes == [1]
    assert f"Another export is writing {path}.part. Wait until it has ended" in said
    assert "(export_running)" in said
    assert "cut off" not in said
    assert path.read_bytes() == b"phone_number\r\n"
    assert list(tmp_path.glob("out*")) == [path]


def test_an_export_writes_to_no_file_that_it_did_not_make(data, tmp_path):
    path, left, other = tmp_path / "out.csv", tmp_path / "out.csv.part", tmp_path / "other"
    other.write_text("mine")
    for make in (left.symlink_to, left.hardlink_to):
        make(other)
        export(data, path, exporting(lambda: None))
        assert other.read_text() == "mine"
        assert path.read_bytes() == b"phone_number\r\n"
        assert not path.is_symlink()
        assert list(tmp_path.glob("*.part")) == []


def test_an_export_that_breaks_off_leaves_no_file(data, tmp_path):
    path = tmp_path / "out.csv"

    async def broken():
        yield b"phone_number\r\n"
        raise OSError(errno.ENOSPC, "No space left on device")

    async def begin(_):
        return broken()

    with pytest.raises(typer.Exit):
        export(data, path, begin)
    assert list(tmp_path.glob("out*")) == []


def test_blocks_come_and_go_by_file(shell, contacts, tmp_path):
    tried = shell.json("blocks", "import", contacts, "--dry-run", code=1)
    assert (tried["dry_run"], tried["created"]) == (True, 2)
    assert shell.json("blocks", "list")["blocks"] == []
    assert shell.json("blocks", "import", contacts, "--note", "old", code=1)["created"] == 2
    path = tmp_path / "out.csv"
    assert shell.run("blocks", "export", str(path)).exit_code == 0
    assert shell.error("blocks", "export", str(tmp_path / "none" / "out.csv")) == (1, "os_error")
    written = {"file": str(path), "bytes": path.stat().st_size}
    assert shell.json("blocks", "export", str(path)) == written
    assert shell.json("blocks", "import", str(path))["already_there"] == 2


def test_a_person_is_erased_only_when_it_is_meant(shell, contacts):
    brought_in(shell, contacts)
    refused = shell.run("contacts", "erase", ANN, stdin=b"n\n")
    assert refused.exit_code == 1
    assert len(shell.json("contacts", "list", SANDBOX)["contacts"]) == 2
    report = shell.json("contacts", "erase", ANN, "--yes")
    assert report == {
        "lists": 1, "consent_events": 0, "blocks": 0, "messages": 0, "replies": 0, "callbacks": 0,
    }  # fmt: skip
    assert shell.error("contacts", "show", SANDBOX, ANN) == (1, "contact_not_found")
    assert shell.error("send", ANN, "hi") == (1, "contact_unsubscribed")
    assert shell.error("contacts", "add", SANDBOX, ANN) == (1, "contact_unsubscribed")
    assert brought_in(shell, contacts)["opted_out"] == 1


def test_messages_of_who_was_erased_are_shown_without_them(shell):
    message = shell.json("send", ANN, "Something private")["message_id"]
    shell.json("contacts", "erase", ANN, "--yes")
    shown = shell.json("messages", "show", message)
    assert (shown["to"], shown["body"]) == (None, "")
    assert shell.run("messages", "list").exit_code == 0


def test_what_was_done_is_told_newest_first(shell, contacts):
    brought_in(shell, contacts)
    shell.run("contacts", "export", SANDBOX, "-")
    shell.json("contacts", "erase", ANN, "--yes")
    # Those of the first start are not the operator's.
    entries = [each for each in shell.json("audit")["entries"] if each["actor"] != "sendrail"]
    assert [each["action"] for each in entries] == [
        "contacts.erased", "contacts.exported", "contacts.imported", "import.begun",
    ]  # fmt: skip
    assert all(each["actor"].startswith("command line: ") for each in entries)
    assert ANN not in str(entries)
    [exported] = shell.json("audit", "--action", "contacts.exported")["entries"]
    assert exported["details"] == {"with_left": False, "contacts": 2}
    assert shell.error("audit", "--action", "nothing") == (2, "invalid_field")
    assert "contacts.erased" in shell.run("audit", "--per-page", "1").stdout

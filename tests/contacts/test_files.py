"""Files of contacts and blocked numbers: what becomes of each row, and that they come back.

That a dry run says the same is told in `test_dry_runs.py`.
"""

import csv
import io
import itertools
import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written import parsed

from sendrail.contacts import files
from sendrail.contacts.import_log import ImportLog
from sendrail.contacts.imports import ImportOptions, ImportReport, RowOutcome
from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import InvalidInput, NotFound, StorageUnavailable

ME = Actor(name="a test")
LIST, OTHER, THEIRS = "+15550100000", "+15550100010", "+15550100020"
ANN, BEN, CID, DAN = (f"+1555010000{n}" for n in range(1, 5))


@pytest.fixture
def us(house):
    for number in (LIST, OTHER):
        house.do(house.lists.add(house.us, parsed(number)))
    house.do(house.lists.add(house.them, parsed(THEIRS)))
    return house.us


def rows_of(content):
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    return [row | {"phone_number": plain(row["phone_number"])} for row in rows]


def plain(shown):
    """Return the E.164 form of a number as exports write it."""
    assert re.fullmatch(r"\(\+[0-9]{1,3}\) [0-9]+", shown)
    return re.sub(r"[^+0-9]", "", shown)


def told(report):
    return {outcome.value: count for outcome, count in report.counts.items() if count}


def leave(house, number=ANN, from_list=LIST):
    house.do(house.contacts.remove(house.us, parsed(from_list), parsed(number), source="test"))


def test_each_row_is_told_what_becomes_of_it(house, us):
    house.do(house.contacts.add(us, parsed(LIST), parsed(ANN), first_name="Ann"))
    house.do(house.contacts.add(us, parsed(OTHER), parsed(BEN)))
    leave(house, CID)
    house.do(house.blocks.add(us, parsed(DAN)))
    content = f"phone,first_name\n{ANN},Anna\n{BEN},Ben\n{CID},Cid\n{DAN},Dan\n+15550200001,Eve\n"
    content += "+1 555 020-0001,Eva\nnobody,\n"
    report = house.import_contacts(LIST, content.encode())
    assert told(report) == {
        "created": 1, "added": 1, "merged": 2, "opted_out": 1, "blocked": 1,
    }  # fmt: skip
    assert [(each.row, each.text) for each in report.reasons] == [(8, "nobody,")]
    shown = {row["phone_number"]: row["first_name"] for row in rows_of(house.export_contacts(LIST))}
    assert shown == {ANN: "Anna", BEN: "Ben", "+15550200001": "Eva"}
    assert not house.do(house.contacts.show(us, parsed(LIST), parsed(CID))).active


@pytest.mark.usefixtures("us")
def test_an_import_can_be_repeated(house):
    content = b"phone\n" + b"".join(b"+1555020%04d\n" % n for n in range(1_100))
    assert told(house.import_contacts(LIST, content)) == {"created": 1_100}
    first = house.export_contacts(LIST)
    house.now += 5_000
    assert told(house.import_contacts(LIST, content)) == {"merged": 1_100}
    assert house.export_contacts(LIST) == first


@pytest.mark.parametrize("file", ["phone\n{}\n", "phone,active\n{},true\n"])
def test_nobody_who_opted_out_is_brought_back_by_any_file(house, us, file):
    house.do(house.contacts.add(us, parsed(LIST), parsed(ANN)))
    leave(house)
    assert told(house.import_contacts(LIST, file.format(ANN).encode())) == {"opted_out": 1}
    assert not house.do(house.contacts.show(us, parsed(LIST), parsed(ANN))).active


@pytest.mark.usefixtures("us")
def test_a_file_that_says_who_has_left_subscribes_none_of_them(house):
    content = f"phone,active\n{ANN},false\n{BEN},TRUE\n{CID},No\n".encode()
    assert told(house.import_contacts(LIST, content)) == {"created": 1, "opted_out": 2}
    assert [row["phone_number"] for row in rows_of(house.export_contacts(LIST))] == [BEN]


MEANINGS = [
    *((word, True) for word in (
        "", " ", "true", "TRUE", "Yes", "y", "1", "1.0", "active", "Subscribed", "opted-in",
        "Opted In", "WAHR", "ja", "VRAI", "Oui", "VERDADERO", "S\u00ed", "SI\u0301", "VERO",
        "VERDADEIRO", "Waar", "SANN", "Kyll\u00e4", "PRAWDA", "tak", "DO\u011eRU", "evet", "\u662f",
        "\u2713", "\uff34\uff32\uff35\uff25",
    )),
    *((word, False) for word in (
        "false", "FALSE", "No", "N", "0", "0.0", "off", "Inactive", "unsubscribed", "UNSUBSCRIBE",
        "opt-out", "Opted Out", "opted_out", "stop", "removed", "left", "dnc", "Do not text",
        "FALSCH", "nein", "FAUX", "Non", "d\u00e9sabonn\u00e9", "FALSO", "N\u00e3o", "ONWAAR",
        "nee", "USANN", "Nej", "FA\u0141SZ", "nie", "YANLI\u015e", "hay\u0131r", "\u5426",
        "\u2717",
    )),
    *((word, None) for word in (
        "maybe", "?", "-", "n/a", "null", "2", "x", "!active", "active?", "not yet", "pending",
        "2026-01-31", "+4791234567", "tr\u00fce?", "\u00bd",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("word", "meaning"), MEANINGS)
@pytest.mark.usefixtures("us")
def test_what_is_neither_a_yes_nor_a_no_refuses_its_row(house, word, meaning):
    file = io.StringIO()
    csv.writer(file).writerows([("phone", "active"), (ANN, word)])
    report = house.import_contacts(LIST, file.getvalue().encode())
    expected = {True: {"created": 1}, False: {"opted_out": 1}, None: {}}
    assert told(report) == expected[meaning]
    if meaning is None:
        assert [each.reason for each in report.reasons] == [
            "active is neither a yes nor a no; write true or false"
        ]


UNREAD = {
    "on": "{} is neither a yes nor a no; write true or false",
    "off": "{} is no yes, no no and no date in the past; write true or false",
}
# As other systems head their exports; True is a contact, False an opt-out, None a refused row.
CONSENT_COLUMNS = [
    *((header, cell, True) for header, cell in (
        ("Opted Out", "no"), ("opt_out", ""), ("Unsubscribed At", ""), ("DNC", "0"),
        ("do-not-text", "FALSE"), ("SMS Opt-In", "yes"), ("Subscription Status", "subscribed"),
        ("status", "subscribed"), ("Status", "gold"), ("status", ""), ("Status", "new customer"),
    )),
    *((header, cell, False) for header, cell in (
        ("Opted Out", "yes"), ("optOut", "1"), ("Unsubscribed", "TRUE"), ("DNC", "\u2713"),
        ("unsubscribed_at", "2025-01-31"), ("UNSUB_TIME", "2024-03-01 10:00:00"),
        ("opt out date", "01/31/2025"), ("Do Not Contact", "Y"), ("Blocked", "ja"),
        ("SMS Opt-In", "no"), ("Subscription Status", "Unsubscribed"), ("Status", "Opted Out"),
        ("status", "cleaned"), ("D\u00e9sabonn\u00e9", "oui"), ("Abgemeldet am", "2025-01-31"),
    )),
    *((header, cell, None) for header, cell in (
        ("Opted Out", "maybe"), ("unsubscribed_at", "last week"), ("DNC", "see notes"),
        ("unsubscribed_at", "2099-01-01"), ("SMS Consent", "never asked"),
        ("Subscription Status", "pending"),
    )),
]  # fmt: skip


@pytest.mark.parametrize(("header", "cell", "meaning"), CONSENT_COLUMNS)
@pytest.mark.usefixtures("us")
def test_whatever_an_opt_out_is_called_it_is_none_to_subscribe(house, header, cell, meaning):
    report = house.import_contacts(LIST, f"phone,{header}\n{ANN},{cell}\n".encode())
    assert told(report) == {True: {"created": 1}, False: {"opted_out": 1}, None: {}}[meaning]
    assert [each.row for each in report.reasons] == ([2] if meaning is None else [])
    name = header.lower().replace(" ", "_")
    expected = {text.format(name) for text in UNREAD.values()}
    assert {each.reason for each in report.reasons} <= expected


@pytest.mark.usefixtures("us")
def test_of_several_columns_one_no_is_enough(house):
    content = (
        "phone,active,subscribed,opted_out_at,status\n"
        f"{ANN},true,true,,vip\n{BEN},true,false,,vip\n{CID},true,true,2025-01-31,vip\n"
        f"{DAN},true,true,,unsubscribed\n"
    )
    report = house.import_contacts(LIST, content.encode())
    assert told(report) == {"created": 1, "opted_out": 3}
    assert [row["phone_number"] for row in rows_of(house.export_contacts(LIST))] == [ANN]


@pytest.mark.usefixtures("us")
def test_a_cell_of_two_lines_is_one_contact(house):
    """Its second line may be a number: it is nobody's contact, and the name is on one line."""
    content = f'phone,first_name,notes\n{ANN},"Ann\nLee","call\n{BEN}\nagain"\n"{CID}\n{DAN}",,\n'
    tried = house.import_contacts(LIST, content.encode(), dry_run=True)
    report = house.import_contacts(LIST, content.encode())
    assert told(tried) == told(report) == {"created": 1}
    assert [each.row for each in report.reasons] == [6]
    assert tried.reasons == report.reasons
    [row] = rows_of(house.export_contacts(LIST))
    assert (row["phone_number"], row["first_name"]) == (ANN, "Ann Lee")


@pytest.mark.usefixtures("us")
def test_a_batch_of_long_rows_is_stored_before_it_is_large(house, monkeypatch):
    sizes = []
    monkeypatch.setattr(files, "_bring_in", lambda _tx, _to, rows, *_: sizes.append(len(rows)))
    rows = b"".join(b"+1555020%04d,%s\n" % (n, b"x" * 60_000) for n in range(200))
    house.do(
        house.files.import_contacts(house.us, parsed(LIST), whole_pieces(rows), ImportOptions(), ME)
    )
    assert sum(sizes) == 200
    assert max(sizes) * 60_000 < 5 * 2**20


async def whole_pieces(rows):
    yield b"phone,notes\n"
    for start in range(0, len(rows), 65_536):
        yield rows[start : start + 65_536]


@pytest.mark.usefixtures("us")
def test_the_accounts_country_is_its_own(house):
    assert house.change(house.us).country == ""
    assert house.change(house.us, country="no").country == "NO"
    assert house.change(house.them).country == ""
    assert told(house.import_contacts(LIST, b"phone\n4791234567\n")) == {"created": 1}
    theirs = house.import_contacts(THEIRS, b"phone\n4791234567\n", account=house.them)
    assert theirs.refused == 1
    house.change(house.us, country="")
    assert house.import_contacts(LIST, b"phone\n4791234567\n").refused == 1


def test_consent_and_source_of_a_row_are_kept_and_the_first_stay(house, us):
    header = "phone,email,line_type,carrier,consent_date,ad_network_source,ad_network_id\n"
    house.import_contacts(
        LIST, (header + f"{ANN},ann@example.com,cell phone,Bell,01/31/2026,facebook,7\n").encode()
    )
    house.now += 5_000
    house.import_contacts(LIST, (header + f"{ANN},,,,02/01/2026,adwords,8\n").encode())
    [row] = rows_of(house.export_contacts(LIST))
    assert row["email"] == "ann@example.com"
    assert (row["line_type"], row["carrier"]) == ("CELL PHONE", "Bell")
    assert row["consent_date"] == "2026-01-31T00:00:00.000Z"
    assert (row["ad_network_source"], row["ad_network_id"]) == ("facebook", "7")
    contact = house.do(house.contacts.show(us, parsed(LIST), parsed(ANN)))
    assert contact.signup_method == "csv"


def test_the_zone_of_a_row_is_told_and_a_row_without_one_changes_none(house, us):
    told = lambda: house.do(house.store.read(lambda tx: tx.numbers.told(us, [parsed(ANN)])))  # noqa: E731
    house.import_contacts(LIST, f"phone,timezone\n{ANN},Asia/Tokyo\n".encode())
    assert told() == {parsed(ANN): "Asia/Tokyo"}
    house.import_contacts(LIST, f"phone,timezone\n{ANN},\n".encode())
    house.import_contacts(LIST, f"phone\n{ANN}\n".encode())
    assert told() == {parsed(ANN): "Asia/Tokyo"}
    house.import_contacts(LIST, f"phone,timezone\n{ANN},Europe/Oslo\n".encode())
    assert told() == {parsed(ANN): "Europe/Oslo"}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("email", "ann", "email is not an e-mail address, such as ann@example.com"),
        ("email", "ann lee@example.com", "email is not an e-mail address, such as ann@example.com"),
        ("email", "a@" + "x" * 253, "email is longer than 254 characters"),
        ("line_type", "mobile", "line_type is none of CELL PHONE, VOIP, LANDLINE, UNKNOWN"),
        ("timezone", "Eastern", "timezone is not a time zone, such as America/New_York"),
        ("first_name", "x" * 101, "first_name is longer than 100 characters"),
        ("carrier", "x" * 101, "carrier is longer than 100 characters"),
        ("ad_network_id", "x" * 256, "ad_network_id is longer than 255 characters"),
        ("consent_date", "2099-01-01", "the date lies in the future"),
    ],
)
@pytest.mark.usefixtures("us")
def test_a_value_that_cannot_be_used_refuses_its_row(house, column, value, reason):
    report = house.import_contacts(LIST, f"phone,{column}\n{ANN},{value}\n".encode())
    assert [(each.row, each.reason) for each in report.reasons] == [(2, reason)]
    assert rows_of(house.export_contacts(LIST)) == []


@pytest.mark.usefixtures("us")
def test_another_accounts_list_is_no_list(house):
    for work in (
        lambda: house.import_contacts(THEIRS, b"phone\n"),
        lambda: house.export_contacts(THEIRS),
        lambda: house.export_contacts("+15550109999"),
    ):
        with pytest.raises(NotFound) as caught:
            work()
        assert caught.value.code == "list_not_found"


@pytest.mark.usefixtures("us")
def test_what_another_account_knows_changes_nothing(house):
    house.import_contacts(THEIRS, f"phone\n{ANN}\n".encode(), account=house.them)
    assert told(house.import_contacts(LIST, f"phone\n{ANN}\n".encode())) == {"created": 1}
    assert rows_of(house.export_contacts(THEIRS, account=house.them))[0]["email"] == ""


def test_who_has_left_is_in_a_file_only_where_that_is_asked_for(house, us):
    house.do(house.contacts.add(us, parsed(LIST), parsed(ANN)))
    house.do(house.contacts.add(us, parsed(LIST), parsed(BEN)))
    leave(house)
    assert [row["phone_number"] for row in rows_of(house.export_contacts(LIST))] == [BEN]
    everybody = rows_of(house.export_contacts(LIST, with_left=True))
    assert [(row["phone_number"], row["active"], row["reason"]) for row in everybody] == [
        (ANN, "false", "manual"),
        (BEN, "true", ""),
    ]


@pytest.mark.usefixtures("us")
def test_a_long_list_is_written_out_whole(house):
    numbers = [f"+1555020{n:04}" for n in range(2_500)]
    house.import_contacts(LIST, "\n".join(["phone", *numbers]).encode())
    assert [row["phone_number"] for row in rows_of(house.export_contacts(LIST))] == numbers


text = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=20).map(str.strip)
SERIAL = itertools.count()
contacts = st.dictionaries(
    st.integers(2_000_000_000, 9_999_999_999).map(lambda n: f"+1{n}"),
    st.tuples(text, text, text, st.integers(0, 1_700_000_000_000)),
    max_size=8,
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(contacts)
def test_what_is_written_out_comes_in_again_the_same(house, people):
    first, second = (f"+1556{next(SERIAL):07}" for _ in range(2))
    for number in (first, second):
        house.do(house.lists.add(house.us, parsed(number)))
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(["phone", "first_name", "last_name", "ad_network_source", "consent_date"])
    for number, (given_name, family, source, when) in people.items():
        cells = [cell.lstrip("'") for cell in (given_name, family, source)]
        writer.writerow([number, *cells, moment(when)])
    house.import_contacts(first, lines.getvalue().encode())
    exported = house.export_contacts(first)
    house.import_contacts(second, exported)
    assert house.export_contacts(second) == exported
    assert {row["phone_number"] for row in rows_of(exported)} == set(people)


def moment(at):
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# What LibreOffice Calc 7.4 wrote after it had opened our export, by hand: with the language English
# (USA) and "detect special numbers"; in Norwegian and German it differs in `true` alone.
THROUGH_A_SPREADSHEET = """\
phone_number,email,first_name,last_name,carrier,line_type,timezone,consent_date,ad_network_source,\
ad_network_id,active,opted_out_at,reason,custom_fields
(+47) 91234567,ann@example.com,Ann,O'Hara;' =1+1,,,,2026-01-31T00:00:00.000Z,facebook,\
'120210000000000123,TRUE,,,
(+1) 5550100001,,'Til,\"""Bee""\",,,,2027-01-15T08:00:00.000Z,,,TRUE,,,
(+44) 7911123456,,'=1+1,'-2,,,,2026-01-31T08:00:00.000Z,'@x,'00123,TRUE,,,
(+49) 1511234567890,,Zoë,"Smith,' +Lee",,,,2027-01-15T08:00:00.000Z,,,TRUE,,,
""".encode()


@pytest.mark.usefixtures("us")
def test_an_export_comes_back_from_a_spreadsheet_the_same(house):
    lines = io.StringIO()
    csv.writer(lines).writerows(
        [
            ("phone", "email", "first_name", "last_name", "consent_date", "ad_network_source",
             "ad_network_id"),
            ("+4791234567", "ann@example.com", "Ann", "O'Hara; =1+1", "2026-01-31", "facebook",
             "120210000000000123"),
            ("+447911123456", "", "=1+1", "-2", "2026-01-31T08:00:00Z", "@x", "00123"),
            ("+491511234567890", "", "Zoë", "Smith, +Lee", "", "", ""),
            ("+15550100001", "", "'Til", '"Bee"', "", "", ""),
        ]
    )  # fmt: skip
    assert told(house.import_contacts(LIST, lines.getvalue().encode())) == {"created": 4}
    exported = house.export_contacts(LIST)
    kept = list(csv.reader(io.StringIO(THROUGH_A_SPREADSHEET.decode(), newline="")))
    ours = list(csv.reader(io.StringIO(exported.decode("utf-8-sig"), newline="")))
    assert [[cell.lower() for cell in row] for row in kept] == [
        [cell.lower() for cell in row] for row in ours
    ], "this is no longer what was opened: export, open and save it anew, by hand"
    assert told(house.import_contacts(OTHER, THROUGH_A_SPREADSHEET)) == {"added": 4}
    assert house.export_contacts(OTHER) == exported


@pytest.mark.parametrize(
    "cell",
    # What LibreOffice Calc 7.4 makes of +4791234567 in a number's format of its own, or of its
    # neighbours, where a file is not ours.
    ["4791234567", "4.79E+09", "4.79123E+009", "4,79123E+09", "4791234567.00", "1.2021E+017"],
)
@pytest.mark.usefixtures("us")
def test_what_a_spreadsheet_took_for_a_number_is_never_a_strangers(house, cell):
    house.change(house.us, country="NO")
    house.import_contacts(LIST, f'phone\n"{cell}"\n'.encode())
    rows = rows_of(house.export_contacts(LIST))
    assert {row["phone_number"] for row in rows} <= {"+4791234567"}


# Blocks


def test_blocks_come_from_a_file(house):
    house.do(house.blocks.add(house.us, parsed(ANN)))
    content = f"msisdn\n{ANN}\n{BEN}\n{BEN}\nnobody\n".encode()
    report = house.import_blocks(content, note="old system")
    assert report.counts == {RowOutcome.CREATED: 1, RowOutcome.ALREADY_THERE: 2}
    assert report.refused == 1
    notes = {row["phone_number"]: row["note"] for row in rows_of(house.export_blocks())}
    assert notes == {ANN: "", BEN: "old system"}
    assert told(house.import_blocks(house.export_blocks())) == {"already_there": 2}


# The audit log


def test_what_was_brought_in_and_written_out_is_noted(house, us):
    house.import_contacts(LIST, f"phone\n{ANN}\nnobody\n".encode(), dry_run=True)
    house.import_contacts(LIST, f"phone\n{ANN}\nnobody\n".encode())
    house.export_contacts(LIST)
    house.import_blocks(f"phone\n{BEN}\n".encode())
    house.export_blocks()
    found = house.do(house.audit.page(us))
    entries = [each for each in found if each.action.endswith(("imported", "exported"))]
    assert [(each.action, each.about) for each in entries] == [
        ("blocks.exported", "block list"),
        ("blocks.imported", "block list"),
        ("contacts.exported", f"list {LIST}"),
        ("contacts.imported", f"list {LIST}"),
    ]
    assert {(each.actor, each.request_id, each.at) for each in entries} == {
        ("a test", "request-1", house.now)
    }
    assert entries[3].details == {
        "complete": True, "rows": 2, "created": 1, "added": 0, "merged": 0, "opted_out": 0,
        "blocked": 0, "refused": 1,
    }  # fmt: skip
    theirs = house.do(house.audit.page(house.them))
    assert not [each for each in theirs if each.action.endswith(("imported", "exported"))]


def test_an_import_that_breaks_off_is_noted_as_far_as_it_came(house, us):
    async def breaking():
        yield b"phone\n" + b"".join(b"+1555020%04d\n" % n for n in range(600))
        raise ConnectionResetError

    actor = Actor(name="a test")
    with pytest.raises(ConnectionResetError):
        house.do(house.files.import_contacts(us, parsed(LIST), breaking(), ImportOptions(), actor))
    [entry] = house.do(house.audit.page(us, action=Action.CONTACTS_IMPORTED))
    assert (entry.details["complete"], entry.details["rows"]) == (False, 500)
    [begun] = house.do(house.audit.page(us, action=Action.IMPORT_BEGUN))
    assert begun.details == {"action": "contacts.imported"}
    assert len(rows_of(house.export_contacts(LIST))) == 500


def test_an_import_is_noted_before_its_first_row_is_stored(house, us):
    noted = []

    async def killed():
        # 500 rows are stored together. A process that is killed notes no end.
        yield b"phone\n" + b"".join(b"+1555020%04d\n" % n for n in range(600))
        noted.extend(await house.audit.page(us, action=Action.IMPORT_BEGUN))
        noted.extend(await house.audit.page(us, action=Action.CONTACTS_IMPORTED))

    actor = Actor(name="a test")
    house.do(house.files.import_contacts(us, parsed(LIST), killed(), ImportOptions(), actor))
    assert [(each.action, each.about) for each in noted] == [("import.begun", f"list {LIST}")]


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_import_whose_first_batch_fails_has_an_end(house, us, dry_run):
    report = ImportReport.of(ImportOptions(dry_run=dry_run), RowOutcome.CREATED)
    log = ImportLog(house.store, lambda: house.now)
    about = f"list {LIST}"

    async def failing(_):
        raise StorageUnavailable("The disk is full.")

    async def bring_in():
        async with log.noting(us, ME, Action.CONTACTS_IMPORTED, about, report) as noted:
            await noted(failing)([ANN])

    with pytest.raises(StorageUnavailable):
        house.do(bring_in())
    entries = house.do(house.audit.page(us))
    begun = [each for each in entries if each.action == Action.IMPORT_BEGUN]
    ended = [each.details for each in entries if each.action == Action.CONTACTS_IMPORTED]
    said = {"complete": False, "rows": 0, "created": 0, "refused": 0}
    assert (len(begun), ended) == ((0, []) if dry_run else (1, [said]))


def test_a_file_of_which_nothing_is_stored_has_not_begun(house, us):
    with pytest.raises(InvalidInput):
        house.import_contacts(LIST, b"colour\nred\n")
    house.import_contacts(LIST, f"phone\n{ANN}\n".encode(), dry_run=True)
    house.import_contacts(LIST, b"phone\nnobody\n")
    assert house.do(house.audit.page(us, action=Action.IMPORT_BEGUN)) == []

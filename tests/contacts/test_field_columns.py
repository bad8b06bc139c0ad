"""Columns of a file that go into custom fields: judged, stored, merged, and told to journeys."""

import re

import pytest
from stores import BACKENDS
from written import parsed

from sendrail.contacts.audience_counts import AudienceCounter
from sendrail.contacts.audiences import AudienceChange, AudienceService
from sendrail.contacts.field_columns import FIELD_COLUMNS_MAX, read_field_columns
from sendrail.contacts.number_places import place_of
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.contact import FIELDS_BYTES_MAX
from sendrail.domain.errors import InvalidInput
from sendrail.domain.field_column import FieldColumn, FieldType
from sendrail.domain.quiet_hours import OpeningTable, parse_rules

LIST, OTHER = "+15550100000", "+15550100009"
ANN, BEN, CID, DAN = (f"+1555010000{at}" for at in (1, 2, 3, 4))
ME = Actor(name="a test")
FILE = (
    "phone,Plan Name,points,color\n"
    f"{ANN},pro,10,red\n"
    f"{BEN},,20,blue\n"
    f"{ANN},basic,,red\n"
).encode()  # fmt: skip
FIELDS = read_field_columns(["plan name=plan", "points"])


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    return BACKENDS[request.param](tmp_path)


# A cell that is refused comes as far as no database.
embedded_only = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def us(house):
    house.do(house.lists.add(house.us, parsed(LIST), name="News"))
    return house.us


def fields_of(house, number, on=LIST):
    found = house.do(house.contacts.show(house.us, parsed(on), parsed(number)))
    return dict(found.custom_fields)


def test_a_dry_run_says_what_each_column_goes_into_and_stores_nothing(house, us):
    report = house.import_contacts(LIST, FILE, fields=FIELDS, dry_run=True)
    assert sorted(report.used_columns) == [
        ("phone", "phone_number"), ("plan name", "custom_fields.plan"),
        ("points", "custom_fields.points"),
    ]  # fmt: skip
    assert report.ignored_columns == ["color"]
    assert (report.counts["created"], report.counts["merged"], report.refused) == (2, 1, 0)
    assert house.do(house.contacts.page(us)).total == 0


@pytest.mark.usefixtures("us")
def test_what_is_stored_joins_what_is_there(house):
    house.import_contacts(LIST, FILE, fields=FIELDS)
    # The last row of a number counts, and an empty cell says nothing.
    assert fields_of(house, ANN) == {"plan": "basic", "points": "10"}
    assert fields_of(house, BEN) == {"points": "20"}
    house.do(house.contacts.set_fields(house.us, parsed(LIST), parsed(BEN), {"vip": True}))
    house.import_contacts(LIST, FILE, fields=read_field_columns(["color"]))
    assert fields_of(house, BEN) == {"points": "20", "vip": True, "color": "blue"}
    # Without a word of them no column goes anywhere.
    house.import_contacts(LIST, FILE)
    assert fields_of(house, ANN) == {"plan": "basic", "points": "10", "color": "red"}


@pytest.mark.usefixtures("us")
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_row_whose_fields_have_no_room_is_refused_alone(house, dry_run):
    house.import_contacts(LIST, f"phone\n{ANN}\n{BEN}\n".encode())
    long = "x" * (FIELDS_BYTES_MAX - 40)
    house.do(house.contacts.set_fields(house.us, parsed(LIST), parsed(ANN), {"old": long}))
    text = f"phone,note\n{ANN},{'y' * 100}\n{BEN},{'y' * 100}\n"
    report = house.import_contacts(
        LIST, text.encode(), fields=read_field_columns(["note"]), dry_run=dry_run
    )
    assert (report.counts["merged"], report.refused) == (1, 1)
    assert report.reasons[0].row == 2
    assert "custom fields" in report.reasons[0].reason
    assert fields_of(house, ANN) == {"old": long}
    assert fields_of(house, BEN) == ({} if dry_run else {"note": "y" * 100})


@pytest.mark.usefixtures("us")
def test_a_contact_who_has_left_keeps_the_fields_that_they_had(house):
    house.import_contacts(LIST, FILE, fields=FIELDS)
    house.do(house.contacts.remove(house.us, parsed(LIST), parsed(BEN), source="test"))
    house.import_contacts(LIST, FILE, fields=read_field_columns(["color"]))
    assert fields_of(house, BEN) == {"points": "20"}


@pytest.mark.usefixtures("us")
def test_a_column_that_is_not_there_ends_the_import(house):
    with pytest.raises(InvalidInput) as caught:
        house.import_contacts(LIST, FILE, fields=read_field_columns(["size"]))
    assert caught.value.code == "missing_column"
    assert "size" in caught.value.message


def test_what_is_said_of_columns_is_read():
    assert read_field_columns(["plan", " Shoe size = size ", "a=b=c"]) == {
        "plan": FieldColumn("plan"), "Shoe size": FieldColumn("size"), "a": FieldColumn("b=c"),
    }  # fmt: skip
    for odd in (["=x"], ["plan="], ["plan=x", "Plan=y"], ["a=x", "b=x"], ["a=x", "a=y"],
                ["a", " a =a"], ["plan=" + "x" * 101],
                [f"c{n}" for n in range(FIELD_COLUMNS_MAX + 1)]):  # fmt: skip
        with pytest.raises(InvalidInput) as caught:
            read_field_columns(odd)
        assert caught.value.param == "fields"


# Types

TYPED = read_field_columns(["Points:number", "on=vip:boolean", "plan:text"])


def test_a_type_stands_behind_the_last_colon():
    assert read_field_columns([" points : number ", "a=b:boolean", "c:text", "d:x=e"]) == {
        "points": FieldColumn("points", FieldType.NUMBER),
        "a": FieldColumn("b", FieldType.BOOLEAN),
        "c": FieldColumn("c", FieldType.TEXT),
        "d:x": FieldColumn("e", FieldType.TEXT),
    }


def test_a_name_with_a_colon_says_its_type():
    assert read_field_columns(["utm:source:text", "a=b:number:text", "n=c:d:number"]) == {
        "utm:source": FieldColumn("utm:source"), "a": FieldColumn("b:number"),
        "n": FieldColumn("c:d", FieldType.NUMBER),
    }  # fmt: skip
    # A type that is misspelt makes no field of another name.
    for odd in ("utm:source", "points:nubmer", "a=b:", "a=b:Number"):
        with pytest.raises(InvalidInput, match="text, number, boolean") as caught:
            read_field_columns([odd])
        assert f"{odd.partition('=')[2] or odd}:text" in caught.value.message
    with pytest.raises(InvalidInput, match="1 to 100 characters"):
        read_field_columns(["a=:number"])


@pytest.mark.usefixtures("us")
def test_a_value_is_stored_as_its_columns_type_says(house):
    text = f"phone,points,on,plan\n{ANN},19.90,WAHR,10\n{BEN},10.0,no,\n"
    report = house.import_contacts(LIST, text.encode(), fields=TYPED)
    assert (report.counts["created"], report.refused) == (2, 0)
    assert report.types == {
        "custom_fields.Points": "number", "custom_fields.vip": "boolean",
        "custom_fields.plan": "text",
    }  # fmt: skip
    assert fields_of(house, ANN) == {"Points": 19.9, "vip": True, "plan": "10"}
    # What is whole is shown without decimals.
    assert repr(fields_of(house, BEN)["Points"]) == "10"
    assert fields_of(house, BEN)["vip"] is False


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0", 0), ("007", 7), ("-12.50", -12.5), ("'-5", -5), ("+3", 3), ("-0", 0), (" 8 ", 8),
        ("9007199254740992", 2**53), ("0.1", 0.1), ("", None),
    ],
)  # fmt: skip
def test_a_number_is_read(house, us, cell, value):
    del us
    text = f"phone,points\n{ANN},{cell}\n"
    report = house.import_contacts(
        LIST, text.encode(), fields=read_field_columns(["points:number"])
    )
    assert report.refused == 0
    assert fields_of(house, ANN) == ({} if value is None else {"points": value})


@embedded_only
@pytest.mark.usefixtures("us")
@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("type_", "cell"),
    [
        *(("number", cell) for cell in (
            "ten", "1,000", "1 000", "12,5", "$5", "5%", "1e3", "4.79E+10", "0x10", "1_000", ".5",
            "5.", "--5", "nan", "inf", "\u0663", "9007199254740993", "true",
        )),
        *(("boolean", cell) for cell in ("maybe", "2", "yes no")),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_of_its_type_is_refused_alone(house, type_, cell, dry_run):
    text = f'phone,Size\n{ANN},"{cell}"\n{BEN},1\n'
    fields = read_field_columns([f"Size=size:{type_}"])
    report = house.import_contacts(LIST, text.encode(), fields=fields, dry_run=dry_run)
    assert (report.counts["created"], report.refused) == (1, 1)
    reason = report.reasons[0].reason
    assert (report.reasons[0].row, reason[:5]) == (2, "Size ")
    assert re.search("1234.5|9,007,199,254,740,992|write true or false", reason)


def test_an_audience_finds_the_numbers_that_a_file_brought_in(house, us):
    clock = lambda: house.now  # noqa: E731
    audiences = AudienceService(house.store, clock)
    openings = OpeningTable(parse_rules("US 21:00-08:00"), place_of)
    counter = AudienceCounter(house.store, clock, openings)
    spent = {"condition_type": "custom_field", "field": "spend", "operator": "gt", "value": 50}
    is_vip = spent | {"field": "vip", "operator": "eq", "value": True}
    rich, rich_vip = (
        house.do(
            audiences.add(
                us,
                AudienceChange(
                    name="A",
                    filter=read_filter({"operator": "AND", "conditions": conditions}),
                    source_lists=(),
                ),
                ME,
            )
        ).ref
        for conditions in ([spent], [spent, is_vip])
    )

    def found(ref):
        return [each.recipient for each in house.do(counter.some(us, ref))]

    rows = [(ANN, "120.5", "yes"), (BEN, "9", "yes"), (CID, "51", "no"), (DAN, "", "")]
    text = "phone,spend,vip\n" + "".join(f"{','.join(row)}\n" for row in rows)
    house.import_contacts(LIST, text.encode(), fields=read_field_columns(["spend", "vip"]))
    assert (found(rich), found(rich_vip)) == ([], [])
    typed = read_field_columns(["spend:number", "vip:boolean"])
    house.import_contacts(LIST, text.encode(), fields=typed)
    assert found(rich) == [parsed(ANN), parsed(CID)]
    assert found(rich_vip) == [parsed(ANN)]


# The column of an export


WHOLE = {"plan": "pro, =1+1", "points": 10, "ratio": 0.5, "vip": True, "x;": "-1|@a", "": None}


@pytest.mark.usefixtures("us")
def test_an_export_comes_back_with_its_custom_fields(house):
    house.do(house.lists.add(house.us, parsed(OTHER), name="Others"))
    house.import_contacts(LIST, f"phone\n{ANN}\n{BEN}\n".encode())
    fields = {name: value for name, value in WHOLE.items() if value is not None}
    house.do(house.contacts.set_fields(house.us, parsed(LIST), parsed(ANN), fields))
    report = house.import_contacts(OTHER, house.export_contacts(LIST))
    assert (report.counts["added"], report.refused) == (2, 0)
    assert ("custom_fields", "custom_fields") in report.used_columns
    assert fields_of(house, ANN, OTHER) == fields
    assert fields_of(house, BEN, OTHER) == {}
    assert house.export_contacts(OTHER) == house.export_contacts(LIST)


@pytest.mark.usefixtures("us")
def test_the_column_joins_what_is_there_and_a_named_one_counts_before_it(house):
    house.import_contacts(LIST, f"phone,a\n{ANN},1\n".encode(), fields=read_field_columns(["a"]))
    row = '"{""a"":2,""b"":3}"'
    text = f"phone,custom_fields,b\n{ANN},{row},4\n{BEN},,\n"
    house.import_contacts(LIST, text.encode(), fields=read_field_columns(["b"]))
    assert fields_of(house, ANN) == {"a": 2, "b": "4"}
    assert fields_of(house, BEN) == {}
    house.import_contacts(LIST, f'phone,custom_fields\n{ANN},"{{""a"":null}}"\n'.encode())
    assert fields_of(house, ANN) == {"b": "4"}


@embedded_only
@pytest.mark.usefixtures("us")
@pytest.mark.parametrize(
    "cell",
    [
        "VIP", "[]", "1", "null", '{"a":[1]}', '{"a":{}}', '{"a":1', '{"":1}', '{"a":1e999}',
        '{"a":"\\ud800"}', '{"a":"\\u0000"}', '{"\\u0000":1}', '{"a":' * 2_000,
        f'{{"{"x" * 300}":1}}',
        f'{{"a":"{"x" * FIELDS_BYTES_MAX}"}}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_cell_that_is_no_object_of_fields_is_refused_alone(house, cell, dry_run):
    quoted = cell.replace('"', '""')
    text = f'phone,custom_fields\n{ANN},"{quoted}"\n{BEN},"{{""a"":1}}"\n'
    report = house.import_contacts(LIST, text.encode(), dry_run=dry_run)
    assert (report.counts["created"], report.refused) == (1, 1)
    assert report.reasons[0].row == 2
    assert report.reasons[0].reason.startswith("custom_fields")
    if not dry_run:
        assert fields_of(house, BEN) == {"a": 1}


@pytest.mark.usefixtures("us")
def test_where_the_caller_says_what_it_goes_into_it_is_a_column_as_any_other(house):
    text = f"phone,custom_fields\n{ANN},VIP\n"
    report = house.import_contacts(
        LIST, text.encode(), fields=read_field_columns(["custom_fields=level"])
    )
    assert report.refused == 0
    assert fields_of(house, ANN) == {"level": "VIP"}

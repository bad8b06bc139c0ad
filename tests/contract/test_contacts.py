"""Contacts over HTTP, after the documented examples."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from asking import refused, told
from written import parsed

from sendrail.api.errors import CODES
from sendrail.api.v2.contact_shapes import WARNINGS
from sendrail.contacts.signups import SignUpNotice
from sendrail.domain.numbering import LineType, NumberFacts

ID = re.compile(r"[0-9a-f]{24}")
DAY = timedelta(days=1)


@pytest.fixture
def contact(door):
    """Return a body that is taken, changed; a field changed to `...` is left out."""

    def made(**changes):
        body = {"phone_number": door.recipient(), "list_number": door.list_number} | changes
        return {name: value for name, value in body.items() if value is not ...}

    return made


def ask(door, method, body, path="contacts", **headers):
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return door.client.request(
        method, f"/api/v2/{path}", content=content, headers=door.headers(**headers)
    )


def listed(door, **query):
    return told(door.get("contacts", params=query))


def one(door, number, list_number=None):
    [found] = listed(door, list_number=list_number or door.list_number, phone_number=number)[
        "contacts"
    ]
    return found


# POST /v2/contacts


@pytest.mark.parametrize("base", ["/api/v2", "/v2"])
def test_a_new_contact_is_answered_with_five_fields_and_its_ids(door, contact, base):
    body = contact()
    first = told(door.post("contacts", body, base=base))
    assert ID.fullmatch(first.pop("contact_id"))
    assert ID.fullmatch(first.pop("list_contact_id"))
    assert first == {
        "success": True,
        "is_new_contact": True,
        "is_new_list_contact": True,
        "journeys_enrolled": 0,
        "warnings": [WARNINGS[SignUpNotice.JOURNEYS_NOT_USED]],
    }


def test_the_same_contact_at_once_is_new_once_and_loses_nothing(door, contact):
    number = door.recipient()

    def post(at):
        return told(
            door.post("contacts", contact(phone_number=number, custom_fields={f"f{at}": at}))
        )

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(post, range(10)))
    assert sum(each["is_new_contact"] for each in answers) == 1
    assert sum(each["is_new_list_contact"] for each in answers) == 1
    assert one(door, number)["custom_fields"] == {f"f{at}": at for at in range(10)}


def test_the_ids_of_a_contact_stay_and_differ_by_list_and_account(door, contact):
    body = contact()
    first = told(door.post("contacts", body))
    again = told(door.post("contacts", body))
    assert (again["is_new_contact"], again["is_new_list_contact"]) == (False, False)
    other = told(door.post("contacts", body | {"list_number": door.paused}))
    assert (other["is_new_contact"], other["is_new_list_contact"]) == (False, True)
    theirs = told(
        door.post("contacts", body | {"list_number": door.theirs}, x_api_key=door.their_key)
    )
    assert theirs["is_new_contact"], "an account learns nothing of another one's contacts"
    ids = [(each["contact_id"], each["list_contact_id"]) for each in (first, again, other, theirs)]
    assert ids[0] == ids[1]
    assert ids[2][0] == ids[0][0]
    assert len({ids[0][0], ids[3][0]}) == 2
    assert len({each[1] for each in ids}) == 3
    assert one(door, body["phone_number"])["contact_id"] == ids[0][0]
    assert one(door, body["phone_number"])["list_contact_id"] == ids[0][1]


def test_a_documented_contact_is_shown_as_documented(door, contact):
    body = contact(
        signup_date="2025-03-15T14:30:00Z",
        ip_address="203.0.113.7",
        url="https://example.com/join",
        custom_fields={"plan": "gold", "visits": 3, "share": 0.5, "vip": True},
        ad_network_source="adwords",
        ad_network_id="cmp-17",
        use_journeys=False,
        skip_journey_if_exists=True,
        use_validation=False,
        a_field_of_tomorrow=1,
    )
    created = told(door.post("contacts", body))
    assert one(door, body["phone_number"]) == {
        "phone_number": body["phone_number"],
        "list_number": door.list_number,
        "list_id": 1,
        "contact_id": created["contact_id"],
        "list_contact_id": created["list_contact_id"],
        "active": True,
        "first_name": "",
        "last_name": "",
        "email": None,
        "signup_date": "2025-03-15T14:30:00Z",
        "signup_method": "api",
        "unsubscribed_at": None,
        "unsubscribe_reason": None,
        "custom_fields": {"plan": "gold", "visits": 3, "share": 0.5, "vip": True},
        "carrier": None,
        "line_type": None,
        "timezone": None,
        "is_valid": None,
        "validation_status": "unknown",
        "send_count": 0,
        "click_count": 0,
        "revenue_total": 0.0,
        "conversion_count": 0,
        "last_sent_at": None,
        "last_clicked_at": None,
        "in_workflow": False,
    }


def test_custom_fields_are_merged_unless_they_replace(door, contact):
    body = contact(custom_fields={"a": 1, "b": "x"})
    number = body["phone_number"]
    for fields, replacing, expected in (
        ({"a": 1, "b": "x"}, ..., {"a": 1, "b": "x"}),
        ({"b": "y", "c": True}, False, {"a": 1, "b": "y", "c": True}),
        ({"a": None}, None, {"b": "y", "c": True}),
        ({"d": 4}, True, {"d": 4}),
        (..., True, {}),
    ):
        body = contact(phone_number=number, custom_fields=fields, replace_custom_fields=replacing)
        told(door.post("contacts", body))
        assert one(door, number)["custom_fields"] == expected


def test_names_and_address_are_kept_and_brought_up_to_date(door, contact):
    body = contact(first_name=" Ada ", last_name="Byron", email="ada@example.com")
    told(door.post("contacts", body))
    again = contact(phone_number=body["phone_number"], last_name="Lovelace", first_name=" ")
    told(door.post("contacts", again))
    shown = one(door, body["phone_number"])
    assert (shown["first_name"], shown["last_name"]) == ("Ada", "Lovelace")
    assert shown["email"] == "ada@example.com"


def test_nobody_who_opted_out_is_resubscribed(door, contact):
    who = door.unsubscribed()
    body = contact(phone_number=who, custom_fields={"a": 1}, signup_date="2026-01-01")
    answer = told(door.post("contacts", body))
    assert answer["warnings"] == [WARNINGS[SignUpNotice.CONTACT_UNSUBSCRIBED]]
    assert "START" in answer["warnings"][0]
    assert (answer["is_new_list_contact"], answer["journeys_enrolled"]) == (False, 0)
    shown = one(door, who)
    assert (shown["active"], shown["custom_fields"]) == (False, {"a": 1})
    assert shown["unsubscribe_reason"] == "manual"
    assert refused(door.post("send-raw", door.order(to=who)), "contact_unsubscribed", "to")


def test_what_to_know_is_a_warning(door, contact):
    blocked = told(door.post("contacts", contact(phone_number=door.blocked())))
    assert blocked["warnings"] == [WARNINGS[SignUpNotice.CONTACT_BLOCKED]]
    paused = told(door.post("contacts", contact(list_number=door.paused, use_journeys=True)))
    told_of = [SignUpNotice.LIST_INACTIVE, SignUpNotice.NO_JOURNEY]
    assert paused["warnings"] == [WARNINGS[notice] for notice in told_of]


def test_journeys_that_were_not_used_are_a_warning(door, contact):
    number = door.new_list(door.recipient())
    body = contact(list_number=number)
    assert told(door.post("contacts", body))["warnings"] == [], "the list has no journey"
    told(door.post("journeys", {"list_number": number, "name": "by hand", "trigger": "none"}))
    assert told(door.post("contacts", contact(list_number=number)))["warnings"] == []
    told(door.post("journeys", {"list_number": number, "name": "welcome"}))
    unused = [WARNINGS[SignUpNotice.JOURNEYS_NOT_USED]]
    new = contact(list_number=number)
    assert told(door.post("contacts", new))["warnings"] == unused
    assert told(door.post("contacts", new))["warnings"] == [], "it would not start them now"
    again = new | {"skip_journey_if_exists": False}
    assert told(door.post("contacts", again))["warnings"] == unused
    for wish in (False, True):
        decided = contact(list_number=number, use_journeys=wish)
        assert told(door.post("contacts", decided))["warnings"] == []
    batch = [contact(list_number=number), contact(list_number=number, use_journeys=True), new]
    warnings = told(door.post("contacts/bulk", {"contacts": batch}))["warnings"]
    assert warnings == [f"contacts[0] {batch[0]['phone_number']}: {unused[0]}"]


def test_a_number_is_validated_by_what_is_known_and_taken_whatever_that_is(door, contact):
    body = contact(use_validation=True)
    answer = told(door.post("contacts", body))
    nothing_yet = {
        "validation_status": "unknown",
        "line_type": None,
        "carrier": None,
        "cached": False,
        "cost": 0.0,
    }
    assert (answer["success"], answer["validation"]) == (True, nothing_yet)
    place = (door.us, int(body["phone_number"][1:]))
    for line, valid, status in (
        (LineType.CELL_PHONE, True, "ok"),
        (LineType.LANDLINE, True, "unreachable"),
        (LineType.VOIP, True, "risky"),
        (LineType.UNKNOWN, True, "unknown"),
        (LineType.CELL_PHONE, False, "invalid"),
    ):
        # Line types that are known stay, so each is kept of a number of its own.
        place = (door.us, int(door.recipient()[1:]))
        body = contact(phone_number=f"+{place[1]}", use_validation=True)
        assert told(door.post("contacts", body))["validation"] == nothing_yet
        found = NumberFacts(line_type=line, is_valid=valid, carrier="Acme Mobile")
        door.write(lambda tx, place=place, found=found: tx.numbers.keep({place: found}, 1))
        assert told(door.post("contacts", body))["validation"] == {
            "validation_status": status,
            "line_type": str(line),
            "carrier": "Acme Mobile",
            "cached": True,
            "cost": 0.0,
        }
        assert one(door, body["phone_number"])["validation_status"] == status
    assert "validation" not in told(door.post("contacts", contact()))


def test_a_journey_starts_for_who_joins_and_holds_other_sends_off(door, contact):
    number = door.new_list(door.recipient())
    told(door.post("journeys", {"list_number": number, "name": "welcome"}))
    body = contact(list_number=number, use_journeys=True)
    assert told(door.post("contacts", body))["journeys_enrolled"] == 1
    assert one(door, body["phone_number"], number)["in_workflow"]
    order = door.order(to=body["phone_number"], list_number=number)
    refused(door.post("send-raw", order), "journey_conflict", "to")
    assert door.post("send-raw", order | {"skip_journey_check": True}).status_code == 200
    assert told(door.post("contacts", body))["journeys_enrolled"] == 0


FAULTS = [
    ({"phone_number": ...}, "missing_phone_number", "phone_number"),
    ({"phone_number": None}, "missing_phone_number", "phone_number"),
    ({"phone_number": " "}, "missing_phone_number", "phone_number"),
    ({"list_number": ...}, "missing_list_number", "list_number"),
    ({"phone_number": "15550100000"}, "invalid_phone", "phone_number"),
    ({"phone_number": "+0"}, "invalid_phone", "phone_number"),
    ({"phone_number": "+15550100000 "}, "invalid_phone", "phone_number"),
    ({"list_number": "5550100000"}, "invalid_list_number", "list_number"),
    ({"phone_number": 15550100000}, "invalid_field", "phone_number"),
    ({"custom_fields": []}, "invalid_field", "custom_fields"),
    ({"custom_fields": {"a": [1]}}, "invalid_field", "custom_fields.a"),
    ({"custom_fields": {"a": 1, "b": {}}}, "invalid_field", "custom_fields.b"),
    ({"custom_fields": {"": 1}}, "invalid_field", "custom_fields"),
    ({"custom_fields": {"a": "\0"}}, "invalid_field", "custom_fields.a"),
    ({"use_journeys": "yes"}, "invalid_field", "use_journeys"),
    ({"signup_date": "yesterday"}, "invalid_field", "signup_date"),
    ({"signup_date": "1969-12-31"}, "invalid_field", "signup_date"),
    ({"signup_date": 1700000000}, "invalid_field", "signup_date"),
    ({"email": "nobody"}, "invalid_field", "email"),
    ({"url": "x" * 2_049}, "invalid_field", "url"),
    ({"url": "a\0b"}, "invalid_field", "url"),
    ({"ip_address": "x" * 65}, "invalid_field", "ip_address"),
    ({"first_name": "x" * 101}, "invalid_field", "first_name"),
    ({"ad_network_id": "x" * 256}, "invalid_field", "ad_network_id"),
    ({"use_validation": "yes"}, "invalid_field", "use_validation"),
    ({"list_number": "+15550002999"}, "list_not_found", "list_number"),
    ({"list_number": "+15550002004"}, "list_not_found", "list_number"),
    ({"list_number": "+15550002003"}, "list_not_found", "list_number"),
]


@pytest.mark.parametrize(("changes", "code", "param"), FAULTS)
def test_a_contact_at_fault_is_refused_by_code_and_field(door, contact, changes, code, param):
    refused(door.post("contacts", contact(**changes)), code, param)


def test_the_first_fault_decides(door, contact):
    refused(door.post("contacts", {}), "missing_phone_number", "phone_number")
    wrong = contact(phone_number="x", list_number=...)
    refused(door.post("contacts", wrong), "missing_list_number", "list_number")
    wrong = contact(phone_number="x", list_number="7", signup_date="z")
    refused(door.post("contacts", wrong), "invalid_phone", "phone_number")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff", b"{" * 10_000])
def test_what_is_no_object_is_told(door, body):
    for method, path in (("POST", "contacts"), ("PUT", "contacts"), ("DELETE", "contacts"),
                         ("POST", "contacts/bulk")):  # fmt: skip
        refused(ask(door, method, body, path), "invalid_json")


def test_a_call_without_a_body_lacks_the_fields_that_it_needs(door):
    for method in ("POST", "PUT", "DELETE"):
        answer = ask(door, method, b"", "contacts")
        refused(answer, "missing_phone_number", "phone_number")
    refused(ask(door, "POST", b"", "contacts/bulk"), "missing_contacts", "contacts")


def test_a_contact_has_four_thousand_bytes(door, contact):
    body = contact(url="x")
    room = 4_000 - len(json.dumps(body | {"ignored": ""}))
    full = json.dumps(body | {"ignored": "x" * room})
    assert len(full) == 4_000
    assert door.post("contacts", full).status_code == 200
    refused(door.post("contacts", full.replace("xxx", "xxxx", 1)), "payload_too_large")


def test_merging_never_makes_more_than_a_contact_may_have(door, contact):
    body = contact(custom_fields={"a": "x" * 3_000})
    told(door.post("contacts", body))
    more = contact(phone_number=body["phone_number"], custom_fields={"b": "x" * 3_000})
    refused(door.post("contacts", more), "payload_too_large", "custom_fields")
    assert set(one(door, body["phone_number"])["custom_fields"]) == {"a"}
    told(door.post("contacts", more | {"replace_custom_fields": True}))


def test_a_sign_up_lies_in_the_past(door, contact):
    # By the door's own clock, which other tests may have moved.
    new = contact()
    told(door.post("contacts", new))
    now = datetime.fromisoformat(one(door, new["phone_number"])["signup_date"])
    for moment in (now - DAY, now + timedelta(minutes=4)):
        told(door.post("contacts", contact(signup_date=moment.isoformat())))
    ahead = contact(signup_date=(now + timedelta(minutes=6)).isoformat())
    refused(door.post("contacts", ahead), "invalid_field", "signup_date")


def test_the_zone_of_a_contact_is_told_changed_and_taken_away(door, contact):
    body = contact(timezone="Asia/Tokyo")
    assert ask(door, "POST", body).status_code == 200
    key = {name: body[name] for name in ("phone_number", "list_number")}

    def zone():
        found = door.get("contacts", params={"phone_number": key["phone_number"]}).json()
        return found["contacts"][0]["timezone"]

    assert zone() == "Asia/Tokyo"
    # Whoever says nothing of it changes nothing.
    assert ask(door, "POST", key).status_code == 200
    change = key | {"custom_fields": {"plan": "gold"}}
    assert ask(door, "PUT", change).status_code == 200
    assert zone() == "Asia/Tokyo"
    assert ask(door, "PUT", change | {"timezone": "Europe/Oslo"}).status_code == 200
    assert zone() == "Europe/Oslo"
    assert ask(door, "PUT", change | {"timezone": None}).status_code == 200
    assert zone() is None
    for method, wrong in (("POST", contact()), ("PUT", change)):
        answer = ask(door, method, wrong | {"timezone": "Mars/Olympus"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_timezone")
    batch = ask(door, "POST", {"contacts": [contact(timezone="Mars")]}, path="contacts/bulk").json()
    assert [each["code"] for each in batch["errors"]] == ["invalid_timezone"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2025-03-15T14:30:00Z", "2025-03-15T14:30:00Z"),
        ("2025-03-15T14:30:00", "2025-03-15T14:30:00Z"),
        ("2025-03-15T14:30:00.250+02:00", "2025-03-15T12:30:00Z"),
        ("2025-03-15", "2025-03-15T00:00:00Z"),
    ],
)
def test_a_date_without_a_zone_is_utc(door, contact, given, shown):
    body = contact(signup_date=given)
    told(door.post("contacts", body))
    assert one(door, body["phone_number"])["signup_date"] == shown


def test_a_body_is_json_and_says_so(door, contact):
    for method in ("POST", "PUT", "DELETE"):
        answer = ask(door, method, contact(), content_type="text/plain")
        refused(answer, "unsupported_media_type")


# POST /v2/contacts/bulk


def test_a_batch_is_taken_in_part(door, contact):
    known, left = door.recipient(), door.unsubscribed()
    told(door.post("contacts", contact(phone_number=known)))
    batch = [
        contact(custom_fields={"a": 1}),
        contact(phone_number="nobody"),
        contact(phone_number=known),
        "text",
        contact(phone_number=left),
        contact(list_number=door.theirs),
        contact(phone_number=7),
        contact(use_validation=True),
        contact(custom_fields={"a": "x" * 4_000}),
        {},
    ]
    answer = told(door.post("contacts/bulk", {"contacts": batch}))
    errors = answer.pop("errors")
    assert answer == {
        "success_count": 4,
        "error_count": 6,
        "contacts_created": 2,
        "list_contacts_created": 2,
        "journeys_enrolled": 0,
        "warnings": [
            f"contacts[{at}] {number}: {WARNINGS[notice]}"
            for at, number, notice in (
                (0, batch[0]["phone_number"], SignUpNotice.JOURNEYS_NOT_USED),
                (4, left, SignUpNotice.CONTACT_UNSUBSCRIBED),
                (7, batch[7]["phone_number"], SignUpNotice.JOURNEYS_NOT_USED),
            )
        ],
    }
    assert [(each["index"], each["code"]) for each in errors] == [
        (1, "invalid_phone"),
        (3, "invalid_field"),
        (5, "list_not_found"),
        (6, "invalid_field"),
        (8, "payload_too_large"),
        (9, "missing_phone_number"),
    ]
    assert [each["phone_number"] for each in errors] == [
        "nobody", None, batch[5]["phone_number"], None, batch[8]["phone_number"], None,
    ]  # fmt: skip
    assert all(each["error"] for each in errors)


def test_a_batch_starts_journeys_and_counts_them(door, contact):
    number = door.new_list(door.recipient())
    for name in ("one", "two"):
        told(door.post("journeys", {"list_number": number, "name": name}))
    batch = [contact(list_number=number, use_journeys=at < 2) for at in range(3)]
    answer = told(door.post("contacts/bulk", {"contacts": batch}))
    assert (answer["journeys_enrolled"], answer["list_contacts_created"]) == (4, 3)


def test_a_batch_holds_a_thousand(door, contact):
    batch = [contact() for _ in range(1_000)]
    answer = told(door.post("contacts/bulk", {"contacts": batch}))
    assert (answer["success_count"], answer["contacts_created"]) == (1_000, 1_000)
    refused(
        door.post("contacts/bulk", {"contacts": [*batch, contact()]}),
        "too_many_contacts",
        "contacts",
    )


@pytest.mark.parametrize("body", [{}, {"contacts": None}, {"contacts": []}])
def test_a_batch_of_nothing_is_refused(door, body):
    refused(door.post("contacts/bulk", body), "missing_contacts", "contacts")


def test_a_batch_is_an_array(door):
    refused(door.post("contacts/bulk", {"contacts": {}}), "invalid_field", "contacts")


# GET /v2/contacts


class TestPages:
    @pytest.fixture
    def shelf(self, door, contact):
        """Return a list of its own with five contacts, newest sign-up first, the last one gone."""
        number = door.new_list(door.recipient())
        bodies = [
            contact(list_number=number, signup_date=f"2025-01-0{day}") for day in (5, 4, 3, 2, 1)
        ]
        told(door.post("contacts/bulk", {"contacts": bodies[::-1]}))
        gone = bodies[-1]
        told(ask(door, "DELETE", {name: gone[name] for name in ("phone_number", "list_number")}))
        return number, [each["phone_number"] for each in bodies]

    def numbers(self, page):
        return [each["phone_number"] for each in page["contacts"]]

    def test_are_newest_sign_up_first(self, door, shelf):
        number, who = shelf
        page = listed(door, list_number=number)
        assert self.numbers(page) == who
        assert page["pagination"] == {
            "page": 1,
            "per_page": 50,
            "total": 5,
            "total_pages": 1,
            "total_is_exact": True,
            "next_cursor": None,
        }

    def test_go_on_until_there_are_no_more(self, door, shelf):
        number, who = shelf
        for at, expected in enumerate([who[:2], who[2:4], who[4:], []], 1):
            page = listed(door, list_number=number, per_page=2, page=at)
            assert self.numbers(page) == expected
            assert page["pagination"]["total_pages"] == 3

    def test_go_on_by_a_cursor_however_far_that_is(self, door, shelf):
        number, who = shelf
        for query in ({"list_number": number}, {}):
            seen, cursor = [], {}
            while cursor is not None:
                page = listed(door, per_page=2 if query else 1000, **query, **cursor)
                seen += self.numbers(page)
                follows = page["pagination"]["next_cursor"]
                cursor = None if follows is None else {"cursor": follows}
            assert [each for each in seen if each in who] == who
            assert len(seen) == page["pagination"]["total"] == len(seen), "none twice, none lost"

    def test_begun_by_number_go_on_by_a_cursor(self, door, shelf):
        number, who = shelf
        first = listed(door, list_number=number, per_page=3, page=1)
        cursor = first["pagination"]["next_cursor"]
        late = told(
            door.post("contacts", {"phone_number": door.recipient(), "list_number": number})
        )
        assert late["success"]
        rest = listed(door, list_number=number, per_page=2, cursor=cursor)
        assert self.numbers(rest) == who[3:], "what came since moves nothing"
        assert rest["pagination"]["next_cursor"] is None
        active = listed(door, list_number=number, per_page=3, cursor=cursor, active="true")
        assert self.numbers(active) == [who[3]]

    @pytest.mark.parametrize(
        "cursor", ["", "x", "WzFd", "e30", "W10", "Wy0xLDEsMV0", "WzEsMSwiYSJd", "=", "\u00e9"]
    )
    def test_want_a_cursor_as_it_was(self, door, cursor):
        refused(door.get("contacts", params={"cursor": cursor}), "invalid_parameter", "cursor")
        refused(door.get("blocks", params={"cursor": cursor + "?"}), "invalid_parameter", "cursor")

    def test_are_counted_or_followed_but_not_both(self, door, shelf):
        cursor = listed(door, list_number=shelf[0], per_page=1)["pagination"]["next_cursor"]
        answer = door.get("contacts", params={"cursor": cursor, "page": 2})
        refused(answer, "invalid_parameter", "cursor")

    def test_of_the_active_or_of_who_left(self, door, shelf):
        number, who = shelf
        assert self.numbers(listed(door, list_number=number, active="true")) == who[:4]
        gone = listed(door, list_number=number, active="false")
        assert self.numbers(gone) == who[4:]
        assert gone["contacts"][0]["unsubscribe_reason"] == "api"
        assert gone["contacts"][0]["unsubscribed_at"] is not None

    def test_of_all_lists_at_once(self, door, shelf):
        _, who = shelf
        oldest = listed(door, per_page=1000, page=10_000)["pagination"]["total_pages"]
        assert who[-1] in self.numbers(listed(door, per_page=1000, page=oldest))

    def test_of_one_number_name_all_its_lists(self, door, shelf, contact):
        number, who = shelf
        told(door.post("contacts", contact(phone_number=who[0])))
        found = listed(door, phone_number=who[0])
        assert [each["list_number"] for each in found["contacts"]] == [door.list_number, number]
        assert found["pagination"]["total"] == 2
        assert listed(door, phone_number=door.recipient())["contacts"] == []

    def test_of_another_account_are_empty(self, door, shelf):
        answer = door.get("contacts", params={"list_number": shelf[0]}, x_api_key=door.their_key)
        refused(answer, "list_not_found", "list_number")

    @pytest.mark.parametrize("name", ["theirs", "unknown", "deleted"])
    def test_of_no_list_are_refused(self, door, name):
        answer = door.get("contacts", params={"list_number": getattr(door, name)})
        refused(answer, "list_not_found", "list_number")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("page", "0"),
            ("page", "10001"),
            ("per_page", "1001"),
            ("per_page", "x"),
            ("active", "1"),
            ("active", "True"),
            ("active", ""),
            ("list_number", "15550100000"),
            ("phone_number", "x"),
        ],
    )
    def test_at_fault_name_their_parameter(self, door, name, value):
        refused(door.get("contacts", params={name: value}), "invalid_parameter", name)

    def test_may_be_long_and_far_away(self, door):
        page = listed(door, per_page=1000, page=10_000)
        assert page["contacts"] == []


# PUT /v2/contacts


def test_fields_are_changed_merged_or_replaced(door, contact):
    key = contact()
    created = told(door.post("contacts", key | {"custom_fields": {"a": 1, "b": 2}}))
    for fields, merge, expected in (
        ({"b": 3, "c": "x"}, None, {"a": 1, "b": 3, "c": "x"}),
        ({"a": None}, True, {"b": 3, "c": "x"}),
        ({"d": True}, False, {"d": True}),
        ({}, False, {}),
    ):
        answer = told(ask(door, "PUT", key | {"custom_fields": fields, "merge_fields": merge}))
        assert answer == {
            "success": True,
            "list_contact_id": created["list_contact_id"],
            "custom_fields": expected,
        }
    assert one(door, key["phone_number"])["custom_fields"] == {}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"phone_number": ...}, "missing_phone_number", "phone_number"),
        ({"list_number": None}, "missing_list_number", "list_number"),
        ({"phone_number": "x"}, "invalid_phone", "phone_number"),
        ({"list_number": "7"}, "invalid_list_number", "list_number"),
        ({"custom_fields": ...}, "missing_custom_fields", "custom_fields"),
        ({"custom_fields": {"a": {}}}, "invalid_custom_fields", "custom_fields.a"),
        ({"custom_fields": {"a": 1, 'b"': []}}, "invalid_custom_fields", 'custom_fields.b"'),
        ({"custom_fields": [1]}, "invalid_custom_fields", "custom_fields"),
        ({"custom_fields": {" ": 1}}, "invalid_custom_fields", "custom_fields"),
        ({"custom_fields": {"a": "\0"}}, "invalid_custom_fields", "custom_fields.a"),
        ({"merge_fields": 1}, "invalid_field", "merge_fields"),
        ({"list_number": "+15550002999"}, "list_not_found", "list_number"),
        ({}, "contact_not_found", "phone_number"),
    ],
)
def test_a_change_at_fault_is_refused(door, contact, changes, code, param):
    body = contact(**({"custom_fields": {"a": 1}} | changes))
    assert refused(ask(door, "PUT", body), code, param)["error"]
    assert CODES[code][0] == 400


def test_a_contact_of_another_list_is_told_from_a_stranger(door, contact):
    number = door.new_list(door.recipient())
    known = contact(list_number=number)
    told(door.post("contacts", known))
    change = known | {"list_number": door.list_number, "custom_fields": {"a": 1}}
    refused(ask(door, "PUT", change), "list_contact_not_found", "phone_number")
    theirs = change | {"list_number": door.theirs}
    refused(ask(door, "PUT", theirs, x_api_key=door.their_key), "contact_not_found", "phone_number")


@pytest.mark.parametrize(
    ("method", "path", "param"),
    [
        ("DELETE", "contacts", "phone_number"),
        ("PUT", "contacts", "phone_number"),
        ("DELETE", "blocks", "phone_number"),
        ("POST", "contacts/bulk", "contacts"),
    ],
)
def test_a_call_without_a_body_is_told_what_it_wants(door, method, path, param):
    for headers in ({}, {"content-length": "0"}):
        answer = door.client.request(
            method, f"/api/v2/{path}", headers={"x-api-key": door.key} | headers
        )
        refused(answer, f"missing_{param}", param)


# DELETE /v2/contacts


def test_leaving_is_for_good_and_told_once(door, contact):
    key = contact()
    told(door.post("contacts", key))
    answer = ask(door, "DELETE", key, x_request_id="the-request")
    assert told(answer) == {"success": True, "unsubscribed": True}
    assert told(ask(door, "DELETE", key)) == {"success": True, "unsubscribed": False}
    refused(door.post("send-raw", door.order(to=key["phone_number"])), "contact_unsubscribed", "to")
    events = door.do(
        door.runtime.contacts.history(
            door.us, parsed(key["list_number"]), parsed(key["phone_number"])
        )
    )
    assert [(each.reason, each.source, each.evidence) for each in events] == [
        ("signed_up", "api", ""),
        ("api", "api", "request the-request"),
    ]
    told(door.post("contacts", key))
    assert not one(door, key["phone_number"])["active"]


@pytest.mark.parametrize("where", ["list_number", "theirs", "unknown", "deleted"])
def test_leaving_what_is_not_there_is_no_error(door, contact, where):
    key = contact(list_number=getattr(door, where))
    assert told(ask(door, "DELETE", key)) == {"success": True, "unsubscribed": False}
    assert door.post("send-raw", door.order(to=key["phone_number"])).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code", "param"), [each for each in FAULTS[:8] if each[1] != "list_not_found"]
)
def test_leaving_wants_both_numbers(door, contact, changes, code, param):
    refused(ask(door, "DELETE", contact(**changes)), code, param)

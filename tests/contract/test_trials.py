"""Test messages of schedules over HTTP."""

import uuid

import pytest
from asking import ask, refused, told
from marketer import MONDAY, Marketer
from written import parsed

from sendrail.domain.sender import ListStatus

STOP = " Reply stop to stop. Help for help."


@pytest.fixture
def us(fast_door):
    return Marketer(fast_door)


def tried(us, made, *numbers, **more):
    return us.ask("POST", f"schedules/{made['id']}/test", {"phone_numbers": list(numbers)} | more)


def message(us, answered):
    return told(us.ask("GET", f"messages/{answered['message_id']}"))


def a_contact(us, **fields):
    number = us.door.recipient()
    us.door.do(us.door.runtime.contacts.add(us.id, us.list.number, parsed(number), **fields))
    return number


def pause(us):
    us.door.write(lambda tx: tx.lists.change(us.id, us.list.id, status=ListStatus.PAUSED))


def two_texts(us):
    texts = ("Hi {{first_name|you}}, {{custom_fields.city}}", "{{brand_name}} {{last_name}}")
    return us.make(blasts=[{"message": each, "percent_audience": 50} for each in texts])


def test_a_text_goes_to_each_number_as_a_message_of_the_accounts_own(us):
    made, numbers = two_texts(us), [us.door.recipient() for _ in range(5)]
    found = told(tried(us, made, *numbers))["results"]
    assert [each["phone_number"] for each in found] == numbers
    assert {(each["code"], each["error"]) for each in found} == {(None, None)}
    for number, each in zip(numbers, found, strict=True):
        sent = message(us, each)
        assert (sent["to"], sent["origin"], sent["automatic"]) == (number, None, False)
        assert sent["body"] == f"Acme: Hi you, custom_fields.city{STOP}"
    assert told(us.ask("GET", f"schedules/{made['id']}/runs"))["runs"] == []


def test_a_body_that_lacks_a_field_is_told_which(us):
    made = two_texts(us)
    for body in ({}, {"variant": 1}):
        answer = us.ask("POST", f"schedules/{made['id']}/test", body)
        refused(answer, "invalid_field", "phone_numbers")
        assert answer.json()["error"] == "phone_numbers is required"
    answer = us.put(made, frequency_cap={"days": 7})
    assert answer.json()["error"] == "frequency_cap.messages is required"


def test_the_text_and_the_contact_are_chosen(us):
    made, to = two_texts(us), us.door.recipient()
    amy = a_contact(us, first_name="Amy", custom_fields={"city": "Oslo"})
    body = lambda **more: message(us, told(tried(us, made, to, **more))["results"][0])["body"]  # noqa: E731
    assert body(contact=amy) == f"Acme: Hi Amy, Oslo{STOP}"
    assert body(variant=2) == f"Acme: Acme last_name{STOP}"
    refused(tried(us, made, to, contact=amy, variant=2), "missing_field", "last_name")
    refused(tried(us, made, to, contact=to), "list_contact_not_found", "contact")
    for number in (0, 3):
        refused(tried(us, made, to, variant=number), "invalid_field", "variant")


def test_a_test_has_its_bounds_and_an_answer_for_each_number(us):
    made, good, stopped = us.make(), us.door.recipient(), a_contact(us)
    us.door.do(us.door.runtime.blocks.add(us.id, parsed(stopped)))
    found = told(tried(us, made, good, "+1", stopped, good))["results"]
    assert [each["code"] for each in found] == [None, "invalid_phone", "contact_blocked", None]
    assert [bool(each["message_id"]) for each in found] == [True, False, False, True]
    for numbers in ([], [good] * 6):
        refused(tried(us, made, *numbers), "invalid_field", "phone_numbers")
    them = Marketer(us.door)
    answer = ask(
        us.door, "POST", f"schedules/{made['id']}/test", {"phone_numbers": [good]},
        x_api_key=them.key,
    )  # fmt: skip
    refused(answer, "not_found")


def test_a_schedule_without_a_list_that_sends_has_no_test(us):
    made = us.make()
    pause(us)
    refused(tried(us, made, us.door.recipient()), "nothing_to_send")


def test_a_key_brings_the_same_answer_though_the_text_could_not_be_filled_again(us):
    made, key = us.make(), str(uuid.uuid4())
    body = {"phone_numbers": [us.door.recipient()]}
    send = lambda: ask(  # noqa: E731
        us.door, "POST", f"schedules/{made['id']}/test", body, x_api_key=us.key,
        idempotency_key=key,
    )  # fmt: skip
    first = told(send())
    pause(us)
    assert told(send()) == first


def test_a_cap_neither_counts_a_test_nor_hinders_it(us):
    made, to = us.make(skip_within_hours=24), a_contact(us)
    for _ in range(2):
        assert told(tried(us, made, to))["results"][0]["message_id"]
    assert (
        us.door.do(us.door.runtime.store.read(lambda tx: tx.run_pages.sends(us.id, [int(to)])))
        == {}
    )


# Dry runs


def dry(us, made):
    return told(us.ask("POST", f"schedules/{made['id']}/dry-run", {}))


def test_a_dry_run_counts_and_shows_what_the_run_would_send(us):
    amy = a_contact(us, first_name="Amy", custom_fields={"plan": "pro"})
    a_contact(us, first_name="Ørjan Łukasz", custom_fields={"plan": "pro"})
    us.door.do(us.door.runtime.blocks.add(us.id, parsed(amy)))
    before = len(told(us.ask("GET", "messages"))["messages"])
    made = us.make(blasts=[{"message": "Hi {{first_name|you}}"}])
    found, one = dry(us, made), {"size": 1, "low": 1, "high": 1}
    assert (found["is_exact"], found["examined"]) == (True, 3)
    assert found["recipients"] == {"size": 2, "low": 2, "high": 2}
    assert found["left_out"] == {"contact_blocked": one}
    assert found["defaults"] == [{"field": "first_name", "messages": one, "percent": 50.0}]
    assert {(each["kind"], each["encoding"]) for each in found["examples"]} == {
        ("longest", "ucs2"), ("longest", "gsm7")
    }  # fmt: skip
    assert sorted(each["body"] for each in found["examples"]) == [
        f"Acme: Hi you{STOP}", f"Acme: Hi Ørjan Łukasz{STOP}",
    ]  # fmt: skip
    assert found["first_run_at"] == f"{MONDAY}T15:00:00Z"
    assert len(told(us.ask("GET", "messages"))["messages"]) == before


def test_a_dry_run_needs_a_list_that_sends_and_is_the_accounts_own(us):
    made, them = us.make(), Marketer(us.door)
    path = f"schedules/{made['id']}/dry-run"
    refused(ask(us.door, "POST", path, {}, x_api_key=them.key), "not_found")
    pause(us)
    refused(us.ask("POST", path, {}), "list_inactive", "source_lists")

"""What a key changes is in the audit log once, by the name of the key and with the request."""

import pytest
from asking import ask, told
from marketer import Marketer


@pytest.fixture
def us(fast_door):
    return Marketer(fast_door)


def noted(us, method, path, body):
    """Return the actions that a request noted, all of them by our key and in that request."""
    page = us.door.runtime.audit.page
    before = {each.id for each in us.door.do(page(us.id, per_page=100))}
    answer = us.ask(method, path, body)
    told(answer)
    new = [each for each in us.door.do(page(us.id, per_page=100)) if each.id not in before]
    for each in new:
        assert each.actor.startswith("key trk_")
        assert each.request_id == answer.headers["x-request-id"]
    return [each.action for each in new]


def test_each_change_by_a_key_has_one_entry(us):
    on_list = {"list_number": us.list.shown}
    number, other = us.door.recipient(), us.door.recipient()
    contact = on_list | {"phone_number": number}
    assert noted(us, "POST", "contacts", contact) == ["contact.added"]
    batch = {"contacts": [contact, on_list | {"phone_number": other}]}
    assert noted(us, "POST", "contacts/bulk", batch) == ["contacts.added"]
    fields = contact | {"custom_fields": {"plan": "pro"}}
    assert noted(us, "PUT", "contacts", fields) == ["contact.changed"]
    assert noted(us, "DELETE", "contacts", contact) == ["contact.opted_out"]
    assert noted(us, "DELETE", "contacts", contact) == []
    block = {"phone_number": other}
    assert noted(us, "POST", "blocks", block) == ["block.added"]
    assert noted(us, "POST", "blocks", block) == []
    blocks = {"blocks": [block, {"phone_number": number}]}
    assert noted(us, "POST", "blocks/bulk", blocks) == ["blocks.added"]
    assert noted(us, "DELETE", "blocks", block) == ["block.removed"]
    new = {"phone_number": us.door.recipient(), "connector": "sandbox"}
    assert noted(us, "POST", "lists", new) == ["list.added"]
    at = f"lists/{us.list.id}"
    assert noted(us, "PUT", at, {"rate": 90}) == ["list.changed"]
    assert noted(us, "PUT", at, {"rate": 90}) == []
    journey = on_list | {"name": "Slow"}
    assert noted(us, "POST", "journeys", journey) == ["journey.added"]


def test_what_sends_has_no_entry(us):
    order = {"list_number": us.list.shown, "to": us.door.recipient(), "body": "Hi"}
    assert noted(us, "POST", "send-raw", order) == []


def test_a_request_that_is_answered_again_has_no_second_entry(fast_door):
    us = Marketer(fast_door)
    body = {"list_number": us.list.shown, "phone_number": fast_door.recipient()}
    for _ in range(2):
        told(ask(fast_door, "POST", "contacts", body, x_api_key=us.key, idempotency_key="once"))
    actions = [each.action for each in fast_door.do(fast_door.runtime.audit.page(us.id))]
    assert actions.count("contact.added") == 3  # two of the account's making, and this

"""A message's link keeps the values of its recipient that its URL names, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.link_macros import CONTACT_MACROS, is_of_contact, macro_fault
from sendrail.domain.recipient_links import (
    destination_of,
    link_to,
    shown,
    target_of,
    with_values,
)

URL = "https://a.example/{{contact.custom_fields.c}}?n={{contact.first_name}}&p={{contact.phone}}"


def test_a_link_has_the_names_that_its_url_wants_then_their_values():
    link = link_to(17, URL)
    assert link == "17?custom_fields.c&first_name"
    values = {"first_name": "Ann Ö", "last_name": "Lee", "custom_fields.c": "8&7=1"}
    filled = with_values(link, values)
    assert filled == "17?custom_fields.c=8%267%3D1&first_name=Ann%20%C3%96"
    target = target_of(filled)
    assert target.destination_id == 17
    assert dict(target.values) == {"custom_fields.c": "8&7=1", "first_name": "Ann Ö"}
    assert shown(URL, target.values) == (
        "https://a.example/8%267%3D1?n=Ann%20%C3%96&p={{contact.phone}}"
    )


def test_a_link_that_wants_no_values_is_the_destination_alone():
    assert link_to(17, "https://a.example/{{click_id}}?{{contact.phone}}") == "17"
    assert with_values("17", {"first_name": "Ann"}) == "17"
    assert with_values("17?first_name", {"first_name": ""}) == "17"
    assert target_of("17").values == {}


def test_a_url_of_a_messages_own_is_itself():
    url = "https://a.example/?first_name=1"
    assert target_of(url) == with_values(url, {"first_name": "Ann"}) == url
    assert destination_of(url) is None
    assert destination_of("17?first_name=Ann") == destination_of("17") == 17


def test_a_link_whose_values_were_never_filled_leads_to_its_destination():
    assert target_of("17?first_name&last_name").destination_id == 17
    assert not target_of("17?first_name&last_name").values


@given(st.text(), st.text())
def test_whatever_the_values_a_message_keeps_its_links_apart(first, second):
    link = with_values("17?first_name&last_name", {"first_name": first, "last_name": second})
    assert link.isascii()
    assert link.isprintable()
    assert " " not in link
    values = dict(target_of(link).values)
    wanted = {"first_name": first[:255], "last_name": second[:255]}
    readable = {k: v.encode("utf-8", "replace").decode() for k, v in wanted.items() if v}
    assert values == readable


@pytest.mark.parametrize("name", [*CONTACT_MACROS, "contact.custom_fields.city"])
def test_an_offers_url_may_hold_fields_of_the_recipient(name):
    assert is_of_contact(name)
    assert macro_fault(f"https://a.example/?x={{{{{name}}}}}") is None


@pytest.mark.parametrize("name", ["contact.email", "contact.custom_fields.", "first_name", ""])
def test_a_field_that_nothing_fills_is_none(name):
    assert not is_of_contact(name)
    assert macro_fault(f"https://a.example/?x={{{{{name}}}}}")

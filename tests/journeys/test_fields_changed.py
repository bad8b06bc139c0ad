"""Each way to change a custom field, and what is a change of one: 1 is not true."""

import pytest
from travels import ANN, wait

from sendrail.contacts.contacts import ContactService, SignUpRequest
from sendrail.contacts.edits import ContactEditService
from sendrail.contacts.field_columns import read_field_columns
from sendrail.contacts.files import FileService
from sendrail.contacts.imports import ImportOptions
from sendrail.contacts.signups import changed_fields
from sendrail.domain.audit import Action, Actor
from sendrail.domain.contact import SignUp, SignupMethod

ME = Actor(name="a test")


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ({"vip": 1}, {"vip": True}, ["vip"]),
        ({"vip": False}, {"vip": 0}, ["vip"]),
        ({"vip": False}, {"vip": 0.0}, ["vip"]),
        ({"points": 5}, {"points": 5.0}, []),
        ({"points": 5}, {"points": "5"}, ["points"]),
        ({"b": 1, "a": 1, "c": True}, {"c": True}, ["a", "b"]),
        ({}, {"vip": False}, ["vip"]),
        ({}, {}, []),
    ],
)
def test_a_field_has_changed_where_a_condition_could_tell(before, after, names):
    assert changed_fields(before, after) == names


def by_form(journeys, value):
    edits, us = ContactEditService(journeys.road.store, journeys.road.clock.now), journeys.road
    return edits.change(
        us.account, journeys.sender.number, ANN, ME,
        first_name="Ann", last_name="", custom_fields={"vip": value},
    )  # fmt: skip


def by_api(journeys, value):
    contacts = ContactService(journeys.road.store, journeys.road.clock.now)
    us = journeys.road.account
    return contacts.set_fields(us, journeys.sender.number, ANN, {"vip": value}, actor=ME)


def by_sign_up(journeys, value):
    contacts = ContactService(journeys.road.store, journeys.road.clock.now)
    signup = SignUp(recipient=ANN, method=SignupMethod.API, custom_fields={"vip": value})
    asked = SignUpRequest(journeys.sender.number, signup)
    return contacts.sign_up(journeys.road.account, [asked], actor=ME)


def by_file(journeys, value):
    async def rows():
        cell = str(value).lower()
        yield f"phone,vip\n+{ANN},{cell}\n".encode()

    files = FileService(journeys.road.store, journeys.road.clock.now)
    type_ = "boolean" if isinstance(value, bool) else "number"
    options = ImportOptions(fields=read_field_columns([f"vip:{type_}"]))
    number = journeys.sender.number
    return files.import_contacts(journeys.road.account, number, rows(), options, ME)


@pytest.mark.parametrize("change", [by_form, by_api, by_sign_up, by_file])
@pytest.mark.parametrize(("before", "after"), [(1, True), (False, 0)])
def test_one_that_becomes_true_is_stored_and_journeys_hear_it(journeys, change, before, after):
    condition = {"type": "custom_field", "field": "vip", "op": "eq", "value": after}
    journey = journeys.add(wait("day"), trigger={"on": ["field"], "when": condition})
    journeys.know(ANN, fields={"vip": before})
    journeys.road.do(change(journeys, after))
    # The states are locked as they are read.
    [(_, found)] = journeys.road.write(
        lambda tx: tx.signups.subscription_states(journeys.sender.id, [ANN])
    ).items()
    assert repr(found.custom_fields["vip"]) == repr(after)
    assert journeys.where(ANN, journey) == "day"


@pytest.mark.parametrize("change", [by_form, by_api])
def test_the_audit_log_names_one_that_becomes_true(journeys, change):
    journeys.know(ANN, fields={"vip": 1})
    journeys.road.do(change(journeys, True))
    entries = journeys.road.read(
        lambda tx: tx.audit.page(journeys.road.account, Action.CONTACT_CHANGED, 0, 10)
    )
    assert [each.details["custom_fields"] for each in entries] == [["vip"]]

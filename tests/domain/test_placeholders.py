"""Placeholders of a text: read with the place and the remedy, rendered without surprises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.order import Fault
from sendrail.domain.placeholders import (
    LINK_KEYS,
    FieldPlace,
    LinkPlace,
    MessageIdPlace,
    MissingValue,
    RenderedText,
    Template,
    inert,
    read_template,
    values_of,
)

MARKS = ("{{messageId}}", *(f"{{{{{key}}}}}" for key in LINK_KEYS))
# Texts that are mostly braces, bars and names, beside plain letters.
PIECES = st.sampled_from(
    ["{", "}", "{{", "}}", "|", "first_name", "link1", "messageId", "x", " ", "{{link2}}", "é"]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


def marks_in(text):
    return sum(text.count(mark) for mark in MARKS)


def test_a_text_is_read_in_its_parts():
    template = read_template(
        "Hi {{ first_name | there }}, {{custom_fields.city}}: {{link1}} ({{sendId}}) {{link1}}"
    )
    assert template == Template(
        (
            "Hi ",
            FieldPlace("first_name", "there"),
            ", ",
            FieldPlace("custom_fields.city"),
            ": ",
            LinkPlace("link1"),
            " (",
            MessageIdPlace(),
            ") ",
            LinkPlace("link1"),
        )
    )
    assert template.link_keys == ("link1",)
    assert template.fields == (FieldPlace("first_name", "there"), FieldPlace("custom_fields.city"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Hi {{}}", "{{}} at character 4 names no field: write one such as {{first_name}}"),
        ("{{Link1}}", "{{Link1}} at character 1 is written {{link1}}"),
        ("{{link}}", "{{link}} at character 1 is written {{link1}}"),
        ("{{link5}}", "{{link5}} at character 1 is no link: a text has {{link1}} to {{link4}}"),
        (
            "{{link1|here}}",
            "{{link1|here}} at character 1 always has a value: write {{link1}} without a default",
        ),
        ("{{click_id}}", "{{click_id}} at character 1 is filled only in the URL of an offer"),
        (
            "{{First_Name}}",
            (
                "{{First_Name}} at character 1 is written {{first_name}}; a custom field of this "
                "name is {{custom_fields.First_Name}}"
            ),
        ),
        ("Go {{link1", "{{link1 at character 4 is no placeholder: close it by }}"),
        ("{{{first_name}}", "{ at character 1 is no placeholder: close it by }}"),
        ("{{a{{b}}", "{{a at character 1 is no placeholder: close it by }}"),
    ],
)
def test_a_fault_names_the_place_and_the_remedy(text, says):
    assert read_template(text) == Fault("unknown_macro", says, "message")


@pytest.mark.parametrize("text", ["", "a } b", "}}", "{ a }", "1{", "{{city}}", "{{first name}}"])
def test_what_is_no_placeholder_or_may_be_a_custom_field_is_taken(text):
    assert isinstance(read_template(text), Template)


def rendered(text, **values):
    template = read_template(text)
    assert isinstance(template, Template)
    return template.render(values)


def test_values_and_defaults_are_written():
    text = "Hi {{first_name|there}}, {{city}}!"
    assert rendered(text, first_name="Ann", city="Bonn") == RenderedText("Hi Ann, Bonn!")
    blank = RenderedText("Hi there, Bonn!", ("first_name",))
    assert rendered(text, first_name=" ", city="Bonn") == blank
    assert rendered(text, city="Bonn") == blank
    assert rendered("A{{first_name|}}.") == RenderedText("A.", ("first_name",))
    assert rendered(text, first_name="Ann") == MissingValue("city")
    assert rendered("{{city}}", city="") == MissingValue("city")


def test_links_and_the_id_keep_their_marks():
    assert rendered("{{ link2 }} {{sendId}}").text == "{{link2}} {{messageId}}"


def test_a_value_is_text_whatever_is_in_it():
    assert rendered("{{a}}", a="{{first_name}}").text == "{{first_name}}"
    assert rendered("{{a}}", a="{1}").text == "{1}"
    assert rendered("{{a}} {{link1}}", a="{{link1}}").text == "((link1)) {{link1}}"
    assert rendered("{{a}}{messageId}}", a="{").text == "({messageId}}"
    assert inert("{{link1}} {a}") == "((link1)) (a)"


@given(TEXTS, TEXTS, TEXTS)
def test_rendering_never_raises_and_makes_no_mark_that_the_author_did_not_write(text, one, two):
    template = read_template(text)
    if isinstance(template, Fault):
        return
    result = template.render({"first_name": one, "x": two})
    if isinstance(result, RenderedText):
        written = sum(isinstance(part, LinkPlace | MessageIdPlace) for part in template.parts)
        assert marks_in(result.text) == written


def test_the_values_of_a_contact():
    custom = {"city": "Bonn", "age": 4, "vip": True, "gone": None, "first_name": "field"}
    values = values_of({"first_name": "Ann", "last_name": None}, custom, "Acme")
    assert values == {
        "city": "Bonn",
        "custom_fields.city": "Bonn",
        "age": "4",
        "custom_fields.age": "4",
        "vip": "true",
        "custom_fields.vip": "true",
        "gone": "",
        "custom_fields.gone": "",
        "first_name": "Ann",
        "custom_fields.first_name": "field",
        "brand_name": "Acme",
    }

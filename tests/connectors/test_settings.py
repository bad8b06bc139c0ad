"""Typed words become a struct's values; secrets are told to nobody."""

from typing import Annotated, Literal

import msgspec
import pytest

from sendrail.carriers.sdk import Secret
from sendrail.connectors.settings import (
    MASKED,
    checked,
    masked,
    name_of_setting,
    scrubbed,
    settings_of,
    typed,
)
from sendrail.domain.errors import CarrierTrouble


class Inner(msgspec.Struct):
    key: Secret


class Bag(msgspec.Struct, kw_only=True):
    password: Secret
    user: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 2775
    pace: float = 1.5
    tls: bool = False
    mode: Literal["trx", "tx"] = "trx"
    ca: str | None = None
    spare: Secret | None = None
    tags: list[str] = []
    headers: dict[str, Secret] = {}
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("user", "ann", "ann"),
        ("user", "17", "17"),
        ("user", "", ""),
        ("user", "[x", "[x"),
        ("user", '{"a": 1}', '{"a": 1}'),
        ("port", "2776", 2776),
        ("pace", "2", 2.0),
        ("tls", "true", True),
        ("tls", "0", False),
        ("mode", "tx", "tx"),
        ("ca", "/etc/ca.pem", "/etc/ca.pem"),
        ("password", "123", "123"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("headers", '{"X-Key": "k"}', {"X-Key": "k"}),
        ("inner", '{"key": "k"}', {"key": "k"}),
    ],
)
def test_a_word_becomes_what_the_struct_says(name, word, value):
    assert typed("bag", {name: word}, Bag) == {name: value}


@pytest.mark.parametrize(
    ("name", "word", "says"),
    [
        ("colour", "blue", "no setting 'colour'; it has password, user, port"),
        ("port", "many", "port.*must be a whole number from 1 to 65,535"),
        ("port", "70000", "port.*must be a whole number from 1 to 65,535"),
        ("tls", "perhaps", "tls.*must be true or false"),
        ("mode", "rx", "mode.*must be trx or tx"),
        ("tags", "a,b", "tags.*must be a JSON list"),
        ("tags", "[a", "tags.*must be a JSON list"),
        ("headers", "x", "headers.*must be a JSON object"),
    ],
)
def test_what_does_not_fit_is_named(name, word, says):
    with pytest.raises(CarrierTrouble, match=says) as caught:
        typed("bag", {name: word}, Bag)
    assert caught.value.param == name


@pytest.mark.parametrize("word", ["", '{"key": 7', '{"key": "hunter2", "more": 1, "key": 7}'])
def test_no_error_repeats_a_secret(word):
    for name in ("password", "inner"):
        with pytest.raises(CarrierTrouble) as caught:
            typed("bag", {name: word}, Bag) and checked("bag", {}, Bag)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_what_is_missing_is_named():
    with pytest.raises(CarrierTrouble, match=r"needs the setting user.*--set user=") as caught:
        checked("bag", {"password": "x"}, Bag)
    assert caught.value.param == "user"
    checked("bag", {"password": "x", "user": "ann"}, Bag)


def test_whatever_holds_a_secret_is_masked_whole():
    given = {
        "password": "a",
        "user": "ann",
        "spare": "b",
        "headers": {"X-Key": "c"},
        "inner": {"key": "d"},
        "gone": "e",
    }
    assert masked(given, Bag) == {
        "password": MASKED,
        "user": "ann",
        "spare": MASKED,
        "headers": MASKED,
        "inner": MASKED,
        "gone": MASKED,
    }
    assert set(masked(given, None).values()) == {MASKED}


def test_a_kind_is_described():
    by_name = {each.name: each for each in settings_of(Bag)}
    assert [each.name for each in by_name.values() if each.required] == ["password", "user"]
    assert {each.name for each in by_name.values() if each.secret} == {
        "password",
        "spare",
        "headers",
        "inner",
    }
    assert (by_name["port"].default, by_name["tags"].default) == (2775, [])
    assert (by_name["ca"].type, by_name["pace"].type) == ("text", "a number")


def test_secrets_are_taken_out_of_a_carriers_words():
    settings = {"password": "hunter2", "user": "ann", "headers": {"a": "k3y"}}
    told = scrubbed("ann: hunter2 and k3y", settings, {"password", "headers"})
    assert told == f"ann: {MASKED} and {MASKED}"


@pytest.mark.parametrize(
    ("text", "split"), [("a=b", ("a", "b")), ("a=", ("a", "")), ("a=b=c", ("a", "b=c"))]
)
def test_a_setting_is_a_name_and_a_value(text, split):
    assert name_of_setting(text) == split


@pytest.mark.parametrize("text", ["a", "=b", "a b=c", "1=2"])
def test_anything_else_is_none(text):
    with pytest.raises(CarrierTrouble, match="name=value"):
        name_of_setting(text)

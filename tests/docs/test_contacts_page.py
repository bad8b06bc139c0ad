"""The page on contacts says what the code does."""

import json
import re
from pathlib import Path

import msgspec
from msgspec.structs import fields as fields_of

from sendrail.api.openapi import OPERATIONS
from sendrail.api.v2.contact_shapes import WARNINGS, ContactCreated, NewContact
from sendrail.domain.contact import OptOutReason

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "contacts.md").read_text("utf-8")
JOURNEYS = (DOCS / "journeys.md").read_text("utf-8")


def test_every_call_of_a_resource_is_in_the_table():
    pages = PAGE + JOURNEYS
    rows = re.findall(r"^\| `([A-Z`, ]+) /api/v2(/\S+)` \|", pages, re.MULTILINE)
    told = {
        (method, re.sub(r"\{\w+\}", "{}", path))
        for methods, path in rows
        for method in re.findall("[A-Z]+", methods)
    }
    tags = {"Contacts", "Lists", "Blocks", "Journeys"}
    described = {
        (each.method, re.sub(r"\{\w+\}", "{}", each.path))
        for each in OPERATIONS
        if each.tag in tags
    }
    assert told == described


def test_every_warning_is_explained():
    [table] = re.findall(r"^\| warning \| when \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert re.findall(r"^\| (.*?) \|", table, re.MULTILINE) == list(WARNINGS.values())


def test_every_reason_is_named():
    for reason in OptOutReason:
        assert f"`{reason}`" in PAGE


def test_the_examples_are_what_is_read_and_written():
    [body] = re.findall(r"-d '(\{.*?\})'", PAGE, re.DOTALL)
    fields = set(json.loads(body))
    assert fields <= set(NewContact.__struct_fields__)
    msgspec.json.decode(body, type=NewContact)
    [answer] = re.findall(r"```json\n(\{.*?\})\n```", PAGE, re.DOTALL)
    msgspec.json.decode(answer, type=ContactCreated)
    always = {field.encode_name for field in fields_of(ContactCreated) if field.required}
    assert set(json.loads(answer)) == always

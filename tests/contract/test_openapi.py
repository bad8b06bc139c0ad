"""The description: kept in a snapshot, complete, valid, and true where it gives examples."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from sendrail.api import openapi
from sendrail.api.errors import CODES, ErrorBody, error_body
from sendrail.api.openapi import OPERATIONS
from sendrail.api.v2.operation import ANYWHERE
from sendrail.domain import phone
from sendrail.sandbox import SANDBOX_NUMBER

SNAPSHOT = Path(__file__).with_name("openapi.json")
DOCUMENT = json.loads(openapi.render())
EXAMPLES = [(each, title, value) for each in OPERATIONS for title, value in each.examples.items()]
SENT = [example for example in EXAMPLES if example[0].tag == "Sending"]


def validator(name):
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


def test_is_the_one_in_the_snapshot():
    assert json.loads(SNAPSHOT.read_text("utf-8")) == DOCUMENT, (
        "look at what changed, then run "
        "`python -m sendrail.api.openapi > tests/contract/openapi.json`"
    )


def test_names_every_code_there_is():
    told = {code for each in OPERATIONS for code in each.codes}
    schemas = DOCUMENT["components"]["schemas"]
    in_batches = {
        code
        for name in ("BatchError", "ContactError", "BlockError", "HistorySendError", "HistoryError")
        for code in schemas[name]["properties"]["code"]["enum"]
    }
    assert told | in_batches | set(ANYWHERE) == set(CODES)


def test_every_reference_leads_somewhere():
    def references(node):
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    for reference in references(DOCUMENT):
        node = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_schemas_are_schemas():
    for name in DOCUMENT["components"]["schemas"]:
        validator(name)


def test_error_bodies_are_as_described():
    body = error_body("invalid_field", "text", "id", param="to", detail="more")
    validator(ErrorBody.__name__).validate(json.loads(body))
    elsewhere = {each.id: each.statuses for each in OPERATIONS}
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            other = elsewhere[operation["operationId"]]
            for status, response in operation["responses"].items():
                for code in response["content"].get("application/json", {}).get("examples", {}):
                    assert other.get(code, CODES[code][0]) == int(status)


def named(example):
    operation, title, _ = example
    return f"{operation.id}-{title}"


@pytest.mark.parametrize("example", SENT, ids=named)
def test_an_example_is_accepted_by_the_sandbox(door, example):
    operation, title, value = example
    assert phone.show(SANDBOX_NUMBER) in json.dumps(value)
    # All examples go to one recipient; a title of its own keeps each apart from its like.
    told = json.loads(json.dumps(value).replace('"body": "', f'"body": "{operation.path} {title} '))
    answer = door.post(operation.path.removeprefix("/"), told)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("error_count", 0) == 0, answer.text


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_is_as_described(example):
    operation, title, value = example
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    content = described["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    validator(name).validate(value)
    assert content["examples"][title]["value"] == value

"""The status of an error, whichever of ours it is."""

import json

import pytest

from sendrail.api.errors import CODES, shown
from sendrail.domain import errors


def _troubles(kind):
    return [kind, *(each for sub in kind.__subclasses__() for each in _troubles(sub))]


@pytest.mark.parametrize("kind", _troubles(errors.StorageUnavailable))
def test_trouble_of_the_store_is_no_fault_of_the_caller(kind):
    error = kind("Told as it is.")
    status, body = shown(error, "req_1")
    assert status == (503 if errors.is_passing(error) else 500)
    assert json.loads(body)["code"] in CODES

"""The status of an error, whichever of ours it is."""

import json

import pytest

from sendrail.api.errors import CODES, shown
from sendrail.domain import errors

TROUBLES = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.StorageUnavailable)
]


@pytest.mark.parametrize("kind", TROUBLES)
def test_trouble_of_the_store_is_no_fault_of_the_caller(kind):
    error = kind("Told as it is.")
    status, body = shown(error, "req_1")
    assert status == (503 if errors.is_passing(error) else 500)
    assert json.loads(body)["code"] in CODES

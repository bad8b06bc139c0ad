"""Each flag of a raw send opens the check it names and no other; `send` opens none."""

import json
from itertools import product

import pytest

from sendrail.api.v2.orders import read_send, read_send_raw
from sendrail.domain.message import Skip
from sendrail.intake.orders import Limits

FLAGS = {
    "skip_duplicate_check": Skip.DUPLICATE,
    "skip_rate_limit": Skip.RATE_LIMIT,
    "skip_contact_validation": Skip.CONTACT_VALIDATION,
    "skip_journey_check": Skip.JOURNEY,
}
LIMITS = Limits(segments_max=10, characters_max=1_600)
ORDER = {"to": "+15550100001", "list_number": "+15550001000", "body": "Hello"}


@pytest.mark.parametrize("first", [True, False, None, ...])
def test_a_raw_send_skips_what_its_flags_name(first):
    found = []
    for rest in product([True, False, None, ...], repeat=len(FLAGS) - 1):
        values = zip(FLAGS, (first, *rest), strict=True)
        given = {name: value for name, value in values if value is not ...}
        order = read_send_raw(json.dumps(ORDER | given).encode(), LIMITS)
        if order.skips != sum(FLAGS[name] for name, value in given.items() if value):
            found.append((given, order.skips))
    assert found == []


def test_send_skips_nothing():
    body = json.dumps(ORDER | dict.fromkeys(FLAGS, True)).encode()
    assert read_send(body, LIMITS).skips == Skip.NONE

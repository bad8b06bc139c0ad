"""How many contacts lists have, where they are too many to be counted for a page."""

from types import SimpleNamespace

import pytest

from sendrail.contacts.list_details import _estimates
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.storage.contacts.signups import ListSize

MOST = 100_000


def estimate(counted, sampled):
    sizes = {1: ListSize(counted, sampled)}
    signups = SimpleNamespace(sizes_of_lists=lambda _account, _ids, _most: sizes)
    return _estimates(SimpleNamespace(signups=signups), 1, [1])[1]


def test_few_contacts_are_counted_and_many_estimated_by_the_sample():
    assert estimate(MOST, 0) == (MOST, None)
    contacts, (low, high) = estimate(MOST + 1, 5_000)
    assert contacts == 5_000 * SAMPLE_STEP
    assert MOST < low < contacts < high


@pytest.mark.parametrize("sampled", [0, 1_500, MOST // SAMPLE_STEP])
def test_an_estimate_is_never_below_what_was_counted(sampled):
    contacts, (low, high) = estimate(MOST + 1, sampled)
    assert MOST + 1 == low <= contacts <= high

"""What breaks at one enrolment, wherever in its round, stops no other one and no other lane."""

import pytest
from travels import ANN, BEN, CID, send

from sendrail.domain.errors import StorageUnavailable

MARK = {"id": "mark", "kind": "set_field", "field": "seen", "value": True}
# What a row may hold that none of ours writes: its turn itself is never reached.
BROKEN = {
    "a state that cannot be read": "UPDATE enrolments SET state = '{' WHERE recipient = ?",
    "fields that are no object": (
        "UPDATE list_contacts SET custom_fields = '[1]' WHERE recipient = ?"
    ),
}


@pytest.fixture
def three(journeys):
    """Three contacts on a journey, and one on a journey of another list, all of them due."""
    journeys.add(MARK, send("hello", "Hello"))
    other = journeys.road.add_list()
    journeys.add(send("there", "There"), name="there", sender=other)
    journeys.enter(ANN, BEN, CID)
    journeys.know(ANN, sender=other)
    return other


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_one_that_breaks_is_put_off_alone_and_given_up_after_some_times(journeys, broken):
    journeys.road.sql(broken, BEN)
    journeys.step()
    assert sorted(journeys.sent()) == [(ANN, "Hello"), (CID, "Hello")]
    for _ in range(3):
        journeys.wait(60)
    assert sorted(journeys.sent()) == [(ANN, "Hello"), (CID, "Hello")]
    assert journeys.where(BEN) == "over: unusable"


@pytest.mark.usefixtures("three")
def test_a_storage_in_trouble_puts_none_off(journeys, monkeypatch):
    def away(*_):
        raise StorageUnavailable("it is away")

    monkeypatch.setattr(journeys.engine, "_submitted", away)
    with pytest.raises(StorageUnavailable):
        journeys.step()
    monkeypatch.undo()
    journeys.step()
    assert sorted(journeys.sent()) == [(ANN, "Hello"), (BEN, "Hello"), (CID, "Hello")]

"""Keys that are claimed and not answered are free again, and cost a statement only then."""

import pytest
from stores import NOW, SHARED, House

from sendrail.storage.pipeline.idempotency import KeptAnswer
from sendrail.storage.postgres.idempotency import FREE

ANSWER = KeptAnswer("POST /x", b"digest", 200, b"{}")


@pytest.fixture(params=SHARED)
def house(request):
    house = House(SHARED[request.param](None))
    yield house
    house.close()


@pytest.fixture
def freed(house):
    """The rows of every statement that frees keys."""
    found = []

    def listen(tx):
        each = tx.driver.each

        def noted(statement, rows):
            if statement is FREE and rows:
                found.append(list(rows))
            return each(statement, rows)

        tx.driver.each = noted

    house.write(listen)
    return found


def test_where_every_key_is_answered_none_is_freed(house, freed):
    def work(tx):
        tx.idempotency.claim([(house.us, "a")])
        tx.idempotency.claim([(house.us, "b")])
        for key in ("a", "b"):
            tx.idempotency.answer(house.us, key, ANSWER, NOW)

    house.write(work)
    assert freed == []


def test_keys_without_an_answer_are_freed_by_one_statement(house, freed):
    def work(tx):
        tx.idempotency.claim([(house.us, "a"), (house.us, "b")])
        tx.idempotency.claim([(house.us, "c")])
        tx.idempotency.answer(house.us, "b", ANSWER, NOW)

    house.write(work)
    assert freed == [[(house.us, "a"), (house.us, "c")]]


def test_what_was_undone_is_not_freed_by_the_next_transaction(house, freed):
    def broken(tx):
        tx.idempotency.claim([(house.us, "a")])
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        house.write(broken)
    house.write(lambda tx: tx.idempotency.claim([(house.us, "b")]))
    assert freed == [[(house.us, "b")]]

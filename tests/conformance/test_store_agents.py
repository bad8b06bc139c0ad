"""User agents: each text has one row, whoever brings it, and the day it was last seen on."""

import asyncio

import pytest

PHONE, TABLET, ODD = b"Mozilla/5.0 (iPhone)", b"Mozilla/5.0 (iPad)", b"\xff\x00 odd"
DAY = 20_000


def ids(house, agents, day=DAY):
    return house.write(lambda tx: tx.agents.ids(agents, day))


def rows(house):
    statement = "SELECT id, text, seen_on FROM agents ORDER BY id"
    found = house.read(lambda tx: tx.core.exec_driver_sql(statement).fetchall())
    return [(row[0], bytes(row[1]), row[2]) for row in found]


def test_each_text_has_one_id(house):
    first = ids(house, [PHONE, TABLET])
    assert len(set(first.values())) == 2
    again = ids(house, [TABLET, ODD, PHONE])
    assert {text: again[text] for text in first} == first
    assert rows(house) == sorted((each, text, DAY) for text, each in again.items())


def test_what_is_seen_again_has_the_new_day_and_never_an_older_one(house):
    ids(house, [PHONE, TABLET])
    ids(house, [PHONE], DAY + 2)
    ids(house, [PHONE], DAY + 1)
    assert {text: day for _, text, day in rows(house)} == {PHONE: DAY + 2, TABLET: DAY}


def test_nothing_asked_is_nothing_made(house):
    assert ids(house, []) == {}
    assert rows(house) == []


def test_what_was_not_committed_leaves_no_row(house):
    def work(tx):
        tx.agents.ids([PHONE], DAY)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        house.write(work)
    assert rows(house) == []


def test_two_processes_that_meet_the_same_agents_at_once_have_one_row_of_each(house):
    agents = [f"agent {n}".encode() for n in range(50)]
    other = house.open()

    async def both():
        return await asyncio.gather(
            house.store.write(lambda tx: tx.agents.ids(agents, DAY)),
            other.write(lambda tx: tx.agents.ids(agents[::-1], DAY)),
        )

    first, second = house.do(both())
    assert first == second
    assert len(rows(house)) == 50

"""Who clicked leaves first, then the click; what was not counted stays, and counting goes on."""

from clicking import Clock, click, count_all, keep, read, standalone, tallies
from stores import NOW

from sendrail.storage.tracking_tables import agents, clicks

DAY = 86_400_000


def told(house):
    """What clicks say of who it was, by their time."""
    of = clicks.c
    rows = read(house, clicks, of.at, of.agent_id, of.network, of.digest)
    return [(row[0] - NOW, row[1:] != (None, None, None)) for row in rows]


def visited(house, n, at, **more):
    who = {"agent_id": 1, "network": b"net", "digest": b"digest"} | more
    return click(house, n, at=NOW + at, **who)


def blank(house, before, limit=10):
    return house.write(lambda tx: tx.click_details.blank_before(NOW + before, limit))


def forget(house, before, limit=10):
    return house.write(lambda tx: tx.click_details.forget_before(NOW + before, limit))


def test_who_clicked_is_deleted_in_bites_up_to_a_time(house):
    house.queue(1)
    keep(house, *(visited(house, 1, at) for at in range(5)))
    assert blank(house, 0) == 0
    assert blank(house, 3, limit=2) == 2
    assert told(house) == [(0, False), (1, False), (2, True), (3, True), (4, True)]
    assert blank(house, 3, limit=2) == 1
    assert blank(house, 3, limit=2) == 0
    assert [each for _, each in told(house)] == [False, False, False, True, True]
    # What came in the same moment goes as well.
    keep(house, visited(house, 1, 4, agent_id=None, network=None))
    assert blank(house, 5, limit=2) == 2
    assert blank(house, 5, limit=2) == 1
    assert not any(each for _, each in told(house))


def test_any_of_the_three_says_something(house):
    house.queue(1)
    none = {"agent_id": None, "network": None, "digest": None}
    for at, one in enumerate(("agent_id", "network", "digest")):
        given = {name: None for name in none if name != one}
        keep(house, visited(house, 1, at, **given))
    while blank(house, 10):
        pass
    assert [each for _, each in told(house)] == [False] * 3


def test_old_clicks_go_once_they_are_counted_and_the_next_ones_still_count(house):
    house.queue(1, 2, links="17")
    keep(house, *(click(house, 1, at=NOW + at) for at in range(3)))
    assert forget(house, 100) == 0
    clock = Clock(NOW + 3)
    count_all(house, clock)
    assert forget(house, 2, limit=1) == 1
    assert forget(house, 2) == 1
    gone = forget(house, 100)
    assert len(told(house)) == 1 - gone
    # Whatever ids the next ones have, they are not taken for those that went.
    keep(house, click(house, 2, at=NOW + 10), click(house, 2, at=NOW + 11))
    clock.now = NOW + 11
    count_all(house, clock)
    assert tallies(house) == {house.no(1): (3, 3, 0), house.no(2): (2, 2, 0)}


def test_agents_that_nobody_has_any_more_are_deleted(house):
    house.write(lambda tx: tx.agents.ids([b"old one", b"older"], 10))
    house.write(lambda tx: tx.agents.ids([b"new one"], 11))

    def forget_agents(day, limit=10):
        return house.write(lambda tx: tx.click_details.forget_agents(day * DAY + 5, limit))

    assert forget_agents(10) == 0
    assert forget_agents(11, limit=1) == 1
    assert forget_agents(11) == 1
    assert [bytes(row[0]) for row in read(house, agents, agents.c.text)] == [b"new one"]


def test_clicks_on_standalone_links_have_their_time_as_well(house):
    keep(house, standalone(house, 7))
    count_all(house, Clock(NOW))
    keep(house, standalone(house, 7, NOW + 5))
    assert forget(house, 1) == 1

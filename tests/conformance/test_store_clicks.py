"""Clicks: the messages behind links are found by their numbers, and each request is kept."""

from stores import ANN, NOW

from sendrail.storage.tracking.clicks import ClickRow, LinkedMessage, SharedDestination

WEEK = 7 * 24 * 3_600_000


def linked(house, *numbers, made_at=0):
    places = [(number, made_at) for number in numbers]
    return house.read(lambda tx: tx.clicks.linked(places))


def test_a_message_is_found_with_what_its_links_lead_to(house):
    house.queue(1, links="17 https://a.example/")
    house.queue(2)
    one, two, three = house.nos(1, 2, 3)
    found = linked(house, one, two, three)
    assert set(found) == {one, two}
    ours = (house.us, house.list.id, ANN, NOW)
    assert found[one] == LinkedMessage(one, *ours, sent_at=None, links="17 https://a.example/")
    assert found[two].links is None
    assert linked(house) == {}


def test_a_message_is_found_from_when_it_was_made_on(house):
    house.queue(1, links="17")
    house.queue(2, links="17", created_at=NOW + WEEK)
    one, two = house.nos(1, 2)
    assert set(linked(house, one, two, made_at=NOW)) == {one, two}
    found = house.read(lambda tx: tx.clicks.linked([(two, NOW + WEEK), (one, NOW)]))
    assert set(found) == {one, two}


def test_a_message_says_when_it_was_handed_over(house):
    house.queue(1, 2, 3, 4, links="17")
    house.start_attempts(1, 2, 3)
    house.finish_attempts(
        house.result(1),
        house.result(2, status="uncertain", outcome="uncertain", carrier_ref=None),
    )
    found = linked(house, *house.nos(1, 2, 3, 4))
    times = [found[number].sent_at for number in house.nos(1, 2, 3, 4)]
    # The second may have arrived, at any time since it was handed over; the third is on its way.
    assert times == [NOW + 50, NOW, None, None]


def test_a_message_that_waits_again_was_not_handed_over(house):
    house.queue(1, links="17")
    house.start_attempts(1)
    house.finish_attempts(house.requeued(1))
    [number] = house.nos(1)
    assert linked(house, number)[number].sent_at is None


def test_a_number_that_was_given_out_is_known_though_its_message_is_not(house):
    def reserve(tx):
        if house.backend.__class__.__name__ == "SqliteBackend":
            return tx.local.reserve(3)
        return tx.cluster.reserve_in(house.list.lane, 3)

    first = house.write(reserve)
    step = house.no(1) - house.no(0)
    given = [first + n * step for n in range(3)]
    asked = [*given, first + 3 * step, first + 1000 * step]
    assert house.read(lambda tx: tx.clicks.given(asked)) == set(given)
    assert house.read(lambda tx: tx.clicks.given([])) == set()


def test_destinations_are_read_with_their_account(house):
    shop = "https://shop.example/{{click_id}}"
    house.write(lambda tx: tx.destinations.add(house.us, [shop], NOW))
    [one] = house.read(lambda tx: tx.destinations.find(house.us, [shop])).values()
    keys = [(house.us, one), (house.them, one), (house.us, 10**9)]
    found = house.read(lambda tx: tx.clicks.destinations(keys))
    assert found == {(house.us, one): SharedDestination(shop, None)}
    assert house.read(lambda tx: tx.clicks.destinations([])) == {}


def test_requests_are_kept_as_they_came(house):
    lane, number = house.list.lane, house.no(1)
    rows = [
        ClickRow(lane, house.us, number, 0, NOW, 1, 0, 7, b"\n\0\0", b"digest  "),
        ClickRow(lane, house.us, number, 3, NOW + 1, 3, 1, None, None, None),
        ClickRow(house.their_list.lane, house.them, 12, None, NOW + 2, 2, 8, 7, None, b"another "),
    ]
    house.write(lambda tx: tx.clicks.add(rows))
    house.write(lambda tx: tx.clicks.add([]))
    assert house.read(kept) == [row[1:] for row in rows]


def test_ids_of_requests_grow_lane_by_lane(house):
    lane = house.list.lane
    row = ClickRow(lane, house.us, house.no(1), 0, NOW, 1, 0, None, None, None)
    for at in range(3):
        house.write(lambda tx, at=at: tx.clicks.add([row._replace(at=NOW + at)] * 2))
    found = house.read(
        lambda tx: tx.core.exec_driver_sql("SELECT id, at FROM clicks ORDER BY id").fetchall()
    )
    assert len({row[0] for row in found}) == len(found) == 6
    assert [row[1] for row in found] == [NOW, NOW, NOW + 1, NOW + 1, NOW + 2, NOW + 2]


def kept(tx):
    found = tx.core.exec_driver_sql(
        "SELECT account_id, number, position, at, click_class, reason, agent_id, network, digest"
        " FROM clicks ORDER BY at"
    )
    return [tuple(row) for row in found]

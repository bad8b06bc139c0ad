"""Origins: one for each part of what sends for an account, and kept with the messages of it."""

from stores import ANN, BEN, NOW

from sendrail.domain.origin import Origin, OriginKind

FIRST = Origin(OriginKind.RUN, 7, 1, "1")
SECOND = Origin(OriginKind.RUN, 7, 1, "2")
STEP = Origin(OriginKind.JOURNEY, 7, 1, "wait-a-day")


def test_an_origin_is_one_whoever_asks_first(house):
    first = house.write(lambda tx: tx.origins.find_or_add(house.us, [FIRST, STEP]))
    again = house.write(lambda tx: tx.origins.find_or_add(house.us, [STEP, SECOND, FIRST]))
    assert set(first) == {FIRST, STEP}
    assert {each: again[each] for each in first} == first
    assert len(set(again.values())) == 3
    assert house.write(lambda tx: tx.origins.find_or_add(house.us, [])) == {}


def test_another_accounts_origin_is_another_one(house):
    [ours] = house.write(lambda tx: tx.origins.find_or_add(house.us, [FIRST])).values()
    [theirs] = house.write(lambda tx: tx.origins.find_or_add(house.them, [FIRST])).values()
    assert ours != theirs


def rows_of(house, recipients):
    return [
        (
            house.no(n), house.list.lane, house.us, house.list.id, recipient, NOW, 0, 1, "gsm7",
            "Hello", None, "",
        )
        for n, recipient in recipients
    ]  # fmt: skip


def test_a_message_is_found_with_what_it_comes_from(house):
    rows = rows_of(house, ((5, ANN), (6, BEN)))

    def insert(tx):
        [origin_id] = tx.origins.find_or_add(house.us, [SECOND]).values()
        tx.messages.insert(rows, origins={house.no(6): origin_id})

    house.write(insert)
    assert house.find(5).origin is None
    assert house.find(6).origin == SECOND
    assert [place.number for place in house.due(NOW)] == [house.no(5), house.no(6)]


def test_each_of_more_messages_than_a_statement_takes_keeps_its_own_origin(house):
    numbers = range(5, 45)
    expected = {n: (None, FIRST, SECOND)[n % 3] for n in numbers}

    def insert(tx):
        ids = tx.origins.find_or_add(house.us, [FIRST, SECOND])
        origins = {house.no(n): ids[origin] for n, origin in expected.items() if origin}
        tx.messages.insert(rows_of(house, [(n, ANN + n) for n in numbers]), origins=origins)

    house.write(insert)
    assert {n: house.find(n).origin for n in numbers} == expected
    assert [place.number for place in house.due(NOW)] == [house.no(n) for n in numbers]

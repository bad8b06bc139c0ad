"""What `sendrail status` counts, and what waits for a claim; on every store."""


def backlog(house):
    return house.read(lambda tx: tx.lookup.backlog())


def test_what_is_not_settled_is_counted(house):
    assert backlog(house) == (0, 0)
    house.queue(1, 2, 3)
    house.depart(1, 2)
    house.arrive(house.arrival(1, outcome="uncertain", status="uncertain", carrier_ref=None))
    house.write(lambda tx: tx.inbox.put(house.link, [b"one", b"two"], 0))
    assert backlog(house) == (1, 2)


def test_waiting_for_a_claim_changes_nothing(house):
    house.queue(1, 2)
    house.depart(1)
    places = [(house.list.lane, number) for number in house.nos(1, 2)]
    house.write(lambda tx: tx.queue.await_claims(places))
    assert house.statuses(1, 2) == ["sending", "queued"]


def test_a_store_beside_sees_the_same_rows(house):
    beside = house.store.beside()
    house.queue(1)
    assert house.write(lambda tx: tx.lookup.waiting()[house.us].depth, beside) == 1

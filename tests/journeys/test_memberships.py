"""Conditions of journeys on audiences: whether a contact is in one is asked at each turn."""

from travels import ANN, BEN, CID, OURS, add_audience, send, wait

THEIRS = "1" * 24


def fork(audience):
    return [
        wait("hour"),
        {
            "id": "pro",
            "kind": "condition",
            "if": {"type": "audience", "audience_id": audience},
            "yes": "yes",
            "no": "no",
        },
        send("yes", "Yes", next=None),
        send("no", "No"),
    ]


def test_whether_a_contact_is_in_an_audience_is_asked_when_its_turn_comes(journeys):
    road = journeys.road
    add_audience(journeys, road.account, OURS)
    journeys.add(*fork(OURS))
    journeys.enter(ANN, CID, fields={"plan": "pro"})
    journeys.enter(BEN, fields={"plan": "free"})
    journeys.step()
    change = [(journeys.sender.id, CID, {"plan": "free"})]
    road.write(lambda tx: tx.journey_facts.set_fields(road.account, change))
    journeys.wait(3_600)
    assert sorted(journeys.sent()) == [(ANN, "Yes"), (BEN, "No"), (CID, "No")]


def test_another_accounts_audience_has_no_members(journeys):
    other = journeys.road.write(lambda tx: tx.accounts.add("other", 1))
    add_audience(journeys, other, THEIRS)
    journeys.add(*fork(THEIRS))
    journeys.enter(ANN, fields={"plan": "pro"})
    journeys.step()
    journeys.wait(3_600)
    assert journeys.sent(ANN) == ["No"]


def test_a_trigger_asks_for_an_audience_and_another_list(journeys):
    road = journeys.road
    add_audience(journeys, road.account, OURS)
    other = road.add_list()
    conditions = [
        {"type": "audience", "audience_id": OURS},
        {"type": "list", "list_id": other.id},
    ]
    when = {"operator": "AND", "conditions": conditions}
    journey = journeys.add(wait("hour"), trigger={"on": ["signup"], "when": when})
    journeys.know(ANN, CID, sender=other)
    assert journeys.enter(ANN, BEN, fields={"plan": "pro"}) == 1
    assert journeys.enter(CID, fields={"plan": "free"}) == 0
    assert journeys.where(ANN) == "hour"
    # By a backfill as well.
    journeys.know(CID + 1, fields={"plan": "pro"})
    journeys.know(CID + 1, sender=other)
    now = road.clock.now()
    admitted = road.write(lambda tx: tx.passages.admit(road.account, journey, [CID, CID + 1], now))
    assert admitted == 1

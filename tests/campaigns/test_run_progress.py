"""How far a run has come: among its contacts, wherever their numbers lie."""

import pytest
from planned import crowd

from sendrail.campaigns.run_control import RunService
from sendrail.domain.waves import EVERYONE, KeyRange, NumberSpan, walked_share

LONDON = 447700900000


def test_the_progress_of_a_run_follows_its_contacts(desk):
    # Of all numbers there may be, these are nearly none.
    desk.join(crowd(100))
    run_id = desk.begin()
    service = RunService(desk.house.store, lambda: desk.now)

    def share():
        return desk.house.do(service.show(desk.house.us, run_id)).share

    shares = [share()]
    planner = desk.planner(page_max=25)
    for _ in range(4):
        desk.plan(planner, steps=1)
        shares.append(share())
    assert shares == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.02)


def test_where_the_contacts_are_is_asked_only_of_what_has_begun_and_is_not_done(desk):
    desk.join(crowd(4))
    run_id = desk.begin()
    planner = desk.planner(page_max=2)
    asked = []

    def spans():
        asked.append(desk.now)
        return [NumberSpan(EVERYONE, 1)]

    def look():
        asked.clear()
        us, store = desk.house.us, desk.house.store
        desk.house.do(store.read(lambda tx: tx.runs.progress(us, run_id, spans)))
        return bool(asked)

    looks = [look()]
    for _ in range(3):
        desk.plan(planner, steps=1)
        looks.append(look())
    assert looks[:2] == [False, True]
    assert not looks[-1]


def test_numbers_of_other_countries_count_by_how_many_they_are(desk):
    desk.join([*crowd(50), *range(LONDON, LONDON + 50)])
    run_id = desk.begin()
    service = RunService(desk.house.store, lambda: desk.now)
    planner = desk.planner(page_max=50)
    desk.plan(planner, steps=1)
    assert desk.house.do(service.show(desk.house.us, run_id)).share == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("ranges", "cursor", "expected"),
    [
        ([EVERYONE], 0, 0),
        ([EVERYONE], 149, 0.5 * 0.75),
        # Beyond the first span, and before the second.
        ([EVERYONE], 500, 0.75),
        ([EVERYONE], 1_099, 1),
        # Contacts outside of its ranges are none of a wave.
        ([KeyRange(1, 149)], 124, 0.5),
        ([KeyRange(300, 900)], 400, 0),
    ],
)
def test_a_part_of_the_contacts_is_estimated_span_by_span(ranges, cursor, expected):
    spans = [NumberSpan(KeyRange(100, 199), 3), NumberSpan(KeyRange(1_000, 1_099), 1)]
    assert walked_share(ranges, cursor, spans) == pytest.approx(expected)

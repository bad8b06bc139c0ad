"""The report of a run that the planner has planned."""

from planned import FIRST, crowd
from stores import NOW

from sendrail.campaigns.reports import PartKey, ReportService
from sendrail.campaigns.run_content import Variant
from sendrail.domain.origin import OriginText
from sendrail.domain.origin_counts import CountKind

TWO = (Variant(1, "A", 50, "Hello", {}), Variant(2, "B", 50, "Dear friend", {}, 17, 0, (4, 5)))


def test_a_run_is_reported_with_whom_it_planned_for_and_whom_it_left_out(desk):
    house = desk.house
    desk.join(crowd(40))
    run_id = desk.begin(desk.content(variants=TWO))
    house.write(lambda tx: tx.blocks.add(house.us, [(FIRST, "")], NOW))
    desk.plan(page_max=7)
    service = ReportService(house.store, lambda: NOW)
    report = house.do(service.of_run(house.us, run_id))
    assert report.run.planned == report.total.sent.counts[CountKind.ACCEPTED] == 39
    assert report.run.left_out == {"contact_blocked": 1}
    parts = {key: row.sent.counts[CountKind.ACCEPTED] for key, row in report.parts.items()}
    assert set(parts) == {PartKey(1, "1"), PartKey(1, "2")}
    assert sorted(parts.values()) == sorted(report.run.variants.values()) == [19, 20]
    of_texts = house.read(lambda tx: tx.report_counts.origins(house.us, [1, 2, 3, 4]))
    texts = {each.origin.part: each.text for each in of_texts.values()}
    assert texts == {"1": OriginText(), "2": OriginText(17, (4, 5))}
    [(_, of_list)] = report.lists.items()
    assert of_list.sent.counts[CountKind.ACCEPTED] == 39

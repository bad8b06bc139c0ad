"""History from files: as over HTTP, in CSV and JSON lines, dry or stored."""

import json
from collections import Counter

import pytest
from sqlalchemy import select
from stores import NOW, OURS

from sendrail.contacts.imports import ImportOptions
from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import InvalidInput
from sendrail.domain.history import HistoryEntity
from sendrail.storage.tracking_tables import contact_history
from sendrail.tracking.history import HistoryService
from sendrail.tracking.history_files import HistoryFileService
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets

ME = Actor(name="a test")
SENDS, CLICKS, REVENUE = HistoryEntity
SENT = "id,list_number,to,sent_at,delivered\na,+15550001000,+15550100001,2025-11-03,yes\n"


async def pieces(text):
    yield text.encode()


class Desk:
    def __init__(self, house):
        self.house = house
        self.history = HistoryService(house.store, lambda: NOW)
        self.files = HistoryFileService(house.store, self.history, lambda: NOW)
        offers = OfferService(house.store, PostbackSecrets(b"s" * 32), lambda: NOW)
        given = OfferChange(
            name="Offer", tracking_url="https://shop.example/", external_id="summer"
        )
        house.do(offers.add(house.us, given, ME))

    def bring(self, entity, text, *, dry_run=False, **more):
        """Import a file; return how many are new, known and refused, and where and why."""
        told = []
        options = ImportOptions(dry_run=dry_run, tell=told.append)
        report = self.house.do(
            self.files.import_file(self.house.us, entity, pieces(text), options, ME, **more)
        )
        assert [each[:2] for each in report.reasons] == [each[:2] for each in told]
        return (*report.counts.values(), {each.row: each.reason for each in told})

    def totals(self):
        return self.house.do(self.history.totals(self.house.us))


@pytest.fixture
def desk(house):
    return Desk(house)


def test_a_file_of_each_kind_is_imported_once(desk):
    clicks = "message_id,offer_id,clicked_at\na,summer,2025-11-04T08:00:00Z\n"
    revenue = "message_id;offer_id;revenue;payout\na;summer;24.99;5\na;summer;0.01;\n"
    assert desk.bring(SENDS, SENT) == (1, 0, {})
    assert desk.bring(CLICKS, clicks) == (1, 0, {})
    assert desk.bring(REVENUE, revenue) == (2, 0, {})
    [row] = desk.house.read(lambda tx: tx.core.execute(select(contact_history)).all())
    assert (row.sends, row.clicks, row.conversions, row.revenue) == (1, 1, 2, 250_000)
    for entity, text, count in ((SENDS, SENT, 1), (CLICKS, clicks, 1), (REVENUE, revenue, 2)):
        assert desk.bring(entity, text) == (0, count, {})
    assert desk.totals().revenue == 250_000


def test_json_lines_are_the_same_rows(desk):
    lines = [
        {"id": "a", "list_id": desk.house.list.id, "to_number": "+15550100001", "at": "2025-11-03"},
        {"id": 7, "to_number": "+15550100002", "timestamp": "2025-11-03T08:00:00Z"},
    ]
    text = "\n".join(map(json.dumps, lines))
    assert desk.bring(SENDS, text, list_number=OURS) == (2, 0, {})
    revenue = {"message_id": "7", "offer_id": "summer", "revenue": 24.99}
    assert desk.bring(REVENUE, json.dumps(revenue)) == (1, 0, {})
    assert desk.totals().revenue == 249_900


def test_a_bad_row_affects_no_other_and_is_named_by_its_line(desk):
    text = (
        SENT + "a,+15550001000,+15550100001,2025-11-03,\n"
        "b,+15559999999,+15550100001,2025-11-03,\n"
        "c,,+15550100001,2025-11-03,\n"
        ",+15550001000,+15550100001,2025-11-03,\n"
        "d,+15550001000,nobody,2025-11-03,\n"
        "e,+15550001000,+15550100001,soon,\n"
        "f,+15550001000,+15550100001,2999-01-01,\n"
        "g,+15550001000,+15550100001,2025-11-03,perhaps\n"
        "h,+15550001000,+15550100002,2025-11-03,no\n"
    )
    created, known, refused = desk.bring(SENDS, text)
    assert (created, known, sorted(refused)) == (2, 1, [4, 5, 6, 7, 8, 9, 10])
    assert desk.totals().sends == 2
    text = (
        "message_id,offer_id,revenue\nx,summer,1\na,winter,1\na,summer,-1\na,summer,\na,summer,1\n"
    )
    created, known, refused = desk.bring(REVENUE, text)
    assert (created, known, sorted(refused)) == (1, 0, [2, 3, 4, 5])


def test_an_amount_in_another_currency_is_refused_alone_dry_or_stored(desk):
    desk.bring(SENDS, SENT)
    text = "message_id,offer_id,revenue,currency\na,summer,1,usd\na,summer,2,EUR\na,summer,3,\n"
    for dry_run in (True, False):
        created, known, refused = desk.bring(REVENUE, text, dry_run=dry_run)
        assert (created, known, [*refused]) == (2, 0, [3])
        assert "USD" in refused[3]
    assert desk.totals().revenue == 40_000


@pytest.mark.parametrize("rows", [1, 1_200])
def test_a_dry_run_says_what_would_become_of_each_row_and_stores_none(desk, rows):
    """Of many rows, too, where one is known by another of an earlier batch."""
    sends = SENT + "".join(
        f"s{n % (rows - rows // 4)},+15550001000,+15550{n + 200000},2025-11-03,\n"
        for n in range(rows)
    )
    dry = desk.bring(SENDS, sends, dry_run=True)
    assert desk.totals().sends == 0
    assert desk.bring(SENDS, sends) == dry
    for entity in (CLICKS, REVENUE):
        text = "message_id,offer_id,revenue\n" + "".join(
            f"s{n % (rows - rows // 4)},summer,1\n" for n in range(rows)
        )
        before = desk.totals()
        dry = desk.bring(entity, text, dry_run=True)
        assert desk.totals() == before
        assert desk.bring(entity, text) == dry == (rows - rows // 4, rows // 4, {})


def test_what_was_imported_and_cleared_is_noted_without_a_name(desk):
    desk.bring(SENDS, SENT, dry_run=True)
    desk.bring(SENDS, SENT)
    desk.house.do(desk.history.clear(desk.house.us, [SENDS], ME))
    entries = desk.house.read(
        lambda tx: tx.core.exec_driver_sql("SELECT action, about, details FROM audit").all()
    )
    counted = Counter(entry[0] for entry in entries)
    assert counted[Action.HISTORY_IMPORTED] == counted[Action.HISTORY_CLEARED] == 1
    assert "15550100001" not in str(entries)


@pytest.mark.parametrize("entity", HistoryEntity)
def test_a_file_without_its_columns_is_refused_whole(desk, entity):
    with pytest.raises(InvalidInput) as caught:
        desk.bring(entity, "name\nAnn\n")
    assert caught.value.code == "missing_column"

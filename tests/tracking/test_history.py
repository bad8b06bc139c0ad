"""Imported history: counted once, apart from what happened here, and taken back exactly."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from stores import ANN, BEN, NOW, OURS, sign_up

from sendrail.contacts.erasure import ErasureService
from sendrail.contacts.imports import RowOutcome
from sendrail.domain.audit import Actor
from sendrail.domain.conversion import Attribution, ConversionEvent, ConversionSource
from sendrail.domain.history import HistoryClick, HistoryEntity, HistoryRevenue, HistorySend
from sendrail.domain.ids import MessageNumber
from sendrail.storage.contacts.signups import ContactFilter
from sendrail.storage.tracking_tables import contact_history, imported_sends
from sendrail.tracking.history import HistoryService
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.recording import ConversionReport, record

ME = Actor(name="a test")
SALE, REFUND = ConversionEvent.SALE, ConversionEvent.REFUND
SENDS, CLICKS, REVENUE = HistoryEntity
NEW, KNOWN = RowOutcome.CREATED, RowOutcome.ALREADY_THERE
THEN = NOW - 86_400_000


class Desk:
    def __init__(self, house):
        self.house, self.now = house, NOW
        self.service = HistoryService(house.store, lambda: self.now)
        offers = OfferService(house.store, PostbackSecrets(b"s" * 32), lambda: NOW)
        given = OfferChange(name="Offer", tracking_url="https://shop.example/", payout=50_000)
        self.offer = house.do(offers.add(house.us, given, ME))

    def send(self, ref, recipient=ANN, at=THEN, list_number=OURS, list_id=None):
        return HistorySend(
            ref=ref, list_number=list_number, list_id=list_id, recipient=recipient, at=at
        )

    def click(self, ref, **more):
        return HistoryClick(ref=ref, offer_id=self.offer.ref, **more)

    def revenue(self, ref, amount=10_000, **more):
        return HistoryRevenue(ref=ref, offer_id=self.offer.ref, amount=amount, **more)

    def bring(self, kind, *rows, account=None):
        """Import rows; return what became of each: an outcome, or the code of its error."""
        call = getattr(self.service, f"import_{kind}")
        found = self.house.do(call(account or self.house.us, rows))
        return [getattr(each, "code", each) for each in found.outcomes]

    def clear(self, *entities, before=None):
        cleared = self.house.do(self.service.clear(self.house.us, entities, ME, before=before))
        return tuple(cleared.values())

    def counted(self):
        """Return what was imported of each contact, by number."""
        rows = self.house.read(lambda tx: tx.core.execute(select(contact_history)).all())
        return {row.recipient: tuple(row)[2:] for row in rows}

    def stored(self):
        rows = self.house.read(lambda tx: tx.core.execute(select(imported_sends)).all())
        return {row.ref: row for row in rows}


@pytest.fixture
def desk(house):
    return Desk(house)


# Imported


def test_what_is_imported_is_counted_once(desk):
    rows = [desk.send("a"), desk.send("b", at=THEN + 5), desk.send("a"), desk.send("c", BEN)]
    assert desk.bring("sends", *rows) == [NEW, NEW, KNOWN, NEW]
    assert desk.bring("clicks", desk.click("a", at=THEN + 7)) == [NEW]
    assert desk.bring("revenue", desk.revenue("b"), desk.revenue("b", 5)) == [NEW, NEW]
    first = desk.counted()
    assert first == {
        ANN: (2, THEN, THEN + 5, 1, THEN + 7, 2, 10_005, THEN + 5),
        BEN: (1, THEN, THEN, 0, None, 0, 0, None),
    }
    assert desk.bring("sends", *rows) == [KNOWN] * 4
    assert desk.bring("clicks", desk.click("a")) == [KNOWN]
    assert desk.bring("revenue", desk.revenue("b"), desk.revenue("b", 5)) == [KNOWN] * 2
    assert desk.counted() == first


def test_of_one_message_only_the_first_click_counts(desk):
    desk.bring("sends", desk.send("a"))
    clicks = [desk.click("a", at=THEN + 1), desk.click("a", at=THEN + 9)]
    assert desk.bring("clicks", *clicks) == [NEW, KNOWN]
    assert desk.stored()["a"].clicked_at == THEN + 1
    assert desk.counted()[ANN][3:5] == (1, THEN + 1)


def test_what_is_not_there_is_refused_alone(desk):
    desk.bring("sends", desk.send("a"))
    assert desk.bring(
        "clicks", desk.click("x"), desk.click("a", recipient=BEN), desk.click("a", recipient=ANN)
    ) == ["message_not_found", "contact_not_found", NEW]
    assert desk.bring("revenue", desk.revenue("x"), desk.revenue("a")) == ["message_not_found", NEW]
    elsewhere = HistoryRevenue(ref="a", offer_id="none", amount=1)
    assert desk.bring("revenue", elsewhere) == ["offer_not_found"]
    rows = [desk.send("b", list_number=15559999999), desk.send("c", at=NOW + 60_001)]
    assert desk.bring("sends", *rows) == ["list_not_found", "invalid_timestamp"]
    assert desk.bring("sends", desk.send("c", at=NOW + 60_000)) == [NEW]


def test_one_account_sees_nothing_of_anothers_history(desk):
    them = desk.house.them
    desk.bring("sends", desk.send("a"))
    assert desk.bring("clicks", desk.click("a"), account=them) == ["message_not_found"]
    assert desk.bring("revenue", desk.revenue("a"), account=them) == ["message_not_found"]
    # The list is not theirs either, whatever names it.
    [ours] = {row.list_id for row in desk.stored().values()}
    theirs = [desk.send("b"), desk.send("b", list_number=None, list_id=ours)]
    assert desk.bring("sends", *theirs, account=them) == ["list_not_found"] * 2
    desk.house.do(desk.service.clear(them, list(HistoryEntity), ME))
    assert list(desk.stored()) == ["a"]


def test_imported_revenue_counts_without_a_click_and_is_no_event(desk):
    desk.bring("sends", desk.send("a"))
    desk.bring("revenue", desk.revenue("a", payout=30_000))
    [kept] = desk.house.read(
        lambda tx: tx.conversions.imported_after(desk.house.us, (-(1 << 62), 0), 10)
    )
    assert (kept.attributed, kept.imported, kept.payout) == (True, True, 30_000)
    assert (kept.source, kept.at) == (ConversionSource.HISTORY, THEN)
    assert desk.house.read(lambda tx: tx.endpoints.backlog()) == 0


def test_a_transaction_is_once_however_it_comes(desk):
    desk.bring("sends", desk.send("a"))
    first, again = desk.revenue("a", external_id="t"), desk.revenue("a", 5, external_id="t")
    assert desk.bring("revenue", first, again) == [NEW, KNOWN]
    refund = desk.revenue("a", 4_000, external_id="t", event=REFUND)
    assert desk.bring("revenue", refund) == [NEW]
    assert desk.counted()[ANN][5:7] == (1, 6_000)


def test_a_page_of_contacts_shows_both_histories(desk):
    desk.house.write(lambda tx: sign_up(tx, desk.house.list.id, ANN))
    desk.bring("sends", desk.send("a"), desk.send("b", at=THEN + 1))
    desk.bring("clicks", desk.click("a"))
    about = ContactFilter()
    [found] = desk.house.read(lambda tx: tx.signups.page(desk.house.us, about, 0, 10))
    assert (found.sends, found.last_sent_at) == (2, THEN + 1)
    assert (found.clicks, found.last_clicked_at, found.conversions) == (1, THEN, 0)


# Taken back


def test_clearing_takes_back_exactly_what_was_imported(desk):
    desk.bring("sends", desk.send("a"), desk.send("b", BEN))
    desk.bring("clicks", desk.click("a"), desk.click("b"))
    desk.bring("revenue", desk.revenue("a"), desk.revenue("b"))
    assert desk.clear(REVENUE) == (0, 0, 2)
    assert desk.counted()[ANN] == (1, THEN, THEN, 1, THEN, 0, 0, None)
    assert desk.clear(CLICKS) == (0, 2, 0)
    assert desk.counted()[ANN] == (1, THEN, THEN, 0, None, 0, 0, None)
    assert desk.bring("clicks", desk.click("a")) == [NEW]
    assert desk.clear(SENDS) == (2, 1, 0)
    assert (desk.counted(), desk.stored()) == ({}, {})
    assert desk.clear(*HistoryEntity) == (0, 0, 0)


def test_with_a_send_go_its_click_and_its_revenue(desk):
    desk.bring("sends", desk.send("a"), desk.send("b", at=THEN + 5))
    desk.bring("clicks", desk.click("a", at=NOW), desk.click("b", at=THEN + 6))
    desk.bring("revenue", desk.revenue("a", at=NOW), desk.revenue("b", 7))
    assert desk.clear(SENDS, before=THEN + 5) == (1, 1, 1)
    assert desk.counted() == {ANN: (1, THEN + 5, THEN + 5, 1, THEN + 6, 1, 7, THEN + 5)}
    assert list(desk.stored()) == ["b"]


def test_a_refund_waits_again_for_a_sale_that_was_cleared(desk):
    us = desk.house.us
    desk.house.queue(1)
    number = MessageNumber(desk.house.no(1))
    desk.bring("sends", desk.send("a"))
    desk.bring("revenue", desk.revenue("a", 10_000, external_id="t"))
    message = desk.house.read(lambda tx: tx.conversions.message(us, number))
    report = ConversionReport(
        account_id=us,
        message=message,
        offer=desk.offer,
        event=REFUND,
        external_id="t",
        amount=None,
        at=NOW,
        clicked_at=None,
        source=ConversionSource.OFFER,
        attribution=Attribution.CLICK,
    )
    earned = lambda: desk.house.read(  # noqa: E731
        lambda tx: [
            tuple(r) for r in tx.core.exec_driver_sql("SELECT revenue FROM contact_earnings")
        ]
    )
    desk.house.write(lambda tx: record(tx, report, NOW))
    assert earned() == [(-10_000,)]
    desk.clear(REVENUE)
    assert earned() == [(0,)]
    [refund] = desk.house.read(
        lambda tx: tx.conversions.of_transactions(us, [(desk.offer.id, "t")])
    )
    assert (refund.attributed, refund.takes_back, refund.amount) == (False, None, -10_000)
    # Brought in once more, the sale is taken back once more.
    desk.bring("revenue", desk.revenue("a", 10_000, external_id="t"))
    assert desk.counted()[ANN][5:7] == (1, 0)


# People and time


def test_an_erased_person_is_not_named_and_does_not_come_back(desk):
    desk.bring("sends", desk.send("a"), desk.send("b", BEN))
    desk.house.do(ErasureService(desk.house.store, lambda: NOW).erase(desk.house.us, ANN, ME))
    assert str(ANN) not in "".join(
        text
        for table, text in desk.house.backend.everything().items()
        if table.endswith(("sends", "history"))
    )
    assert set(desk.counted()) == {BEN}
    assert desk.bring("sends", desk.send("a"), desk.send("c")) == [KNOWN, "contact_not_found"]
    # What they clicked and earned still counts for the account, and for nobody.
    assert desk.bring("clicks", desk.click("a", recipient=ANN)) == [NEW]
    assert desk.bring("revenue", desk.revenue("a")) == [NEW]
    assert set(desk.counted()) == {BEN}
    assert desk.clear(*HistoryEntity) == (2, 1, 1)
    assert desk.counted() == {}


def test_retention_deletes_sends_by_the_time_of_their_import_and_keeps_what_they_counted(desk):
    desk.bring("sends", desk.send("a"))
    desk.bring("revenue", desk.revenue("a"))
    desk.now = NOW + 1
    desk.bring("sends", desk.send("b"))
    before = desk.counted()
    assert desk.house.write(lambda tx: tx.history.forget_before(NOW + 1, 10)) == 1
    assert list(desk.stored()) == ["b"]
    assert desk.counted() == before
    # Nobody else gets its id: its revenue is not another's.
    desk.house.write(lambda tx: tx.history.forget_before(NOW + 2, 10))
    desk.bring("sends", desk.send("c", BEN))
    assert desk.clear(REVENUE) == (0, 0, 1)
    assert desk.counted()[ANN] == (2, THEN, THEN, 0, None, 0, 0, None)
    assert desk.clear(SENDS) == (1, 0, 0)
    assert desk.counted() == {}


# A model


class Model:
    """History as a few dictionaries."""

    def __init__(self):
        self.sends, self.clicks, self.revenue = {}, {}, {}

    def counted(self):
        found = {}
        for who in {recipient for recipient, _ in self.sends.values()}:
            refs = {ref for ref, (recipient, _) in self.sends.items() if recipient == who}
            sent = [self.sends[ref][1] for ref in refs]
            clicked = [at for ref, at in self.clicks.items() if ref in refs]
            earned = [(at, amount) for ref, at, amount in self.revenue if ref in refs]
            found[who] = (
                len(sent), min(sent), max(sent), len(clicked), max(clicked, default=None),
                len(earned), sum(amount for _, amount in earned),
                max((at for at, _ in earned), default=None),
            )  # fmt: skip
        return found

    def clear(self, entities, before):
        gone = {r for r, (_, at) in self.sends.items() if SENDS in entities and at < before}
        self.sends = {r: send for r, send in self.sends.items() if r not in gone}
        self.clicks = {
            r: at
            for r, at in self.clicks.items()
            if r not in gone and not (CLICKS in entities and at < before)
        }
        self.revenue = {
            (r, at, amount): None
            for r, at, amount in self.revenue
            if r not in gone and not (REVENUE in entities and at < before)
        }


refs, times = st.sampled_from("abcde"), st.integers(THEN, THEN + 4)
steps = st.one_of(
    st.tuples(st.just("send"), refs, st.sampled_from([ANN, BEN]), times),
    st.tuples(st.just("click"), refs, times),
    st.tuples(st.just("revenue"), refs, times, st.integers(0, 3)),
    st.tuples(st.just("clear"), st.sets(st.sampled_from(HistoryEntity), min_size=1), times),
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(steps, max_size=14))
def test_whatever_is_imported_and_cleared_the_sums_are_those_of_the_rows(desk, walk):
    desk.clear(*HistoryEntity)
    model = Model()
    for step in walk:
        match step:
            case ("send", ref, who, at):
                desk.bring("sends", desk.send(ref, who, at))
                model.sends.setdefault(ref, (who, at))
            case ("click", ref, at):
                desk.bring("clicks", desk.click(ref, at=at))
                if ref in model.sends:
                    model.clicks.setdefault(ref, at)
            case ("revenue", ref, at, amount):
                desk.bring("revenue", desk.revenue(ref, amount, at=at))
                if ref in model.sends:
                    model.revenue[ref, at, amount] = None
            case ("clear", entities, before):
                desk.clear(*entities, before=before)
                model.clear(entities, before)
        assert desk.counted() == model.counted()

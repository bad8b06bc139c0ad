"""A batch of conversions is recorded as if one came after the other."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from stores import NOW

from sendrail.domain.audit import Actor
from sendrail.domain.conversion import Attribution, ConversionEvent, ConversionSource
from sendrail.storage.tracking_tables import contact_earnings, conversions
from sendrail.tracking.offers import OfferChange, OfferService
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.recording import ConversionReport, record_all

ME = Actor(name="a test")


class Undo(Exception):
    """Undoes a transaction, and says what it would have done."""


class Desk:
    def __init__(self, house):
        self.house = house
        service = OfferService(house.store, PostbackSecrets(b"s" * 32), lambda: NOW)
        given = OfferChange(name="Offer", tracking_url="https://shop.example/", payout=50_000)
        self.offer = house.do(service.add(house.us, given, ME))
        house.queue(1, 2)
        numbers = house.nos(1, 2)
        found = house.read(lambda tx: tx.conversions.messages(house.us, numbers))
        self.messages = [found[number] for number in numbers]

    def report(self, event, external_id, amount, attribution, which, source, *, clicked):
        return ConversionReport(
            account_id=self.house.us,
            message=None if which is None else self.messages[which],
            offer=self.offer,
            event=event,
            external_id=external_id,
            amount=amount,
            at=NOW,
            clicked_at=NOW if clicked else None,
            source=source,
            attribution=attribution,
        )

    def came_of(self, batches):
        """Return what recording these would have said and stored; nothing of it is left."""

        def work(tx):
            became = [each for batch in batches for each in record_all(tx, batch, NOW)]
            said = [
                (each.is_duplicate, each.conversion.amount, each.conversion.attributed)
                for each in became
            ]
            raise Undo(said, _stored(tx), tx.core.execute(select(contact_earnings)).all())

        with pytest.raises(Undo) as found:
            self.house.write(work)
        return found.value.args


def _stored(tx):
    """Return the rows with their places for ids, which are others each time."""
    rows = [
        row._asdict() for row in tx.core.execute(select(conversions).order_by(conversions.c.id))
    ]
    place = {row["id"]: at for at, row in enumerate(rows)}
    return [
        row | {"id": place[row["id"]], "takes_back": place.get(row["takes_back"])} for row in rows
    ]


@pytest.fixture
def desk(house):
    return Desk(house)


reports = st.tuples(
    st.sampled_from([ConversionEvent.SALE, ConversionEvent.LEAD, ConversionEvent.REFUND]),
    st.sampled_from([None, "t", "u"]),
    st.sampled_from([None, 0, 1_000]),
    st.sampled_from(Attribution),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([ConversionSource.API, ConversionSource.OFFER, ConversionSource.HISTORY]),
    st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(reports, max_size=10), st.integers(0, 10))
def test_a_batch_is_as_if_one_came_after_the_other(desk, said, cut):
    made = [desk.report(*fields, clicked=clicked) for *fields, clicked in said]
    alone = [[each] for each in made]
    assert desk.came_of([made[:cut], made[cut:]]) == desk.came_of(alone)

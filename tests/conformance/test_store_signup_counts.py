"""What every store must count of contacts by the day of their sign-up: what their rows say."""

from collections import Counter

import pytest
from sqlalchemy import func, select
from stores import ANN, BEN, CID, NOW

from sendrail.domain.contact import OptOutReason, SignUp, SignupMethod
from sendrail.storage.contact_tables import list_contacts, signup_counts
from sendrail.storage.contacts.imported import FileContact
from sendrail.storage.contacts.signups import SubscriptionUpdate

DAY = 86_400_000
ANOTHER_LIST = 15550007


def signup(number, at=None, method=SignupMethod.API):
    return SignUp(recipient=number, method=method, at=at)


def by_rows(house):
    rows = house.read(lambda tx: tx.core.execute(select(list_contacts)).all())
    return Counter((row.list_id, row.signup_at // DAY) for row in rows)


def by_counts(house):
    of = signup_counts.c
    sums = select(of.list_id, of.day, func.sum(of.n)).group_by(of.list_id, of.day)
    rows = house.read(lambda tx: tx.core.execute(sums).all())
    return Counter({(row[0], row[1]): int(row[2]) for row in rows if row[2]})


def leave(tx, house, number, **more):
    how = {"source": "t", "evidence": "x", "now": NOW} | more
    return tx.contacts.unsubscribe(house.list.id, number, OptOutReason.MESSAGE, **how)


def add(tx, house, *signups):
    return tx.signups.add(house.list.id, [(each, {}) for each in signups], NOW)


def sign_ups(tx, house):
    """One that is known, and one number twice at different times: the first of them is kept."""
    add(tx, house, signup(BEN), signup(CID, NOW - 9 * DAY), signup(CID, NOW - 2 * DAY))


def leaving(tx, house):
    assert leave(tx, house, BEN)
    assert leave(tx, house, CID)


def leaving_everywhere(tx, house):
    assert leave(tx, house, CID, everywhere_in=house.us)


def coming_back(tx, house):
    assert leave(tx, house, BEN)
    back = {"source": "t", "evidence": "x", "now": NOW + DAY}
    assert tx.contacts.resubscribe(house.list.id, BEN, **back)


def joining(tx, house):
    for is_new in (True, False):
        joined = tx.contacts.join(house.list.id, CID, evidence="START", rule=None, now=NOW)
        assert joined is is_new


def signing_up_behind_a_leaving(tx, house):
    """A number that was known by its leaving alone signs up, and its day moves; another stays."""
    tx.contacts.unsubscribe(
        house.list.id, CID, OptOutReason.COMPLAINT, source="t", evidence="x", now=NOW
    )
    moved, again = signup(CID, NOW - 30 * DAY), signup(CID, NOW - 4 * DAY)
    known = signup(BEN, NOW - 50 * DAY)
    changes = [SubscriptionUpdate(each, True, {}) for each in (moved, again, known)]
    tx.signups.update_subscriptions(house.list.id, changes, NOW)
    unheard = SubscriptionUpdate(signup(ANN, NOW - 60 * DAY), False, {})
    tx.signups.update_subscriptions(house.list.id, [unheard], NOW)


def importing(tx, house):
    rows = [FileContact(ANN + 7), FileContact(CID, consent_at=NOW - 70 * DAY)]
    tx.imported.subscribe(house.list, rows, NOW)


def inheriting(tx, house):
    leave(tx, house, BEN)
    leave(tx, house, CID)
    tx.contacts.inherit(house.us, house.other.id, NOW + DAY)


def erasing(tx, house):
    for number in (BEN, CID):
        tx.erasure.forget(house.us, number, NOW)


WAYS = (
    sign_ups, leaving, leaving_everywhere, coming_back, joining, signing_up_behind_a_leaving,
    importing, inheriting, erasing,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_leaves_the_counts_with_what_the_rows_say(house, way):
    house.other = house.add_list(house.us, ANOTHER_LIST)
    house.write(lambda tx: add(tx, house, signup(ANN, NOW - 3 * DAY), signup(BEN, NOW - 5 * DAY)))
    before = by_counts(house)
    assert before == by_rows(house) != Counter()
    house.write(lambda tx: way(tx, house))
    assert by_counts(house) == by_rows(house)
    moves = way is not coming_back
    assert (by_counts(house) != before) is moves


def test_contacts_of_others_are_counted_by_their_own_lists(house):
    theirs = house.add_list(house.them, ANOTHER_LIST)
    house.write(lambda tx: add(tx, house, signup(ANN)))
    house.write(lambda tx: tx.signups.add(theirs.id, [(signup(ANN), {})], NOW))
    house.write(lambda tx: tx.erasure.forget(house.us, ANN, NOW))
    assert by_counts(house) == by_rows(house) == Counter({(theirs.id, NOW // DAY): 1})

"""Replies that wait for a person: read, and decided about once; a decision does what it says."""

import pytest
from stores import ANN, BEN, NOW, OURS, house, sign_up

from sendrail.contacts.replies import ReplyService
from sendrail.domain.audit import Action, Actor
from sendrail.domain.consent import Keyword, KeywordReading, ReplyVerdict
from sendrail.domain.contact import OptOutReason, Scope
from sendrail.domain.errors import Conflict, NotFound
from sendrail.receipts.replies import ReplyWish, honour
from sendrail.receipts.reviews import ReviewService
from sendrail.storage.pipeline.reply_log import ReplyFilter

__all__ = ["house"]
ME = Actor(name="user ana@example.com")
STOP, NO_STOP = ReplyVerdict.STOP, ReplyVerdict.NO_STOP
LATER = NOW + 60_000


def came(house, body, keyword=None, rule=None, number=ANN, *, review=True):
    """Keep a reply, honour it as the receipts' worker does, and return its id."""
    sender = house.read(lambda tx: tx.lists.find(house.us, OURS))

    reading = KeywordReading(keyword=keyword, rule=rule, review=review)

    def write(tx):
        tx.replies.keep(sender, number, body, reading, NOW)
        if keyword is not None:
            wish = ReplyWish(
                sender=sender, contact=number, body=body, keyword=keyword, rule=rule, now=NOW
            )
            honour(tx, wish, Scope.LIST)
        return tx.reply_log.page(house.us, ReplyFilter(), 0, 1)[0].id

    return house.write(write)


def decide(house, reply_id, verdict, account=None):
    service = ReviewService(house.store, Scope.LIST, lambda: LATER)
    return house.do(service.decide(account or house.us, reply_id, verdict, ME))


def contact(house, number=ANN):
    return house.read(lambda tx: tx.contacts.find(house.list.id, number))


def subscribed(house, number=ANN):
    house.write(lambda tx: sign_up(tx, house.list.id, number))


def test_replies_are_unread_until_seen_and_wait_until_decided(house):
    service = ReplyService(house.store, lambda: LATER)
    plain = came(house, "when?", review=False)
    doubtful = came(house, "leave me be", rule="doubt")
    came(house, "stop", Keyword.STOP, "exact", BEN, review=False)
    assert house.do(service.waiting(house.us)) == (2, 1)
    assert house.do(service.waiting(house.them)) == (0, 0)
    house.do(service.see(house.them, [plain]))
    house.do(service.see(house.us, [plain]))
    assert [each.id for each in house.do(service.page(house.us, unread=True))] == [doubtful]
    assert [each.id for each in house.do(service.page(house.us, review=True))] == [doubtful]
    decide(house, doubtful, NO_STOP)
    assert house.do(service.waiting(house.us)) == (0, 0)
    assert house.do(service.page(house.us, review=True)) == []


def test_what_was_a_stop_takes_the_contact_off_and_is_decided_once(house):
    subscribed(house)
    reply = came(house, "leave me be", rule="doubt")
    assert decide(house, reply, STOP).left == 1
    found = contact(house)
    assert (found.active, found.reason) == (False, OptOutReason.MESSAGE)
    [last] = house.read(lambda tx: tx.contacts.history(house.list.id, ANN))[-1:]
    assert last.evidence == "reply read as STOP by user ana@example.com: leave me be"
    for verdict in (STOP, NO_STOP):
        with pytest.raises(Conflict):
            decide(house, reply, verdict)
    [entry] = house.read(lambda tx: tx.audit.page(house.us, Action.REPLY_REVIEWED, 0, 9))
    assert entry.actor == ME.name
    assert (entry.details["verdict"], entry.details["left"]) == ("stop", 1)
    assert str(ANN) not in entry.about


def test_what_was_no_stop_undoes_the_opt_out_that_it_caused(house):
    subscribed(house)
    reply = came(house, "stop by tomorrow", Keyword.STOP, "first_word")
    assert not contact(house).active
    assert decide(house, reply, NO_STOP).back == 1
    assert contact(house).active


def test_what_was_no_stop_undoes_nothing_else(house):
    subscribed(house)
    doubtful = came(house, "stop by tomorrow", Keyword.STOP, "first_word")
    house.write(
        lambda tx: tx.contacts.resubscribe(
            house.list.id, ANN, source="reply", evidence="start", now=NOW + 1
        )
    )
    came(house, "STOP", Keyword.STOP, "exact", review=False)
    assert decide(house, doubtful, NO_STOP).back == 0
    assert not contact(house).active
    # Who had never signed up is not signed up by it.
    stranger = came(house, "stop by tomorrow", Keyword.STOP, "first_word", BEN)
    assert decide(house, stranger, NO_STOP).back == 0
    assert not contact(house, BEN).active


def test_a_contact_that_has_come_back_since_stays(house):
    subscribed(house)
    reply = came(house, "leave me be", rule="doubt")
    came(house, "stop", Keyword.STOP, "exact", review=False)
    house.write(
        lambda tx: tx.contacts.resubscribe(
            house.list.id, ANN, source="reply", evidence="start", now=NOW + 5
        )
    )
    assert decide(house, reply, STOP).left == 0
    assert contact(house).active


def test_a_reply_of_another_account_or_without_doubt_is_not_there(house):
    reply, plain = came(house, "leave me be", rule="doubt"), came(house, "when?", review=False)
    for reply_id, account in ((reply, house.them), (plain, house.us), (9_999, house.us)):
        with pytest.raises(NotFound):
            decide(house, reply_id, STOP, account)

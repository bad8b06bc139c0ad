"""What every store must do about replies, their parts and answers, and words on recipients."""

import pytest
from stores import ANN, BEN, NOW, sign_up

from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.consent import Keyword, read_reply
from sendrail.domain.contact import OptOutReason, RecipientTrouble, TroublePolicy
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply, ReplyPart
from sendrail.domain.text import Alphabet
from sendrail.storage.contacts.bounces import RecipientReport
from sendrail.storage.pipeline.replies import PartsKey
from sendrail.storage.pipeline.reply_log import ReplyFilter

PAUSE = 1_000
POLICY = TroublePolicy(times_max=2, within_ms=10_000)


def leave(house, sender, number=ANN, reason=OptOutReason.MESSAGE, **more):
    return house.write(
        lambda tx: tx.contacts.unsubscribe(
            sender.id, number, reason, source="t", evidence="x", now=NOW, **more
        )
    )


def come_back(house, sender, number=ANN, **more):
    return house.write(
        lambda tx: tx.contacts.resubscribe(
            sender.id, number, source="t", evidence="y", now=NOW + 1, **more
        )
    )


def is_active(house, sender, number=ANN):
    contact = house.read(lambda tx: tx.contacts.find(sender.id, number))
    return contact is None or contact.active


# Consent


def test_an_opt_out_of_the_account_reaches_its_lists_and_no_others(house):
    second, third = house.add_list(house.us, 15550001001), house.add_list(house.us, 15550001002)
    house.write(lambda tx: sign_up(tx, second.id, ANN))
    leave(house, third, reason=OptOutReason.MANUAL)
    assert leave(house, house.list, everywhere_in=house.us, rule="exact")
    assert not leave(house, house.list, everywhere_in=house.us)
    assert not any(is_active(house, each) for each in (house.list, second, third))
    assert is_active(house, house.their_list)
    [event] = house.read(lambda tx: tx.contacts.history(second.id, ANN))
    assert (event.reason, event.rule, event.evidence, event.at) == ("message", "exact", "x", NOW)
    assert come_back(house, house.list, everywhere_in=house.us)
    assert is_active(house, second)
    assert not is_active(house, third), "it was left by hand"


@pytest.mark.parametrize("before", [True, False])
def test_a_complaint_stays_whatever_came_before_it(house, before):
    if before:
        leave(house, house.list)
    assert leave(house, house.list, reason=OptOutReason.COMPLAINT) is not before
    assert not come_back(house, house.list)
    assert not is_active(house, house.list)
    reasons = [
        event.reason for event in house.read(lambda tx: tx.contacts.history(house.list.id, ANN))
    ]
    assert reasons == (["message"] if before else []) + ["complaint"]


def test_a_new_list_inherits_what_replies_ended(house):
    leave(house, house.list, ANN)
    leave(house, house.list, BEN, OptOutReason.MANUAL)
    leave(house, house.their_list, BEN)
    fresh = house.add_list(house.us, 15550001001)
    house.write(lambda tx: tx.contacts.inherit(house.us, fresh.id, NOW))
    assert [is_active(house, fresh, number) for number in (ANN, BEN)] == [False, True]


def test_texts_and_words_belong_to_their_list_and_account(house):
    house.write(lambda tx: tx.lists.change(house.us, house.list.id, stop_text="Bye", answers=False))
    house.write(lambda tx: tx.accounts.set_stop_words(house.us, "basta"))
    texts = house.read(lambda tx: tx.lists.answer_texts(house.us, house.list.id))
    assert texts == AnswerTexts(enabled=False, stop="Bye")
    texts = house.read(lambda tx: tx.lists.answer_texts(house.them, house.their_list.id))
    assert texts == AnswerTexts()
    words = house.read(lambda tx: [tx.accounts.stop_words(each) for each in (house.us, house.them)])
    assert words == ["basta", ""]


# Replies and their parts


def test_replies_are_kept_with_their_reading_and_told_to_their_account(house):
    for sender, body in ((house.list, "stpo"), (house.their_list, "stop"), (house.list, "hi")):
        house.write(
            lambda tx, sender=sender, body=body: tx.replies.keep(
                sender, ANN, body, read_reply(body), NOW
            )
        )

    def told(**about):
        page = house.read(lambda tx: tx.reply_log.page(house.us, ReplyFilter(**about), 0, 10))
        return [(each.body, each.keyword, each.rule, each.review) for each in page]

    stpo = ("stpo", Keyword.STOP, "misspelling", True)
    assert told() == [("hi", None, None, False), stpo]
    assert told(review=True) == told(keyword=Keyword.STOP) == [stpo]
    assert told(list_number=house.their_list.number) == []
    assert told(sender=ANN) == told()
    assert told(sender=PhoneNumber(ANN + 1)) == []


def part(number, body="x", reference=1, **octets):
    place = ReplyPart(reference=reference, total=2, number=number, **octets)
    return Reply(sender=ANN, list_number=15550001000, body=body, part=place)


def test_parts_are_kept_once_in_order_and_told_apart(house):
    key = PartsKey(house.connector, ANN, 15550001000, 1, 2)

    def keep(each, now=NOW):
        return house.write(lambda tx: tx.replies.keep_part(house.connector, each, now))

    assert keep(part(2, "b"))
    assert keep(part(1, "a"))
    assert not keep(part(1, "other"))
    assert keep(part(1, "c", reference=9), NOW + 5)
    assert [each.body for each in house.write(lambda tx: tx.replies.parts(key))] == ["a", "b"]
    assert keep(octets_part := part(1, "d", reference=3, octets=b"\xd8\0", alphabet=Alphabet.UCS2))
    other = PartsKey(house.connector, ANN, 15550001000, 3, 2)
    [read] = house.write(lambda tx: tx.replies.parts(other))
    assert (read, read.part.octets, read.part.alphabet) == (octets_part, b"\xd8\0", "ucs2")
    house.write(lambda tx: tx.replies.forget_parts(other))
    assert house.write(lambda tx: tx.replies.overdue_parts(NOW + 1, 10)) == [key]
    assert house.write(lambda tx: tx.replies.overdue_parts(NOW, 10)) == []
    house.write(lambda tx: tx.replies.mark_joined(key))
    assert house.write(lambda tx: tx.replies.parts(key)) == []
    assert house.write(lambda tx: tx.replies.part_body(key, 1)) == "a"
    house.write(lambda tx: tx.replies.forget_parts(key))
    assert house.write(lambda tx: tx.replies.part_body(key, 1)) is None
    assert len(house.write(lambda tx: tx.replies.overdue_parts(NOW + 9, 10))) == 1


# Answers


def test_an_answer_is_asked_for_once_of_a_kind_until_the_pause_is_over(house):
    def ask(keyword=Keyword.HELP, now=NOW):
        return house.write(
            lambda tx: tx.auto_replies.ask(house.list, ANN, keyword, "text", now, PAUSE)
        )

    def waiting():
        return house.read(lambda tx: tx.auto_replies.waiting(0, 10))

    assert [ask(), ask(), ask(Keyword.STOP, NOW + 1)] == [True, False, True]
    [help_, stop] = waiting()
    assert (help_.keyword, stop.keyword) == (Keyword.HELP, Keyword.STOP)
    house.write(lambda tx: tx.auto_replies.withdraw(house.list.id, ANN))
    assert waiting() == [stop]
    house.write(lambda tx: tx.auto_replies.settle([stop], NOW + 2))
    assert waiting() == []
    assert not ask(Keyword.STOP, NOW + PAUSE)
    assert ask(Keyword.STOP, NOW + 1 + PAUSE)


# Words on recipients


@pytest.fixture
def heed(house):
    house.queue(1, 2, 3)

    def heed(number, trouble, at=NOW):
        word = RecipientReport(house.no(number), trouble, "why", at)
        return house.write(lambda tx: tx.bounces.apply([word], POLICY))

    return heed


def test_a_word_on_a_message_removes_its_recipient_from_its_list(house, heed):
    assert heed(1, RecipientTrouble.SPAM) == [RecipientTrouble.SPAM]
    assert heed(2, RecipientTrouble.SPAM) == []
    assert heed(99, RecipientTrouble.SPAM) == []
    assert not is_active(house, house.list)
    assert is_active(house, house.their_list)


def test_passing_troubles_count_by_message_until_a_delivery(house, heed):
    absent = RecipientTrouble.ABSENT_SUBSCRIBER
    assert heed(1, absent) == heed(1, absent) == []
    house.write(lambda tx: tx.soft_bounces.clear([house.no(3)]))
    # Without the delivery it would be the second in a row.
    assert heed(2, absent) == []
    house.write(lambda tx: tx.soft_bounces.clear([house.no(3)]))
    assert heed(1, absent) == []
    assert house.write(lambda tx: tx.soft_bounces.forget(NOW, 10)) == 0
    assert house.write(lambda tx: tx.soft_bounces.forget(NOW + 1, 10)) == 1
    assert heed(1, absent) == []
    assert heed(2, absent, NOW + POLICY.within_ms) == [], "the first is too long ago"
    assert heed(3, absent, NOW + POLICY.within_ms) == [absent]

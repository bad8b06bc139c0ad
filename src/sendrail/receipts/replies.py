"""A reply from a handset: keep it, honour it at once when it is about consent, and answer it.

A STOP ends the subscription in the same transaction in which the reply is taken; whatever is
queued for that contact is dropped when the gate checks it again before its submit. The answer is
only requested here, as a row: messages enter through `intake`.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from sendrail.domain import phone
from sendrail.domain.cohort import CohortEvent, CohortKind
from sendrail.domain.consent import (
    Keyword,
    KeywordReading,
    KeywordVocabulary,
    ReplyPolicy,
    Rule,
    fold,
    read_reply,
)
from sendrail.domain.contact import OptOutReason, Scope
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.journeys.facts import Wake
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Reply, has_receipts_form
from sendrail.domain.sender import ListStatus, SendingList
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import JourneyEvent

_SOURCE: Final = "reply"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWish:
    """What a contact has answered to one list."""

    sender: SendingList
    contact: PhoneNumber
    body: str
    keyword: Keyword
    rule: str | None
    now: int


def take_reply(  # noqa: PLR0917 - a reply, by which way it came and when
    tx: Tx, connector_id: ConnectorId, reply: Reply, policy: ReplyPolicy, now: int, received_at: int
) -> list[KeywordReading]:
    """Keep a reply for each list it was sent to; return what it says to each.

    It may have come long before `now`, when it could not be read at first: consent is as of when
    it came.
    """
    readings = []
    # Lists of several accounts may share a number; the contact gets one answer from it.
    answered = reply.answered
    for sender in tx.lists.by_number(reply.list_number, connector_id):
        # What machines say to each other is no wish of a person, whatever words it quotes.
        reading = (
            KeywordReading()
            if has_receipts_form(reply.body)
            else read_reply(reply.body, _vocabulary(tx, sender.account_id, policy))
        )
        readings.append(reading)
        _log.info(
            "reply_taken",
            sender=phone.mask(reply.sender),
            list_id=sender.id,
            keyword=reading.keyword,
            rule=reading.rule,
        )
        if tx.verifications.replied(sender, connector_id, reply.sender, now):
            _log.info("list_verified", list_id=sender.id)
        tx.replies.keep(sender, reply.sender, reply.body, reading, now)
        said = JourneyEvent(sender.id, reply.sender, now, Wake.REPLY, reply.body)
        starts = reading.keyword is Keyword.START
        if starts:
            # A transaction that writes a contact and its enrolments holds the enrolments first.
            tx.enrolments.hold([(sender.id, reply.sender)])
        elif reading.keyword is not Keyword.STOP:
            tx.passages.happened(sender.account_id, said)
        is_late = starts and _left_since(tx, sender, reply.sender, received_at)
        if reading.keyword is not None and not is_late:
            wish = ReplyWish(
                sender=sender,
                contact=reply.sender,
                body=reply.body,
                keyword=reading.keyword,
                rule=reading.rule,
                now=received_at,
            )
            if honour(tx, wish, policy.scope) and not answered:
                answered = _answer(tx, wish, policy.answer_pause_ms, now)
        _ensure_contact(tx, sender, reply.sender, now)
        if starts:
            # Those whom it has subscribed enter journeys by it.
            tx.passages.happened(sender.account_id, said)
    return readings


def _ensure_contact(tx: Tx, sender: SendingList, contact: PhoneNumber, now: int) -> None:
    """Make a sender of texts a contact of the account, which is no subscription.

    Of a person whose data was deleted nothing is kept anew until they have come back by a START.
    """
    erased = tx.erased.among(sender.account_id, [contact])
    if erased and not tx.contacts.known(sender.id, [contact]).get(contact):
        return
    tx.signups.upsert_contacts(sender.account_id, {contact: None}, now)


def _left_since(tx: Tx, sender: SendingList, contact: PhoneNumber, since: int) -> bool:
    """Return whether a contact has left the list after a time; an older START does not undo it."""
    found = tx.contacts.find(sender.id, contact)
    return found is not None and not found.active and (found.unsubscribed_at or 0) > since


def _vocabulary(tx: Tx, account_id: AccountId, policy: ReplyPolicy) -> KeywordVocabulary:
    words = tx.accounts.stop_words(account_id)
    return KeywordVocabulary(
        yes_starts=policy.yes_starts,
        abuse=policy.abuse,
        extra_stops=frozenset(fold(word) for word in words.split(",") if word),
    )


def honour(tx: Tx, wish: ReplyWish, scope: Scope) -> bool:
    """Do what a keyword asks for; return whether it is to be answered, as a first STOP is."""
    list_id = wish.sender.id
    everywhere_in = wish.sender.account_id if scope is Scope.ACCOUNT else None
    if wish.keyword is Keyword.STOP:
        # An answer to an earlier HELP or START must not follow the wish to get nothing more.
        tx.auto_replies.withdraw(list_id, wish.contact)
        has_left = tx.contacts.unsubscribe(
            list_id,
            wish.contact,
            OptOutReason.MESSAGE,
            source=_SOURCE,
            evidence=wish.body,
            rule=wish.rule,
            everywhere_in=everywhere_in,
            now=wish.now,
        )
        if has_left:
            tx.origin_counts.opted_out(wish.sender.lane, list_id, wish.contact, wish.now)
            left = CohortEvent(list_id, wish.contact, CohortKind.OPT_OUTS.value, wish.now)
            tx.cohort_counts.add([left])
        return has_left
    if wish.keyword is Keyword.START:
        is_back = tx.contacts.resubscribe(
            list_id,
            wish.contact,
            source=_SOURCE,
            evidence=wish.body,
            rule=wish.rule,
            everywhere_in=everywhere_in,
            now=wish.now,
        )
        return is_back or _join(tx, wish)
    contact = tx.contacts.find(list_id, wish.contact)
    return contact is None or contact.active


def _join(tx: Tx, wish: ReplyWish) -> bool:
    """Subscribe a number that the list does not know, where its word can mean nothing else."""
    if wish.rule == Rule.YES or wish.sender.status is ListStatus.DELETED:
        return False
    return tx.contacts.join(
        wish.sender.id, wish.contact, evidence=wish.body, rule=wish.rule, now=wish.now
    )


def _answer(tx: Tx, wish: ReplyWish, pause_ms: int, now: int) -> bool:
    """Request an answer, where the list gives one; return whether one was requested."""
    sender = wish.sender
    texts = tx.lists.answer_texts(sender.account_id, sender.id)
    if not texts.enabled or sender.status is not ListStatus.ACTIVE:
        return False
    if tx.gate.blocked(sender.account_id, [wish.contact]):
        return False
    body = texts.of(wish.keyword, sender.brand)
    return tx.auto_replies.ask(sender, wish.contact, wish.keyword, body, now, pause_ms)

"""A reply from a handset: keep it, and honour it at once when it is about consent.

A STOP ends the subscription in the same transaction in which the reply is taken; whatever is
queued for that contact is dropped when it is asked about again before its submit.
"""

import structlog

from sendrail.domain import phone
from sendrail.domain.consent import Keyword, keyword_of
from sendrail.domain.contact import OptOutReason
from sendrail.domain.ids import LinkId
from sendrail.domain.receipt import Reply
from sendrail.storage.interface import Tx

_SOURCE = "reply"
_log = structlog.get_logger()


def take_reply(tx: Tx, link_id: LinkId, reply: Reply, now: int) -> Keyword | None:
    """Keep a reply for each list it was sent to; return the keyword it is, if it is one."""
    keyword = keyword_of(reply.body)
    for sender in tx.lists.by_number(reply.list_number, link_id):
        _log.info(
            "reply_taken",
            sender=phone.mask(reply.sender),
            list_id=sender.id,
            keyword=keyword,
        )
        if tx.verifications.replied(sender, link_id, reply.sender, now):
            _log.info("list_verified", list_id=sender.id)
        tx.inbox.keep_reply(sender, reply.sender, reply.body, keyword, now)
        if keyword is Keyword.STOP:
            tx.contacts.unsubscribe(
                sender.id,
                reply.sender,
                OptOutReason.MESSAGE,
                source=_SOURCE,
                evidence=reply.body,
                now=now,
            )
        elif keyword is Keyword.START:
            tx.contacts.resubscribe(
                sender.id, reply.sender, source=_SOURCE, evidence=reply.body, now=now
            )
    return keyword

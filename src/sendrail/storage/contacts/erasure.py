"""Deleting what is kept of a person in one account: rows at once, the log of messages in parts.

Messages and replies have no index by number, so that an erasure walks through them,
part by part, with reads that keep no writer waiting; what is found is redacted in a transaction of
its own. A message keeps its place and its fate; its number, text and metadata are gone.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from sendrail.domain.contact import OptOutReason
from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import AccountId
from sendrail.domain.message import Skip
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.campaign_tables import (
    campaign_sends,
    contact_counts,
    run_recipients,
    runs,
)
from sendrail.storage.contact_tables import (
    blocks,
    consent_events,
    contact_activity,
    contacts,
    list_contacts,
)
from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.dialect import batches
from sendrail.storage.enrolment_tables import enrolments, journey_events, watched_members
from sendrail.storage.message_tables import (
    attempts,
    auto_replies,
    inbox,
    messages,
    recipient_troubles,
    refused_callbacks,
    replies,
    reply_parts,
)
from sendrail.storage.tables import connectors, lists, verifications
from sendrail.storage.tracking_tables import (
    clicks,
    contact_earnings,
    contact_history,
    imported_sends,
    short_links,
)
from sendrail.storage.webhook_tables import outbox, webhook_attempts, webhook_endpoints

_FOREVER: Final = 1 << 62
_OF_MESSAGES: Final = ("delivery", "sent", "click")
_OF_JOURNEYS: Final = ("journey.entered", "journey.step", "journey.ended")
_OF_REPLIES: Final = ("reply", "unsubscribe")
# Nothing is left of it to be read or to decide about.
_NO_REPLY: Final = {"sender": REDACTED, "body": "", "seen_at": 0, "review": False}


_WHOSE: Final = func.coalesce(messages.c.recipient, short_links.c.recipient).label("recipient")
# Whether a click says anything of who it was.
_IS_TOLD: Final = or_(
    clicks.c.agent_id.is_not(None), clicks.c.network.is_not(None), clicks.c.digest.is_not(None)
)


class ErasurePart(NamedTuple):
    """What a walk found in one part of a table, and where the part ends; None past the end."""

    found: Sequence[int]
    last: int | None


class Erasure:
    """What is kept of one person, found and deleted."""

    clicks: ClassVar[Table] = clicks

    def __init__(self, connection: Connection, erased: ErasedNumbers, counts: SignUpCounts) -> None:
        self._execute = connection.execute
        self._erased = erased
        self._counts = counts

    def forget(
        self, account_id: AccountId, recipient: PhoneNumber, now: int
    ) -> tuple[int, dict[str, int]]:
        """Delete all but messages and replies; keep the digest that honours the opt-out.

        Returns the digest and how many rows went from where.
        """
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        complaint = exists().where(
            list_contacts.c.list_id.in_(own),
            list_contacts.c.recipient == recipient,
            list_contacts.c.reason == OptOutReason.COMPLAINT.value,
        )
        complained = bool(self._execute(select(complaint)).scalar_one())
        digest = self._erased.add(account_id, recipient, now, complained=complained)
        subscribed = list_contacts.c.list_id.in_(own), list_contacts.c.recipient == recipient
        leaving = delete(list_contacts).where(*subscribed)
        signups = self._execute(
            leaving.returning(list_contacts.c.list_id, list_contacts.c.signup_at)
        ).all()
        self._counts.add([(list_id, signup_at, -1) for list_id, signup_at in signups])
        gone = {list_contacts.name: len(signups)}
        gone |= {
            table.name: self._execute(
                delete(table).where(table.c.list_id.in_(own), table.c.recipient == recipient)
            ).rowcount
            for table in (
                contact_activity, contact_earnings, contact_counts, contact_history,
                consent_events, enrolments, journey_events, watched_members, auto_replies,
                recipient_troubles,
            )
        }  # fmt: skip
        for table in (contacts, blocks, campaign_sends):
            of_account = (table.c.account_id == account_id, table.c.recipient == recipient)
            gone[table.name] = self._execute(delete(table).where(*of_account)).rowcount
        of_runs = run_recipients.c.run_id.in_(
            select(runs.c.id).where(runs.c.account_id == account_id)
        )
        theirs = delete(run_recipients).where(of_runs, run_recipients.c.recipient == recipient)
        gone[run_recipients.name] = self._execute(theirs).rowcount
        self._forget_loose_ends(account_id, recipient)
        return digest, gone

    def _forget_loose_ends(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        # A short code is kept below zero; what was written to it is kept as it came.
        numbers = select(func.abs(lists.c.number)).where(lists.c.account_id == account_id)
        parts = delete(reply_parts).where(
            # Of any connector: their key begins with it.
            reply_parts.c.connector_id.in_(select(connectors.c.id)),
            reply_parts.c.sender == recipient,
            reply_parts.c.list_number.in_(numbers),
        )
        self._execute(parts)
        # It keeps its place, and is known when its file is brought in once more.
        sent = update(imported_sends).where(
            imported_sends.c.list_id.in_(own), imported_sends.c.recipient == recipient
        )
        self._execute(sent.values(recipient=REDACTED))
        tried = update(verifications).where(
            verifications.c.list_id.in_(own), verifications.c.recipient == recipient
        )
        self._execute(tried.values(recipient=REDACTED))

    def messages_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return the person's messages among the next `size` behind a number."""
        message = messages.c
        walked = select(message.number.label("at"), message.account_id, message.recipient)
        walked = walked.where(message.number > after).order_by(message.number).limit(size)
        return self._part(walked, account_id, recipient)

    def clicks_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return clicks of erased people among the next `size` behind an id that say who it was.

        The messages name them no more. Those on standalone links made for `recipient` are theirs.
        """
        click = clicks.c
        walked = (
            select(click.id.label("at"), click.account_id, _IS_TOLD.label("told"), _WHOSE)
            .outerjoin(
                messages, and_(click.position.is_not(None), messages.c.number == click.number)
            )
            .outerjoin(
                short_links, and_(click.position.is_(None), short_links.c.id == click.number)
            )
        )
        part = walked.where(click.id > after).order_by(click.id).limit(size).subquery()
        last = self._execute(select(func.max(part.c.at))).scalar_one()
        theirs = select(part.c.at).where(
            part.c.account_id == account_id,
            part.c.told,
            part.c.recipient.in_((REDACTED, recipient)),
        )
        return ErasurePart([row[0] for row in self._execute(theirs)], last)

    def redact_clicks(self, account_id: AccountId, ids: Sequence[int]) -> None:
        """Take who it was from clicks; that there was a click stays."""
        blank = {"agent_id": None, "network": None, "digest": None}
        for some in batches(ids):
            of_account = and_(self.of_clicks(some), self.clicks.c.account_id == account_id)
            self._execute(update(self.clicks).where(of_account).values(blank))

    def of_clicks(self, ids: Sequence[int]) -> ColumnElement[bool]:
        """Return the condition that a row is one of these clicks."""
        return self.clicks.c.id.in_(ids)

    def forget_links(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        """Take the person from the standalone links that were made for them: those end."""
        theirs = (short_links.c.account_id == account_id, short_links.c.recipient == recipient)
        blank = {"recipient": REDACTED, "metadata": None}
        self._execute(update(short_links).where(*theirs).values(blank))

    def replies_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return the person's replies among the next `size` behind an id."""
        reply = replies.c
        walked = select(reply.id.label("at"), reply.account_id, reply.sender.label("recipient"))
        walked = walked.where(reply.id > after).order_by(reply.id).limit(size)
        return self._part(walked, account_id, recipient)

    def _part(
        self, walked: Select[Any], account_id: AccountId, recipient: PhoneNumber
    ) -> ErasurePart:
        part = walked.subquery()
        last = self._execute(select(func.max(part.c.at))).scalar_one()
        theirs = select(part.c.at).where(
            part.c.account_id == account_id, part.c.recipient == recipient
        )
        return ErasurePart([row[0] for row in self._execute(theirs)], last)

    def redact_messages(
        self, account_id: AccountId, recipient: PhoneNumber, numbers: Sequence[int]
    ) -> None:
        """Take number, text and metadata from messages, and the events about them."""
        digits = str(recipient)
        for some in batches(numbers):
            of_account = and_(self.of_messages(some), messages.c.account_id == account_id)
            # Without its flags a message that comes back to the queue passes the gate again.
            mark = messages.c.skips.bitwise_and(Skip.AUTOMATIC.value)
            blank = {
                "recipient": REDACTED, "body": "", "links": None, "metadata": None, "skips": mark
            }  # fmt: skip
            self._execute(update(messages).where(of_account).values(blank))
            for row, ours in ((messages, of_account), (attempts, self.of_attempts(some))):
                for column in ("detail", "provider_detail"):
                    telling = and_(ours, row.c[column].contains(digits))
                    self._execute(update(row).where(telling).values({column: None}))
            self._forget_events(account_id, _OF_MESSAGES, some)

    def of_messages(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        """Return the condition that a row is one of these messages."""
        return messages.c.number.in_(numbers)

    def of_attempts(self, numbers: Sequence[int]) -> ColumnElement[bool]:
        """Return the condition that a row is an attempt at one of these messages."""
        return attempts.c.number.in_(numbers)

    def redact_replies(self, account_id: AccountId, ids: Sequence[int]) -> None:
        """Take number and text from replies, and the events about them."""
        for some in batches(ids):
            of_account = and_(replies.c.id.in_(some), replies.c.account_id == account_id)
            self._execute(update(replies).where(of_account).values(**_NO_REPLY))
            self._forget_events(account_id, _OF_REPLIES, some)

    def _forget_events(
        self, account_id: AccountId, kinds: Sequence[str], refs: Sequence[int]
    ) -> None:
        endpoints = select(webhook_endpoints.c.id).where(
            webhook_endpoints.c.account_id == account_id
        )
        events = select(outbox.c.id).where(
            outbox.c.ref.in_(refs), outbox.c.kind.in_(kinds), outbox.c.endpoint_id.in_(endpoints)
        )
        self.forget_events(list(self._execute(events).scalars()))

    def events_part(self, account_id: AccountId, recipient: PhoneNumber, after: int) -> ErasurePart:
        """Return the events of journeys that name a number: all of them are one part."""
        if after >= 0:
            return ErasurePart([], None)
        endpoints = select(webhook_endpoints.c.id).where(
            webhook_endpoints.c.account_id == account_id
        )
        named = select(outbox.c.id).where(
            outbox.c.kind.in_(_OF_JOURNEYS),
            outbox.c.endpoint_id.in_(endpoints),
            self.names(str(recipient).encode()),
        )
        return ErasurePart(list(self._execute(named).scalars()), 0)

    def names(self, digits: bytes) -> ColumnElement[bool]:
        """Return the condition that an event's body has these digits."""
        return func.instr(outbox.c.body, digits) > 0

    def forget_events(self, ids: Sequence[int]) -> None:
        """Delete events, and the attempts to post them."""
        for some in batches(ids):
            self._execute(delete(webhook_attempts).where(webhook_attempts.c.event_id.in_(some)))
            self._execute(delete(outbox).where(outbox.c.id.in_(some)))

    def refused_part(
        self, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return unreadable callbacks that name a number, on connectors the account sends by."""
        return self._raw_part(refused_callbacks, _FOREVER, account_id, recipient, after, size)

    def inbox_part(
        self, before: int, account_id: AccountId, recipient: PhoneNumber, after: int, size: int
    ) -> ErasurePart:
        """Return the same of callbacks that have waited unapplied since before a time."""
        return self._raw_part(inbox, before, account_id, recipient, after, size)

    def _raw_part(  # noqa: PLR0917 - as above
        self,
        table: Table,
        before: int,
        account_id: AccountId,
        recipient: PhoneNumber,
        after: int,
        size: int,
    ) -> ErasurePart:
        theirs = select(connectors.c.id).where(
            or_(connectors.c.account_id == account_id, connectors.c.account_id.is_(None))
        )
        some = select(table.c.id, table.c.raw).where(
            table.c.id > after, table.c.received_at < before, table.c.connector_id.in_(theirs)
        )
        rows = self._execute(some.order_by(table.c.id).limit(size)).all()
        digits = str(recipient).encode()
        found = [row.id for row in rows if digits in bytes(row.raw)]
        return ErasurePart(found, rows[-1].id if rows else None)

    def forget_refused(self, ids: Sequence[int]) -> None:
        """Delete unreadable callbacks."""
        self._forget_raw(refused_callbacks, ids)

    def forget_inbox(self, ids: Sequence[int]) -> None:
        """Delete callbacks that were not applied."""
        self._forget_raw(inbox, ids)

    def _forget_raw(self, table: Table, ids: Sequence[int]) -> None:
        for some in batches(ids):
            self._execute(delete(table).where(table.c.id.in_(some)))

"""Sign-ups as rows: who comes to a list, with fields of their own and what shows their consent.

The insert itself returns which rows are new: of two that come at once one is, without a lock.
What a list knows already is read for update, merged by the caller, and written again; a sign-up
never touches whether a contact is active.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Table,
    Text,
    and_,
    case,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
    update,
)

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.contact import SIGNED_UP, ListContact, OptOutReason, PhoneFacts, Scalar, SignUp
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus
from sendrail.storage.contact_tables import (
    consent_events,
    contact_activity,
    contacts,
    list_contacts,
)
from sendrail.storage.contacts.contacts import contact_of, read_fields
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.dialect import batches, insert_new
from sendrail.storage.row_batches import RowBatch, insert_each
from sendrail.storage.tables import lists, sender_shown
from sendrail.storage.tracking_tables import contact_earnings, contact_history

_contact: Final = list_contacts.c
# What was imported of a contact, beside what was counted here.
_HISTORY: Final = (
    "sends",
    "last_sent_at",
    "clicks",
    "last_clicked_at",
    "conversions",
    "revenue",
)
# How many lists are read one by one for a page of all of them.
_LISTS_MERGED_MAX: Final = 100
# A page walks an index backwards: newest sign-up first.
_NEWEST: Final = (_contact.signup_at.desc(), _contact.list_id.desc(), _contact.recipient.desc())
_encode: Final = msgspec.json.Encoder().encode
# Of a sign-up, beside its time: the first one's stay.
_FACTS: Final = ("signup_method", "ip_address", "url", "ad_network_source", "ad_network_id")
_AMENDMENT: Final = {
    "of": BigInteger(),
    "new_fields": _contact.custom_fields.type,
    "new_first": Text(),
    "new_last": Text(),
    "new_signup_at": BigInteger(),
    **{f"new_{name}": Text() for name in _FACTS},
}


class SubscriptionState(NamedTuple):
    """How a list stands to a number it knows."""

    active: bool
    # Whether it knows a sign-up, or only a leaving.
    signed_up: bool
    custom_fields: dict[str, Scalar]
    # Why and when it was left, where it was.
    reason: OptOutReason | None = None
    left_at: int | None = None


class SubscriptionUpdate(NamedTuple):
    """What a further sign-up changes of a subscription, its custom fields as they are to be."""

    signup: SignUp
    active: bool
    custom_fields: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """Which subscriptions a page is about; None means any."""

    list_id: ListId | None = None
    active: bool | None = None
    recipient: PhoneNumber | None = None


class ContactPlace(NamedTuple):
    """Where a subscription stands among all of an account, newest sign-up first."""

    signup_at: int
    list_id: int
    recipient: int


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A subscription with what is known of its number."""

    contact: ListContact
    list_number: str
    phone: PhoneFacts
    sends: int = 0
    last_sent_at: int | None = None
    clicks: int = 0
    last_clicked_at: int | None = None
    conversions: int = 0
    # Ten-thousandths of the account's currency.
    revenue: int = 0


class ListSize(NamedTuple):
    """Active contacts of a list: up to a bound, and those of the sample, of one number in 61."""

    counted: int
    sampled: int


class SignUps:
    """Numbers coming to lists, and the contacts of an account page by page."""

    def __init__(self, connection: Connection, counts: SignUpCounts) -> None:
        self._connection = connection
        self._counts = counts

    def upsert_contacts(
        self, account_id: AccountId, emails: Mapping[PhoneNumber, str | None], now: int
    ) -> set[PhoneNumber]:
        """Make these numbers contacts of the account; return those that were not before."""
        rows: list[dict[str, Any]] = [
            {"account_id": account_id, "recipient": number, "email": email, "created_at": now}
            for number, email in emails.items()
        ]
        fresh = self._insert_new(contacts, rows)
        changed = [
            {"of": row["recipient"], "new_email": row["email"]}
            for row in rows
            if row["email"] is not None and row["recipient"] not in fresh
        ]
        batch = RowBatch(self._connection, {"of": BigInteger(), "new_email": Text()}, changed)
        known = update(contacts).where(
            contacts.c.account_id == account_id, contacts.c.recipient == batch["of"]
        )
        batch.run(known.values(email=batch["new_email"]))
        return fresh

    def add(
        self,
        list_id: ListId,
        signups: Sequence[tuple[SignUp, Mapping[str, Scalar]]],
        now: int,
    ) -> set[PhoneNumber]:
        """Subscribe the numbers the list does not know, with their fields; return which."""
        rows = [
            {
                "list_id": list_id,
                "recipient": signup.recipient,
                "active": True,
                "first_name": signup.first_name,
                "last_name": signup.last_name,
                "subscribed_at": now,
                "custom_fields": _text(fields),
                **_how(signup, now),
            }
            for signup, fields in signups
        ]
        new = self._insert_new(list_contacts, rows)
        # Of rows with one number it is the first that is stored.
        signed_up = {row["recipient"]: row["signup_at"] for row in reversed(rows)}
        self._counts.add([(list_id, signed_up[number], 1) for number in new])
        return new

    def subscription_states(
        self, list_id: ListId, recipients: Iterable[PhoneNumber]
    ) -> dict[PhoneNumber, SubscriptionState]:
        """Return how the list stands to the numbers it knows; they are ours until the commit."""
        found: dict[PhoneNumber, SubscriptionState] = {}
        columns = (
            _contact.recipient,
            _contact.active,
            _contact.signup_method,
            _contact.custom_fields,
            _contact.reason,
            _contact.unsubscribed_at,
        )
        for part in batches(list(recipients)):
            some = select(*columns).where(_contact.list_id == list_id, _contact.recipient.in_(part))
            for row in self._connection.execute(
                some.order_by(_contact.recipient).with_for_update()
            ):
                fields = read_fields(row.custom_fields)
                standing = SubscriptionState(
                    row.active,
                    row.signup_method is not None,
                    fields,
                    None if row.reason is None else OptOutReason(row.reason),
                    row.unsubscribed_at,
                )
                found[PhoneNumber(row.recipient)] = standing
        return found

    def update_subscriptions(
        self, list_id: ListId, amendments: Sequence[SubscriptionUpdate], now: int
    ) -> None:
        """Bring known subscriptions up to date; the first sign-up's facts stay where it has any.

        Of a contact who has left only the names and the custom fields change.
        """
        if not amendments:
            return
        rows = [
            {
                "of": signup.recipient,
                "new_fields": _text(fields),
                "new_first": signup.first_name,
                "new_last": signup.last_name,
                **{
                    f"new_{name}": value if active else None
                    for name, value in _how(signup, now).items()
                },
            }
            for signup, active, fields in amendments
        ]
        self._move_signups(list_id, [row for row in rows if row["new_signup_method"] is not None])
        batch = RowBatch(self._connection, _AMENDMENT, rows)
        known = update(list_contacts).where(
            _contact.list_id == list_id, _contact.recipient == batch["of"]
        )
        batch.run(known.values(**_amended(batch)))

    def _move_signups(self, list_id: ListId, rows: Sequence[Mapping[str, Any]]) -> None:
        """Count anew on which day those sign up whom the list knew by their leaving alone."""
        signed_up = {row["of"]: row["new_signup_at"] for row in reversed(rows)}
        for part in batches(sorted(signed_up)):
            some = select(_contact.recipient, _contact.signup_at).where(
                _contact.list_id == list_id,
                _contact.recipient.in_(part),
                _contact.signup_method.is_(None),
            )
            for recipient, signup_at in self._connection.execute(some).all():
                self._counts.add([(list_id, signup_at, -1), (list_id, signed_up[recipient], 1)])

    def add_consent_events(self, list_id: ListId, signups: Sequence[SignUp], now: int) -> None:
        """Keep the consent of further sign-ups; that of the first is in the contact's row."""
        rows = [
            {
                "list_id": list_id,
                "recipient": signup.recipient,
                "active": True,
                "reason": SIGNED_UP,
                "source": signup.method.value,
                "evidence": signup.facts.evidence,
                "at": now if signup.at is None else signup.at,
            }
            for signup in signups
        ]
        insert_each(self._connection, insert(consent_events), rows)

    def set_names(
        self, list_id: ListId, recipient: PhoneNumber, first_name: str, last_name: str
    ) -> None:
        """Write the names of one subscription."""
        one = update(list_contacts).where(
            _contact.list_id == list_id, _contact.recipient == recipient
        )
        self._connection.execute(one.values(first_name=first_name, last_name=last_name))

    def set_fields(
        self, list_id: ListId, recipient: PhoneNumber, fields: Mapping[str, Scalar]
    ) -> None:
        """Write the custom fields of one subscription."""
        one = update(list_contacts).where(
            _contact.list_id == list_id, _contact.recipient == recipient
        )
        self._connection.execute(one.values(custom_fields=_text(fields)))

    def set_all_fields(
        self, list_id: ListId, fields: Mapping[PhoneNumber, Mapping[str, Scalar]]
    ) -> None:
        """Write the custom fields of many subscriptions of a list."""
        rows = [{"of": number, "new_fields": _text(each)} for number, each in fields.items()]
        types = {"of": BigInteger(), "new_fields": _contact.custom_fields.type}
        batch = RowBatch(self._connection, types, rows)
        some = update(list_contacts).where(
            _contact.list_id == list_id, _contact.recipient == batch["of"]
        )
        batch.run(some.values(custom_fields=batch["new_fields"]))

    def page(
        self,
        account_id: AccountId,
        about: ContactFilter,
        offset: int,
        limit: int,
        after: ContactPlace | None = None,
    ) -> list[FoundContact]:
        """Return one page of subscriptions, newest sign-up first; of those past `after`, if any."""
        # The keys alone are counted off, by the index; only the page's rows are then read.
        few = self._keys(account_id, about, offset, limit, after).subquery()
        facts = contacts.c
        page = (
            select(list_contacts, literal_column(sender_shown(), Text).label("list_number"))
            .add_columns(
                facts.email, facts.carrier, facts.line_type, facts.timezone, facts.is_valid
            )
            .add_columns(contact_activity.c.sends, contact_activity.c.last_sent_at)
            .add_columns(
                contact_earnings.c.clicks,
                contact_earnings.c.last_clicked_at,
                contact_earnings.c.conversions,
                contact_earnings.c.revenue,
            )
            .add_columns(*(contact_history.c[name].label(f"old_{name}") for name in _HISTORY))
            .join(
                few,
                and_(_contact.list_id == few.c.list_id, _contact.recipient == few.c.recipient),
            )
            .join(lists, lists.c.id == _contact.list_id)
            .outerjoin(contact_activity, _is_of_contact(contact_activity))
            .outerjoin(contact_earnings, _is_of_contact(contact_earnings))
            .outerjoin(contact_history, _is_of_contact(contact_history))
            .outerjoin(
                contacts,
                and_(facts.account_id == account_id, facts.recipient == _contact.recipient),
            )
            .where(lists.c.account_id == account_id)
        )
        return [_found(row) for row in self._connection.execute(page.order_by(*_NEWEST))]

    def _keys(
        self,
        account_id: AccountId,
        about: ContactFilter,
        offset: int,
        limit: int,
        after: ContactPlace | None,
    ) -> Select[tuple[int, int]]:
        """Return the keys of a page, newest sign-up first."""
        merged = self._of_lists_merged(account_id, about, offset + limit, after)
        if merged is not None:
            key = merged.subquery().c
            newest = (key.signup_at.desc(), key.list_id.desc(), key.recipient.desc())
            keys = select(key.list_id, key.recipient).order_by(*newest)
        else:
            wanted = _wanted(account_id, about)
            if after is not None:
                wanted.append(_past(after, about))
            keys = select(_contact.list_id, _contact.recipient).where(*wanted).order_by(*_NEWEST)
        return keys.offset(offset).limit(limit)

    def _of_lists_merged(
        self, account_id: AccountId, about: ContactFilter, most: int, after: ContactPlace | None
    ) -> CompoundSelect[tuple[int, int, int]] | None:
        """Return the newest of each list of the account, all of which would have to be sorted.

        The index has them in order list by list. None where the filter names a list or a number,
        and where there are none or too many lists.
        """
        if about.list_id is not None or about.recipient is not None:
            return None
        own = select(lists.c.id).where(
            lists.c.account_id == account_id, lists.c.status != ListStatus.DELETED
        )
        ids = list(self._connection.execute(own.limit(_LISTS_MERGED_MAX + 1)).scalars())
        if not 0 < len(ids) <= _LISTS_MERGED_MAX:
            return None
        parts = []
        for list_id in ids:
            part = select(_contact.list_id, _contact.recipient, _contact.signup_at).where(
                _contact.list_id == list_id
            )
            if about.active is not None:
                part = part.where(_contact.active == about.active)
            if after is not None:
                # The time by itself, too: it says where in the index to begin.
                part = part.where(_contact.signup_at <= after.signup_at, _past(after, about))
            part = part.order_by(_contact.signup_at.desc(), _contact.recipient.desc())
            newest = part.limit(most).subquery()
            parts.append(select(newest.c.list_id, newest.c.recipient, newest.c.signup_at))
        return union_all(*parts)

    def count(self, account_id: AccountId, about: ContactFilter, most: int | None = None) -> int:
        """Return how many subscriptions a filter means; no more than `most` are counted."""
        wanted = select(_contact.recipient).where(*_wanted(account_id, about))
        some = (wanted if most is None else wanted.limit(most)).subquery()
        return int(self._connection.execute(select(func.count()).select_from(some)).scalar_one())

    def active_of_lists(self, account_id: AccountId) -> dict[ListId, int]:
        """Return how many active contacts each list of the account has; of none, no number."""
        # List by list: grouped, the rows of all lists would go through a table of their own.
        active = (
            select(func.count())
            .where(_contact.list_id == lists.c.id, _contact.active)
            .correlate(lists)
            .scalar_subquery()
        )
        rows = self._connection.execute(
            select(lists.c.id, active).where(lists.c.account_id == account_id)
        )
        return {ListId(list_id): count for list_id, count in rows if count}

    def sizes_of_lists(
        self, account_id: AccountId, list_ids: Sequence[ListId], most: int
    ) -> dict[ListId, ListSize]:
        """Return how many active contacts lists have: counted up to `most`, and of a sample."""
        is_active = and_(_contact.list_id == lists.c.id, _contact.active)
        # In an order of the index: without one, PostgreSQL reads the table for it from its start.
        in_order = select(_contact.recipient).where(is_active).order_by(_contact.signup_at)
        some = in_order.limit(most).correlate(lists).subquery()
        # Word for word what the index of the sample says: by values it would not be used.
        in_sample = text(f"list_contacts.recipient % {SAMPLE_STEP} = 0")
        rows = self._connection.execute(
            select(
                lists.c.id,
                select(func.count()).select_from(some).correlate(lists).scalar_subquery(),
                select(func.count())
                .select_from(list_contacts)
                .where(is_active, in_sample)
                .correlate(lists)
                .scalar_subquery(),
            ).where(lists.c.account_id == account_id, lists.c.id.in_(list_ids))
        )
        return {ListId(row[0]): ListSize(row[1], row[2]) for row in rows}

    def _insert_new(self, table: Any, rows: Sequence[dict[str, Any]]) -> set[PhoneNumber]:
        if not rows:
            return set()
        added = insert_new(self._connection, table).returning(table.c.recipient)
        return {PhoneNumber(number) for number in self._connection.execute(added, rows).scalars()}


def _is_of_contact(table: Table) -> ColumnElement[bool]:
    return and_(table.c.list_id == _contact.list_id, table.c.recipient == _contact.recipient)


def _wanted(account_id: AccountId, about: ContactFilter) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter; a list it names must have been found to be the account's.

    The list is asked for by its account all the same, so that no filter shows another's.
    """
    of_account = select(lists.c.id).where(
        lists.c.account_id == account_id, lists.c.status != ListStatus.DELETED
    )
    conditions: list[ColumnElement[bool]]
    if about.list_id is None:
        conditions = [_contact.list_id.in_(of_account)]
    else:
        conditions = [
            _contact.list_id == about.list_id,
            of_account.where(lists.c.id == about.list_id).exists(),
        ]
    if about.active is not None:
        conditions.append(_contact.active == about.active)
    if about.recipient is not None:
        conditions.append(_contact.recipient == about.recipient)
    return conditions


def _past(place: ContactPlace, about: ContactFilter) -> ColumnElement[bool]:
    if about.list_id is not None:
        # Word for word the index of the list: its pages begin where the last one ended.
        return tuple_(_contact.signup_at, _contact.recipient) < tuple_(
            place.signup_at, place.recipient
        )
    return tuple_(_contact.signup_at, _contact.list_id, _contact.recipient) < tuple_(*place)


def _how(signup: SignUp, now: int) -> dict[str, Any]:
    """Return when and how a number signed up, with its facts, as columns."""
    facts = signup.facts
    return {
        "signup_at": now if signup.at is None else signup.at,
        "signup_method": signup.method.value,
        "ip_address": facts.ip_address,
        "url": facts.url,
        "ad_network_source": facts.ad_network_source,
        "ad_network_id": facts.ad_network_id,
    }


def _amended(batch: RowBatch) -> dict[str, Any]:
    first, last, method = batch["new_first"], batch["new_last"], batch["new_signup_method"]
    never_signed_up = and_(_contact.signup_method.is_(None), method.is_not(None))
    return {
        "custom_fields": batch["new_fields"],
        "first_name": case((first == "", _contact.first_name), else_=first),
        "last_name": case((last == "", _contact.last_name), else_=last),
        "signup_at": case((never_signed_up, batch["new_signup_at"]), else_=_contact.signup_at),
        **{name: func.coalesce(_contact[name], batch[f"new_{name}"]) for name in _FACTS},
    }


def _text(fields: Mapping[str, Scalar]) -> str:
    return _encode(fields).decode()


def _found(row: Row[Any]) -> FoundContact:
    return FoundContact(
        contact=contact_of(row),
        list_number=row.list_number,
        phone=PhoneFacts(
            email=row.email,
            carrier=row.carrier,
            line_type=row.line_type,
            timezone=row.timezone,
            is_valid=row.is_valid,
        ),
        sends=_sum(row.sends, row.old_sends),
        last_sent_at=_last(row.last_sent_at, row.old_last_sent_at),
        clicks=_sum(row.clicks, row.old_clicks),
        last_clicked_at=_last(row.last_clicked_at, row.old_last_clicked_at),
        conversions=_sum(row.conversions, row.old_conversions),
        revenue=_sum(row.revenue, row.old_revenue),
    )


def _sum(here: int | None, imported: int | None) -> int:
    return (here or 0) + (imported or 0)


def _last(here: int | None, imported: int | None) -> int | None:
    return max((at for at in (here, imported) if at is not None), default=None)

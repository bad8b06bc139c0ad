"""Who is in an audience: counted whole, in slices of keys, or in a sample.

A number on several lists of an audience is one member. The sample is of every `SAMPLE_STEP`-th
number: the same ones on every list, so that a number is either in it everywhere or nowhere.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Text,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    literal,
    literal_column,
    select,
    text,
)

from sendrail.domain import phone
from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.contact import JourneyStatus, ListContact
from sendrail.domain.ids import lane_of
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.waves import KeyRange, NumberSpan
from sendrail.storage.contact_tables import blocks, list_contacts
from sendrail.storage.contacts.audience_filter import AudienceTarget, CompiledFilter, compiled
from sendrail.storage.contacts.contacts import contact_of
from sendrail.storage.enrolment_tables import enrolments
from sendrail.storage.journey_tables import journeys
from sendrail.storage.tables import lists

# Above every number there is.
_TOP: Final = 2**62
_ABOVE: Final = bindparam("above", type_=BigInteger)
_UPTO: Final = bindparam("upto", type_=BigInteger)
# Numbers of North America, by their area code; and what a calling code is among the others.
_AMERICAN_FIRST: Final = literal_column("10000000000", BigInteger)
_AMERICAN_LAST: Final = literal_column("19999999999", BigInteger)
_AFTER_AREA_CODE: Final = literal_column("10000000", BigInteger)
_CALLING_CODE_LENGTH_MAX: Final = literal_column("3", BigInteger)
# Of parts with more contacts it is not asked which of them has the most.
_WEIGHT_MAX: Final = 1_000
# Spreads what is shown of many over all of them, in an order that stays.
_SPREAD_PRIME: Final = 9_973


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """How many numbers match a filter, and which of them a message would not reach.

    `matching` is all of them, also those that have opted out of every list of the audience;
    `blocked` and `on_journey` are of the rest, each number under the first that holds. What is left
    stands in `reachable`, by the prefixes of numbers (`phone.prefix_of`).
    """

    matching: int = 0
    opted_out: int = 0
    blocked: int = 0
    on_journey: int = 0
    reachable: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: "MemberCounts") -> "MemberCounts":
        return MemberCounts(
            self.matching + other.matching,
            self.opted_out + other.opted_out,
            self.blocked + other.blocked,
            self.on_journey + other.on_journey,
            Counter(self.reachable) + Counter(other.reachable),
        )


@dataclass(frozen=True, slots=True)
class MemberQuery:
    """A count of an audience, made once and asked of each slice of its numbers."""

    # Of any number of columns.
    statement: Any


class AudienceMembers:
    """The members of audiences, found by their filters."""

    def __init__(self, connection: Connection, *, is_spread: bool = False) -> None:
        """Take whether the tables are spread over several servers."""
        self._execute = connection.execute
        self._is_spread = is_spread
        self._compiled = partial(compiled, dialect=connection.dialect.name, is_spread=is_spread)

    def sampled_keys(self, target: AudienceTarget, at_most: int) -> int:
        """Return how many active contacts the sample has, whatever the filter, up to so many."""
        some = select(_of.recipient).where(*_sample(_of, target))
        counted = select(func.count()).select_from(some.limit(at_most).subquery())
        return int(self._execute(counted).scalar_one())

    def has_numbers(self, lists: Sequence[int], first: int, last: int) -> bool:
        """Return whether one of these lists has a contact of these numbers, both included."""
        some = select(literal(1)).select_from(list_contacts)
        wanted = _of.list_id.in_(lists), _of.recipient.between(first, last)
        return self._execute(some.where(*wanted).limit(1)).one_or_none() is not None

    def span(self, lists: Sequence[int], part: KeyRange) -> NumberSpan | None:
        """Return the first and the last contact of these lists in a part of all numbers.

        Its weight is what the sample has there, and one more, up to a bound.
        """
        ends: list[int] = []
        for list_id in lists:
            here = _of.list_id == list_id, _of.recipient.between(*part)
            for order in (_of.recipient, _of.recipient.desc()):
                end = select(_of.recipient).where(*here).order_by(order).limit(1)
                ends += self._execute(end).scalars()
        if not ends:
            return None
        some = select(_of.recipient).where(
            _of.list_id.in_(lists), *in_sample(_of), _of.recipient.between(*part)
        )
        counted = select(func.count()).select_from(some.limit(_WEIGHT_MAX).subquery())
        weight = 1 + int(self._execute(counted).scalar_one())
        return NumberSpan(KeyRange(min(ends), max(ends)), weight)

    def bounds(self, target: AudienceTarget, sampled: int) -> list[int]:
        """Return the last key of each slice, of so many keys of the sample, in their order.

        What is above the last of them is a slice as well.
        """
        place = func.row_number().over(order_by=_of.recipient)
        keys = select(_of.recipient, place.label("place")).where(*_sample(_of, target)).subquery()
        ends = (
            select(keys.c.recipient).where(keys.c.place % sampled == 0).order_by(keys.c.recipient)
        )
        return [int(end) for end in self._execute(ends).scalars()]

    def query(self, target: AudienceTarget) -> MemberQuery:
        """Return the question how many members there are, to be asked of one slice after another.

        It is the longer part of the work to make one.
        """
        found, bounds = self._between(target)
        contact = found.contact.c
        counted = select(_each(target, contact.recipient)).select_from(found.source)
        return MemberQuery(counted.where(contact.active, *bounds, found.where))

    def explanation(self, target: AudienceTarget) -> MemberQuery:
        """Return the question what would become of the matching numbers."""
        found, bounds = self._between(target)
        contact = found.contact.c
        number, active = contact.recipient, contact.active
        source = found.source
        if self._is_spread:
            source, is_blocked, is_enrolled = _joined(found, target)
        else:
            is_blocked, is_enrolled = _is_blocked(found, target), _is_enrolled(found, target)
        counted = select(
            _prefix(number).label("prefix"),
            _each(target, number),
            _each(target, case((active, number))),
            _each(target, case((and_(active, is_blocked), number))),
            _each(target, case((and_(active, ~is_blocked, is_enrolled), number))),
        ).select_from(source)
        return MemberQuery(counted.where(*bounds, found.where).group_by(text("prefix")))

    def after(self, target: AudienceTarget, above: int, limit: int) -> list[PhoneNumber]:
        """Return the next members behind a number, in the order of their numbers."""
        found, bounds = self._between(target)
        contact = found.contact.c
        some = select(contact.recipient).select_from(found.source)
        some = some.where(contact.active, *bounds, found.where).distinct()
        query = MemberQuery(some.order_by(contact.recipient).limit(limit))
        return [PhoneNumber(row[0]) for row in self._asked(query, above, None)]

    def count(self, query: MemberQuery, *, above: int = 0, upto: int | None = None) -> int:
        """Return how many members have a number above one and up to another."""
        return int(self._asked(query, above, upto)[0][0])

    def explain(
        self, query: MemberQuery, *, above: int = 0, upto: int | None = None
    ) -> MemberCounts:
        """Return what would become of the matching numbers above one and up to another."""
        reachable: Counter[int] = Counter()
        matching = opted_out = blocked = on_journey = 0
        for row in self._asked(query, above, upto):
            prefix, *counts = (int(value) for value in row)
            found, subscribed, of_blocked, of_journeys = counts
            matching += found
            opted_out += found - subscribed
            blocked += of_blocked
            on_journey += of_journeys
            reachable[phone.prefix_of(prefix)] += subscribed - of_blocked - of_journeys
        return MemberCounts(matching, opted_out, blocked, on_journey, reachable)

    def count_sample(self, target: AudienceTarget) -> int:
        """Return how many members the sample has."""
        found = self._compiled(target)
        contact = found.contact.c
        counted = select(_each(target, contact.recipient)).select_from(found.source)
        counted = counted.where(*_sample(contact, target), found.where)
        return int(self._execute(counted).scalar_one())

    def _between(
        self, target: AudienceTarget
    ) -> tuple[CompiledFilter, Sequence[ColumnElement[bool]]]:
        found = self._compiled(target, between=(_ABOVE, _UPTO))
        contact = found.contact.c
        # Said even of all numbers: SQLite would else count along the smaller index of sign-ups,
        # and look everything else up out of order, which takes four times as long.
        bounds = contact.recipient > _ABOVE, contact.recipient <= _UPTO
        return found, (contact.list_id.in_(target.lists), *bounds)

    def _asked(self, query: MemberQuery, above: int, upto: int | None) -> Sequence[Row[Any]]:
        bounds = {"above": above, "upto": _TOP if upto is None else upto}
        return self._execute(query.statement, bounds).all()

    def some(self, target: AudienceTarget, limit: int, *, of_sample: bool) -> list[ListContact]:
        """Return some members, spread over all; a number on several lists by the first list."""
        found = self._compiled(target)
        contact = found.contact.c
        order = {list_id: place for place, list_id in enumerate(target.lists)}
        everywhere = contact.list_id.in_(target.lists), contact.active, contact.recipient > 0
        wanted = _sample(contact, target) if of_sample else everywhere
        chosen = (
            select(contact.list_id, contact.recipient)
            .select_from(found.source)
            .where(*wanted, found.where)
            .order_by(contact.recipient % _SPREAD_PRIME, contact.recipient)
            .limit(limit * len(target.lists))
            .subquery()
        )
        # Their rows afterwards: what is asked about all may be in the sample's index.
        whole = select(list_contacts).join(
            chosen,
            and_(_of.list_id == chosen.c.list_id, _of.recipient == chosen.c.recipient),
        )
        members: dict[int, ListContact] = {}
        rows = sorted(self._execute(whole), key=lambda row: order[row.list_id])
        for row in rows:
            members.setdefault(row.recipient, contact_of(row))
        shown = sorted(members.values(), key=lambda each: (each.recipient % _SPREAD_PRIME,
                                                           each.recipient))  # fmt: skip
        return shown[:limit]


_of: Final = list_contacts.c
_step: Final = literal_column(str(SAMPLE_STEP), BigInteger)
_zero: Final = literal_column("0", BigInteger)


def _is_blocked(found: CompiledFilter, target: AudienceTarget) -> ColumnElement[bool]:
    blocked = select(literal(1)).where(
        blocks.c.account_id == target.account_id,
        blocks.c.recipient == found.contact.c.recipient,
    )
    return blocked.correlate(found.contact).exists()


def _is_enrolled(found: CompiledFilter, target: AudienceTarget) -> ColumnElement[bool]:
    contact = found.contact.c
    # The key begins with the lane where any number of processes share the work.
    lane = select(lists.c.lane).where(lists.c.id == contact.list_id).correlate(found.contact)
    enrolled = select(literal(1)).where(
        enrolments.c.lane == lane.scalar_subquery(),
        enrolments.c.list_id == contact.list_id,
        enrolments.c.recipient == contact.recipient,
        enrolments.c.ends_at > target.now,
        journeys.c.id == enrolments.c.journey_id,
        journeys.c.status == JourneyStatus.ACTIVE.value,
        journeys.c.holds_other_sends,
    )
    return enrolled.correlate(found.contact).exists()


def _joined(
    found: CompiledFilter, target: AudienceTarget
) -> tuple[FromClause, ColumnElement[bool], ColumnElement[bool]]:
    """Return the same two conditions with what has to be joined for them.

    Several servers ask nothing for each row that they return, and nothing of another shard.
    """
    contact = found.contact.c
    within = enrolments.c.recipient > _ABOVE, enrolments.c.recipient <= _UPTO
    held = (
        select(enrolments.c.list_id, enrolments.c.recipient)
        .distinct()
        .join(journeys, journeys.c.id == enrolments.c.journey_id)
        .where(
            enrolments.c.lane.in_({lane_of(each) for each in target.lists}),
            enrolments.c.list_id.in_(target.lists),
            enrolments.c.ends_at > target.now,
            journeys.c.status == JourneyStatus.ACTIVE.value,
            journeys.c.holds_other_sends,
            *within,
        )
        .subquery()
    )
    of_account = and_(
        blocks.c.account_id == target.account_id, blocks.c.recipient == contact.recipient
    )
    on_journey = and_(held.c.list_id == contact.list_id, held.c.recipient == contact.recipient)
    source = found.source.outerjoin(blocks, of_account).outerjoin(held, on_journey)
    return source, blocks.c.recipient.is_not(None), held.c.recipient.is_not(None)


def in_sample(contact: Any) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of who is in the sample of a list, as its index has them."""
    return contact.active, contact.recipient % _step == _zero


def _sample(contact: Any, target: AudienceTarget) -> Sequence[ColumnElement[bool]]:
    """Return the conditions of the sample: the index's word for word, its numbers no parameters."""
    return contact.list_id.in_(target.lists), *in_sample(contact)


def _prefix(number: ColumnElement[int]) -> ColumnElement[int]:
    """Return a number with the same prefix (`phone.prefix_of`), one of few for each."""
    is_american = number.between(_AMERICAN_FIRST, _AMERICAN_LAST)
    digits = func.substr(cast(number, Text), 1, _CALLING_CODE_LENGTH_MAX)
    return case((is_american, number - number % _AFTER_AREA_CODE), else_=cast(digits, BigInteger))


def _each(target: AudienceTarget, number: ColumnElement[Any]) -> ColumnElement[int]:
    """Return how many numbers there are, each once; on one list nothing need be sorted for that."""
    return func.count(number if len(target.lists) == 1 else distinct(number))

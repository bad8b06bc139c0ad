"""Offers as rows."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from sendrail.domain.ids import AccountId, OfferId, is_object_id
from sendrail.domain.offer import Offer, OfferPlatform, OfferStatus, PayoutType
from sendrail.storage.dialect import batches
from sendrail.storage.tracking_tables import offers

_of: Final = offers.c
_encode: Final = msgspec.json.Encoder().encode


class Offers:
    """The offers of accounts."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(self, account_id: AccountId, **values: Any) -> OfferId:
        row = insert(offers).values(account_id=account_id, **_columns(values))
        return OfferId(self._execute(row.returning(_of.id)).scalar_one())

    def count(self, account_id: AccountId) -> int:
        """Return how many offers an account has, the archived ones included."""
        all_ = select(func.count()).select_from(offers).where(_of.account_id == account_id)
        return int(self._execute(all_).scalar_one())

    def page(
        self, account_id: AccountId, status: OfferStatus | None, now: int, offset: int, limit: int
    ) -> tuple[list[Offer], int]:
        """Return one page of an account's offers, newest first, and how many there are.

        No status means all that are not archived.
        """
        wanted = (_of.account_id == account_id, *_with_status(status, now))
        page = select(offers).where(*wanted).order_by(_of.id.desc()).offset(offset).limit(limit)
        counted = select(func.count()).select_from(offers).where(*wanted)
        found = [_offer(row) for row in self._execute(page)]
        return found, int(self._execute(counted).scalar_one())

    def by_ref(self, account_id: AccountId, ref: str) -> Offer | None:
        """Return the account's offer of a public id."""
        if not is_object_id(ref):
            # Not every database can be asked for any text.
            return None
        return self._one(_of.account_id == account_id, _of.ref == ref)

    def by_id(self, account_id: AccountId, offer_id: OfferId) -> Offer | None:
        return self._one(_of.account_id == account_id, _of.id == offer_id)

    def called(self, account_id: AccountId, names: Collection[str]) -> dict[str, Offer]:
        """Return the account's offers of these ids, each ours or its network's.

        Of a network's id it is the newest that is not archived.
        """
        found: dict[str, Offer] = {}
        for some in batches(sorted(set(names))):
            theirs = (_of.external_id.in_(some), _of.status != OfferStatus.ARCHIVED)
            found |= {each.external_id or "": each for each in self._all(account_id, *theirs)}
        for some in batches(sorted(set(names))):
            found |= {each.ref: each for each in self._all(account_id, _of.ref.in_(some))}
        return found

    def by_ids(self, account_id: AccountId, ids: Collection[OfferId]) -> dict[OfferId, Offer]:
        """Return those of the ids that are offers of the account."""
        found: dict[OfferId, Offer] = {}
        for some in batches(sorted(set(ids))):
            found |= {each.id: each for each in self._all(account_id, _of.id.in_(some))}
        return found

    def refs(self, account_id: AccountId, offer_ids: Collection[OfferId]) -> dict[OfferId, str]:
        """Return the public ids of some of the account's offers."""
        some = (_of.account_id == account_id, _of.id.in_(sorted(offer_ids)))
        rows = self._execute(select(_of.id, _of.ref).where(*some)) if offer_ids else ()
        return {OfferId(row.id): row.ref for row in rows}

    def by_ref_anywhere(self, ref: str) -> Offer | None:
        """Return the offer of a public id, whatever its account: a postback names only that.

        Its secret must be checked before anything else is done.
        """
        return self._one(_of.ref == ref) if is_object_id(ref) else None

    def by_external_id(self, account_id: AccountId, external_id: str) -> Offer | None:
        """Return the account's offer that a network calls so: the newest that is not archived."""
        return self._one(
            _of.account_id == account_id,
            _of.external_id == external_id,
            _of.status != OfferStatus.ARCHIVED,
        )

    def change(self, account_id: AccountId, offer_id: OfferId, **values: Any) -> bool:
        changed = update(offers).where(_of.account_id == account_id, _of.id == offer_id)
        return self._execute(changed.values(**_columns(values))).rowcount > 0

    def _all(self, account_id: AccountId, *wanted: ColumnElement[bool]) -> list[Offer]:
        rows = self._execute(select(offers).where(_of.account_id == account_id, *wanted))
        return sorted((_offer(row) for row in rows), key=lambda each: each.id)

    def _one(self, *wanted: ColumnElement[bool]) -> Offer | None:
        newest = select(offers).where(*wanted).order_by(_of.id.desc()).limit(1)
        row = self._execute(newest).one_or_none()
        return None if row is None else _offer(row)


def _with_status(status: OfferStatus | None, now: int) -> Sequence[ColumnElement[bool]]:
    lasts = or_(_of.expires_at.is_(None), _of.expires_at > now)
    if status is None:
        return [_of.status != OfferStatus.ARCHIVED]
    if status is OfferStatus.ARCHIVED:
        return [_of.status == status]
    if status is OfferStatus.EXPIRED:
        return [_of.status != OfferStatus.ARCHIVED, _of.expires_at <= now]
    return [_of.status == status, lasts]


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    if "metadata" in values:
        values["metadata"] = _encode(values["metadata"]).decode()
    return values


def _offer(row: Row[Any]) -> Offer:
    values = row._asdict()
    platform = row.external_platform
    values |= {
        "external_platform": None if platform is None else OfferPlatform(platform),
        "payout_type": PayoutType(row.payout_type),
        "status": OfferStatus(row.status),
        "metadata": msgspec.json.decode(values["metadata"], type=dict[str, str]),
    }
    return Offer(**values)

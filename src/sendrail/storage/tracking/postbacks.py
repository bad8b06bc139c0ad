"""Accounts' postback settings, and the coupons of offers, as rows."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.postback import PostbackSettings
from sendrail.storage.dialect import insert_new
from sendrail.storage.tracking_tables import coupons, postback_settings

_of: Final = postback_settings.c


class Postbacks:
    """How accounts take conversions."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute
        self._connection = connection

    def settings(self, account_id: AccountId) -> PostbackSettings:
        """Return an account's settings, those of one that has set nothing included."""
        one = select(postback_settings).where(_of.account_id == account_id)
        row = self._execute(one).one_or_none()
        return PostbackSettings(account_id) if row is None else PostbackSettings(**row._asdict())

    def change(self, account_id: AccountId, **values: Any) -> None:
        blank = {"account_id": account_id, "currency": PostbackSettings(account_id).currency}
        new = insert_new(self._connection, postback_settings)
        self._execute(new.values(blank | {"open_links": False}))
        if values:
            one = update(postback_settings).where(_of.account_id == account_id)
            self._execute(one.values(**values))

    def coupons(self, account_id: AccountId, offer_id: OfferId) -> list[str]:
        """Return an offer's codes, in their order."""
        of_offer = select(coupons.c.code).where(
            coupons.c.account_id == account_id, coupons.c.offer_id == offer_id
        )
        return list(self._execute(of_offer.order_by(coupons.c.code)).scalars())

    def set_coupons(
        self, account_id: AccountId, offer_id: OfferId, codes: Sequence[str], now: int
    ) -> str | None:
        """Let an offer have these codes and no others; return one that another offer has."""
        self._execute(
            delete(coupons).where(
                coupons.c.account_id == account_id, coupons.c.offer_id == offer_id
            )
        )
        for code in codes:
            row = {
                "account_id": account_id,
                "code": code,
                "offer_id": offer_id,
                "created_at": now,
            }
            taken = select(coupons.c.offer_id).where(
                coupons.c.account_id == account_id, coupons.c.code == code
            )
            if self._execute(taken).scalar_one_or_none() is not None:
                return code
            self._execute(insert(coupons).values(row))
        return None

    def offers_with(self, code: str) -> list[tuple[AccountId, OfferId]]:
        """Return every account's offer with a code: which one is meant, its secret says."""
        every = select(coupons.c.account_id, coupons.c.offer_id).where(coupons.c.code == code)
        return [(AccountId(row[0]), OfferId(row[1])) for row in self._execute(every.limit(100))]

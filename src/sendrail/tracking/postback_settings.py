"""What accounts have set for postbacks: secrets, the window, the currency, and coupons."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sendrail.domain.audit import Action, Actor
from sendrail.domain.errors import Conflict, InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.offer import CLICK_WINDOW_DAYS_MAX, Offer
from sendrail.domain.overlap import expect_overlap
from sendrail.domain.postback import COUPON_LENGTH_MAX, COUPONS_MAX, PostbackSettings, coupon_of
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.postback_secrets import PostbackSecrets

# The name of the account's own secret, beside those of offers.
ACCOUNT: Final = "account"
OVERLAP_MS: Final = 24 * 3_600_000
_is_currency: Final = re.compile(r"[A-Za-z]{3}").fullmatch


@dataclass(frozen=True, slots=True)
class NewAccountSecret:
    """An account's fresh secret: the only moment at which that is known."""

    settings: PostbackSettings
    secret: str


class PostbackSettingsService:
    """Holds what accounts have set for postbacks."""

    def __init__(self, store: Store, secrets: PostbackSecrets, now: Callable[[], int]) -> None:
        self._store = store
        self._secrets = secrets
        self._now = now

    async def settings(self, account_id: AccountId) -> PostbackSettings:
        """Return how an account takes conversions."""
        return await self._store.read(lambda tx: tx.postbacks.settings(account_id))

    async def change(
        self,
        account_id: AccountId,
        actor: Actor,
        *,
        currency: str | None = None,
        click_window_days: int | None = None,
        open_links: bool | None = None,
    ) -> PostbackSettings:
        """Change what is given; a window of 0 is the usual one again."""
        values: dict[str, Any] = {}
        if currency is not None:
            if not _is_currency(currency):
                raise InvalidInput(
                    "`currency` must be a code of ISO 4217, such as USD", param="currency"
                )
            values["currency"] = currency.upper()
        if click_window_days is not None:
            if not 0 <= click_window_days <= CLICK_WINDOW_DAYS_MAX:
                raise InvalidInput(
                    f"`click_window_days` must be 1 to {CLICK_WINDOW_DAYS_MAX}",
                    param="click_window_days",
                )
            values["click_window_days"] = click_window_days or None
        if open_links is not None:
            values["open_links"] = open_links

        def change(tx: Tx) -> PostbackSettings:
            tx.postbacks.change(account_id, **values)
            details = {"fields": sorted(values)}
            about, now = "postbacks", self._now()
            tx.audit.add(account_id, actor, Action.POSTBACKS_CHANGED, about, details, now)
            return tx.postbacks.settings(account_id)

        return await self._store.write(change)

    async def replace_secret(
        self, account_id: AccountId, actor: Actor, *, overlap_ms: int = OVERLAP_MS
    ) -> NewAccountSecret:
        """Give an account a new secret; the one before is good as well for the overlap."""
        expect_overlap(overlap_ms)
        secret = self._secrets.new()
        sealed = self._secrets.seal(account_id, ACCOUNT, secret)

        def replace_(tx: Tx) -> PostbackSettings:
            before, now = tx.postbacks.settings(account_id), self._now()
            is_kept = overlap_ms > 0 and before.secret is not None
            tx.postbacks.change(
                account_id,
                secret=sealed,
                old_secret=before.secret if is_kept else None,
                old_secret_until=now + overlap_ms if is_kept else None,
            )
            about = "postbacks"
            tx.audit.add(account_id, actor, Action.POSTBACK_SECRET_REPLACED, about, {}, now)
            return tx.postbacks.settings(account_id)

        return NewAccountSecret(await self._store.write(replace_), secret)

    async def coupons(self, account_id: AccountId, offer: Offer) -> list[str]:
        """Return an offer's coupons."""
        return await self._store.read(lambda tx: tx.postbacks.coupons(account_id, offer.id))

    async def set_coupons(
        self, account_id: AccountId, offer: Offer, codes: Sequence[str], actor: Actor
    ) -> list[str]:
        """Let an offer have these codes and no others. Raises `Conflict` for another's code."""
        wanted = list(dict.fromkeys(map(coupon_of, codes)))
        if len(wanted) > COUPONS_MAX or not all(
            1 <= len(each) <= COUPON_LENGTH_MAX for each in wanted
        ):
            raise InvalidInput(
                f"An offer has at most {COUPONS_MAX} coupons of 1 to {COUPON_LENGTH_MAX} "
                "characters",
                param="coupons",
            )

        def work(tx: Tx) -> list[str]:
            now = self._now()
            taken = tx.postbacks.set_coupons(account_id, offer.id, wanted, now)
            if taken is not None:
                raise Conflict(
                    f"Another offer of the account has the coupon {taken}.",
                    code="coupon_taken",
                    param="coupons",
                )
            details = {"fields": ["coupons"]}
            about = f"offer {offer.ref}"
            tx.audit.add(account_id, actor, Action.OFFER_CHANGED, about, details, now)
            return tx.postbacks.coupons(account_id, offer.id)

        return await self._store.write(work)

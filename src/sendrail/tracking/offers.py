"""Offers of an account: what its links lead to and what a conversion pays."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any, Final, Literal

from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, slice_of, title_of
from sendrail.domain import money
from sendrail.domain.audit import Action, Actor
from sendrail.domain.destinations import ANYWHERE, DestinationRules
from sendrail.domain.errors import Conflict, InvalidInput, NotFound, missing
from sendrail.domain.ids import AccountId
from sendrail.domain.link_settings import LinkSettings
from sendrail.domain.offer import (
    CLICK_WINDOW_DAYS_MAX,
    NAME_LENGTH_MAX,
    Offer,
    OfferPlatform,
    OfferStatus,
    PayoutType,
)
from sendrail.domain.overlap import expect_overlap
from sendrail.domain.times import read_instant
from sendrail.links.destinations import destination_of
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.postback_secrets import PostbackSecrets

OFFERS_MAX: Final = 10_000
ID_LENGTH_MAX: Final = 255
METADATA_LENGTH_MAX: Final = 16_384
METADATA_KEYS_MAX: Final = 100
# For how long the secret before a replaced one is good as well.
OVERLAP_MS: Final = 24 * 3_600_000
# What an owner may set by hand: the end of an offer comes by its time.
SETTABLE: Final = (OfferStatus.ACTIVE, OfferStatus.PAUSED, OfferStatus.ARCHIVED)
_REF_BYTES: Final = 12
_IS_REF: Final = re.compile(r"[0-9a-f]{24}").fullmatch
# What an entry of the audit log must not repeat.
_SEALED: Final = frozenset({"secret", "old_secret", "old_secret_until", "updated_at"})


@dataclass(frozen=True, slots=True)
class OfferPage:
    """One page of offers, and how many there are."""

    offers: Sequence[Offer]
    total: int


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An offer with a fresh secret: the only moment at which that is known."""

    offer: Offer
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferChange:
    """What a caller gives of an offer; None is not given, and an empty text takes it away.

    `payout` is in ten-thousandths. A window or an end of 0 takes it away. `metadata` is merged; a
    key with None is removed.
    """

    name: str | None = None
    tracking_url: str | None = None
    fallback_url: str | None = None
    external_platform: str | None = None
    external_id: str | None = None
    advertiser_id: str | None = None
    payout: int | None = None
    payout_type: str | None = None
    click_window_days: int | None = None
    filter_bots: bool | Literal[""] | None = None
    pixel_amounts: bool | None = None
    status: str | None = None
    expires_at: int | None = None
    metadata: Mapping[str, str | None] | None = None


class OfferService:
    """Operations on an account's offers; one is named by its public id.

    What they return has the status of the moment: past its end an offer is expired. It says
    whether machines see the filter page, whether that is the offer's own word or the account's.
    """

    def __init__(
        self,
        store: Store,
        postback_secrets: PostbackSecrets,
        now: Callable[[], int],
        rules: DestinationRules = ANYWHERE,
    ) -> None:
        self._store = store
        self._rules = rules
        self._secrets = postback_secrets
        self._now = now

    async def add(
        self, account_id: AccountId, given: OfferChange, actor: Actor, *, guard: Guard = unguarded
    ) -> Offer:
        """Add an offer.

        Raises `InvalidInput` with the field at fault, and `Conflict` past `OFFERS_MAX`.
        """
        for name in ("name", "tracking_url"):
            if not (getattr(given, name) or "").strip():
                raise missing(name)
        if given.status == OfferStatus.ARCHIVED:
            raise _wrong_status((OfferStatus.ACTIVE, OfferStatus.PAUSED))
        values = _values(given, self._rules)
        ref = secrets.token_hex(_REF_BYTES)

        def add(tx: Tx) -> Offer:
            if tx.offers.count(account_id) >= OFFERS_MAX:
                raise Conflict(
                    f"An account has at most {OFFERS_MAX:,} offers, archived ones included.",
                    code="too_many_offers",
                )
            now = self._now()
            metadata = _merged({}, given.metadata or {})
            row = _NEW | values | {"metadata": metadata, "created_at": now, "updated_at": now}
            tx.offers.add(account_id, ref=ref, **row)
            _note(tx, account_id, actor, Action.OFFER_ADDED, ref, values, now)
            return _current(tx, _owned(tx, account_id, ref), now)

        return await self._store.write(guard(add))

    async def page(
        self,
        account_id: AccountId,
        status: OfferStatus | None = None,
        *,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> OfferPage:
        """Return one page of offers, newest first: of a status, or all that are not archived."""
        offset, limit = slice_of(page, per_page)
        now = self._now()

        def read(tx: Tx) -> OfferPage:
            found, total = tx.offers.page(account_id, status, now, offset, limit)
            settings = tx.link_settings.of(account_id)
            return OfferPage([_shown(each, settings, now) for each in found], total)

        return await self._store.read(read)

    async def show(self, account_id: AccountId, ref: str) -> Offer:
        """Return one offer. Raises `NotFound`, the same for another account's."""
        return await self._store.read(
            lambda tx: _current(tx, _owned(tx, account_id, ref), self._now())
        )

    async def change(
        self, account_id: AccountId, ref: str, given: OfferChange, actor: Actor
    ) -> Offer:
        """Change what is given; an archived offer comes back by its status."""
        values = _values(given, self._rules)

        def change(tx: Tx) -> Offer:
            before, now = _owned(tx, account_id, ref), self._now()
            if given.metadata is not None:
                values["metadata"] = _merged(before.metadata, given.metadata)
            if not values:
                return _current(tx, before, now)
            tx.offers.change(account_id, before.id, updated_at=now, **values)
            _note(tx, account_id, actor, Action.OFFER_CHANGED, ref, values, now)
            return _current(tx, _owned(tx, account_id, ref), now)

        return await self._store.write(change)

    async def archive(self, account_id: AccountId, ref: str, actor: Actor) -> None:
        """Hide an offer from new links; what was sent keeps leading to it."""

        def archive(tx: Tx) -> None:
            offer, now = _owned(tx, account_id, ref), self._now()
            if offer.status is OfferStatus.ARCHIVED:
                return
            tx.offers.change(account_id, offer.id, status=OfferStatus.ARCHIVED, updated_at=now)
            _note(tx, account_id, actor, Action.OFFER_ARCHIVED, ref, {}, now)

        await self._store.write(archive)

    async def replace_secret(
        self, account_id: AccountId, ref: str, actor: Actor, *, overlap_ms: int = OVERLAP_MS
    ) -> NewSecret:
        """Give an offer a new postback secret; the one before is good as well for the overlap."""
        expect_overlap(overlap_ms)
        secret = self._secrets.new()
        sealed = self._secrets.seal(account_id, ref, secret)

        def replace(tx: Tx) -> Offer:
            before, now = _owned(tx, account_id, ref), self._now()
            is_kept = overlap_ms > 0 and before.secret is not None
            tx.offers.change(
                account_id,
                before.id,
                secret=sealed,
                old_secret=before.secret if is_kept else None,
                old_secret_until=now + overlap_ms if is_kept else None,
                updated_at=now,
            )
            _note(tx, account_id, actor, Action.OFFER_SECRET_REPLACED, ref, {}, now)
            return _current(tx, _owned(tx, account_id, ref), now)

        return NewSecret(await self._store.write(replace), secret)


# The columns of an offer of which nothing but its name and its URL is given.
_NEW: Final[dict[str, Any]] = {
    "payout": 0,
    "payout_type": PayoutType.CPA,
    "pixel_amounts": False,
    "status": OfferStatus.ACTIVE,
}


def end_of(text: str, zone: tzinfo = UTC) -> int:
    """Return the end of an offer in milliseconds; a time without a zone is one of `zone`.

    Raises `InvalidInput` for what is no time, or lies before 1970.
    """
    at = read_instant(text.strip(), zone)
    if at is None or at <= 0:
        raise InvalidInput(
            "`expires_at` must be a time such as 2026-01-31T08:00:00Z", param="expires_at"
        )
    return at


def _values(given: OfferChange, rules: DestinationRules) -> dict[str, Any]:
    """Return the columns that are given, each checked. Raises `InvalidInput`."""
    values: dict[str, Any] = {
        "name": title_of(given.name, NAME_LENGTH_MAX),
        "tracking_url": _tracking_url(given.tracking_url, rules),
        "payout": _payout(given.payout),
        "payout_type": _one_of(PayoutType, given.payout_type, "payout_type"),
        "pixel_amounts": given.pixel_amounts,
        "status": _status(given.status),
    }
    values = {name: value for name, value in values.items() if value is not None}
    if given.filter_bots is not None:
        values["filter_bots"] = None if given.filter_bots == "" else given.filter_bots
    taken_away: dict[str, Any] = {
        "fallback_url": _fallback_url(given.fallback_url, rules),
        "external_platform": given.external_platform
        and _one_of(OfferPlatform, given.external_platform, "external_platform"),
        "external_id": _id(given.external_id, "external_id"),
        "advertiser_id": _id(given.advertiser_id, "advertiser_id"),
        "click_window_days": _window(given.click_window_days),
        "expires_at": given.expires_at,
    }
    return values | {name: value or None for name, value in taken_away.items() if value is not None}


def _tracking_url(text: str | None, rules: DestinationRules) -> str | None:
    if text is None:
        return None
    if not text.strip():
        raise missing("tracking_url")
    return destination_of(text, rules, "tracking_url")


def _fallback_url(text: str | None, rules: DestinationRules) -> str | None:
    if text is None:
        return None
    return destination_of(text, rules, "fallback_url") if text.strip() else ""


def _payout(amount: int | None) -> int | None:
    if amount is not None and not 0 <= amount <= money.AMOUNT_MAX:
        raise InvalidInput("`payout` must be an amount of 0 or more", param="payout")
    return amount


def _id(text: str | None, param: str) -> str | None:
    if text is not None and len(text.strip()) > ID_LENGTH_MAX:
        raise InvalidInput(f"`{param}` has at most {ID_LENGTH_MAX} characters", param=param)
    return None if text is None else text.strip()


def _window(days: int | None) -> int | None:
    if days is not None and not 0 <= days <= CLICK_WINDOW_DAYS_MAX:
        raise InvalidInput(
            f"`click_window_days` must be 1 to {CLICK_WINDOW_DAYS_MAX}", param="click_window_days"
        )
    return days


def _status(text: str | None) -> OfferStatus | None:
    if text is None:
        return None
    if text not in SETTABLE:
        raise _wrong_status(SETTABLE)
    return OfferStatus(text)


def _wrong_status(choices: Sequence[OfferStatus]) -> InvalidInput:
    return InvalidInput(
        f"`status` must be {' or '.join(choices)}", code="invalid_status", param="status"
    )


def _one_of(kind: Any, text: str | None, param: str) -> Any:
    if text is None:
        return None
    if text not in set(kind):
        choices = " or ".join(kind)
        raise InvalidInput(f"`{param}` must be {choices}", code=f"invalid_{param}", param=param)
    return kind(text)


def _merged(before: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    both: dict[str, str | None] = {**before, **given}
    merged = {key: value for key, value in both.items() if value is not None}
    length = sum(len(key) + len(value) for key, value in merged.items())
    if len(merged) > METADATA_KEYS_MAX or length > METADATA_LENGTH_MAX:
        raise InvalidInput(
            f"`metadata` has at most {METADATA_KEYS_MAX} keys and {METADATA_LENGTH_MAX:,} "
            "characters in all",
            code="metadata_too_large",
            param="metadata",
        )
    return merged


def _note(  # noqa: PLR0917 - an entry's parts
    tx: Tx,
    account_id: AccountId,
    actor: Actor,
    action: Action,
    ref: str,
    values: Mapping[str, Any],
    now: int,
) -> None:
    details = {"fields": sorted(set(values) - _SEALED)} if values else {}
    tx.audit.add(account_id, actor, action, f"offer {ref}", details, now)


def _current(tx: Tx, offer: Offer, now: int) -> Offer:
    return _shown(offer, tx.link_settings.of(offer.account_id), now)


def _shown(offer: Offer, settings: LinkSettings, now: int) -> Offer:
    filter_bots = settings.filters(offer.filter_bots)
    return replace(offer, status=offer.status_at(now), filter_bots=filter_bots)


def _owned(tx: Tx, account_id: AccountId, ref: str) -> Offer:
    found = tx.offers.by_ref(account_id, ref) if _IS_REF(ref) else None
    if found is None:
        raise NotFound("There is no such offer, or it is not yours.")
    return found

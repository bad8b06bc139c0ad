"""An offer's status and its window follow from its fields."""

import pytest

from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.offer import (
    Offer,
    OfferStatus,
    PayoutType,
    window_ms,
)


def offer(**more):
    fields = {
        "id": OfferId(1),
        "ref": "a1b2c3d4e5f6a1b2c3d4e5f6",
        "account_id": AccountId(1),
        "name": "Summer Promo",
        "tracking_url": "https://shop.example/",
        "fallback_url": None,
        "external_platform": None,
        "external_id": None,
        "advertiser_id": None,
        "payout": 0,
        "payout_type": PayoutType.CPA,
        "click_window_days": None,
        "filter_bots": False,
        "pixel_amounts": False,
        "status": OfferStatus.ACTIVE,
        "expires_at": None,
        "metadata": {},
        "secret": None,
        "old_secret": None,
        "old_secret_until": None,
        "created_at": 0,
        "updated_at": 0,
    }
    return Offer(**fields | more)


@pytest.mark.parametrize(
    ("fields", "now", "status"),
    [
        ({}, 10, "active"),
        ({"status": OfferStatus.PAUSED}, 10, "paused"),
        ({"expires_at": 11}, 10, "active"),
        ({"expires_at": 10}, 10, "expired"),
        ({"status": OfferStatus.PAUSED, "expires_at": 10}, 10, "expired"),
        ({"status": OfferStatus.ARCHIVED, "expires_at": 10}, 10, "archived"),
    ],
)
def test_the_status_at_a_moment(fields, now, status):
    assert offer(**fields).status_at(now) == status


@pytest.mark.parametrize(
    ("offers", "accounts", "days"), [(None, None, 7), (None, 90, 90), (1, 90, 1)]
)
def test_the_window_is_the_offers_else_the_accounts_else_a_week(offers, accounts, days):
    assert window_ms(offers, accounts) == days * 86_400_000


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Summer Promo", "ofr_summer-promo_a1b2c3"),
        ("  Été -- 50 %!", "ofr_ete-50_a1b2c3"),
        ("夏", "ofr_offer_a1b2c3"),
        ("x" * 255, f"ofr_{'x' * 60}_a1b2c3"),
    ],
)
def test_the_slug_has_the_name_and_the_id(name, slug):
    assert offer(name=name).slug == slug

"""An offer's URL is read in one way only; its status and its window follow from its fields."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.ids import AccountId, OfferId
from sendrail.domain.offer import (
    MACROS,
    Offer,
    OfferStatus,
    PayoutType,
    as_ascii,
    url_fault,
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
    "url",
    [
        "https://shop.example",
        "http://shop.example:8080/a/b?c=d#e",
        "HTTPS://Shop.Example/Path",
        "https://shop.example./",
        "https://xn--bcher-kva.example/",
        "https://shop.example/täglich?q=ü",
        "https://shop.example/?m={{messageId}}&c={{click_id}}",
    ],
)
def test_a_good_url_has_no_fault(url):
    assert url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example",
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "https:shop.example",
        "https:/shop.example",
        "https:\\\\shop.example",
        "https://shop.example\\@evil.example",
        "https://bank.example@evil.example/",
        "https://user:word@shop.example/",
        "https://",
        "https:///path",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:x/",
        "https://-shop.example/",
        "https://bücher.example/",
        "https://shop .example/",
        "https://shop.example/a b",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://{{contact.phone}}.example/",
        "{{source}}://shop.example/",
        "https://shop.example:{{sub1}}/",
        "https://shop.example/?x={{first_name}}",
        "https://shop.example/?x={{}}",
        "https://" + "a" * 64 + ".example/",
        "https://shop.example/" + "a" * 2_048,
    ],
)
def test_a_url_that_can_be_misread_has_a_fault(url):
    assert url_fault(url)


def test_a_url_becomes_ascii_with_its_macros_as_they_are():
    assert as_ascii("HTTPS://Shop.Example/Tä?q={{click_id}}&r=ü|{x}%20#ö") == (
        "https://shop.example/T%C3%A4?q={{click_id}}&r=%C3%BC%7C%7Bx%7D%20#%C3%B6"
    )


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(MACROS))
def test_whatever_follows_the_host_it_stays_the_host(tail, macro):
    url = f"https://shop.example/{tail}{{{{{macro}}}}}"
    if url_fault(url) is None:
        made = as_ascii(url)
        assert made.isascii()
        assert urlsplit(made).netloc == "shop.example"
        assert as_ascii(made) == made
        assert f"{{{{{macro}}}}}" in made


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

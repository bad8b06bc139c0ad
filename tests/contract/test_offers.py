"""Offers over HTTP, as the public API has them."""

import uuid

import pytest
from asking import ask, refused, told

from sendrail.domain.audit import Actor
from sendrail.domain.offer import OfferStatus
from sendrail.tracking import offers as service

URL = "https://shop.example/?c={{click_id}}"
ME = Actor(name="a test")


@pytest.fixture
def key(door):
    """The key of an account that has no offers yet."""
    door.account = door.do(door.runtime.accounts.add(f"offers {uuid.uuid4()}"))
    return door.new_key(door.account)


@pytest.fixture
def made(door, key):
    """Make an offer and return it as a `GET` shows it."""

    def make(**more):
        body = {"name": "Summer", "tracking_url": URL} | more
        return told(ask(door, "POST", "offers", body, x_api_key=key))["offer"]

    return make


def actions(door):
    found = door.do(door.runtime.audit.page(door.account))
    return [(each.action, each.about, dict(each.details)) for each in found]


def test_an_offer_is_made_with_the_documented_defaults(door, key):
    saved = told(
        ask(door, "POST", "offers", {"name": " Summer Promo ", "tracking_url": URL}, x_api_key=key)
    )
    assert saved.pop("success") is True
    made = saved.pop("offer")
    assert made == saved
    assert len(made["id"]) == 24
    assert set(made["id"]) <= set("0123456789abcdef")
    assert made.pop("slug") == f"ofr_summer-promo_{made['id'][:6]}"
    times = made.pop("created_at"), made.pop("updated_at")
    assert all(each.endswith("Z") for each in times)
    offer_id = made.pop("id")
    assert made == {
        "name": "Summer Promo",
        "tracking_url": URL,
        "fallback_url": None,
        "external_platform": None,
        "external_id": None,
        "advertiser_id": None,
        "payout": 0.0,
        "payout_type": "cpa",
        "click_window_days": None,
        "filter_bots": False,
        "pixel_amounts": False,
        "status": "active",
        "expires_at": None,
        "metadata": {},
        "has_postback_secret": False,
    }
    assert actions(door)[0] == (
        "offer.added",
        f"offer {offer_id}",
        {"fields": ["name", "tracking_url"]},
    )


def test_an_offer_is_changed_paused_archived_and_brought_back(door, key, made):
    full = made(
        external_platform="tune",
        external_id="812",
        advertiser_id="a",
        payout=24.99,
        payout_type="cpc",
        click_window_days=30,
        filter_bots=True,
        fallback_url="https://shop.example/over",
        expires_at="2999-01-01T00:00:00Z",
        metadata={"a": "1", "b": "2"},
    )
    assert full["payout"] == 24.99
    assert full["expires_at"] == "2999-01-01T00:00:00Z"
    path = f"offers/{full['id']}"
    put = lambda **body: told(ask(door, "PUT", path, body, x_api_key=key))["offer"]  # noqa: E731
    changed = put(name="Winter", payout=0.5, metadata={"b": None, "c": "3"})
    assert changed["metadata"] == {"a": "1", "c": "3"}
    expected = full | {
        "name": "Winter",
        "slug": f"ofr_winter_{full['id'][:6]}",
        "payout": 0.5,
        "metadata": {"a": "1", "c": "3"},
        "updated_at": changed["updated_at"],
    }
    assert changed == expected
    taken = dict.fromkeys(
        ("external_platform", "external_id", "advertiser_id", "click_window_days", "fallback_url")
    )
    assert put(**taken, expires_at=None).items() >= {**taken, "expires_at": None}.items()
    assert put(status="paused")["status"] == "paused"
    assert told(ask(door, "DELETE", path, x_api_key=key)) == {"success": True, "archived": True}
    assert told(ask(door, "DELETE", path, x_api_key=key)) == {"success": True, "archived": True}
    assert told(door.get(path, x_api_key=key))["status"] == "archived"
    assert put(status="active")["status"] == "active"
    assert put(status="archived")["status"] == "archived"
    assert [each[0] for each in actions(door)].count("offer.archived") == 1


def test_a_change_of_nothing_changes_nothing(door, key, made):
    before, entries = made(), len(actions(door))
    answer = told(ask(door, "PUT", f"offers/{before['id']}", {}, x_api_key=key))
    assert answer["offer"] == before
    assert len(actions(door)) == entries


def test_offers_are_listed_by_status_newest_first_in_pages(door, key, made):
    ids = [made(name=f"Offer {number}")["id"] for number in range(5)]
    over = made(expires_at="2020-01-01T00:00:00Z")
    assert over["status"] == "expired"
    ask(door, "PUT", f"offers/{ids[0]}", {"status": "paused"}, x_api_key=key)
    ask(door, "DELETE", f"offers/{ids[1]}", x_api_key=key)

    def listed(**params):
        answer = told(door.get("offers", params=params, x_api_key=key))
        return [each["id"] for each in answer["offers"]], answer["pagination"]["total"]

    assert listed() == ([over["id"], ids[4], ids[3], ids[2], ids[0]], 5)
    assert listed(page=2, per_page=2) == ([ids[3], ids[2]], 5)
    assert listed(status="active") == ([ids[4], ids[3], ids[2]], 3)
    assert listed(status="paused") == ([ids[0]], 1)
    assert listed(status="archived") == ([ids[1]], 1)
    assert listed(status="expired") == ([over["id"]], 1)
    refused(
        door.get("offers", params={"status": "gone"}, x_api_key=key), "invalid_parameter", "status"
    )
    refused(
        door.get("offers", params={"per_page": 101}, x_api_key=key), "invalid_parameter", "per_page"
    )


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", None, "missing_name"),
        ("name", " ", "missing_name"),
        ("name", "x" * 256, "name_too_long"),
        ("name", 7, "invalid_field"),
        ("tracking_url", None, "missing_tracking_url"),
        ("tracking_url", "", "missing_tracking_url"),
        ("tracking_url", "ftp://shop.example", "invalid_url"),
        ("tracking_url", "https://shop.example/{{first_name}}", "invalid_url"),
        ("fallback_url", "https://127.0.0.1/", "invalid_url"),
        ("external_platform", "cake", "invalid_external_platform"),
        ("payout_type", "rpm", "invalid_payout_type"),
        ("payout", -1, "invalid_field"),
        ("payout", 1e12, "invalid_field"),
        ("payout", "1", "invalid_field"),
        ("status", "archived", "invalid_status"),
        ("status", "expired", "invalid_status"),
        ("click_window_days", 0, "invalid_field"),
        ("click_window_days", 91, "invalid_field"),
        ("external_id", "x" * 256, "invalid_field"),
        ("expires_at", "tomorrow", "invalid_field"),
        ("metadata", {"a": 1}, "invalid_field"),
        ("metadata", {"a": "x" * 16_384}, "metadata_too_large"),
        ("metadata", {str(number): "" for number in range(101)}, "metadata_too_large"),
    ],
)
def test_a_field_at_fault_is_named(door, key, field, value, code):
    body = {"name": "Summer", "tracking_url": URL, field: value}
    error = told(ask(door, "POST", "offers", body, x_api_key=key), 400)
    assert error["code"] == code
    assert error["param"].partition(".")[0] == field
    assert told(door.get("offers", x_api_key=key))["pagination"]["total"] == 0


@pytest.mark.parametrize("value", ["expired", "gone"])
def test_a_status_that_cannot_be_set_is_refused(door, key, made, value):
    path = f"offers/{made()['id']}"
    refused(ask(door, "PUT", path, {"status": value}, x_api_key=key), "invalid_status", "status")


@pytest.mark.parametrize("offer_id", ["0" * 24, "1", "x" * 24, "A" * 24, "%00"])
def test_what_is_no_offer_is_not_found(door, key, offer_id):
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        refused(ask(door, method, f"offers/{offer_id}", body, x_api_key=key), "not_found")


def test_an_offer_is_made_once_by_an_idempotency_key(door, key):
    body, same = {"name": "Once", "tracking_url": URL}, str(uuid.uuid4())
    first = ask(door, "POST", "offers", body, x_api_key=key, idempotency_key=same)
    again = ask(door, "POST", "offers", body, x_api_key=key, idempotency_key=same)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert told(door.get("offers", x_api_key=key))["pagination"]["total"] == 1


def test_an_account_has_a_most_of_offers(door, key, made, monkeypatch):
    made()
    monkeypatch.setattr(service, "OFFERS_MAX", 1)
    body = {"name": "Summer", "tracking_url": URL}
    refused(ask(door, "POST", "offers", body, x_api_key=key), "too_many_offers")


def test_a_secret_is_shown_once_and_the_one_before_stays_good_for_a_day(door, key, made):
    offer_id = made()["id"]
    path = f"offers/{offer_id}/postback-secret"
    first = told(ask(door, "PUT", path, x_api_key=key))
    assert first["old_valid_until"] is None
    second = told(ask(door, "PUT", path, x_api_key=key))
    assert second["old_valid_until"].endswith("Z")
    assert first["postback_secret"] != second["postback_secret"]
    shown = door.get(f"offers/{offer_id}", x_api_key=key)
    assert told(shown)["has_postback_secret"] is True
    assert second["postback_secret"] not in shown.text
    offer = door.do(door.runtime.tracking.offers.show(door.account, offer_id))
    judge, now = door.runtime.tracking.postback_secrets.is_of, door.runtime.clock.now()
    assert judge(offer, second["postback_secret"], now)
    assert judge(offer, first["postback_secret"], now)
    assert not judge(offer, first["postback_secret"], now + service.OVERLAP_MS + 1)
    assert not judge(offer, "", now)
    assert not judge(offer, second["postback_secret"][:-1], now)
    assert "secret" not in str([each[2] for each in actions(door)])


def test_a_secret_of_one_offer_is_none_of_another(door, made):
    ours, other = made(), made()
    replace = door.runtime.tracking.offers.replace_secret
    secret = door.do(replace(door.account, ours["id"], ME)).secret
    door.do(replace(door.account, other["id"], ME))
    offer = door.do(door.runtime.tracking.offers.show(door.account, other["id"]))
    assert not door.runtime.tracking.postback_secrets.is_of(offer, secret, door.runtime.clock.now())


def test_every_status_is_documented():
    assert set(OfferStatus) == {"active", "paused", "expired", "archived"}

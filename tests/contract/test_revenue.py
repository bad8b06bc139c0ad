"""Revenue and postbacks over HTTP: as documented, each once, and nothing said to strangers."""

import uuid

import pytest
from asking import ask, refused, told

from sendrail.api.postbacks import PIXEL
from sendrail.domain.audit import Actor
from sendrail.domain.errors import StorageUnavailable
from sendrail.tracking.conversions import RECORDS_MAX
from sendrail.tracking.offers import OfferChange

ME = Actor(name="a test")


@pytest.fixture
def message(door):
    return door.send()


@pytest.fixture
def offer(door):
    """An offer of ours with a secret."""
    name = f"network {uuid.uuid4()}"
    given = OfferChange(
        name="Offer", tracking_url="https://shop.example/", external_id=name, payout=50_000
    )
    made = door.do(door.runtime.tracking.offers.add(door.us, given, ME))
    replace = door.runtime.tracking.offers.replace_secret
    made = door.do(replace(door.us, made.ref, ME))
    return made.offer, made.secret


def record(message, **more):
    return {"message_id": message, "revenue": 24.99, "attribution_type": "send"} | more


def test_revenue_is_recorded_as_documented(door, message):
    answer = told(ask(door, "POST", "revenue", record(message)))
    assert len(answer.pop("revenue_id")) == 24
    assert answer == {
        "success": True,
        "message_id": message,
        "revenue": 24.99,
        "attributed": True,
        "duplicate": False,
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("message_id", None, "missing_message_id"),
        ("message_id", " ", "missing_message_id"),
        ("message_id", "zzzzzzzz", "message_not_found"),
        ("message_id", "x", "message_not_found"),
        ("revenue", None, "missing_revenue"),
        ("revenue", -0.01, "invalid_field"),
        ("revenue", 1e300, "invalid_field"),
        ("revenue", "5", "invalid_field"),
        ("attribution_type", None, "missing_attribution_type"),
        ("attribution_type", "migration", "invalid_attribution_type"),
        ("offer_id", "0" * 24, "offer_not_found"),
        ("timestamp", "yesterday", "invalid_timestamp"),
        ("timestamp", "2999-01-01T00:00:00Z", "invalid_timestamp"),
        ("currency", "EUR", "invalid_currency"),
        ("currency", 5, "invalid_field"),
        ("event", "gift", "invalid_field"),
        ("external_id", "x" * 256, "invalid_field"),
    ],
)
def test_a_field_at_fault_is_named(door, message, field, value, code):
    refused(ask(door, "POST", "revenue", record(message) | {field: value}), code, field)


@pytest.mark.parametrize("currency", ["USD", "usd", "", None])
def test_an_amount_in_the_accounts_currency_is_recorded(door, message, currency):
    assert told(ask(door, "POST", "revenue", record(message, currency=currency)))["success"] is True


def test_an_offer_is_named_by_its_id_or_the_networks(door, message, offer):
    ours, _ = offer
    first = record(message, offer_id=ours.ref, external_id="same")
    assert told(ask(door, "POST", "revenue", first))["duplicate"] is False
    again = first | {"offer_id": ours.external_id}
    assert told(ask(door, "POST", "revenue", again))["duplicate"] is True


def test_a_time_without_a_zone_is_utc(door, message):
    plain = told(ask(door, "POST", "revenue", record(message, timestamp="2026-01-31T08:00:00")))
    assert plain["success"] is True
    number = door.runtime.ids.read(message)
    [kept] = door.do(door.runtime.store.read(lambda tx: tx.conversions.of_message(door.us, number)))
    assert (kept.at, kept.amount) == (1_769_846_400_000, 249_900)


def test_a_repeated_request_counts_once_by_its_key(door, message):
    key = str(uuid.uuid4())
    first = ask(door, "POST", "revenue", record(message), idempotency_key=key)
    again = ask(door, "POST", "revenue", record(message), idempotency_key=key)
    assert first.content == again.content
    number = door.runtime.ids.read(message)
    kept = door.do(door.runtime.store.read(lambda tx: tx.conversions.of_message(door.us, number)))
    assert len(kept) == 1


def test_a_batch_judges_each_record_on_its_own(door, message):
    records = [
        record(message, external_id="a", revenue=0.1),
        record(message, external_id="b", revenue=0.2),
        record(message, external_id="a", revenue=9),
        record(message, revenue=None),
        record("zzzzzzzz"),
        [],
        record(message, currency="EUR"),
        record(message, external_id="a", currency="EUR"),
    ]
    answer = told(ask(door, "POST", "revenue/bulk", {"records": records}))
    codes = [(each["index"], each["code"]) for each in answer.pop("errors")]
    assert codes == [
        (3, "missing_revenue"),
        (4, "message_not_found"),
        (5, "invalid_json"),
        (6, "invalid_currency"),
    ]
    # Summed as whole ten-thousandths: floats would make it 0.30000000000000004.
    assert answer == {
        "success_count": 4,
        "error_count": 4,
        "duplicate_count": 2,
        "total_revenue": 0.3,
    }


@pytest.mark.parametrize("records", [None, []])
def test_a_batch_has_records(door, records):
    body = {"records": records}
    refused(ask(door, "POST", "revenue/bulk", body), "missing_records", "records")


def test_a_batch_has_a_limit(door):
    body = {"records": [{}] * (RECORDS_MAX + 1)}
    refused(ask(door, "POST", "revenue/bulk", body), "too_many_records", "records")
    most = told(ask(door, "POST", "revenue/bulk", {"records": [{}] * RECORDS_MAX}))
    assert (most["error_count"], len(most["errors"])) == (RECORDS_MAX, 100)


def test_how_an_account_takes_conversions_is_shown_and_changed(door):
    account = door.do(door.runtime.accounts.add(f"postbacks {uuid.uuid4()}"))
    key = door.new_key(account)
    blank = {
        "currency": "USD",
        "click_window_days": None,
        "open_links": False,
        "has_postback_secret": False,
    }
    assert told(door.get("postbacks", x_api_key=key)) == blank
    change = {"currency": "eur", "click_window_days": 30, "open_links": True}
    changed = told(ask(door, "PUT", "postbacks", change, x_api_key=key))
    assert changed == blank | change | {"currency": "EUR"}
    back = told(ask(door, "PUT", "postbacks", {"click_window_days": None}, x_api_key=key))
    assert back["click_window_days"] is None
    made = told(ask(door, "PUT", "postbacks/secret", x_api_key=key))
    assert made["postback_secret"].startswith("pbs_")
    assert made["old_valid_until"] is None
    assert told(door.get("postbacks", x_api_key=key))["has_postback_secret"] is True
    for field, value in (("currency", "euro"), ("click_window_days", 91), ("click_window_days", 0)):
        refused(
            ask(door, "PUT", "postbacks", {field: value}, x_api_key=key), "invalid_field", field
        )


# Postbacks


def postback(door, path, method="GET", **said):
    if method == "POST":
        return door.client.post(path, data=said)
    return door.client.get(path, params=said)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_offers_network_reports_with_its_secret(door, message, offer, method):
    ours, secret = offer
    said = {"offer_id": ours.ref, "message_id": message, "revenue": "24.99", "txn_id": "t"}
    answer = postback(door, "/conv/offer", method, postback_secret=secret, **said)
    body = told(answer)
    assert len(body.pop("revenue_id")) == 24
    # No human click is known: kept, and in no sum.
    assert body == {"success": True, "duplicate": False, "attributed": False}
    assert answer.headers["cache-control"] == "private, no-store"
    again = postback(door, "/conv/offer", method, postback_secret=secret, **said)
    assert told(again)["duplicate"] is True


def test_the_secret_may_be_a_header(door, message, offer):
    ours, secret = offer
    answer = door.client.get(
        "/conv/offer",
        params={"offer_id": ours.ref, "message_id": message},
        headers={"x-postback-secret": secret},
    )
    assert told(answer)["success"] is True


@pytest.mark.parametrize("secret", [None, "", "pbs_wrong"])
def test_a_wrong_secret_is_401_whatever_else_is_said(door, message, offer, secret):
    ours, _ = offer
    more = {} if secret is None else {"postback_secret": secret}
    answers = [
        postback(door, "/conv/offer", offer_id=offer_id, message_id=name, **more)
        for offer_id in (ours.ref, "0" * 24, "")
        for name in (message, "zzzzzzzz")
    ]
    answers.append(postback(door, "/conv/coupon", code="NONE", **more))
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"invalid_postback_secret"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"message_id": "zzzzzzzz"}, "message_not_found"),
        ({"revenue": "much"}, "invalid_revenue"),
        ({"revenue": "-24.99"}, "invalid_revenue"),
        ({"revenue": "-24.99", "event": "rebill"}, "invalid_revenue"),
        ({"event": "gift"}, "invalid_event"),
        ({"txn_id": "x" * 256}, "invalid_field"),
    ],
)
def test_what_will_never_work_is_answered_200(door, message, offer, said, code):
    ours, secret = offer
    asked = {"offer_id": ours.ref, "message_id": message, "postback_secret": secret} | said
    answer = told(postback(door, "/conv/offer", **asked))
    assert (answer["success"], answer["code"]) == (False, code)


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("/conv", {"link_id": "abcdefg"}, "link_not_found"),
        ("/conv", {"click_id": "x" * 22}, "click_not_found"),
        ("/conv", {}, "link_not_found"),
        ("/api/postbacks/tune", {"click_id": "x", "payout": "5"}, "click_not_found"),
        ("/api/postbacks/everflow", {"click_id": "x"}, "click_not_found"),
        ("/api/postbacks/cake", {"click_id": "x"}, "unknown_network"),
        ("/conv", {"link_id": "abc\0"}, "link_not_found"),
        ("/conv", {"click_id": "\0"}, "click_not_found"),
        ("/api/postbacks/tune", {"click_id": "\0", "postback_secret": "\0"}, "click_not_found"),
    ],
)
def test_links_and_clicks_that_are_unknown_are_answered_200(door, path, said, code):
    assert told(postback(door, path, **said))["code"] == code


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_no_database_can_look_for_is_found_nowhere(door, message, method):
    nothing = {"offer_id": "\0", "message_id": "\0", "postback_secret": "\0", "code": "\0"}
    for path in ("/conv/offer", "/conv/coupon"):
        answer = postback(door, path, method, **nothing)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_postback_secret")
    answer = postback(door, "/conv/offer", method, offer_id="0" * 23 + "\0", message_id=message)
    assert answer.status_code == 401


@pytest.mark.parametrize("event", ["refund", "chargeback"])
def test_what_is_taken_back_may_be_written_as_a_negative_amount(door, message, offer, event):
    ours, secret = offer
    said = {"offer_id": ours.ref, "message_id": message, "postback_secret": secret, "event": event}
    answers = [
        told(postback(door, "/conv/offer", **said, revenue=revenue, txn_id=revenue))
        for revenue in ("-24.99", "24.99", "-0")
    ]
    assert [each["success"] for each in answers] == [True] * 3


def test_a_pixel_is_a_picture_while_the_storage_is_away(door, monkeypatch):
    async def away(*_):
        raise StorageUnavailable("away")

    monkeypatch.setattr(door.runtime.tracking.postbacks, "by_pixel", away)
    answer = door.client.get("/pixel/abcdefg.gif")
    assert (answer.status_code, answer.content) == (200, PIXEL)


@pytest.mark.parametrize("said", [{}, {"revenue": "much"}, {"revenue": "5", "txn_id": "x"}])
def test_a_pixel_is_a_picture_whatever_comes_of_it(door, said):
    answer = postback(door, "/pixel/abcdefg.gif", **said)
    assert (answer.status_code, answer.content) == (200, PIXEL)
    assert len(PIXEL) == 43
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_tracking_domain_takes_postbacks_too(door, message, offer):
    host = f"go-{uuid.uuid4().hex[:12]}.example"
    door.do(door.runtime.tracking.domains.add(door.us, host, ME))
    ours, secret = offer
    said = {"offer_id": ours.ref, "message_id": message, "postback_secret": secret}
    at = {"host": host}
    assert told(door.client.get("/conv/offer", params=said, headers=at))["success"] is True
    wrong = door.client.get("/conv/offer", params=said | {"postback_secret": "x"}, headers=at)
    assert wrong.json()["code"] == "invalid_postback_secret"
    assert door.client.get("/pixel/abcdefg.gif", headers=at).content == PIXEL
    assert door.client.get("/api/postbacks/tune", headers=at).status_code == 404


def test_a_head_reports_nothing(door, message, offer):
    ours, secret = offer
    said = {"offer_id": ours.ref, "message_id": message, "postback_secret": secret}
    answer = door.client.head("/conv/offer", params=said)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    assert door.client.head("/api/postbacks/tune").status_code == 405
    assert door.client.head("/pixel/abcdefg.gif").status_code == 200
    assert told(postback(door, "/conv/offer", **said))["duplicate"] is False


def test_a_long_body_of_a_postback_is_refused(door):
    answer = door.client.post("/conv", data={"x": "y" * 20_000})
    assert answer.status_code == 413


def test_a_contact_shows_what_it_has_earned(door):
    who = door.recipient()
    contact = {"phone_number": who, "list_number": door.list_number}
    told(ask(door, "POST", "contacts", contact))
    message = door.send(to=who)

    def shown():
        [found] = told(door.get("contacts", params={"phone_number": who}))["contacts"]
        return found["conversion_count"], found["revenue_total"]

    assert shown() == (0, 0)
    for amount in (0.1, 0.2):
        told(ask(door, "POST", "revenue", record(message, revenue=amount)))
    assert shown() == (2, 0.3)
    told(ask(door, "POST", "revenue", record(message, revenue=0.05, event="refund")))
    assert shown() == (2, 0.25)
    # What a message has not earned is in no sum.
    told(ask(door, "POST", "revenue", record(message, attribution_type="sale")))
    assert shown() == (2, 0.25)

"""Links that are in no message, over HTTP as the public API has them."""

import uuid

import pytest
from asking import ask, refused, told
from following import PHONE, clicks_of

from sendrail.domain.ids import OfferId
from sendrail.domain.offer import OfferStatus

URL = "https://shop.example/cart?who={{contact.phone}}&s={{source}}"
ANN = "+15550100001"


@pytest.fixture
def list_number(door):
    return door.linked_list()


@pytest.fixture
def list_id(door, list_number):
    found = told(ask(door, "GET", "lists?per_page=100"))["lists"]
    return next(each["id"] for each in found if each["phone_number"] == list_number)


def post(door, path, **body):
    return ask(door, "POST", path, body)


def shorten(door, **body):
    return told(post(door, "links/shorten", **{"url": URL} | body))


def refused_as(answer, status, code, param=None):
    error = told(answer, status)
    assert (error["code"], error.get("param")) == (code, param)


def test_a_link_to_an_offer_has_the_documented_fields(door, list_id):
    offer = door.new_offer()
    made = told(post(door, "links", offerId=offer, listId=list_id))
    link_id = made.pop("linkId")
    assert len(link_id) == 7
    assert made == {
        "shortUrl": f"https://{door.links_host}/{link_id}",
        "clickTrackerUrl": f"https://{door.links_host}/{link_id}",
        "destinationUrl": door.offer_url,
        "domain": f"https://{door.links_host}",
        "offerId": offer,
    }


def test_an_offer_may_be_named_as_its_network_calls_it(door, list_number):
    network = uuid.uuid4().hex
    offer = door.new_offer(external_platform="tune", external_id=network)
    made = told(post(door, "links", externalOfferId=network, phoneNumber=list_number))
    assert made["offerId"] == offer
    other = door.new_offer()
    both = {"offerId": other, "externalOfferId": network, "phoneNumber": list_number}
    assert told(post(door, "links", **both))["offerId"] == other


def test_a_shortened_url_has_the_documented_fields(door, list_number):
    made = shorten(door, phoneNumber=list_number, contactPhone=ANN, metadata={"cart": 7})
    link_id = made.pop("linkId")
    assert made == {
        "shortUrl": f"https://{door.links_host}/{link_id}",
        "destinationUrl": "https://shop.example/cart?who=%2B15550100001&s={{source}}",
        "domain": door.links_host,
        "offerId": None,
        "filterBots": False,
    }


def test_an_offer_wins_over_a_url_and_says_whether_it_filters(door, list_number):
    offer = door.new_offer(filter_bots=True)
    made = shorten(door, phoneNumber=list_number, offerId=offer)
    assert (made["offerId"], made["filterBots"]) == (offer, True)
    assert made["destinationUrl"] == door.offer_url


def test_each_call_makes_a_new_link(door, list_number):
    offer = door.new_offer()
    made = {
        told(post(door, "links", offerId=offer, phoneNumber=list_number))["linkId"] for _ in "ab"
    }
    made |= {shorten(door, phoneNumber=list_number)["linkId"] for _ in "ab"}
    assert len(made) == 4


def test_a_link_is_shown_and_listed(door, list_number, list_id):
    made = shorten(door, phoneNumber=list_number, contactPhone=ANN, metadata={"cart": 7})
    path = f"links/{made['linkId']}"
    shown = told(ask(door, "GET", path))
    assert shown.pop("createdAt").endswith("Z")
    assert shown == made | {
        "listId": list_id,
        "phoneNumber": list_number,
        "contactPhone": ANN,
        "metadata": {"cart": 7},
        "clicks": 0,
        "humanClicks": 0,
        "lastClickedAt": None,
        "conversions": 0,
        "revenue": 0,
    }
    page = told(ask(door, "GET", "links?per_page=1"))
    assert page["links"][0]["linkId"] == made["linkId"]
    assert page["pagination"]["total"] >= 1
    # Another account has no such link, nor this one on its list of them.
    refused(ask(door, "GET", path, x_api_key=door.their_key), "not_found")
    assert told(ask(door, "GET", "links", x_api_key=door.their_key))["links"] == []


def test_a_link_that_was_made_for_an_erased_person_leads_nowhere(door, list_number):
    theirs = shorten(door, phoneNumber=list_number, contactPhone="+15550107007", metadata={"a": 1})
    others = shorten(door, phoneNumber=list_number, contactPhone=ANN)
    told(post(door, "contacts/erase", phone_number="+15550107007"))
    shown = told(ask(door, "GET", f"links/{theirs['linkId']}"))
    assert (shown["contactPhone"], shown["metadata"]) == (None, None)
    host = {"host": theirs["domain"]}
    assert door.client.get(f"/{theirs['linkId']}", headers=host).status_code == 410
    still = door.client.get(f"/{others['linkId']}", headers=host, follow_redirects=False)
    assert still.status_code == 302


@pytest.mark.parametrize("link_id", ["zzzzzzz", "0", "00000000", "0000000000", "a%20b", "aeiouAE"])
def test_what_is_no_link_is_not_found(door, link_id):
    refused(ask(door, "GET", f"links/{link_id}"), "not_found")


def test_the_id_of_a_messages_link_is_no_link_here(door):
    ids = door.runtime.links._ids
    refused(ask(door, "GET", f"links/{ids.show(4)}"), "not_found")


@pytest.mark.parametrize(("path", "field"), [("links", "offerId"), ("links/shorten", "url")])
def test_what_is_missing_is_named(door, list_number, path, field):
    offer = door.new_offer()
    refused_as(post(door, path, phoneNumber=list_number), 400, "missing_url_or_offer", field)
    blank = {"offerId": " ", "phoneNumber": list_number}
    refused_as(post(door, path, **blank), 400, "missing_url_or_offer", field)
    refused_as(post(door, path, offerId=offer), 400, "missing_list_identifier", "listId")
    blank = {"offerId": offer, "phoneNumber": ""}
    refused_as(post(door, path, **blank), 400, "missing_list_identifier", "listId")


@pytest.mark.parametrize("path", ["links", "links/shorten"])
def test_what_is_anothers_is_not_found(door, list_number, path):
    theirs = door.new_offer(door.them)
    found = post(door, path, offerId=theirs, phoneNumber=list_number)
    refused_as(found, 404, "offer_not_found", "offerId")
    ours = door.new_offer()
    for number in (door.theirs, door.unknown, door.deleted):
        found = post(door, path, offerId=ours, phoneNumber=number)
        refused_as(found, 404, "list_not_found", "phoneNumber")
    for list_id in (10**9, 2**63 - 1, 2**63, 0, -1):
        found = post(door, path, offerId=ours, listId=list_id)
        refused_as(found, 404, "list_not_found", "listId")


@pytest.mark.parametrize("path", ["links", "links/shorten"])
@pytest.mark.parametrize("written", ["abc", "+1555", "0", "x" * 12])
def test_what_is_no_lists_number_is_named(door, path, written):
    """Three letters may be the name of a sender, but here they are that of none."""
    found = post(door, path, offerId=door.new_offer(), phoneNumber=written)
    refused_as(found, 400, "invalid_phone", "phoneNumber")


@pytest.mark.parametrize("status", [OfferStatus.PAUSED, OfferStatus.ARCHIVED])
def test_an_offer_must_be_active(door, list_number, status):
    ref = door.new_offer()

    def change(tx):
        offer = tx.offers.by_ref(door.us, ref)
        tx.offers.change(door.us, OfferId(offer.id), status=status)

    door.write(change)
    found = post(door, "links", offerId=ref, phoneNumber=list_number)
    refused_as(found, 404, "offer_not_found", "offerId")


def test_a_list_without_a_tracking_domain_is_a_conflict(door, monkeypatch):
    # The sandbox's lists have this server itself, where it has an address.
    monkeypatch.setattr(door.runtime.links.domains, "_sandbox", None)
    found = post(door, "links/shorten", url=URL, phoneNumber=door.paused)
    refused_as(found, 409, "no_domain_configured")
    # Sending answers the same code as a fault of the request.
    body = {"to": ANN, "list_number": door.paused, "body": "https://a.example", "wrap_links": True}
    assert ask(door, "POST", "send", body).status_code == 400


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example",
        "javascript:alert(1)",
        "shop.example",
        "https://127.0.0.1/",
        "https://bit.ly/x",
        # Known as a host that no link may stand on either.
        "https://adf.ly/x",
        "https://shop.example/?x={{first_name}}",
        "https://shop.example/" + "a" * 2_048,
    ],
)
def test_a_url_must_be_one_that_a_link_may_lead_to(door, list_number, url):
    found = post(door, "links/shorten", url=url, phoneNumber=list_number)
    refused_as(found, 400, "invalid_url", "url")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("contactPhone", "5550100001", "invalid_phone"),
        ("phoneNumber", "+1", "invalid_phone"),
        ("metadata", [1], "invalid_field"),
        ("metadata", {"a": "x" * 16_384}, "metadata_too_large"),
        ("listId", "1", "invalid_field"),
        ("url", 7, "invalid_field"),
        ("contactPhone", "a\0", "invalid_field"),
    ],
)
def test_a_wrong_field_is_named(door, list_number, field, value, code):
    body = {"url": URL, "phoneNumber": list_number, field: value}
    refused_as(post(door, "links/shorten", **body), 400, code, field)


# Followed


def follow(door, link, query="", host=None):
    headers = {"host": host or door.links_host, "user-agent": PHONE}
    headers["x-forwarded-for"] = "203.0.113.8"
    return door.client.get(f"/{link['linkId']}{query}", headers=headers)


def test_a_link_leads_to_its_url_and_its_click_is_kept(door, list_number):
    made = shorten(door, phoneNumber=list_number, contactPhone=ANN)
    before = len(door.write(lambda tx: clicks_of(tx, door.us)))
    answer = follow(door, made)
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://shop.example/cart?who=%2B15550100001&s="
    *_, click = door.write(lambda tx: clicks_of(tx, door.us))
    assert len(door.write(lambda tx: clicks_of(tx, door.us))) == before + 1
    # Of no position: it is in no message.
    shown = told(ask(door, "GET", f"links/{made['linkId']}"))
    assert click["position"] is None
    assert shown["linkId"] == made["linkId"]


def test_a_link_to_an_offer_says_which_click_it_was(door, list_number):
    made = told(post(door, "links", offerId=door.new_offer(), phoneNumber=list_number))
    location = follow(door, made).headers["location"]
    start, _, click_id = location.rpartition("&click_id=")
    # No message, so that there is no id of one.
    assert start == "https://shop.example/?m=&s="
    assert len(click_id) == 22


def test_query_parameters_fill_macros_of_their_names_and_no_others(door, list_number):
    url = "https://shop.example/{{sub1}}?s={{source}}&w={{contact.phone}}&m={{messageId}}"
    made = shorten(door, url=url, phoneNumber=list_number, contactPhone=ANN)
    query = "?sub1=a/b%26c&source=caf%C3%A9+1&source=late&contact.phone=1&messageId=x&utm=y&sub1"
    assert follow(door, made, query).headers["location"] == (
        "https://shop.example/a%2Fb%26c?s=caf%C3%A9%201&w=%2B15550100001&m="
    )
    assert (
        follow(door, made, "?sub1=%0d%0ax")
        .headers["location"]
        .startswith("https://shop.example/%0D%0Ax?")
    )


def test_a_link_is_unknown_on_another_host(door, list_number):
    made = shorten(door, phoneNumber=list_number)
    other = f"go-{uuid.uuid4().hex[:12]}.example"
    told(ask(door, "POST", "domains", {"domain": other}, x_api_key=door.their_key))
    assert follow(door, made, host=other).status_code == 404


def test_a_paused_offer_leads_to_its_fallback_url(door, list_number):
    ref = door.new_offer(fallback_url="https://shop.example/over")
    made = told(post(door, "links", offerId=ref, phoneNumber=list_number))
    told(ask(door, "PUT", f"offers/{ref}", {"status": "paused"}))
    location = follow(door, made).headers["location"]
    assert location.startswith("https://shop.example/over")


def test_a_path_of_its_own_is_no_id(door):
    refused(ask(door, "GET", "links/shorten"), "method_not_allowed")

"""No destination may be one of our own tracking domains: a link would lead in a circle."""

import pytest
from asking import ask, told

ANN = "+15550100001"


@pytest.fixture
def circle(fast_door):
    """A list whose links stand on the host that a URL leads back to; and that URL."""
    number = fast_door.linked_list()
    return fast_door, number, f"https://{fast_door.links_host.upper()}./bcdfghj?x={{{{sub1}}}}"


def test_every_way_in_refuses_a_url_that_leads_back(circle):
    door, number, url = circle
    offer = door.new_offer()
    link = {"key": "link1", "offer_id": offer, "url": url}
    offers = {"name": "Circle", "tracking_url": url}
    sent = {"to": ANN, "list_number": number, "body": f"See {url}", "wrap_links": True}
    asked = [
        ("POST", "offers", offers, "tracking_url"),
        (
            "POST", "offers",
            offers | {"tracking_url": "https://shop.example/", "fallback_url": url},
            "fallback_url",
        ),
        ("PUT", f"offers/{offer}", {"tracking_url": url}, "tracking_url"),
        (
            "POST", "creatives",
            {"name": "Circle", "message": "See {{link1}}", "offer_links": [link]},
            "offer_links",
        ),
        ("POST", "links/shorten", {"url": url, "phoneNumber": number}, "url"),
        ("POST", "send", sent | {"body": sent["body"].replace("?x={{sub1}}", "")}, "body"),
        ("POST", "domains", {"domain": "go.other.example", "home_url": url[:-11]}, "home_url"),
        (
            "POST", "domains",
            {"domain": "go.other.example", "fallback_url": "https://go.other.example/x"},
            "fallback_url",
        ),
    ]  # fmt: skip
    for method, path, body, param in asked:
        error = told(ask(door, method, path, body), 400)
        assert (error["code"], error.get("param")) == ("invalid_url", param), (path, body)

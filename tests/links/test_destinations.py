"""Callers are told which of their URLs no link may lead to, and why."""

import pytest

from sendrail.domain.destinations import DestinationRules
from sendrail.domain.errors import InvalidInput
from sendrail.links.destinations import destination_of

RULES = DestinationRules(own={"go.acme.example"})


def refused(text, **more):
    with pytest.raises(InvalidInput) as error:
        destination_of(text, RULES, "tracking_url", **more)
    assert error.value.code == "invalid_url"
    return error.value


def test_a_url_is_returned_as_browsers_read_it_with_its_macros():
    assert destination_of(" HTTPS://Shop.example?x={{ click_id }} ", RULES, "url") == (
        "https://shop.example/?x={{click_id}}"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://go.acme.example/x", "leads to a tracking domain"),
        ("https://shop.example/?x={{first_name}}", "{{first_name}}, which nothing fills"),
        ("https://shop.example/?x={{}}", "which nothing fills"),
        ("https://shop.example/?x={{click\nid}}", "which nothing fills"),
        ("shop.example", "is not a URL"),
        ("", "is not a URL"),
    ],
)
def test_the_error_says_which_url_it_is_and_what_is_wrong(text, words):
    error = refused(text)
    assert error.message.startswith("tracking_url ")
    assert words in error.message
    assert error.param == "tracking_url"
    assert refused(text, param="offer_links").param == "offer_links"


def test_one_host_more_may_be_refused():
    assert (
        "the domain itself"
        in refused("https://GO.new.example/x", own_host="go.new.example").message
    )
    assert destination_of("https://go.new.example/x", RULES, "url", own_host="other.example")

"""Link settings over HTTP: an account's own, which an offer's own word goes before."""

import uuid

import pytest
from asking import ask, refused, told

USUAL = {
    "filter_bots": False,
    "page_title": "One more step",
    "page_text": "Please confirm that you want to open this link.",
    "page_button": "Continue",
    "page_language": "en",
}


@pytest.fixture
def key(door):
    door.account = door.do(door.runtime.accounts.add(f"settings {uuid.uuid4()}"))
    return door.new_key(door.account)


@pytest.fixture
def put(door, key):
    return lambda **body: ask(door, "PUT", "link-settings", body, x_api_key=key)


def test_an_account_that_has_set_nothing_has_the_usual_settings(door, key, put):
    assert told(door.get("link-settings", x_api_key=key)) == USUAL
    assert told(put()) == USUAL


def test_what_is_given_is_changed_and_the_rest_stays(door, key, put):
    mine = {"filter_bots": True, "page_title": " Fast da ", "page_language": "de-AT"}
    expected = USUAL | mine | {"page_title": "Fast da"}
    assert told(put(**mine)) == expected
    assert told(put(page_button="Zum <Laden>")) == expected | {"page_button": "Zum <Laden>"}
    assert told(door.get("link-settings", x_api_key=key)) == expected | {
        "page_button": "Zum <Laden>"
    }
    # The server that shows the page knows it at once.
    settings = door.runtime.tracking.hosts.settings_of(door.account)
    assert (settings.filter_bots, settings.words.title) == (True, "Fast da")
    actions = [each.action for each in door.do(door.runtime.audit.page(door.account))]
    assert actions[0] == "link_settings.changed"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_text_that_is_taken_away_is_the_usual_one_again(put, nothing):
    told(put(page_title="Mine", page_text="Mine", page_button="Mine", page_language="de"))
    back = dict.fromkeys(("page_title", "page_text", "page_button", "page_language"), nothing)
    assert told(put(**back)) == USUAL


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"page_title": "x" * 81}, "page_title"),
        ({"page_text": "x" * 401}, "page_text"),
        ({"page_button": "x" * 41}, "page_button"),
        ({"page_text": "two\nlines"}, "page_text"),
        ({"page_language": 'en" onclick="x'}, "page_language"),
        ({"filter_bots": "yes"}, "filter_bots"),
        ({"page_title": 7}, "page_title"),
    ],
)
def test_what_a_page_cannot_say_is_refused_and_changes_nothing(door, key, put, body, param):
    refused(put(filter_bots=None, **body) if param != "filter_bots" else put(**body),
            "invalid_field", param)  # fmt: skip
    assert told(door.get("link-settings", x_api_key=key)) == USUAL


def test_another_account_has_its_own(door, put):
    told(put(filter_bots=True, page_title="Mine"))
    account = door.do(door.runtime.accounts.add(f"settings {uuid.uuid4()}"))
    assert told(door.get("link-settings", x_api_key=door.new_key(account))) == USUAL


def test_an_offer_that_says_nothing_follows_the_account_and_one_that_does_its_own_word(
    door, key, put
):
    def add(**more):
        body = {"name": "Sale", "tracking_url": "https://shop.example/"} | more
        return told(ask(door, "POST", "offers", body, x_api_key=key))["id"]

    def filters():
        listed = told(door.get("offers", x_api_key=key))["offers"]
        each = {offer["id"]: offer["filter_bots"] for offer in listed}
        for offer_id, found in each.items():
            assert told(door.get(f"offers/{offer_id}", x_api_key=key))["filter_bots"] is found
        return [each[offer_id] for offer_id in (silent, without, with_page)]

    silent, without, with_page = add(), add(filter_bots=False), add(filter_bots=True)
    assert filters() == [False, False, True]
    told(put(filter_bots=True))
    assert filters() == [True, False, True]

    def change(offer_id, **fields):
        told(ask(door, "PUT", f"offers/{offer_id}", fields, x_api_key=key))

    change(silent, filter_bots=False)
    assert filters() == [False, False, True]
    # What is left out stays as it is; null follows the account again.
    change(without, payout=1)
    assert filters() == [False, False, True]
    change(without, filter_bots=None)
    assert filters() == [False, True, True]
    told(put(filter_bots=False))
    assert filters() == [False, False, True]

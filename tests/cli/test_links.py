"""`sendrail links`."""

import sqlite3
from contextlib import closing

import pytest

SANDBOX = "+15550001000"
HOST = "go.example.com"


@pytest.fixture
def shell(shell):
    """One whose sandbox has a tracking domain that has led here."""
    shell.run("domains", "add", HOST)
    with closing(sqlite3.connect(shell.data / "sendrail.db")) as raw, raw:
        raw.execute("UPDATE tracking_domains SET verified_at = 1")
    return shell


def test_a_link_is_made_shown_and_listed(shell):
    url = "https://shop.example/?p={{contact.phone}}"
    made = shell.json("links", "add", SANDBOX, url, "--contact", "+15550100001")
    assert made["short_url"] == f"https://{HOST}/{made['id']}"
    assert made["destination_url"] == "https://shop.example/?p=%2B15550100001"
    assert (made["list"], made["offer"], made["contact"]) == (SANDBOX, None, "+15550100001")
    assert (made["clicks"], made["human_clicks"], made["last_clicked_at"]) == (0, 0, None)
    assert shell.json("links", "show", made["id"]) == made
    assert shell.json("links", "list") == {"links": [made], "total": 1}
    assert made["short_url"] in shell.run("links", "list").stdout
    assert f"id\t{made['id']}" in shell.run("links", "show", made["id"]).stdout


def test_a_link_leads_to_an_offer(shell):
    offer = shell.json("offers", "add", "Summer", "https://shop.example/", "--external-id", "812")
    for option in (("--offer", offer["id"]), ("--external-offer", "812")):
        assert shell.json("links", "add", SANDBOX, *option)["offer"] == offer["id"]


def test_what_is_wrong_is_named(shell):
    assert shell.error("links", "add", SANDBOX) == (2, "missing_url_or_offer")
    assert shell.error("links", "add", SANDBOX, "ftp://shop.example/") == (2, "invalid_url")
    assert shell.error("links", "add", "+15550001999", "https://a.example") == (1, "list_not_found")
    assert shell.error("links", "add", SANDBOX, "https://a.example", "--contact", "1") == (
        2,
        "invalid_phone",
    )
    assert shell.error("links", "show", "0000000") == (1, "not_found")

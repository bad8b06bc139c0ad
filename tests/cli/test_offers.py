"""`sendrail offers`."""

import pytest

URL = "https://shop.example/?c={{click_id}}"


@pytest.fixture
def offer(shell):
    return shell.json("offers", "add", "Summer", URL, "--payout", "12.50", "--window", "30")


def test_an_offer_is_added_shown_and_listed(shell, offer):
    assert (offer["name"], offer["tracking_url"], offer["status"]) == ("Summer", URL, "active")
    assert (offer["payout"], offer["click_window_days"]) == (12.5, 30)
    assert (offer["external_id"], offer["expires_at"]) == (None, None)
    assert shell.json("offers", "show", offer["id"]) == offer
    assert shell.json("offers", "list") == {"offers": [offer], "total": 1}
    table = shell.run("offers", "list")
    assert "Summer" in table.stdout
    card = shell.run("offers", "show", offer["id"])
    assert f"id\t{offer['id']}" in card.stdout


def test_an_offer_is_paused_resumed_and_archived(shell, offer):
    assert shell.json("offers", "pause", offer["id"])["status"] == "paused"
    assert shell.json("offers", "resume", offer["id"])["status"] == "active"
    assert shell.json("offers", "archive", offer["id"]) == {"archived": True}
    assert shell.json("offers", "list") == {"offers": [], "total": 0}
    [archived] = shell.json("offers", "list", "--status", "archived")["offers"]
    assert archived["id"] == offer["id"]
    entries = shell.json("audit")["entries"]
    assert [each["action"] for each in entries][:4] == [
        "offer.archived",
        "offer.changed",
        "offer.changed",
        "offer.added",
    ]
    assert entries[0]["actor"].startswith("command line: ")


def test_a_secret_is_shown_once(shell, offer):
    first = shell.json("offers", "secret", offer["id"])
    assert first["postback_secret"].startswith("pbs_")
    assert first["old_valid_until"] is None
    ended = shell.json("offers", "secret", offer["id"], "--overlap", "0")
    assert ended["old_valid_until"] is None
    shown = shell.run("offers", "show", offer["id"]).stdout
    assert "has_postback_secret\tyes" in shown
    assert ended["postback_secret"] not in shown


def test_what_is_wrong_is_named(shell):
    assert shell.error("offers", "show", "0" * 24) == (1, "not_found")
    assert shell.error("offers", "add", "Summer", "ftp://shop.example") == (2, "invalid_url")
    assert shell.error("offers", "add", " ", URL) == (2, "missing_name")
    assert shell.run("offers", "add", "Summer", URL, "--payout", "-1").exit_code == 2
    assert shell.run("offers", "list", "--status", "gone").exit_code == 2


def test_a_command_knows_the_tracking_domains(shell):
    shell.json("domains", "add", "go.acme.example")
    assert shell.error("offers", "add", "Circle", "https://go.acme.example/x") == (2, "invalid_url")

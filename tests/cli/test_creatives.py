"""`sendrail creatives`, and the frames of accounts and lists."""

import pytest

URL = "https://shop.example/?c={{click_id}}"
TEXT = "Hi {{first_name|there}}: {{link1}} Reply STOP to opt out"


@pytest.fixture
def offer(shell):
    return shell.json("offers", "add", "Summer", URL)["id"]


@pytest.fixture
def creative(shell, offer):
    return shell.json("creatives", "add", "Sale", TEXT, "--link", f"link1={offer}")


def test_a_creative_is_added_shown_and_listed(shell, offer, creative):
    assert (creative["name"], creative["message"], creative["status"]) == ("Sale", TEXT, "active")
    assert creative["offer_links"] == [{"key": "link1", "offer_id": offer, "url": None}]
    assert (creative["encoding"], creative["segments"]) == ("gsm7", 1)
    assert creative["warnings"] == []
    assert shell.json("creatives", "show", str(creative["id"])) == creative
    assert shell.json("creatives", "list") == {"creatives": [creative], "total": 1}
    assert "Sale" in shell.run("creatives", "list").stdout
    assert f"link1\t{offer}" in shell.run("creatives", "show", str(creative["id"])).stdout


def test_a_creative_is_previewed(shell, creative):
    number = str(creative["id"])
    shown = shell.json("creatives", "preview", number, "--value", "first_name=Ann")
    assert shown["text"].startswith("Hi Ann: ")
    assert shown["links"] == {"link1": URL}
    assert shell.json("creatives", "preview", number)["defaulted"] == ["first_name"]
    assert shell.error("creatives", "preview", number, "--to", "+15550100001") == (
        2,
        "missing_list_number",
    )


def test_a_creative_is_changed_and_archived(shell, offer, creative):
    number = str(creative["id"])
    changed = shell.json(
        "creatives", "update", number, "--text", "Ž {{link1}} STOP ends", "--status", "paused",
        "--link", f"link1={offer},https://shop.example/new",
    )  # fmt: skip
    assert (changed["encoding"], changed["status"]) == ("ucs2", "paused")
    assert changed["offer_links"][0]["url"] == "https://shop.example/new"
    assert [each["code"] for each in changed["warnings"]] == ["not_gsm7"]
    warned = shell.run("creatives", "show", number)
    assert "Ž at character 1 (write Z)" in warned.stderr
    assert shell.json("creatives", "archive", number) == {"archived": True}
    assert shell.json("creatives", "list", "--status", "archived")["total"] == 1


def test_what_is_wrong_is_named(shell, offer):
    link = f"link1={offer}"
    assert shell.error("creatives", "show", "999999") == (1, "not_found")
    assert shell.error("creatives", "add", " ", TEXT, "--link", link) == (2, "missing_name")
    assert shell.error("creatives", "add", "Sale", TEXT) == (2, "missing_offer_links")
    assert shell.error("creatives", "list", "--status", "gone") == (2, "invalid_field")
    assert shell.run("creatives", "add", "Sale", TEXT, "--link", "offer").exit_code == 2
    assert shell.run("creatives", "preview", "1", "--value", "name").exit_code == 2


def test_the_frame_of_an_account_and_of_a_list(shell):
    default = {
        "prepend_text": "{{brand_name}}: ",
        "append_text": " Reply stop to stop. Help for help.",
    }
    assert shell.json("accounts", "frame") == default
    assert shell.json("accounts", "frame", "--append", "")["append_text"] == ""
    number = "+15550001000"
    framed = shell.json("lists", "frame", number, "--prepend", "Us: ", "--sends")
    assert framed == {"prepend_text": "Us: ", "append_text": "", "frame_sends": True}
    assert shell.json("lists", "frame", number) == framed
    assert shell.json("lists", "frame", number, "--inherit", "--no-sends") == {
        "prepend_text": "{{brand_name}}: ",
        "append_text": "",
        "frame_sends": False,
    }
    assert shell.json("accounts", "frame", "--default") == default
    assert shell.error("accounts", "frame", "--append", "{{link1}}") == (2, "unknown_macro")

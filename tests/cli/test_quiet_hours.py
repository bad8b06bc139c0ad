"""`sendrail lists quiet`, and what `sendrail messages show` says of a message that waits."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sendrail.app import open_runtime
from sendrail.domain.errors import SetupError
from sendrail.settings import load


def test_a_list_is_set_and_shown(shell):
    sender = shell.json("lists", "list")["lists"][0]["phone_number"]
    before = shell.json("lists", "quiet", sender)
    assert before == {
        "quiet_scope": "campaigns", "quiet_hours": None, "account": None,
        "installation": "US 21:00-08:00",
    }  # fmt: skip
    changed = shell.json("lists", "quiet", sender, "--scope", "all", "--hours", "22:00-07:30")
    assert changed == before | {"quiet_scope": "all", "quiet_hours": "22:00-07:30"}
    assert shell.json("lists", "quiet", sender) == changed
    assert shell.error("lists", "quiet", sender, "--hours", "7-22") == (2, "invalid_quiet_hours")
    back = shell.json("lists", "quiet", sender, "--scope", "campaigns", "--hours", "none")
    assert back == before | {"quiet_hours": "none"}
    assert shell.json("accounts", "change", "--quiet-hours", "20:00-09:00")["name"] == "default"
    back = shell.json("lists", "quiet", sender, "--hours", "account")
    assert back == before | {"account": "20:00-09:00"}
    cleared = shell.json("accounts", "change", "--quiet-hours", "none", "--country", "NO")
    assert (cleared["quiet_hours"], cleared["country"]) == (None, "NO")
    assert shell.json("accounts", "change", "--country", "none")["country"] is None
    assert shell.json("lists", "quiet", sender) == before


def test_a_message_that_waits_says_until_when(shell):
    sender = shell.json("lists", "list")["lists"][0]["phone_number"]
    # Of no country's number: by the clock of New York, whose minutes are those of UTC.
    opens = datetime.now(UTC) + timedelta(minutes=90)
    hours = f"{opens + timedelta(minutes=1):%H:%M}-{opens:%H:%M}"
    shell.json("lists", "quiet", sender, "--scope", "all", "--hours", hours)
    sent = shell.json("send", "+88161234567", "Later", "--list", sender)
    found = shell.json("messages", "show", sent["message_id"])
    assert (found["status"], found["status_detail"]) == ("queued", "quiet_hours")
    assert found["waits_until"] > found["created_at"]
    skips = shell.json("send", "+88161234568", "Now", "--list", sender, "--skip-quiet-hours")
    assert shell.json("messages", "show", skips["message_id"])["waits_until"] is None
    shell.json("lists", "quiet", sender, "--scope", "campaigns", "--hours", "none")


def test_a_setting_that_names_no_quiet_hours_ends_the_start(tmp_path):
    async def start():
        # The hours of sending, by mistake: it would send at night.
        async with open_runtime(load({}, data_dir=tmp_path, quiet_hours="US 08:00-21:00")):
            pass

    with pytest.raises(SetupError, match="quiet_hours"):
        asyncio.run(start())

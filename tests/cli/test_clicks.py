"""`sendrail clicks`: clicks are listed, shown and followed."""

import pytest

from sendrail.domain.click_classes import ClickClass, ClickReason
from sendrail.storage.tracking.clicks import ClickRow
from sendrail.tracking.short_links import NewShortLink

PHONE = b"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36"


@pytest.fixture
def clicked(runtime):
    """Three clicks: a person's on a message, a machine's on another, one on a standalone link."""

    async def keep(it):
        [sender] = await it.lists.all(it.default_account)
        new = NewShortLink(url="https://shop.example/", list_id=sender.id)
        link = await it.tracking.short_links.add(it.default_account, new)

        def work(tx):
            agent = tx.agents.ids([PHONE], 1)[PHONE]
            account = it.default_account
            rows = [
                ClickRow(0, account, 5, 1, 1_000, ClickClass.HUMAN, 0, agent, b"\xcb\0\x71", b"d"),
                ClickRow(
                    0, account, 6, 0, 2_000, ClickClass.BOT, ClickReason.HEAD, None, None, None
                ),
                ClickRow(
                    0, account, link.link.id, None, 3_000, ClickClass.HUMAN, 0, None, None, None
                ),
            ]
            tx.clicks.add(rows)
            return it.ids.show(5), it.ids.show(6), link.id

        return await it.store.write(work)

    return runtime(keep)


def listed(shell, *words):
    return shell.json("clicks", "list", *words)["clicks"]


def test_clicks_are_listed_and_narrowed_down(shell, clicked):
    first, second, link = clicked
    standalone, machines, persons = listed(shell)
    assert persons == {
        "id": 1,
        "at": "1970-01-01T00:00:01Z",
        "message_id": first,
        "link": 2,
        "standalone_link": None,
        "class": "human",
        "reason": "none",
        "network": "203.0.113.0/24",
        "agent": PHONE.decode(),
    }
    assert (machines["message_id"], machines["class"], machines["reason"]) == (
        second, "bot", "head",
    )  # fmt: skip
    assert (standalone["message_id"], standalone["standalone_link"]) == (None, link)
    assert shell.json("links", "show", link)["clicks"] == 0
    assert shell.json("clicks", "show", "3") == standalone
    assert listed(shell, "--class", "bot") == [machines]
    assert listed(shell, "--message", first) == [persons]
    assert listed(shell, "--per-page", "1", "--page", "3") == [persons]
    assert shell.json("clicks", "show", "1") == persons
    lines = shell.run("clicks", "list").stdout.splitlines()
    assert lines[0].split("\t")[:3] == ["id", "at", "message_id"]
    # Which link it is on, of a message's by its place.
    assert [line.split("\t")[3] for line in lines[1:]] == [link, "1", "2"]


def test_what_cannot_be_asked_of_clicks_is_refused(shell):
    assert shell.run("clicks", "list", "--class", "tap").exit_code == 2
    assert shell.error("clicks", "list", "--message", "no id")[0] == 2
    assert shell.error("clicks", "show", "9") == (1, "not_found")
    assert listed(shell) == []
    assert "no such clicks" in shell.run("clicks", "list").stderr


@pytest.mark.usefixtures("clicked")
def test_the_latest_clicks_are_printed_oldest_first(shell):
    result = shell.run("clicks", "tail", "--no-follow", "-n", "2")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["2", "3"]


@pytest.mark.usefixtures("clicked")
def test_clicks_are_judged_again_on_request_only(shell):
    found = shell.json("clicks", "reclassify")
    assert (found["dry_run"], found["resumed"]) == (True, False)
    # None has been counted yet: the stage behind will judge them.
    assert (found["clicks"], found["changed"], found["classes"]) == (0, 0, [])
    assert "no clicks to classify" in shell.run("clicks", "reclassify").stderr
    assert not shell.json("clicks", "reclassify", "--no-dry-run")["dry_run"]
    assert shell.json("audit")["entries"][0]["action"] == "clicks.reclassified"

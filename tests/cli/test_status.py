"""`sendrail status` and the roles of `sendrail serve`; on a shared database see `tests/faults`."""

import pytest

from sendrail.domain.click_classes import ClickClass
from sendrail.domain.errors import SetupError
from sendrail.settings import Settings
from sendrail.storage.tracking.clicks import ClickRow
from sendrail.workers import Role, roles_of

SHARED = "postgresql://host/name"


def test_status_of_one_folder_shows_what_waits_and_the_connectors(shell):
    told = shell.json("status")
    assert told["shared"] is False
    assert [told[name] for name in ("messages_waiting", "oldest_seconds", "spans_lapsed")] == [
        0, None, 0,
    ]  # fmt: skip
    assert (told["processes"], told["owned"]) == ([], [])
    shell.run("send", "+15550100001", "hi")
    told = shell.json("status")
    assert told["messages_waiting"] == 1
    assert told["oldest_seconds"] >= 0
    assert [connector["name"] for connector in told["connectors"]] == ["sandbox"]


def test_status_shows_how_far_the_counting_of_clicks_is_behind(shell, runtime):
    assert shell.json("status")["clicks_behind_seconds"] == 0

    async def click(it):
        at = it.clock.now() - 90_000
        row = ClickRow(0, it.default_account, 5, 0, at, ClickClass.HUMAN, 0, None, None, None)
        await it.store.write(lambda tx: tx.clicks.add([row]))

    runtime(click)
    assert shell.json("status")["clicks_behind_seconds"] >= 90


def test_status_is_readable_too(shell):
    result = shell.run("status")
    assert result.exit_code == 0
    assert "messages_waiting\t0" in result.stdout


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ("all", set(Role)),
        ("api", {Role.API}),
        ("deliver, receipts", {Role.DELIVER, Role.RECEIPTS}),
    ],
)
def test_roles_are_read(given, roles):
    assert roles_of(Settings(roles=given, database_url=SHARED)) == roles


@pytest.mark.parametrize("given", ["", "cook", "api,cook", "all,api"])
def test_other_roles_are_refused_by_name(given):
    with pytest.raises(SetupError, match=r"Setting roles: .*api"):
        roles_of(Settings(roles=given, database_url=SHARED))


def test_the_embedded_database_has_one_process_that_does_everything():
    assert roles_of(Settings()) == set(Role)
    with pytest.raises(SetupError, match="SENDRAIL_DATABASE_URL"):
        roles_of(Settings(roles="deliver"))

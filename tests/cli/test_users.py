"""`sendrail users`: the way in for who has lost theirs."""

ANA, BEN = "ana@example.com", "ben@example.com"


def token_of(link):
    assert link.startswith("http://127.0.0.1:8025/dashboard/join/")
    return link.rpartition("/")[2]


def test_users_are_invited_listed_reset_and_disabled(shell, runtime):
    assert shell.json("users", "list")["users"] == []
    made = shell.json("users", "add", "Ana@example.com", "--role", "owner", "--operator")
    ben = shell.json("users", "add", BEN)

    async def accept(it):
        for link in (made["link"], ben["link"]):
            await it.people.users.accept(
                token_of(link), email="", name="Some Body", password="correct horse"
            )

    runtime(accept)
    first, second = shell.json("users", "list")["users"]
    assert (first["email"], first["operator"], first["roles"]) == (ANA, True, "owner of default")
    assert (second["email"], second["operator"], second["roles"], second["status"]) == (
        BEN, False, "member of default", "active",
    )  # fmt: skip
    assert token_of(shell.json("users", "reset", ANA)["link"]) != token_of(made["link"])
    assert shell.json("users", "disable", BEN)["status"] == "disabled"
    assert shell.json("users", "enable", BEN)["status"] == "active"
    shown = shell.run("users", "reset", BEN)
    assert shown.stdout.count("/dashboard/join/") == 1
    actions = [each["action"] for each in shell.json("audit")["entries"]]
    assert {"user.invited", "user.joined", "user.reset", "user.disabled"} <= set(actions)


def test_what_cannot_be_is_refused(shell):
    assert shell.error("users", "add", "ana") == (2, "invalid_field")
    assert shell.error("users", "add", ANA, "--role", "king") == (2, "invalid_field")
    assert shell.error("users", "reset", ANA) == (1, "user_not_found")
    assert shell.error("users", "disable", ANA) == (1, "user_not_found")

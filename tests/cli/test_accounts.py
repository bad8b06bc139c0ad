"""`sendrail accounts`, and the account that the other commands work on."""

ANN, LIST, SANDBOX = "+15550100001", "+15550002000", "+15550001000"


def test_accounts_are_added_listed_suspended_and_resumed(shell):
    added = shell.json("accounts", "add", "Acme")
    assert (added["name"], added["status"]) == ("Acme", "active")
    names = [each["name"] for each in shell.json("accounts", "list")["accounts"]]
    assert names == ["default", "Acme"]
    assert shell.json("accounts", "suspend", "Acme")["status"] == "suspended"
    assert shell.json("accounts", "suspend", str(added["id"]))["status"] == "suspended"
    assert shell.json("accounts", "resume", "Acme")["status"] == "active"
    assert "Acme" in shell.run("accounts", "list").stdout


def test_an_account_that_is_there_already_or_not_at_all_is_refused(shell):
    assert shell.error("accounts", "add", "default") == (1, "account_exists")
    assert shell.error("accounts", "add", " ") == (2, "invalid_name")
    assert shell.error("accounts", "suspend", "Acme") == (1, "account_not_found")
    assert shell.error("--account", "Acme", "lists", "list") == (1, "account_not_found")


def test_commands_work_on_the_account_that_is_named(shell, monkeypatch):
    added = shell.json("accounts", "add", "Acme")
    shell.json("--account", "Acme", "lists", "add", LIST)
    shell.json("--account", str(added["id"]), "keys", "create", "first")
    monkeypatch.setenv("SENDRAIL_ACCOUNT", "Acme")
    assert [each["phone_number"] for each in shell.json("lists", "list")["lists"]] == [LIST]
    assert [each["name"] for each in shell.json("keys", "list")["keys"]] == ["first"]
    entries = shell.json("audit")["entries"]
    assert [each["action"] for each in entries] == ["key.added", "list.added", "account.added"]
    assert all(each["actor"].startswith("command line: ") for each in entries)
    # What the option names comes before the setting, and each command is asked anew.
    ours = shell.json("--account", "default", "lists", "list")["lists"]
    assert [each["phone_number"] for each in ours] == [SANDBOX]
    monkeypatch.delenv("SENDRAIL_ACCOUNT")
    assert shell.json("lists", "list")["lists"] == ours


def test_an_account_that_is_suspended_sends_nothing(shell):
    shell.json("accounts", "suspend", "default")
    assert shell.error("send", ANN, "hi") == (1, "account_suspended")
    shell.json("accounts", "resume", "default")
    assert shell.json("send", ANN, "hi")["success"]


def test_a_sender_on_a_shared_connector_is_one_accounts_until_the_operator_says_otherwise(shell):
    shell.json("accounts", "add", "Acme")
    shell.json("lists", "add", LIST)
    assert shell.error("--account", "Acme", "lists", "add", LIST) == (1, "sender_taken")
    assert shell.error(
        "--account", "Acme", "senders", "assign", LIST, "--connector", "sandbox"
    ) == (
        1,
        "sender_taken",
    )
    shell.run("lists", "delete", LIST, "--yes")
    given = shell.json("--account", "Acme", "senders", "assign", LIST, "--connector", "sandbox")
    assert given == {"phone_number": LIST, "connector": "sandbox", "assigned": True}
    owners = {each["phone_number"]: each["account"] for each in listed(shell)}
    assert owners == {SANDBOX: "default", LIST: "Acme"}
    assert shell.json("--account", "Acme", "lists", "add", LIST)["phone_number"] == LIST
    assert shell.error("lists", "resume", LIST) == (1, "sender_taken")
    shell.run("--account", "Acme", "lists", "delete", LIST, "--yes")
    assert shell.json("senders", "release", LIST, "--connector", "sandbox")["released"]
    assert [each["phone_number"] for each in listed(shell)] == [SANDBOX]


def listed(shell):
    return shell.json("senders", "list")["senders"]

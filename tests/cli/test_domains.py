"""`sendrail domains`."""

SANDBOX = "+15550001000"


def test_a_domain_is_added_chosen_listed_and_removed(shell):
    first = shell.json("domains", "add", "Go.Example.com", "--home", "https://shop.example/")
    assert (first["domain"], first["is_default"], first["status"]) == (
        "go.example.com",
        True,
        "unverified",
    )
    second = shell.json("domains", "add", "go2.example.com", "--letters", "10")
    assert (second["is_default"], second["short_id_letters"]) == (False, 10)
    assert shell.json("domains", "default", "go2.example.com")["is_default"] is True
    assert shell.json("domains", "use", SANDBOX, "go.example.com")["domain"] == "go.example.com"
    listed = shell.json("domains", "list")["domains"]
    assert [(each["domain"], each["lists"]) for each in listed] == [
        ("go.example.com", [SANDBOX]),
        ("go2.example.com", []),
    ]
    assert SANDBOX in shell.run("domains", "list").stdout
    assert shell.error("domains", "remove", "go.example.com", "--yes") == (1, "domain_in_use")
    assert shell.json("domains", "use", SANDBOX) == {"list_number": SANDBOX, "domain": None}
    assert shell.json("domains", "remove", "go.example.com", "--yes") == {"removed": True}
    assert len(shell.json("domains", "list")["domains"]) == 1


def test_removing_asks_first(shell):
    shell.run("domains", "add", "go.example.com")
    assert shell.run("domains", "remove", "go.example.com", stdin=b"n\n").exit_code == 1
    assert len(shell.json("domains", "list")["domains"]) == 1


def test_what_is_wrong_is_named(shell):
    assert shell.error("domains", "add", "bit.ly") == (2, "invalid_domain")
    assert shell.error("domains", "verify", "go.example.com") == (1, "not_found")
    shell.run("domains", "add", "go.invalid")
    result = shell.run("domains", "verify", "go.invalid")
    assert result.exit_code == 1
    assert "problem\t" in result.stdout

"""Tracking domains over HTTP: set up by the API, served apart from it, known to the proxy."""

import socket
import uuid

import pytest
from asking import ask, refused, told
from written import parsed

from sendrail.tracking import domains as service


@pytest.fixture
def key(door):
    """The key of an account that has no domains yet."""
    door.account = door.do(door.runtime.accounts.add(f"domains {uuid.uuid4()}"))
    return door.new_key(door.account)


@pytest.fixture
def made(door, key):
    def make(**more):
        body = {"domain": f"go-{uuid.uuid4().hex[:12]}.example"} | more
        return told(ask(door, "POST", "domains", body, x_api_key=key))

    return make


@pytest.fixture
def on(door):
    """Ask a path of a host."""

    def get(host, path, method="GET", **headers):
        return door.client.request(method, path, headers={"host": host} | headers)

    return get


def test_a_domain_is_made_as_described(door, key):
    host = f"go-{uuid.uuid4().hex[:12]}.example"
    made = told(ask(door, "POST", "domains", {"domain": f" {host.upper()}. "}, x_api_key=key))
    assert made.pop("created_at").endswith("Z")
    assert isinstance(made.pop("id"), int)
    url = made.pop("verification_url")
    assert url.startswith(f"https://{host}/.well-known/sendrail/")
    assert len(url.rpartition("/")[2]) == 32
    assert made == {
        "domain": host,
        "home_url": None,
        "fallback_url": None,
        "short_id_letters": 7,
        "is_default": True,
        "lists": [],
        "status": "unverified",
        "problem": None,
        "verified_at": None,
        "checked_at": None,
    }
    actions = [each.action for each in door.do(door.runtime.audit.page(door.account))]
    assert actions[0] == "domain.added"


def test_a_domain_is_changed_chosen_listed_and_removed(door, key, made):
    first, second = made(), made(short_id_letters=10, home_url="https://shop.example/")
    assert (second["is_default"], second["short_id_letters"]) == (False, 10)
    number = door.recipient()
    door.do(door.runtime.lists.add(door.account, parsed(number), connector="sandbox"))
    path = f"domains/{second['id']}"
    put = lambda **body: told(ask(door, "PUT", path, body, x_api_key=key))  # noqa: E731
    changed = put(is_default=True, home_url=None, fallback_url="https://shop.example/x")
    assert changed == second | {
        "is_default": True,
        "home_url": None,
        "fallback_url": "https://shop.example/x",
    }
    listed = told(door.get("domains", x_api_key=key))["domains"]
    assert [(each["id"], each["is_default"]) for each in listed] == [
        (first["id"], False),
        (second["id"], True),
    ]
    assert put(lists=[number])["lists"] == [number]
    other = f"domains/{first['id']}"
    moved = told(ask(door, "PUT", other, {"lists": [number]}, x_api_key=key))
    assert moved["lists"] == [number]
    assert told(door.get(path, x_api_key=key))["lists"] == []
    refused(ask(door, "DELETE", other, x_api_key=key), "domain_in_use")
    told(ask(door, "PUT", other, {"lists": []}, x_api_key=key))
    assert told(ask(door, "DELETE", other, x_api_key=key)) == {"success": True, "deleted": True}
    refused(door.get(other, x_api_key=key), "not_found")
    refused(
        ask(door, "PUT", path, {"is_default": False}, x_api_key=key), "invalid_field", "is_default"
    )
    unknown = {"lists": [door.theirs]}
    refused(ask(door, "PUT", path, unknown, x_api_key=key), "list_not_found", "lists[0]")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("domain", None, "missing_domain"),
        ("domain", " ", "missing_domain"),
        ("domain", "https://go.example/", "invalid_domain"),
        ("domain", "10.0.0.1", "invalid_domain"),
        ("domain", "localhost", "invalid_domain"),
        ("domain", "bit.ly", "invalid_domain"),
        ("domain", 7, "invalid_field"),
        ("home_url", "ftp://shop.example", "invalid_url"),
        ("fallback_url", "https://shop.example/{{click_id}}", "invalid_url"),
        ("short_id_letters", 8, "invalid_field"),
    ],
)
def test_a_field_at_fault_is_named(door, key, field, value, code):
    body = {"domain": "go.shop.example", field: value}
    refused(ask(door, "POST", "domains", body, x_api_key=key), code, field)
    assert told(door.get("domains", x_api_key=key))["domains"] == []


def test_a_host_is_one_accounts(door, key, made):
    host = made()["domain"]
    refused(ask(door, "POST", "domains", {"domain": host}, x_api_key=key), "domain_taken", "domain")
    refused(ask(door, "POST", "domains", {"domain": host}), "domain_taken", "domain")


def test_an_account_has_a_most_of_domains(door, key, made, monkeypatch):
    made()
    monkeypatch.setattr(service, "DOMAINS_MAX", 1)
    body = {"domain": "go.shop.example"}
    refused(ask(door, "POST", "domains", body, x_api_key=key), "too_many_domains")


def test_a_tracking_host_serves_links_and_nothing_else(door, made, on):
    host = made()["domain"]
    for path in (
        "/api/v2/lists", "/v2/lists", "/docs", "/openapi.json", "/metrics", "/healthz", "/readyz",
        "/callbacks/x", "/internal/tls?domain=" + host, "/x",
    ):  # fmt: skip
        answer = on(host, path, **{"x-api-key": door.key})
        assert answer.status_code == 404, path
        assert "<h1>Nothing here</h1>" in answer.text, path
        assert answer.headers["cache-control"] == "private, no-store"
    assert door.get("lists").status_code == 200


@pytest.mark.parametrize("base", ["/api/v2", "/v2"])
@pytest.mark.parametrize("path", ["send-raw", "send", "send-raw/bulk", "send/bulk"])
def test_nothing_is_sent_by_a_tracking_host(door, made, base, path):
    host, order = made()["domain"], door.order()
    body = {"messages": [order]} if "bulk" in path else order
    for header in (host, host.upper() + ":443", host + "."):
        answer = door.post(path, body, base=base, host=header)
        assert answer.status_code == 404, answer.text
    found = told(door.get("messages", params={"to": order["to"]}))
    assert found["pagination"]["total"] == 0


def test_a_tracking_host_has_a_home_and_no_robots(made, on):
    bare, home = made()["domain"], made(home_url="https://shop.example/")["domain"]
    assert on(bare, "/").status_code == 404
    answer = on(home, "/")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.example/")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert on(home, "/robots.txt").text == "User-agent: *\nDisallow: /\n"
    assert on(home, "/favicon.ico").status_code == 204
    posted = on(home, "/", "POST")
    assert posted.status_code == 405
    assert posted.headers["allow"] in {"GET, HEAD", "HEAD, GET"}


def test_a_domain_proves_itself_to_its_own_token_only(door, made, on):
    ours, other = made(), made()
    path = ours["verification_url"].removeprefix(f"https://{ours['domain']}")
    answer = on(ours["domain"], path)
    assert (answer.status_code, answer.text) == (
        200,
        door.runtime.tracking.proofs.proof(path.rpartition("/")[2]),
    )
    assert on(other["domain"], path).status_code == 404
    assert door.client.get(path).status_code == 404


def test_a_removed_domain_is_served_no_more(door, key, made, on):
    domain = made()
    assert on(domain["domain"], "/robots.txt").status_code == 200
    ask(door, "DELETE", f"domains/{domain['id']}", x_api_key=key)
    assert on(domain["domain"], "/robots.txt").status_code == 404


def test_verifying_names_the_problem(door, key, made):
    # A name that no resolver knows (RFC 6761, 6.5 and RFC 2606).
    domain = made()
    found = told(ask(door, "POST", f"domains/{domain['id']}/verify", x_api_key=key))
    assert found["status"] == "unverified"
    assert found["problem"]
    assert found["checked_at"].endswith("Z")


def test_the_proxy_of_this_machine_learns_which_hosts_are_ours(door, made):
    host = made()["domain"]

    def tls(domain, **more):
        asked = {"params": {"domain": domain}, "headers": more}
        return door.client.get("/internal/tls", **asked).status_code

    assert tls(host) == tls(host.upper()) == 200
    assert tls("go.unknown.example") == tls("") == 404
    assert door.client.get("/internal/tls").status_code == 404
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
        assert tls(host, **{name: "203.0.113.7"}) == 404


def test_a_proxy_elsewhere_learns_nothing(door, made):
    host = made()["domain"]
    app = door.server.config.app
    status = []

    async def call():
        scope = {
            "type": "http", "method": "GET", "path": "/internal/tls", "headers": [],
            "raw_path": b"/internal/tls", "query_string": f"domain={host}".encode(),
            "client": ("203.0.113.7", 4000), "server": ("127.0.0.1", 80), "scheme": "http",
            "http_version": "1.1", "root_path": "",
        }  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message):
            status.append(message.get("status"))

        await app(scope, receive, send)

    door.do(call())
    assert status[0] == 404


def test_a_request_without_a_host_is_the_apis(door, made):
    made()
    with socket.create_connection(("127.0.0.1", door.port), timeout=60) as raw:
        raw.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 200")

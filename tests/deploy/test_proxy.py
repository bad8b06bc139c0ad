"""The proxies' files send what is public to a running server, and nothing else.

The files are read for what they promise; the proxies run with them in `tests/contract`. Each path
of theirs is asked of the application.
"""

import re
from dataclasses import fields
from pathlib import Path

from sendrail.api.tracking_host import TLS_PATH
from sendrail.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy" / "proxy"
CADDY = (DEPLOY / "Caddyfile").read_text("utf-8")
NGINX = (DEPLOY / "nginx.conf").read_text("utf-8")
SECURITY = (Path(__file__).parents[2] / "docs/operate/security.md").read_text("utf-8")
[PORT] = [each.default for each in fields(Settings) if each.name == "port"]
OURS = f"127.0.0.1:{PORT}"
# What must stay inside, whatever the host.
INTERNAL = ("/metrics", "/readyz", "/healthz", "/internal")


def blocks(text):
    """Yield the `server` blocks of nginx's file."""
    for part in text.split("\nserver {")[1:]:
        yield part.partition("\n}\n")[0]


def locations(block):
    """Return the paths that a block passes on."""
    found = re.findall(r"location (?:= )?(\S+) \{\s+proxy_pass http://sendrail;", block)
    return set(found)


def public_paths():
    """Return the paths that the security page calls public."""
    rows = re.findall(r"^\| (`/.+?) \|", SECURITY, re.MULTILINE)
    return {path for row in rows for path in re.findall(r"`(/[^`]+)`", row)}


def test_caddy_asks_where_the_server_answers():
    [ask] = re.findall(r"^\s+ask (\S+)$", CADDY, re.MULTILINE)
    assert ask == f"http://{OURS}{TLS_PATH}"
    assert set(re.findall(r"reverse_proxy (\S+)", CADDY)) == {OURS}


def test_caddy_gets_certificates_on_demand_for_the_tracking_domains_only():
    api, _, links = CADDY.partition("\nhttps:// {")
    assert "on_demand\n" in links
    assert "tls" not in api.partition("sms.example.com {")[2]


def test_both_pass_on_what_is_public_on_the_api_and_no_more():
    [listed] = re.findall(r"@public path (.+)", CADDY)
    caddy = {path.removesuffix("*") for path in listed.split()}
    api = next(blocks(NGINX))
    assert locations(api) == {
        "/api/", "/v2/", "/callbacks/", "/conv", "/pixel/", "/docs", "/openapi.json",
    }  # fmt: skip
    assert caddy == locations(api) | {"/docs/", "/conv/"}
    assert public_paths() == locations(api)
    assert not any(path.startswith(INTERNAL) for path in caddy | locations(api))


def test_a_tracking_domain_is_passed_on_whole_with_its_host():
    links = [block for block in blocks(NGINX) if "server_name go.example.com;" in block]
    [block] = links
    assert locations(block) == {"/"}
    assert "proxy_set_header Host $host;" in block


def test_nginx_talks_to_the_port_of_the_server():
    assert re.findall(r"^    server (\S+);$", NGINX, re.MULTILINE) == [OURS]


def test_the_page_shows_the_file():
    [api] = re.findall(r"^(sms\.example\.com \{\n.+?^\})", CADDY, re.MULTILINE | re.DOTALL)
    assert api.replace("\t", "    ") in SECURITY

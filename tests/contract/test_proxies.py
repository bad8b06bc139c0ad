"""Caddy and nginx as `deploy/proxy/` sets them up, before a running server.

Their files are taken as they are but for what is this machine's: ports, the names, and where
certificates come from (a root of Caddy's own, a file that openssl writes), since no authority of
the world's answers for names of a test.
"""

import contextlib
import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from asking import ask, told
from following import PHONE, LinkMaker, clicks_of
from ports import own_port
from written import parsed

FILES = Path(__file__).parents[2] / "deploy" / "proxy"
SERVER = "127.0.0.1:8025"
API = "sms.example.com"
GO = "go.example.com"
# An address of this machine that is not the proxy's.
VISITOR = "127.77.5.1"
TARGET = "https://shop.example/sale?a=1"
pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


def nginx(folder, door, host, port):
    """Write nginx's file for this machine; return the command that runs it."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=test", "-out", certificate, "-keyout", key,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    text = (FILES / "nginx.conf").read_text("utf-8")
    text = re.sub(r"ssl_certificate \S+;", f"ssl_certificate {certificate};", text)
    text = re.sub(r"ssl_certificate_key \S+;", f"ssl_certificate_key {key};", text)
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    text = text.replace("listen 80", f"listen 127.0.0.1:{own_port()}")
    text = text.replace(SERVER, f"127.0.0.1:{door.port}").replace(GO, host)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    file = folder / "nginx.conf"
    start = f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
    file.write_text(f"{start}http {{\naccess_log off;\n{paths}{text}\n}}\n", "utf-8")
    return ["nginx", "-c", str(file), "-p", str(folder), "-e", "stderr"]


def caddy(folder, door, _host, port):
    """Write Caddy's file for this machine; return the command that runs it."""
    text = (FILES / "Caddyfile").read_text("utf-8").replace(SERVER, f"127.0.0.1:{door.port}")
    # `local_certs` gives certificates of a root of Caddy's own, which no system is to trust.
    ours = f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttps_port {port}\n"
    ours += f"\thttp_port {own_port()}\n\tstorage file_system {folder}\n"
    file = folder / "Caddyfile"
    file.write_text(re.sub(r"^\{\n", ours, text, count=1, flags=re.MULTILINE), "utf-8")
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


class Proxy:
    """A proxy before the server, and who asks through it."""

    def __init__(self, name, port, door, host):
        self.name = name
        self._port = port
        self.door = door
        self.host = host

    @contextlib.contextmanager
    def connection(self, host):
        """Connect as the visitor does, with a name that TLS is asked for."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(
            ("127.0.0.1", self._port), timeout=60, source_address=(VISITOR, 0)
        )
        with plain, context.wrap_socket(plain, server_hostname=host) as safe:
            asking = http.client.HTTPSConnection(host)
            asking.sock = safe
            yield asking

    def ask(self, method, host, path, body=None, **headers):
        """Return the status, the headers and the body of an answer."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        with self.connection(host) as asking:
            asking.request(method, path, body=body, headers=given)
            answer = asking.getresponse()
            return answer.status, answer.headers, answer.read()

    def is_there(self):
        try:
            with self.connection(API):
                return True
        except OSError:
            return False


@pytest.fixture(scope="module", params=[nginx, caddy], ids=lambda each: each.__name__)
def proxy(request, servers, tmp_path_factory):
    make, door = request.param, servers.door("fast lane")
    if shutil.which(make.__name__) is None:
        pytest.skip(f"{make.__name__} is not installed")
    folder, port = tmp_path_factory.mktemp(make.__name__), own_port()
    host = f"go-{uuid.uuid4().hex[:12]}.example"
    with (folder / "said").open("w+b") as said:
        command = make(folder, door, host, port)
        running = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            found = Proxy(make.__name__, port, door, host)
            while not found.is_there():
                assert running.poll() is None, (folder / "said").read_text("utf-8")
                time.sleep(0.02)
            yield found
        finally:
            running.terminate()
            running.wait(60)


@pytest.fixture(scope="module")
def account(proxy):
    """An account with the domain on which the proxy passes links on."""
    door = proxy.door
    made = door.do(door.runtime.accounts.add(f"proxy {uuid.uuid4()}"))
    key = door.new_key(made)
    told(ask(door, "POST", "domains", {"domain": proxy.host}, x_api_key=key))
    return made


@pytest.fixture(scope="module")
def link(proxy, account):
    door = proxy.door
    number = parsed(door.recipient())
    made = door.do(door.runtime.lists.add(account, number, connector="sandbox"))
    return LinkMaker(door.runtime, door.write).link(made.sender, TARGET)


def test_a_message_is_accepted_through_it(proxy):
    door = proxy.door
    order = door.order()
    status, _, body = proxy.ask(
        "POST", API, "/api/v2/send-raw", body=json.dumps(order), **door.headers()
    )
    assert status == 200, body
    assert b'"status":"queued"' in body.replace(b" ", b"")


def test_a_file_larger_than_its_own_limit_passes(proxy):
    door = proxy.door
    large = b"phone\n" + b"not a number, at some length\n" * 60_000  # 1.7 MB; nginx takes one
    status, _, body = proxy.ask(
        "POST", API, "/v2/contacts/import", body=large,
        **door.headers(content_type="text/csv"),
    )  # fmt: skip
    assert status not in (404, 413, 502), body


def test_a_link_leads_on_and_its_click_is_the_visitors(proxy, account, link):
    lie = "203.0.113.9"
    status, headers, _ = proxy.ask(
        "GET", proxy.host, f"/{link}", user_agent=PHONE, x_forwarded_for=lie
    )
    assert (status, headers["location"]) == (302, TARGET)
    rows = proxy.door.write(lambda tx: clicks_of(tx, account))
    # The visitor's network of 24 bits: neither the proxy's nor what the visitor wrote.
    assert [row["network"] for row in rows] == [bytes([127, 77, 5])]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/internal/tls", "/"])
def test_what_is_inside_stays_inside(proxy, path):
    assert proxy.ask("GET", API, path)[0] == 404
    status, _, body = proxy.ask("GET", proxy.host, f"{path}?domain={proxy.host}")
    assert status in (302, 404)
    assert b"sendrail_" not in body


@pytest.mark.usefixtures("account")
def test_a_tracking_domain_serves_nothing_of_the_api(proxy):
    door = proxy.door
    status, _, body = proxy.ask(
        "POST", proxy.host, "/api/v2/send-raw", body=json.dumps(door.order()), **door.headers()
    )
    assert status in (404, 405), body


def test_caddy_gets_no_certificate_for_a_name_that_is_no_tracking_domain(proxy, link):
    if proxy.name == "nginx":
        pytest.skip("nginx has the names in its file")
    with pytest.raises(ssl.SSLError):
        proxy.ask("GET", f"other-{uuid.uuid4().hex}.example", f"/{link}")

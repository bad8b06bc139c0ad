"""Which targets are refused: a table of ways into a private network, none of which may work."""

import asyncio
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.errors import InvalidInput, SetupError
from sendrail.webhooks.guard import GuardedResolver, Rules, TargetRefused, check_url, is_open

STRICT = Rules()
PUBLIC_V4, PUBLIC_V6 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# Beside the private ones: what `ipaddress.is_global` of Python 3.11 lets pass, and what stands for
# another address.
CLOSED = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "169.254.169.254",
    "169.254.0.1", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:93.184.215.14",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
OPEN = [PUBLIC_V4, "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1",
        "192.0.1.1", "198.20.0.1", "223.255.255.255", PUBLIC_V6, "2001:4860:4860::8888",
        "2a00:1450:4001::1"]  # fmt: skip


@pytest.mark.parametrize("text", CLOSED)
def test_a_closed_address_is_closed_however_it_comes(text):
    assert not is_open(ipaddress.ip_address(text), STRICT)
    literal = f"[{text}]" if ":" in text else text
    with pytest.raises(InvalidInput):
        check_url(f"https://{literal}/hook", STRICT)
    with pytest.raises(TargetRefused):
        resolve([text])
    with pytest.raises(TargetRefused):
        resolve([PUBLIC_V4, text])
    with pytest.raises(TargetRefused):
        resolve([text, PUBLIC_V6])


@pytest.mark.parametrize("text", OPEN)
def test_a_public_address_is_open(text):
    assert is_open(ipaddress.ip_address(text), STRICT)
    check_url(f"https://{f'[{text}]' if ':' in text else text}/hook", STRICT)
    assert [each[-1][0] for each in resolve([text])] == [text]


# What only part of the readers take for the loopback address, or for another host than the others.
ODD = [
    "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "127.1", "127.0.1", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "127.0.0.01", "127.0.0.0x1", "1.1.1.1.1", "0", "0x", "999",
    "①②⑦.0.0.1", "１２７.0.0.1", "127。0。0。1", "example。com", "exämple.com",  # noqa: RUF001
    "%31%32%37.0.0.1", "127.0.0.1%00.example.com", "[::1", "[::ffff:127.0.0.1]x",
    "[2606:4700::1]evil.com", "-a.com", "a-.com", "a..com", ".com", "a.com..", "a_b.com", "*.com",
    "a" * 64 + ".com", ("a" * 60 + ".") * 5 + "com", "user@example.com", "user:pass@example.com",
    "example.com:443@127.0.0.1", "a@b@example.com", "example.com\\@127.0.0.1", "example.com\t",
    "exa\nmple.com", " example.com", "",
]  # fmt: skip


@pytest.mark.parametrize("host", ODD)
def test_an_odd_host_is_refused(host):
    with pytest.raises(InvalidInput) as trouble:
        check_url(f"https://{host}/hook", Rules(ports=None))
    assert trouble.value.code == "invalid_url"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "//example.com/",
        "example.com", "", "https:/example.com", "https:example.com", "https:///etc", "https://",
        "gopher://example.com/", "javascript:alert(1)", "https://example.com:80/",
        "https://example.com:22/", "https://example.com:0/", "https://example.com:99999/",
        "https://example.com:443x/", "https://example.com:/", "https://example.com:-1/",
        "https://example.com/#here", "https://example.com/a b", "https://example.com/\r\nX: y",
        "https://example.com/" + "a" * 2_000, "https://example.com:0443/",
    ],
)  # fmt: skip
def test_an_odd_url_is_refused(url):
    with pytest.raises(InvalidInput):
        check_url(url, STRICT)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com", "https://EXAMPLE.com/Hook", "https://example.com:8443/a?b=c&d=%20",
        "https://hooks.example.co.uk/", "https://xn--exmple-cua.com/", "HTTPS://example.com:443/",
        "https://3com.com/", "https://example.com./",
    ],
)  # fmt: skip
def test_an_ordinary_url_is_taken(url):
    check_url(url, STRICT)


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_open(address):
    if not address.is_global:
        assert not is_open(address, STRICT)


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:", "64:ff9b::", "::"]))
def test_no_address_within_an_address_is_open(address, prefix):
    assert not is_open(ipaddress.ip_address(f"{prefix}{address}"), STRICT)


# Names


def resolve(answers, rules=STRICT, host="hooks.example.com"):
    """Resolve a name once, by a resolver that gives these answers."""

    async def lookup(_):
        return answers

    async def work():
        resolver = GuardedResolver(rules, lookup)
        try:
            return await resolver.resolve(host, 443)
        finally:
            await resolver.close()

    return asyncio.run(work())


def test_a_name_without_an_address_is_no_target():
    with pytest.raises(OSError, match="no address"):
        resolve([])


def test_what_is_handed_out_is_what_was_checked():
    [v4, v6] = resolve([PUBLIC_V4, PUBLIC_V6])
    assert (v4[0], v4[-1]) == (socket.AF_INET, (PUBLIC_V4, 443))
    assert (v6[0], v6[-1]) == (socket.AF_INET6, (PUBLIC_V6, 443, 0, 0))


def test_the_systems_own_resolver_is_asked_and_judged():
    async def work():
        resolver = GuardedResolver(STRICT)
        try:
            await resolver.resolve("localhost", 443)
        finally:
            await resolver.close()

    with pytest.raises(TargetRefused, match="webhook_allow_networks"):
        asyncio.run(work())


# What an operator allows


def parsed(**given):
    return Rules.parse(
        **{"allow_http": False, "ports": "443", "networks": "", "denied_hosts": ""} | given
    )


def test_a_network_that_is_allowed_is_open_and_no_other():
    rules = parsed(networks="10.1.0.0/16, fd00:1::/32")
    check_url("https://10.1.2.3/", rules)
    check_url("https://[fd00:1::5]/", rules)
    for host in ("10.2.0.1", "127.0.0.1", "[fd00:2::5]", "[::ffff:10.1.2.3]"):
        with pytest.raises(InvalidInput):
            check_url(f"https://{host}/", rules)


def test_http_and_other_ports_are_allowed_by_settings():
    check_url("http://example.com:8080/", parsed(allow_http=True, ports="443, 8080"))
    check_url("http://example.com/", parsed(allow_http=True, ports="*"))
    with pytest.raises(InvalidInput, match="webhook_ports"):
        check_url("http://example.com/", parsed(allow_http=True))


@pytest.mark.parametrize("host", ["sms.example.com", "SMS.example.com", "sms.example.com."])
def test_a_denied_host_is_denied_in_every_spelling(host):
    with pytest.raises(InvalidInput, match="webhook_deny_hosts"):
        check_url(f"https://{host}/", parsed(denied_hosts="sms.Example.com, other.example.com"))


@pytest.mark.parametrize(
    "given", [{"ports": "443,https"}, {"networks": "10.0.0.0/33"}, {"networks": "10.0.0.1/8"}]
)
def test_a_wrong_setting_is_told_by_its_name(given):
    with pytest.raises(SetupError, match="Setting webhook_"):
        parsed(**given)


def test_an_address_of_this_machine_is_closed(monkeypatch):
    assert is_open(ipaddress.ip_address(PUBLIC_V4), STRICT)
    # Loopback stands for an own public address, which a test cannot have.
    monkeypatch.setattr("sendrail.webhooks.guard._CLOSED_V4", ())
    assert not is_open(ipaddress.ip_address("127.0.0.1"), STRICT)

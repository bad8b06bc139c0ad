"""Which hosts links may stand on, and what a `Host` header names."""

import pytest

from sendrail.domain.ids import AccountId, DomainId
from sendrail.domain.tracking_domain import TrackingDomain, host_fault, host_of


@pytest.mark.parametrize("host", ["go.shop.example", "a.io", "xn--bcher-kva.example", "1.example"])
def test_a_name_may_be_one(host):
    assert host_fault(host, {"sms.example.com"}) is None


@pytest.mark.parametrize(
    "host",
    [
        "", "shop", "localhost", "127.0.0.1", "1.2.3", "a.0x7f", "::1", "[::1]",
        "https://go.shop.example", "go.shop.example/", "go.shop.example:443", "GO.shop.example",
        "go..example", "-a.example", "a-.example", "bücher.example", "a b.example",
        "a@go.example", "x" * 64 + ".example", "a." * 127 + "example",
        "bit.ly", "www.bit.ly", "t.co", "tinyurl.com", "sms.example.com",
    ],
)  # fmt: skip
def test_what_is_no_name_a_public_shortener_or_the_api_is_refused(host):
    assert host_fault(host, {"sms.example.com"})


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("go.example", "go.example"),
        ("Go.Example:8443", "go.example"),
        (" go.example. ", "go.example"),
        ("go.example.:80", "go.example"),
        ("[::1]:80", "[::1]"),
        ("", ""),
    ],
)
def test_a_header_names_a_host_without_port_and_case(header, host):
    assert host_of(header) == host


@pytest.mark.parametrize(
    ("verified_at", "problem", "status"),
    [
        (None, None, "unverified"),
        (None, "x", "unverified"),
        (1, None, "verified"),
        (1, "x", "failing"),
    ],
)
def test_the_status_follows_from_the_last_check(verified_at, problem, status):
    domain = TrackingDomain(
        id=DomainId(1),
        account_id=AccountId(1),
        host="go.example",
        home_url=None,
        fallback_url=None,
        letters=7,
        is_default=True,
        token="t",
        verified_at=verified_at,
        checked_at=2,
        problem=problem,
        created_at=0,
    )
    assert domain.status == status

"""Who a request comes from: what trusted proxies say, and nothing that a visitor wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.errors import SetupError
from sendrail.tracking.peers import PeerAddresses

PROXY, VISITOR, LIE = "10.0.0.1", "203.0.113.7", "198.51.100.9"
PEERS = PeerAddresses("127.0.0.1, ::1, 10.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        # Nobody is in between, whatever a visitor writes.
        (VISITOR, None, VISITOR),
        (VISITOR, LIE, VISITOR),
        # A proxy that sets it, and one that adds to what a visitor wrote.
        (PROXY, VISITOR, VISITOR),
        (PROXY, f"{LIE}, {VISITOR}", VISITOR),
        (PROXY, f"{LIE},{VISITOR} , 10.9.9.9", VISITOR),
        ("::ffff:10.0.0.1", VISITOR, VISITOR),
        ("::1", "2001:db8::1", "2001:db8::1"),
        # Some add the port.
        (PROXY, f"{VISITOR}:5060", VISITOR),
        (PROXY, "[2001:db8::1]:5060", "2001:db8::1"),
        (PROXY, "[2001:db8::1]", "2001:db8::1"),
        # What cannot be read hides what stands before it.
        (PROXY, f"{LIE}, unknown", PROXY),
        (PROXY, f"{LIE}, unknown, 10.9.9.9", "10.9.9.9"),
        (PROXY, "", PROXY),
        (PROXY, None, PROXY),
        # All of them are trusted: the first is where it began.
        (PROXY, "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("", VISITOR, ""),
    ],
)
def test_the_first_from_the_end_that_is_no_proxy_is_the_visitor(peer, forwarded, visitor):
    given_ = None if forwarded is None else forwarded.encode("latin-1")
    assert PEERS.visitor(peer, given_) == visitor


def test_without_trusted_proxies_the_peer_is_the_visitor():
    assert PeerAddresses("").visitor("127.0.0.1", b"203.0.113.7") == "127.0.0.1"


def test_a_setting_that_is_no_network_is_named():
    with pytest.raises(SetupError, match="trusted_proxies"):
        PeerAddresses("10.0.0.0/8, proxy.example")


@given(lie=st.binary(max_size=3000))
def test_nothing_that_a_visitor_writes_hides_the_address(lie):
    assert PEERS.visitor(PROXY, lie + b", " + VISITOR.encode()) == VISITOR

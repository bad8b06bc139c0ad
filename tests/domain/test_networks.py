"""Sets of networks agree with the standard library's, address by address."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendrail.domain.networks import Networks, lines_of

V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)


def network(address, length):
    return ipaddress.ip_network((address, min(length, address.max_prefixlen)), strict=False)


networks = st.lists(st.builds(network, V4 | V6, st.integers(0, 128)), max_size=12)


@given(networks, st.lists(V4 | V6, max_size=8))
def test_an_address_is_in_one_of_the_networks_or_in_none(many, addresses):
    known = Networks(map(str, many))
    edges = [edge for each in many for edge in (each[0], each[-1])]
    beside = [each[0] - 1 for each in many if int(each[0])]
    for address in addresses + edges + beside:
        expected = any(address in each for each in many)
        # An IPv4 address on an IPv6 socket is the IPv4 address.
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            expected = any(mapped in each for each in many)
        assert known.contain(address.packed) is expected, address


def test_a_mapped_address_is_the_address_it_maps():
    known = Networks(["192.0.2.0/24", "2001:db8::/32"])
    assert known.contain(ipaddress.ip_address("::ffff:192.0.2.7").packed)
    assert not known.contain(ipaddress.ip_address("::ffff:192.0.3.7").packed)


def test_neighbours_and_overlaps_are_one():
    known = Networks(["192.0.2.0/25", "192.0.2.128/25", "192.0.2.64/26", "192.0.3.9"])
    assert known.contain(ipaddress.ip_address("192.0.2.255").packed)
    assert known.contain(ipaddress.ip_address("192.0.3.9").packed)
    assert not known.contain(ipaddress.ip_address("192.0.3.8").packed)


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2", "example", "::/129"])
def test_what_is_no_network_is_an_error_that_names_it(text):
    with pytest.raises(ValueError, match=text):
        Networks([text])


def test_a_list_is_by_lines_or_commas_with_comments():
    text = "# ours\n192.0.2.0/24, 198.51.100.7 # the office\n\n ,2001:db8::/32\n"
    assert lines_of(text) == ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=4), st.data())
def test_a_prefix_is_in_a_set_wholly_not_at_all_or_partly(networks, data):
    texts = [str(ipaddress.ip_network((first, bits), strict=False)) for first, bits in networks]
    near = data.draw(st.sampled_from([first for first, _ in networks] or [0]))
    prefix = near.to_bytes(4, "big")[: data.draw(st.integers(1, 4))]
    whole = ipaddress.ip_network((prefix.ljust(4, b"\0"), 8 * len(prefix)))
    inside = list(
        ipaddress.collapse_addresses(
            each if each.subnet_of(whole) else whole
            for each in map(ipaddress.ip_network, texts)
            if each.overlaps(whole)
        )
    )
    expected = {(): False, (whole,): True}.get(tuple(inside))
    assert Networks(texts).contain_all(prefix) is expected


def test_a_prefix_of_ipv6_is_in_a_set_as_well():
    networks = Networks(["2001:db8::/32", "2001:db9::/64"])
    assert networks.contain_all(bytes.fromhex("20010db80001")) is True
    assert networks.contain_all(bytes.fromhex("20010db90000")) is None
    assert networks.contain_all(bytes.fromhex("20010dba0000")) is False

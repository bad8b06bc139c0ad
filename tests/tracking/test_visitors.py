"""Of a visitor's address a network is kept, and a digest that says nothing on another day."""

import pytest

from sendrail.domain.click_classes import NetworkKind
from sendrail.links.networks import NetworkKinds
from sendrail.tracking.visitors import (
    DAY_MS,
    AddressScope,
    AgentIds,
    Visitors,
    cut_agent,
    shown_network,
)

NOON = 20_000 * DAY_MS + DAY_MS // 2
PHONE = "203.0.113.77"
HOME = "2001:db8:aaaa:bbbb::1"
VISITORS = Visitors(b"k" * 16, NetworkKinds(machines="198.51.100.0/24"))


def kept(address, scope=AddressScope.TRUNCATED):
    network = Visitors(b"k" * 16, NetworkKinds(), scope).describe(address, NOON).network
    return None if network is None else shown_network(network)


def digest(address, at=NOON, visitors=VISITORS):
    return visitors.describe(address, at).digest


@pytest.mark.parametrize(
    ("address", "truncated", "whole"),
    [
        (PHONE, "203.0.113.0/24", PHONE),
        ("::ffff:203.0.113.77", "203.0.113.0/24", PHONE),
        (HOME, "2001:db8:aaaa::/48", HOME),
    ],
)
def test_as_much_of_an_address_is_kept_as_the_setting_says(address, truncated, whole):
    assert kept(address) == truncated
    assert kept(address, AddressScope.WHOLE) == whole
    assert kept(address, AddressScope.NONE) is None


def test_no_byte_of_a_truncated_address_is_kept_beyond_its_network():
    assert VISITORS.describe(PHONE, NOON).network == bytes([203, 0, 113])
    assert VISITORS.describe(HOME, NOON).network == bytes.fromhex("20010db8aaaa")


@pytest.mark.parametrize("address", [PHONE, HOME])
def test_a_digest_is_the_same_for_a_day_and_another_afterwards(address):
    midnight = 20_001 * DAY_MS
    assert len(digest(address)) == 8
    assert digest(address, midnight - 1) == digest(address) == digest(address, 20_000 * DAY_MS)
    assert digest(address, midnight) != digest(address)
    # A clock that steps back over midnight finds the day's key again.
    assert digest(address, midnight - 1) == digest(address)


def test_a_digest_depends_on_every_part_of_the_address_and_on_the_key():
    others = ["203.0.113.78", "203.0.112.77", HOME, "2001:db8:aaaa:bbbb::2"]
    assert len({digest(each) for each in [PHONE, *others]}) == 5
    assert digest(PHONE) == digest("::ffff:203.0.113.77")
    assert digest(PHONE, visitors=Visitors(b"l" * 16, NetworkKinds())) != digest(PHONE)


@pytest.mark.parametrize("scope", AddressScope)
def test_a_digest_is_kept_whatever_is_kept_of_the_network(scope):
    visitors = Visitors(b"k" * 16, NetworkKinds(), scope)
    assert digest(PHONE, visitors=visitors) == digest(PHONE)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.18.0.5", "192.168.1.9", "100.64.0.1"),
        *("::1", "fd00::5", "fe80::1", "::ffff:10.0.0.1"),
    ],
)
def test_an_address_that_may_be_a_proxys_has_no_digest(address):
    # All its visitors would count as one, whose clicks come in a burst.
    assert digest(address) is None


@pytest.mark.parametrize("address", ["", "unix:", "203.0.113", "203.0.113.77:80", "::1%eth0", "\0"])
def test_of_what_is_no_address_nothing_is_kept(address):
    assert VISITORS.describe(address, NOON) == (NetworkKind.ORDINARY, None, None)


def test_the_kind_of_a_network_is_that_of_the_operators_lists():
    assert VISITORS.describe("198.51.100.9", NOON).kind is NetworkKind.MACHINE
    assert VISITORS.describe("::ffff:198.51.100.9", NOON).kind is NetworkKind.MACHINE
    assert VISITORS.describe(PHONE, NOON).kind is NetworkKind.ORDINARY


def test_an_agent_is_cut_at_512_bytes():
    assert cut_agent(b"a" * 10_000) == b"a" * 512
    assert cut_agent(b"short") == b"short"


class CountingAgents:
    """The rows of agents, made in memory; counts how often it was asked."""

    def __init__(self):
        self.made, self.asked = {}, []

    def ids(self, agents, day):
        self.asked.append((sorted(agents), day))
        return {each: self.made.setdefault(each, len(self.made) + 1) for each in agents}


class FakeTx:
    def __init__(self):
        self.agents = CountingAgents()


def test_an_agent_is_asked_for_once_a_day():
    tx, known = FakeTx(), AgentIds()
    first = known.find(tx, [b"a", b"b"], NOON)
    known.remember(first, NOON)
    assert known.find(tx, [b"a", b"b"], NOON + 1) == first
    assert known.find(tx, [b"c", b"a"], NOON) == {b"a": first[b"a"], b"c": 3}
    known.find(tx, [b"a"], NOON + DAY_MS)
    assert tx.agents.asked == [
        ([b"a", b"b"], 20_000),
        ([b"c"], 20_000),
        ([b"a"], 20_001),
    ]


def test_what_no_commit_has_kept_is_asked_for_again():
    tx, known = FakeTx(), AgentIds()
    known.find(tx, [b"a"], NOON)
    known.find(tx, [b"a"], NOON)
    assert len(tx.agents.asked) == 2


def test_memory_is_bounded_by_forgetting_the_agent_met_longest_ago():
    tx, known = FakeTx(), AgentIds()
    for n in range(4_096):
        known.remember({b"%d" % n: n}, NOON)
    known.remember({b"0": 0}, NOON)
    known.remember({b"new": 4_096}, NOON)
    assert known.find(tx, [b"0", b"2"], NOON) == {b"0": 0, b"2": 2}
    assert tx.agents.asked == []
    known.find(tx, [b"1"], NOON)
    assert tx.agents.asked == [([b"1"], 20_000)]

"""The kind of an address: shipped previewers, the operator's machines and people."""

import pytest

from sendrail.domain.click_classes import NetworkKind
from sendrail.domain.errors import SetupError
from sendrail.links.networks import NetworkKinds


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("66.249.84.1", NetworkKind.PREVIEWER),  # google-proxy-66-249-84-1.google.com
        ("69.171.251.1", NetworkKind.PREVIEWER),  # Meta's crawler
        ("2a03:2880:ff::face", NetworkKind.PREVIEWER),
        ("::ffff:66.249.84.1", NetworkKind.PREVIEWER),
        ("8.8.8.8", NetworkKind.ORDINARY),
        ("2606:4700::1", NetworkKind.ORDINARY),  # iCloud Private Relay leaves by such networks
        ("", NetworkKind.ORDINARY),
        ("no address", NetworkKind.ORDINARY),
        ("66.249.84.1\0", NetworkKind.ORDINARY),
    ],
)
def test_the_shipped_networks_are_googles_and_metas(address, kind):
    assert NetworkKinds().of(address) is kind


def test_the_operators_networks_are_known_and_people_win():
    kinds = NetworkKinds("192.0.2.0/24, 198.51.100.0/24", "192.0.2.128/25\n66.249.84.0/24")
    assert kinds.of("192.0.2.1") is NetworkKind.MACHINE
    assert kinds.of("198.51.100.9") is NetworkKind.MACHINE
    assert kinds.of("192.0.2.200") is NetworkKind.ORDINARY
    assert kinds.of("66.249.84.1") is NetworkKind.ORDINARY


@pytest.mark.parametrize(
    ("argument", "setting"),
    [("machines", "click_machine_networks"), ("people", "click_people_networks")],
)
def test_a_text_that_is_no_network_is_a_setup_error(argument, setting):
    with pytest.raises(SetupError, match=f"{setting}.*192.0.2"):
        NetworkKinds(**{argument: "192.0.2"})

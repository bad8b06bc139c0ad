"""Carrier kinds are found by entry point, loaded late, and fail alone."""

from importlib.metadata import EntryPoint

import pytest

from sendrail.carriers import registry
from sendrail.carriers.sdk import ConnectorContext
from sendrail.carriers.simulator.carrier import SimulatorCarrier
from sendrail.domain.errors import CarrierTrouble


@pytest.fixture
def installed(monkeypatch, tmp_path):
    (tmp_path / "raising_carrier.py").write_text("raise RuntimeError('no licence file')\n")
    monkeypatch.syspath_prepend(tmp_path)

    def entry(name, value):
        return EntryPoint(name=name, value=value, group=registry.GROUP)

    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda **_: (
            entry("simulator", "sendrail.carriers.simulator.carrier:SimulatorCarrier"),
            entry("absent", "no_such_package.carrier:Carrier"),
            entry("nameless", "sendrail.carriers.sdk:NoSuchClass"),
            entry("raising", "raising_carrier:Carrier"),
        ),
    )


def test_the_simulator_is_installed():
    assert registry.kinds()["simulator"]() is SimulatorCarrier


def test_a_carrier_is_opened_with_its_settings():
    assert isinstance(registry.kind_of("simulator")({}, ConnectorContext()), SimulatorCarrier)
    with pytest.raises(CarrierTrouble, match="colour"):
        registry.kind_of("simulator")({"colour": "blue"}, ConnectorContext())


@pytest.mark.usefixtures("installed")
def test_an_unknown_kind_is_answered_with_the_known_ones():
    with pytest.raises(CarrierTrouble, match=r"'pigeon'.*absent, nameless, raising, simulator"):
        registry.kind_of("pigeon")({}, ConnectorContext())


def test_without_any_kind_it_says_so(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda **_: ())
    with pytest.raises(CarrierTrouble, match="none is installed"):
        registry.kind_of("simulator")({}, ConnectorContext())


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", ["absent", "nameless", "raising"])
def test_a_broken_kind_says_what_broke_and_breaks_no_other(kind):
    with pytest.raises(CarrierTrouble, match=f"'{kind}'.*cannot be loaded") as caught:
        registry.kind_of(kind)({}, ConnectorContext())
    assert caught.value.param == "kind"
    assert isinstance(registry.kind_of("simulator")({}, ConnectorContext()), SimulatorCarrier)


def test_what_is_installed_is_read_once(monkeypatch):
    """Each look opens a file of every installed package, and pages ask every few seconds."""
    looks = []

    def entry_points(**about):
        looks.append(about)
        return ()

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert registry.kinds() == registry.kinds() == {}
    assert looks == [{"group": registry.GROUP}]

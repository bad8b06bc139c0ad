"""Every carrier of the house through the suite that says what a carrier is."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from good_callbacks import CALLBACKS

pytest.register_assert_rewrite("sendrail.carriers.conformance")

from sendrail.carriers import registry  # noqa: E402
from sendrail.carriers.conformance import CarrierConformance  # noqa: E402 - rewritten first
from sendrail.carriers.simulator.carrier import SimulatorCarrier  # noqa: E402


def test_every_kind_has_good_callbacks_for_the_suite_to_spoil():
    assert {name.partition(" ")[0] for name in CALLBACKS} == registry.kinds().keys()


class TestSimulator(CarrierConformance):
    callbacks = CALLBACKS["simulator"]
    wrong_settings = (
        ("colour", {"colour": "blue"}),
        ("receipt_delay_ms", {"receipt_delay_ms": -1}),
        ("receipt_delay_ms", {"receipt_delay_ms": "50"}),
        ("receipt_delay_ms", {"receipt_delay_ms": True}),
        ("answer_delay_ms", {"answer_delay_ms": 1.5}),
        ("answer_delay_ms", {"answer_delay_ms": 86_400_001}),
        ("handsets", {"handsets": 7}),
        ("handsets", {"handsets": ""}),
    )

    def make_carrier(self):
        return self.make_with({"receipt_delay_ms": 5, "answer_delay_ms": 2})

    def make_with(self, settings):
        return SimulatorCarrier(settings, time_scale=0.1)


class Handsets(asyncio.Protocol):
    """One connection to the process that writes the handset log."""

    def __init__(self, rung):
        self._rung = rung
        self._partial = b""

    def data_received(self, data):
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._rung.extend(json.loads(line)["message_id"] for line in lines)


class TestSimulatorWithHandsets(TestSimulator):
    callbacks = ()

    @pytest.fixture(autouse=True)
    def socket(self, tmp_path):
        self.path = str(tmp_path / "handsets")
        self.rung = []

    def make_carrier(self):
        return self.make_with({"receipt_delay_ms": 0, "handsets": self.path})

    @asynccontextmanager
    async def peer(self):
        loop = asyncio.get_running_loop()
        async with await loop.create_unix_server(lambda: Handsets(self.rung), self.path):
            yield
            # The carrier has hung up; let the server's side notice before the loop is closed.
            await asyncio.sleep(0.01)

    async def arrived(self):
        await self.until(lambda: len(self.rung) >= 211)
        return self.rung

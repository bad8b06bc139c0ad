"""The suite that says what a carrier is, against an SMSC that others wrote."""

import asyncio

import pytest
import uvloop
from good_callbacks import CALLBACKS

pytest.register_assert_rewrite("sendrail.carriers.conformance")

from sendrail.carriers.conformance import CarrierConformance  # noqa: E402 - rewritten first
from sendrail.carriers.smpp.carrier import SmppCarrier  # noqa: E402

COMPLETE = {"host": "127.0.0.1", "system_id": "esme", "password": "secret"}


class TestSmpp(CarrierConformance):
    callbacks = CALLBACKS["smpp"]
    wrong_settings = (
        ("colour", COMPLETE | {"colour": "blue"}),
        ("host", {"system_id": "esme", "password": "secret"}),
        ("host", COMPLETE | {"host": ""}),
        ("password", COMPLETE | {"password": ""}),
        ("password", COMPLETE | {"password": "ключ"}),
        ("system_id", COMPLETE | {"system_id": "sixteen_letters_"}),
        ("port", COMPLETE | {"port": 0}),
        ("port", COMPLETE | {"port": "2775"}),
        ("mode", COMPLETE | {"mode": "receiver"}),
        ("window", COMPLETE | {"window": 0}),
        ("interface_version", COMPLETE | {"interface_version": "3.3"}),
        ("response_timeout_seconds", COMPLETE | {"response_timeout_seconds": 0}),
        ("tls_ca_file", COMPLETE | {"tls": True, "tls_ca_file": "/nowhere/ca.pem"}),
        ("tls_ca_file", COMPLETE | {"tls_ca_file": "/nowhere/ca.pem"}),
        ("tls_server_name", COMPLETE | {"tls_server_name": "smsc.example"}),
        ("alphabet", COMPLETE | {"alphabet": "utf8"}),
        ("validity_period", COMPLETE | {"validity_period": "1h"}),
        ("statuses", COMPLETE | {"statuses": {"69": "retry"}}),
        ("statuses", COMPLETE | {"statuses": {"0x45": "ignore"}}),
        ("receipt_errors", COMPLETE | {"receipt_errors": {"001": "gone"}}),
    )

    @pytest.fixture(autouse=True)
    def smsc(self, peer):
        self.smsc = peer

    def make_carrier(self):
        return self.make_with(self.smsc.settings())

    def make_with(self, settings):
        return SmppCarrier(settings)

    async def arrived(self):
        state = await asyncio.to_thread(self.smsc.ask, "state")
        numbers = [int(each["text"].rpartition(" ")[2]) for each in state["submitted"]]
        return [f"m{number:07}" for number in numbers]


class TestSmppInPairs(TestSmpp):
    callbacks = ()

    def make_carrier(self):
        return self.make_with(self.smsc.settings(mode="pair", binds=1, window=3))


class TestSmppOnUvloop(TestSmpp):
    """The loop of production, whose transports are others."""

    callbacks = ()

    @pytest.fixture(autouse=True)
    def loop(self):
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        yield
        asyncio.set_event_loop_policy(None)

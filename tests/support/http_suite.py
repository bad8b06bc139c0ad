"""The carriers' conformance suite, for a carrier by HTTP and a fake of its vendor."""

from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from http_peer import Door, HttpPeer, Linked

pytest.register_assert_rewrite("sendrail.carriers.conformance")

from sendrail.carriers.conformance import CarrierConformance  # noqa: E402 - rewritten first
from sendrail.carriers.sdk import ConnectorContext  # noqa: E402
from sendrail.domain.receipt import IgnoredPart  # noqa: E402


def gist(said):
    """Return in a word what each value says: why it is set aside, or what of it was refused."""
    return [
        each.why if isinstance(each, IgnoredPart) else f"no {getattr(each, 'about', each)}"
        for each in said
    ]


class HttpConformance(CarrierConformance):
    """A subclass names the carrier, its fake, and settings that fit the two together.

    One connection shows the order of submit; with more of them a server sees what it sees.
    """

    kind: ClassVar
    settings: ClassVar
    connections: ClassVar = 1
    door = fake = None

    def make_vendor(self):
        raise NotImplementedError

    def make_carrier(self):
        more = {"connections": self.connections}
        if self.fake is not None:
            more["base_url"] = self.fake.url
        return self.make_with({**self.settings, **more})

    def make_with(self, settings):
        if self.door is None:
            return self.kind(settings, ConnectorContext())
        key, url = self.door.new_connector()
        return Linked(self.kind(settings, ConnectorContext(callback_url=url)), self.door, key)

    @asynccontextmanager
    async def peer(self):
        async with Door() as self.door, HttpPeer(self.make_vendor()) as self.fake:
            yield
        self.door = self.fake = None

    async def arrived(self):
        return self.fake.took if self.connections == 1 else None

"""The carriers' conformance suite, for a carrier by HTTP and a fake of its vendor."""

from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from http_peer import Door, Got, HttpPeer, Linked

pytest.register_assert_rewrite("sendrail.carriers.conformance")

from sendrail.carriers.conformance import CarrierConformance  # noqa: E402 - rewritten first
from sendrail.carriers.hostile_answers import (  # noqa: E402
    ValidAnswer,
    outcome_flaw,
    outcomes_of,
    spoil_answer,
)
from sendrail.carriers.http.exchange import Answer  # noqa: E402
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
    `answer_batch` is the path of the list in an answer that is about many messages.
    """

    answer_batch: ClassVar = None

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

    def answers(self, carrier):
        """Return what the fake says to a request: of messages it takes, and of some it refuses."""
        good = self.messages(3)[: carrier.messages_per_request]
        bad = [replace(each, recipient=1, message_id=f"b{each.message_id[1:]}") for each in good]
        together = [*good[:1], *bad[1:]]
        return [
            ValidAnswer(messages=each, answer=self._said(carrier, each), batch=self._batch(carrier))
            for each in (good, bad, together)
        ]

    @pytest.mark.slow
    def test_an_answer_that_is_broken_twice_is_still_read(self):
        # Two faults may well make a refusal of it, so the outcomes need only be sound.
        carrier, chance = self.make_carrier(), Random(7)
        for good in self.answers(carrier):
            # Long ones are no JSON any more, to be broken at each of their octets.
            short = [each for each in spoil_answer(good) if len(each.answer.body) < 2_000]
            for once in chance.sample(short, min(len(short), 20)):
                for twice in spoil_answer(replace(good, answer=once.answer)):
                    outcomes = outcomes_of(carrier, good.messages, twice.answer)
                    assert len(outcomes) == len(good.messages), twice
                    assert not any(map(outcome_flaw, outcomes)), twice

    def _batch(self, carrier):
        return self.answer_batch if carrier.messages_per_request > 1 else None

    def _said(self, carrier, messages):
        request = carrier.compose(messages)
        parts = urlsplit(request.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {name.lower(): value for name, value in request.headers.items()}
        said = self.make_vendor()(
            Got(method=request.method, target=target, headers=headers, body=request.body)
        )
        return Answer(status=said.status, headers=said.headers, body=said.body)

    async def arrived(self):
        return self.fake.took if self.connections == 1 else None

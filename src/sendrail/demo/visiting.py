"""What follows a message with a link: a visit, perhaps an order; and what the shop answers."""

import asyncio
import random
from functools import partial
from typing import Final

from sendrail.app import Runtime
from sendrail.demo.clock import DemoClock
from sendrail.demo.month import MINUTE, Month
from sendrail.demo.people import Person
from sendrail.demo.story import Shop
from sendrail.domain.conversion import Attribution
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import SendrailError
from sendrail.tracking.conversions import RevenueRecord
from sendrail.tracking.link_requests import LinkAnswer, LinkRequest

# 198.18.0.0/15 is kept for measurements (RFC 2544): no host is there.
_FIRST_ADDRESS: Final = (198 << 24) + (18 << 16)
_ADDRESSES: Final = 1 << 17
_IPHONE: Final = (
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    b"(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
_ANDROID: Final = (
    b"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/140.0.0.0 Mobile Safari/537.36"
)
_ROBOT: Final = b"Mozilla/5.0 (compatible; PreviewBot/1.0; +https://preview.example/bot)"
_ROBOTS_SHARE: Final = 0.05
_ORDERS_SHARE: Final = 0.11
_UNITS: Final = 10_000
_ANSWERS: Final = (
    ("opening hours", "We are open on Sundays from 10 to 4."),
    ("size", "Yes, in all our shops. Shall we put one aside for you?"),
    ("change my order", "Of course: tell us your order's number and what to change."),
    ("still on", "Yes, from 6 pm. See you there!"),
    ("parcel", "We are sorry! We have asked the carrier and will write again today."),
    ("code work", "It does, both online and in our shops."),
    ("Who is this", "Acme Outdoors: you signed up at our shop. Reply STOP to hear no more."),
)
_ANSWERED_SHARE: Final = 0.7


class _Visit(LinkRequest):
    """A request that only the month waits for."""

    def __init__(self, text: str, address: str, agent: bytes, done: "asyncio.Event") -> None:
        super().__init__(text, None, address, agent)
        self._done = done

    def resolve(self, answer: LinkAnswer) -> None:
        """Let the month go on, whatever the answer was."""
        del answer
        self._done.set()


class ShopVisits:
    """Notes what people do for its time."""

    def __init__(
        self, it: Runtime, month: Month, clock: DemoClock, dice: random.Random, shop: Shop
    ) -> None:
        self._it, self._month, self._clock, self._dice = it, month, clock, dice
        self._shop = shop
        self._orders = 0

    def follow(self, message: OutboundMessage, link: str, person: Person) -> None:
        """Let a person follow a link some minutes or hours from now."""
        del person
        dice, now = self._dice, self._clock.now()
        if dice.random() < _ROBOTS_SHARE:
            self._month.at(now + dice.uniform(1, 9) * 1000, partial(self._visit, link, _ROBOT))
        at = now + dice.lognormvariate(13.6, 1.3)
        self._month.at(at, partial(self._visit, link, dice.choice((_IPHONE, _ANDROID))))
        if dice.random() < _ORDERS_SHARE:
            later = at + dice.uniform(4, 90) * MINUTE
            self._month.at(later, partial(self._order, message))

    def answer(self, message: OutboundMessage, question: str, after_ms: float) -> None:
        """Let the shop answer a question, if it is one that it knows."""
        dice = self._dice
        known = [answer for words, answer in _ANSWERS if words in question]
        if not known or dice.random() > _ANSWERED_SHARE:
            return
        at = self._clock.now() + after_ms + dice.uniform(3, 70) * MINUTE
        sender = int(message.sender.lstrip("+"))
        self._month.at(at, partial(self._month.send, message.recipient, sender, known[0]))

    async def _visit(self, link: str, agent: bytes) -> None:
        done = asyncio.Event()
        at = _FIRST_ADDRESS + self._dice.randrange(_ADDRESSES)
        address = ".".join(str(part) for part in at.to_bytes(4, "big"))
        self._it.tracking.redirects.offer(_Visit(link, address, agent, done))
        await done.wait()

    async def _order(self, message: OutboundMessage) -> None:
        self._orders += 1
        await self._month.count_clicks()
        given = RevenueRecord(
            message_id=message.message_id,
            amount=int(self._dice.lognormvariate(4.1, 0.5) * 100) * _UNITS // 100,
            attribution=Attribution.SALE,
            external_id=f"order-{self._orders}",
        )
        try:
            await self._it.tracking.conversions.record(self._it.default_account, given)
        except SendrailError:
            # Of a click that was counted as a machine's, nothing is attributed.
            return

"""The carrier of a demonstration: it answers at once, and what handsets do comes later.

What follows a message is decided by dice: receipts and replies wait here until their time, and
the month that is played gets the person who will follow a link.
"""

import heapq
import random
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final

import msgspec

from sendrail.carriers.sdk import Deliver, Report
from sendrail.carriers.simulator import wire
from sendrail.carriers.simulator.carrier import SimulatorSettings
from sendrail.demo.clock import DemoClock
from sendrail.demo.people import Person
from sendrail.domain.delivery import OutboundMessage, Outcome, Rejected, Submitted, Uncertain
from sendrail.domain.message import Status
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Callback

# The words of the simulator for what a receipt says.
_DELIVERED: Final = (Status.DELIVERED, "DELIVERED_TO_HANDSET")
_ABSENT: Final = (Status.UNDELIVERED, "REJECTED_ABSENT_SUBSCRIBER")
_SPAM: Final = (Status.FAILED, "REJECTED_SPAM")
_LINK: Final = re.compile(r"https?://[^\s/]+/([A-Za-z0-9]+)").search
_MINUTE: Final = 60_000

# What people write back to what was sent to all of them, and how often.
_ANSWERS: Final = (
    ("STOP", 42),
    ("Stop", 14),
    ("Please stop texting me so early", 6),
    ("unsubscribe", 6),
    ("What are your opening hours on Sunday?", 9),
    ("Do you have the green one in size 41?", 8),
    ("Can I change my order?", 6),
    ("Is this still on tomorrow?", 6),
    ("Love it, thank you!", 8),
    ("Who is this?", 7),
    ("My parcel has not come yet", 6),
    ("HELP", 4),
    ("Does the code work online as well?", 8),
)
_QUESTIONS: Final = ("Thanks!", "Great, see you then", "Where is my parcel now?", "Perfect!")

OnLink = Callable[[OutboundMessage, str, Person], None]
# A message, what is written back to it, and after how many milliseconds.
OnQuestion = Callable[[OutboundMessage, str, float], None]


class Handsets:
    """What is to come back from the phones, in the order of its time."""

    def __init__(
        self, clock: DemoClock, dice: random.Random, people: Mapping[PhoneNumber, Person]
    ) -> None:
        self._clock = clock
        self._dice = dice
        self._people = people
        self._order = count(1)
        self._due: list[tuple[int, int, bytes]] = []
        # Called for each message with a link that arrives.
        self.on_link: OnLink = _nobody
        # Called for each text that a person will write back.
        self.on_question: OnQuestion = _nothing
        self.taken = 0
        # How often an answer is lost on its way.
        self.lost_share = 0.0004

    def next_at(self) -> int | None:
        """Return when the next callback is due, in milliseconds."""
        return self._due[0][0] if self._due else None

    def take_due(self) -> list[bytes]:
        """Return the callbacks that are due by now."""
        found, now = [], self._clock.now()
        while self._due and self._due[0][0] <= now:
            found.append(heapq.heappop(self._due)[2])
        return found

    def bring(self, raw: bytes, after_ms: float) -> None:
        """Let a callback come after a while."""
        at = self._clock.now() + int(after_ms)
        heapq.heappush(self._due, (at, next(self._order), raw))

    def think(self) -> None:
        """Let some milliseconds pass, as a carrier needs for its answer."""
        self._clock.set(self._clock.now() + int(self._dice.lognormvariate(3.9, 0.4)))

    def answer(self, message: OutboundMessage) -> Outcome:
        """Decide what becomes of a message; what comes later is noted."""
        self.taken += 1
        dice, person = self._dice, self._people.get(message.recipient)
        luck = dice.random()
        if luck < self.lost_share:
            return Uncertain("no answer in time")
        if luck < 0.004:
            return Rejected("REJECTED_DESTINATION")
        ref = f"demo-{next(self._order)}"
        if luck > 0.012:
            self._receipt(message, ref, person)
        return Submitted(ref)

    def _receipt(self, message: OutboundMessage, ref: str, person: Person | None) -> None:
        dice = self._dice
        after = 900 + dice.lognormvariate(7.6, 0.9)
        is_there = person is None or person.is_reachable
        status, detail = _DELIVERED if is_there and dice.random() > 0.008 else _ABSENT
        if is_there and dice.random() < 0.004:
            status, detail = _SPAM
        if status is Status.UNDELIVERED:
            # Carriers try for a while before they give up.
            after += dice.uniform(20, 240) * _MINUTE
        [raw] = wire.receipts([(ref, message.message_id)], status, detail)
        self.bring(raw, after)
        if status is Status.DELIVERED and person is not None:
            self._reaction(message, person, after)

    def _reaction(self, message: OutboundMessage, person: Person, after: float) -> None:
        dice, link = self._dice, _LINK(message.body)
        if link is not None and dice.random() < person.interest:
            self.on_link(message, link[1], person)
            return
        soon = after + dice.lognormvariate(12.8, 1.2)
        if link is not None and dice.random() < 0.022:
            words, weights = zip(*_ANSWERS, strict=True)
            self._write_back(message, dice.choices(words, weights)[0], soon)
        elif link is None and dice.random() < 0.045:
            self._write_back(message, dice.choice(_QUESTIONS), soon)

    def _write_back(self, message: OutboundMessage, text: str, after: float) -> None:
        self.bring(wire.reply(message, text), after)
        self.on_question(message, text, after)


class DemoCarrier:
    """One connector to the handsets."""

    def __init__(self, handsets: Handsets) -> None:
        self._handsets = handsets

    async def start(self, deliver: Deliver) -> None:
        """Do nothing: callbacks are fetched."""

    async def submit(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Report the outcome of each, after a moment for all of them."""
        self._handsets.think()
        for message in messages:
            report(message, self._handsets.answer(message))

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse a callback as the simulator's."""
        return wire.parse(raw)

    async def check(self) -> str:
        """Return that nothing is connected."""
        return "This is a demonstration."

    async def stop(self) -> None:
        """Do nothing."""


class DemoKind:
    """Makes the carriers of a demonstration, whatever kind is asked for."""

    Settings: type[msgspec.Struct] = SimulatorSettings

    def __init__(self, handsets: Handsets) -> None:
        self._handsets = handsets

    def __call__(self, settings: Mapping[str, Any], context: object) -> DemoCarrier:
        """Return a carrier; its settings are the simulator's, and make no difference."""
        del settings, context
        return DemoCarrier(self._handsets)


def _nobody(_message: OutboundMessage, _link: str, _person: Person) -> None:
    """Follow no link."""


def _nothing(_message: OutboundMessage, _text: str, _after_ms: float) -> None:
    """Answer nothing."""

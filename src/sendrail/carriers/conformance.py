"""The conformance suite: tests that every carrier must pass.

A carrier's test module subclasses `CarrierConformance` and defines how to make the carrier and its
peer, the fake server it talks to. Call `pytest.register_assert_rewrite` on this module before
importing it, so that pytest shows the values of a failed assertion.
"""

import asyncio
import unittest
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from http import HTTPStatus
from itertools import product
from typing import Any, ClassVar, Final, get_args

from sendrail.carriers.hostile import CorruptCallback, ValidCallback, odd_requests, spoil
from sendrail.carriers.hostile_answers import ValidAnswer, answer_fault, spoil_answer
from sendrail.carriers.http.carrier import HttpCarrier
from sendrail.carriers.law import addresses, fault, flaw, from_another, is_refused, said_of, senders
from sendrail.carriers.sdk import Carrier, HearsCallbacks
from sendrail.domain import phone
from sendrail.domain.delivery import OutboundMessage, Outcome, Submitted, Uncertain
from sendrail.domain.errors import CarrierTrouble, StorageUnavailable
from sendrail.domain.ids import MessageId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import IgnoredPart, Receipt, Reply
from sendrail.domain.text import Encoding

# More than the hundred results that many carriers put in one callback, and no multiple of it.
_MANY: Final = 211
_FEW: Final = 3


class Reports:
    """Collects the outcomes a carrier reports: pass `report` to `submit`."""

    def __init__(self) -> None:
        self.reported: list[tuple[MessageId, Outcome]] = []

    def report(self, message: OutboundMessage, outcome: Outcome) -> None:
        """Record one outcome."""
        self.reported.append((message.message_id, outcome))

    @property
    def refs(self) -> dict[str, MessageId]:
        """The carrier's references, each with the id of its message."""
        return {
            outcome.carrier_ref: message_id
            for message_id, outcome in self.reported
            if isinstance(outcome, Submitted)
        }


class Intake:
    """Collects the callbacks a carrier delivers: pass `deliver` to `start`.

    The first `refusals` deliveries raise `StorageUnavailable`.
    """

    def __init__(self, refusals: int = 0) -> None:
        self.stored: list[bytes] = []
        self.refused: list[bytes] = []
        self._refusals = refusals

    async def deliver(self, callbacks: Sequence[bytes]) -> None:
        """Store the callbacks, or raise `StorageUnavailable`."""
        if self._refusals:
            self._refusals -= 1
            self.refused.extend(callbacks)
            raise StorageUnavailable("The disk takes nothing just now.")
        self.stored.extend(callbacks)

    def receipts(self, carrier: Carrier) -> list[Receipt]:
        """Return the stored receipts that carry a status, so none for "en route"."""
        return [
            callback
            for raw in self.stored
            for callback in carrier.parse(raw)
            if isinstance(callback, Receipt) and callback.status is not None
        ]


class CarrierConformance:
    """The suite; a subclass named `Test...` defines `make_carrier` and, if needed, `peer`.

    `recipients` are numbers whose messages the peer accepts and sends a receipt for. `garbage` are
    callbacks that cannot be parsed. `wrong_settings` pairs the name of a setting with settings in
    which it is wrong, missing or unknown. `callbacks` are valid stored callbacks: receipts, replies
    and, where the carrier batches them, batches of both. `patience` bounds each wait, in seconds.
    """

    recipients: ClassVar[Sequence[int]] = (15552340001, 15552340002, 15552340003)
    sender: ClassVar[int] = 15559870000
    garbage: ClassVar[Sequence[bytes]] = (b"", b"\x00\xff\xfe", b"{", b"[" * 5_000)
    wrong_settings: ClassVar[Sequence[tuple[str, Mapping[str, Any]]]] = ()
    callbacks: ClassVar[Sequence[ValidCallback]] = ()
    patience: ClassVar[float] = 60.0

    def make_carrier(self) -> Carrier:
        """Return a carrier that uses the peer and is not started."""
        raise NotImplementedError

    def make_with(self, settings: Mapping[str, Any]) -> Carrier:
        """Return a carrier with exactly these settings."""
        raise NotImplementedError

    def peer(self) -> AbstractAsyncContextManager[object]:
        """Return the context in which a carrier runs, such as a server it talks to."""
        return nullcontext()

    async def arrived(self) -> Sequence[MessageId] | None:
        """Return the messages the peer has received, in order; None if it does not record them."""
        return None

    def messages(self, count: int, *, prefix: str = "m") -> list[OutboundMessage]:
        """Return `count` messages to `recipients`, in turn."""
        return [
            OutboundMessage(
                message_id=MessageId(f"{prefix}{at:07}"),
                recipient=PhoneNumber(self.recipients[at % len(self.recipients)]),
                sender=phone.show(self.sender),
                body=f"Your code is {at}",
                encoding=Encoding.GSM7,
                segments=1,
            )
            for at in range(count)
        ]

    def answers(self, carrier: HttpCarrier) -> Sequence[ValidAnswer]:
        """Return answers to a submit by HTTP, each with the messages of its request."""
        del carrier
        return ()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until the condition is true, for `patience` seconds at most."""
        async with asyncio.timeout(self.patience):
            while not true():  # noqa: ASYNC110 - the peer has no event to wait for
                await asyncio.sleep(0.01)

    # Outcomes

    def test_every_message_is_reported_exactly_once(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports, batches = Reports(), [self.messages(_MANY, prefix=name) for name in "abc"]
            await carrier.start(Intake().deliver)
            await asyncio.gather(*(carrier.submit(batch, reports.report) for batch in batches))
            assert Counter(message_id for message_id, _ in reports.reported) == Counter(
                message.message_id for batch in batches for message in batch
            )
            assert all(isinstance(outcome, get_args(Outcome)) for _, outcome in reports.reported)

        self._run(play)

    def test_an_ordinary_message_is_taken_under_a_reference_of_its_own(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports = Reports()
            await carrier.start(Intake().deliver)
            await carrier.submit(self.messages(_MANY), reports.report)
            assert len(reports.refs) == _MANY

        self._run(play)

    def test_references_of_two_connectors_differ(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports, others, other = Reports(), Reports(), self.make_carrier()
            await carrier.start(Intake().deliver)
            await other.start(Intake().deliver)
            try:
                await carrier.submit(self.messages(10, prefix="a"), reports.report)
                await other.submit(self.messages(10, prefix="b"), others.report)
            finally:
                await other.stop()
            assert not reports.refs.keys() & others.refs.keys()

        self._run(play)

    def test_messages_arrive_in_the_order_of_submit(self) -> None:
        async def play(carrier: Carrier) -> None:
            messages = self.messages(_MANY)
            await carrier.start(Intake().deliver)
            await carrier.submit(messages, Reports().report)
            arrived = await self.arrived()
            if arrived is None:
                raise unittest.SkipTest("the peer of this carrier does not record messages")
            assert list(arrived) == [message.message_id for message in messages]

        self._run(play)

    def test_no_message_is_no_report(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports = Reports()
            await carrier.start(Intake().deliver)
            await carrier.submit([], reports.report)
            assert not reports.reported

        self._run(play)

    # Start and stop

    def test_without_a_start_nothing_leaves_and_nothing_is_raised(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports = Reports()
            await carrier.submit(self.messages(_FEW), reports.report)
            assert len(reports.reported) == _FEW
            assert not any(
                isinstance(outcome, Submitted | Uncertain) for _, outcome in reports.reported
            )

        self._run(play)

    def test_start_and_stop_may_be_repeated(self) -> None:
        async def play(carrier: Carrier) -> None:
            intake, reports = Intake(), Reports()
            await carrier.start(intake.deliver)
            await carrier.start(intake.deliver)
            await carrier.submit(self.messages(_FEW), reports.report)
            await self.until(lambda: len(intake.receipts(carrier)) >= _FEW)
            await carrier.stop()
            await carrier.stop()
            assert len(reports.refs) == len(intake.receipts(carrier)) == _FEW

        self._run(play)

    def test_stop_before_start_does_nothing(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports = Reports()
            await carrier.stop()
            await carrier.start(Intake().deliver)
            await carrier.submit(self.messages(_FEW), reports.report)
            assert len(reports.refs) == _FEW

        self._run(play)

    def test_stop_answers_what_is_under_way(self) -> None:
        async def play(carrier: Carrier) -> None:
            reports, messages = Reports(), self.messages(_MANY)
            await carrier.start(Intake().deliver)
            submit = asyncio.create_task(carrier.submit(messages, reports.report))
            await asyncio.sleep(0)
            await carrier.stop()
            await submit
            assert Counter(message_id for message_id, _ in reports.reported) == Counter(
                message.message_id for message in messages
            )

        self._run(play)

    # Callbacks

    def test_receipts_name_the_references_that_were_given(self) -> None:
        async def play(carrier: Carrier) -> None:
            intake, reports = Intake(), Reports()
            await carrier.start(intake.deliver)
            await carrier.submit(self.messages(_MANY), reports.report)
            await self.until(lambda: len(intake.receipts(carrier)) >= _MANY)
            receipts = intake.receipts(carrier)
            assert {receipt.carrier_ref for receipt in receipts} == reports.refs.keys()
            for receipt in receipts:
                assert receipt.message_id in {None, reports.refs[receipt.carrier_ref]}

        self._run(play)

    def test_callbacks_that_were_not_stored_come_again(self) -> None:
        async def play(carrier: Carrier) -> None:
            intake, reports = Intake(refusals=1), Reports()
            await carrier.start(intake.deliver)
            await carrier.submit(self.messages(_FEW), reports.report)
            await self.until(lambda: len(intake.receipts(carrier)) >= _FEW)
            assert intake.refused
            assert {
                receipt.carrier_ref for receipt in intake.receipts(carrier)
            } == reports.refs.keys()

        self._run(play)

    def test_parse_is_pure_and_needs_no_start(self) -> None:
        async def play(carrier: Carrier) -> None:
            intake, stranger = Intake(), self.make_carrier()
            await carrier.start(intake.deliver)
            await carrier.submit(self.messages(_FEW), Reports().report)
            await self.until(lambda: len(intake.receipts(carrier)) >= _FEW)
            for raw in intake.stored:
                first = list(carrier.parse(raw))
                assert first == list(carrier.parse(raw)) == list(stranger.parse(raw))

        self._run(play)

    def test_parse_refuses_garbage(self) -> None:
        carrier = self.make_carrier()
        for raw in self.garbage:
            assert is_refused(carrier, raw), f"{raw[:40]!r} was read as a callback"

    # Hostile callbacks: `law` checks the results

    def spoil(self, good: ValidCallback) -> Iterable[CorruptCallback]:
        """Return corrupt variants of a valid callback, each with one fault."""
        return spoil(good)

    def test_the_good_callbacks_are_good(self) -> None:
        carrier = self.make_carrier()
        for good in self.callbacks:
            said = carrier.parse(good.raw)
            assert said, good
            assert all(isinstance(each, Receipt | Reply) for each in said), said
            assert not any(map(flaw, said)), said

    def test_what_is_wrong_with_one_thing_costs_no_other(self) -> None:
        carrier = self.make_carrier()
        for good in self.callbacks:
            for spoiled in self.spoil(good):
                wrong = fault(carrier, spoiled)
                assert wrong is None, f"{spoiled.what}: {wrong}"

    def test_the_callbacks_of_the_peer_may_come_broken(self) -> None:
        async def play(carrier: Carrier) -> None:
            intake = Intake()
            await carrier.start(intake.deliver)
            await carrier.submit(self.messages(1), Reports().report)
            await self.until(lambda: bool(intake.stored))
            for spoiled in self.spoil(ValidCallback(raw=intake.stored[0])):
                wrong = fault(carrier, spoiled)
                assert wrong is None, f"{spoiled.what}: {wrong}"

        self._run(play)

    def test_a_request_that_proves_nothing_is_refused_and_breaks_nothing(self) -> None:
        carrier = self.make_carrier()
        if not isinstance(carrier, HearsCallbacks):
            raise unittest.SkipTest("this carrier hears nothing by HTTP")
        bodies = [each.raw.split(b"\n", 2)[-1] for each in self.callbacks]
        for request in odd_requests(bodies):
            try:
                answer = carrier.read_callback(request)
            except CarrierTrouble:
                continue
            assert (answer.status, list(answer.raws)) == (HTTPStatus.UNAUTHORIZED, []), request

    def test_a_text_is_never_a_strangers(self) -> None:
        carrier = self.make_carrier()
        for good in self.callbacks:
            for reply in carrier.parse(good.raw):
                if not isinstance(reply, Reply):
                    continue
                for written, sender in addresses(reply.sender):
                    found = senders(carrier, good, reply.sender, written)
                    assert found <= {sender, None}, f"{written} was read as {found}"
                    # A number with a plus is unambiguous.
                    assert found != {None} or not written.startswith("+"), f"{written} is no number"

    def test_a_text_that_no_handset_wrote_is_set_aside(self) -> None:
        carrier = self.make_carrier()
        for good in self.callbacks:
            replies = [each for each in carrier.parse(good.raw) if isinstance(each, Reply)]
            for reply, written in product(replies, ("22395", "SENDRAIL")):
                raw = from_another(good, reply.sender, written)
                if raw is not None:
                    said = Counter(map(type, said_of(carrier, raw)))
                    assert said[Reply] < len(replies), f"{written} was read as a number"
                    assert said[IgnoredPart], f"a text of {written} is gone"

    # Hostile answers: `hostile_answers` checks the results

    def test_a_broken_answer_sends_nothing_again_and_costs_no_neighbour(self) -> None:
        carrier = self.make_carrier()
        if not isinstance(carrier, HttpCarrier):
            raise unittest.SkipTest("this carrier submits by another protocol")
        for good in self.answers(carrier):
            for spoiled in spoil_answer(good):
                wrong = answer_fault(carrier, good, spoiled)
                assert wrong is None, f"{spoiled.what}: {wrong}"

    # Settings

    def test_a_working_connector_is_checked_without_a_start_and_tells_what_it_saw(self) -> None:
        async def play(carrier: Carrier) -> None:
            assert await carrier.check()

        self._run(play)

    def test_a_wrong_setting_is_named(self) -> None:
        for name, settings in self.wrong_settings:
            trouble = _trouble(partial(self.make_with, settings))
            assert trouble is not None, f"{settings} were taken, though {name} is wrong"
            assert name in trouble.message, f"{name} is not named in: {trouble}"

    def _run(self, play: Callable[[Carrier], Awaitable[None]]) -> None:
        async def within() -> None:
            async with self.peer():
                carrier = self.make_carrier()
                try:
                    await play(carrier)
                finally:
                    await carrier.stop()

        asyncio.run(within())


def _trouble(act: Callable[[], object]) -> CarrierTrouble | None:
    try:
        act()
    except CarrierTrouble as trouble:
        return trouble
    return None

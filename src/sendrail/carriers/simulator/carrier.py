"""The simulator: a carrier whose recipients' numbers select the result, by `numbers.MAGIC`.

It passes the conformance suite, and is fast enough for benchmarks: it has one task and one timer
for a batch, not for each ordinary recipient. Callbacks that are still due when it stops are lost.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Annotated, Any, Final

import msgspec

from sendrail.carriers.sdk import ConnectorContext, Deliver, Report, about, read_settings
from sendrail.carriers.simulator import wire
from sendrail.carriers.simulator.courier import CallbackScheduler
from sendrail.carriers.simulator.handsets import HandsetLog
from sendrail.carriers.simulator.numbers import (
    BEHAVIOURS,
    ORDINARY,
    NumberBehaviour,
    SimulatedReceipt,
)
from sendrail.domain import phone, sender_ids
from sendrail.domain.delivery import Failed, OutboundMessage, Outcome, Submitted, Uncertain
from sendrail.domain.ids import MessageId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.receipt import Callback

_AGAIN_AFTER_MS: Final = 1_000
_STOPPED: Final = Failed("the simulator is not running")
_Delay = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a simulator connector; delays are in milliseconds."""

    receipt_delay_ms: Annotated[_Delay, about("Time from the answer to the receipt.")] = 50
    answer_delay_ms: Annotated[_Delay, about("Time from the submit to its answer.")] = 0
    handsets: Annotated[
        Annotated[str, msgspec.Meta(min_length=1)] | None,
        about(
            "Path of a Unix stream socket to which every message that reaches a handset is written."
        ),
    ] = None


class SimulatorCarrier:
    """A connector that reaches no network.

    `time_scale` stretches or shortens every delay, so that a test need not wait for slow numbers.
    """

    Settings = SimulatorSettings

    def __init__(
        self,
        settings: Mapping[str, Any],
        context: ConnectorContext | None = None,
        *,
        time_scale: float = 1.0,
    ) -> None:
        del context  # It has no outside connection and gets no callbacks by HTTP.
        chosen = read_settings("simulator", settings, SimulatorSettings)
        self._scale = time_scale
        self._receipt_delay = self._seconds(chosen.receipt_delay_ms)
        self._answer_delay = self._seconds(chosen.answer_delay_ms)
        self._handsets = None if chosen.handsets is None else HandsetLog(chosen.handsets)
        # Random, because references from before a restart may still be in use.
        self._prefix = secrets.token_hex(6)
        self._references = count(1)
        # Each number's position in its `first`; only numbers of the table are in here.
        self._turns: dict[PhoneNumber, int] = {}
        self._courier: CallbackScheduler | None = None
        self._under_way = 0
        self._all_answered = asyncio.Event()
        self._all_answered.set()

    async def start(self, deliver: Deliver) -> None:
        """Begin to accept messages, and connect to the handset log if one is configured."""
        if self._courier is not None:
            return
        self._courier = CallbackScheduler(deliver, again_after=self._seconds(_AGAIN_AFTER_MS))
        if self._handsets is not None:
            self._handsets.connect()

    async def submit(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Write to the handset log, and report each outcome when its answer is due."""
        if self._courier is None:
            for message in messages:
                report(message, _STOPPED)
            return
        self._under_way += 1
        self._all_answered.clear()
        try:
            await self._submit(messages, report, self._courier)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._all_answered.set()

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse one raw callback into receipts and replies."""
        return wire.parse(raw)

    async def check(self) -> str:
        """Return that there are no credentials to try."""
        return "The simulator is part of Sendrail and always there."

    async def stop(self) -> None:
        """Finish the submits under way; receipts and replies still due are dropped."""
        courier, self._courier = self._courier, None
        if courier is None:
            return
        await self._all_answered.wait()
        await courier.close()
        if self._handsets is not None:
            self._handsets.close()

    async def _submit(
        self, messages: Sequence[OutboundMessage], report: Report, courier: CallbackScheduler
    ) -> None:
        ordinary: list[OutboundMessage] = []
        magic: list[tuple[OutboundMessage, NumberBehaviour, Outcome | None]] = []
        for message in messages:
            behaviour = BEHAVIOURS.get(message.recipient)
            if behaviour is None:
                ordinary.append(message)
            else:
                magic.append((message, behaviour, self._answer(message.recipient, behaviour)))

        if self._handsets is not None:
            refused = {message.message_id for message, _, answer in magic if not _rings(answer)}
            rung = [message for message in messages if message.message_id not in refused]
            lost = _tail(rung, await self._handsets.ring(rung))
            for message, outcome in lost.values():
                report(message, outcome)
            ordinary = [message for message in ordinary if message.message_id not in lost]
            magic = [play for play in magic if play[0].message_id not in lost]

        async with asyncio.TaskGroup() as plays:
            for message, behaviour, answer in magic:
                plays.create_task(self._play(message, behaviour, answer, report, courier))
            await self._take(ordinary, report, courier)

    def _answer(self, number: PhoneNumber, behaviour: NumberBehaviour) -> Outcome | None:
        turn = self._turns.pop(number, 0)
        if turn == len(behaviour.first):
            return behaviour.answer
        self._turns[number] = turn + 1
        return behaviour.first[turn]

    async def _take(
        self, messages: Sequence[OutboundMessage], report: Report, courier: CallbackScheduler
    ) -> None:
        """Answer ordinary messages: all at once, with one timer for all their receipts."""
        if not messages:
            return
        # Yields also without a delay: a caller that submits without a pause must not starve other
        # tasks.
        await asyncio.sleep(self._answer_delay)
        submitted = [(self._reference(), message.message_id) for message in messages]
        for message, (ref, _) in zip(messages, submitted, strict=True):
            report(message, Submitted(ref))
        for word in ORDINARY.receipts:
            callbacks = wire.receipts(submitted, word.status, word.detail)
            courier.bring(callbacks, after=self._receipt_delay + self._seconds(word.after_ms))

    async def _play(
        self,
        message: OutboundMessage,
        behaviour: NumberBehaviour,
        answer: Outcome | None,
        report: Report,
        courier: CallbackScheduler,
    ) -> None:
        """Answer one message as the table says."""
        ref, rings = self._reference(), _rings(answer)
        if rings and behaviour.early:
            await courier.bring_now([_receipt(ref, message, word) for word in behaviour.early])
        await asyncio.sleep(self._answer_delay + self._seconds(behaviour.answer_ms))
        report(message, Submitted(ref) if answer is None else answer)
        if rings:
            for after_ms, callback in _callbacks(ref, message, behaviour):
                after = self._receipt_delay + self._seconds(after_ms)
                courier.bring([callback], after=after)

    def _reference(self) -> str:
        return f"{self._prefix}-{next(self._references)}"

    def _seconds(self, milliseconds: int) -> float:
        return milliseconds * self._scale / 1_000


def _rings(answer: Outcome | None) -> bool:
    """Return whether a message with this outcome reaches its handset."""
    return answer is None or isinstance(answer, Uncertain)


def _tail(
    messages: Sequence[OutboundMessage], outcomes: Sequence[Outcome]
) -> dict[MessageId, tuple[OutboundMessage, Outcome]]:
    """Pair the outcomes with the last messages."""
    last = messages[len(messages) - len(outcomes) :]
    return {
        message.message_id: (message, outcome)
        for message, outcome in zip(last, outcomes, strict=True)
    }


def _receipt(ref: str, message: OutboundMessage, word: SimulatedReceipt) -> bytes:
    reported_ref = ref if word.known else f"nobodys-{ref}"
    reported_id = message.message_id if word.echo else None
    [callback] = wire.receipts([(reported_ref, reported_id)], word.status, word.detail)
    return callback


def _callbacks(
    ref: str, message: OutboundMessage, behaviour: NumberBehaviour
) -> Iterator[tuple[int, bytes]]:
    """Yield the callbacks after the answer: each one's delay and bytes."""
    if behaviour.noise:
        yield 0, behaviour.noise
    for word in behaviour.receipts:
        yield word.after_ms, _receipt(ref, message, word)
    # A handset cannot write to a name.
    if behaviour.replies and sender_ids.destination(phone.show(message.sender)) is None:
        return
    for text in behaviour.replies:
        yield text.after_ms, wire.reply(message, text.body)

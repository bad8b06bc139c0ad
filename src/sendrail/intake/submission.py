"""What is offered to the intake at one time: one caller, its orders, and where the answer goes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId
from sendrail.domain.order import Fault, Order
from sendrail.intake.verdicts import SubmissionResult, Verdict
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.idempotency import KeptAnswer

# A status and a body, as the API answers.
Shaped = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of a request, with what must be the same whenever the key comes again."""

    key: str
    route: str
    body_digest: bytes

    def misuse(self, kept: KeptAnswer) -> InvalidInput | None:
        """Return the error where the kept answer is that of another request."""
        if (kept.route, kept.body_digest) == (self.route, self.body_digest):
            return None
        return InvalidInput(
            "The idempotency key was used before with another request.",
            code="idempotency_key_reused",
        )


class Submission:
    """One or many orders of one caller.

    `caller` is the digest of an API key, or the id of an account whose caller is known already. A
    fault among the orders is kept in its place: what was wrong is returned only to an authorized
    caller.
    """

    __slots__ = ("caller", "idempotency", "orders")

    # Whether it is judged in a group of its own; see `LoneSubmission`.
    is_alone: ClassVar[bool] = False
    # Whether its verdicts name the public ids of messages; to make one costs as much as to judge.
    shows_ids: ClassVar[bool] = True

    def __init__(
        self,
        caller: bytes | AccountId,
        orders: Sequence[Order | Fault],
        idempotency: IdempotencyKey | None = None,
    ) -> None:
        self.caller = caller
        self.orders = orders
        self.idempotency = idempotency

    def resolve(self, result: SubmissionResult) -> None:
        """Answer the caller; called once, when what the result says is durable."""
        raise NotImplementedError

    def shape(self, verdicts: Sequence[Verdict]) -> Shaped:
        """Return the answer to these verdicts, to be stored under the idempotency key."""
        raise NotImplementedError


class AwaitedSubmission(Submission):
    """A submission whose caller awaits `future` in a task."""

    __slots__ = ("future",)

    def __init__(
        self,
        caller: bytes | AccountId,
        orders: Sequence[Order | Fault],
        idempotency: IdempotencyKey | None = None,
    ) -> None:
        super().__init__(caller, orders, idempotency)
        self.future: asyncio.Future[SubmissionResult] = asyncio.get_running_loop().create_future()

    def resolve(self, result: SubmissionResult) -> None:
        """Resolve the future, unless its task was cancelled meanwhile."""
        if not self.future.done():
            self.future.set_result(result)


class LoneSubmission(AwaitedSubmission):
    """A submission with a group of its own, and two hooks in the transaction that judges it.

    For a source of orders whose position moves with what it caused, or not at all: a page of a
    campaign, a round of a journey. What a hook writes, the messages and the queue are durable
    together. When a hook raises, all of that is undone, the submission is resolved with the error,
    and no other submission notices. Both hooks run again when the transaction is retried, so they
    change nothing but rows and the submission itself, and `prepare` sets what it fills anew.

    It has no idempotency key: `prepare` sees to it that a page is not judged twice.
    """

    __slots__ = ()

    is_alone = True
    # It knows messages by their numbers.
    shows_ids = False
    # Whether a power cut must not undo what became of it; see `Store.submit`.
    is_synced = True

    def __init__(self, caller: bytes | AccountId, orders: Sequence[Order | Fault] = ()) -> None:
        super().__init__(caller, orders)

    def prepare(self, tx: Tx, now: int) -> None:
        """Read and claim what is due, and set `orders` or `caller`; runs before the judging.

        `now` is the time in milliseconds that the messages will bear.
        """

    def settle(self, tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
        """Write what became of the orders, a verdict for each in order; runs after the inserts.

        It does not run where the caller as a whole is turned away.
        """

"""A round of journeys as a submission: its messages are judged in the transaction that moves it."""

from collections.abc import Sequence

from sendrail.domain.campaign_run import shown_send
from sendrail.domain.errors import SendrailError
from sendrail.domain.ids import AccountId
from sendrail.domain.order import Order, Refusal
from sendrail.intake.orders import Limits
from sendrail.intake.submission import LoneSubmission
from sendrail.intake.verdicts import Accepted, Verdict
from sendrail.journeys.pace import JourneyPace
from sendrail.journeys.turns import LaneTurns, verdict_of
from sendrail.journeys.writing import OriginMemory
from sendrail.storage.interface import Tx

_NOBODY = AccountId(0)


class NothingDueError(SendrailError):
    """Nothing of a lane is due, or another process has it."""


class AccountSuspendedError(SendrailError):
    """The account of a round may send nothing: its enrolments move without the gate."""


class JourneyRound(LoneSubmission):
    """The turns of one lane that are due, at most so many."""

    __slots__ = (
        "_lane",
        "_limits",
        "_origins",
        "_pace",
        "_turns",
        "claimed",
        "failed",
        "limit",
        "moved",
    )

    def __init__(
        self, lane: int, limit: int, *, limits: Limits, pace: JourneyPace, origins: OriginMemory
    ) -> None:
        super().__init__(_NOBODY)
        self._lane = lane
        self.limit = limit
        self._limits = limits
        self._pace = pace
        self._origins = origins
        self._turns: LaneTurns | None = None
        # How many were due, how many of these had their turn, and how many turns failed.
        self.claimed = 0
        self.moved = 0
        self.failed = 0

    @property
    def is_full(self) -> bool:
        """Whether more may be due."""
        return self.claimed >= self.limit

    def _lane_turns(self, tx: Tx, now: int) -> LaneTurns:
        return LaneTurns(tx, self._limits, self._pace, self._origins, now)

    def prepare(self, tx: Tx, now: int) -> None:
        """Claim what is due, and ask for the messages that come of it."""
        turns = self._turns = self._lane_turns(tx, now)
        self.orders = turns.take(self._lane, self.limit)
        if not turns.claimed:
            raise NothingDueError("nothing is due in the lane")
        if turns.ground is None:
            raise AccountSuspendedError("the journeys of these are gone")
        if not turns.ground.account_is_active:
            raise AccountSuspendedError("the account is suspended")
        self.caller = turns.ground.sender.account_id

    def settle(self, tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
        """Write where each contact is now, and what that took."""
        turns = self._turns
        assert turns is not None, "it was prepared"
        codes = [None if isinstance(each, Accepted) else each.code for each in verdicts]
        numbers = [each.number if isinstance(each, Accepted) else None for each in verdicts]
        turns.finish([verdict_of(code) for code in codes], numbers)
        assert turns.ground is not None, "it was prepared"
        if turns.ground.has_campaigns:
            self._note_sends(tx, turns.ground.sender.account_id, verdicts, now)
        self.claimed, self.failed = turns.claimed, turns.failed
        self.moved = turns.moved

    def learn(self) -> None:
        """Remember what the round has found out; to be called once it is durable."""
        if self._turns is not None:
            self._origins.learn(self._turns.writer.found)

    def _note_sends(
        self, tx: Tx, account_id: AccountId, verdicts: Sequence[Verdict], now: int
    ) -> None:
        """Let the caps of campaigns count who was sent to."""
        accepted = {
            int(order.recipient)
            for order, each in zip(self.orders, verdicts, strict=True)
            if isinstance(order, Order) and isinstance(each, Accepted)
        }
        tx.run_pages.note_sends(account_id, sorted(accepted), shown_send(now))

    def without_gate(self, tx: Tx, now: int) -> int:
        """Move what is due where nothing may be sent; return how many had their turn."""
        turns = self._lane_turns(tx, now)
        orders = turns.take(self._lane, self.limit)
        refused = [Refusal.ACCOUNT_SUSPENDED.value] * len(orders)
        turns.finish(refused, [None] * len(orders))
        self.claimed, self.failed = turns.claimed, turns.failed
        return turns.moved

    def put_off(self, tx: Tx, now: int, error: Exception) -> int:
        """Put off what this round was to move, at which it broke; return how many that were."""
        turns = self._lane_turns(tx, now)
        put_off = turns.put_off(self._lane, self.limit, error)
        self.failed = turns.failed
        return put_off

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
from sendrail.storage.interface import Tx

_NOBODY = AccountId(0)


class NothingDueError(SendrailError):
    """Nothing of a lane is due, or another process has it."""


class AccountSuspendedError(SendrailError):
    """The account of a round may send nothing: its enrolments move without the gate."""


class JourneyRound(LoneSubmission):
    """The turns of one lane that are due, at most so many."""

    __slots__ = ("_lane", "_limit", "_limits", "_pace", "_turns", "is_full", "moved")

    def __init__(self, lane: int, limit: int, *, limits: Limits, pace: JourneyPace) -> None:
        super().__init__(_NOBODY)
        self._lane = lane
        self._limit = limit
        self._limits = limits
        self._pace = pace
        self._turns: LaneTurns | None = None
        # Whether more may be due, and how many had their turn.
        self.is_full = False
        self.moved = 0

    def prepare(self, tx: Tx, now: int) -> None:
        """Claim what is due, and ask for the messages that come of it."""
        turns = self._turns = LaneTurns(tx, self._limits, self._pace, now)
        self.orders = turns.take(self._lane, self._limit)
        if not turns.claimed:
            raise NothingDueError("nothing is due in the lane")
        if turns.account_id is None:
            raise AccountSuspendedError("the lists of these are gone")
        caller = tx.gate.accounts([turns.account_id]).get(turns.account_id)
        if caller is None or not caller.active:
            raise AccountSuspendedError("the account is suspended")
        self.caller = turns.account_id

    def settle(self, tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
        """Write where everybody is now, and what that took."""
        turns = self._turns
        assert turns is not None, "it was prepared"
        codes = [None if isinstance(each, Accepted) else each.code for each in verdicts]
        numbers = [each.number if isinstance(each, Accepted) else None for each in verdicts]
        turns.finish([verdict_of(code) for code in codes], numbers)
        self._note_sends(tx, verdicts, now)
        self.is_full = turns.claimed >= self._limit
        self.moved = turns.moved

    def _note_sends(self, tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
        """Let the caps of campaigns count who was sent to."""
        assert self._turns is not None, "it was prepared"
        assert self._turns.account_id is not None, "it was prepared"
        accepted = {
            int(order.recipient)
            for order, each in zip(self.orders, verdicts, strict=True)
            if isinstance(order, Order) and isinstance(each, Accepted)
        }
        tx.run_pages.note_sends(self._turns.account_id, sorted(accepted), shown_send(now))

    def without_gate(self, tx: Tx, now: int) -> int:
        """Move what is due where nothing may be sent; return how many had their turn."""
        turns = LaneTurns(tx, self._limits, self._pace, now)
        orders = turns.take(self._lane, self._limit)
        refused = [Refusal.ACCOUNT_SUSPENDED.value] * len(orders)
        turns.finish(refused, [None] * len(orders))
        self.is_full = turns.claimed >= self._limit
        return turns.moved

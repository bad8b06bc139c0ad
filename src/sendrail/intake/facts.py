"""The facts of a group: its orders in one line, and what the gate looks up, read once."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.domain.ids import AccountId
from sendrail.domain.order import Fault, Order, Refusal
from sendrail.domain.sender import SendingList
from sendrail.intake.submission import Submission
from sendrail.intake.verdicts import Refused, Verdict
from sendrail.storage.interface import Tx
from sendrail.storage.pipeline.gate import Caller, GateQuery, KnownContact

_UNKNOWN: Final = Caller(AccountId(0), active=False, blocked_words="")
# The list of a query whose orders name none.
_NO_LIST: Final = 0
# Stands in a result until the order's verdict does.
_UNDECIDED: Final[Verdict] = Refused("undecided", "Not judged yet")


class SenderFacts:
    """One caller at one list: what all their orders of a group share, read once."""

    __slots__ = ("caller", "destinations", "has_words", "known", "recipients", "sender", "usual")

    def __init__(self) -> None:
        self.caller = _UNKNOWN
        self.sender: SendingList | None = None
        self.recipients: list[int] = []
        self.known: dict[int, KnownContact] = {}
        # Whether there are words that no text may contain.
        self.has_words = False
        # The gate's decision, by skip flags, on an order of which nothing in particular is known.
        self.usual: dict[int, Refusal | None] = {}
        # The ids of URLs that messages share; others stand in their message's own row.
        self.destinations: dict[str, str] = {}


Callers = Mapping[bytes | int, Caller]
FactsBySender = Mapping[tuple[bytes | int, int], SenderFacts]
# An order in line: where its verdict goes, what it shares with its like, and the order itself.
InLine = tuple[list[Verdict], int, SenderFacts, Order]


class GroupOrders(NamedTuple):
    """The orders of a group in one line, with room for their verdicts.

    A fault has its verdict already; its code stands in `faults` beside the position of the
    submission it belongs to.
    """

    line: list[InLine]
    by_sender: FactsBySender
    verdicts: list[list[Verdict]]
    faults: list[tuple[int, str]]


def line_up(submissions: Sequence[Submission]) -> GroupOrders:
    """Put the orders of all submissions in one line."""
    line: list[InLine] = []
    by_sender: dict[tuple[bytes | int, int], SenderFacts] = {}
    verdicts: list[list[Verdict]] = []
    faults: list[tuple[int, str]] = []
    # Most orders have the caller and the list of the one before.
    last: tuple[bytes | int, int] | None = None
    facts = SenderFacts()
    for which, submission in enumerate(submissions):
        who, orders = submission.caller, submission.orders
        room = [_UNDECIDED] * len(orders)
        verdicts.append(room)
        for at, order in enumerate(orders):
            if isinstance(order, Fault):
                faults.append((which, order.code))
                room[at] = Refused(order.code, order.text, order.param)
                continue
            if (place := (who, order[1])) != last:
                last = place
                if (known := by_sender.get(place)) is None:
                    known = by_sender[place] = SenderFacts()
                facts = known
            facts.recipients.append(order[0])
            line.append((room, at, facts, order))
    return GroupOrders(line, by_sender, verdicts, faults)


def read_facts(
    tx: Tx, submissions: Sequence[Submission], by_sender: FactsBySender, now: int
) -> Callers:
    """Read what the gate looks up into `by_sender`; return the callers that are known."""
    placeless = {each.caller for each in submissions} - {who for who, _ in by_sender}
    asked = [GateQuery(*place, facts.recipients) for place, facts in by_sender.items()]
    asked += [GateQuery(who, _NO_LIST, ()) for who in placeless]
    callers: dict[bytes | int, Caller] = {}
    for (who, list_number, _), (caller, sender, known) in zip(
        asked, tx.gate.find(asked, now), strict=True
    ):
        if caller is not None:
            callers[who] = caller
            if facts := by_sender.get((who, list_number)):
                facts.caller, facts.sender, facts.known = caller, sender, known
    return callers

"""What makes messages of the orders that pass, between the intake and its two acceptors."""

from collections.abc import Sequence
from typing import Protocol

from sendrail.intake.facts import InLine
from sendrail.intake.judge import Judge
from sendrail.storage.interface import Tx


class Ticket(Protocol):
    """What an acceptor holds in memory for one line of orders, until its transaction ends."""

    # How many messages there are of it.
    accepted: int

    def keep(self) -> None:
        """Keep what accepting changed in memory: the transaction is durable."""
        ...

    def undo(self) -> None:
        """Forget what accepting changed in memory: the transaction failed, or is undone now."""
        ...


class Acceptor(Protocol):
    """Numbers and inserts what passes the judge, and knows what was accepted lately.

    How that is done depends on how many processes accept: see `local.py` and `cluster.py`.
    """

    def fill_window(self, tx: Tx, now: int) -> None:
        """Learn of the messages of the duplicate window, so that no request waits for it."""
        ...

    def accept(self, tx: Tx, line: Sequence[InLine], judge: Judge, now: int) -> Ticket:
        """Put each order's verdict in its place, and insert what has become a message.

        `now` is a time in milliseconds. Returns a ticket, to be kept or undone once; what raises
        instead has undone itself.
        """
        ...

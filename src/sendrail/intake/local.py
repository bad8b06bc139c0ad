"""Accepting where one process does: numbers in blocks, the duplicate window in memory."""

from collections.abc import Callable, Sequence
from typing import Final

from sendrail.domain.ids import MessageIds, MessageNumber
from sendrail.intake.duplicates import DuplicateWindow, fingerprint
from sendrail.intake.service import Group, InLine, Intake
from sendrail.intake.verdicts import Accepted
from sendrail.storage.interface import Store, Tx
from sendrail.telemetry import Metrics

# Message numbers reserved at a time by whoever accepts one message after another.
_BLOCK: Final = 1024


class LocalIntake(Intake):
    """Judges and queues, as the only process that does so for long."""

    def __init__(
        self,
        store: Store,
        ids: MessageIds,
        metrics: Metrics,
        *,
        now: Callable[[], int],
        window: DuplicateWindow,
        blocked_words: str,
        waiting_max: int,
    ) -> None:
        super().__init__(
            store, ids, metrics, now=now, blocked_words=blocked_words, waiting_max=waiting_max
        )
        self._clock = now
        self._window = window
        # The first number not yet in the window; None until the window is filled from the rows.
        self._next: int | None = None
        # The last number of our block, if we have one.
        self._until: int | None = None
        # Where both stood before a group, and which one that was.
        self._before: tuple[Group | None, int | None, int | None] = (None, None, None)

    def fill_window(self, tx: Tx) -> None:
        """Read the messages of the duplicate window, so that no request waits for it."""
        self._window.open(self._clock())
        self._remember_rows(tx, tx.local.first_since(self._clock() - self._window.length_ms))

    def keep(self, group: Group) -> None:
        """Let go of the group: what it has changed in memory is there already."""
        if self._before[0] is group:
            self._before = (None, None, None)

    def take_back(self, group: Group) -> None:
        """Forget what a transaction that failed has changed in memory."""
        for key, earlier in reversed(group.remembered):
            self._window.take_back(key, earlier)
        before, following, until = self._before
        if before is group:
            # The numbers given out are free again.
            self._next, self._until = following, until

    def judge_line(self, tx: Tx, line: Sequence[InLine], group: Group, now: int) -> None:
        """Say of each order what it came to, and insert what has become a message."""
        self._before = (group, self._next, self._until)
        swap, remember, keep = self._window.swap, group.remembered.append, group.rows.append
        first = self._reserve(tx, len(line), now)
        names = self.ids.show_run(first, len(line))
        for number, name, (told, at, facts, order) in zip(
            range(first, first + len(line)), names, line, strict=True
        ):
            recipient, _, body, skips, metadata, encoding, segments = order
            sender = facts.sender
            key = earlier = 0
            if sender is not None:
                key = fingerprint(sender.id, recipient, body)
                earlier = swap(key, number, now)
                remember((key, earlier))
            if earlier or recipient in facts.known or skips not in facts.usual:
                refusal = self.judge(facts, order, earlier)
            else:
                # To the gate, orders of which nothing in particular is known are all alike.
                refusal = facts.usual[skips]
            if refusal is not None or sender is None:
                if key:
                    group.remembered.pop()
                    self._window.take_back(key, earlier)
                told[at] = self.refuse(refusal, earlier, group)
                continue
            told[at] = Accepted(name)
            keep(
                (
                    number, sender.lane, sender.account_id, sender.id, recipient, now,
                    skips, segments, encoding, body,
                    "" if metadata is None else metadata.decode(),
                )
            )  # fmt: skip
        tx.messages.insert(group.rows)

    def _reserve(self, tx: Tx, wanted: int, now: int) -> MessageNumber:
        """Take numbers, and learn of messages that another process accepted meanwhile.

        Numbers are reserved in blocks, so that most groups need not write the counter. Whatever
        of a block is left is given up as soon as anybody else has reserved: numbers grow with
        time, whoever gives them out.
        """
        self._window.open(now)
        if self._next is None:
            self._remember_rows(tx, tx.local.first_since(now - self._window.length_ms))
            first, self._until = self._reserve_anew(tx, wanted)
        elif self._until is None or tx.local.reserved() != self._until:
            self._remember_rows(tx, self._next)
            first, self._until = self._reserve_anew(tx, wanted)
        elif self._next + wanted - 1 > self._until:
            first, self._until = self._reserve_anew(tx, max(wanted, _BLOCK))
        else:
            first = MessageNumber(self._next)
        self._next = first + wanted
        return first

    def _reserve_anew(self, tx: Tx, count: int) -> tuple[MessageNumber, int]:
        first = tx.local.reserve(count)
        return first, first + count - 1

    def _remember_rows(self, tx: Tx, first: int) -> None:
        self._next = first
        if self._window.length_ms:
            for number, created_at, list_id, recipient, body in tx.local.recent(first):
                self._window.swap(fingerprint(list_id, recipient, body), number, created_at)
                self._next = number + 1

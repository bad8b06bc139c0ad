"""Carriers' callbacks: kept raw, read, and applied to their messages."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sendrail.domain.ids import lane_in, lane_of
from sendrail.domain.message import Status
from sendrail.storage.driver import Driver, Row, Rows
from sendrail.storage.pipeline.outbox import Outbox
from sendrail.storage.rows import (
    ParkedReceipt,
    PartReceipt,
    RawCallback,
    ReceiptTarget,
    StatusChange,
    parked_receipt,
)
from sendrail.storage.templates import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxTexts:
    """The statements of `Inbox`; what is written row by row takes its lane first."""

    put: Statement
    again: Statement
    remove: Statement
    targets: Statement
    attempted: Statement
    apply: Statement
    note_part: Statement
    parts_left: Statement
    park: Statement
    parked: Statement
    unpark: Statement
    forget_parked: Statement


class Inbox(ABC):
    """Carriers' callbacks: kept raw, applied afterwards."""

    def __init__(self, driver: Driver, texts: InboxTexts, outbox: Outbox) -> None:
        self._driver = driver
        self._texts = texts
        self._outbox = outbox

    # Kept raw

    def put(self, connector_id: int, raws: Sequence[bytes], now: int) -> None:
        lane = lane_of(connector_id)
        self._driver.each(self._texts.put, [(lane, connector_id, now, raw) for raw in raws])

    def take(self, limit: int, bytes_max: int, but_of: Collection[int] = ()) -> list[RawCallback]:
        """Return the oldest callbacks, at least one if there is any, within both bounds.

        Those `but_of` some connectors stay where they are.
        """
        taken, size = [], 0
        for row in self._oldest(limit, but_of):
            taken.append(RawCallback(*row))
            size += len(row[3])
            if size > bytes_max:
                break
        return taken

    @abstractmethod
    def _oldest(self, limit: int, but_of: Collection[int]) -> Iterable[Row]:
        """Return at most so many of the oldest callbacks, in the order in which they came."""

    def again(self, ids: Sequence[int]) -> list[RawCallback]:
        """Return callbacks that were taken before, as far as they are still there."""
        rows = self._driver.rows_by_id(self._texts.again, ids)
        return sorted(RawCallback(*row) for row in rows)

    def remove(self, ids: Sequence[int]) -> None:
        self._driver.each(self._texts.remove, [(lane_in(each), each) for each in ids])

    # Applied

    @abstractmethod
    def targets_by_ref(
        self, refs: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], ReceiptTarget]:
        """Return the messages that carriers mean by these (connector, reference), locked."""

    def targets_by_number(
        self, numbers: Iterable[int]
    ) -> dict[int, tuple[ReceiptTarget, set[int]]]:
        """Return messages, locked, each with the connectors that it has left by."""
        wanted = list(numbers)
        found = {
            number: (
                ReceiptTarget(number, lane, Status(status)),
                set[int]() if connector_id is None else {connector_id},
            )
            for number, lane, status, _, connector_id in self._targets(wanted)
        }
        for number, connector_id in self._driver.rows_by_id(self._texts.attempted, wanted):
            if number in found:
                found[number][1].add(connector_id)
        return found

    def _targets(self, numbers: Iterable[int]) -> Rows:
        return self._driver.rows_by_id(self._texts.targets, sorted(set(numbers)))

    def apply(self, changes: Sequence[StatusChange]) -> None:
        if changes:
            with self._outbox.ending(each.number for each in changes):
                # Where one message has several changes, the last is the one that counts.
                last = {each.number: each for each in changes}
                self._driver.each(
                    self._texts.apply,
                    [
                        (
                            each.lane, each.number, each.status, each.detail, each.ended_at,
                            each.provider_detail,
                        )
                        for each in last.values()
                    ],
                )  # fmt: skip

    def note_parts(self, receipts: Sequence[PartReceipt]) -> None:
        """Note receipts for parts; each part's counts once."""
        self._driver.each(
            self._texts.note_part,
            [
                (
                    self._driver.lane_of_ref(each.connector_id, each.carrier_ref),
                    each.connector_id,
                    each.carrier_ref,
                )
                for each in receipts
            ],
        )
        left = {each.number: (each.lane, each.number, each.parts_left) for each in receipts}
        self._driver.each(self._texts.parts_left, list(left.values()))

    # Parked, until the message is known that they are for

    def park(self, receipts: Sequence[ParkedReceipt]) -> None:
        self._driver.each(
            self._texts.park,
            [
                (self._driver.lane_of_ref(each.connector_id, each.carrier_ref), *each[1:])
                for each in receipts
            ],
        )

    def parked(self, since: int, limit: int) -> list[ParkedReceipt]:
        """Return the receipts parked since then whose message is known by now."""
        return [parked_receipt(row) for row in self._driver.rows(self._texts.parked, since, limit)]

    def unpark(self, ids: Sequence[int]) -> None:
        self._driver.each(self._texts.unpark, [(lane_in(each), each) for each in ids])

    def forget_parked(self, before: int, limit: int) -> int:
        return self._driver.run(self._texts.forget_parked, before, limit)

"""Carriers' callbacks: kept raw, read, and applied to their messages."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.ids import ConnectorId, lane_in, lane_of
from sendrail.domain.message import Status
from sendrail.storage.driver import Driver, Row, Rows
from sendrail.storage.pipeline.origin_counts import Change, CountedBy, OriginCounts
from sendrail.storage.pipeline.outbox import Outbox
from sendrail.storage.templates import Statement


class RawCallback(NamedTuple):
    """A carrier's callback as it came."""

    id: int
    connector_id: ConnectorId
    received_at: int
    raw: bytes


class ParkedReceipt(NamedTuple):
    """A receipt whose message is not known yet: it overtook the submit's answer, or is a stray."""

    id: int
    connector_id: ConnectorId
    carrier_ref: str
    status: Status | None
    detail: str
    received_at: int
    trouble: RecipientTrouble | None = None


class ReceiptTarget(NamedTuple):
    """The message a receipt is about, and where it stands.

    Where the receipt is about one part of it, `part` of `parts` says which, `noted` whether its
    receipt has come before, and `parts_left` how many parts are still to be delivered.
    """

    number: int
    lane: int
    status: Status
    part: int | None = None
    parts: int = 1
    noted: bool = False
    parts_left: int = 1
    # By what it is counted, and when it was sent at last, where that is at hand.
    counted_by: CountedBy | None = None
    sending_at: int | None = None


class PartReceipt(NamedTuple):
    """A receipt for one part of a message, and how many parts are then still to be delivered."""

    connector_id: ConnectorId
    carrier_ref: str
    number: int
    lane: int
    parts_left: int


class StatusChange(NamedTuple):
    """A receipt's legal move, ready to be written: a word for it, and the carrier's own."""

    status: str
    detail: str
    ended_at: int
    number: int
    lane: int
    provider_detail: str | None = None
    # As it stood before.
    target: ReceiptTarget | None = None


_STATUSES: Final = frozenset(Status)
_TROUBLES: Final = frozenset(RecipientTrouble)


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

    def __init__(
        self, driver: Driver, texts: InboxTexts, outbox: Outbox, counts: OriginCounts
    ) -> None:
        self._driver = driver
        self._texts = texts
        self._outbox = outbox
        self._counts = counts

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
                counted = self._apply(
                    [
                        (
                            each.lane, each.number, each.status, each.detail, each.ended_at,
                            each.provider_detail,
                        )
                        for each in last.values()
                    ],
                    [each.target for each in last.values()],
                )  # fmt: skip
            self._counts.changed(counted)

    @abstractmethod
    def _apply(
        self, changes: Sequence[Row], targets: Sequence[ReceiptTarget | None]
    ) -> Iterable[Change]:
        """Write what receipts change; return what that is of what is counted."""

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


# A look-up takes a fifth of the enum's own time.
_STATUS_OF: Final = {each.value: each for each in Status}


def receipt_target(  # noqa: PLR0917 - a row's columns
    number: int,
    lane: int,
    status: str,
    part: int | None,
    parts: int | None,
    noted: int,
    parts_left: int | None,
    counted_by: CountedBy | None = None,
    sending_at: int | None = None,
) -> ReceiptTarget:
    """Return the message that a reference stands for, or the part of one."""
    if part is None:
        return ReceiptTarget(
            number, lane, _STATUS_OF[status], None, 1, False, 1, counted_by, sending_at
        )
    return ReceiptTarget(
        number, lane, _STATUS_OF[status], part, parts or 1, bool(noted), parts_left or 0,
        counted_by, sending_at,
    )  # fmt: skip


def parked_receipt(row: Sequence[Any]) -> ParkedReceipt:
    """Return a row as a parked receipt."""
    return ParkedReceipt(
        row[0],
        row[1],
        row[2],
        # A status of a newer version settles nothing here, and stops nothing.
        Status(row[3]) if row[3] in _STATUSES else None,
        row[4],
        row[5],
        RecipientTrouble(row[6]) if row[6] in _TROUBLES else None,
    )

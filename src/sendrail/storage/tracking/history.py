"""Imported sends as rows, with their clicks, and what was imported of each contact.

What is imported is counted in `contact_history` and not in the tables of what was counted here: a
first and a last time cannot be taken back from a row that has both.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, func, select

from sendrail.domain.conversion import ConversionSource
from sendrail.domain.erasure import REDACTED
from sendrail.domain.history import HistorySend, HistoryTotals, ImportedSend
from sendrail.domain.ids import AccountId, ListId, OfferId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.driver import Driver
from sendrail.storage.tables import lists
from sendrail.storage.templates import Statement
from sendrail.storage.tracking.earnings import NewEarnings, by_contact
from sendrail.storage.tracking_tables import contact_history, conversions, imported_sends

_send: Final = imported_sends.c


class ImportedClick(NamedTuple):
    """The click on an imported send."""

    send: ImportedSend
    at: int
    offer_id: OfferId


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTexts:
    """The statements of `ImportedHistory` that every row of a file needs."""

    find: Statement
    add: Statement
    click: Statement
    count: Statement


class ImportedHistory:
    """What an account brought from the platform that it came from."""

    def __init__(self, connection: Connection, driver: Driver, texts: HistoryTexts) -> None:
        self._execute = connection.execute
        self._driver = driver
        self._texts = texts

    def hold(self, account_id: AccountId) -> None:
        """Let no other transaction change the account's history until the end of this one."""
        self._driver.lock(f"history {account_id}")

    def find(self, account_id: AccountId, refs: Collection[str]) -> dict[str, ImportedSend]:
        """Return those of the ids of another platform that are known."""
        rows = self._driver.rows(self._texts.find, account_id, self._driver.array(sorted(refs)))
        return {
            ref: ImportedSend(
                id=send_id,
                list_id=ListId(list_id),
                recipient=None if recipient == REDACTED else PhoneNumber(recipient),
                at=at,
                clicked_at=clicked_at,
            )
            for ref, send_id, list_id, recipient, at, clicked_at in rows
        }

    def add(
        self, account_id: AccountId, sends: Sequence[tuple[ListId, HistorySend]], now: int
    ) -> None:
        """Add sends that are not known, each once, and count them; `hold` the account before."""
        self._driver.each(
            self._texts.add,
            [
                (
                    account_id, send.ref, list_id, send.recipient, send.at, send.send_type,
                    send.delivered, send.length, now,
                )
                for list_id, send in sends
            ],
        )  # fmt: skip
        times: dict[tuple[int, int], list[int]] = defaultdict(list)
        for list_id, send in sends:
            times[list_id, send.recipient].append(send.at)
        self._count(
            (*contact, len(some), min(some), max(some), 0, None, 0, 0, None)
            for contact, some in times.items()
        )

    def add_clicks(self, account_id: AccountId, clicks: Sequence[ImportedClick]) -> None:
        """Note the click of sends that have none, each once; `hold` the account before."""
        rows = sorted((account_id, each.send.id, each.at, each.offer_id) for each in clicks)
        self._driver.each(self._texts.click, rows)
        self.add_earned(
            [
                NewEarnings(each.send.list_id, each.send.recipient, clicks=1, clicked_at=each.at)
                for each in clicks
                if each.send.recipient is not None
            ]
        )

    def add_earned(self, earned: Sequence[NewEarnings]) -> None:
        """Add to what was imported of contacts."""
        self._count(
            (
                each.list_id, each.recipient, 0, None, None, each.clicks, each.clicked_at,
                each.conversions, each.revenue, each.earned_at,
            )
            for each in by_contact(earned)
        )  # fmt: skip

    def count_less(self, sends: Sequence[ImportedSend], earned: Sequence[NewEarnings]) -> None:
        """Take sums back that were added; the times stay as they are."""
        rows: list[Sequence[Any]] = [
            (each.list_id, each.recipient, 0, -each.clicks, -each.conversions, -each.revenue)
            for each in by_contact(earned)
        ]
        number_of = Counter((each.list_id, each.recipient) for each in sends)
        rows += [
            (list_id, recipient, -count, 0, 0, 0)
            for (list_id, recipient), count in number_of.items()
            if recipient is not None
        ]
        self._count(
            (list_id, recipient, sent, None, None, clicks, None, conversions, revenue, None)
            for list_id, recipient, sent, clicks, conversions, revenue in _summed(rows)
        )

    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        """Delete what is counted of a person, once imported sends name them no more.

        An import under way, which may have read of them, ends before.
        """
        self.hold(account_id)
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        theirs = (contact_history.c.list_id.in_(own), contact_history.c.recipient == recipient)
        self._execute(delete(contact_history).where(*theirs))

    def forget_before(self, before: int, limit: int) -> int:
        """Delete sends that were imported before a time; what they counted stays."""
        oldest = select(_send.id, _send.created_at).order_by(_send.id).limit(limit)
        gone = [row.id for row in self._execute(oldest) if row.created_at < before]
        if gone:
            self._execute(delete(imported_sends).where(_send.id.in_(gone)))
        return len(gone)

    def totals(self, account_id: AccountId) -> HistoryTotals:
        """Return how much there is; it reads all of it."""
        sends = select(func.count(), func.count(_send.clicked_at)).where(
            _send.account_id == account_id
        )
        earned = select(func.count(), func.coalesce(func.sum(conversions.c.amount), 0)).where(
            conversions.c.account_id == account_id,
            conversions.c.number < 0,
            conversions.c.source == ConversionSource.HISTORY.value,
        )
        sent, clicked = self._execute(sends).one()
        count, revenue = self._execute(earned).one()
        return HistoryTotals(sends=sent, clicks=clicked, conversions=count, revenue=int(revenue))

    def _count(self, rows: Iterable[Sequence[Any]]) -> None:
        # In the order of their keys: who else counts locks them in the same.
        self._driver.each(self._texts.count, sorted(map(tuple, rows)))


def _summed(rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return one row for each contact: a batch that names one twice is not taken everywhere."""
    sums: dict[Sequence[Any], list[int]] = {}
    for list_id, recipient, *counts in rows:
        before = sums.get((list_id, recipient), [0] * len(counts))
        sums[list_id, recipient] = [a + b for a, b in zip(before, counts, strict=True)]
    return [(*contact, *counts) for contact, counts in sums.items()]

"""Imported history taken back: rows in parts, and what they counted for contacts exactly."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, case, delete, func, or_, select, update

from sendrail.domain.conversion import ConversionEvent
from sendrail.domain.erasure import REDACTED
from sendrail.domain.history import HistoryEntity, ImportedSend
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.dialect import batches
from sendrail.storage.row_batches import RowBatch
from sendrail.storage.tables import lists
from sendrail.storage.tracking.earnings import NewEarnings
from sendrail.storage.tracking.history import ImportedHistory
from sendrail.storage.tracking_tables import contact_history, conversions, imported_sends

_send: Final = imported_sends.c
_kept: Final = contact_history.c
_Contact = tuple[ListId, PhoneNumber]
_TAKING_BACK: Final = [each.value for each in ConversionEvent if each.takes_back]
_TIMES: Final = ("first_sent_at", "last_sent_at", "last_clicked_at", "last_revenue_at")

_NOTHING: Final[Mapping[HistoryEntity, Mapping[str, int | None]]] = {
    HistoryEntity.SENDS: {"sends": 0, "first_sent_at": None, "last_sent_at": None},
    HistoryEntity.CLICKS: {"clicks": 0, "last_clicked_at": None},
    HistoryEntity.REVENUE: {"conversions": 0, "revenue": 0, "last_revenue_at": None},
}
_IS_EMPTY: Final = and_(
    *(_kept[name] == 0 for name in ("sends", "clicks", "conversions", "revenue"))
)


class SendPlace(NamedTuple):
    """Where a walk through an account's imported sends stands, list by list."""

    list_id: int = 0
    recipient: int = 0
    send_id: int = 0


class HistoryClearing:
    """Takes back what was imported."""

    def __init__(self, connection: Connection, history: ImportedHistory) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._history = history

    def sends_after(
        self, account_id: AccountId, place: SendPlace, limit: int
    ) -> list[tuple[SendPlace, ImportedSend]]:
        """Return the account's next imported sends behind a place, those of a contact together."""
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        list_id, recipient, send_id = place
        behind = or_(
            _send.list_id > list_id,
            and_(_send.list_id == list_id, _send.recipient > recipient),
            and_(_send.list_id == list_id, _send.recipient == recipient, _send.id > send_id),
        )
        # The first condition by itself finds the place in the index.
        some = select(imported_sends).where(_send.list_id.in_(own), _send.list_id >= list_id)
        some = some.where(behind, _send.account_id == account_id)
        in_order = some.order_by(_send.list_id, _send.recipient, _send.id).limit(limit)
        return [
            (SendPlace(row.list_id, row.recipient, row.id), _imported(row))
            for row in self._execute(in_order)
        ]

    def sends_of(self, account_id: AccountId, ids: Iterable[int]) -> dict[int, ImportedSend]:
        """Return those of the ids that are imported sends of the account."""
        found: dict[int, ImportedSend] = {}
        for some in batches(sorted(set(ids))):
            own = select(imported_sends).where(_send.account_id == account_id, _send.id.in_(some))
            found.update((row.id, _imported(row)) for row in self._execute(own))
        return found

    def remove_sends(self, account_id: AccountId, ids: Collection[int]) -> None:
        """Delete imported sends, and with them their clicks."""
        for some in batches(sorted(ids)):
            own = (_send.account_id == account_id, _send.id.in_(some))
            self._execute(delete(imported_sends).where(*own))

    def remove_clicks(self, account_id: AccountId, ids: Collection[int]) -> None:
        """Let imported sends be without a click again."""
        for some in batches(sorted(ids)):
            own = update(imported_sends).where(_send.account_id == account_id, _send.id.in_(some))
            self._execute(own.values(clicked_at=None, click_offer_id=None))

    def take_back(self, sends: Sequence[ImportedSend], earned: Sequence[NewEarnings]) -> None:
        """Take what was removed from what is counted of its contacts, and date the rest anew.

        `earned` is as it was added.
        """
        self._history.count_less(sends, earned)
        contacts: dict[ListId, set[PhoneNumber]] = defaultdict(set)
        for send in sends:
            if send.recipient is not None:
                contacts[send.list_id].add(send.recipient)
        for each in earned:
            contacts[each.list_id].add(each.recipient)
        for list_id, recipients in contacts.items():
            for some in batches(sorted(recipients)):
                self._date(list_id, some)

    def zero_after(
        self,
        account_id: AccountId,
        place: _Contact,
        entities: Collection[HistoryEntity],
        limit: int,
    ) -> _Contact | None:
        """Let the next contacts behind a place have nothing of some kinds; return the last one.

        For what retention had deleted before it could be taken back row by row.
        """
        own = select(lists.c.id).where(lists.c.account_id == account_id)
        list_id, recipient = place
        behind = or_(
            _kept.list_id > list_id, and_(_kept.list_id == list_id, _kept.recipient > recipient)
        )
        some = select(_kept.list_id, _kept.recipient).where(
            _kept.list_id.in_(own), _kept.list_id >= list_id, behind
        )
        found = self._execute(some.order_by(_kept.list_id, _kept.recipient).limit(limit)).all()
        values = {name: value for each in entities for name, value in _NOTHING[each].items()}
        of_list: dict[ListId, list[int]] = defaultdict(list)
        for row in found:
            of_list[row.list_id].append(row.recipient)
        for each, recipients in of_list.items():
            theirs = (_kept.list_id == each, _kept.recipient.in_(recipients))
            self._execute(update(contact_history).where(*theirs).values(values))
            self._execute(delete(contact_history).where(*theirs, _IS_EMPTY))
        return (ListId(found[-1][0]), PhoneNumber(found[-1][1])) if found else None

    def _date(self, list_id: ListId, recipients: Sequence[PhoneNumber]) -> None:
        """Bring the times of contacts in line with the rows that are left, and drop empty ones.

        Rows that retention has deleted are counted on; then what was there last stays.
        """
        of_list = (_kept.list_id == list_id, _kept.recipient.in_(recipients))
        left = self._times_left(list_id, recipients)
        rows = []
        for row in self._execute(select(contact_history).where(*of_list)):
            times = dict(zip(_TIMES, left.get(row.recipient, (None,) * 4), strict=True))
            counts = (row.sends, row.sends, row.clicks, row.conversions)
            for name, count in zip(_TIMES, counts, strict=True):
                times[name] = (times[name] or getattr(row, name)) if count else None
            rows.append({"of": row.recipient} | {f"new_{name}": at for name, at in times.items()})
        types = {"of": _kept.recipient.type} | {f"new_{name}": _kept[name].type for name in _TIMES}
        batch = RowBatch(self._connection, types, rows)
        one = update(contact_history).where(
            _kept.list_id == list_id, _kept.recipient == batch["of"]
        )
        batch.run(one.values({name: batch[f"new_{name}"] for name in _TIMES}))
        self._execute(delete(contact_history).where(*of_list, _IS_EMPTY))

    def _times_left(
        self, list_id: ListId, recipients: Sequence[PhoneNumber]
    ) -> Mapping[int, Sequence[int | None]]:
        theirs = (_send.list_id == list_id, _send.recipient.in_(recipients))
        sent = select(
            _send.recipient, func.min(_send.at), func.max(_send.at), func.max(_send.clicked_at)
        ).where(*theirs)
        found: dict[int, list[Any]] = {
            row[0]: [row[1], row[2], row[3], None]
            for row in self._execute(sent.group_by(_send.recipient))
        }
        at = case((conversions.c.event.not_in(_TAKING_BACK), conversions.c.at))
        earned = select(_send.recipient, func.max(at)).join(
            conversions,
            and_(
                conversions.c.account_id == _send.account_id,
                conversions.c.number == -_send.id,
                conversions.c.attributed,
            ),
        )
        for recipient, last in self._execute(earned.where(*theirs).group_by(_send.recipient)):
            found[recipient][3] = last
        return found


def _imported(row: Any) -> ImportedSend:
    return ImportedSend(
        id=row.id,
        list_id=ListId(row.list_id),
        recipient=None if row.recipient == REDACTED else PhoneNumber(row.recipient),
        at=row.at,
        clicked_at=row.clicked_at,
    )

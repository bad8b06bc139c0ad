"""Sending lists as rows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select, update

from sendrail.domain import phone, quiet_hours, sender_ids
from sendrail.domain.answer_texts import AnswerTexts
from sendrail.domain.errors import Conflict
from sendrail.domain.frame import Frame, OwnFrame
from sendrail.domain.ids import AccountId, ConnectorId, ListId, lane_of
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.quiet_hours import OpenHours, QuietScope
from sendrail.domain.sender import ListStatus, OnUncertain, SendingList
from sendrail.storage.dialect import batches, insert_new
from sendrail.storage.tables import accounts, lists, sender_owners


@cache
def _hours(text: str | None) -> OpenHours | None:
    return None if text is None else quiet_hours.parse(text)


# A list has a column for each of its fields.
LIST_COLUMNS: Final = tuple(field.name for field in fields(SendingList))
# The same for a statement that calls the table `l`.
JOINED_LIST_COLUMNS: Final = ", ".join(f"l.{name}" for name in LIST_COLUMNS)
_LIST_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "status": ListStatus,
    "on_uncertain": OnUncertain,
    "byoc": bool,
    "frames_sends": bool,
    "quiet_scope": QuietScope,
    "quiet_hours": _hours,
    "has_own_hours": bool,
}
_LISTS: Final = select(*(lists.c[name] for name in LIST_COLUMNS))


class Lists:
    """Sending lists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, account_id: AccountId, number: PhoneNumber, *, now: int, **values: Any) -> ListId:
        """Add an active list with these values of its columns.

        Raises `Conflict` when the account has a list of this number.
        """
        row = insert_new(self._connection, lists).values(
            lane=0,
            account_id=account_id,
            number=number,
            status=ListStatus.ACTIVE,
            created_at=now,
            **values,
        )
        list_id = self._connection.execute(row.returning(lists.c.id)).scalar_one_or_none()
        if list_id is None:
            shown = values.get("sender_name") or phone.show(number)
            raise Conflict(
                f"The account has a list {shown} already.",
                code="list_exists",
                param="list_number",
            )
        # The lane follows from the id, which the database has only just chosen.
        placed = update(lists).where(lists.c.id == list_id).values(lane=lane_of(list_id))
        self._connection.execute(placed)
        return ListId(list_id)

    def all(self, account_id: AccountId, status: ListStatus | None = None) -> list[SendingList]:
        """Return the account's lists of one status, or of any but deleted."""
        wanted = lists.c.status == status if status else lists.c.status != ListStatus.DELETED
        of_account = _LISTS.where(lists.c.account_id == account_id, wanted)
        return self._read(of_account.order_by(lists.c.id))

    def count(self, account_id: AccountId) -> int:
        """Return how many lists the account has, whatever their status."""
        of_account = select(func.count()).where(lists.c.account_id == account_id)
        return int(self._connection.execute(of_account).scalar_one())

    def find(self, account_id: AccountId, number: PhoneNumber) -> SendingList | None:
        """Return the account's list of this number, whatever its status."""
        one = _LISTS.where(lists.c.account_id == account_id, lists.c.number == number)
        return next(iter(self._read(one)), None)

    def find_id(self, account_id: AccountId, list_id: int) -> SendingList | None:
        """Return the account's list of this id, whatever its status."""
        one = _LISTS.where(lists.c.account_id == account_id, lists.c.id == list_id)
        return next(iter(self._read(one)), None)

    def named(
        self, account_id: AccountId, numbers: Collection[PhoneNumber], ids: Collection[int]
    ) -> list[SendingList]:
        """Return the account's lists with one of these numbers or ids, but no deleted one."""
        found: list[SendingList] = []
        for column, wanted in ((lists.c.number, numbers), (lists.c.id, ids)):
            for some in batches(sorted(set(wanted))):
                own = (lists.c.account_id == account_id, lists.c.status != ListStatus.DELETED)
                found += self._read(_LISTS.where(*own, column.in_(some)))
        return found

    def by_number(self, number: PhoneNumber, connector_id: ConnectorId) -> list[SendingList]:
        """Return the lists a reply to this number may mean: a STOP counts on a deleted one too.

        Where the number is an account's on a connector that accounts share, no other account's list
        is meant, whichever had it before.
        """
        anothers = select(sender_owners.c.account_id).where(
            sender_owners.c.connector_id == connector_id,
            sender_owners.c.number == lists.c.number,
            sender_owners.c.account_id != lists.c.account_id,
        )
        meant = _LISTS.where(
            lists.c.number.in_(sender_ids.called(number)),
            or_(lists.c.connector_id == connector_id, lists.c.second_connector_id == connector_id),
            ~anothers.exists(),
        )
        return self._read(meant.order_by(lists.c.id))

    def answer_texts(self, account_id: AccountId, list_id: ListId) -> AnswerTexts:
        """Return how a list answers keywords."""
        one = select(lists).where(lists.c.account_id == account_id, lists.c.id == list_id)
        return _answers(self._connection.execute(one).one())

    def all_answer_texts(self, account_id: AccountId) -> dict[ListId, AnswerTexts]:
        """Return how each list of the account answers keywords."""
        own = (lists.c.answers, lists.c.stop_text, lists.c.start_text, lists.c.help_text)
        of_account = select(lists.c.id, *own).where(lists.c.account_id == account_id)
        return {ListId(row.id): _answers(row) for row in self._connection.execute(of_account)}

    def own_frames(self, account_id: AccountId) -> dict[ListId, OwnFrame]:
        """Return what each list of the account says itself of its frame."""
        own = select(lists.c.id, lists.c.prepend_text, lists.c.append_text)
        of_account = own.where(lists.c.account_id == account_id)
        return {
            ListId(row.id): OwnFrame(row.prepend_text, row.append_text)
            for row in self._connection.execute(of_account)
        }

    def own_frame(self, account_id: AccountId, list_id: ListId) -> OwnFrame:
        """Return what a list says itself of its frame."""
        own = select(lists.c.prepend_text, lists.c.append_text)
        one = own.where(lists.c.account_id == account_id, lists.c.id == list_id)
        return OwnFrame(*self._connection.execute(one).one())

    def frame(self, account_id: AccountId, list_id: ListId) -> Frame:
        """Return the frame of a list's texts: its own, its account's or the default."""
        said = select(
            func.coalesce(lists.c.prepend_text, accounts.c.prepend_text),
            func.coalesce(lists.c.append_text, accounts.c.append_text),
        ).join(accounts, accounts.c.id == lists.c.account_id)
        one = said.where(lists.c.account_id == account_id, lists.c.id == list_id)
        return OwnFrame(*self._connection.execute(one).one()).over(Frame())

    def change(self, account_id: AccountId, list_id: ListId, **values: Any) -> bool:
        changed = (
            update(lists)
            .where(lists.c.account_id == account_id, lists.c.id == list_id)
            .values(**values)
        )
        return self._connection.execute(changed).rowcount > 0

    def inherit_quiet_hours(self, account_id: AccountId, hours: str | None) -> None:
        """Give the account's quiet hours to its lists that have none of their own."""
        inheriting = update(lists).where(
            lists.c.account_id == account_id, lists.c.has_own_hours.is_(False)
        )
        self._connection.execute(inheriting.values(quiet_hours=hours))

    def _read(self, statement: Any) -> list[SendingList]:
        return [sending_list(row) for row in self._connection.execute(statement)]


def _answers(row: Any) -> AnswerTexts:
    return AnswerTexts(
        enabled=row.answers, stop=row.stop_text, start=row.start_text, help=row.help_text
    )


def sending_list(row: Sequence[Any]) -> SendingList:
    """Return what `LIST_COLUMNS` say of a sending list."""
    return _read_list(tuple(row))


@lru_cache(maxsize=1024)
def _read_list(row: tuple[Any, ...]) -> SendingList:
    """Read a row. Each group of orders finds its lists anew, and nearly always unchanged."""
    values: dict[str, Any] = dict(zip(LIST_COLUMNS, row, strict=True))
    for name, read in _LIST_READERS.items():
        values[name] = read(values[name])
    return SendingList(**values)

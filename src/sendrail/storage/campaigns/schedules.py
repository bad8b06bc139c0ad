"""Schedules as rows."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from sendrail.domain.ids import AccountId, ScheduleId, is_object_id
from sendrail.domain.schedule import Schedule, ScheduleStatus, ScheduleTerms
from sendrail.storage.campaign_tables import schedules

_of: Final = schedules.c
_terms: Final = msgspec.json.Decoder(ScheduleTerms).decode
_encode: Final = msgspec.json.Encoder().encode
_TERMS: Final = tuple(field.name for field in fields(ScheduleTerms))


class Schedules:
    """The schedules of accounts."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(self, account_id: AccountId, terms: ScheduleTerms, **values: Any) -> ScheduleId:
        row = insert(schedules).values(account_id=account_id, terms=_text(terms), **values)
        return ScheduleId(self._execute(row.returning(_of.id)).scalar_one())

    def count(self, account_id: AccountId) -> int:
        """Return how many schedules an account has, the archived ones included."""
        all_ = select(func.count()).select_from(schedules).where(_of.account_id == account_id)
        return int(self._execute(all_).scalar_one())

    def by_ref(self, account_id: AccountId, ref: str) -> Schedule | None:
        """Return the account's schedule of a public id."""
        if not is_object_id(ref):
            return None
        one = select(schedules).where(_of.account_id == account_id, _of.ref == ref)
        row = self._execute(one).one_or_none()
        return None if row is None else _schedule(row)

    def find(self, account_id: AccountId, schedule_id: ScheduleId) -> Schedule | None:
        """Return the account's schedule of an id."""
        one = select(schedules).where(_of.account_id == account_id, _of.id == schedule_id)
        row = self._execute(one).one_or_none()
        return None if row is None else _schedule(row)

    def all(self, account_id: AccountId, status: ScheduleStatus | None = None) -> list[Schedule]:
        """Return an account's schedules, newest first: of a status, or all but archived ones."""
        wanted = _of.status != ScheduleStatus.ARCHIVE if status is None else _of.status == status
        found = select(schedules).where(_of.account_id == account_id, wanted)
        return [_schedule(row) for row in self._execute(found.order_by(_of.id.desc()))]

    def change(
        self,
        account_id: AccountId,
        schedule_id: ScheduleId,
        terms: ScheduleTerms | None = None,
        **values: Any,
    ) -> None:
        if terms is not None:
            values["terms"] = _text(terms)
        changed = update(schedules).where(_of.account_id == account_id, _of.id == schedule_id)
        self._execute(changed.values(**values))

    def due(self, now: int, limit: int) -> list[Schedule]:
        """Return schedules of any account whose next run is due, the longest due first."""
        found = select(schedules).where(_of.next_at <= now).order_by(_of.next_at).limit(limit)
        return [_schedule(row) for row in self._execute(found)]

    def move_on(self, schedule: Schedule, last_date: date, next_at: int | None) -> bool:
        """Note the last run that was made, and when the next is due.

        Return False, and change nothing, where the schedule was changed since it was read: another
        process has made the run, or an author has moved its hour.
        """
        same = (
            _of.account_id == schedule.account_id,
            _of.id == schedule.id,
            _of.next_at == schedule.next_at,
            _of.updated_at == schedule.updated_at,
        )
        values = {"last_date": last_date.isoformat(), "next_at": next_at}
        return self._execute(update(schedules).where(*same).values(**values)).rowcount > 0


def _text(terms: ScheduleTerms) -> str:
    """Return what an account says of a schedule as JSON, and nothing else that a schedule has."""
    said: Mapping[str, Any] = {name: getattr(terms, name) for name in _TERMS}
    return _encode(said).decode()


def _schedule(row: Row[Any]) -> Schedule:
    terms = _terms(row.terms)
    said = {name: getattr(terms, name) for name in _TERMS}
    return Schedule(
        **said,
        id=row.id,
        ref=row.ref,
        account_id=row.account_id,
        status=ScheduleStatus(row.status),
        on_since=row.on_since,
        next_at=row.next_at,
        last_date=None if row.last_date is None else date.fromisoformat(row.last_date),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )

"""Callbacks that could not be read or applied: kept whole, looked at, and put back or forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from sendrail.domain.ids import ConnectorId
from sendrail.domain.receipt import CallbackSubject
from sendrail.storage.dialect import batches
from sendrail.storage.message_tables import refused_callbacks
from sendrail.storage.pipeline.inbox import RawCallback
from sendrail.storage.tables import connectors

_refused: Final = refused_callbacks.c
_MAY_BE_TEXT: Final = _refused.about != CallbackSubject.RECEIPT.value
# All but the raw bytes, which a list never needs.
_SHOWN: Final = select(
    _refused.id,
    _refused.received_at,
    _refused.refused_at,
    _refused.size,
    _refused.about,
    _refused.reason,
    connectors.c.name,
    connectors.c.kind,
).select_from(refused_callbacks.outerjoin(connectors, connectors.c.id == _refused.connector_id))


class Refusal(NamedTuple):
    """A callback, or a piece of one, that could not be read or applied, and why."""

    connector_id: ConnectorId
    received_at: int
    raw: bytes
    reason: str
    # What is not surely a receipt may be a handset's text, such as STOP.
    about: CallbackSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCallback:
    """A refused callback as a list shows it; the connector may be gone."""

    id: int
    connector: str | None
    kind: str | None
    received_at: int
    refused_at: int
    size: int
    about: CallbackSubject
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFilter:
    """Which refused callbacks are meant; None means any."""

    connector: str | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedTally:
    """How many callbacks of one connector are kept as refused, and since when they came."""

    connector: str | None
    kind: str | None
    count: int
    # Those that may be handsets' texts.
    texts: int
    first_at: int
    last_at: int
    size: int


_KEEP: Final = insert(refused_callbacks)


class RefusedCallbacks:
    """Callbacks that could not be read or applied."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def keep(self, refusal: Refusal, now: int) -> None:
        row = {**refusal._asdict(), "refused_at": now, "size": len(refusal.raw)}
        # The values beside the statement: to make a statement of them takes thrice as long.
        self._execute(_KEEP, row)

    def page(self, about: RefusedFilter, offset: int, limit: int) -> Sequence[RefusedCallback]:
        """Return refused callbacks, the one refused last first."""
        wanted = _SHOWN.where(*_conditions(about)).order_by(_refused.id.desc())
        return [_shown(row) for row in self._execute(wanted.offset(offset).limit(limit))]

    def find(self, refused_id: int) -> tuple[RefusedCallback, bytes] | None:
        """Return one of them with its raw bytes."""
        wanted = _SHOWN.add_columns(_refused.raw).where(_refused.id == refused_id)
        row = self._execute(wanted).one_or_none()
        return None if row is None else (_shown(row), bytes(row.raw))

    def raw(self, refused_id: int) -> RawCallback | None:
        """Return one as it came, to apply it again."""
        row = self._execute(
            select(_refused.id, _refused.connector_id, _refused.received_at, _refused.raw).where(
                _refused.id == refused_id
            )
        ).one_or_none()
        if row is None:
            return None
        return RawCallback(row.id, ConnectorId(row.connector_id), row.received_at, bytes(row.raw))

    def after(self, refused_id: int, about: RefusedFilter, limit: int) -> Sequence[int]:
        """Return the ids of those behind one, in the order in which they were refused."""
        wanted = select(_refused.id).where(_refused.id > refused_id, *_conditions(about))
        return list(self._execute(wanted.order_by(_refused.id).limit(limit)).scalars())

    def remove(self, ids: Sequence[int]) -> int:
        removed = 0
        for some in batches(ids):
            gone = delete(refused_callbacks).where(_refused.id.in_(some))
            removed += self._execute(gone).rowcount
        return removed

    def tally(self) -> Sequence[RefusedTally]:
        """Return how many there are of each connector, and since when."""
        texts = func.count().filter(_MAY_BE_TEXT)
        counted = (
            select(
                connectors.c.name, connectors.c.kind, func.count(), texts,
                func.min(_refused.received_at), func.max(_refused.received_at),
                func.sum(_refused.size),
            )
            .select_from(
                refused_callbacks.outerjoin(
                    connectors, connectors.c.id == _refused.connector_id
                )
            )
            .group_by(_refused.connector_id, connectors.c.name, connectors.c.kind)
            .order_by(_refused.connector_id)
        )  # fmt: skip
        return [
            RefusedTally(
                connector=row[0],
                kind=row[1],
                count=row[2],
                texts=row[3],
                first_at=row[4],
                last_at=row[5],
                # PostgreSQL sums whole numbers up to one without bounds.
                size=int(row[6]),
            )
            for row in self._execute(counted)
        ]

    def forget(self, before: int, limit: int) -> int:
        """Delete at most `limit` that were refused before a time."""
        old = select(_refused.id).where(_refused.refused_at < before)
        return self.remove(list(self._execute(old.order_by(_refused.id).limit(limit)).scalars()))

    def trim(self, rows_max: int, bytes_max: int) -> int:
        """Delete what is past these bounds, the oldest first, and handsets' texts last of all."""
        kept = self._execute(
            select(_refused.id, _refused.size).order_by(_MAY_BE_TEXT.desc(), _refused.id.desc())
        )
        size, gone = 0, []
        for place, row in enumerate(kept, 1):
            size += row.size
            if place > rows_max or size > bytes_max:
                gone.append(row.id)
        return self.remove(gone)


def _conditions(about: RefusedFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if about.connector is not None:
        named = select(connectors.c.id).where(connectors.c.name == about.connector)
        conditions.append(_refused.connector_id.in_(named))
    if about.since is not None:
        conditions.append(_refused.received_at >= about.since)
    return conditions


def _shown(row: Any) -> RefusedCallback:
    return RefusedCallback(
        id=row.id,
        connector=row.name,
        kind=row.kind,
        received_at=row.received_at,
        refused_at=row.refused_at,
        size=row.size,
        about=CallbackSubject(row.about),
        reason=row.reason,
    )

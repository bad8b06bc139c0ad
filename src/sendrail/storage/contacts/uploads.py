"""Files of contacts that wait to be brought in, in pieces."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from sendrail.domain.field_column import FieldColumn
from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.upload import ENDED_STATES, Upload, UploadReport, UploadState
from sendrail.storage.upload_tables import upload_pieces, uploads

_of: Final = uploads.c
_piece: Final = upload_pieces.c
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(UploadReport).decode
_decode_fields: Final = msgspec.json.Decoder(dict[str, FieldColumn]).decode
# Pieces deleted at a time; together about two megabytes.
_PIECES_AT_ONCE: Final = 16
_HAS_ENDED: Final = _of.state.in_([each.value for each in ENDED_STATES])


class Uploads:
    """The files that accounts have uploaded and not brought in yet, and reports of the others."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def add(self, account_id: AccountId, now: int, **values: Any) -> int:
        """Begin a file: `list_id`, `name`, `source`, `country`, `created_by`; return its id."""
        row = insert(uploads).values(
            account_id=account_id,
            state=UploadState.COMING.value,
            size=0,
            done=0,
            report=_encode(UploadReport()).decode(),
            fault="",
            created_at=now,
            beat_at=now,
            has_pieces=True,
            **values,
        )
        return int(self._execute(row.returning(_of.id)).scalar_one())

    def add_piece(self, account_id: AccountId, upload_id: int, number: int, content: bytes) -> bool:
        """Keep a piece, from 0 on in the order of the file; False where it is not wanted now."""
        grown = update(uploads).where(
            *_is(account_id, upload_id), _of.state == UploadState.COMING.value
        )
        if not self._execute(grown.values(size=_of.size + len(content))).rowcount:
            return False
        row = {"upload_id": upload_id, "number": number, "account_id": account_id}
        self._execute(insert(upload_pieces).values(row | {"content": content}))
        return True

    def piece(self, account_id: AccountId, upload_id: int, number: int) -> bytes:
        """Return a piece; empty behind the last one."""
        one = select(_piece.content).where(
            _piece.upload_id == upload_id, _piece.number == number, _piece.account_id == account_id
        )
        return bytes(self._execute(one).scalar_one_or_none() or b"")

    def find(self, account_id: AccountId, upload_id: int) -> Upload | None:
        row = self._execute(select(uploads).where(*_is(account_id, upload_id))).one_or_none()
        return None if row is None else _upload(row)

    def newest(self, account_id: AccountId, limit: int) -> Sequence[Upload]:
        """Return an account's files, newest first."""
        page = select(uploads).where(_of.account_id == account_id).order_by(_of.id.desc())
        return [_upload(row) for row in self._execute(page.limit(limit))]

    def count_open(self, account_id: AccountId) -> int:
        """Return how many files of an account have not ended."""
        some = select(func.count()).where(_of.account_id == account_id, ~_HAS_ENDED)
        return int(self._execute(some).scalar_one())

    def waiting(self, account_id: AccountId) -> Sequence[int]:
        """Return the ids of an account's files that are not being brought in yet."""
        states = [UploadState.COMING.value, UploadState.JUDGED.value]
        some = select(_of.id).where(_of.account_id == account_id, _of.state.in_(states))
        return [int(each) for each in self._execute(some).scalars()]

    def judged(self, account_id: AccountId, upload_id: int, report: UploadReport) -> bool:
        """Keep what would become of a file that is whole; False where it is not wanted any more."""
        whole = update(uploads).where(
            *_is(account_id, upload_id), _of.state == UploadState.COMING.value
        )
        values = {"state": UploadState.JUDGED.value, "report": _encode(report).decode()}
        return self._execute(whole.values(**values)).rowcount > 0

    def mapped(
        self,
        account_id: AccountId,
        upload_id: int,
        fields: Mapping[str, FieldColumn],
        report: UploadReport,
    ) -> bool:
        """Keep which columns of a judged file go into custom fields, and what becomes of it then.

        Returns False where it is brought in or given up by now.
        """
        judged = update(uploads).where(
            *_is(account_id, upload_id), _of.state == UploadState.JUDGED.value
        )
        values = {"fields": _encode(fields).decode(), "report": _encode(report).decode()}
        return self._execute(judged.values(**values)).rowcount > 0

    def start(self, account_id: AccountId, upload_id: int, now: int, silent_since: int) -> bool:
        """Begin an import, or begin one again whose process has been silent since then.

        Returns False where another has begun it.
        """
        may = or_(
            _of.state == UploadState.JUDGED.value,
            and_(_of.state == UploadState.RUNNING.value, _of.beat_at <= silent_since),
        )
        begun = update(uploads).where(*_is(account_id, upload_id), may)
        values = {"state": UploadState.RUNNING.value, "started_at": now, "beat_at": now, "done": 0}
        return self._execute(begun.values(**values)).rowcount > 0

    def beat(self, account_id: AccountId, upload_id: int, done: int, now: int) -> None:
        """Keep how many bytes were brought in."""
        changed = update(uploads).where(*_is(account_id, upload_id))
        self._execute(changed.values(done=done, beat_at=now))

    def end(
        self,
        account_id: AccountId,
        upload_id: int,
        state: UploadState,
        now: int,
        *,
        report: UploadReport | None = None,
        fault: str = "",
    ) -> bool:
        """Keep what has become of a file; return False where that is known already.

        Its pieces are deleted by `forget`.
        """
        changed = update(uploads).where(*_is(account_id, upload_id), ~_HAS_ENDED)
        values: dict[str, Any] = {"ended_at": now, "fault": fault, "state": state.value}
        if report is not None:
            values["report"] = _encode(report).decode()
        return self._execute(changed.values(**values)).rowcount > 0

    def forget(self, open_before: int, ended_before: int) -> int:
        """Delete some of what is not needed any more; return how many rows that were.

        Those are the pieces of files that have ended, or that had no decision since
        `open_before`, and whole files that are older than `ended_before`.
        """
        is_left = (_of.created_at < open_before, _of.beat_at < open_before)
        due = or_(
            and_(_of.has_pieces, or_(_HAS_ENDED, and_(*is_left))),
            _of.created_at < ended_before,
        )
        one = select(_of.account_id, _of.id, _of.has_pieces, _HAS_ENDED.label("ended"))
        row = self._execute(one.where(due).order_by(_of.id).limit(1)).one_or_none()
        if row is None:
            return 0
        if not row.ended:
            self.end(row.account_id, row.id, UploadState.DISCARDED, open_before)
        if row.has_pieces and (gone := self._remove_pieces(row.account_id, row.id)):
            return gone
        is_this = _is(row.account_id, row.id)
        if row.has_pieces:
            self._execute(update(uploads).where(*is_this).values(has_pieces=False))
        else:
            self._execute(delete(uploads).where(*is_this))
        return 1

    def _remove_pieces(self, account_id: AccountId, upload_id: int) -> int:
        """Delete some of a file's pieces; return how many there were, 0 at the end."""
        of_file = (_piece.upload_id == upload_id, _piece.account_id == account_id)
        some = select(_piece.number).where(*of_file).order_by(_piece.number)
        numbers = list(self._execute(some.limit(_PIECES_AT_ONCE)).scalars())
        if numbers:
            self._execute(delete(upload_pieces).where(*of_file, _piece.number.in_(numbers)))
        return len(numbers)


def _is(account_id: AccountId, upload_id: int) -> Sequence[ColumnElement[bool]]:
    return (_of.account_id == account_id, _of.id == upload_id)


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        account_id=AccountId(row.account_id),
        list_id=ListId(row.list_id),
        name=row.name,
        source=row.source,
        country=row.country,
        state=UploadState(row.state),
        size=row.size,
        done=row.done,
        report=_decode(row.report),
        fault=row.fault,
        fields=_decode_fields(row.fields),
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        beat_at=row.beat_at,
        ended_at=row.ended_at,
    )

"""Files of contacts that are judged first and brought in once a user has seen what would happen.

A file is kept in pieces in the database until then: whichever process is asked finds it, and none
holds it whole. The import runs behind the request, one at a time in a process; it says how far it
has come, and one that a crash has cut off can be begun again, as every import.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import structlog

from sendrail.contacts.files import FileService
from sendrail.contacts.imports import Chunks, ImportOptions, ImportReport
from sendrail.contacts.inputs import SOURCE_LENGTH_MAX, owned_list, text_of
from sendrail.contacts.numbering_plans import country_of
from sendrail.domain.audit import Actor
from sendrail.domain.errors import Conflict, NotFound, SendrailError
from sendrail.domain.field_column import FieldColumn
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.upload import (
    UPLOAD_NAME_LENGTH_MAX,
    UPLOAD_REASONS_MAX,
    UPLOADS_MAX,
    Upload,
    UploadReport,
    UploadState,
)
from sendrail.storage.interface import Store, Tx

_log = structlog.get_logger()

_PIECE_BYTES: Final = 128 * 1024
_SHOWN_MAX: Final = 20
# A process at work says so after each piece, which takes a second or two.
SILENT_MS_MAX: Final = 60_000


class UploadService:
    """Uploaded files, from their coming to the report of their import."""

    def __init__(self, store: Store, files: FileService, now: Callable[[], int]) -> None:
        self._store = store
        self._files = files
        self._now = now
        self._started: deque[tuple[Upload, Actor]] = deque()
        self._wakes = asyncio.Event()

    async def take(
        self,
        account_id: AccountId,
        list_number: PhoneNumber,
        chunks: Chunks,
        actor: Actor,
        *,
        name: str,
        source: str = "",
        country: str = "",
    ) -> int:
        """Keep a file and judge it, while it comes; return its id.

        Raises `InvalidInput` for one that is not CSV, `NotFound` for a list that is not there and
        `Conflict` with code `too_many_uploads`.
        """
        source = text_of("source", source, SOURCE_LENGTH_MAX) or ""
        country_of(country)
        about = {"source": source, "country": country, "created_by": actor.name}
        begin = partial(_begin, account_id, list_number, about | {"name": _name_of(name)})
        upload_id = await self._store.write(lambda tx: begin(tx, self._now()))
        is_whole = False
        try:
            report = await self._files.import_contacts(
                account_id,
                list_number,
                self._kept(account_id, upload_id, chunks),
                ImportOptions(dry_run=True, country=country, source=source),
                actor,
            )
            judged = _report_of(report)
            is_whole = await self._store.write(
                lambda tx: tx.uploads.judged(account_id, upload_id, judged)
            )
        finally:
            if not is_whole:
                await self._end(account_id, upload_id, UploadState.DISCARDED)
        if not is_whole:
            raise _withdrawn()
        return upload_id

    async def show(self, account_id: AccountId, upload_id: int) -> Upload:
        """Return a file with its report. Raises `NotFound`."""
        found = await self._store.read(lambda tx: tx.uploads.find(account_id, upload_id))
        if found is None:
            raise NotFound("There is no such file.")
        return found

    async def newest(self, account_id: AccountId) -> Sequence[Upload]:
        """Return the newest files of an account that were not discarded, newest first."""
        found = await self._store.read(lambda tx: tx.uploads.newest(account_id, _SHOWN_MAX))
        return [each for each in found if each.state is not UploadState.DISCARDED]

    def is_silent(self, upload: Upload) -> bool:
        """Return whether the process that brings a file in has said nothing for long."""
        is_running = upload.state is UploadState.RUNNING
        return is_running and upload.beat_at <= self._now() - SILENT_MS_MAX

    async def map_columns(
        self, account_id: AccountId, upload_id: int, fields: Mapping[str, FieldColumn], actor: Actor
    ) -> None:
        """Let columns of a judged file go into custom fields, and judge it anew.

        Raises `NotFound`, `InvalidInput` that names a column, and `Conflict` where it is too late.
        """
        found = await self.show(account_id, upload_id)
        if found.state is not UploadState.JUDGED:
            raise _withdrawn()
        number = await self._store.read(lambda tx: _list_number(tx, found))
        options = ImportOptions(
            dry_run=True, country=found.country, source=found.source, fields=fields
        )
        chunks = self._pieces(found, beats=False)
        report = await self._files.import_contacts(account_id, number, chunks, options, actor)
        judged = _report_of(report)
        if not await self._store.write(
            lambda tx: tx.uploads.mapped(account_id, upload_id, fields, judged)
        ):
            raise _withdrawn()

    async def discard(self, account_id: AccountId, upload_id: int) -> bool:
        """Give a file up that is not being brought in; return whether its import had begun.

        Raises `NotFound`, `Conflict`.
        """
        found = await self.show(account_id, upload_id)
        if found.state is UploadState.RUNNING and not self.is_silent(found):
            raise Conflict("The file is being brought in; that cannot be stopped half way.")
        await self._end(account_id, upload_id, UploadState.DISCARDED)
        return found.started_at is not None

    async def start(self, account_id: AccountId, upload_id: int, actor: Actor) -> None:
        """Let a judged file be brought in behind this call. Raises `NotFound`, `Conflict`."""
        found = await self.show(account_id, upload_id)
        now = self._now()
        begun = await self._store.write(
            lambda tx: tx.uploads.start(account_id, upload_id, now, now - SILENT_MS_MAX)
        )
        if not begun:
            raise Conflict("The file is being brought in already, or it is not there any more.")
        self._started.append((found, actor))
        self._wakes.set()

    async def run(self) -> None:
        """Bring in what is started here, one file after another, until cancelled."""
        while True:
            await self._wakes.wait()
            await self.step()

    async def step(self) -> None:
        """Bring in what has been started by now."""
        self._wakes.clear()
        while self._started:
            upload, actor = self._started.popleft()
            try:
                await self._bring_in(upload, actor)
            except SendrailError as error:
                await self._fail(upload, error.message)
            except Exception as error:  # noqa: BLE001 - one file must not stop the next
                _log.error("import_broke", upload=upload.id, exc_info=error)
                await self._fail(upload, "Something broke here; report it with the log.")

    async def _bring_in(self, upload: Upload, actor: Actor) -> None:
        number = await self._store.read(lambda tx: _list_number(tx, upload))
        report = await self._files.import_contacts(
            upload.account_id,
            number,
            self._pieces(upload),
            ImportOptions(country=upload.country, source=upload.source, fields=upload.fields),
            actor,
        )
        become = _report_of(report)
        await self._end(upload.account_id, upload.id, UploadState.DONE, report=become)

    async def _fail(self, upload: Upload, fault: str) -> None:
        try:
            await self._end(upload.account_id, upload.id, UploadState.FAILED, fault=fault)
        except SendrailError as error:
            # It is shown as cut off after a minute.
            _log.warning("import_not_ended", upload=upload.id, reason=error.message)

    async def _end(
        self,
        account_id: AccountId,
        upload_id: int,
        state: UploadState,
        *,
        report: UploadReport | None = None,
        fault: str = "",
    ) -> None:
        now = self._now()
        await self._store.write(
            lambda tx: tx.uploads.end(account_id, upload_id, state, now, report=report, fault=fault)
        )

    async def _kept(self, account_id: AccountId, upload_id: int, chunks: Chunks) -> Chunks:
        """Pass a file on in pieces, each of which is kept by then."""
        number = 0
        async for piece in _even(chunks):
            keep = partial(_keep, account_id, upload_id, number, piece)
            if not await self._store.write(keep):
                raise _withdrawn()
            number += 1
            yield piece

    async def _pieces(self, upload: Upload, *, beats: bool = True) -> Chunks:
        """Yield a file as it was kept; where it `beats`, note after each piece how far that is."""
        number = done = 0
        while piece := await self._store.read(partial(_piece, upload, number)):
            yield piece
            number, done = number + 1, done + len(piece)
            if beats:
                await self._store.write(partial(_beat, upload, done, self._now()))


async def _even(chunks: Chunks) -> AsyncIterator[bytes]:
    """Yield the bytes of a file in pieces of one size, the last one shorter."""
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        while len(held) >= _PIECE_BYTES:
            yield bytes(held[:_PIECE_BYTES])
            del held[:_PIECE_BYTES]
    if held:
        yield bytes(held)


def _begin(
    account_id: AccountId, list_number: PhoneNumber, about: Mapping[str, str], tx: Tx, now: int
) -> int:
    sender = owned_list(tx, account_id, list_number)
    if tx.uploads.count_open(account_id) >= UPLOADS_MAX:
        raise Conflict(
            f"{UPLOADS_MAX} files of this account wait already. Bring them in or discard them "
            "first.",
            code="too_many_uploads",
        )
    return tx.uploads.add(account_id, now, list_id=sender.id, **about)


def _keep(account_id: AccountId, upload_id: int, number: int, content: bytes, tx: Tx) -> bool:
    return tx.uploads.add_piece(account_id, upload_id, number, content)


def _piece(upload: Upload, number: int, tx: Tx) -> bytes:
    return tx.uploads.piece(upload.account_id, upload.id, number)


def _beat(upload: Upload, done: int, now: int, tx: Tx) -> None:
    tx.uploads.beat(upload.account_id, upload.id, done, now)


def _list_number(tx: Tx, upload: Upload) -> PhoneNumber:
    sender = tx.lists.find_id(upload.account_id, upload.list_id)
    if sender is None:
        raise NotFound("The list is not there any more.", code="list_not_found")
    return sender.number


def _name_of(name: str) -> str:
    """Return the name of a file for showing: what a browser calls it, without a folder."""
    plain = "".join(each for each in name if each.isprintable()).strip()
    return plain.replace("\\", "/").rpartition("/")[2][:UPLOAD_NAME_LENGTH_MAX] or "contacts.csv"


def _withdrawn() -> Conflict:
    return Conflict("The file was withdrawn while it came. Choose it again.")


def _report_of(report: ImportReport) -> UploadReport:
    return UploadReport(
        counts={outcome.value: count for outcome, count in report.counts.items()},
        refused=report.refused,
        reasons=[(each.row, each.reason) for each in report.reasons[:UPLOAD_REASONS_MAX]],
        ignored_columns=report.ignored_columns[:UPLOAD_REASONS_MAX],
        used_columns=report.used_columns[:UPLOAD_REASONS_MAX],
    )

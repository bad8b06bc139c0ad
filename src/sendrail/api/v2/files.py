"""Contacts and blocked numbers as files.

A file comes as the body itself, and is brought in while it comes: nothing holds it whole. An
answer that is a file leaves in the same way.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sendrail.api.auth import account_of, actor_of
from sendrail.api.cycle import lift_time_limit
from sendrail.api.responses import PRIVATE, json_answer
from sendrail.api.v2.request import Promise, Replayed, encode
from sendrail.api.v2.sending import IDEMPOTENCY_KEY_MAX
from sendrail.app import Runtime
from sendrail.contacts.csv_files import REPORT_COLUMNS, Refused, begun, written
from sendrail.contacts.imports import CHUNK_BYTES, Chunks, ImportOptions, ImportReport
from sendrail.domain.audit import Actor
from sendrail.domain.errors import InvalidInput, NotFound, SendrailError
from sendrail.domain.ids import AccountId
from sendrail.storage.rows import KeptAnswer

Endpoint = Callable[[Request], Awaitable[Response]]
Import = Callable[[AccountId, Chunks, ImportOptions, Actor], Awaitable[ImportReport]]

CSV: Final = "text/csv"
REPORTS: Final = ("json", "csv")
# A report that is longer waits on disk until the file has been read.
_REPORT_BYTES_IN_MEMORY: Final = 2**20


class RefusedRow(msgspec.Struct):
    """A row that was not taken; the first line of a file is row 1."""

    row: int
    reason: str


class ImportedFile(msgspec.Struct, omit_defaults=True):
    """What became of a file's rows, or would become of them."""

    success: bool
    dry_run: bool
    rows: int
    created: int
    refused: int
    errors: list[RefusedRow]
    ignored_columns: list[str]
    added: int | None = None
    merged: int | None = None
    already_there: int | None = None
    opted_out: int | None = None
    blocked: int | None = None


class FileCalls:
    """The endpoints: parse, one service call, shape."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._bytes_max = runtime.settings.import_bytes_max
        self.routes: tuple[tuple[str, Endpoint, str], ...] = (
            ("/contacts/import", self.import_contacts, "POST"),
            ("/contacts/export", self.export_contacts, "GET"),
            ("/blocks/import", self.import_blocks, "POST"),
            ("/blocks/export", self.export_blocks, "GET"),
        )

    async def import_contacts(self, request: Request) -> Response:
        """Subscribe the contacts of a file; unless told otherwise, only say what would happen."""
        files, query = self._runtime.files, request.query_params
        # The public documentation spells it both ways.
        dry_run = _flag(query, "dryRun" if "dryRun" in query else "dry_run", default=True)
        list_number = _plus(query.get("list_number", ""))
        return await self._import(
            request,
            dry_run,
            lambda account, chunks, options, actor: files.import_contacts(
                account, list_number, chunks, options, actor
            ),
        )

    async def import_blocks(self, request: Request) -> Response:
        """Block the numbers of a file."""
        files, query = self._runtime.files, request.query_params
        dry_run = _flag(query, "dry_run", default=False)
        return await self._import(
            request,
            dry_run,
            lambda account, chunks, options, actor: files.import_blocks(
                account, chunks, options, actor, note=query.get("note", "")
            ),
        )

    async def export_contacts(self, request: Request) -> Response:
        """Return a list's contacts as a file."""
        account = await account_of(self._runtime.store, request.headers.raw)
        with_left = _flag(request.query_params, "with_left", default=False)
        chunks = await self._runtime.files.export_contacts(
            account,
            _plus(request.query_params.get("list_number", "")),
            actor_of(request),
            with_left=with_left,
        )
        return _file("contacts.csv", chunks)

    async def export_blocks(self, request: Request) -> Response:
        """Return the account's block list as a file."""
        account = await account_of(self._runtime.store, request.headers.raw)
        return _file(
            "blocks.csv", await self._runtime.files.export_blocks(account, actor_of(request))
        )

    async def _import(self, request: Request, dry_run: bool, bring_in: Import) -> Response:
        # Whatever is refused before the file has been read ends the connection: nobody need send
        # the rest of it.
        request.state.ends_connection = True
        account = await account_of(self._runtime.store, request.headers.raw)
        _must_be_csv(request)
        # A file takes as long as it takes, while it keeps coming: of those who may send one.
        lift_time_limit(request.scope)
        wants_file = _wants_file(request.query_params)
        upload = _Upload(request, self._bytes_max)
        key = _key_in(request, wants_file)
        if key is not None and await self._is_kept(account, key):
            await upload.pass_over()
            return await self._replay(upload.promise(account, key, self._runtime.clock.now))
        with ExitStack() as stack:
            spool = stack.enter_context(SpooledTemporaryFile(_REPORT_BYTES_IN_MEMORY))
            spool.write(begun(REPORT_COLUMNS))

            def tell(refused: Refused) -> None:
                spool.write(written([(str(refused.row), refused.reason, refused.text)]))

            country = request.query_params.get("country", "")
            options = ImportOptions(
                dry_run=dry_run, country=country, tell=tell if wants_file else None
            )
            actor = actor_of(request)
            report = await upload.into(lambda chunks: bring_in(account, chunks, options, actor))
            if wants_file:
                spool.seek(0)
                return _file("report.csv", _spooled(spool, stack.pop_all()))
        told = _told(report)
        if key is not None:
            guard = upload.promise(account, key, self._runtime.clock.now).around(lambda _: told)
            try:
                await self._runtime.store.write(guard(lambda _: None))
            except Replayed as before:
                # Its twin was quicker; the rows were brought in once all the same.
                return _replayed(before.kept)
        return json_answer(200, encode(told), PRIVATE)

    async def _is_kept(self, account: AccountId, key: str) -> bool:
        pair = (int(account), key)
        # A write: where many accept, asking means to wait for whoever is at the same key.
        kept = await self._runtime.store.write(lambda tx: tx.idempotency.claim([pair]))
        return pair in kept

    async def _replay(self, promise: Promise) -> Response:
        """Return what was answered before. Raises `InvalidInput` where it was another file."""
        kept = await self._runtime.store.write(promise.kept)
        assert kept is not None, "an answer is kept for a day"
        return _replayed(kept)


class _Upload:
    """A file as it comes."""

    def __init__(self, request: Request, bytes_max: int) -> None:
        self._request = request
        self._bytes_max = bytes_max
        # One stream for all who read of it: whoever goes on begins where another one stopped.
        self._stream = request.stream()
        self._size = 0
        # Told apart by what was asked for as well: a dry run is another request.
        self._digest = hashlib.sha256(str(request.query_params).encode())

    async def into(self, take: Callable[[Chunks], Awaitable[ImportReport]]) -> ImportReport:
        """Let a file be taken; where it is refused, read on, so that the answer is heard."""
        try:
            return await take(self._chunks())
        except (InvalidInput, NotFound):
            await self.pass_over()
            raise

    async def pass_over(self) -> None:
        """Read what is left of the file."""
        async for _ in self._chunks():
            pass

    def promise(self, account: AccountId, key: str, now: Callable[[], int]) -> Promise:
        """Return the caller's promise about the file that has been read."""
        path = self._request.url.path.rpartition("/v2")[2]
        digest = self._digest.digest()
        return Promise(account=account, key=key, route=f"POST {path}", body_digest=digest, now=now)

    async def _chunks(self) -> Chunks:
        length = self._request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._bytes_max:
            raise self._too_large()
        async for chunk in self._stream:
            self._size += len(chunk)
            if self._size > self._bytes_max:
                raise self._too_large()
            self._digest.update(chunk)
            yield chunk
        self._request.state.ends_connection = False

    def _too_large(self) -> SendrailError:
        return SendrailError(
            f"The file is larger than {self._bytes_max:,} bytes; import it in parts, or by "
            "`sendrail contacts import`, which has no limit.",
            code="payload_too_large",
        )


def _replayed(kept: KeptAnswer) -> Response:
    return json_answer(kept.status, kept.answer, PRIVATE | {"idempotency-replayed": "true"})


def _told(report: ImportReport) -> ImportedFile:
    return ImportedFile(
        success=True,
        dry_run=report.dry_run,
        rows=report.rows,
        refused=report.refused,
        errors=[RefusedRow(each.row, each.reason) for each in report.reasons],
        ignored_columns=report.ignored_columns,
        **{outcome.value: count for outcome, count in report.counts.items()},
    )


def _file(name: str, chunks: AsyncIterator[bytes]) -> Response:
    headers = PRIVATE | {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks, headers=headers, media_type=CSV)


async def _spooled(spool: IO[bytes], closing: ExitStack) -> AsyncIterator[bytes]:
    with closing:
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk


def _must_be_csv(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != CSV:
        raise InvalidInput(
            f"Send the file as the body, with `Content-Type: {CSV}`",
            code="unsupported_media_type",
        )


def _key_in(request: Request, wants_file: bool) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if wants_file:
        raise InvalidInput(
            "An answer that is a file is not kept: leave out `report`, or the `Idempotency-Key`",
            code="invalid_idempotency_key",
        )
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_MAX:
        raise InvalidInput(
            f"An `Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_MAX} characters",
            code="invalid_idempotency_key",
        )
    return key


def _wants_file(query: Mapping[str, str]) -> bool:
    kind = query.get("report", REPORTS[0])
    if kind not in REPORTS:
        raise InvalidInput(
            f"`report` is {' or '.join(REPORTS)}", code="invalid_parameter", param="report"
        )
    return kind == REPORTS[1]


def _flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = query.get(name, str(default)).lower()
    if text not in {"true", "false"}:
        raise InvalidInput(f"`{name}` is true or false", code="invalid_parameter", param=name)
    return text == "true"


def _plus(text: str) -> str:
    # A plus sign in a query means a space; whoever forgot to encode it is understood.
    return "+" + text[1:] if text.startswith(" ") else text

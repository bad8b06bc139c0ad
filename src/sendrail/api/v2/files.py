"""Contacts and blocked numbers as files, and a person's data deleted.

A file comes as the body itself, and is brought in while it comes: nothing holds it whole. An
answer that is a file leaves in the same way.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sendrail.api.auth import account_of, key_of
from sendrail.api.bodies import read_body
from sendrail.app import Runtime
from sendrail.domain.account import KEY_SHOWN_LENGTH
from sendrail.domain.audit import Actor
from sendrail.domain.errors import InvalidInput, SendrailError
from sendrail.domain.ids import AccountId
from sendrail.marketing.csv_files import REPORT_COLUMNS, Refused, written
from sendrail.marketing.imports import CHUNK_BYTES, Chunks, ImportReport, Intake

Endpoint = Callable[[Request], Awaitable[Response]]
Import = Callable[[AccountId, Chunks, Intake, Actor], Awaitable[ImportReport]]

CSV: Final = "text/csv"
REPORTS: Final = ("json", "csv")
ERASE_BODY_BYTES_MAX: Final = 1_000
_JSON: Final = "application/json"
_PRIVATE: Final = {"cache-control": "no-store"}
# A report that is longer waits on disk until the file has been read.
_REPORT_BYTES_IN_MEMORY: Final = 2**20
_encode: Final = msgspec.json.Encoder().encode


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


class Erase(msgspec.Struct):
    """Whose data is to be deleted."""

    phone_number: str | None = None


class ErasedPerson(msgspec.Struct):
    """What was deleted, or redacted."""

    success: bool
    lists: int
    consent_events: int
    blocks: int
    messages: int
    replies: int
    callbacks: int


class FileCalls:
    """The endpoints: parse, one service call, shape."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._bytes_max = runtime.settings.import_bytes_max
        self.routes: tuple[tuple[str, Endpoint, str], ...] = (
            ("/contacts/import", self.import_contacts, "POST"),
            ("/contacts/export", self.export_contacts, "GET"),
            ("/contacts/erase", self.erase, "POST"),
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
            lambda account, chunks, intake, actor: files.import_contacts(
                account, list_number, chunks, intake, actor
            ),
        )

    async def import_blocks(self, request: Request) -> Response:
        """Block the numbers of a file."""
        files, query = self._runtime.files, request.query_params
        dry_run = _flag(query, "dry_run", default=False)
        return await self._import(
            request,
            dry_run,
            lambda account, chunks, intake, actor: files.import_blocks(
                account, chunks, intake, actor, note=query.get("note", "")
            ),
        )

    async def export_contacts(self, request: Request) -> Response:
        """Return a list's contacts as a file."""
        account, actor = await self._asker(request)
        with_left = _flag(request.query_params, "with_left", default=False)
        chunks = await self._runtime.files.export_contacts(
            account, _plus(request.query_params.get("list_number", "")), actor, with_left=with_left
        )
        return _file("contacts.csv", chunks)

    async def export_blocks(self, request: Request) -> Response:
        """Return the account's block list as a file."""
        account, actor = await self._asker(request)
        return _file("blocks.csv", await self._runtime.files.export_blocks(account, actor))

    async def erase(self, request: Request) -> Response:
        """Delete what is kept of a person."""
        account, actor = await self._asker(request)
        _must_be(request, _JSON)
        body = await read_body(request, ERASE_BODY_BYTES_MAX)
        if body is None:
            raise SendrailError("The body is too large", code="payload_too_large")
        report = await self._runtime.erasure.erase(account, _number_in(body), actor)
        counts = {name: getattr(report, name) for name in type(report).__slots__}
        answer = ErasedPerson(success=True, **counts)
        return Response(_encode(answer), headers=_PRIVATE, media_type=_JSON)

    async def _asker(self, request: Request) -> tuple[AccountId, Actor]:
        account = await account_of(self._runtime.store, request.headers.raw)
        key = key_of(request.headers.raw) or ""
        # As a list of the account's keys shows it.
        name = f"key {key[:KEY_SHOWN_LENGTH]}"
        return account, Actor(name=name, request_id=request.state.request_id)

    async def _import(self, request: Request, dry_run: bool, bring_in: Import) -> Response:
        # Whatever is refused before the file has been read ends the connection: nobody need send
        # the rest of it.
        request.state.ends_connection = True
        account, actor = await self._asker(request)
        _must_be(request, CSV)
        wants_csv = _report_kind(request.query_params) == CSV
        upload = _Upload(request, self._bytes_max)
        with ExitStack() as stack:
            spool = stack.enter_context(SpooledTemporaryFile(_REPORT_BYTES_IN_MEMORY))
            spool.write(written([REPORT_COLUMNS]))

            def tell(refused: Refused) -> None:
                spool.write(written([(str(refused.row), refused.reason, refused.text)]))

            intake = Intake(dry_run=dry_run, tell=tell if wants_csv else None)
            report = await upload.into(lambda chunks: bring_in(account, chunks, intake, actor))
            if wants_csv:
                spool.seek(0)
                return _file("report.csv", _spooled(spool, stack.pop_all()))
        return Response(_encode(_told(report)), headers=_PRIVATE, media_type=_JSON)


class _Upload:
    """A file as it comes."""

    def __init__(self, request: Request, bytes_max: int) -> None:
        self._request = request
        self._bytes_max = bytes_max
        self._size = 0

    async def into(self, take: Callable[[Chunks], Awaitable[ImportReport]]) -> ImportReport:
        """Let a file be taken; where it is refused, read on, so that the answer is heard."""
        try:
            return await take(self._chunks())
        except InvalidInput:
            async for _ in self._chunks():
                pass
            raise

    async def _chunks(self) -> Chunks:
        length = self._request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._bytes_max:
            raise self._too_large()
        async for chunk in self._request.stream():
            self._size += len(chunk)
            if self._size > self._bytes_max:
                raise self._too_large()
            yield chunk
        self._request.state.ends_connection = False

    def _too_large(self) -> SendrailError:
        return SendrailError(
            f"The file is larger than {self._bytes_max:,} bytes; import it in parts, or by "
            "`sendrail contacts import`, which has no limit.",
            code="payload_too_large",
        )


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
    headers = _PRIVATE | {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks, headers=headers, media_type=CSV)


async def _spooled(spool: IO[bytes], closing: ExitStack) -> AsyncIterator[bytes]:
    with closing:
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk


def _must_be(request: Request, kind: str) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != kind:
        raise SendrailError(f"The body must be {kind}", code="unsupported_media_type")


def _number_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=Erase).phone_number or ""
    except msgspec.ValidationError as error:
        raise InvalidInput("`phone_number` must be text", param="phone_number") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("The body is no JSON object", code="invalid_json") from error


def _report_kind(query: Mapping[str, str]) -> str:
    kind = query.get("report", REPORTS[0])
    if kind not in REPORTS:
        raise InvalidInput(
            f"`report` is {' or '.join(REPORTS)}", code="invalid_parameter", param="report"
        )
    return CSV if kind == "csv" else _JSON


def _flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = query.get(name, str(default)).lower()
    if text not in {"true", "false"}:
        raise InvalidInput(f"`{name}` is true or false", code="invalid_parameter", param=name)
    return text == "true"


def _plus(text: str) -> str:
    # A plus sign in a query means a space; whoever forgot to encode it is understood.
    return "+" + text[1:] if text.startswith(" ") else text

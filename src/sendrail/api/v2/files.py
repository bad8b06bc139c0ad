"""Contacts and blocked numbers as files.

A file comes as the body itself, and is brought in while it comes: nothing holds it whole. An
answer that is a file leaves in the same way.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from sendrail.api.v2.field_types import SCHEMAS, Always, Count, Sender, about, schema
from sendrail.api.v2.operation import POSTING, READING, query
from sendrail.api.v2.request import (
    ApiRequest,
    CsvFile,
    Endpoint,
    Replayed,
    guard_of,
)
from sendrail.app import Runtime
from sendrail.contacts.blocks import NOTE_LENGTH_MAX
from sendrail.contacts.csv_files import REPORT_COLUMNS, ROW_BYTES_MAX, Refused, begun, written
from sendrail.contacts.field_columns import read_field_columns
from sendrail.contacts.imports import (
    CHUNK_BYTES,
    REASONS_MAX,
    Chunks,
    ImportOptions,
    ImportReport,
)
from sendrail.contacts.inputs import list_number_of
from sendrail.domain.errors import InvalidInput
from sendrail.domain.field_column import FieldType

Import = Callable[[Chunks, ImportOptions], Awaitable[ImportReport]]

REPORTS: Final = ("json", "csv")
# A report that is longer waits on disk until the file has been read.
_REPORT_BYTES_IN_MEMORY: Final = 2**20


class RefusedRow(msgspec.Struct):
    """A row that was not taken; the first line of a file is row 1."""

    row: Annotated[int, schema(minimum=2)]
    reason: str


class UsedColumn(msgspec.Struct, omit_defaults=True):
    """A column of the file, and what it goes into."""

    column: str
    becomes: Annotated[str, about("Such as `first_name`, or `custom_fields.plan`.")]
    type: Annotated[
        FieldType | UnsetType,
        schema(type="string", enum=list(FieldType)),
        about("Of a custom field that `fields` names: what its cells are read as."),
    ] = UNSET


class ImportedFile(msgspec.Struct, omit_defaults=True):
    """What became of a file's rows, or would become of them."""

    success: Always
    dry_run: Annotated[bool, about("Whether nothing was stored.")]
    rows: Count
    created: Annotated[Count, about("New to the account, or to the block list.")]
    refused: Annotated[Count, about("Rows that cannot be used; `errors` says why.")]
    errors: Annotated[
        list[RefusedRow],
        schema(maxItems=REASONS_MAX, items={"$ref": f"{SCHEMAS}RefusedRow"}),
        about(f"The first {REASONS_MAX:,} of those refused."),
    ]
    ignored_columns: Annotated[list[str], about("Columns that were not used.")]
    columns: Annotated[
        list[UsedColumn],
        schema(items={"$ref": f"{SCHEMAS}UsedColumn"}),
        about("Columns that were used."),
    ]
    added: Annotated[Count | UnsetType, about("Known to the account and new to this list.")] = UNSET
    merged: Annotated[
        Count | UnsetType,
        about("On this list already, and brought up to date."),
    ] = UNSET
    already_there: Annotated[Count | UnsetType, about("Blocked before.")] = UNSET
    opted_out: Annotated[
        Count | UnsetType,
        about("Passed over: only their own START counts."),
    ] = UNSET
    blocked: Annotated[Count | UnsetType, about("Passed over: on the block list.")] = UNSET


async def import_contacts(runtime: Runtime, request: ApiRequest) -> msgspec.Struct | CsvFile:
    """Subscribe the contacts of a file; by default, only say what would happen."""
    asked = request.query
    # The public documentation spells it both ways.
    dry_run = _flag(asked, "dryRun" if "dryRun" in asked else "dry_run", default=True)
    number = _plus(asked.get("list_number", ""))
    said = asked.get("fields", "")
    fields = read_field_columns(said.split(",") if said else ())
    return await _import(
        runtime,
        request,
        dry_run,
        lambda chunks, options: runtime.files.import_contacts(
            request.account,
            list_number_of(number),
            chunks,
            replace(options, fields=fields),
            request.actor,
        ),
    )


async def import_blocks(runtime: Runtime, request: ApiRequest) -> msgspec.Struct | CsvFile:
    """Block the numbers of a file."""
    note = request.query.get("note", "")
    return await _import(
        runtime,
        request,
        _flag(request.query, "dry_run", default=False),
        lambda chunks, options: runtime.files.import_blocks(
            request.account, chunks, options, request.actor, note=note
        ),
    )


async def export_contacts(runtime: Runtime, request: ApiRequest) -> CsvFile:
    """Return a list's contacts as a file."""
    with_left = _flag(request.query, "with_left", default=False)
    number = list_number_of(_plus(request.query.get("list_number", "")))
    chunks = await runtime.files.export_contacts(
        request.account, number, request.actor, with_left=with_left
    )
    return CsvFile("contacts.csv", chunks)


async def export_blocks(runtime: Runtime, request: ApiRequest) -> CsvFile:
    """Return the account's block list as a file."""
    chunks = await runtime.files.export_blocks(request.account, request.actor)
    return CsvFile("blocks.csv", chunks)


_IMPORTING: Final = (
    *(code for code in POSTING if code not in {"invalid_json", "idempotency_in_progress"}),
    "invalid_parameter",
    "invalid_country",
    "empty_file",
    "invalid_csv",
    "missing_column",
    "duplicate_column",
)
_OFF: Final = Annotated[bool, schema(default=False)]
_REPORT: Final = query(
    "report",
    Annotated[str, schema(type="string", enum=list(REPORTS), default=REPORTS[0])],
    "`csv` answers with a file of the rows that were not taken: `row`, `reason`, `line`.",
)
_ROWS: Final = (
    f"A row has at most {ROW_BYTES_MAX:,} bytes. The first one names the columns, in any order, "
    "divided by commas, semicolons or tabs; the text is UTF-8. A row that cannot be "
    "used is reported by the line where it begins, with the reason; the others count. A number "
    "without a plus is of the file's `country`. The file is brought in "
    "while it comes, and may be as large as the installation allows. Importing it twice changes "
    "nothing more."
)
_COUNTRY: Final = query(
    "country",
    Annotated[str, schema(minLength=2, maxLength=2)],
    "Of numbers without a plus: two letters of ISO 3166, such as NO. Without it, the account's "
    "own; where it has none, such numbers are refused by their rows.",
)
_LIST_NUMBER: Final = query("list_number", Sender, "The list; write its + as %2B.") | {
    "required": True
}

OF_CONTACTS: Final = (
    Endpoint(
        "POST /contacts/import",
        import_contacts,
        id="importContacts",
        summary="Bring contacts in from a CSV file",
        description=(
            "Subscribes the contacts of a file to a list. **Unless `dry_run` is `false` nothing "
            "is stored**, and the answer says what would become of each row.\n\n"
            "The columns: `phone_number` (or `mobile`, `phone` and others), and if wished `email`, "
            "`first_name`, `last_name`, `carrier`, `line_type`, `timezone`, `consent_date`, "
            "`ad_network_source`, `ad_network_id`. A contact who has opted out stays out."
            f"\n\n{_ROWS}"
        ),
        answer=ImportedFile,
        codes=(*_IMPORTING, "missing_list_number", "invalid_list_number", "list_not_found"),
        file_in="phone_number,first_name,consent_date\n+15550100000,Ada,01/31/2026\n",
        file_out="The rows that were not taken, with `report=csv`.",
        parameters=(
            _LIST_NUMBER,
            query(
                "dry_run",
                Annotated[bool, schema(default=True)],
                "Whether only to judge the rows.",
            ),
            _COUNTRY,
            query(
                "fields",
                str,
                "Columns that go into custom fields, divided by commas: `COLUMN=FIELD`, or "
                "`COLUMN` where both have one name. A type may follow, as `COLUMN=FIELD:number`: "
                "`text` (the default), `number` or `boolean`. A cell of another type has its row "
                "refused, and an empty one leaves the field as it is.",
            ),
            _REPORT,
        ),
    ),
    Endpoint(
        "GET /contacts/export",
        export_contacts,
        id="exportContacts",
        summary="Write a list's contacts as a CSV file",
        description=(
            "Answers with the contacts in the order of their numbers, which have the form "
            "`(+1) 5550100000`: no spreadsheet takes that for a number. What it would take for a "
            "formula has an apostrophe before it. An import understands both. The export is noted "
            "in the audit log."
        ),
        codes=(*READING, "missing_list_number", "invalid_list_number", "list_not_found"),
        file_out="The contacts, a line each.",
        parameters=(
            _LIST_NUMBER,
            query("with_left", _OFF, "With who has left the list."),
        ),
    ),
)

OF_BLOCKS: Final = (
    Endpoint(
        "POST /blocks/import",
        import_blocks,
        id="importBlocks",
        summary="Bring blocked numbers in from a CSV file",
        description=(
            "Blocks the numbers of a file with a column `phone_number` (or `mobile`, `phone`). "
            "Unlike contacts they are stored unless `dry_run` is `true`: a number that is not "
            f"blocked by oversight would be texted.\n\n{_ROWS}"
        ),
        answer=ImportedFile,
        codes=_IMPORTING,
        file_in="phone_number\n+15550100000\n",
        file_out="The rows that were not taken, with `report=csv`.",
        parameters=(
            query("note", Annotated[str, schema(maxLength=NOTE_LENGTH_MAX)], "Why, for each."),
            query("dry_run", _OFF, "Whether only to judge the rows."),
            _COUNTRY,
            _REPORT,
        ),
    ),
    Endpoint(
        "GET /blocks/export",
        export_blocks,
        id="exportBlocks",
        summary="Write the block list as a CSV file",
        description=(
            "Answers with the blocked numbers in their own order; noted in the audit log."
        ),
        codes=READING,
        file_out="The blocked numbers, a line each.",
    ),
)


async def _import(
    runtime: Runtime, request: ApiRequest, dry_run: bool, bring_in: Import
) -> ImportedFile | CsvFile:
    upload = request.upload
    assert upload is not None, "the table passes one to an endpoint that takes a file"
    wants_file = _wants_file(request.query)
    if wants_file and upload.key is not None:
        raise InvalidInput(
            "A response that is a file is not stored: omit `report` or the `Idempotency-Key`",
            code="invalid_idempotency_key",
        )
    guard = guard_of(request.account, upload.key, request.route, upload.digest, runtime.clock.now)
    # A write: where several processes accept, it waits for the one that has the same key.
    if guard is not None and await runtime.store.write(guard.is_known):
        await upload.pass_over()
        kept = await runtime.store.write(guard.kept)
        assert kept is not None, "an answer is kept for a day"
        raise Replayed(kept)
    with ExitStack() as stack:
        spool = stack.enter_context(SpooledTemporaryFile(_REPORT_BYTES_IN_MEMORY))
        spool.write(begun(REPORT_COLUMNS))

        def tell(refused: Refused) -> None:
            spool.write(written([(str(refused.row), refused.reason, refused.text)]))

        country = request.query.get("country", "")
        options = ImportOptions(dry_run=dry_run, country=country, tell=tell if wants_file else None)
        report = await upload.into(lambda chunks: bring_in(chunks, options))
        if wants_file:
            spool.seek(0)
            return CsvFile("report.csv", _spooled(spool, stack.pop_all()))
    imported = _imported(report)
    if guard is not None:
        # Where its twin was quicker, this raises `Replayed`; the rows were brought in once.
        await runtime.store.write(guard.around(lambda _: imported)(lambda _: None))
    return imported


def _imported(report: ImportReport) -> ImportedFile:
    counts: dict[str, Any] = {outcome.value: each for outcome, each in report.counts.items()}
    return ImportedFile(
        success=True,
        dry_run=report.dry_run,
        rows=report.rows,
        refused=report.refused,
        errors=[RefusedRow(each.row, each.reason) for each in report.reasons],
        ignored_columns=report.ignored_columns,
        columns=[
            UsedColumn(column, becomes, report.types.get(becomes, UNSET))
            for column, becomes in report.used_columns
        ],
        **counts,
    )


async def _spooled(spool: IO[bytes], closing: ExitStack) -> AsyncIterator[bytes]:
    with closing:
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk


def _wants_file(query: Mapping[str, str]) -> bool:
    kind = query.get("report", REPORTS[0])
    if kind not in REPORTS:
        raise InvalidInput(
            f"`report` must be {' or '.join(REPORTS)}", code="invalid_parameter", param="report"
        )
    return kind == REPORTS[1]


def _flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = query.get(name, str(default)).lower()
    if text not in {"true", "false"}:
        raise InvalidInput(f"`{name}` must be true or false", code="invalid_parameter", param=name)
    return text == "true"


def _plus(text: str) -> str:
    # A plus sign in a query means a space; a caller who forgot to encode it is understood.
    return "+" + text[1:] if text.startswith(" ") else text

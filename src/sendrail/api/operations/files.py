"""Files of contacts and blocked numbers, and a person's data deleted, as they are described."""

from typing import Any, Final

from sendrail.api.operations.parts import (
    COUNT,
    POSTING,
    READING,
    SENDER,
    TRUE,
    Operation,
    query,
)
from sendrail.api.v2.files import REPORTS, ImportedFile
from sendrail.contacts.blocks import NOTE_LENGTH_MAX
from sendrail.contacts.csv_files import ROW_BYTES_MAX
from sendrail.contacts.imports import REASONS_MAX

_IMPORTING: Final = (
    *(code for code in POSTING if code not in {"invalid_json", "idempotency_in_progress"}),
    "invalid_parameter",
    "invalid_country",
    "empty_file",
    "invalid_csv",
    "missing_column",
)
_BOOLEAN: Final = {"type": "boolean"}
_REPORT: Final = query(
    "report",
    {"type": "string", "enum": list(REPORTS), "default": REPORTS[0]},
    "`csv` answers with a file of the rows that were not taken: `row`, `reason`, `line`.",
)
_ROWS: Final = (
    f"A row has at most {ROW_BYTES_MAX:,} bytes. The first one names the columns, in any order, "
    "divided by commas, semicolons or tabs; the text is UTF-8. A row that cannot be "
    "used is told by the line where it begins, with the reason, and holds nothing up. A number "
    "without a plus is of the file's `country`. The file is brought in "
    "while it comes, and may be as large as the installation allows. Importing it twice changes "
    "nothing more."
)
_COUNTRY: Final = query(
    "country",
    {"type": "string", "minLength": 2, "maxLength": 2},
    "Of numbers without a plus: two letters of ISO 3166, such as NO. Without it, the account's "
    "own; where it has none, such numbers are refused by their rows.",
)
_LIST_NUMBER: Final = query("list_number", SENDER, "The list; write its + as %2B.")

FIELDS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "ImportedFile": {
        "success": TRUE,
        "dry_run": {"type": "boolean", "description": "Whether nothing was stored."},
        "rows": COUNT,
        "created": {**COUNT, "description": "New to the account, or to the block list."},
        "refused": {**COUNT, "description": "Rows that cannot be used; `errors` says why."},
        "errors": {
            "type": "array",
            "maxItems": REASONS_MAX,
            "items": {"$ref": "#/components/schemas/RefusedRow"},
            "description": f"The first {REASONS_MAX:,} of those refused.",
        },
        "ignored_columns": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Columns that were not used.",
        },
        "added": {**COUNT, "description": "Known to the account and new to this list."},
        "merged": {**COUNT, "description": "On this list already, and brought up to date."},
        "already_there": {**COUNT, "description": "Blocked before."},
        "opted_out": {**COUNT, "description": "Passed over: only their own START counts."},
        "blocked": {**COUNT, "description": "Passed over: on the block list."},
    },
    "RefusedRow": {"row": {"type": "integer", "minimum": 2}},
}

OPERATIONS: Final = (
    Operation(
        method="post",
        path="/contacts/import",
        id="importContacts",
        tag="Contacts",
        summary="Bring contacts in from a CSV file",
        description=(
            "Subscribes the contacts of a file to a list. **Unless `dry_run` is `false` nothing "
            "is stored**, and the answer says what would become of each row.\n\n"
            "The columns: `phone_number` (or `mobile`, `phone` and others), and if wished `email`, "
            "`first_name`, `last_name`, `carrier`, `line_type`, `consent_date`, "
            "`ad_network_source`, `ad_network_id`. Whoever has opted out is never brought back."
            f"\n\n{_ROWS}"
        ),
        answer=ImportedFile,
        codes=(*_IMPORTING, "missing_list_number", "invalid_list_number", "list_not_found"),
        file_in="phone_number,first_name,consent_date\n+15550100000,Ada,01/31/2026\n",
        file_out="The rows that were not taken, with `report=csv`.",
        parameters=(
            {**_LIST_NUMBER, "required": True},
            query("dry_run", {**_BOOLEAN, "default": True}, "Whether only to judge the rows."),
            _COUNTRY,
            _REPORT,
        ),
    ),
    Operation(
        method="get",
        path="/contacts/export",
        id="exportContacts",
        tag="Contacts",
        summary="Write a list's contacts as a CSV file",
        description=(
            "Answers with the contacts in the order of their numbers, which have the form "
            "`(+1) 5550100000`: no spreadsheet takes that for a number. What it would take for a "
            "formula has an apostrophe before it. An import understands both. The export is noted "
            "in the audit log."
        ),
        answer=None,
        codes=(*READING, "missing_list_number", "invalid_list_number", "list_not_found"),
        file_out="The contacts, a line each.",
        parameters=(
            {**_LIST_NUMBER, "required": True},
            query("with_left", {**_BOOLEAN, "default": False}, "With who has left the list."),
        ),
    ),
    Operation(
        method="post",
        path="/blocks/import",
        id="importBlocks",
        tag="Blocks",
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
            query("note", {"type": "string", "maxLength": NOTE_LENGTH_MAX}, "Why, for each."),
            query("dry_run", {**_BOOLEAN, "default": False}, "Whether only to judge the rows."),
            _COUNTRY,
            _REPORT,
        ),
    ),
    Operation(
        method="get",
        path="/blocks/export",
        id="exportBlocks",
        tag="Blocks",
        summary="Write the block list as a CSV file",
        description=(
            "Answers with the blocked numbers in their own order; noted in the audit log."
        ),
        answer=None,
        codes=READING,
        file_out="The blocked numbers, a line each.",
    ),
)

"""A file of contacts that waits in the database: judged first, then brought in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sendrail.domain.field_column import FieldColumn
from sendrail.domain.ids import AccountId, ListId

# So many files of an account wait or are brought in at a time; together they bound what is kept.
UPLOADS_MAX: Final = 5
# About two million rows; the command line and the API take more, as a stream.
UPLOAD_BYTES_MAX: Final = 100_000_000
# Of the rows that cannot be used so many are kept with their reasons.
UPLOAD_REASONS_MAX: Final = 200
UPLOAD_NAME_LENGTH_MAX: Final = 100
# A file without a decision is deleted after so long, and the report of one after so long.
UPLOAD_HOURS_MAX: Final = 24
UPLOAD_REPORT_DAYS_MAX: Final = 30


class UploadState(StrEnum):
    """How far an upload has come."""

    COMING = "coming"
    JUDGED = "judged"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    # A user decided against it, or no user decided in time.
    DISCARDED = "discarded"


ENDED_STATES: Final = frozenset({UploadState.DONE, UploadState.FAILED, UploadState.DISCARDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReport:
    """What becomes of a file's rows, or what has become of them.

    `counts` are by outcome; `reasons` are the first rows that cannot be used, by their lines;
    `used_columns` are columns of the file with what each goes into.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    reasons: Sequence[tuple[int, str]] = ()
    ignored_columns: Sequence[str] = ()
    used_columns: Sequence[tuple[str, str]] = ()

    @property
    def rows(self) -> int:
        return sum(self.counts.values()) + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it is kept, without its content. Times are milliseconds since the epoch.

    `size` and `done` are bytes; `source` is where the contacts signed up, for rows that do not
    say, `fields` the custom fields that columns go into, by the columns, and `fault` why an import
    failed.
    """

    id: int
    account_id: AccountId
    list_id: ListId
    name: str
    source: str
    country: str
    state: UploadState
    size: int
    done: int
    report: UploadReport
    fault: str
    created_by: str
    created_at: int
    started_at: int | None
    beat_at: int
    ended_at: int | None
    fields: Mapping[str, FieldColumn] = field(default_factory=dict)

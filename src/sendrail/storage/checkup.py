"""The findings of a check of an installation, on any database.

Each finding says how bad it is and, where it is bad, the command or the change that helps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from sendrail.domain.audit import BegunImport
from sendrail.domain.sender import Connector, ConnectorReport
from sendrail.domain.times import DAY_MS
from sendrail.storage.accounts.audit import Audit
from sendrail.storage.accounts.connectors import Connectors
from sendrail.storage.pipeline.refused import RefusedCallbacks, RefusedTally

# No import takes as long; what began longer ago than the other is not asked about any more.
_IMPORT_MS_MAX: Final = DAY_MS
_REMEMBERED_MS: Final = 30 * DAY_MS


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    level: Level
    text: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What a database holds: its connectors with their last states, and what waits for a person.

    That are refused callbacks, and imports that began more than a day ago and have no end.
    """

    connectors: list[tuple[Connector, ConnectorReport | None]]
    refused: Sequence[RefusedTally]
    cut_off: Sequence[BegunImport] = ()


def seen_by(core: Connection, now: int) -> DatabaseReport:
    """Return what a connected database says of itself."""
    connectors = Connectors(core)
    reports = connectors.reports()
    return DatabaseReport(
        [(connector, reports.get(connector.id)) for connector in connectors.all()],
        RefusedCallbacks(core).tally(),
        Audit(core).imports_without_end(now - _REMEMBERED_MS, now - _IMPORT_MS_MAX),
    )

"""The findings of a check of an installation, on any database.

Each finding says how bad it is and, where it is bad, the command or the change that helps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from sendrail.domain.sender import Connector, ConnectorReport
from sendrail.storage.accounts.connectors import Connectors
from sendrail.storage.pipeline.refused import RefusedCallbacks, RefusedTally


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
    """What a database holds: its connectors with their last states, and refused callbacks."""

    connectors: list[tuple[Connector, ConnectorReport | None]]
    refused: Sequence[RefusedTally]


def seen_by(core: Connection) -> DatabaseReport:
    """Return what a connected database says of itself."""
    connectors = Connectors(core)
    reports = connectors.reports()
    return DatabaseReport(
        [(connector, reports.get(connector.id)) for connector in connectors.all()],
        RefusedCallbacks(core).tally(),
    )

"""What is looked at to see whether an installation is well: its database, disk and connectors.

Each finding that is not well says what helps. The command and the page of health show the same.
"""

import importlib.metadata
import resource
from collections.abc import Iterator, Sequence
from typing import Final

from sendrail import __version__
from sendrail.domain.audit import BegunImport
from sendrail.domain.sender import Connector, ConnectorReport, ConnectorState
from sendrail.domain.times import shown
from sendrail.settings import Settings
from sendrail.storage.checkup import Finding, Level
from sendrail.storage.pipeline.refused import RefusedTally
from sendrail.storage.sqlite import checkup

# Each connection is an open file.
_OPEN_FILES_LOW: Final = 4_096
_IMPORTS_SHOWN: Final = 5


def look(settings: Settings, now: int) -> Iterator[Finding]:
    """Yield the findings at this time, in milliseconds since the epoch; nothing is repaired.

    It blocks, for some seconds at the worst.
    """
    yield Finding("version", Level.OK, f"Sendrail {__version__}")
    if url := settings.database_url:
        from sendrail.storage.postgres import checkup as shared

        if settings.has_own_postgres:
            from sendrail.storage.postgres import local

            local.expect_running(settings.data_dir)
        yield from shared.look_at(url)
        seen = shared.look_into(url, now)
    else:
        folder = settings.data_dir.absolute()
        yield from checkup.look_at(folder, settings.free_disk_min_mb)
        seen = checkup.look_into(folder, now)
    if seen is not None:
        yield from _connectors(seen.connectors)
        yield _callbacks(seen.refused)
        yield _imports(seen.cut_off)
    yield _open_files()


def _connectors(
    connectors: list[tuple[Connector, ConnectorReport | None]],
) -> Iterator[Finding]:
    installed = {entry.name for entry in importlib.metadata.entry_points(group="sendrail.carriers")}
    for connector, report in connectors:
        if connector.kind in installed:
            yield _state(connector, report)
        else:
            yield Finding(
                "connector",
                Level.FAIL,
                f"{connector.name} needs the carrier {connector.kind}, which is not installed",
                f"install the package that provides {connector.kind}",
            )


def _state(connector: Connector, report: ConnectorReport | None) -> Finding:
    named = f"{connector.name} ({connector.kind})"
    if connector.paused_at is not None:
        return Finding(
            "connector",
            Level.WARN,
            f"{named} is paused",
            f"sendrail connectors resume {connector.name}",
        )
    if report is None or report.state not in {ConnectorState.BROKEN, ConnectorState.RESTING}:
        return Finding("connector", Level.OK, named)
    level = Level.FAIL if report.state is ConnectorState.BROKEN else Level.WARN
    fix = f"sendrail connectors test {connector.name}"
    return Finding("connector", level, f"{named} is {report.state}: {report.detail}", fix)


def _callbacks(refused: Sequence[RefusedTally]) -> Finding:
    """Return how many callbacks were refused, since when, and from which connectors."""
    if not refused:
        return Finding("callbacks", Level.OK, "no refused callbacks")
    count = sum(each.count for each in refused)
    since = shown(min(each.first_at for each in refused))
    connectors = ", ".join(
        f"{each.connector or 'a removed connector'}: {each.count:,}" for each in refused
    )
    text = f"{count:,} could not be parsed or applied since {since} ({connectors})"
    if texts := sum(each.texts for each in refused):
        text += f"; {texts:,} of them may be replies, such as STOP"
    return Finding(
        "callbacks",
        Level.FAIL if texts else Level.WARN,
        text,
        "sendrail callbacks refused; then retry or forget them",
    )


def _imports(cut_off: Sequence[BegunImport]) -> Finding:
    """Return which imports began and have no end: their process was killed, or still works."""
    if not cut_off:
        return Finding("imports", Level.OK, "none was cut off")
    named = [
        f"{each.action} of {each.about} (account {each.account_id}, begun {shown(each.at)})"
        for each in sorted(cut_off, key=lambda each: each.at)
    ]
    more = f" and {len(named) - _IMPORTS_SHOWN:,} more" if len(named) > _IMPORTS_SHOWN else ""
    return Finding(
        "imports",
        Level.WARN,
        f"began more than a day ago and have no end: {', '.join(named[:_IMPORTS_SHOWN])}{more}",
        "unless a process still works on it, import the file again: rows that are there already "
        "are only brought up to date",
    )


def _open_files() -> Finding:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or limit >= _OPEN_FILES_LOW:
        return Finding("open files", Level.OK, f"at most {limit:,}")
    return Finding(
        "open files",
        Level.WARN,
        f"the limit is {limit:,}; each connection is an open file",
        "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit",
    )

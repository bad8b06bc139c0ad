"""`sendrail doctor`: checks of the installation, each with a remedy."""

import resource
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from sendrail import __version__
from sendrail.cli import output
from sendrail.cli.session import Data, Json

if TYPE_CHECKING:
    from sendrail.domain.sender import Connector, ConnectorReport
    from sendrail.settings import Settings
    from sendrail.storage.checkup import Finding
    from sendrail.storage.pipeline.refused import RefusedTally

# Each connection is an open file.
_OPEN_FILES_LOW = 4_096
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(data: Data = None, as_json: Json = False) -> None:
    """Check the installation; exit code 3 if something is broken."""
    from sendrail.settings import load
    from sendrail.storage.checkup import Level

    with output.exit_on_error(as_json):
        findings = list(_findings(load(data_dir=data)))
    healthy = all(finding.level is not Level.FAIL for finding in findings)
    if as_json:
        output.document({"healthy": healthy, "checks": [_shown(each) for each in findings]})
    else:
        for finding in findings:
            _print(finding)
    if not healthy:
        raise typer.Exit(output.Exit.UNHEALTHY)


def _findings(settings: "Settings") -> "Iterator[Finding]":
    from sendrail.storage.checkup import Finding, Level
    from sendrail.storage.sqlite import checkup

    yield Finding("version", Level.OK, f"Sendrail {__version__}")
    if url := settings.database_url:
        from sendrail.storage.postgres import checkup as shared

        if settings.has_own_postgres:
            from sendrail.storage.postgres import local

            local.expect_running(settings.data_dir)
        yield from shared.look_at(url)
        seen = shared.look_into(url)
    else:
        folder = settings.data_dir.absolute()
        yield from checkup.look_at(folder, settings.free_disk_min_mb)
        seen = checkup.look_into(folder)
    if seen is not None:
        yield from _connectors(seen.connectors)
        yield _callbacks(seen.refused)
    yield _open_files()


def _connectors(
    connectors: "list[tuple[Connector, ConnectorReport | None]]",
) -> "Iterator[Finding]":
    from importlib.metadata import entry_points

    from sendrail.storage.checkup import Finding, Level

    installed = {entry.name for entry in entry_points(group="sendrail.carriers")}
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


def _state(connector: "Connector", report: "ConnectorReport | None") -> "Finding":
    from sendrail.domain.sender import ConnectorState
    from sendrail.storage.checkup import Finding, Level

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


def _callbacks(refused: "Sequence[RefusedTally]") -> "Finding":
    """Return how many callbacks were refused, since when, and from which connectors."""
    from sendrail.storage.checkup import Finding, Level

    if not refused:
        return Finding("callbacks", Level.OK, "none is refused")
    count = sum(each.count for each in refused)
    since = output.when(min(each.first_at for each in refused))
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


def _open_files() -> "Finding":
    from sendrail.storage.checkup import Finding, Level

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or limit >= _OPEN_FILES_LOW:
        return Finding("open files", Level.OK, f"at most {limit:,}")
    return Finding(
        "open files",
        Level.WARN,
        f"at most {limit:,}; each connection is an open file",
        "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit",
    )


def _print(finding: "Finding") -> None:
    level = output.paint(f"{finding.level.value:<4}", _COLOURS[finding.level.value], sys.stdout)
    print(f"{level}  {finding.check}: {finding.text}")
    if finding.fix:
        print(f"      fix: {finding.fix}")


def _shown(finding: "Finding") -> dict[str, str | None]:
    return {
        "check": finding.check,
        "level": finding.level.value,
        "text": finding.text,
        "fix": finding.fix,
    }

"""`sendrail doctor`: checks of the installation, each with a remedy."""

import sys
from typing import TYPE_CHECKING

import typer

from sendrail.cli import output
from sendrail.cli.session import data_dir

if TYPE_CHECKING:
    from sendrail.storage.checkup import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor() -> None:
    """Check the installation; exit code 3 if something is broken."""
    from sendrail.clock import SystemClock
    from sendrail.doctor import look
    from sendrail.settings import load
    from sendrail.storage.checkup import Level

    findings = list(look(load(data_dir=data_dir()), SystemClock().now()))
    healthy = all(finding.level is not Level.FAIL for finding in findings)
    if output.is_json():
        output.document({"healthy": healthy, "checks": [_shown(each) for each in findings]})
    else:
        for finding in findings:
            _print(finding)
    if not healthy:
        raise typer.Exit(output.Exit.UNHEALTHY)


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

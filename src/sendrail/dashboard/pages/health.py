"""Health of the installation, for operators: what the doctor finds, connectors, work that waits."""

import asyncio
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail import doctor, status
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.attention import CONNECTOR_LOOKS
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.sender import Connector, ConnectorReport, ConnectorState
from sendrail.domain.user import Permission
from sendrail.storage.checkup import Finding, Level

_LOOKS: Final = {
    Level.FAIL: ("bad", "Broken"),
    Level.WARN: ("warn", "Look at it"),
    Level.OK: ("ok", "Well"),
}
_WORST_FIRST: Final = list(_LOOKS)


class _Waiting(NamedTuple):
    """A kind of work that waits: how much, and since when, where that is known."""

    title: str
    number: int
    since: int | None = None


async def health(ask: PageRequest) -> Response:
    """Show what is looked at and what helps, the worst first."""
    runtime = ask.runtime
    found = await status.look(runtime.store, is_shared=bool(runtime.settings.database_url))
    findings = await _findings(ask)
    waiting = [
        _Waiting("Messages in the queue", found.waiting, found.oldest_due_at),
        _Waiting("Uncertain messages", found.backlog.uncertain),
        _Waiting("Callbacks to apply", found.backlog.callbacks),
        _Waiting("Refused callbacks", sum(each.count for each in found.refused)),
        _Waiting("Events for webhooks", found.waiting_events),
    ]
    connectors = [(each, _state(each, report), report) for each, report in found.connectors]
    bad = sum(each.level is not Level.OK for each in findings)
    return ask.page(
        "health.html",
        findings=findings,
        looks=_LOOKS,
        bad=bad,
        worst=findings[0].level if findings else Level.OK,
        waiting=waiting,
        found=found,
        connectors=connectors,
        connector_looks=CONNECTOR_LOOKS,
        is_shared=bool(runtime.settings.database_url),
        lapsed=sum(each.lapsed for each in found.owned),
    )


def _state(connector: Connector, report: ConnectorReport | None) -> ConnectorState:
    if connector.paused_at is not None:
        return ConnectorState.PAUSED
    return report.state if report else ConnectorState.OPEN


async def _findings(ask: PageRequest) -> list[Finding]:
    """Return the doctor's findings, the worst first; it looks in a thread of its own."""
    settings, now = ask.runtime.settings, ask.runtime.clock.now()
    found = await asyncio.to_thread(lambda: list(doctor.look(settings, now)))
    return sorted(found, key=lambda each: _WORST_FIRST.index(each.level))


ROUTES: Final = (PageRoute(route="GET /health", answer=health, permission=Permission.OPERATE),)

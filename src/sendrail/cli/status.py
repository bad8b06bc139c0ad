"""`sendrail status`: the processes, their work, the connectors, and the backlog."""

from typing import TYPE_CHECKING, Any

from sendrail.cli import output
from sendrail.cli.session import run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.status import InstallationStatus

_PROCESSES = ("name", "roles", "version", "seconds_unseen")
_OWNED = ("kind", "spans", "lapsed", "owner")
_CONNECTORS = ("name", "kind", "state", "detail")
_REFUSED = ("connector", "kind", "callbacks", "texts", "since", "last")


def status() -> None:
    """Show the processes, how work is divided among them, the connectors, and the backlog."""
    shown = run(_look)
    if output.is_json():
        output.document(shown)
        return
    output.card({name: value for name, value in shown.items() if not isinstance(value, list)})
    output.table(_CONNECTORS, shown["connectors"], "There are no connectors.")
    if shown["refused"]:
        output.note("Refused callbacks; see `sendrail callbacks refused`:")
        output.table(_REFUSED, shown["refused"], "")
    if shown["shared"]:
        output.table(_PROCESSES, shown["processes"], "No process is running.")
        output.table(_OWNED, shown["owned"], "No process has ever run here.")


async def _look(runtime: "Runtime") -> dict[str, Any]:
    from sendrail.status import look

    is_shared = bool(runtime.settings.database_url)
    found = await look(runtime.store, is_shared=is_shared)
    return _shown(found, runtime.clock.now(), is_shared=is_shared)


def _shown(found: "InstallationStatus", now: int, *, is_shared: bool) -> dict[str, Any]:
    oldest, click = found.oldest_due_at, found.oldest_click_at
    return {
        "shared": is_shared,
        "messages_waiting": found.waiting,
        "oldest_seconds": None if oldest is None else max(0, round((now - oldest) / 1000)),
        "clicks_behind_seconds": 0 if click is None else max(0, round((now - click) / 1000)),
        "messages_uncertain": found.backlog.uncertain,
        "callbacks_waiting": found.backlog.callbacks,
        "callbacks_refused": sum(each.count for each in found.refused),
        "events_waiting": found.waiting_events,
        "spans_lapsed": sum(owned.lapsed for owned in found.owned),
        "connectors": [
            {
                "name": connector.name,
                "kind": connector.kind,
                "state": report.state.value if report else "unknown",
                "detail": report.detail if report else "",
            }
            for connector, report in found.connectors
        ],
        "refused": [
            {
                "connector": each.connector,
                "kind": each.kind,
                "callbacks": each.count,
                "texts": each.texts,
                "since": output.when(each.first_at),
                "last": output.when(each.last_at),
            }
            for each in found.refused
        ],
        "processes": [
            {
                "name": each.name,
                "roles": each.roles or "starting or stopping",
                "version": each.version,
                "started_at": output.when(each.started_at),
                "seconds_unseen": round(each.unseen_ms / 1000, 1),
            }
            for each in found.processes
        ],
        "owned": [
            {
                "kind": each.kind,
                "owner": each.owner or "none",
                "spans": each.spans,
                "lapsed": each.lapsed,
            }
            for each in found.owned
        ],
    }

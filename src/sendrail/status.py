"""The state of an installation: its processes, the work that each owns, and what waits."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.domain.ids import ConnectorId
from sendrail.domain.sender import Connector, ConnectorReport
from sendrail.storage.interface import Store, Tx
from sendrail.storage.pipeline.figures import AccountBacklog, Backlog
from sendrail.storage.pipeline.leases import ProcessState
from sendrail.storage.pipeline.refused import RefusedTally

# Past every time.
_EVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedSpans:
    """How many spans of one kind of work an owner has; `lapsed` of them were not renewed."""

    kind: str
    owner: str
    spans: int
    lapsed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStatus:
    """What `sendrail status` shows. On the embedded store there are no processes to distinguish."""

    processes: list[ProcessState]
    owned: list[OwnedSpans]
    connectors: list[tuple[Connector, ConnectorReport | None]]
    waiting: int
    oldest_due_at: int | None
    # When the oldest click came that is not counted yet.
    oldest_click_at: int | None
    backlog: Backlog
    waiting_events: int
    refused: Sequence[RefusedTally]


async def look(store: Store, *, is_shared: bool) -> InstallationStatus:
    """Read the state; it counts all that waits, so it takes the longer the more that is."""
    return await store.read(lambda tx: _look(tx, is_shared=is_shared))


def _look(tx: Tx, *, is_shared: bool) -> InstallationStatus:
    waiting: dict[int, AccountBacklog] = tx.figures.waiting()
    clicks = tx.message_clicks.waiting(_EVER, _EVER, 1)
    reports: dict[ConnectorId, ConnectorReport] = tx.connectors.reports()
    return InstallationStatus(
        processes=tx.processes.all() if is_shared else [],
        owned=_owned(tx) if is_shared else [],
        connectors=[(connector, reports.get(connector.id)) for connector in tx.connectors.all()],
        waiting=sum(account.depth for account in waiting.values()),
        oldest_due_at=min((account.oldest_due_at for account in waiting.values()), default=None),
        oldest_click_at=next((each.at for each in clicks), None),
        backlog=tx.figures.backlog(),
        waiting_events=tx.endpoints.backlog(),
        refused=tx.refused.tally(),
    )


def _owned(tx: Tx) -> list[OwnedSpans]:
    spans: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for held in tx.spans.all():
        spans[held.kind, held.owner].append(held.left_ms)
    return [
        OwnedSpans(
            kind=kind,
            owner=owner,
            spans=len(left),
            # A span without an owner has been given back, and does not lapse.
            lapsed=sum(ms <= 0 for ms in left) if owner else 0,
        )
        for (kind, owner), left in sorted(spans.items())
    ]

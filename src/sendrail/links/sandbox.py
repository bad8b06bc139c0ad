"""Which connectors are the sandbox's: links of its lists lead to the server's own address."""

from typing import Final

from sendrail.domain.ids import ConnectorId
from sendrail.storage.interface import Tx

_SIMULATOR: Final = "simulator"


class SandboxConnectors:
    """Knows which connectors are simulators."""

    def __init__(self) -> None:
        # A connector's kind never changes.
        self._kinds: dict[ConnectorId, str] = {}

    def has(self, tx: Tx, connector_id: ConnectorId) -> bool:
        """Return whether a connector is a simulator."""
        if connector_id not in self._kinds:
            self._kinds = {each.id: each.kind for each in tx.connectors.all()}
        return self._kinds.get(connector_id) == _SIMULATOR

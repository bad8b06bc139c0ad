"""The tracking domain of a list: what the short links in its messages begin with."""

from typing import Final, NamedTuple

from sendrail.domain.ids import AccountId, ConnectorId, ListId
from sendrail.storage.interface import Tx

_SIMULATOR: Final = "simulator"


class LinkSender(NamedTuple):
    """The list that a message with links goes out by, and the list's own connector."""

    account_id: AccountId
    list_id: ListId
    connector_id: ConnectorId


class TrackingDomains:
    """Knows the tracking domains of lists.

    Lists of the sandbox have this server itself, so that links work on a fresh installation.
    """

    def __init__(self, sandbox_url: str | None) -> None:
        """Give the sandbox's lists an address such as `http://127.0.0.1:8025`, or none."""
        self._sandbox = None if sandbox_url is None else sandbox_url.rstrip("/") + "/"
        # A connector's kind never changes.
        self._kinds: dict[ConnectorId, str] = {}

    def prefix_of(self, tx: Tx, sender: LinkSender) -> str | None:
        """Return what a list's short links begin with, or None where it has no tracking domain."""
        if self._sandbox is None:
            return None
        if sender.connector_id not in self._kinds:
            self._kinds = {each.id: each.kind for each in tx.connectors.all()}
        return self._sandbox if self._kinds.get(sender.connector_id) == _SIMULATOR else None

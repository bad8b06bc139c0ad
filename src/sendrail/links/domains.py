"""The tracking domain of a list: what the short links in its messages begin with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sendrail.domain.ids import AccountId, ConnectorId, DomainId, ListId
from sendrail.domain.short_ids import SHORT_LETTERS
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.links.sandbox import SandboxConnectors
from sendrail.storage.interface import Tx


class LinkSender(NamedTuple):
    """The list that a message with links goes out by, and the list's own connector."""

    account_id: AccountId
    list_id: ListId
    connector_id: ConnectorId


class LinkHost(NamedTuple):
    """What short links begin with, and how many letters their ids have."""

    prefix: str
    letters: int = SHORT_LETTERS


class TrackingDomains:
    """Knows the tracking domains of lists: a list's own, else its account's default.

    One that never led here is passed over, so that no text leaves with dead links; one that did is
    used even while it fails. Lists of the sandbox that have none have this server itself, so that
    links work on a fresh installation.

    A server has the domains in memory, as `remember` gives them from time to time.
    """

    def __init__(self, sandbox_url: str | None = None) -> None:
        """Give the sandbox's lists an address such as `http://127.0.0.1:8025`, or none."""
        self._sandbox: LinkHost | None = None
        self._sandboxes = SandboxConnectors()
        self._is_remembered = False
        self._of_lists: dict[ListId, LinkHost] = {}
        self._of_accounts: dict[AccountId, LinkHost] = {}
        if sandbox_url is not None:
            self.let_sandbox_use(sandbox_url)

    def let_sandbox_use(self, url: str) -> None:
        """Let the links of the sandbox's lists lead to this address of the server."""
        self._sandbox = LinkHost(url.rstrip("/") + "/")

    def remember(
        self, domains: Iterable[TrackingDomain], lists: Mapping[DomainId, Sequence[ListId]]
    ) -> None:
        """Know these domains, of all accounts, and the lists that name one, and no others."""
        of_lists, of_accounts = {}, {}
        for domain in domains:
            if domain.verified_at is None:
                continue
            host = _host_of(domain)
            if domain.is_default:
                of_accounts[domain.account_id] = host
            for list_id in lists.get(domain.id, ()):
                of_lists[list_id] = host
        self._of_lists, self._of_accounts = of_lists, of_accounts
        self._is_remembered = True

    def host_of(self, tx: Tx, sender: LinkSender) -> LinkHost | None:
        """Return what a list's short links begin with, or None where it has no tracking domain."""
        known = self._of_lists.get(sender.list_id) or self._of_accounts.get(sender.account_id)
        if known is not None:
            return known
        sandbox = self._sandbox if self._sandboxes.has(tx, sender.connector_id) else None
        if self._is_remembered and sandbox is not None:
            return sandbox
        # The command line remembers none, and a server learns late of what another one verified.
        domain = tx.domains.of_list(sender.account_id, sender.list_id)
        return sandbox if domain is None else _host_of(domain)


def _host_of(domain: TrackingDomain) -> LinkHost:
    return LinkHost(f"https://{domain.host}/", domain.letters)

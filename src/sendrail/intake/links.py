"""Orders with links: their true length, and where their links lead, before they are judged."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sendrail.domain.ids import AccountId
from sendrail.domain.order import Fault, Order
from sendrail.intake.facts import InLine
from sendrail.intake.orders import Limits, measured
from sendrail.intake.verdicts import Refused
from sendrail.links.domains import LinkHost, LinkSender
from sendrail.links.texts import LinkTexts, measurable
from sendrail.storage.interface import Tx

NO_DOMAIN = Fault(
    "no_domain_configured",
    "The list has no tracking domain, so its links cannot be wrapped",
    "wrap_links",
)


class LinkBinder:
    """Completes orders with links by what only their lists know."""

    def __init__(self, texts: LinkTexts, limits: Limits) -> None:
        self._texts = texts
        self._limits = limits

    def bind(
        self, tx: Tx, line: Sequence[InLine], refusals: list[str], now: int
    ) -> Sequence[InLine]:
        """Return the line with its orders complete, without those that cannot be sent.

        Those have their verdicts; their codes are added to `refusals`.
        """
        # A loop over tuples: it runs for every order, and hardly any has links.
        for _, _, _, order in line:
            if order.links:
                break
        else:
            return line
        self._note_destinations(tx, line, now)
        hosts: dict[int, LinkHost | None] = {}
        bound: list[InLine] = []
        for verdicts, at, facts, order in line:
            sender = facts.sender
            if order.links and sender is not None:
                if sender.id not in hosts:
                    hosts[sender.id] = self._texts.host_of(
                        tx, LinkSender(sender.account_id, sender.id, sender.connector_id)
                    )
                complete = self._complete(order, hosts[sender.id])
                if isinstance(complete, Fault):
                    verdicts[at] = Refused(complete.code, complete.text, complete.param)
                    refusals.append(complete.code)
                    continue
                bound.append((verdicts, at, facts, complete))
            else:
                bound.append((verdicts, at, facts, order))
        return bound

    def _complete(self, order: Order, host: LinkHost | None) -> Order | Fault:
        if host is None:
            return NO_DOMAIN
        size = measured(measurable(order.body, host, len(order.links)), self._limits)
        if isinstance(size, Fault):
            return size
        # By hand: `_replace` takes as long as the measuring.
        return Order(*order[:5], *size, order.links)

    def _note_destinations(self, tx: Tx, line: Iterable[InLine], now: int) -> None:
        """Give each sender's facts the ids of the URLs that its messages share.

        A URL is a destination where the account has it already, or the group has it twice. Others
        stand in their message's own row: a row for each would cost more than it saves.
        """
        counts: defaultdict[AccountId, defaultdict[str, int]]
        counts = defaultdict(lambda: defaultdict(int))
        for _, _, facts, order in line:
            if order.links and facts.sender is not None:
                of_account = counts[facts.sender.account_id]
                for url in order.links:
                    of_account[url] += 1
        known: dict[AccountId, dict[str, int]] = {}
        for account_id, urls in counts.items():
            found = tx.destinations.find(account_id, urls)
            shared = [url for url, count in urls.items() if count > 1 and url not in found]
            if shared:
                # What follows must be durable together with the destinations.
                tx.begin()
                tx.destinations.add(account_id, shared, now)
                found |= tx.destinations.find(account_id, shared)
            known[account_id] = found
        for _, _, facts, order in line:
            if order.links and facts.sender is not None:
                facts.destinations = known[facts.sender.account_id]


def links_column(urls: Sequence[str], destinations: dict[str, int]) -> str:
    """Return what a message's row says of its links, in the order of its marks."""
    if len(urls) == 1:
        return str(destinations.get(urls[0], urls[0]))
    return " ".join([str(destinations.get(url, url)) for url in urls])

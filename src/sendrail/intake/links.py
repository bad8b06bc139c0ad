"""What only lists know of orders: their frame, and where their links lead, before the judging."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

from sendrail.domain.destinations import fill_links
from sendrail.domain.frame import FilledFrames, Frame
from sendrail.domain.ids import AccountId
from sendrail.domain.order import Fault, Order
from sendrail.domain.recipient_links import destination_of
from sendrail.domain.sender import SendingList
from sendrail.intake.facts import InLine, SenderFacts
from sendrail.intake.orders import Limits, measured
from sendrail.intake.scheduled import SendTimes
from sendrail.intake.verdicts import Refused
from sendrail.links.domains import LinkSender
from sendrail.links.texts import LinkTexts, stand_ins
from sendrail.storage.interface import Tx

NO_DOMAIN = Fault(
    "no_domain_configured",
    "The list has no tracking domain, so its links cannot be wrapped",
    "wrap_links",
)


class LinkBinder:
    """Completes orders by what only their lists know: the prefix of links, and the frame."""

    def __init__(self, texts: LinkTexts, limits: Limits) -> None:
        self._texts = texts
        self._limits = limits

    def bind(
        self, tx: Tx, line: Sequence[InLine], refusals: list[str], now: int
    ) -> Sequence[InLine]:
        """Return the line with its orders complete, without those that cannot be sent.

        Those have their verdicts; their codes are added to `refusals`.
        """
        # A loop over tuples: it runs for every order, and hardly any is incomplete.
        for _, _, facts, order in line:
            if order.links or order.send_at or (order.takes_frame and _frames(facts)):
                break
        else:
            return line
        self._note_destinations(tx, line, now)
        binding = _Binding(tx, self._texts, self._limits, now)
        bound: list[InLine] = []
        for verdicts, at, facts, order in line:
            complete = binding.complete(facts.sender, order)
            if isinstance(complete, Fault):
                verdicts[at] = Refused(complete.code, complete.text, complete.param)
                refusals.append(complete.code)
            else:
                bound.append((verdicts, at, facts, complete))
        return bound

    def _note_destinations(self, tx: Tx, line: Iterable[InLine], now: int) -> None:
        """Give each sender's facts the ids of the URLs that its messages share.

        A URL is a destination where the account has it already, or the group has it twice. Others
        stand in their message's own row: a row for each would cost more than it saves.
        """
        counts: defaultdict[AccountId, defaultdict[str, int]]
        counts = defaultdict(lambda: defaultdict(int))
        senders: dict[int, SenderFacts] = {}
        facts_before = None
        for _, _, facts, order in line:
            if not order.links or facts.sender is None:
                continue
            # Most orders have the sender of the one before.
            if facts is not facts_before:
                facts_before = senders[id(facts)] = facts
                of_account = counts[facts.sender.account_id]
            for url in order.links:
                of_account[url] += 1
        known: dict[AccountId, dict[str, int]] = {}
        for account_id, wanted in counts.items():
            # A campaign names destinations by their ids, and knows what they are for a recipient.
            urls = {url: count for url, count in wanted.items() if destination_of(url) is None}
            found = tx.destinations.find(account_id, urls)
            shared = [url for url, count in urls.items() if count > 1 and url not in found]
            if shared:
                # What follows must be durable together with the destinations.
                tx.begin()
                tx.destinations.add(account_id, shared, now)
                found |= tx.destinations.find(account_id, shared)
            known[account_id] = found
        for facts in senders.values():
            if facts.sender is not None:
                facts.destinations = known[facts.sender.account_id]


class _Binding:
    """The lists of one group, each read once."""

    def __init__(self, tx: Tx, texts: LinkTexts, limits: Limits, now: int) -> None:
        self._tx = tx
        self._times = SendTimes(tx, limits, now)
        self._texts = texts
        self._limits = limits
        self._stand_ins: dict[int, Sequence[str] | None] = {}
        self._frames = FilledFrames()

    def complete(self, sender: SendingList | None, order: Order) -> Order | Fault:
        """Return an order in its frame and of its true length, or why it cannot be sent."""
        if sender is None:
            return order
        # By hand, and not by names or `_replace`: it runs for every message with a link.
        (
            recipient, list_number, body, skips, metadata, _, _, links, takes_frame, send_at,
            origin_id,
        ) = order  # fmt: skip
        if send_at:
            # One whose time has come leaves at once.
            read = self._times.read(sender.account_id, send_at)
            if isinstance(read, Fault):
                return read
            send_at = read
        is_framed = takes_frame and sender.frames_sends
        if not (links or is_framed):
            return order._replace(send_at=send_at)
        if is_framed:
            frame = self._frames.of(sender.id, sender.brand, partial(self._frame_of, sender))
            body = frame.around(body, recipient)
        shown = body
        if links:
            stand_ins = self._stand_ins_of(sender)
            if stand_ins is None:
                return NO_DOMAIN
            shown = fill_links(body, stand_ins[: len(links)])
        size = measured(shown, self._limits)
        if isinstance(size, Fault):
            return size
        return Order._make(
            (
                recipient, list_number, body, skips, metadata, *size, links, takes_frame, send_at,
                origin_id,
            )
        )  # fmt: skip

    def _stand_ins_of(self, sender: SendingList) -> Sequence[str] | None:
        """Return texts as long as a list's links, or None where it can have none."""
        if sender.id not in self._stand_ins:
            host = self._texts.host_of(
                self._tx, LinkSender(sender.account_id, sender.id, sender.connector_id)
            )
            self._stand_ins[sender.id] = None if host is None else stand_ins(host)
        return self._stand_ins[sender.id]

    def _frame_of(self, sender: SendingList) -> Frame:
        return self._tx.lists.frame(sender.account_id, sender.id)


def _frames(facts: SenderFacts) -> bool:
    return facts.sender is not None and facts.sender.frames_sends


def links_column(urls: Sequence[str], destinations: dict[str, int]) -> str:
    """Return what a message's row says of its links, in the order of its marks."""
    if len(urls) == 1:
        return str(destinations.get(urls[0], urls[0]))
    return " ".join([str(destinations.get(url, url)) for url in urls])

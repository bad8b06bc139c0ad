"""What only lists know of orders: their frame, and where their links lead, before the judging."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, NamedTuple

from sendrail.domain.destinations import fill_links, is_plain_around_links, plain_lengths
from sendrail.domain.frame import FilledFrames, Frame
from sendrail.domain.ids import AccountId
from sendrail.domain.order import Fault, Order
from sendrail.domain.recipient_links import destination_of
from sendrail.domain.sender import SendingList
from sendrail.domain.short_ids import LINKS_MAX
from sendrail.intake.facts import InLine, SenderFacts
from sendrail.intake.orders import Limits, measured
from sendrail.intake.scheduled import SendTimes
from sendrail.intake.verdicts import Refused
from sendrail.links.domains import LinkHost, LinkSender
from sendrail.links.texts import LinkTexts, stand_ins
from sendrail.storage.interface import Tx

NO_DOMAIN = Fault(
    "no_domain_configured",
    "The list has no tracking domain, so its links cannot be wrapped",
    "wrap_links",
)

# An account and a URL of its.
SharedUrl = tuple[AccountId, str]
# Some 2 MB at most; a campaign has few.
_DESTINATIONS_KEPT: Final = 4_096


class LinkBinder:
    """Completes orders by what only their lists know: the prefix of links, and the frame."""

    def __init__(self, texts: LinkTexts, limits: Limits) -> None:
        self._texts = texts
        self._limits = limits
        # Never taken away, nor given another URL: what is durable stays true.
        self._known: dict[SharedUrl, str] = {}

    def learn(self, destinations: Mapping[SharedUrl, str]) -> None:
        """Keep the ids of destinations that are durable."""
        if len(self._known) + len(destinations) > _DESTINATIONS_KEPT:
            self._known.clear()
        self._known |= destinations

    def bind(
        self,
        tx: Tx,
        line: Sequence[InLine],
        refusals: list[str],
        learned: dict[SharedUrl, str],
        now: int,
    ) -> Sequence[InLine]:
        """Return the line with its orders complete, without those that cannot be sent.

        Those have their verdicts; their codes are added to `refusals`. The destinations that were
        read or made are added to `learned`, for `learn` once they are durable.
        """
        # A loop over tuples: it runs for every order, and hardly any is incomplete.
        for _, _, facts, order in line:
            if order.links or order.send_at or (order.takes_frame and _frames(facts)):
                break
        else:
            return line
        binding = _Binding(tx, self._texts, self._limits, now)
        wanted = _Wanted()
        bound: list[InLine] = []
        # Most orders have the sender of the one before.
        last: SenderFacts | None = None
        lengths: Sequence[int] = _NONE_IS_PLAIN
        urls, frames = wanted.none, False
        for each in line:
            verdicts, at, facts, order = each
            links = order.links
            if links:
                if facts is not last:
                    last, urls, frames = facts, wanted.of(facts), _frames(facts)
                    lengths = binding.plain_lengths(facts.sender)
                # Most are one plain segment, as they were taken for when they were read.
                if (
                    len(order.body) <= lengths[len(links)]
                    and not order.send_at
                    and not (frames and order.takes_frame)
                    and is_plain_around_links(order.body, len(links))
                ):
                    urls += links
                    bound.append(each)
                    continue
            complete = binding.complete(facts.sender, order)
            if isinstance(complete, Fault):
                verdicts[at] = Refused(complete.code, complete.text, complete.param)
                refusals.append(complete.code)
                continue
            if links:
                urls += links
            bound.append(each if complete is order else (verdicts, at, facts, complete))
        wanted.note(tx, self._known, learned, now)
        return bound


class _Wanted:
    """The URLs that a group's messages lead to, by account."""

    def __init__(self) -> None:
        self._urls: defaultdict[AccountId, list[str]] = defaultdict(list)
        self._facts: list[SenderFacts] = []
        # Orders without a sender are refused, and want none.
        self.none: list[str] = []

    def of(self, facts: SenderFacts) -> list[str]:
        """Return the list of the account's, to which the links of its orders are added."""
        if facts.sender is None:
            return self.none
        self._facts.append(facts)
        return self._urls[facts.sender.account_id]

    def note(
        self, tx: Tx, known: Mapping[SharedUrl, str], learned: dict[SharedUrl, str], now: int
    ) -> None:
        """Give each sender's facts the ids of the URLs that its messages share.

        A URL is a destination where the account has it already, or the group has it twice. Others
        stand in their message's own row: a row for each would cost more than it saves.
        """
        destinations: dict[AccountId, dict[str, str]] = {}
        for account_id, urls in self._urls.items():
            of_account = destinations[account_id] = {}
            missing: dict[str, int] = {}
            for url, count in Counter(urls).items():
                if (its_id := known.get((account_id, url))) is not None:
                    of_account[url] = its_id
                elif destination_of(url) is None:
                    # A campaign names its destinations by their ids.
                    missing[url] = count
            for url, destination_id in _shared(tx, account_id, missing, now).items():
                of_account[url] = learned[account_id, url] = str(destination_id)
        for facts in self._facts:
            if facts.sender is not None:
                facts.destinations = destinations[facts.sender.account_id]


def _shared(tx: Tx, account_id: AccountId, urls: Mapping[str, int], now: int) -> dict[str, int]:
    """Return the ids of those URLs that are destinations, or become ones as the group has them."""
    if not urls:
        return {}
    found = tx.destinations.find(account_id, list(urls))
    shared = [url for url, count in urls.items() if count > 1 and url not in found]
    if shared:
        # What follows must be durable together with the destinations.
        tx.begin()
        tx.destinations.add(account_id, shared, now)
        found |= tx.destinations.find(account_id, shared)
    return found


class _LinkSizes(NamedTuple):
    """How long the links of a list are, each by their number in a text.

    `stand_ins` are as long as they, and `plain_lengths` are those of `plain_lengths`.
    """

    stand_ins: Sequence[Sequence[str]]
    plain_lengths: Sequence[int]


# An installation has few hosts, and each group asks for them.
@lru_cache(maxsize=256)
def _sizes_on(host: LinkHost, characters_max: int) -> _LinkSizes:
    likes = stand_ins(host)
    return _LinkSizes(likes, plain_lengths(likes[1][0], characters_max))


_NONE_IS_PLAIN: Final = [-1] * (LINKS_MAX + 1)


class _Binding:
    """The lists of one group, each read once."""

    def __init__(self, tx: Tx, texts: LinkTexts, limits: Limits, now: int) -> None:
        self._tx = tx
        self._times = SendTimes(tx, limits, now)
        self._texts = texts
        self._limits = limits
        self._links: dict[int, _LinkSizes | None] = {}
        self._frames = FilledFrames()

    def complete(  # noqa: PLR0911 - it runs for every message with a link
        self, sender: SendingList | None, order: Order
    ) -> Order | Fault:
        """Return an order in its frame and of its true length, or why it cannot be sent."""
        if sender is None:
            return order
        # By hand, and not by names or `_replace`: it runs for every message with a link.
        (
            recipient, list_number, body, skips, metadata, encoding, segments, links, takes_frame,
            send_at, origin_id,
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
            sizes = self._sizes_of(sender)
            if sizes is None:
                return NO_DOMAIN
            shown = fill_links(body, sizes.stand_ins[len(links)])
        size = measured(shown, self._limits)
        if isinstance(size, Fault):
            return size
        if size == (encoding, segments) and not (is_framed or send_at):
            # It was taken for a short one, as most are, when it was read.
            return order
        return Order._make(
            (
                recipient, list_number, body, skips, metadata, *size, links, takes_frame, send_at,
                origin_id,
            )
        )  # fmt: skip

    def plain_lengths(self, sender: SendingList | None) -> Sequence[int]:
        """Return how long a list's texts may be, by their links, where their size is known."""
        sizes = None if sender is None else self._sizes_of(sender)
        return _NONE_IS_PLAIN if sizes is None else sizes.plain_lengths

    def _sizes_of(self, sender: SendingList) -> "_LinkSizes | None":
        """Return how long a list's links are; None where it can have none."""
        if sender.id in self._links:
            return self._links[sender.id]
        host = self._texts.host_of(
            self._tx, LinkSender(sender.account_id, sender.id, sender.connector_id)
        )
        found = None if host is None else _sizes_on(host, self._limits.characters_max)
        self._links[sender.id] = found
        return found

    def _frame_of(self, sender: SendingList) -> Frame:
        return self._tx.lists.frame(sender.account_id, sender.id)


def _frames(facts: SenderFacts) -> bool:
    return facts.sender is not None and facts.sender.frames_sends


def links_column(urls: Sequence[str], destinations: Mapping[str, str]) -> str:
    """Return what a message's row says of its links, in the order of its marks."""
    if len(urls) == 1:
        url = urls[0]
        return destinations.get(url, url)
    return " ".join([destinations.get(url, url) for url in urls])

"""A page of a run on its way in: its cursor, counts and caps are durable with its messages."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import compress
from typing import Final, cast

from sendrail.campaigns.planning import CAPPED, OrderSource, PagePlan
from sendrail.campaigns.run_content import RunContent
from sendrail.domain.campaign_run import LEFT_OUT, counted, shown_send, variant_part
from sendrail.domain.errors import SendrailError
from sendrail.domain.ids import OriginId
from sendrail.domain.order import Order, Refusal, coming_from
from sendrail.domain.origin import Origin, OriginKind, OriginText
from sendrail.domain.split import HOLDOUT
from sendrail.intake.submission import LoneSubmission
from sendrail.intake.verdicts import Accepted, Verdict
from sendrail.storage.campaigns.run_pages import RunTurn
from sendrail.storage.campaigns.runs import OpenWave
from sendrail.storage.interface import Tx

# What may be different in a moment, or says nothing of the contact: the page is not taken.
NOT_NOW: Final = frozenset(
    {
        Refusal.QUEUE_FULL,
        Refusal.LIST_INACTIVE,
        Refusal.LIST_NOT_FOUND,
        Refusal.ACCOUNT_SUSPENDED,
        Refusal.WEBHOOK_NOT_CONFIGURED,
    }
)


class PageNotTaken(SendrailError):
    """The gate refuses what has nothing to do with the contacts of a page."""


class RunPage(LoneSubmission):
    """One page of a run; nothing of it stands unless the run runs and its cursor is still there."""

    __slots__ = (
        "_content",
        "_cursor",
        "_done",
        "_plan",
        "_remembers",
        "_sources",
        "_turn",
        "_wave",
        "accepted",
        "is_taken",
        "origins",
    )

    # Its messages leave after the commit of their claim, which syncs its own as well; without that
    # its cursor is where it was.
    is_synced = False

    def __init__(
        self,
        wave: OpenWave,
        content: RunContent,
        plan: PagePlan,
        *,
        cursor: int,
        done: bool,
        remembers: bool,
    ) -> None:
        """Plan up to a cursor; `remembers` says whether others may ask for who was left out."""
        super().__init__(wave.account_id)
        self._wave = wave
        self._content = content
        self._plan = plan
        self._cursor = cursor
        self._done = done
        self._remembers = remembers
        self._turn: RunTurn | None = None
        # Those of the orders.
        self._sources: Sequence[OrderSource] = ()
        # Whether it was ours to plan, and how many messages it became.
        self.is_taken = False
        self.accepted = 0
        # The ids of origins that it has asked for. They never change once the page is durable.
        self.origins: Mapping[tuple[int, bool], OriginId] = {}

    def prepare(self, tx: Tx, now: int) -> None:
        """Take the run's turn and move its cursor, before anything is judged."""
        wave = self._wave
        self.orders, self._sources, self.is_taken = (), (), False
        self._turn = tx.run_pages.take_turn(wave.account_id, wave.run_id, wave.version, now)
        if self._turn is None:
            return
        place = (wave.account_id, wave.run_id, wave.wave, wave.cursor, self._cursor)
        if not tx.run_pages.move_cursor(*place, done=self._done):
            return
        self.is_taken = True
        orders, self._sources = self._uncapped(tx, now)
        self.orders = self._with_origins(tx, orders)

    def _with_origins(self, tx: Tx, orders: Sequence[Order]) -> Sequence[Order]:
        """Return orders with what they come from, which only a run's first pages must find."""
        unknown = {
            (source.variant, source.is_control)
            for order, source in zip(orders, self._sources, strict=True)
            if not order.origin_id
        }
        self.origins = {}
        if not unknown:
            return orders
        self.origins = self._find_origins(tx, unknown)
        return [
            order
            if order.origin_id
            else coming_from(order, self.origins[source.variant, source.is_control])
            for order, source in zip(orders, self._sources, strict=True)
        ]

    def _find_origins(
        self, tx: Tx, unknown: Collection[tuple[int, bool]]
    ) -> dict[tuple[int, bool], OriginId]:
        """Return what orders come from, by variant and by whether it is a control group's."""
        wave = self._wave
        contents = {each.number: each for each in self._content.variants}
        origins, texts = {}, {}
        for variant, is_control in unknown:
            part = variant_part(variant, is_control=is_control)
            origin = Origin(OriginKind.RUN, wave.run_id, wave.version, part)
            content = contents[variant]
            origins[variant, is_control] = origin
            texts[origin] = OriginText(content.creative_id, tuple(content.offers))
        ids = tx.origins.find_or_add(wave.account_id, list(texts), texts)
        return {key: ids[origin] for key, origin in origins.items()}

    def _uncapped(self, tx: Tx, now: int) -> tuple[Sequence[Order], Sequence[OrderSource]]:
        """Return the orders whose contacts nothing else was sent to since they were planned."""
        plan, content = self._plan, self._content
        bounds = content.cap_bounds(now)
        if bounds is None or not plan.orders:
            return plan.orders, plan.sources
        recipients = [each[0] for each in plan.orders]
        capped = tx.run_pages.capped(self._wave.account_id, recipients, bounds)
        if not capped:
            return plan.orders, plan.sources
        going = [each not in capped for each in recipients]
        return list(compress(plan.orders, going)), list(compress(plan.sources, going))

    def settle(self, tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
        """Count what became of the contacts, and keep that they were in the run."""
        turn = self._turn
        if turn is None or not self.is_taken:
            return
        wave = self._wave
        left_out = list(self._plan.left_out) + self._capped_since()
        sent_to: defaultdict[int, list[int]] = defaultdict(list)
        orders = cast("Sequence[Order]", self.orders)
        for order, source, verdict in zip(orders, self._sources, verdicts, strict=True):
            if isinstance(verdict, Accepted):
                sent_to[source[1]].append(order[0])
            elif verdict.code in NOT_NOW:
                raise PageNotTaken(verdict.text, code=verdict.code)
            else:
                left_out.append((order.recipient, verdict.code))
        kept = dict(sent_to)
        if self._plan.held_out:
            kept[HOLDOUT] = self._plan.held_out
        if self._remembers:
            kept[LEFT_OUT] = [recipient for recipient, _ in left_out]
        for variant in sorted(kept):
            tx.run_pages.keep(wave.run_id, variant, sorted(kept[variant]))
        everyone = [recipient for some in sent_to.values() for recipient in some]
        tx.run_pages.note_sends(wave.account_id, everyone, shown_send(now))
        by_variant = {variant: len(some) for variant, some in sent_to.items()}
        reasons = [reason for _, reason in left_out]
        added = _added(turn, by_variant, len(self._plan.held_out), reasons)
        tx.run_pages.count(wave.account_id, wave.run_id, added)
        self.accepted = len(everyone)

    def _capped_since(self) -> list[tuple[int, str]]:
        if len(self.orders) == len(self._plan.orders):
            return []
        going = {each.recipient for each in cast("Sequence[Order]", self.orders)}
        planned = (each.recipient for each in self._plan.orders)
        return [(each, CAPPED) for each in planned if each not in going]


def _added(
    turn: RunTurn,
    by_variant: Mapping[int, int],
    held_out: int,
    reasons: Sequence[str],
) -> RunTurn:
    """Return a run's counts with those of one more page."""
    numbers = turn.variants.keys() | by_variant.keys()
    return RunTurn(
        turn.planned + sum(by_variant.values()),
        turn.held_out + held_out,
        counted(turn.left_out, reasons),
        {each: turn.variants.get(each, 0) + by_variant.get(each, 0) for each in sorted(numbers)},
    )

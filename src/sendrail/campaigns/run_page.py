"""A page of a run on its way in: its cursor, counts and caps are durable with its messages."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sendrail.campaigns.planning import CAPPED, PagePlan, PlannedOrder
from sendrail.campaigns.run_content import RunContent
from sendrail.domain.campaign_run import LEFT_OUT, counted, is_capped, shown_send, variant_part
from sendrail.domain.errors import SendrailError
from sendrail.domain.ids import OriginId
from sendrail.domain.order import Refusal, coming_from
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
        "_orders",
        "_plan",
        "_remembers",
        "_turn",
        "_wave",
        "accepted",
        "is_taken",
        "origins",
    )

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
        self._orders: Sequence[PlannedOrder] = ()
        # Whether it was ours to plan, and how many messages it became.
        self.is_taken = False
        self.accepted = 0
        # The ids of origins that it has asked for. They never change once the page is durable.
        self.origins: Mapping[tuple[int, bool], OriginId] = {}

    def prepare(self, tx: Tx, now: int) -> None:
        """Take the run's turn and move its cursor, before anything is judged."""
        wave = self._wave
        self.orders, self._orders, self.is_taken = (), (), False
        self._turn = tx.run_pages.take_turn(wave.account_id, wave.run_id, wave.version, now)
        if self._turn is None:
            return
        place = (wave.account_id, wave.run_id, wave.wave, wave.cursor, self._cursor)
        if not tx.run_pages.move_cursor(*place, done=self._done):
            return
        self.is_taken = True
        self._orders = self._uncapped(tx, now)
        unknown = {
            (each.variant, each.is_control) for each in self._orders if not each.order.origin_id
        }
        self.origins = self._find_origins(tx, unknown) if unknown else {}
        self.orders = [
            each.order
            if each.order.origin_id
            else coming_from(each.order, self.origins[each.variant, each.is_control])
            for each in self._orders
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

    def _uncapped(self, tx: Tx, now: int) -> Sequence[PlannedOrder]:
        """Return the orders whose contacts nothing else was sent to since they were planned."""
        planned = self._plan.orders
        content = self._content
        if not content.is_capped:
            return planned
        recipients = [each.order.recipient for each in planned]
        sends = tx.run_pages.sends(self._wave.account_id, recipients)
        return [
            each
            for each in planned
            if not is_capped(
                sends.get(each.order.recipient, ""), now, content.skip_within_hours, content.cap
            )
        ]

    def settle(self, tx: Tx, verdicts: Sequence[Verdict], now: int) -> None:
        """Count what became of the contacts, and keep that they were in the run."""
        turn = self._turn
        if turn is None or not self.is_taken:
            return
        wave = self._wave
        kept = [(each, HOLDOUT) for each in self._plan.held_out]
        left_out = list(self._plan.left_out) + self._capped_since()
        by_variant: Counter[int] = Counter()
        sent_to: list[int] = []
        for planned, verdict in zip(self._orders, verdicts, strict=True):
            recipient = int(planned.order.recipient)
            if isinstance(verdict, Accepted):
                by_variant[planned.variant] += 1
                kept.append((recipient, planned.variant))
                sent_to.append(recipient)
            elif verdict.code in NOT_NOW:
                raise PageNotTaken(verdict.text, code=verdict.code)
            else:
                left_out.append((recipient, verdict.code))
        if self._remembers:
            kept += [(recipient, LEFT_OUT) for recipient, _ in left_out]
        tx.run_pages.keep(wave.run_id, sorted(kept))
        tx.run_pages.note_sends(wave.account_id, sent_to, shown_send(now))
        reasons = [reason for _, reason in left_out]
        tx.run_pages.count(wave.account_id, wave.run_id, _added(turn, by_variant, kept, reasons))
        self.accepted = len(sent_to)

    def _capped_since(self) -> list[tuple[int, str]]:
        if len(self._orders) == len(self._plan.orders):
            return []
        going = {each.order.recipient for each in self._orders}
        planned = (each.order.recipient for each in self._plan.orders)
        return [(int(each), CAPPED) for each in planned if each not in going]


def _added(
    turn: RunTurn,
    by_variant: Mapping[int, int],
    kept: Sequence[tuple[int, int]],
    reasons: Sequence[str],
) -> RunTurn:
    """Return a run's counts with those of one more page."""
    held_out = sum(1 for _, variant in kept if variant == HOLDOUT)
    numbers = turn.variants.keys() | by_variant.keys()
    return RunTurn(
        turn.planned + sum(by_variant.values()),
        turn.held_out + held_out,
        counted(turn.left_out, reasons),
        {each: turn.variants.get(each, 0) + by_variant.get(each, 0) for each in sorted(numbers)},
    )

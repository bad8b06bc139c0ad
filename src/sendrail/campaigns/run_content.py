"""What a run sends and to whom, as it was when the run began: kept whole in its row.

Edits of the schedule, a creative, an offer or an audience afterwards change later runs only;
texts and frames that are edited while a run is paused count for what it plans from its resumption
on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, NamedTuple

from sendrail.campaigns.run_selection import RunSelection, past_selection
from sendrail.domain.audience_filter_json import read_filter, shown_filter
from sendrail.domain.campaign_run import CapBounds, RunReason, cap_bounds
from sendrail.domain.creative import CreativeStatus, CreativeType, OfferLink
from sendrail.domain.errors import Conflict, InvalidInput
from sendrail.domain.frame import FilledFrame, FramedSender
from sendrail.domain.ids import AccountId, ListId, OfferId
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import read_template
from sendrail.domain.recipient_links import link_to
from sendrail.domain.schedule import FrequencyCap, OutsideHours, Schedule, SendType
from sendrail.domain.sender import SendingList
from sendrail.storage.contacts.audience_filter import AudienceTarget
from sendrail.storage.contacts.audience_targets import target_of
from sendrail.storage.interface import Tx

# More could not be compared by their success.
_CREATIVES_MAX: Final = 100


class Variant(NamedTuple):
    """One text of a run; `links` are destinations by their placeholder's key.

    `number` counts from 1: 0 is the holdout. `percent` is its exact share, 0 where a choice by
    success decides.
    """

    number: int
    name: str
    percent: int
    message: str
    links: Mapping[str, str]
    creative_id: int | None = None
    # What a conversion of its offers pays at most, in ten-thousandths.
    payout: int = 0
    # The offers that its links count for.
    offers: Sequence[int] = ()


class ListFrame(NamedTuple):
    """What stands around the texts of a list, and the brand that they name."""

    brand: str
    frame: FilledFrame

    @classmethod
    def of(cls, tx: Tx, sender: SendingList) -> "ListFrame":
        frame = tx.lists.frame(sender.account_id, sender.id)
        return cls(sender.brand, FilledFrame.of(FramedSender(frame, sender.brand)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContent:
    """What a run is made of. `began_at` is the moment that relative times count from.

    `frames` are of each of its lists, by the list's id.
    """

    lists: tuple[int, ...]
    targets: tuple[AudienceTarget, ...]
    variants: tuple[Variant, ...]
    began_at: int
    frames: Mapping[int, ListFrame] = field(default_factory=dict)
    skip_within_hours: int = 0
    cap: FrequencyCap | None = None
    holdout_percent: int = 0
    automated_percent: int = 100
    outside_hours: OutsideHours = OutsideHours.HOLD
    selection: RunSelection = field(default_factory=RunSelection)
    # What it sent before a change of its texts, and sends no more.
    earlier: tuple[Variant, ...] = ()

    @property
    def is_automated(self) -> bool:
        """Whether its texts have no shares, but are chosen by what they bring."""
        return not any(each.percent for each in self.variants)

    @property
    def is_capped(self) -> bool:
        """Whether what a contact got before may leave it out."""
        return bool(self.skip_within_hours or self.cap)

    def cap_bounds(self, now: int) -> CapBounds | None:
        """Return what its caps ask of a contact at a time in milliseconds; None without caps."""
        return cap_bounds(now, self.skip_within_hours, self.cap)

    def to_json(self) -> str:
        """Return the content as it is stored."""
        named = {
            "lists": self.lists,
            "targets": [_shown_target(each) for each in self.targets],
            "variants": [each._asdict() for each in self.variants],
            "began_at": self.began_at,
            "frames": {each: [it.brand, it.frame] for each, it in self.frames.items()},
            "skip_within_hours": self.skip_within_hours,
            "cap": self.cap and [self.cap.messages, self.cap.days],
            "holdout_percent": self.holdout_percent,
            "automated_percent": self.automated_percent,
            "outside_hours": self.outside_hours.value,
            "selection": self.selection.shown(),
            "earlier": [each._asdict() for each in self.earlier],
        }
        return json.dumps(named, separators=(",", ":"))


def read_content(account_id: AccountId, text: str) -> RunContent:
    """Return the content that was stored of an account's run."""
    found = json.loads(text)
    cap = found["cap"]
    return RunContent(
        lists=tuple(found["lists"]),
        targets=tuple(
            _read_target(account_id, each, found["began_at"]) for each in found["targets"]
        ),
        variants=tuple(Variant(**each) for each in found["variants"]),
        began_at=found["began_at"],
        frames={
            int(each): ListFrame(brand, FilledFrame(*frame))
            for each, (brand, frame) in found["frames"].items()
        },
        skip_within_hours=found["skip_within_hours"],
        cap=None if cap is None else FrequencyCap(*cap),
        holdout_percent=found["holdout_percent"],
        automated_percent=found["automated_percent"],
        outside_hours=OutsideHours(found["outside_hours"]),
        selection=RunSelection.read(found["selection"]),
        earlier=tuple(Variant(**each) for each in found["earlier"]),
    )


def freeze(
    tx: Tx, schedule: Schedule, now: int, *, keeps_links: bool = True
) -> RunContent | RunReason:
    """Return what a schedule sends as of now, or why it sends nothing; see `variants_of`."""
    account_id = schedule.account_id
    targets = []
    for ref in schedule.audiences:
        audience = tx.audiences.by_ref(account_id, ref)
        if audience is not None:
            targets.append(target_of(tx.audiences, audience, now))
    lists = _lists_of(tx, schedule, targets)
    if not lists:
        return RunReason.EMPTY_AUDIENCE
    variants = variants_of(tx, schedule, now, keeps_links=keeps_links)
    if not variants:
        return RunReason.NO_CONTENT
    return RunContent(
        lists=lists,
        targets=tuple(targets),
        variants=tuple(variants),
        began_at=now,
        frames=frames_of(tx, lists),
        skip_within_hours=schedule.skip_within_hours,
        cap=schedule.frequency_cap,
        holdout_percent=schedule.holdout_percent,
        automated_percent=schedule.automated_percent,
        outside_hours=schedule.outside_hours,
        selection=_selection(tx, schedule, variants),
    )


def renewed(tx: Tx, schedule: Schedule, before: RunContent, now: int) -> RunContent:
    """Return a run's content with the texts and frames of now; the same where it has those.

    A variant keeps its number as long as it is the same place or creative, so that what it brought
    stays its own; one that is new gets a number of its own. Raises `InvalidInput` for a text that
    cannot be sent, and `Conflict` where there is none.
    """
    fresh = _numbered(variants_of(tx, schedule, now), before)
    if not fresh:
        raise Conflict("Its schedule has no text to send now.", code="nothing_to_send")
    frames = frames_of(tx, before.lists)
    sent, was_sent = ({_sent_of(each) for each in some} for some in (fresh, before.variants))
    if (sent, frames) == (was_sent, before.frames):
        return before
    for each in fresh:
        _expect_sendable(each)
    numbers = {each.number for each in fresh}
    gone = [each for each in (*before.earlier, *before.variants) if each.number not in numbers]
    return replace(before, variants=tuple(fresh), frames=frames, earlier=tuple(gone))


def frames_of(tx: Tx, lists: Sequence[int]) -> dict[int, ListFrame]:
    """Return what stands around the texts of lists as of now."""
    found = tx.gate.lists_by_id(lists)
    return {each: ListFrame.of(tx, found[each]) for each in lists if each in found}


def _numbered(fresh: Sequence[Variant], before: RunContent) -> list[Variant]:
    known = {_place_of(each): each.number for each in (*before.earlier, *before.variants)}
    following = count(max(known.values()) + 1)
    return [each._replace(number=known.get(_place_of(each)) or next(following)) for each in fresh]


def _place_of(variant: Variant) -> tuple[int | None, int]:
    """Return what a variant is for its author: a creative, or a place among a schedule's texts."""
    return variant.creative_id, 0 if variant.creative_id else variant.number


def _sent_of(variant: Variant) -> tuple[int, int, str, str]:
    """Return what makes a difference to recipients; names and payouts make none."""
    return variant.number, variant.percent, variant.message, json.dumps(variant.links)


def _expect_sendable(variant: Variant) -> None:
    template = read_template(variant.message)
    if isinstance(template, Fault):
        raise InvalidInput(f"{variant.name}: {template.text}", code=template.code)
    if lost := [key for key in template.link_keys if key not in variant.links]:
        raise InvalidInput(
            f"{variant.name}: nothing says where {lost[0]} leads",
            code="missing_offer_links_for_placeholders",
        )


def _lists_of(tx: Tx, schedule: Schedule, targets: Sequence[AudienceTarget]) -> tuple[ListId, ...]:
    """Return the lists that send, in the order in which a number on several is taken.

    Of lists that the schedule does not name, those that cannot send now are left out: they would
    keep the others from it. Where none can, that is why there is no run.
    """
    of_targets = dict.fromkeys(ListId(each) for target in targets for each in target.lists)
    if schedule.source_lists:
        return tuple(ListId(each) for each in schedule.source_lists if each in of_targets)
    senders = tx.gate.lists_by_id(of_targets)
    able = tuple(each for each in of_targets if each in senders and senders[each].can_send)
    return able or tuple(of_targets)


def variants_of(tx: Tx, schedule: Schedule, now: int, *, keeps_links: bool = True) -> list[Variant]:
    """Return the texts that a schedule sends as of now.

    Unless it `keeps_links`, nothing is written: each link is the URL that it leads to, which counts
    for no offer.
    """

    def destinations(links: Sequence[OfferLink]) -> dict[str, str]:
        found = {}
        for link in links:
            offer = tx.offers.by_ref(schedule.account_id, link.offer_ref)
            if offer is not None:
                url = link.destination(offer.tracking_url)
                found[link.key] = (
                    _kept_link(tx, schedule.account_id, url, offer.id, now) if keeps_links else url
                )
        return found

    if schedule.send_type is SendType.BLAST:
        return [
            Variant(
                number,
                blast.variant_name or f"Variant {number}",
                blast.percent_audience,
                blast.message,
                destinations(blast.offer_links),
                offers=_offers(tx, schedule.account_id, blast.offer_links),
            )
            for number, blast in enumerate(schedule.blasts, 1)
        ]
    found, _ = tx.creatives.page(
        schedule.account_id, CreativeStatus.ACTIVE, CreativeType.AUTOMATED, 0, _CREATIVES_MAX
    )
    return [
        Variant(
            number,
            creative.name,
            0,
            creative.message,
            destinations(creative.offer_links),
            creative.id,
            _payout(tx, schedule.account_id, creative.offer_links),
            _offers(tx, schedule.account_id, creative.offer_links),
        )
        for number, creative in enumerate(found, 1)
    ]


def _kept_link(tx: Tx, account_id: AccountId, url: str, offer_id: OfferId, now: int) -> str:
    """Return a link to a URL that counts for its offer: see `recipient_links`."""
    tx.destinations.add(account_id, [url], now, offer_id)
    return link_to(tx.destinations.find(account_id, [url], offer_id)[url], url)


def _selection(tx: Tx, schedule: Schedule, variants: Sequence[Variant]) -> RunSelection:
    creatives = [each.creative_id for each in variants if each.creative_id is not None]
    if not creatives:
        return RunSelection()
    return past_selection(tx, schedule.account_id, creatives, is_cto=schedule.is_cto)


def _payout(tx: Tx, account_id: AccountId, links: Sequence[OfferLink]) -> int:
    """Return what a conversion pays; of several offers, whichever pays most."""
    offers = (tx.offers.by_ref(account_id, link.offer_ref) for link in links)
    return max((offer.payout for offer in offers if offer is not None), default=0)


def _offers(tx: Tx, account_id: AccountId, links: Sequence[OfferLink]) -> list[int]:
    """Return the ids of the offers that links count for, each once."""
    offers = (tx.offers.by_ref(account_id, link.offer_ref) for link in links)
    return list(dict.fromkeys(offer.id for offer in offers if offer is not None))


def _shown_target(target: AudienceTarget) -> dict[str, Any]:
    return {
        "lists": target.lists,
        "filter": shown_filter(target.group),
        "known_lists": sorted(target.known_lists),
        "others": {ref: _shown_target(other) for ref, other in target.others.items()},
    }


def _read_target(account_id: AccountId, shown: Mapping[str, Any], now: int) -> AudienceTarget:
    return AudienceTarget(
        account_id=account_id,
        lists=tuple(shown["lists"]),
        group=read_filter(shown["filter"]),
        now=now,
        known_lists=frozenset(shown["known_lists"]),
        others={
            ref: _read_target(account_id, other, now) for ref, other in shown["others"].items()
        },
    )

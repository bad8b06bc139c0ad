"""The orders that turns ask for: a step's text for one contact, with its frame and its links."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sendrail.domain.creative import OfferLink
from sendrail.domain.frame import FilledFrames
from sendrail.domain.ids import OriginId
from sendrail.domain.journeys.document import SendStep
from sendrail.domain.journeys.facts import Facts
from sendrail.domain.journeys.texts import (
    ContactNames,
    UnwritableText,
    text_for,
    text_values,
)
from sendrail.domain.message import Skip
from sendrail.domain.order import Fault, Order
from sendrail.domain.origin import Origin, OriginKind, OriginText
from sendrail.domain.placeholders import LINK_KEYS, Template, inert, read_template
from sendrail.domain.recipient_links import link_to, with_values
from sendrail.domain.sender import SendingList
from sendrail.intake.orders import Limits, measured
from sendrail.storage.interface import Tx
from sendrail.storage.journeys.enrolments import StoredEnrolment
from sendrail.storage.journeys.facts import ContactFacts, JourneyGround

_SKIPS: Final = int(Skip.JOURNEY | Skip.CAMPAIGN)
# What nothing was counted of for a year may be deleted meanwhile; an hour is long enough.
_REMEMBERED_MS: Final = 3_600_000
# A creative that is not there any more, or that cannot be read.
_NO_TEXT: Final = "creative_not_found"


class OriginMemory:
    """The ids of steps as origins of messages, which never change: found once an hour."""

    def __init__(self) -> None:
        self._ids: dict[Origin, OriginId] = {}
        self._since = 0

    def known(self, origin: Origin, now: int) -> OriginId | None:
        """Return the id of an origin, None where it is to be looked for."""
        if not 0 <= now - self._since < _REMEMBERED_MS:
            self._ids.clear()
            self._since = now
        return self._ids.get(origin)

    def learn(self, found: Mapping[Origin, OriginId]) -> None:
        """Remember ids, once the transaction that found or added them is durable."""
        self._ids.update(found)


class _StepText(NamedTuple):
    """What a step sends, read once for a round."""

    template: Template
    links: tuple[str, ...]
    origin_id: int


class OrderWriter:
    """Writes the orders of one round; what they share is read once."""

    def __init__(self, tx: Tx, limits: Limits, memory: OriginMemory, now: int) -> None:
        self._tx = tx
        self._limits = limits
        self._memory = memory
        self._now = now
        # What the memory did not know.
        self.found: dict[Origin, OriginId] = {}
        self._texts: dict[tuple[int, int, str], _StepText | None] = {}
        self._frames = FilledFrames()

    def write(
        self,
        row: StoredEnrolment,
        step: SendStep,
        ground: JourneyGround,
        contact: ContactFacts,
        facts: Facts,
    ) -> Order | str:
        """Return the order of a step for a contact, or the code that says why there is none."""
        sender = ground.sender
        text = self._text_of(row, step, sender)
        if text is None:
            return _NO_TEXT
        frame = self._frames.of(sender.id, sender.brand, lambda: ground.frame)
        names = ContactNames(
            contact.first_name, contact.last_name, contact.timezone, inert(sender.brand)
        )
        values = text_values(names, facts)
        rendered = text_for(text.template, values)
        if isinstance(rendered, UnwritableText):
            return rendered.code
        body = frame.around(rendered.text, row.recipient)
        skips = _SKIPS | Skip.QUIET_HOURS if step.ignores_quiet_hours else _SKIPS
        links = tuple(with_values(link, values) for link in text.links)
        if links:
            # It is measured when it is known how long its links are.
            return Order(
                row.recipient, sender.number, body, skips, links=links, origin_id=text.origin_id
            )
        size = measured(body, self._limits)
        if isinstance(size, Fault):
            return "message_too_long"
        encoding, segments = size
        return Order(
            row.recipient,
            sender.number,
            body,
            skips,
            encoding=encoding,
            segments=segments,
            origin_id=text.origin_id,
        )

    def _text_of(
        self, row: StoredEnrolment, step: SendStep, sender: SendingList
    ) -> _StepText | None:
        key = (row.journey_id, row.version, step.id)
        if key not in self._texts:
            self._texts[key] = self._read(row, step, sender)
        return self._texts[key]

    def _read(self, row: StoredEnrolment, step: SendStep, sender: SendingList) -> _StepText | None:
        template, links = step.template, step.offer_links
        if step.creative_id is not None:
            creative = self._tx.creatives.find(sender.account_id, step.creative_id)
            read = None if creative is None else read_template(creative.message)
            if creative is None or read is None or isinstance(read, Fault):
                return None
            template, links = read, tuple(creative.offer_links)
        if template is None:
            return None
        destinations = self._destinations(sender, links)
        keys = [each for each in LINK_KEYS if each in template.link_keys]
        if not all(each in destinations for each in keys):
            return None
        origin = Origin(OriginKind.JOURNEY, row.journey_id, row.version, step.id)
        found = (self._tx.offers.by_ref(sender.account_id, each.offer_ref) for each in links)
        offers = tuple(dict.fromkeys(each.id for each in found if each is not None))
        origin_id = self._memory.known(origin, self._now)
        if origin_id is None:
            text = OriginText(step.creative_id, offers)
            ids = self._tx.origins.find_or_add(sender.account_id, [origin], {origin: text})
            self.found |= ids
            origin_id = ids[origin]
        return _StepText(template, tuple(destinations[each] for each in keys), origin_id)

    def _destinations(self, sender: SendingList, links: Sequence[OfferLink]) -> Mapping[str, str]:
        """Return where links lead, each counted for its offer: see `recipient_links`."""
        found = {}
        for link in links:
            offer = self._tx.offers.by_ref(sender.account_id, link.offer_ref)
            if offer is None:
                continue
            url = link.destination(offer.tracking_url)
            self._tx.destinations.add(sender.account_id, [url], self._now, offer.id)
            ids = self._tx.destinations.find(sender.account_id, [url], offer.id)
            found[link.key] = link_to(ids[url], url)
        return found

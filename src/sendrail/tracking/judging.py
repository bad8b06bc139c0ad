"""What a visitor of a link is answered, and how the click is judged: pure, before anything is kept.

The answer needs the class first: it stands in the click's id, and decides who sees the filter page.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from sendrail.domain import phone
from sendrail.domain.click_classes import (
    TOO_SOON_MS,
    ClickClass,
    ClickReason,
    ClickVerdict,
    NetworkKind,
    classify,
)
from sendrail.domain.click_ids import ClickIds
from sendrail.domain.filter_page import (
    GONE_PAGE,
    NOT_FOUND_PAGE,
    TOO_MANY_PAGE,
    UNAVAILABLE_PAGE,
    PageWords,
    page,
    shows_page,
)
from sendrail.domain.ids import AccountId, MessageIds, MessageNumber
from sendrail.domain.link_macros import CONTACT_PREFIX, macros_in
from sendrail.domain.link_settings import LinkSettings
from sendrail.domain.locations import host_of, location_of, macros
from sendrail.domain.offer import Offer, OfferStatus
from sendrail.domain.page_tokens import PageTokens
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.tracking.finding import Link
from sendrail.tracking.link_requests import LinkAnswer, LinkRequest

_CONFIRMED: Final = ClickVerdict(ClickClass.HUMAN, ClickReason.CONFIRMED)
# What was sent was sent: a link to an offer that is no longer offered leads there all the same.
_LEADING: Final = frozenset({OfferStatus.ACTIVE, OfferStatus.ARCHIVED})

NOT_FOUND: Final = LinkAnswer(404, page=NOT_FOUND_PAGE)
GONE: Final = LinkAnswer(410, page=GONE_PAGE)
NOT_ALLOWED: Final = LinkAnswer(405)
UNAVAILABLE: Final = LinkAnswer(503, page=UNAVAILABLE_PAGE, retry_after=5)


def too_many(seconds: int) -> LinkAnswer:
    """Return the answer to who has asked for too many links that do not exist."""
    return LinkAnswer(429, page=TOO_MANY_PAGE, retry_after=seconds)


def fallback(domain: TrackingDomain | None) -> LinkAnswer:
    """Return the answer to who follows a link that no longer leads anywhere."""
    url = None if domain is None else domain.fallback_url
    location = None if url is None else location_of(url, {})
    return GONE if location is None else LinkAnswer(302, location)


class JudgedRequest(NamedTuple):
    """An answer, and what the click is; a visitor who is not led anywhere has made none."""

    answer: LinkAnswer
    verdict: ClickVerdict | None


class ClickJudge:
    """Answers requests for links that were found."""

    def __init__(
        self,
        ids: MessageIds,
        click_ids: ClickIds,
        tokens: PageTokens,
        settings_of: Callable[[AccountId], LinkSettings],
        own: Collection[str] = (),
    ) -> None:
        """Take the hosts that short links stand on, as `own`: none leads on to another."""
        self._ids = ids
        self._settings_of = settings_of
        self._own = own
        self._click_ids = click_ids
        self._tokens = tokens

    def judge(self, request: LinkRequest, link: Link, network: NetworkKind) -> JudgedRequest:
        """Return the answer to a request, and the class of its click."""
        at, token = request.at, request.token
        is_confirmed = token is not None and self._tokens.is_valid(link.slot, token, at)
        verdict = _CONFIRMED if is_confirmed else _class_of(request, link, network)
        template = _template_of(link, at)
        if template is None:
            return _fallen_back(request.domain, verdict)
        words = self._page_of(link)
        if words is not None and not is_confirmed and (token is not None or shows_page(verdict)):
            shown = page(words, self._tokens.make(link.slot, at))
            return JudgedRequest(LinkAnswer(200, page=shown), verdict)
        if token is not None and not is_confirmed:
            return JudgedRequest(NOT_ALLOWED, None)
        location = self._location(template, link, request, verdict)
        if location is None:
            return _fallen_back(request.domain, verdict)
        # A POST that is answered by 302 may be repeated as one at the shop (RFC 9110, 15.4.4).
        return JudgedRequest(LinkAnswer(303 if is_confirmed else 302, location), verdict)

    def _page_of(self, link: Link) -> PageWords | None:
        """Return what the filter page of a link says, None where all visitors are led on."""
        offer = link.destination.offer
        settings = self._settings_of(link.account_id)
        of_offer = None if offer is None else offer.filter_bots
        return settings.words if settings.filters(of_offer) else None

    def _location(
        self, template: str, link: Link, request: LinkRequest, verdict: ClickVerdict
    ) -> bytes | None:
        if host_of(template) in self._own:
            # It was made before its host became a tracking domain: it would lead in a circle.
            return None
        wanted = macros(template)
        # An offer's partner names the click when it reports a conversion; other URLs stay as they
        # are, since a signed one breaks by a parameter more.
        destination = link.destination
        is_offers = destination.offer is not None and template == destination.url
        if not wanted and not is_offers:
            return location_of(template, {})
        click_id = self._click_ids.show(
            link.slot, request.at - link.created_at, verdict.click_class
        )
        values = {name: self._value(name, link, click_id) for name in wanted}
        if link.position is None and request.query:
            # In a message's link any visitor could put another affiliate's id by it.
            values |= macros_in(request.query)
        return location_of(template, values, click_id if is_offers else None)

    def _value(self, name: str, link: Link, click_id: str) -> str:
        """Return the value of a macro, empty for one that there is none of."""
        if name == "click_id":
            return click_id
        if name in _MESSAGES_OWN:
            return "" if link.position is None else self._ids.show(MessageNumber(link.number))
        if name == "contact.phone":
            return "" if link.recipient is None else phone.show(PhoneNumber(link.recipient))
        if name.startswith(CONTACT_PREFIX):
            return link.values.get(name.removeprefix(CONTACT_PREFIX), "")
        return _of_offer(name, link.destination.offer)


def _of_offer(name: str, offer: Offer | None) -> str:
    if offer is None:
        return ""
    if name == "offerId":
        return offer.ref
    return (offer.external_id or "") if name == "externalId" else ""


_MESSAGES_OWN: Final = frozenset({"messageId", "sendId"})


def _fallen_back(domain: TrackingDomain | None, verdict: ClickVerdict) -> JudgedRequest:
    answer = fallback(domain)
    return JudgedRequest(answer, None if answer.location is None else verdict)


def _class_of(request: LinkRequest, link: Link, network: NetworkKind) -> ClickVerdict:
    # Where there is no message, nothing was handed over that could be followed too soon.
    since = TOO_SOON_MS if link.position is None else None
    if link.sent_at is not None:
        since = request.at - link.sent_at
    return classify(
        request.agent,
        is_head=request.is_head,
        is_prefetch=request.is_prefetch,
        network=network,
        since_sent_ms=since,
    )


def _template_of(link: Link, at: int) -> str | None:
    """Return where a link leads at a time, None where its offer leads nowhere."""
    offer = link.destination.offer
    if offer is None or offer.status_at(at) in _LEADING:
        return link.destination.url
    return offer.fallback_url

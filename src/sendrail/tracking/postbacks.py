"""Postbacks: what networks report by a GET, with a secret or with an id that cannot be guessed.

A network tries again on anything but a 2xx. So what will never work is no error here: it is
`PostbackRefused`, which is answered 200. Only a wrong secret raises.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sendrail.domain.conversion import (
    Attribution,
    ConversionEvent,
    ConversionSource,
    SentMessage,
)
from sendrail.domain.errors import Unauthorized
from sendrail.domain.ids import AccountId, MessageIds
from sendrail.domain.offer import Offer, window_ms
from sendrail.domain.postback import PostbackSettings, coupon_of
from sendrail.storage.interface import Store, Tx
from sendrail.tracking.links import LinkReader, LinkTarget
from sendrail.tracking.postback_secrets import PostbackSecrets
from sendrail.tracking.postback_settings import ACCOUNT
from sendrail.tracking.recording import (
    ConversionReport,
    Outcome,
    RecordedConversion,
    record,
    without_writing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postback:
    """What a network says; an empty text is not said.

    `amount` is in ten-thousandths of the unit of `currency`, which is the account's where it is not
    said.
    """

    event: ConversionEvent = ConversionEvent.SALE
    amount: int | None = None
    currency: str = ""
    external_id: str | None = None
    secret: str = ""
    # The account of the host that it came to; None where that was the API's.
    host_of: AccountId | None = None


@dataclass(frozen=True, slots=True)
class PostbackRefused:
    """Why nothing was recorded, and never will be for this postback."""

    code: str
    text: str


Answer = RecordedConversion | PostbackRefused
_Judged = ConversionReport | PostbackRefused


class PostbackService:
    """Takes postbacks."""

    def __init__(
        self,
        store: Store,
        ids: MessageIds,
        links: LinkReader,
        secrets: PostbackSecrets,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._ids = ids
        self._links = links
        self._secrets = secrets
        self._now = now

    async def by_offer(self, offer_id: str, message_id: str, said: Postback) -> Answer:
        """Record a conversion of an offer's network. Raises `Unauthorized` for a wrong secret."""

        def judge(tx: Tx) -> _Judged:
            offer = tx.offers.by_ref_anywhere(offer_id)
            if offer is None or not self._knows_offer(offer, said):
                raise _wrong_secret()
            number = self._ids.read(message_id)
            message = None if number is None else tx.conversions.message(offer.account_id, number)
            if message is None:
                return PostbackRefused("message_not_found", "The account has no such message")
            if not self._links.leads_to(tx, message, offer.id):
                return PostbackRefused("no_link", "The message has no link to the offer")
            clicked_at = self._links.first_click(tx, message)
            return self._report(offer, message, clicked_at, said, ConversionSource.OFFER)

        return await self._take(judge)

    async def by_link(self, link_id: str, said: Postback) -> Answer:
        """Record a conversion by a short link's id, which is no secret."""

        def judge(tx: Tx) -> _Judged:
            target = self._on_host(self._links.link(tx, link_id), said)
            if target is None:
                return PostbackRefused("link_not_found", "There is no such link")
            settings = tx.postbacks.settings(target.account_id)
            if not settings.open_links and not self._knows_account(settings, said):
                raise _wrong_secret()
            return self._by_target(tx, target, said, ConversionSource.LINK)

        return await self._take(judge)

    async def by_click(
        self,
        click_id: str,
        said: Postback,
        source: ConversionSource = ConversionSource.CLICK,
        *,
        needs_secret: bool = False,
    ) -> Answer:
        """Record a conversion by a click's id, which only we can make."""

        def judge(tx: Tx) -> _Judged:
            target = self._on_host(self._links.click(tx, click_id), said)
            if target is None:
                return PostbackRefused("click_not_found", "There is no such click")
            settings = tx.postbacks.settings(target.account_id)
            if needs_secret and not self._knows_account(settings, said):
                raise _wrong_secret()
            return self._by_target(tx, target, said, source)

        return await self._take(judge)

    async def by_pixel(self, link_id: str, said: Postback) -> Answer:
        """Record a conversion by a picture on the advertiser's page: any client can ask for it.

        Its own amount counts only where the offer says so, and only within the click's window.
        """

        def judge(tx: Tx) -> _Judged:
            target = self._on_host(self._links.link(tx, link_id), said)
            offer = None if target is None else self._offer_of(tx, target)
            if target is None or offer is None:
                return PostbackRefused("link_not_found", "There is no such link")
            message = _message(tx, target)
            clicked_at = (
                target.clicked_at if message is None else self._links.first_click(tx, message)
            )
            days = tx.postbacks.settings(target.account_id).click_window_days
            within = window_ms(offer.click_window_days, days)
            if clicked_at is None or self._now() - clicked_at > within:
                return PostbackRefused("no_click", "The link was not clicked in time")
            heard = said if offer.pixel_amounts else replace(said, amount=None)
            return self._by_target(tx, target, heard, ConversionSource.PIXEL)

        return await self._take(judge)

    async def by_coupon(self, code: str, said: Postback) -> Answer:
        """Record a conversion by a coupon's code. Raises `Unauthorized` for a wrong secret."""

        def judge(tx: Tx) -> _Judged:
            found = None
            for account_id, offer_id in tx.postbacks.offers_with(coupon_of(code)):
                offer = tx.offers.by_id(account_id, offer_id)
                # Each is compared: how long it takes does not say whose code it is.
                if offer is not None and self._knows_offer(offer, said):
                    found = offer
            if found is None:
                raise _wrong_secret()
            days = tx.postbacks.settings(found.account_id).click_window_days
            since = self._now() - window_ms(found.click_window_days, days)
            target = self._links.first_clicked(tx, found.account_id, found.id, since)
            message = None
            if target is not None:
                message = _message(tx, target)
            clicked_at = None if target is None else target.clicked_at
            return self._report(found, message, clicked_at, said, ConversionSource.COUPON)

        return await self._take(judge)

    # Parts

    async def _take(self, judge: Callable[[Tx], _Judged]) -> Answer:
        """Record what is judged to be one, and is not known.

        Read first: whatever strangers send, what will not be stored begins no write.
        """

        def look(tx: Tx) -> Answer | None:
            judged = judge(tx)
            if isinstance(judged, PostbackRefused):
                return judged
            outcome = without_writing(tx, judged, self._now())
            return None if outcome is None else _answer(outcome)

        def work(tx: Tx) -> Answer:
            # Once more: it may be another in the meantime.
            judged = judge(tx)
            if isinstance(judged, PostbackRefused):
                return judged
            return _answer(record(tx, judged, self._now()))

        found = await self._store.read(look)
        return await self._store.write(work) if found is None else found

    def _by_target(
        self, tx: Tx, target: LinkTarget, said: Postback, source: ConversionSource
    ) -> _Judged:
        message = _message(tx, target)
        if message is None and target.link_id is None:
            return PostbackRefused("message_not_found", "The message was deleted")
        clicked_at = target.clicked_at
        if message is not None:
            # The window runs from the first click, whichever is named; the named one may be all
            # that is known.
            first = self._links.first_click(tx, message)
            clicked_at = min(
                (each for each in (first, clicked_at) if each is not None), default=None
            )
        if clicked_at is None and source in _BY_LINK:
            # Who has a message knows its links: by a click's id it is kept, and in no sum.
            return PostbackRefused("no_click", "No human has clicked the link")
        if message is None and said.external_id is None and source in _BY_LINK:
            return PostbackRefused(
                "missing_txn_id",
                "The link is in no message, and many people may follow it: say which transaction "
                "it is by txn_id, or name the click",
            )
        offer = self._offer_of(tx, target)
        return self._report(offer, message, clicked_at, said, source, target)

    def _report(  # noqa: PLR0917 - what a conversion is about
        self,
        offer: Offer | None,
        message: SentMessage | None,
        clicked_at: int | None,
        said: Postback,
        source: ConversionSource,
        target: LinkTarget | None = None,
    ) -> ConversionReport:
        owner = offer or message or target
        assert owner is not None, "a conversion has an offer, a message or a link"
        account_id = owner.account_id
        return ConversionReport(
            account_id=account_id,
            message=message,
            offer=offer,
            event=said.event,
            external_id=said.external_id,
            amount=said.amount,
            currency=said.currency,
            at=self._now(),
            clicked_at=clicked_at,
            source=source,
            attribution=Attribution.CLICK,
            named_at=None if target is None else target.named_at,
            link_id=None if target is None else target.link_id,
            link_list=None if target is None else target.list_id,
        )

    def _offer_of(self, tx: Tx, target: LinkTarget) -> Offer | None:
        if target.offer_id is None:
            return None
        return tx.offers.by_id(target.account_id, target.offer_id)

    def _on_host(self, target: LinkTarget | None, said: Postback) -> LinkTarget | None:
        """Return what is named where the host is its account's: a host serves one account."""
        if target is None or said.host_of not in {None, target.account_id}:
            return None
        return target

    def _knows_offer(self, offer: Offer, said: Postback) -> bool:
        return self._secrets.is_of(offer, said.secret, self._now())

    def _knows_account(self, settings: PostbackSettings, said: Postback) -> bool:
        return self._secrets.is_of_account(settings, ACCOUNT, said.secret, self._now())


# What names a link and no click.
_BY_LINK: Final = frozenset({ConversionSource.LINK, ConversionSource.PIXEL})


def _answer(outcome: Outcome) -> Answer:
    if isinstance(outcome, RecordedConversion):
        return outcome
    return PostbackRefused(
        outcome.code,
        f"{outcome.message}; or let the network report no amount, and the offer's payout counts",
    )


def _message(tx: Tx, target: LinkTarget) -> SentMessage | None:
    """Return the message of a link, None for one that is gone and for a link in no message."""
    if target.number is None:
        return None
    return tx.conversions.message(target.account_id, target.number)


def _wrong_secret() -> Unauthorized:
    return Unauthorized("The postback secret is wrong or missing.", code="invalid_postback_secret")

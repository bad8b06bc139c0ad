"""Creatives of an account: the texts of its campaigns, and the offers behind their links."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sendrail.campaigns.previews import (
    Preview,
    PreviewInput,
    TextContext,
    account_context,
    preview,
)
from sendrail.campaigns.reading import (
    NEW_STATUSES,
    CreativeInput,
    columns,
    expect_destination,
    expect_links,
    links_of,
    required,
    template_of,
)
from sendrail.contacts.guard import Guard, unguarded
from sendrail.contacts.inputs import PAGE_SIZE, slice_of
from sendrail.domain.audit import Action, Actor
from sendrail.domain.creative import (
    LONG_VALUE,
    Creative,
    CreativeStatus,
    CreativeType,
    OfferLink,
    SampleText,
    TextEstimate,
    estimate,
    sample,
)
from sendrail.domain.creative_warnings import TextWarning, text_warnings
from sendrail.domain.destinations import ANYWHERE, DestinationRules
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import AccountId, OfferId, is_row_id
from sendrail.domain.offer import OfferStatus
from sendrail.domain.order import Fault
from sendrail.domain.placeholders import Template, read_template
from sendrail.links.texts import LinkTexts
from sendrail.storage.interface import Store, Tx

CREATIVES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeDetails:
    """A creative, its documented counts, its true sizes, and what to change before it goes out.

    `shortest` has the defaults of its fields, `longest` a long value for each.
    """

    creative: Creative
    estimate: TextEstimate
    shortest: SampleText
    longest: SampleText
    warnings: Sequence[TextWarning]


@dataclass(frozen=True, slots=True)
class MeasuredText:
    """A text that is not stored: its sizes, and what to change before it goes out."""

    shortest: SampleText
    longest: SampleText
    warnings: Sequence[TextWarning]


@dataclass(frozen=True, slots=True)
class CreativePage:
    """One page of creatives, and how many there are."""

    creatives: Sequence[CreativeDetails]
    total: int


class CreativeService:
    """Operations on an account's creatives; another account's looks like none."""

    def __init__(
        self,
        store: Store,
        links: LinkTexts,
        now: Callable[[], int],
        rules: DestinationRules = ANYWHERE,
        *,
        most: int = CREATIVES_MAX,
    ) -> None:
        """Keep at most so many creatives for each account, archived ones included."""
        self._rules = rules
        self._store = store
        self._most = most
        self._links = links
        self._now = now

    async def add(
        self, account_id: AccountId, given: CreativeInput, actor: Actor, *, guard: Guard = unguarded
    ) -> CreativeDetails:
        """Add a creative.

        Raises `InvalidInput` with the documented code of the first field at fault, and `Conflict`
        past the limit of the account.
        """
        required(given)
        values = _NEW | columns(given, NEW_STATUSES)
        template = template_of(values["message"])
        links = links_of(given.offer_links or (), self._rules)
        expect_links(template, links)

        def add(tx: Tx) -> CreativeDetails:
            if tx.creatives.count(account_id) >= self._most:
                raise Conflict(
                    f"An account has at most {self._most:,} creatives, archived ones included.",
                    code="too_many_creatives",
                )
            owned = self._with_offers(tx, account_id, links)
            now = self._now()
            creative_id = tx.creatives.add(account_id, **values, created_at=now, updated_at=now)
            tx.creatives.set_links(account_id, creative_id, owned)
            _note(tx, account_id, actor, Action.CREATIVE_ADDED, creative_id, {}, now)
            return _details(tx, account_id, creative_id)

        return await self._store.write(guard(add))

    async def page(
        self,
        account_id: AccountId,
        status: CreativeStatus = CreativeStatus.ACTIVE,
        creative_type: CreativeType | None = None,
        *,
        page: int = 1,
        per_page: int = PAGE_SIZE,
    ) -> CreativePage:
        """Return one page of creatives of a status, oldest first."""
        offset, limit = slice_of(page, per_page)

        def read(tx: Tx) -> CreativePage:
            found, total = tx.creatives.page(account_id, status, creative_type, offset, limit)
            around = account_context(tx, account_id)
            return CreativePage([_described(each, around) for each in found], total)

        return await self._store.read(read)

    async def show(self, account_id: AccountId, creative_id: int) -> CreativeDetails:
        """Return one creative, whatever its status. Raises `NotFound`."""
        return await self._store.read(lambda tx: _details(tx, account_id, creative_id))

    async def measure(self, account_id: AccountId, message: str) -> MeasuredText:
        """Return a text that is being written as phones would show it.

        A link that leads nowhere yet is no fault. Raises `InvalidInput` where it cannot be read.
        """
        template = read_template(message)
        if isinstance(template, Fault):
            raise InvalidInput(template.text, code=template.code, param=template.param)
        around = await self._store.read(lambda tx: account_context(tx, account_id))
        return _measured(template, around)

    async def preview(
        self, account_id: AccountId, creative_id: int, given: PreviewInput
    ) -> Preview:
        """Return a creative as one contact would get it; see `previews.preview`."""

        def read(tx: Tx) -> Preview:
            found = owned_creative(tx, account_id, creative_id)
            return preview(tx, account_id, found, given, self._links)

        return await self._store.read(read)

    async def change(
        self, account_id: AccountId, creative_id: int, given: CreativeInput, actor: Actor
    ) -> CreativeDetails:
        """Change what is given; the text and its links must agree afterwards."""
        values = columns(given, tuple(CreativeStatus))
        links = None if given.offer_links is None else links_of(given.offer_links, self._rules)

        def change(tx: Tx) -> CreativeDetails:
            before = owned_creative(tx, account_id, creative_id)
            if "message" in values or links is not None:
                template = template_of(values.get("message", before.message))
                expect_links(template, before.offer_links if links is None else links)
            if not values and links is None:
                return _details(tx, account_id, creative_id)
            now = self._now()
            tx.creatives.change(account_id, before.id, updated_at=now, **values)
            if links is not None:
                kept = {link.offer_ref for link in before.offer_links}
                owned = self._with_offers(tx, account_id, links, kept)
                tx.creatives.set_links(account_id, before.id, owned)
            changed = values if links is None else values | {"offer_links": links}
            _note(tx, account_id, actor, Action.CREATIVE_CHANGED, before.id, changed, now)
            return _details(tx, account_id, creative_id)

        return await self._store.write(change)

    async def archive(self, account_id: AccountId, creative_id: int, actor: Actor) -> None:
        """Hide a creative from new campaigns; a change of its status brings it back."""

        def archive(tx: Tx) -> None:
            found, now = owned_creative(tx, account_id, creative_id), self._now()
            if found.status is CreativeStatus.ARCHIVED:
                return
            archived = {"status": CreativeStatus.ARCHIVED, "updated_at": now}
            tx.creatives.change(account_id, found.id, **archived)
            _note(tx, account_id, actor, Action.CREATIVE_ARCHIVED, found.id, {}, now)

        await self._store.write(archive)

    def _with_offers(
        self,
        tx: Tx,
        account_id: AccountId,
        links: Sequence[OfferLink],
        kept: set[str] | None = None,
    ) -> list[tuple[OfferLink, OfferId]]:
        """Return links with their offers, the account's own; an archived one only if `kept`."""
        owned = []
        for link in links:
            offer = tx.offers.by_ref(account_id, link.offer_ref)
            is_new = kept is None or link.offer_ref not in kept
            if offer is None or (is_new and offer.status is OfferStatus.ARCHIVED):
                raise InvalidInput(
                    f"{link.key} leads to no offer of yours",
                    code="offer_not_found",
                    param="offer_links",
                )
            expect_destination(link, offer.tracking_url, self._rules)
            owned.append((link, offer.id))
        return owned


# The columns of a creative of which nothing is given but what it must have.
_NEW: Final[dict[str, Any]] = {
    "status": CreativeStatus.ACTIVE,
    "creative_type": CreativeType.AUTOMATED,
}


def owned_creative(tx: Tx, account_id: AccountId, creative_id: int) -> Creative:
    """Return the account's creative of an id. Raises `NotFound`, the same for another's."""
    found = tx.creatives.find(account_id, creative_id) if is_row_id(creative_id) else None
    if found is None:
        raise NotFound("There is no such creative, or it is not yours.")
    return found


def _details(tx: Tx, account_id: AccountId, creative_id: int) -> CreativeDetails:
    found = owned_creative(tx, account_id, creative_id)
    return _described(found, account_context(tx, account_id))


def _described(found: Creative, around: TextContext) -> CreativeDetails:
    urls = [link.url for link in found.offer_links if link.url]
    size = _measured(template_of(found.message), around, urls)
    return CreativeDetails(
        creative=found,
        estimate=estimate(found.message),
        shortest=size.shortest,
        longest=size.longest,
        warnings=size.warnings,
    )


def _measured(template: Template, around: TextContext, urls: Sequence[str] = ()) -> MeasuredText:
    shortest = sample(template, around.link, around.sender)
    longest = sample(template, around.link, around.sender, LONG_VALUE)
    return MeasuredText(shortest, longest, text_warnings(shortest, longest, urls))


def _note(  # noqa: PLR0917 - an entry's parts
    tx: Tx,
    account_id: AccountId,
    actor: Actor,
    action: Action,
    creative_id: int,
    values: Mapping[str, Any],
    now: int,
) -> None:
    details = {"fields": sorted(values)} if values else {}
    tx.audit.add(account_id, actor, action, f"creative {creative_id}", details, now)

"""What forms let choose by name: the lists, audiences, offers and creatives of an account.

Of very many a part stands there, and always what a form has chosen already, even where it is
archived. What is not the account's is in none of them.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from sendrail.contacts.audiences import AUDIENCES_MAX
from sendrail.dashboard.asking import PageRequest
from sendrail.domain.audience import AudienceStatus
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.creative import CreativeStatus
from sendrail.domain.errors import NotFound
from sendrail.domain.ids import is_object_id, read_row_id
from sendrail.domain.journeys.faults import StepReference
from sendrail.domain.offer import OfferStatus

# An id as a form sends it, and the name.
NamedChoice = tuple[str, str]

_MOST: Final = 200


async def lists_shown(ask: PageRequest) -> Sequence[NamedChoice]:
    """Return the lists."""
    return [(str(each.id), each.name) for each in await ask.runtime.lists.all(ask.account)]


async def audiences_shown(
    ask: PageRequest, chosen: Collection[str] = (), *, but: str = ""
) -> Sequence[NamedChoice]:
    """Return the audiences, without the one of the id `but`."""
    service = ask.runtime.audiences
    page = await service.page(ask.account, per_page=AUDIENCES_MAX)
    found = [(each.ref, each.name) for each in page.audiences if each.ref != but]

    async def show(ref: str) -> str:
        audience = await service.show(ask.account, _ref(ref))
        return _named(audience.name, audience.status is AudienceStatus.ARCHIVED)

    return await _with_chosen(found, chosen, show)


async def offers_shown(ask: PageRequest, chosen: Collection[str] = ()) -> Sequence[NamedChoice]:
    """Return the offers that a link can lead to."""
    service = ask.runtime.tracking.offers
    page = await service.page(ask.account, per_page=_MOST)
    found = [(each.ref, each.name) for each in page.offers]

    async def show(ref: str) -> str:
        offer = await service.show(ask.account, _ref(ref))
        return _named(offer.name, offer.status is OfferStatus.ARCHIVED)

    return await _with_chosen(found, chosen, show)


async def creatives_shown(ask: PageRequest, chosen: Collection[str] = ()) -> Sequence[NamedChoice]:
    """Return the creatives."""
    service = ask.runtime.creatives
    page = await service.page(ask.account, per_page=_MOST)
    found = [(str(each.creative.id), each.creative.name) for each in page.creatives]

    async def show(number: str) -> str:
        creative = (await service.show(ask.account, _number(number))).creative
        return _named(creative.name, creative.status is CreativeStatus.ARCHIVED)

    return await _with_chosen(found, chosen, show)


async def journeys_shown(ask: PageRequest, chosen: Collection[str] = ()) -> Sequence[NamedChoice]:
    """Return the journeys."""
    service = ask.runtime.journeys
    page = await service.page(ask.account, per_page=_MOST)
    found = [(str(each.id), each.name) for each, _ in page.journeys]

    async def show(number: str) -> str:
        journey, _ = await service.show(ask.account, _number(number))
        return _named(journey.name, journey.status is JourneyStatus.ARCHIVED)

    return await _with_chosen(found, chosen, show)


async def endpoints_shown(ask: PageRequest) -> Sequence[NamedChoice]:
    """Return the endpoints of webhooks; one without a name goes by its URL."""
    found = await ask.runtime.webhooks.all(ask.account)
    return [(str(each.id), each.name or each.url) for each, _ in found]


async def names_of(
    ask: PageRequest, references: Iterable[StepReference]
) -> dict[tuple[str, str], str]:
    """Return the names of what a journey's document names of the account, by kind and id.

    What is not there, or not the account's, has none.
    """
    wanted = {(each.kind, str(each.id)) for each in references}
    show = _shows(ask)
    found = {}
    for kind, ref in sorted(wanted):
        with suppress(NotFound):
            found[kind, ref] = await show[kind](ref)
    return found


def _shows(ask: PageRequest) -> dict[str, Callable[[str], Awaitable[str]]]:
    """Return what finds the name of each kind; it raises `NotFound`."""
    runtime, account = ask.runtime, ask.account

    async def creative(ref: str) -> str:
        return (await runtime.creatives.show(account, _number(ref))).creative.name

    async def offer(ref: str) -> str:
        return (await runtime.tracking.offers.show(account, _ref(ref))).name

    async def audience(ref: str) -> str:
        return (await runtime.audiences.show(account, _ref(ref))).name

    async def journey(ref: str) -> str:
        return (await runtime.journeys.show(account, _number(ref)))[0].name

    async def sending_list(ref: str) -> str:
        return _of(await lists_shown(ask), ref)

    async def endpoint(ref: str) -> str:
        return _of(await endpoints_shown(ask), ref)

    return {
        "creative": creative, "offer": offer, "audience": audience, "journey": journey,
        "list": sending_list, "endpoint": endpoint,
    }  # fmt: skip


def _of(choices: Sequence[NamedChoice], ref: str) -> str:
    for each, name in choices:
        if each == ref:
            return name
    raise NotFound("The account has none of this id.")


async def _with_chosen(
    found: list[NamedChoice], chosen: Collection[str], show: Callable[[str], Awaitable[str]]
) -> Sequence[NamedChoice]:
    """Add what is chosen and not among those found, where the account has it."""
    known = {each for each, _ in found}
    for each in dict.fromkeys(chosen):
        if each and each not in known:
            try:
                found.append((each, await show(each)))
            except NotFound:
                # The form shows its id, as that of something that is not there.
                continue
    return found


def _ref(text: str) -> str:
    """Return a public id that a form or a document says. Raises `NotFound` where it is none."""
    if not is_object_id(text):
        raise NotFound("This is no id.")
    return text


def _number(text: str) -> int:
    """Return an id that a form or a document says. Raises `NotFound` where it is none."""
    if (found := read_row_id(text)) is None:
        raise NotFound("This is no id.")
    return found


def _named(name: str, is_archived: bool) -> str:
    return f"{name}, archived" if is_archived else name

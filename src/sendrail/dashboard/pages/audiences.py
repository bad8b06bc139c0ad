"""Audiences: how many each reaches, and of one whom it means, some of them, and who is left out."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from sendrail.contacts.audience_counts import AudienceEstimate
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.filter_words import filter_lines
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.audience import Audience, AudienceStatus
from sendrail.domain.audience_filter import AudienceCondition
from sendrail.domain.contact import ListContact
from sendrail.domain.errors import NotFound
from sendrail.domain.user import Permission

LOOKS: Final = {
    AudienceStatus.ACTIVE: ("ok", "Active"),
    AudienceStatus.ARCHIVED: ("dropped idle", "Archived"),
}
# So few that all can be estimated while one waits for the page.
PER_PAGE: Final = 20
_SHOWN: Final = 20


async def audiences(ask: PageRequest) -> Response:
    """Show a page of audiences with their sizes."""
    view = ask.query.get("status", "")
    status = AudienceStatus.ARCHIVED if view == "archived" else AudienceStatus.ACTIVE
    at = ask.page_number
    found = await ask.runtime.audiences.page(ask.account, status, page=at, per_page=PER_PAGE)
    has_more = found.total > at * PER_PAGE
    return ask.page(
        "audiences.html",
        found=found.audiences,
        total=found.total,
        sizes={each.ref: await _estimate(ask, each) for each in found.audiences},
        view=status.value,
        at=at,
        newest=ask.url(page=None, said=None) if at > 1 else None,
        older=ask.url(page=str(at + 1), said=None) if has_more else None,
        looks=LOOKS,
    )


async def audience(ask: PageRequest) -> Response:
    """Show one audience; with `count` in the address it is counted to the last member."""
    runtime, ref = ask.runtime, ask.path("audience_id")
    found = await runtime.audiences.show(ask.account, ref)
    size = await _estimate(ask, found)
    explained = None
    # A large one takes a while: it is counted only for who asks for it.
    if size.is_exact or "count" in ask.query:
        explained = await ask.answers.get(
            ("explained", ask.account, ref, found.updated_at),
            lambda: runtime.audience_counts.explain(ask.account, ref),
        )
    names = {int(each.id): each.name for each in await runtime.lists.all(ask.account)}
    some: Sequence[ListContact] = ()
    if ask.may(Permission.SEE_PEOPLE):
        some = await runtime.audience_counts.some(ask.account, ref, _SHOWN)
    return ask.page(
        "audience.html",
        found=found,
        size=size,
        explained=explained,
        some=some,
        lists=names,
        lines=list(filter_lines(found.filter, names, await _named(ask, found))),
        looks=LOOKS,
    )


async def _estimate(ask: PageRequest, audience: Audience) -> AudienceEstimate:
    """Return how many an audience reaches, one estimate for all who look at it now."""
    key = ("audience", ask.account, audience.ref, audience.updated_at)
    counts = ask.runtime.audience_counts
    found: AudienceEstimate = await ask.answers.get(
        key, lambda: counts.estimate(ask.account, audience.ref)
    )
    return found


async def _named(ask: PageRequest, audience: Audience) -> dict[str, str]:
    """Return the names of the audiences that a filter speaks of."""
    refs = {each.audience for each in audience.filter.walk() if isinstance(each, AudienceCondition)}
    names = {}
    for ref in refs:
        try:
            names[ref] = (await ask.runtime.audiences.show(ask.account, ref)).name
        except NotFound:
            continue
    return names


ROUTES: Final = (
    PageRoute(route="GET /audiences", answer=audiences, permission=Permission.SEE_FIGURES),
    PageRoute(
        route="GET /audiences/{audience_id}", answer=audience, permission=Permission.SEE_FIGURES
    ),
)

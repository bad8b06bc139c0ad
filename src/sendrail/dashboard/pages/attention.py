"""What the overview says needs attention: what is broken, what is doubtful, what is paused."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sendrail.connectors.service import ConnectorSummary
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.pages.campaigns import REASONS
from sendrail.dashboard.showing import count_shown, day_shown, lasted_shown, took_shown
from sendrail.domain.campaign_run import RunReason
from sendrail.domain.contact import JourneyStatus
from sendrail.domain.sender import ConnectorState, ListStatus
from sendrail.domain.user import Permission
from sendrail.storage.pipeline.figures import AccountFigures

CONNECTOR_LOOKS: Final = {
    ConnectorState.OPEN: ("ok", "Open"),
    ConnectorState.RESTING: ("bad", "Rests"),
    ConnectorState.PAUSED: ("idle half", "Paused"),
    ConnectorState.BROKEN: ("bad", "Broken"),
    ConnectorState.CLOSED: ("dropped idle", "Closed"),
}
# So many of a kind are named; the rest stands behind one link.
_NAMED_MAX: Final = 3


class _Attention(NamedTuple):
    """Something that wants a decision, and the page for it."""

    look: str
    icon: str
    title: str
    text: str
    path: str
    link: str


async def attention(
    ask: PageRequest, figures: AccountFigures, connectors: Sequence[ConnectorSummary], now: int
) -> Sequence[_Attention]:
    """Return what needs a decision by a user of the account, what is broken first."""
    return [
        *_connectors(connectors),
        *_uncertain(figures, now),
        *await _endpoints(ask, now),
        *await _lists(ask),
        *await _runs(ask),
        *await _journeys(ask, now),
    ]


def _connectors(connectors: Sequence[ConnectorSummary]) -> Iterator[_Attention]:
    for each in connectors:
        name, state = each.connector.name, each.report.state
        if state in {ConnectorState.RESTING, ConnectorState.BROKEN}:
            is_how = "is resting" if state is ConnectorState.RESTING else "is broken"
            text = each.report.detail or "Nothing is submitted by it."
            path = f"/connectors/{name}"
            yield _Attention("bad", "alert", f"{name} {is_how}", text, path, "Open connector")


def _uncertain(figures: AccountFigures, now: int) -> Iterator[_Attention]:
    if not figures.uncertain:
        return
    title = "One message is uncertain"
    if figures.uncertain > 1:
        title = f"{count_shown(figures.uncertain)} messages are uncertain"
    text = "They may be on the phone. Nothing is sent twice."
    if figures.oldest_uncertain_at:
        text += f" The oldest has waited for {took_shown(now - figures.oldest_uncertain_at)}."
    yield _Attention("doubt", "doubt", title, text, "/messages?status=uncertain", "Show messages")


async def _endpoints(ask: PageRequest, now: int) -> list[_Attention]:
    if not ask.may(Permission.MANAGE):
        return []
    return [
        _Attention(
            "warn",
            "webhooks",
            "An endpoint is failing",
            f"{each.name or each.url} has failed for {lasted_shown(now - each.failing_since)}.",
            f"/webhooks/{each.id}",
            "Open endpoint",
        )
        for each, _ in await ask.runtime.webhooks.all(ask.account)
        if each.failing_since is not None
    ]


async def _lists(ask: PageRequest) -> list[_Attention]:
    text = "It sends nothing before its connector is verified."
    return [
        _Attention(
            "warn", "lists", f"{each.name} is not verified", text, f"/lists/{each.id}", "Open list"
        )
        for each in await ask.runtime.lists.all(ask.account)
        if each.byoc and each.verified_at is None and each.status is ListStatus.ACTIVE
    ]


async def _runs(ask: PageRequest) -> list[_Attention]:
    found = await ask.runtime.runs.paused(ask.account, limit=_NAMED_MAX + 1)
    said = [
        _Attention(
            "warn",
            "pause",
            f"A run of {each.schedule_name} is paused",
            f"That of {day_shown(each.run.local_date)} sends nothing until it is resumed or stopped"
            + _because(each.run.reason),
            f"/campaigns/{each.schedule_ref}/runs/{each.run.id}",
            "Open run",
        )
        for each in found[:_NAMED_MAX]
    ]
    if len(found) > _NAMED_MAX:
        text = "Each sends nothing until it is resumed or stopped."
        said.append(
            _Attention(
                "warn", "pause", "More runs are paused", text, "/campaigns", "Open campaigns"
            )
        )
    return said


def _because(reason: RunReason | None) -> str:
    return "." if reason in {None, RunReason.ASKED} else f": {REASONS[reason]}."


async def _journeys(ask: PageRequest, now: int) -> list[_Attention]:
    found = await ask.runtime.journeys.page(
        ask.account, status=JourneyStatus.PAUSED, per_page=_NAMED_MAX
    )
    said = []
    for journey, _ in found.journeys:
        since = ""
        if journey.paused_at is not None:
            since = f" It has been paused for {lasted_shown(now - journey.paused_at)}."
        said.append(
            _Attention(
                "warn",
                "pause",
                f"{journey.name} is paused",
                f"No contact enters it or goes on before it is resumed.{since}",
                f"/journeys/{journey.id}",
                "Open journey",
            )
        )
    if (more := found.total - len(said)) > 0:
        text = "No contact enters them or goes on before they are resumed."
        title = f"{count_shown(more)} more journeys are paused"
        path = "/journeys?status=paused"
        said.append(_Attention("warn", "pause", title, text, path, "Open journeys"))
    return said

"""Webhooks: where events are posted, what came of each attempt, a new endpoint, and a replay."""

from collections.abc import Collection, Mapping
from typing import Final

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.dashboard.showing import lasted_shown
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import Conflict, InvalidInput, SendrailError
from sendrail.domain.ids import EndpointId
from sendrail.domain.times import DAY_MS
from sendrail.domain.user import Permission
from sendrail.domain.webhook import USUAL, EndpointState, Event

PER_PAGE: Final = 50
_SKIP_MAX: Final = 999_999
# What an endpoint can ask for, in words.
EVENTS: Final[Mapping[Event, str]] = {
    Event.DELIVERY: "Deliveries and failures",
    Event.UNSUBSCRIBE: "Opt-outs",
    Event.REPLY: "Replies",
    Event.SENT: "Handed to a carrier",
    Event.CLICK: "Clicks",
    Event.CONVERSION: "Conversions",
    Event.CAMPAIGN_COMPLETED: "A campaign’s run is complete",  # noqa: RUF001
    Event.CAMPAIGN_PAUSED: "A run is paused",
    Event.CAMPAIGN_SKIPPED: "A run is skipped",
    Event.CAMPAIGN_STOPPED: "A run is stopped",
    Event.JOURNEY_ENTERED: "A contact enters a journey",
    Event.JOURNEY_ENDED: "A contact’s journey ends",  # noqa: RUF001
    Event.AUTOMATIC: "Deliveries of automatic replies as well",
}
LOOKS: Final = {
    EndpointState.ACTIVE: ("ok", "Active"),
    EndpointState.PAUSED: ("idle half", "Paused"),
    EndpointState.GONE: ("bad", "Gone"),
}


async def webhooks(ask: PageRequest) -> Response:
    """Show the account's endpoints."""
    return await _endpoints(ask)


async def add(ask: PageRequest) -> Response:
    """Add an endpoint, and show its secret this once."""
    chosen = ask.many.get("events", ())
    try:
        made = await ask.runtime.webhooks.add(
            ask.account,
            ask.field("url"),
            name=ask.field("name"),
            events=_events(chosen),
            actor=ask.actor,
        )
    except (InvalidInput, Conflict) as fault:
        return await _endpoints(ask, fault=fault, chosen=chosen)
    return await _endpoints(ask, secret=made.secret)


async def _endpoints(
    ask: PageRequest,
    *,
    fault: SendrailError | None = None,
    chosen: Collection[str] = USUAL,
    secret: str = "",
) -> Response:
    return ask.page(
        "webhooks.html",
        status=400 if fault else 200,
        endpoints=await ask.runtime.webhooks.all(ask.account),
        looks=LOOKS,
        kinds=EVENTS,
        chosen=chosen,
        fault=fault,
        given=ask.form if fault else {},
        secret=secret,
    )


async def endpoint(ask: PageRequest) -> Response:
    """Show one endpoint and its attempts, those of the newest events first."""
    skip = read_digits(ask.query.get("skip", ""), _SKIP_MAX) or 0
    found = await ask.runtime.webhooks.find(ask.account, _id(ask))
    attempts = await ask.runtime.webhooks.attempts(
        ask.account, found.id, offset=skip, limit=PER_PAGE + 1
    )
    return ask.page(
        "webhook.html",
        endpoint=found,
        attempts=attempts[:PER_PAGE],
        failed_for=lasted_shown(ask.runtime.clock.now() - found.failing_since)
        if found.failing_since
        else "",
        looks=LOOKS,
        newest=ask.url(skip=None) if skip else None,
        older=ask.url(skip=str(skip + PER_PAGE), said=None) if len(attempts) > PER_PAGE else None,
    )


async def pause(ask: PageRequest) -> Response:
    """Post nothing more; events are kept for it."""
    await ask.runtime.webhooks.pause(ask.account, _id(ask), ask.actor)
    return ask.go(f"/webhooks/{_id(ask)}", "The endpoint is paused; its events are kept.")


async def resume(ask: PageRequest) -> Response:
    """Post again, what was kept first."""
    await ask.runtime.webhooks.resume(ask.account, _id(ask), ask.actor)
    return ask.go(f"/webhooks/{_id(ask)}", "The endpoint gets events again.")


async def test(ask: PageRequest) -> Response:
    """Post a test event at once."""
    made = (await ask.runtime.webhooks.test(ask.account, _id(ask))).attempt
    answer = f"It answered {made.status}." if made.status else f"No answer came: {made.detail}."
    return ask.go(f"/webhooks/{_id(ask)}", f"The test event was posted. {answer}")


async def replay(ask: PageRequest) -> Response:
    """Post one event again, or all that were given up in the last day."""
    event = ask.field("event") or None
    since = ask.runtime.clock.now() - DAY_MS
    count = await ask.runtime.webhooks.replay(ask.account, _id(ask), event=event, since=since)
    said = "One event is posted again." if count == 1 else f"{count} events are posted again."
    return ask.go(f"/webhooks/{_id(ask)}", said)


def _events(chosen: Collection[str]) -> Collection[Event]:
    if not chosen or not set(chosen) <= set(Event):
        raise InvalidInput("Choose what is posted to it.", param="events")
    return [Event(each) for each in chosen]


def _id(ask: PageRequest) -> EndpointId:
    return EndpointId(ask.number("endpoint_id"))


_MANAGE: Final = Permission.MANAGE
_ONE: Final = "/webhooks/{endpoint_id}"
ROUTES: Final = (
    PageRoute(route="GET /webhooks", answer=webhooks, permission=_MANAGE),
    PageRoute(route="POST /webhooks", answer=add, permission=_MANAGE, confirmed=True),
    PageRoute(route=f"GET {_ONE}", answer=endpoint, permission=_MANAGE),
    PageRoute(route=f"POST {_ONE}/pause", answer=pause, permission=_MANAGE),
    PageRoute(route=f"POST {_ONE}/resume", answer=resume, permission=_MANAGE),
    PageRoute(route=f"POST {_ONE}/test", answer=test, permission=_MANAGE),
    PageRoute(route=f"POST {_ONE}/replay", answer=replay, permission=_MANAGE),
)

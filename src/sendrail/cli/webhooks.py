"""`sendrail webhooks`: an account's endpoints, and the attempts to post events to them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import (
    HOUR_MS,
    OVERLAP_HOURS,
    Overlap,
    Page,
    PerPage,
    moment_of,
    operator,
    run,
    sender,
)

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.webhook import Endpoint
    from sendrail.webhooks.service import EventAttempt, NewSecret

app = typer.Typer(help="Webhook endpoints, to which events are posted.", no_args_is_help=True)

_COLUMNS = ("id", "state", "waiting", "events", "list_number", "name", "url")
_ATTEMPT_COLUMNS = ("event_id", "attempt", "outcome", "status", "ms", "started_at", "detail")

Id = Annotated[int, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        help="Only this event: delivery, reply, unsubscribe, sent, click, conversion, "
        "campaign.paused, campaign.skipped, campaign.completed, campaign.stopped, "
        "journey.entered, journey.ended, or automatic (the deliveries of automatic replies). "
        "May be repeated.",
    ),
]
Name = Annotated[str | None, typer.Option(help="A name of your choice.")]
OfList = Annotated[
    str | None, typer.Option("--list", metavar="NUMBER", help="Only events of this list.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post events.")],
    *,
    event: Events = None,
    list_number: OfList = None,
    name: Name = None,
) -> None:
    """Add an endpoint; its secret is shown only once."""
    from sendrail.webhooks.service import events_of

    async def work(it: "Runtime") -> "tuple[NewSecret, dict[str, Any]]":
        made = await it.webhooks.add(
            it.default_account,
            url,
            name=name or "",
            events=events_of(event or ()),
            list_number=sender(list_number) if list_number else None,
            actor=operator(),
        )
        return made, await _shown(it, made.endpoint)

    _print_secret(*run(work))


@app.command("list")
def list_() -> None:
    """List the endpoints, with the number of waiting events."""

    async def work(it: "Runtime") -> list[dict[str, Any]]:
        found = await it.webhooks.all(it.default_account)
        return [await _shown(it, endpoint, waiting) for endpoint, waiting in found]

    endpoints = run(work)
    output.listing("endpoints", _COLUMNS, endpoints, "There are no endpoints.")


@app.command()
def show(endpoint: Id) -> None:
    """Show one endpoint."""
    _run_and_print(lambda it: it.webhooks.find(it.default_account, _id(endpoint)))


@app.command()
def change(
    endpoint: Id,
    *,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where to post events.")] = None,
    event: Events = None,
    list_number: Annotated[
        str | None,
        typer.Option("--list", metavar="NUMBER", help='Only events of this list; "" for all.'),
    ] = None,
    name: Name = None,
) -> None:
    """Change the given properties of an endpoint, and keep the others."""
    from sendrail.webhooks.service import events_of

    _run_and_print(
        lambda it: it.webhooks.change(
            it.default_account,
            _id(endpoint),
            url=url,
            name=name,
            events=None if event is None else events_of(event),
            list_number=sender(list_number) if list_number else None,
            all_lists=list_number == "",
            actor=operator(),
        )
    )


@app.command()
def pause(endpoint: Id) -> None:
    """Stop posting to an endpoint; its events are kept."""
    _run_and_print(lambda it: it.webhooks.pause(it.default_account, _id(endpoint), operator()))


@app.command()
def resume(endpoint: Id) -> None:
    """Post to a paused endpoint again, beginning with the events that waited."""
    _run_and_print(lambda it: it.webhooks.resume(it.default_account, _id(endpoint), operator()))


@app.command()
def remove(endpoint: Id, yes: Yes = False) -> None:
    """Remove an endpoint with all its events, delivered or not."""
    if not yes:
        typer.confirm(f"Remove endpoint {endpoint} and its events?", abort=True, err=True)
    run(lambda it: it.webhooks.remove(it.default_account, _id(endpoint), operator()))
    output.done({"removed": True}, "removed")


@app.command()
def rotate(endpoint: Id, overlap: Overlap = OVERLAP_HOURS) -> None:
    """Give an endpoint a new secret; it is shown only once."""

    async def work(it: "Runtime") -> "tuple[NewSecret, dict[str, Any]]":
        made = await it.webhooks.rotate(
            it.default_account, _id(endpoint), overlap_ms=overlap * HOUR_MS, actor=operator()
        )
        return made, await _shown(it, made.endpoint)

    _print_secret(*run(work))


@app.command("test")
def try_out(endpoint: Id) -> None:
    """Post a test event at once and show the answer; exit code 1 if it is not a 2xx."""
    from sendrail.domain.webhook import ACKNOWLEDGED

    event = run(lambda it: it.webhooks.test(it.default_account, _id(endpoint)))
    shown = _attempt(event)
    output.card(shown)
    if shown["outcome"] != ACKNOWLEDGED:
        raise typer.Exit(output.Exit.FAILED)


@app.command()
def attempts(endpoint: Id, page: Page = 1, per_page: PerPage = 50) -> None:
    """List the attempts for an endpoint with their answers, newest events first."""
    from sendrail.contacts.inputs import slice_of

    offset, limit = slice_of(page, per_page)
    found = [
        _attempt(event)
        for event in run(
            lambda it: it.webhooks.attempts(
                it.default_account, _id(endpoint), offset=offset, limit=limit
            )
        )
    ]
    output.listing("attempts", _ATTEMPT_COLUMNS, found, "There were no attempts.")


@app.command()
def replay(
    endpoint: Id,
    event: Annotated[
        str | None, typer.Argument(metavar="EVENT", help="The id of one event; or use --since.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="All events given up since this time, such as 2026-11-23T08:00Z."
        ),
    ] = None,
) -> None:
    """Send one event, or all that were given up, again with the same id and body."""
    begin = moment_of(since, "--since")
    if (event is None) == (begin is None):
        raise typer.BadParameter("give either an event or --since")
    count = run(
        lambda it: it.webhooks.replay(
            it.default_account, _id(endpoint), event=event, since=begin or 0
        )
    )
    output.done({"replayed": count}, f"{count} to be sent again")


def _run_and_print(work: "Callable[[Runtime], Awaitable[Endpoint]]") -> None:
    async def shown(it: "Runtime") -> dict[str, Any]:
        return await _shown(it, await work(it))

    endpoint = run(shown)
    output.card(endpoint)


def _print_secret(made: "NewSecret", shown: dict[str, Any]) -> None:
    output.secret(shown | {"secret": made.secret})


async def _shown(
    runtime: "Runtime", endpoint: "Endpoint", waiting: int | None = None
) -> dict[str, Any]:

    lists = await runtime.lists.all(runtime.default_account)
    numbers = {each.id: each.shown for each in lists}
    shown = {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "events": _words(endpoint.events),
        "list_number": numbers.get(endpoint.list_id, "deleted") if endpoint.list_id else None,
        "state": endpoint.state.value,
        "failing_since": output.when(endpoint.failing_since),
        "created_at": output.when(endpoint.created_at),
    }
    return shown if waiting is None else shown | {"waiting": waiting}


def _attempt(event: "EventAttempt") -> dict[str, Any]:
    attempt = event.attempt
    return {
        "event_id": event.event,
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "ms": attempt.ended_at - attempt.started_at,
        "started_at": output.when(attempt.started_at),
        "detail": attempt.detail,
    }


def _words(events: "Sequence[str] | frozenset[Any]") -> str:
    return ",".join(sorted(events))


def _id(endpoint: int) -> Any:
    from sendrail.domain.ids import EndpointId

    return EndpointId(endpoint)

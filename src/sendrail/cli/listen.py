"""`sendrail listen` and `sendrail trigger`: print events as they happen, and cause one."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import run, run_until_interrupt

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.webhook import Event, OutboxEvent
    from sendrail.webhooks.listener import Listener
    from sendrail.webhooks.poster import Poster

_POLL_SECONDS = 0.2


def listen(
    to: Annotated[
        str, typer.Option(metavar="URL", help="Also post each event to this URL, signed.")
    ] = "",
) -> None:
    """Print the events of a running `sendrail serve` as they happen, until Ctrl-C."""
    run_until_interrupt(lambda it: _listen(it, to))


def trigger(
    event: Annotated[
        str,
        typer.Argument(metavar="EVENT", help="The kind of event: delivery, unsubscribe or reply."),
    ],
) -> None:
    """Cause an event in the sandbox; a running `sendrail serve` posts it."""
    wanted = _event(event)
    run(lambda it: it.sandbox.trigger(it.default_account, wanted))
    output.done({"triggered": wanted.value}, f"triggered {wanted.value}")


async def _listen(runtime: "Runtime", to: str) -> None:
    import asyncio
    from contextlib import aclosing

    from sendrail.app import listener
    from sendrail.webhooks.guard import LOCAL, check_url
    from sendrail.webhooks.poster import Poster

    if to:
        check_url(to, LOCAL)
    async with aclosing(Poster(LOCAL)) as poster, aclosing(listener(runtime)) as listening:
        await listening.open()
        if to:
            output.note(f"Events go to {to}, signed with {listening.secret}")
        output.note("Listening; press Ctrl-C to stop.")
        while True:
            for event in await listening.step():
                await _pass_on(listening, poster, to, event)
            await asyncio.sleep(_POLL_SECONDS)


async def _pass_on(listening: "Listener", poster: "Poster", to: str, event: "OutboxEvent") -> None:
    from sendrail.domain.webhook import NotAcknowledged

    assert event.body is not None, "an event has its body once it is taken up"
    body = json.loads(event.body)
    if output.is_json():
        output.line(body)
    else:
        output.row([body["timestamp"], body["event"], *_rest(body)])
        sys.stdout.flush()
    if to and isinstance(answer := await listening.forward(poster, to, event), NotAcknowledged):
        output.note(f"{to} did not accept it: {answer.status or ''} {answer.detail}")


def _rest(body: dict[str, Any]) -> list[str]:
    return [
        f"{name}={value}"
        for name, value in body.items()
        if name not in {"timestamp", "event"} and value is not None
    ]


def _event(word: str) -> "Event":
    from sendrail.domain.webhook import USUAL, Event

    if word not in USUAL:
        raise typer.BadParameter(f"must be one of {', '.join(sorted(USUAL))}", param_hint="EVENT")
    return Event(word)

"""`sendrail messages`: the status of one message, of many, or of all as it changes."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import Page, PerPage, moment_of, run, run_until_interrupt

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.ids import AccountId
    from sendrail.domain.message import Status
    from sendrail.intake.lookup import FoundMessage, MessageService
    from sendrail.storage.pipeline.lookup import Attempt, MessageFilter

app = typer.Typer(help="Messages, with their status and attempts.", no_args_is_help=True)

_COLUMNS = ("message_id", "created_at", "list_number", "to", "status", "status_detail", "body")
_POLL_SECONDS = 0.5


@app.command()
def show(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
) -> None:
    """Show one message with its links, their clicks, and all its attempts."""
    message, attempts = run(lambda it: _find(it, message_id))
    shown = _shown(message)
    shown_attempts = [_attempt(attempt) for attempt in attempts]
    if output.is_json():
        output.document(shown | {"attempts": shown_attempts})
        return
    output.card({name: value for name, value in shown.items() if name not in {"links", "clicks"}})
    for each in shown["links"]:
        print()
        output.card(each)
    if shown["clicks"] is not None:
        print()
        output.card(shown["clicks"])
    for attempt in shown_attempts:
        print()
        output.card(attempt)


async def _find(runtime: "Runtime", message_id: str) -> "tuple[FoundMessage, list[Attempt]]":
    account = runtime.default_account
    message = await runtime.messages.find(account, message_id)
    return message, await runtime.messages.attempts(account, message_id)


@app.command("list")
def list_(
    *,
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="STATUS", help="A status such as queued or failed. May be repeated."),
    ] = None,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="Only to this recipient.")] = "",
    list_number: Annotated[
        str, typer.Option("--list", metavar="NUMBER", help="Only from this list.")
    ] = "",
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only from this time on, such as 2026-11-23T08:00Z."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only before this time, such as 2026-11-24."),
    ] = None,
    page: Page = 1,
    per_page: PerPage = 50,
) -> None:
    """List messages, newest first."""
    about = _filter(status or [], to, list_number, since, until)
    found = run(lambda it: it.messages.page(it.default_account, about, page, per_page))
    messages = [_shown(message) for message in found.messages]
    if output.is_json():
        counts = {"page": found.page, "per_page": found.per_page, "total": found.total}
        exact = {"total_is_exact": found.total_is_exact}
        output.document({"messages": messages, "pagination": counts | exact})
        return
    output.table(_COLUMNS, messages, "There are no such messages.")
    output.note(f"{found.total:,}{'' if found.total_is_exact else ' or more'} in all")


@app.command()
def cancel(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
) -> None:
    """Cancel a message that has not left."""
    run(lambda it: it.cancelling.cancel(it.default_account, message_id))
    output.done({"cancelled": True}, "cancelled")


@app.command()
def tail(
    last: Annotated[
        int, typer.Option("-n", "--last", min=0, max=1_000, help="Start with this many messages.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Whether to continue until Ctrl-C.")
    ] = True,
) -> None:
    """Print each message when it arrives, and again when its status changes."""
    run_until_interrupt(lambda it: _tail(it, last, follow))


async def _tail(runtime: "Runtime", last: int, follow: bool) -> None:
    import asyncio

    from sendrail.storage.pipeline.lookup import MessageFilter

    account = runtime.default_account
    newest = await runtime.messages.page(account, MessageFilter(), 1, max(last, 1))
    begin = list(reversed(newest.messages))
    _print(begin if last else [])
    follower = MessageFollower(runtime.messages, account, begin)
    while follow:
        await asyncio.sleep(_POLL_SECONDS)
        _print(await follower.step())


class MessageFollower:
    """Returns each message when it arrives, and again whenever its status has changed.

    It polls a window of messages, which starts at the oldest one without a final status. Messages
    that no longer fit into the window are not followed any more.
    """

    WINDOW = 1_000

    def __init__(
        self, messages: "MessageService", account_id: "AccountId", begin: "Sequence[FoundMessage]"
    ) -> None:
        self._messages = messages
        self._account_id = account_id
        self._seen: dict[int, Status] = {
            message.stored.number: message.stored.status for message in begin
        }
        self._after = begin[0].stored.number - 1 if begin else 0

    async def step(self) -> "list[FoundMessage]":
        """Return the messages that are new or have changed since the last call."""
        window = await self._messages.after(self._account_id, self._after, self.WINDOW)
        news = [
            message
            for message in window
            if self._seen.get(message.stored.number) is not message.stored.status
        ]
        self._seen = {message.stored.number: message.stored.status for message in window}
        if over := self._over(window):
            self._after = window[over - 1].stored.number
        return news

    def _over(self, window: "Sequence[FoundMessage]") -> int:
        """Return how many messages at the start of the window need not be read again."""
        from sendrail.domain.message import FINAL

        finished = next(
            (at for at, each in enumerate(window) if each.stored.status not in FINAL), len(window)
        )
        return max(finished, self.WINDOW // 2) if len(window) == self.WINDOW else finished


def _print(messages: "Sequence[FoundMessage]") -> None:
    for message in messages:
        shown = _shown(message)
        if output.is_json():
            output.line(shown)
        else:
            output.row([shown[column] for column in _COLUMNS])
    sys.stdout.flush()


def _filter(
    status: Sequence[str], to: str, list_number: str, since: str | None, until: str | None
) -> "MessageFilter":
    from sendrail.domain.message import Status
    from sendrail.storage.pipeline.lookup import MessageFilter

    known = set(Status)
    for word in status:
        if word not in known:
            raise typer.BadParameter(f"must be one of {', '.join(Status)}", param_hint="--status")
    return MessageFilter(
        status=[Status(word) for word in status] or None,
        recipient=_number(to, "--to"),
        list_number=_sender(list_number),
        created_from=moment_of(since, "--since"),
        created_before=moment_of(until, "--until"),
    )


def _sender(text: str) -> Any:
    from sendrail.domain import sender_ids

    found = sender_ids.parse(text) if text else None
    if text and found is None:
        raise typer.BadParameter(f"must be {sender_ids.FORM}", param_hint="--list")
    return found


def _number(text: str, option: str) -> Any:
    from sendrail.domain import phone

    number = phone.parse(text) if text else None
    if text and number is None:
        raise typer.BadParameter("must be an E.164 number, such as +15550100001", param_hint=option)
    return number


def _shown(message: "FoundMessage") -> dict[str, Any]:
    import json

    from sendrail.domain.erasure import shown

    stored = message.stored
    return {
        "message_id": message.id,
        "to": shown(stored.recipient),
        "list_number": stored.list_number,
        "body": message.body,
        "status": stored.status.value,
        "status_detail": message.detail,
        "provider_detail": stored.provider_detail,
        "encoding": stored.encoding,
        "segments": stored.segments,
        "provider": stored.provider,
        "connector": stored.connector,
        "carrier_ref": stored.carrier_ref,
        "metadata": json.loads(stored.metadata) if stored.metadata else None,
        "automatic": stored.automatic,
        "links": [
            {
                "short_url": each.short_url,
                "destination_url": each.destination_url,
                "offer_id": each.offer,
            }
            for each in message.links
        ],
        "clicks": _clicks(message) if message.links else None,
        "created_at": output.when(stored.created_at),
        "send_at": output.when(stored.send_at),
        "waits_until": output.when(message.waits_until),
        "sent_at": output.when(stored.sent_at),
        "ended_at": output.when(stored.ended_at),
        "origin": stored.origin._asdict() if stored.origin else None,
    }


def _clicks(message: "FoundMessage") -> dict[str, Any]:
    tally = message.clicks
    return {
        "total": tally.clicks,
        "human": tally.human_clicks,
        "bot": tally.machine_clicks,
        "first_clicked_at": output.when(tally.first_clicked_at),
    }


def _attempt(attempt: "Attempt") -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "connector": attempt.connector,
        "outcome": attempt.outcome,
        "detail": attempt.detail,
        "provider_detail": attempt.provider_detail,
        "carrier_ref": attempt.carrier_ref,
        "started_at": output.when(attempt.started_at),
        "ended_at": output.when(attempt.ended_at),
    }

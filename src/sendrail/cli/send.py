"""`sendrail send`: queue one message, through the same gate as the API."""

from typing import TYPE_CHECKING, Annotated

import typer

from sendrail.cli import output
from sendrail.cli.session import moment_of, run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.domain.ids import MessageId

SkipContactValidation = Annotated[
    bool,
    typer.Option(
        "--skip-contact-validation",
        help="Send even if the recipient has opted out or is blocked.",
    ),
]


def send(
    to: Annotated[str, typer.Argument(metavar="TO", help="The recipient, such as +15550100001.")],
    body: Annotated[str, typer.Argument(metavar="TEXT", help="The text.")],
    *,
    list_number: Annotated[
        str,
        typer.Option(
            "--list", metavar="NUMBER", help="The sending list; default: the only active one."
        ),
    ] = "",
    metadata: Annotated[
        str, typer.Option(metavar="JSON", help="A JSON object that is stored with the message.")
    ] = "",
    send_at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="When to send it, such as 2026-12-31T23:00Z; default: now."
        ),
    ] = None,
    skip_duplicate_check: Annotated[
        bool, typer.Option("--skip-duplicate-check", help="Send even if it is a duplicate.")
    ] = False,
    skip_rate_limit: Annotated[
        bool, typer.Option("--skip-rate-limit", help="Send it ahead of the list's queue.")
    ] = False,
    skip_contact_validation: SkipContactValidation = False,
    skip_journey_check: Annotated[
        bool,
        typer.Option("--skip-journey-check", help="Send even if the recipient is on a journey."),
    ] = False,
    skip_quiet_hours: Annotated[
        bool, typer.Option("--skip-quiet-hours", help="Send even in quiet hours.")
    ] = False,
) -> None:
    """Queue one message; a running `sendrail serve` on the same data folder delivers it."""
    from sendrail.domain.message import Skip

    flags = {
        Skip.DUPLICATE: skip_duplicate_check,
        Skip.RATE_LIMIT: skip_rate_limit,
        Skip.CONTACT_VALIDATION: skip_contact_validation,
        Skip.JOURNEY: skip_journey_check,
        Skip.QUIET_HOURS: skip_quiet_hours,
    }
    skips = sum(flag for flag, wanted in flags.items() if wanted)
    at = 0 if (moment := moment_of(send_at, "--at")) is None else max(1, moment)
    message_id = run(lambda it: _send(it, (to, list_number, body), skips, metadata, at))
    if output.is_json():
        output.document({"success": True, "message_id": message_id, "status": "queued"})
    else:
        print(message_id)
        output.note("queued")


async def _send(
    runtime: "Runtime", fields: tuple[str, str, str], skips: int, metadata: str, send_at: int
) -> "MessageId":
    from sendrail.domain.errors import InvalidInput, SendrailError
    from sendrail.domain.order import Fault
    from sendrail.intake.orders import read_order
    from sendrail.intake.verdicts import Refused

    to, list_number, body = fields
    order = read_order(
        to,
        list_number or await _only_list(runtime),
        body,
        runtime.limits,
        skips=skips,
        metadata=_metadata(metadata),
        send_at=send_at,
    )
    if isinstance(order, Fault):
        raise InvalidInput(order.text, code=order.code, param=order.param)
    [verdict] = await runtime.intake.accept(runtime.default_account, [order])
    if isinstance(verdict, Refused):
        text = f"{verdict.text}. {verdict.detail}" if verdict.detail else verdict.text
        raise SendrailError(text, code=verdict.code, param=verdict.param)
    return verdict.message_id


async def _only_list(runtime: "Runtime") -> str:
    from sendrail.domain.errors import InvalidInput
    from sendrail.domain.sender import ListStatus

    active = await runtime.lists.all(runtime.default_account, ListStatus.ACTIVE)
    if len(active) == 1:
        return active[0].shown
    numbers = ", ".join(each.shown for each in active[:5]) or "none"
    raise InvalidInput(
        f"Choose the sending list with --list. Active lists: {numbers}.",
        code="missing_list_number",
        param="list_number",
    )


def _metadata(text: str) -> bytes | None:
    import msgspec

    from sendrail.domain.errors import InvalidInput
    from sendrail.domain.json_text import DEPTH_READ, nests_deeper
    from sendrail.intake.orders import metadata_fault

    if not (raw := text.strip().encode()):
        return None
    try:
        if not nests_deeper(raw, DEPTH_READ):
            msgspec.json.decode(raw, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"The metadata is not valid JSON: {error}.", param="metadata") from None
    if (fault := metadata_fault(raw)) is not None:
        raise InvalidInput(fault.text, code=fault.code, param=fault.param)
    return raw

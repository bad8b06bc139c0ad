"""`sendrail lists verify`: three steps until a list on the account's own carrier may send.

The command can be stopped at any time; when it is run again, it continues where it stopped.
"""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import ListNumber, run, sender

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.connectors.verification import VerificationStatus
    from sendrail.domain import phone

_POLL_SECONDS = 0.5
_WAIT_SECONDS = 300.0


def verify(
    number: ListNumber,
    to: Annotated[
        str, typer.Option(metavar="NUMBER", help="A handset of yours, for the test message.")
    ] = "",
    wait: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="How long to wait for the reply; 300 on a terminal."
        ),
    ] = None,
) -> None:
    """Verify a list on your own carrier: credentials, a test message, a reply to it.

    Exit code 1 while the list is not verified; run the command again to continue.
    """
    interactive = sys.stdin.isatty() and not output.is_json()
    seconds = wait if wait is not None else (_WAIT_SECONDS if interactive else 0.0)
    status = run(lambda it: _walk(it, number, to, seconds, interactive))
    shown = _shown(status)
    output.card(shown)
    if not shown["verified"]:
        raise typer.Exit(output.Exit.FAILED)


async def _walk(
    runtime: "Runtime", number: str, to: str, seconds: float, interactive: bool
) -> "VerificationStatus":
    """Do the steps that are possible now, and wait for the last one."""
    from sendrail.domain.verification import Step

    steps, account = runtime.verification, runtime.default_account
    list_number = sender(number)
    status = await steps.status(account, list_number)
    if status.step is Step.CREDENTIALS:
        status = await steps.check(account, list_number)
        assert status.progress is not None, "the check stores its progress"
        output.note(f"1. credentials: {status.progress.checked}")
    if status.step is Step.TEST_SEND and not to and interactive:
        to = typer.prompt("2. Number of your handset for the test message", err=True)
    if status.step in {Step.TEST_SEND, Step.REPLY} and to:
        status = await steps.send_test(account, list_number, to)
        output.note(f"2. test message: {status.message_id} is queued")
    if status.step is Step.REPLY:
        output.note("3. reply: answer the message on the handset, while the server runs")
        status = await _wait(runtime, list_number, status, seconds)
    return status


async def _wait(
    runtime: "Runtime",
    list_number: "phone.PhoneNumber",
    status: "VerificationStatus",
    seconds: float,
) -> "VerificationStatus":
    import asyncio

    from sendrail.domain.verification import Step

    until = runtime.clock.monotonic() + seconds
    while status.step is Step.REPLY and runtime.clock.monotonic() < until:
        await asyncio.sleep(_POLL_SECONDS)
        status = await runtime.verification.status(runtime.default_account, list_number)
    return status


def _shown(status: "VerificationStatus") -> dict[str, Any]:
    from sendrail.domain import phone
    from sendrail.domain.verification import Step

    progress, sender = status.progress, status.sender
    recipient = None if progress is None else progress.recipient
    return {
        "list_number": sender.shown,
        "connector": status.connector.name,
        "own_carrier": sender.byoc,
        "verified": status.step is Step.DONE,
        "next_step": None if status.step is Step.DONE else status.step.value,
        "credentials_tested_at": output.when(progress.checked_at) if progress else None,
        "test_message_id": status.message_id,
        "test_message_to": None if recipient is None else phone.show(recipient),
        "test_message_status": status.message_status and status.message_status.value,
        "verified_at": output.when(sender.verified_at),
    }

"""`sendrail runs`: the runs of campaigns, started, followed, paused, resumed and stopped."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendrail.cli import output
from sendrail.cli.session import operator, run

if TYPE_CHECKING:
    from sendrail.app import Runtime
    from sendrail.campaigns.run_control import RunDetails

app = typer.Typer(
    help="Runs of campaigns: start, follow, pause, resume or stop them.", no_args_is_help=True
)

_COLUMNS = ("id", "local_date", "state", "reason", "progress", "planned")
# A bar moves so often, and in so many steps.
_LOOK_SECONDS = 1.0
_STEPS = 1_000
_WHAT_WAITS = (
    "All of it is planned. What has not left waits for the rate of its list, or for the end of "
    "quiet hours: see `sendrail reports run {run}`."
)

Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The id of a campaign.")]
Id = Annotated[int, typer.Argument(metavar="RUN", help="The id of a run.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="The reason, for the audit log.")]


@app.command("list")
def list_(campaign: Campaign) -> None:
    """List the last runs of a campaign, latest first."""
    found = run(lambda it: it.runs.of_schedule(it.default_account, campaign))
    rows = [_shown(each) for each in found]
    output.listing("runs", _COLUMNS, rows, "The campaign has had no run.")


@app.command()
def start(campaign: Campaign) -> None:
    """Start today's run of a campaign now, in all time zones at once.

    It is the only run of a campaign that has one day to send on.
    """
    begun = run(lambda it: it.runs.start(it.default_account, campaign, operator()))
    if not output.is_json():
        output.warnings(begun.warnings)
    _print(begun)


@app.command()
def show(run_id: Id) -> None:
    """Show a run: its progress, and whom it has left out."""
    _print(run(lambda it: it.runs.show(it.default_account, run_id)))


@app.command()
def watch(run_id: Id) -> None:
    """Follow a run until it ends or is paused."""
    _print(run(_watching(run_id)))


@app.command()
def pause(run_id: Id, note: Note = "") -> None:
    """Pause a run. Its messages wait."""
    _print(run(lambda it: it.runs.pause(it.default_account, run_id, operator(), note)))


@app.command()
def resume(run_id: Id, note: Note = "") -> None:
    """Resume a paused run."""
    _print(run(lambda it: it.runs.resume(it.default_account, run_id, operator(), note)))


@app.command()
def stop(run_id: Id, note: Note = "") -> None:
    """Stop a run for good, and drop its waiting messages."""
    _print(run(lambda it: it.runs.stop(it.default_account, run_id, operator(), note)))


def _watching(run_id: int) -> "Callable[[Runtime], Awaitable[RunDetails]]":
    async def watch(runtime: "Runtime") -> "RunDetails":
        import asyncio

        from sendrail.domain.campaign_run import RunState

        is_planned = False
        with output.steps("planned") as on_progress:
            while True:
                found = await runtime.runs.show(runtime.default_account, run_id)
                on_progress(round(found.share * _STEPS), _STEPS)
                if found.run.state not in (RunState.DUE, RunState.RUNNING):
                    return found
                if found.share >= 1 and not is_planned:
                    is_planned = True
                    output.note(_WHAT_WAITS.format(run=run_id))
                await asyncio.sleep(_LOOK_SECONDS)

    return watch


def _print(found: "RunDetails") -> None:
    more = _shown(found) | {
        "version": found.run.version,
        "held_out": found.run.held_out,
        "started_at": output.when(found.run.started_at),
        "ended_at": output.when(found.run.ended_at),
    }
    counts = {"left_out": dict(found.run.left_out), "variants": dict(found.run.variants)}
    if output.is_json():
        warnings = {"warnings": [each._asdict() for each in found.warnings]}
        output.document(more | counts | (warnings if found.warnings else {}))
        return
    named = {f"left out: {reason}": count for reason, count in sorted(found.run.left_out.items())}
    output.card(more | named)


def _shown(found: "RunDetails") -> dict[str, Any]:
    state = found.run
    return {
        "id": state.id,
        "local_date": state.local_date,
        "state": state.state.value,
        "reason": None if state.reason is None else state.reason.value,
        "progress": f"{found.share:.0%}",
        "planned": state.planned,
    }

"""A dry run of a campaign: whom its next run would reach, what they get, and what it takes."""

from typing import Final

from starlette.responses import Response

from sendrail.campaigns.dry_runs import DryRun
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.errors import Conflict, InvalidInput, Overloaded
from sendrail.domain.user import Permission

KINDS: Final = {
    "longest": "One of the longest",
    "shortest": "One of the shortest",
    "defaults": "With a default in place of a field",
    "not_gsm7": "Outside of GSM-7",
}


async def dry_run(ask: PageRequest) -> Response:
    """Show what the next run of a campaign would do; nothing is sent."""
    runtime, ref = ask.runtime, ask.path("schedule_id")
    found = await runtime.schedules.show(ask.account, ref)
    run: DryRun | None = None
    fault = None
    try:
        # It is the same for all who look at it now, and walks up to a hundred thousand contacts.
        run = await ask.answers.get(
            ("dry run", ask.account, ref, found.updated_at),
            lambda: runtime.dry_runs.run(ask.account, ref),
        )
    except (Conflict, InvalidInput, Overloaded) as error:
        fault = error
    names = {int(each.id): each.name for each in await runtime.lists.all(ask.account)}
    return ask.page(
        "dry_run.html",
        found=found,
        run=run,
        fault=fault,
        kinds=KINDS,
        lists=names,
        left_out=[] if run is None else _left_out(run),
    )


def _left_out(run: DryRun) -> list[tuple[str, int]]:
    """Return why people would get nothing, the most frequent first."""
    reasons = {
        code.replace("_", " ").capitalize(): count.size for code, count in run.left_out.items()
    }
    if run.held_out.size:
        reasons["Holdout, to compare with"] = run.held_out.size
    if run.opted_out is not None and run.opted_out.size:
        reasons["Opted out"] = run.opted_out.size
    return sorted(reasons.items(), key=lambda each: (-each[1], each[0]))


ROUTES: Final = (
    PageRoute(
        route="GET /campaigns/{schedule_id}/dry-run", answer=dry_run, permission=Permission.SEND
    ),
)

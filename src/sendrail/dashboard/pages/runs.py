"""One run of a campaign: how far it has come, what it brought, and the three ways to steer it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from starlette.responses import Response

from sendrail.campaigns.reports import OriginReport
from sendrail.campaigns.run_content import Variant
from sendrail.campaigns.run_control import RunDetails
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.charts import PartChart, part_chart
from sendrail.dashboard.pages.campaigns import REASONS, RUN_LOOKS
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.campaign_run import OPEN_STATES
from sendrail.domain.errors import NotFound
from sendrail.domain.origin_counts import HOUR_MS, CountKind
from sendrail.domain.report import ReportFigures, ReportRow
from sendrail.domain.schedule import Schedule
from sendrail.domain.user import Permission
from sendrail.storage.campaigns.runs import WaveProgress

# More hours than the longest run has; what is sent later than that is single messages.
_HOURS_MAX: Final = 72
_WAVES_MAX: Final = 20


class VariantRow(NamedTuple):
    """What one text of a run brought; `version` is 0 where the run has had only one."""

    number: str
    version: int
    name: str
    text: str
    row: ReportFigures


class _SentHour(NamedTuple):
    """What was sent in one hour, in milliseconds, and what has become of it."""

    at: int
    figures: ReportFigures


async def run(ask: PageRequest) -> Response:
    """Show one run."""
    return await _page(ask)


async def stop_page(ask: PageRequest) -> Response:
    """Ask before a run is stopped."""
    return await _page(ask, asks=True)


async def pause(ask: PageRequest) -> Response:
    """Pause a run."""
    await _owned(ask)
    await ask.runtime.runs.pause(ask.account, ask.number("run_id"), ask.actor)
    return ask.go(_path(ask), "The run is paused.")


async def resume(ask: PageRequest) -> Response:
    """Let a run go on."""
    await _owned(ask)
    await ask.runtime.runs.resume(ask.account, ask.number("run_id"), ask.actor)
    return ask.go(_path(ask), "The run goes on.")


async def stop(ask: PageRequest) -> Response:
    """Stop a run for good."""
    await _owned(ask)
    await ask.runtime.runs.stop(ask.account, ask.number("run_id"), ask.actor)
    return ask.go(_path(ask), "The run is stopped.")


def _path(ask: PageRequest) -> str:
    return f"/campaigns/{ask.path('schedule_id')}/runs/{ask.number('run_id')}"


async def _owned(ask: PageRequest) -> tuple[Schedule, RunDetails]:
    """Return the campaign and the run of an address. Raises `NotFound` for a run of another."""
    schedule = await ask.runtime.schedules.show(ask.account, ask.path("schedule_id"))
    found = await ask.runtime.runs.show(ask.account, ask.number("run_id"))
    if found.run.schedule_id != schedule.id:
        raise NotFound("The campaign has no such run.")
    return schedule, found


async def _page(ask: PageRequest, *, asks: bool = False) -> Response:
    schedule, found = await _owned(ask)
    # A run under way is asked for again every few seconds, by each who looks at it. That it has
    # ended is seen once, and must not be seen with figures of before.
    report: OriginReport = await ask.answers.get(
        ("run", ask.account, found.run.id, found.run.state),
        lambda: ask.runtime.reports.of_run(ask.account, found.run.id),
    )
    texts = await ask.runtime.runs.variants(ask.account, found.run.id)
    hours, variants = _hours(report.hours), _variants(report, texts)
    is_open = found.run.state in OPEN_STATES
    return ask.page(
        "run.html",
        schedule=schedule,
        found=found,
        run=found.run,
        path=_path(ask),
        asks=asks and is_open,
        is_open=is_open,
        total=report.total.sent,
        parts=_parts(report.total.sent),
        variants=variants,
        best=max((_clicked(each.row) for each in variants), default=0),
        left_out=_left_out(found.run.left_out, found.run.held_out),
        waves=_waves(found.waves),
        hours=hours,
        chart=_chart(hours),
        looks=RUN_LOOKS,
        reasons=REASONS,
        kinds=CountKind,
    )


def _parts(figures: ReportFigures) -> Sequence[tuple[str, str, int]]:
    """Return what has become of the messages that were sent: a look, a word and a count of each."""
    counts = figures.counts
    ended = [
        ("ok", "Delivered", counts[CountKind.DELIVERED]),
        ("warn", "Undelivered", counts[CountKind.UNDELIVERED]),
    ]
    waits = max(0, counts[CountKind.SENT] - sum(count for _, _, count in ended))
    return [ended[0], ("sent", "Without a receipt", waits), ended[1]]


def _variants(report: OriginReport, texts: Sequence[Variant]) -> Sequence[VariantRow]:
    version = report.run.version if report.run else 1
    known = {str(each.number): each for each in texts}
    has_many = len({key.version for key in report.parts}) > 1
    rows = []
    for key, row in sorted(report.parts.items(), key=lambda each: each[0]):
        text = known.get(key.part) if key.version == version else None
        rows.append(
            VariantRow(
                key.part,
                key.version if has_many else 0,
                text.name if text else f"Variant {key.part}",
                text.message if text else "",
                row.sent,
            )
        )
    return rows


def _clicked(figures: ReportFigures) -> float:
    return figures.rate(CountKind.SENT, CountKind.CLICKED) or 0


def _left_out(counts: Mapping[str, int], held_out: int) -> Sequence[tuple[str, int]]:
    """Return why people get nothing, the most frequent first."""
    reasons = {code.replace("_", " ").capitalize(): count for code, count in counts.items()}
    if held_out:
        reasons["Holdout, to compare with"] = held_out
    return sorted(reasons.items(), key=lambda each: (-each[1], each[0]))


def _waves(waves: Sequence[WaveProgress]) -> Sequence[WaveProgress]:
    return waves[:_WAVES_MAX] if len(waves) > 1 else ()


def _hours(rows: Mapping[int, ReportRow]) -> Sequence[_SentHour]:
    """Return the hours in which something was sent, and those between them."""
    sent = [hour for hour, row in rows.items() if row.sent.counts[CountKind.SENT]]
    if not sent:
        return ()
    last = min(max(sent), min(sent) + _HOURS_MAX - 1)
    return [
        _SentHour(hour * HOUR_MS, rows[hour].sent if hour in rows else ReportFigures())
        for hour in range(min(sent), last + 1)
    ]


def _chart(hours: Sequence[_SentHour]) -> PartChart:
    values = [
        (each.figures.counts[CountKind.SENT], each.figures.counts[CountKind.DELIVERED])
        for each in hours
    ]
    return part_chart(values, [each.at for each in hours])


_RUN: Final = "/campaigns/{schedule_id}/runs/{run_id}"

ROUTES: Final = (
    PageRoute(route=f"GET {_RUN}", answer=run, permission=Permission.SEE_FIGURES),
    PageRoute(route=f"GET {_RUN}/stop", answer=stop_page, permission=Permission.SEND),
    PageRoute(route=f"POST {_RUN}/pause", answer=pause, permission=Permission.SEND),
    PageRoute(route=f"POST {_RUN}/resume", answer=resume, permission=Permission.SEND),
    PageRoute(route=f"POST {_RUN}/stop", answer=stop, permission=Permission.SEND),
)

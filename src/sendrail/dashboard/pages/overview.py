"""The overview: is all well, and if not, where to look."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from sendrail.dashboard.answers import LivePart
from sendrail.dashboard.asking import PageRequest
from sendrail.dashboard.charts import LineChart, line_chart, spark
from sendrail.dashboard.pages.attention import CONNECTOR_LOOKS, attention
from sendrail.dashboard.routes import PageRoute
from sendrail.domain.message import Status
from sendrail.domain.origin_counts import HOUR_MS, CountKind
from sendrail.domain.user import Permission
from sendrail.storage.pipeline.figures import FIGURES_MAX, AccountFigures
from sendrail.storage.pipeline.lookup import TOTAL_MAX

_MINUTE_MS: Final = 60_000


class _Period(NamedTuple):
    """A stretch of time up to now, and the steps of its chart."""

    title: str
    step_ms: int
    steps: int


PERIODS: Final[Mapping[str, _Period]] = {
    "hour": _Period("Hour", _MINUTE_MS, 60),
    "day": _Period("Day", 30 * _MINUTE_MS, 48),
    "week": _Period("Week", 180 * _MINUTE_MS, 56),
}

# What each line of the chart counts: accepted are all.
_SENT: Final = frozenset(
    {Status.SENT, Status.UNCERTAIN, Status.DELIVERED, Status.UNDELIVERED, Status.FAILED}
)
_DELIVERED: Final = frozenset({Status.DELIVERED})
_FAILED: Final = frozenset({Status.FAILED, Status.UNDELIVERED, Status.DROPPED, Status.ORPHANED})


class _Series(NamedTuple):
    """What a chart and its table show: a row for each step, the oldest first."""

    times: Sequence[int]
    accepted: Sequence[int]
    sent: Sequence[int]
    delivered: Sequence[int]
    failed: Sequence[int]

    @property
    def drawn(self) -> "_Series":
        """What is drawn: not the newest step, which has only begun, unless it is all there is."""
        return _Series(*(each[:-1] for each in self)) if any(self.accepted[:-1]) else self

    @property
    def chart(self) -> LineChart:
        """The lines of what is drawn."""
        drawn = self.drawn
        return line_chart(
            [
                ("Accepted", "idle", drawn.accepted),
                ("Sent", "sent", drawn.sent),
                ("Delivered", "ok", drawn.delivered),
                ("Failed", "bad", drawn.failed),
            ],
            drawn.times,
        )

    @property
    def rows(self) -> Sequence[tuple[int, ...]]:
        """The rows of the table, without those in which nothing was accepted."""
        all_rows = zip(*self, strict=True)
        return [row for row in reversed(list(all_rows)) if row[1]]


async def overview(ask: PageRequest) -> Response:
    """Show the figures of a period, and what needs attention."""
    name = ask.query.get("period", "hour")
    if name not in PERIODS:
        name = "hour"
    # What the part shows follows from these: all tabs that share them share one rendering.
    key = ("overview", ask.account, name, ask.who.permissions, str(ask.times.zone))
    live = await ask.answers.get(key, lambda: _live(ask, name))
    if ask.part == "live":
        return ask.live(live, key)
    # A template of ours, escaped where it was rendered.
    shown = Markup(live.body.decode())  # noqa: S704
    return ask.page(
        "overview.html", period=name, periods=PERIODS, live=shown, now=ask.runtime.clock.now()
    )


async def _live(ask: PageRequest, name: str) -> LivePart:
    """Return the part of the page that changes while one looks at it."""
    period, now = PERIODS[name], ask.runtime.clock.now()
    since = (now // period.step_ms - period.steps + 1) * period.step_ms
    figures = await ask.answers.get(
        ("figures", ask.account, name),
        lambda: ask.runtime.messages.figures(ask.account, since, period.step_ms),
    )
    happened = await ask.answers.get(
        ("happened", ask.account, name),
        lambda: ask.runtime.reports.happened_since(ask.account, since),
    )
    connectors = await ask.runtime.connectors.all(ask.account)
    series = _series(figures, since, period)
    text = ask.text(
        "overview_live.html",
        period=name,
        periods=PERIODS,
        figures=figures,
        series=series,
        chart=series.chart,
        sparks={
            "accepted": spark(series.drawn.accepted),
            "delivered": spark(series.drawn.delivered),
        },
        totals={each: sum(getattr(series, each)) for each in series._fields[1:]},
        rate=sum(series.accepted) / max(1, (now - since) // 1_000),
        clicked=happened.counts[CountKind.CLICKED],
        opt_outs=happened.counts[CountKind.OPT_OUTS],
        counted_from=since // HOUR_MS * HOUR_MS,
        connectors=connectors,
        looks=CONNECTOR_LOOKS,
        attention=await attention(ask, figures, connectors, now),
        now=now,
        bound=FIGURES_MAX,
        waiting_bound=TOTAL_MAX,
    )
    return LivePart.of(text)


def _series(figures: AccountFigures, since: int, period: _Period) -> _Series:
    counts: defaultdict[int, dict[Status, int]] = defaultdict(dict)
    for each in figures.counts:
        counts[each.since][each.status] = each.messages
    times = [since + step * period.step_ms for step in range(period.steps)]

    def of(statuses: frozenset[Status]) -> list[int]:
        return [sum(counts[at].get(status, 0) for status in statuses) for at in times]

    return _Series(times, of(frozenset(Status)), of(_SENT), of(_DELIVERED), of(_FAILED))


ROUTES: Final = (PageRoute(route="GET /", answer=overview, permission=Permission.SEE_FIGURES),)

"""Charts drawn here, as SVG: a line for each series, over an axis that begins at 0."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

WIDTH: Final = 600
HEIGHT: Final = 200
_SPARK_WIDTH, _SPARK_HEIGHT = 68, 26
_BARS_WIDE: Final = 12
_FEW: Final = 20
_STEPS: Final = 4


class SeriesLine(NamedTuple):
    """One series: its name, the class of its colour, and its path."""

    name: str
    look: str
    path: str
    area: str
    newest: float


class LineChart(NamedTuple):
    """The lines of a chart, and what stands beside its axes; `ticks` from the top down."""

    lines: Sequence[SeriesLine]
    ticks: Sequence[str]
    times: Sequence[int]


def line_chart(
    series: Sequence[tuple[str, str, Sequence[float]]], times: Sequence[int]
) -> LineChart:
    """Return a chart of series of equal length; the area is under the second of them."""
    top = _nice(max((max(values, default=0) for _, _, values in series), default=0))
    lines = []
    for at, (name, look, values) in enumerate(series):
        path = _path(values, top, WIDTH, HEIGHT)
        area = f"{path}V{HEIGHT}H0z" if at == 1 and path else ""
        lines.append(SeriesLine(name, look, path, area, values[-1] if values else 0))
    return LineChart(lines, _ticks(top), _some(times))


class PartChart(NamedTuple):
    """Bars of equal width; of each its place, its width and the heights of its whole and a part."""

    bars: Sequence[tuple[float, float, float, float]]
    ticks: Sequence[str]
    times: Sequence[int]


def part_chart(values: Sequence[tuple[float, float]], times: Sequence[int]) -> PartChart:
    """Return a chart of wholes, and of the part of each that stands in its bar."""
    top = _nice(max((whole for whole, _ in values), default=0))
    step = WIDTH / max(1, len(values))
    # A few bars are no walls.
    bar = min(step - min(4.0, step / 4), WIDTH / _BARS_WIDE)
    bars = [
        (
            round(at * step + (step - bar) / 2, 2),
            round(bar, 2),
            round(HEIGHT * whole / top, 2),
            round(HEIGHT * part / top, 2),
        )
        for at, (whole, part) in enumerate(values)
    ]
    return PartChart(bars, _ticks(top), _some(times))


def spark(values: Sequence[float]) -> str:
    """Return the path of a small line without axes."""
    top = max(values, default=0)
    return _path(values, top * 1.1 or 1, _SPARK_WIDTH, _SPARK_HEIGHT)


def _path(values: Sequence[float], top: float, width: int, height: int) -> str:
    if len(values) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    step = width / (len(values) - 1)
    return "M" + "L".join(
        f"{at * step:.4g} {height - height * value / top:.4g}" for at, value in enumerate(values)
    )


def _ticks(top: float) -> Sequence[str]:
    return [_tick(top * (_STEPS - at) / _STEPS) for at in range(_STEPS + 1)]


def _some(times: Sequence[int]) -> Sequence[int]:
    """Return a few of many times, the first and the last among them."""
    last = len(times) - 1
    return [times[round(at * last / _STEPS)] for at in range(_STEPS + 1)] if times else []


def _nice(top: float) -> float:
    """Return a round number that is no less, of whole steps: there is no half message."""
    if top <= _FEW:
        return float(_STEPS * max(1, math.ceil(top / _STEPS)))
    power = 10.0 ** math.floor(math.log10(top))
    return next(each * power for each in (1, 1.2, 1.6, 2, 4, 6, 8, 10) if each * power >= top)


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"

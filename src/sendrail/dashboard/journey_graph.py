"""Where the steps of a journey stand on the page: cards in rows, from the top down.

A step stands below all that lead to it; only a way back, which closes a loop, leads up. A way that
passes rows keeps a narrow place in each of them, so that it runs between the cards.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from sendrail.dashboard.journey_words import StepBranch

CARD_WIDTH: Final = 200
CARD_HEIGHT: Final = 52
_BESIDE: Final = 28
_PASSING: Final = 24
_BETWEEN: Final = 30
# With a label on a way that turns.
_BETWEEN_TURNS: Final = 64
# From the height at which ways turn to the cards below, and from those up to the labels.
_TURN: Final = 40
_LABEL: Final = 11
# What a letter of a label takes, and what stays free on both sides of it.
LETTER: Final = 7
_FREE: Final = 12
# Of a way that hardly turns, and of one that passes a row.
_LEAST: Final = 56
_LABEL_MAX: Final = 112
_MARGIN: Final = 8
_LOOP: Final = 16
_BEND: Final = 10
_SWEEPS: Final = 4
# Two beside each other may be moved by this each, and no more: then they still are.
_LEVEL: Final = _BESIDE // 2

# A way, with the step that it leaves.
Way = tuple[str, StepBranch]


class StepPlace(NamedTuple):
    """Where a card stands: its left upper corner."""

    step: str
    x: int
    y: int


class StepRoute(NamedTuple):
    """The line of a way, where the middle of its label stands, and how wide that may be."""

    start: str
    branch: StepBranch
    path: str
    x: int
    y: int
    room: int


class JourneyPlan(NamedTuple):
    """All cards and lines, and how large they are together."""

    places: Sequence[StepPlace]
    routes: Sequence[StepRoute]
    width: int
    height: int


class _Row(list[tuple[object, int]]):
    """Things beside each other, each with its width: ids of steps, and ways that pass."""


def plan(order: Sequence[str], branches: Mapping[str, Sequence[StepBranch]]) -> JourneyPlan:
    """Return the plan of steps, the first of which is the start.

    `order` names every step, and each way leads to one of them.
    """
    ways = [(step, branch) for step in order for branch in branches.get(step, ())]
    back = _ways_back(order, branches)
    down = [way for at, way in enumerate(ways) if at not in back]
    rank = _ranks(order, down)
    rows, trails = _rows(order, down, rank)
    middles = _middles(rows, trails)
    tops = _tops(rows, trails, middles)
    left = min(middles[each] - width / 2 for row in rows for each, width in row) - _MARGIN
    x = {each: round(middle - left) for each, middle in middles.items()}
    width = max(x[each] + size // 2 for row in rows for each, size in row) + _MARGIN
    led = Counter(trail[1] for (_, branch), trail in zip(down, trails, strict=True) if branch.label)
    routes = [
        _route(way, trail, x, tops, rank, is_alone=led[trail[1]] < 2)  # noqa: PLR2004 - two
        for way, trail in zip(down, trails, strict=True)
    ]
    for at in sorted(back):
        width += _LOOP
        routes.append(_loop(ways[at], x, tops, rank, width - _MARGIN))
    places = [StepPlace(each, x[each] - CARD_WIDTH // 2, tops[rank[each]]) for each in order]
    return JourneyPlan(places, routes, width, tops[-1] + CARD_HEIGHT + _MARGIN)


def _ways_back(order: Sequence[str], branches: Mapping[str, Sequence[StepBranch]]) -> set[int]:
    """Return which ways lead to a step that one has come from, by their places in order."""
    numbers: dict[str, list[tuple[int, str]]] = defaultdict(list)
    count = 0
    for step in order:
        for branch in branches.get(step, ()):
            numbers[step].append((count, branch.to))
            count += 1
    found: set[int] = set()
    done: set[str] = set()
    for start in order:
        trail = [(start, iter(numbers[start]))] if start not in done else []
        above = {start}
        while trail:
            step, rest = trail[-1]
            following = next(rest, None)
            if following is None:
                trail.pop()
                above.discard(step)
                done.add(step)
            elif following[1] in above:
                found.add(following[0])
            elif following[1] not in done:
                above.add(following[1])
                trail.append((following[1], iter(numbers[following[1]])))
    return found


def _ranks(order: Sequence[str], ways: Sequence[Way]) -> dict[str, int]:
    """Return the row of each step: one below the lowest of those that lead to it."""
    rank = dict.fromkeys(order, 0)
    # Without the ways back no trail is longer than this.
    for _ in order:
        lower = {branch.to: 0 for step, branch in ways if rank[branch.to] <= rank[step]}
        if not lower:
            break
        for step, branch in ways:
            rank[branch.to] = max(rank[branch.to], rank[step] + 1)
    return rank


def _rows(
    order: Sequence[str], ways: Sequence[Way], rank: Mapping[str, int]
) -> tuple[list[_Row], list[list[object]]]:
    """Return what stands in each row, and each way's places from row to row."""
    rows = [_Row() for _ in range(max(rank.values()) + 1)]
    for step in order:
        rows[rank[step]].append((step, CARD_WIDTH))
    trails: list[list[object]] = []
    for at, (step, branch) in enumerate(ways):
        trail: list[object] = [step]
        for level in range(rank[step] + 1, rank[branch.to]):
            trail.append((at, level))
            # Above the first row that it passes stands its label.
            is_named = level == rank[step] + 1 and branch.label
            wide = len(branch.label) * LETTER + _FREE if is_named else 0
            rows[level].append((trail[-1], max(_PASSING, min(wide, _LABEL_MAX))))
        trails.append([*trail, branch.to])
    return rows, trails


def _middles(rows: Sequence[_Row], trails: Sequence[Sequence[object]]) -> dict[object, float]:
    """Return the middle of each thing, near to what it is joined with above and below."""
    above: dict[object, list[object]] = defaultdict(list)
    below: dict[object, list[object]] = defaultdict(list)
    for trail in trails:
        for upper, lower in pairwise(trail):
            above[lower].append(upper)
            below[upper].append(lower)
    middles: dict[object, float] = {}
    for row in rows:
        _spread(row, {each: float(at) for at, (each, _) in enumerate(row)}, middles)
    for sweep in range(_SWEEPS):
        for row in rows:
            _settle(row, above, below, middles)
        # The last sweep goes down, so that a step stands below what leads to it.
        for row in reversed(rows) if sweep < _SWEEPS - 1 else ():
            _settle(row, below, above, middles)
    return middles


def _settle(
    row: _Row,
    near: Mapping[object, Sequence[object]],
    far: Mapping[object, Sequence[object]],
    middles: dict[object, float],
) -> None:
    """Put a row in the order and the places that its neighbours in the row before give it."""
    wanted: dict[object, float] = {}
    for each, _ in row:
        joined = near.get(each) or ()
        if not joined:
            wanted[each] = middles[each]
            continue
        wanted[each] = sum(middles[other] for other in joined) / len(joined)
        # Several ways from one step keep their order, beside each other.
        siblings = [list(far.get(other, ())) for other in joined]
        wanted[each] += sum(
            all_of.index(each) - (len(all_of) - 1) / 2 for all_of in siblings if each in all_of
        ) / len(joined)
    row.sort(key=lambda item: wanted[item[0]])
    _spread(row, wanted, middles)


def _spread(row: _Row, wanted: Mapping[object, float], middles: dict[object, float]) -> None:
    """Give a row places without overlap, as a whole as near as can be to those that are wanted."""
    edge = None
    for each, width in row:
        least = wanted[each] if edge is None else edge + _BESIDE + width / 2
        middles[each] = max(wanted[each], least)
        edge = middles[each] + width / 2
    off = sum(middles[each] - wanted[each] for each, _ in row) / len(row)
    for each, _ in row:
        middles[each] -= off


def _tops(
    rows: Sequence[_Row],
    trails: Sequence[Sequence[object]],
    middles: dict[object, float],
) -> list[int]:
    """Return the top of each row; where ways turn above it, there is room for their labels."""
    level_of = {each: level for level, row in enumerate(rows) for each, _ in row}
    _straighten(trails, middles)
    turns = {
        level_of[lower]
        for trail in trails
        for upper, lower in pairwise(trail)
        if middles[upper] != middles[lower]
    }
    tops, y = [], _MARGIN + 4
    for level in range(len(rows)):
        if level:
            y += CARD_HEIGHT + (_BETWEEN_TURNS if level in turns else _BETWEEN)
        tops.append(y)
    return tops


def _straighten(trails: Sequence[Sequence[object]], middles: dict[object, float]) -> None:
    """Draw a way straight where it would turn by less than a bend; nothing is moved twice."""
    moved: set[object] = set()
    for trail in trails:
        for upper, lower in pairwise(trail):
            if lower not in moved and abs(middles[upper] - middles[lower]) < _LEVEL:
                middles[lower] = middles[upper]
                moved.add(lower)


def _route(
    way: Way,
    trail: Sequence[object],
    x: Mapping[object, int],
    tops: Sequence[int],
    rank: Mapping[str, int],
    *,
    is_alone: bool,
) -> StepRoute:
    """Return a way down; its label stands above what it leads to, unless others' stand there."""
    start, branch = way
    at, y = x[trail[0]], tops[rank[start]] + CARD_HEIGHT
    path, label = f"M{at} {y}", None
    for level, each in enumerate(trail[1:], rank[start] + 1):
        to, top = x[each], tops[level]
        turn, room = top - _TURN, CARD_WIDTH if each == trail[-1] else _LABEL_MAX
        if to != at:
            path += _bent(at, to, turn)
        if to == at or is_alone:
            label = label or (to, top - _LABEL, room)
        else:
            label = label or ((at + to) // 2, turn + 4, max(abs(at - to) - 2 * _BEND, _LEAST))
        at, y = to, top
        path += f"V{top if each == trail[-1] else top + CARD_HEIGHT}"
    assert label is not None, "a way leads to another row"
    return StepRoute(start, branch, path, *label)


def _bent(at: int, to: int, turn: int) -> str:
    """Return the part of a path that leaves one column for another at a height."""
    bend = min(_BEND, abs(to - at) // 2)
    side = 1 if to > at else -1
    right, left = (0, 1) if side > 0 else (1, 0)
    return (
        f"V{turn - bend}a{bend} {bend} 0 0 {right} {side * bend} {bend}"
        f"H{to - side * bend}a{bend} {bend} 0 0 {left} {side * bend} {bend}"
    )


def _loop(
    way: Way, x: Mapping[object, int], tops: Sequence[int], rank: Mapping[str, int], lane: int
) -> StepRoute:
    """Return a way back: out to the right, up beside all cards, and in again."""
    start, branch = way
    low, high = tops[rank[start]] + CARD_HEIGHT // 2, tops[rank[branch.to]] + CARD_HEIGHT // 2
    out, into = x[start] + CARD_WIDTH // 2, x[branch.to] + CARD_WIDTH // 2
    path = f"M{out} {low}H{lane - _BEND}a{_BEND} {_BEND} 0 0 0 {_BEND} -{_BEND}"
    path += f"V{high + _BEND}a{_BEND} {_BEND} 0 0 0 -{_BEND} -{_BEND}H{into}"
    if start == branch.to:
        path = f"M{out} {low + 10}H{lane}V{low - 10}H{into}"
    return StepRoute(start, branch, path, (out + lane) // 2, low - 6, CARD_WIDTH // 2)

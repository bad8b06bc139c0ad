"""Which lanes the hot statements of PostgreSQL name, read from their text.

A table distributed by `lane` is looked for on every shard unless the statement says which lane it
means. So each hot table in a statement must be bound: by a lane of its own, by those of rows that
are bound themselves, or by a span of lanes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import sqlglot
from sqlglot import expressions as sql

from sendrail.storage.postgres import (
    activity,
    agents,
    click_details,
    clicks,
    cohort_counts,
    conversions,
    destinations,
    distributed,
    enrolments,
    gate,
    history,
    idempotency,
    imported,
    inbox,
    journey_facts,
    leases,
    link_ranges,
    message_clicks,
    messages,
    origin_counts,
    origins,
    outbox,
    queue,
    reclassification,
    replies,
    run_pages,
    signup_counts,
)
from sendrail.storage.postgres.schema import HOT_KEYS
from sendrail.storage.templates import InsertRows, OverLanes, Statement, StatementForms, text_of

ROOMS: Final = (
    gate,
    idempotency,
    agents,
    click_details,
    clicks,
    destinations,
    enrolments,
    origins,
    origin_counts,
    cohort_counts,
    signup_counts,
    run_pages,
    message_clicks,
    reclassification,
    messages,
    queue,
    inbox,
    journey_facts,
    replies,
    outbox,
    activity,
    leases,
    link_ranges,
    imported,
    conversions,
    history,
    distributed,
)


class Reach(IntEnum):
    """How far a statement goes; the further, the greater."""

    NOTHING_HOT = 0
    ONE_LANE = 1
    LANES = 2
    SPAN = 3
    EVERYWHERE = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """A hot table in a statement, and how it is bound there."""

    table: str
    reach: Reach
    locks: bool = False


def texts(*rooms: ModuleType) -> dict[str, Statement]:
    """Return every statement of these modules, each under the module it is written in."""
    found: dict[str, Statement] = {}
    for room in rooms:
        own = Path(str(room.__file__)).read_text("utf-8")
        for name, value in vars(room).items():
            if not re.search(rf"^{name}: Final", own, re.MULTILINE):
                continue
            some = _members(value) if type(value).__name__.endswith("Texts") else {name: value}
            for each, statement in some.items():
                if _is_statement(each, statement):
                    found[f"{_short(room)}.{each.lower()}"] = statement
    return found


def _members(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _short(room: ModuleType) -> str:
    return room.__name__.rpartition(".")[2]


def _is_statement(name: str, value: Any) -> bool:
    if name.startswith("_"):
        return False
    return isinstance(value, OverLanes | InsertRows | StatementForms) or (
        isinstance(value, str)
        and re.match(r"\s*\(?(SELECT|INSERT|UPDATE|DELETE|WITH)\b", value) is not None
    )


def statements() -> dict[str, str]:
    """Return every statement of the rooms, in its form for one server."""
    return {name: text_of(statement) for name, statement in texts(*ROOMS).items()}


def findings(text: str) -> list[Finding]:
    """Return every hot table of a statement with how it is bound."""
    return _hot(sqlglot.parse_one(text, dialect="postgres"))


def _hot(tree: sql.Expression) -> list[Finding]:
    return [
        Finding(table.name, _reach(table, scope), bool(scope.args.get("locks")))
        for table in tree.find_all(sql.Table)
        if table.name in HOT_KEYS
        for scope in [_scope_of(table)]
    ]


def reach(text: str) -> Reach:
    """Return how far a statement goes."""
    return max((each.reach for each in findings(text)), default=Reach.NOTHING_HOT)


def _scope_of(node: sql.Expression) -> sql.Expression:
    """Return the query or change in which a table is named."""
    found = node.parent
    while not isinstance(found, sql.Select | sql.Insert | sql.Update | sql.Delete):
        assert found is not None, "a table is always named in a statement"
        found = found.parent
    return found


def _reach(table: sql.Table, scope: sql.Expression, asked: frozenset[str] = frozenset()) -> Reach:
    """Return how a table is bound; `asked` are those that already ask, and cannot answer."""
    if isinstance(scope, sql.Insert) and scope.this.find(sql.Table) is table:
        # Each row says its own lane, or it would not be stored.
        columns = [each.name for each in scope.this.expressions]
        assert "lane" in columns, f"{table.name} is written without its lane"
        return Reach.LANES if isinstance(scope.expression, sql.Select) else Reach.ONE_LANE
    asked |= {table.alias_or_name}
    bounds = (_bound_by(each, table, scope, asked) for each in _conditions(scope))
    return min(bounds, default=Reach.EVERYWHERE)


def _conditions(scope: sql.Expression) -> Iterator[sql.Expression]:
    """Return what must hold, each on its own: only what is joined by AND binds."""
    where = scope.args.get("where")
    tests = [where.this] if where is not None else []
    # A change has its joins inside its FROM or USING.
    origins = [*(scope.args.get("using") or ()), scope.args.get("from_")]
    joins = [*(scope.args.get("joins") or ())]
    if not isinstance(scope, sql.Select):
        joins += [join for each in origins if each is not None for join in each.find_all(sql.Join)]
    tests += [join.args["on"] for join in joins if join.args.get("on") is not None]
    for test in tests:
        yield from _parts(test)


def _parts(condition: sql.Expression) -> Iterator[sql.Expression]:
    if isinstance(condition, sql.And):
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    else:
        yield condition


def _bound_by(
    condition: sql.Expression, table: sql.Table, scope: sql.Expression, asked: frozenset[str]
) -> Reach:
    if isinstance(condition, sql.EQ):
        sides = condition.left, condition.right
        for mine, other in (sides, sides[::-1]):
            if _is_lane_of(mine, table, scope):
                return _reach_of(other, scope, asked)
    if isinstance(condition, sql.LT) and _is_lane_of(condition.left, table, scope):
        return Reach.SPAN
    return Reach.EVERYWHERE


def _is_lane_of(column: sql.Expression, table: sql.Table, scope: sql.Expression) -> bool:
    if not isinstance(column, sql.Column) or column.name != "lane":
        return False
    is_alone = not scope.args.get("joins") and not scope.args.get("using")
    return column.table == table.alias_or_name or (not column.table and is_alone)


def _reach_of(value: sql.Expression, scope: sql.Expression, asked: frozenset[str]) -> Reach:
    if isinstance(value, sql.Parameter | sql.Cast):
        return Reach.ONE_LANE
    if isinstance(value, sql.Any):
        return Reach.LANES
    if isinstance(value, sql.Column) and value.table not in asked:
        return _reach_of_source(value.table, scope, asked)
    return Reach.EVERYWHERE


def _reach_of_source(name: str, scope: sql.Expression, asked: frozenset[str]) -> Reach:
    """Return how far rows go that another source of the statement gives."""
    root = scope.root()
    if any(each.alias == name for each in root.find_all(sql.Unnest)):
        return Reach.LANES
    for each in root.find_all(sql.Subquery, sql.CTE):
        if each.alias == name:
            return max((found.reach for found in _hot(each.this)), default=Reach.EVERYWHERE)
    for other in root.find_all(sql.Table):
        if other.alias_or_name == name and other.name in HOT_KEYS:
            return _reach(other, _scope_of(other), asked)
    return Reach.EVERYWHERE


# Citus


def distribution() -> str:
    """Return the statements that distribute an installation's tables."""
    lines = []
    for purpose, statements in distributed.distribution().items():
        lines += [f"-- {purpose}", *(f"{statement};" for statement in statements)]
    return "```sql\n" + "\n".join(lines) + "\n```"


_WHERE: Final = {
    Reach.ONE_LANE: "one shard",
    Reach.LANES: "the lanes of a batch",
    Reach.SPAN: "a span of lanes: every shard",
    Reach.EVERYWHERE: "every shard",
}


def where_statements_run() -> str:
    """Return, for each hot statement, how much of the database it goes to."""
    rows = ["| statement | hot tables | goes to | locks rows |", "| --- | --- | --- | --- |"]
    for name, text in statements().items():
        if found := findings(text):
            tables = ", ".join(f"`{each}`" for each in dict.fromkeys(f.table for f in found))
            locks = "yes" if any(each.locks for each in found) else ""
            rows.append(f"| `{name}` | {tables} | {_WHERE[reach(text)]} | {locks} |")
    return "\n".join(rows)

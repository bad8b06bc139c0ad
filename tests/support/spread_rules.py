"""What several servers refuse, or do row by row, read from the statements that are executed.

The templates of `storage/postgres` are read from their texts. SQLAlchemy makes its statements when
they run; so these are looked at on their way to a database, wherever tests speak with one server as
with many.
"""

from functools import cache

import sqlglot
from sqlalchemy.engine.interfaces import ExecuteStyle
from sqlglot import expressions as sql

from sendrail.storage.postgres import distributed
from sendrail.storage.postgres.schema import HOT_KEYS
from sendrail.storage.row_batches import is_spread

DISTRIBUTED = {*HOT_KEYS, *distributed.SPREAD}


class NotThere(AssertionError):
    """A statement that several servers do not run, or run for each row anew."""


def look_at(connection, cursor, statement, parameters, context, executemany):  # noqa: ARG001 - an event's
    """Raise `NotThere` for what several servers refuse; an event before a statement runs.

    Stores of several kinds may have one engine.
    """
    if not is_spread(connection):
        return
    if context.execute_style is ExecuteStyle.EXECUTEMANY and len(parameters) > 1:
        raise NotThere(f"{len(parameters)} rows go one by one: {statement}")
    if found := refused(statement):
        raise NotThere(f"{found}: {statement}")


@cache
def refused(text):
    """Return why several servers refuse a statement; nothing where they run it."""
    tree = sqlglot.parse_one(text, dialect="postgres")
    for query in tree.find_all(sql.Select):
        if not _names(query, DISTRIBUTED):
            continue
        outer = _asks_for_each_row_of(query)
        if outer is not None and not _names(outer, DISTRIBUTED):
            return "asked for each row of tables that all servers have"
        if _is_recursive(query) and not _is_bound(query):
            return "recursive over shards that are not named"
    return ""


def _asks_for_each_row_of(query):
    """Return the query around one which names its tables; None where it stands by itself."""
    own = _shown(query)
    asked = {each.table for each in query.find_all(sql.Column) if each.table}
    outer = query.parent_select
    while outer is not None:
        if (asked - own) & _shown(outer):
            return outer
        outer = outer.parent_select
    return None


def _tables(query):
    """Return the tables and subqueries that a query reads itself."""
    sources = [query.args.get("from_") or query.args.get("from"), *query.args.get("joins", ())]
    return [each.this for each in sources if each is not None]


def _shown(query):
    """Return the names of what a query reads, with those of the queries within it."""
    return {
        each.alias_or_name
        for each in query.find_all(sql.Table, sql.Subquery)
        if each.parent_select is query or _is_within(each, query)
    }


def _is_within(node, query):
    around = node.parent_select
    while around is not None and around is not query:
        around = around.parent_select
    return around is query


def _names(query, tables):
    return any(isinstance(each, sql.Table) and each.name in tables for each in _tables(query))


def _is_recursive(query):
    around = query.find_ancestor(sql.With)
    return around is not None and bool(around.args.get("recursive"))


def _is_bound(query):
    """Return whether a query says by a value which shard it means."""
    where = query.args.get("where")
    return where is not None and any(
        isinstance(each.this, sql.Column)
        and each.this.name in {"lane", "list_id"}
        and each.expression.find(sql.Parameter, sql.Placeholder, sql.Literal) is not None
        for each in where.find_all(sql.EQ)
    )

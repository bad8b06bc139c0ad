"""Ownership: leases without end, spans of work with an owner and an end, and the processes.

All times are the database's own: a process whose clock is wrong neither keeps what it has lost nor
takes what is not free. A span's epoch grows whenever it changes hands, so that whatever a former
owner still writes is recognised.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sendrail.domain.slices import Charge
from sendrail.storage.pipeline.leases import (
    HeartbeatResponse,
    LeasesTexts,
    PaceSlot,
    ProcessState,
    SpanState,
)
from sendrail.storage.postgres.driver import PostgresDriver

_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_NOW_US: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
NOW: Final = f"SELECT {_NOW}"
MAKE_SPANS: Final = """
    INSERT INTO spans (kind, span, owner, epoch, until)
    SELECT $1, span, '', 0, 0 FROM generate_series(0, $2 - 1) AS span
    ON CONFLICT DO NOTHING
"""
# A process whose spans were not taken keeps them, however long the database was away.
RENEW: Final = f"""
    UPDATE spans SET until = {_NOW} + $3 WHERE kind = ANY($1::text[]) AND owner = $2
    RETURNING kind, span, epoch
"""
# A span from which its owner is just claiming is not free, whatever the time.
TAKE_SPANS: Final = f"""
    WITH free AS MATERIALIZED (
        SELECT span FROM spans WHERE kind = $1 AND until <= {_NOW}
        ORDER BY span LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE spans AS s SET owner = $2, epoch = s.epoch + 1, until = {_NOW} + $4
    FROM free WHERE s.kind = $1 AND s.span = free.span
    RETURNING s.span, s.epoch
"""
GIVE_BACK: Final = """
    UPDATE spans SET owner = '', until = 0
    WHERE kind = $1 AND owner = $2 AND span = ANY($3::smallint[])
"""
# Until this transaction ends no process takes these spans over; a renewal changes no key and does
# not wait for it. Should the process stand still in the midst of it, its lock must not outlive its
# lease by long.
LOCK_SPANS: Final = """
    SELECT s.span, set_config('idle_in_transaction_session_timeout', $5, true)
    FROM unnest($3::smallint[], $4::bigint[]) AS mine (span, epoch)
    JOIN spans AS s ON s.kind = $1 AND s.span = mine.span AND s.epoch = mine.epoch
    WHERE s.owner = $2 ORDER BY s.span FOR KEY SHARE OF s
"""
SPANS: Final = f"""
    SELECT kind, span, owner, epoch, until - {_NOW} FROM spans ORDER BY kind, span
"""
SHOW: Final = f"""
    INSERT INTO processes (name, roles, version, started_at, seen_at)
    VALUES ($1, $2, $3, {_NOW}, {_NOW})
    ON CONFLICT (name) DO UPDATE SET roles = excluded.roles, seen_at = excluded.seen_at
    RETURNING seen_at, pg_current_xact_id()::text::bigint,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""
# The same, the renewal and who is there, in one round trip: what every heartbeat does, and nearly
# all of them nothing else. Of the processes it sees the rows as they were before it.
BEAT: Final = f"""
    WITH beat AS (
        INSERT INTO processes (name, roles, version, started_at, seen_at)
        VALUES ($1, $2, $3, {_NOW}, {_NOW})
        ON CONFLICT (name) DO UPDATE SET roles = excluded.roles, seen_at = excluded.seen_at
        RETURNING seen_at, pg_current_xact_id()::text::bigint AS number,
            pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest),
    renewed AS (
        UPDATE spans SET until = {_NOW} + $5 WHERE kind = ANY($4::text[]) AND owner = $1
        RETURNING kind, span, epoch)
    SELECT beat.seen_at, beat.number, beat.oldest, spans.kinds, spans.spans, spans.epochs,
        ARRAY(SELECT (name, roles, version, started_at, {_NOW} - seen_at)
            FROM processes ORDER BY name)
    FROM beat, (SELECT array_agg(kind) AS kinds, array_agg(span) AS spans,
        array_agg(epoch) AS epochs FROM renewed) AS spans
"""
PRESENT: Final = f"""
    SELECT name, roles, version, started_at, {_NOW} - seen_at FROM processes ORDER BY name
"""
LEAVE: Final = "DELETE FROM processes WHERE name = $1"
FORGET_UNSEEN: Final = f"""
    DELETE FROM processes WHERE name IN
        (SELECT name FROM processes WHERE seen_at < {_NOW} - $1 FOR UPDATE SKIP LOCKED)
"""
MAKE_PACE: Final = """
    INSERT INTO connector_paces (connector_id, messages_until, segments_until) VALUES ($1, 0, 0)
    ON CONFLICT DO NOTHING
"""
_START: Final = f"greatest(messages_until + $2, segments_until + $4, {_NOW_US})"
RESERVE: Final = f"""
    UPDATE connector_paces SET messages_until = {_START} + $3, segments_until = {_START} + $5
    WHERE connector_id = $1 RETURNING messages_until - $3, {_NOW_US}
"""
TEXTS: Final = LeasesTexts(
    take="""
        INSERT INTO leases (name, owner, epoch, taken_at) VALUES ($1, $2, 1, $3)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = leases.epoch + 1,
            taken_at = excluded.taken_at
        RETURNING epoch
    """,
    epoch="SELECT epoch FROM leases WHERE name = $1",
)
FULL_ACCOUNTS: Final = "SELECT account_id FROM full_accounts"
FILL: Final = """
    INSERT INTO full_accounts (account_id) SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING
"""
EMPTY: Final = "DELETE FROM full_accounts WHERE account_id <> ALL($1::bigint[])"


class Spans:
    """Work of one kind, cut into spans; each has one owner for a time."""

    def __init__(self, driver: PostgresDriver) -> None:
        self._driver = driver

    def make(self, kind: str, count: int) -> None:
        self._driver.run(MAKE_SPANS, kind, count)

    def renew(self, kinds: Sequence[str], owner: str, life_ms: int) -> dict[str, dict[int, int]]:
        """Return by kind every span that is the owner's, with its epoch; its time begins anew."""
        owned: dict[str, dict[int, int]] = {kind: {} for kind in kinds}
        for kind, span, epoch in self._driver.returning(RENEW, list(kinds), owner, life_ms):
            owned[kind][span] = epoch
        return owned

    def take(self, kind: str, owner: str, limit: int, life_ms: int) -> dict[int, int]:
        """Take free spans, and those whose owner has let them lapse, at most so many."""
        return {
            row[0]: row[1]
            for row in self._driver.returning(TAKE_SPANS, kind, owner, limit, life_ms)
        }

    def give_back(self, kind: str, owner: str, spans: Sequence[int]) -> None:
        self._driver.run(GIVE_BACK, kind, owner, list(spans))

    def lock(self, kind: str, owner: str, epochs: Mapping[int, int], life_ms: int) -> set[int]:
        """Return which of these spans are still the owner's, and keep them so meanwhile."""
        spans = sorted(epochs)
        rows = self._driver.rows(
            LOCK_SPANS, kind, owner, spans, [epochs[span] for span in spans], str(life_ms)
        )
        return {row[0] for row in rows}

    def all(self) -> list[SpanState]:
        return [SpanState(*row) for row in self._driver.rows(SPANS)]


class Processes:
    """The processes that are there, as they report themselves."""

    def __init__(self, driver: PostgresDriver) -> None:
        self._driver = driver

    def show(self, name: str, roles: str, version: str) -> HeartbeatResponse:
        """Record that a process is there; return what the database says to that."""
        [row] = self._driver.returning(SHOW, name, roles, version)
        return self._beat(*row)

    def beat(
        self, name: str, roles: str, version: str, kinds: Sequence[str], life_ms: int
    ) -> tuple[HeartbeatResponse, list[ProcessState], dict[str, dict[int, int]]]:
        """Show a process, read who is there and renew what is its own, in one statement."""
        [(*said, owned_kinds, spans, epochs, present)] = self._driver.returning(
            BEAT, name, roles, version, list(kinds), life_ms
        )
        owned: dict[str, dict[int, int]] = {kind: {} for kind in kinds}
        for kind, span, epoch in zip(owned_kinds or (), spans or (), epochs or (), strict=True):
            owned[kind][span] = epoch
        return self._beat(*said), [ProcessState(*row) for row in present], owned

    def _beat(self, seen_at: int, number: int, oldest: int) -> HeartbeatResponse:
        # The snapshot is older than our number: one that was given out in between is lower, too.
        # Other servers of a spread database count for themselves.
        return HeartbeatResponse(
            seen_at, None if self._driver.is_spread else number, oldest == number
        )

    def all(self) -> list[ProcessState]:
        return [ProcessState(*row) for row in self._driver.rows(PRESENT)]

    def leave(self, name: str) -> None:
        self._driver.run(LEAVE, name)

    def forget_unseen(self, since_ms: int) -> int:
        return self._driver.run(FORGET_UNSEEN, since_ms)

    def full_accounts(self) -> frozenset[int]:
        """Return the accounts whose queues are full, as they were last counted."""
        return frozenset(row[0] for row in self._driver.rows(FULL_ACCOUNTS))

    def set_full_accounts(self, accounts: Sequence[int]) -> None:
        self._driver.run(EMPTY, sorted(accounts))
        self._driver.run(FILL, sorted(accounts))


class ConnectorPaces:
    """The time of each carrier connector that is given out already."""

    def __init__(self, driver: PostgresDriver) -> None:
        self._driver = driver

    def make(self, connector_id: int) -> None:
        self._driver.run(MAKE_PACE, connector_id)

    def reserve(self, connector_id: int, messages: Charge, segments: Charge) -> PaceSlot | None:
        """Take the next free time of a connector; None when the connector has no row yet."""
        rows = self._driver.returning(RESERVE, connector_id, *messages, *segments)
        return PaceSlot(*rows[0]) if rows else None

"""Messages coming in, on PostgreSQL: numbers, the duplicate window, messages.

Where rows are written by key, they are sorted: two processes then never wait for each other in a
circle.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from sendrail.domain.ids import LANES
from sendrail.domain.short_ids import SlotRange
from sendrail.storage.pipeline.messages import NO_ORIGINS, RANK_OF_SKIPS, Fingerprint, MessageRow
from sendrail.storage.postgres import link_ranges
from sendrail.storage.postgres.driver import PostgresDriver, columns
from sendrail.storage.templates import StatementForms, read_over_lanes

RESERVE: Final = """
    INSERT INTO numbers (lane, last) VALUES ($1, $2)
    ON CONFLICT (lane) DO UPDATE SET last = numbers.last + $2 RETURNING last
"""
EARLIER: Final = read_over_lanes(
    "lane smallint, fingerprint bigint",
    """
    SELECT f.lane, f.fingerprint, f.number
    FROM {batch} JOIN fingerprints AS f ON f.lane = {lane} AND f.fingerprint = batch.fingerprint
    WHERE f.at > $3
    """,
    key="f.fingerprint",
)
# By their lanes: an index of their own by time would be one more to write for every message.
_OLD_FINGERPRINTS: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, fingerprint FROM fingerprints
        WHERE lane >= $2::smallint AND lane < $3::smallint AND at < $1
        LIMIT $4{lock})
    DELETE FROM fingerprints AS f USING old
    WHERE f.lane = old.lane AND f.fingerprint = old.fingerprint
"""
FORGET_FINGERPRINTS: Final = StatementForms(
    _OLD_FINGERPRINTS.format(lock=" FOR UPDATE SKIP LOCKED"),
    distributed=_OLD_FINGERPRINTS.format(lock=""),
)
# As JSON: the driver takes half the time for one text that it takes for a dozen arrays.
_NEW: Final = """
    WITH new AS MATERIALIZED (
        SELECT * FROM json_to_recordset($1::json) AS new (number bigint, lane smallint,
            account_id bigint, list_id bigint, recipient bigint, created_at bigint, skips smallint,
            segments smallint, encoding text, body text, metadata text, links text,
            fingerprint bigint, origin_id bigint))
"""
_ACCEPTED: Final = """
    accepted AS (
        INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, skips,
            segments, encoding, body, metadata, links, status, attempt, epoch, resent, origin_id)
        SELECT number, lane, account_id, list_id, recipient, created_at, skips, segments, encoding,
            body, metadata, nullif(links, ''), 'queued', 0, 0, 0, origin_id
        FROM new WHERE {which}
        RETURNING number, lane, list_id, created_at, skips)
"""
# For counting what was sent to whom: a row for each lane, however many messages.
_NEWS: Final = """
    news AS (
        INSERT INTO activity_news (lane, number, numbers)
        SELECT lane, min(number), array_agg(number) FROM accepted GROUP BY lane)
"""
_QUEUED: Final = f"""
    INSERT INTO queue (slice, lane, list_id, rank, due_at, number)
    SELECT (SELECT current FROM queue_slices), lane, list_id,
        {RANK_OF_SKIPS},
        coalesce({{due_at}}, created_at), number
    FROM accepted
"""
INSERT_MESSAGES: Final = f"""
    {_NEW}, {_ACCEPTED.format(which="true")}, {_NEWS}
    {_QUEUED.format(due_at="$2")}
"""
# What is returned was accepted within the window already: by us, or by a process we waited for. The
# way it looks for the noted has them hashed, where a join would compare all with all.
_INSERT_NEW: Final = f"""
    {_NEW}, noted AS (
        INSERT INTO fingerprints AS f (lane, fingerprint, number, at)
        SELECT lane, fingerprint, number, created_at FROM new ORDER BY lane, fingerprint
        ON CONFLICT (lane, fingerprint) DO UPDATE SET number = excluded.number, at = excluded.at
            WHERE f.at <= $2 OR excluded.number = ANY($3::bigint[])
        RETURNING number),
    {_ACCEPTED.format(which="(number IN (SELECT number FROM noted)) IS TRUE")}, {_NEWS},
    queued AS ({_QUEUED.format(due_at="NULL::bigint")}){{beside}}
    SELECT number FROM new WHERE (number IN (SELECT number FROM noted)) IS NOT TRUE
"""
INSERT_NEW: Final = _INSERT_NEW.format(beside="")
# With the slots of their links: a statement of its own would need a transaction around the two.
INSERT_LINKED: Final = _INSERT_NEW.format(beside=f", ranged AS ({link_ranges.ADD.of_arrays(4)})")

_json: Final = msgspec.json.Encoder().encode


class _New(msgspec.Struct, omit_defaults=True):
    """A message on its way in, as the statements read it; its columns as in `MessageRow`.

    What is left out is null to them.
    """

    number: int
    lane: int
    account_id: int
    list_id: int
    recipient: int
    created_at: int
    skips: int
    segments: int
    encoding: str
    body: str
    metadata: str | None
    links: str
    fingerprint: int | None = None
    origin_id: int | None = None


class PostgresMessages:
    """Messages coming in, their numbers by lane, and the duplicate window of all processes."""

    def __init__(self, driver: PostgresDriver) -> None:
        self._driver = driver

    def reserve_in(self, lane: int, count: int) -> int:
        """Return the first of `count` new numbers of a lane; each next one is `LANES` further."""
        # No write to be undone with others: numbers that are reserved may stay unused.
        row = self._driver.row(RESERVE, lane, count)
        assert row is not None, "the statement returns what it wrote"
        return int(row[0] - count + 1) * LANES + lane

    def insert_new(
        self,
        rows: Sequence[MessageRow],
        fingerprints: Sequence[int],
        since: int,
        forced: Sequence[int] = (),
        origins: Mapping[int, int] = NO_ORIGINS,
        *,
        ranges: Sequence[SlotRange] = (),
    ) -> dict[Fingerprint, int]:
        """Insert and queue the messages whose like was not accepted since then, and note them.

        Each of `fingerprints` stands beside its row, once a lane. A number among `forced` is
        inserted whatever was there; those of `origins` come from there. The `ranges` of slots that
        they need are kept with them. Returns the numbers of the earlier messages that kept others
        out.
        """
        if not rows:
            return {}
        known = self._note_and_insert(rows, fingerprints, since, forced, origins, ranges=ranges)
        if not known:
            return {}
        kept_out = [
            (row[1], fingerprint)
            for row, fingerprint in zip(rows, fingerprints, strict=True)
            if row[0] in known
        ]
        return dict.fromkeys(kept_out, 0) | self._who_was_first(kept_out, since)

    def _note_and_insert(
        self,
        rows: Sequence[MessageRow],
        fingerprints: Sequence[int],
        since: int,
        forced: Sequence[int],
        origins: Mapping[int, int],
        *,
        ranges: Sequence[SlotRange],
    ) -> set[int]:
        """Note and insert what is new; return the numbers of what is not."""
        new = [
            _New(*row, each, origins.get(row[0]))
            for row, each in zip(rows, fingerprints, strict=True)
        ]
        values = _json(new).decode(), since, list(forced)
        if ranges:
            added = columns(link_ranges.rows_of(ranges))
            known = self._driver.returning(INSERT_LINKED, *values, *added)
        else:
            known = self._driver.returning(INSERT_NEW, *values)
        return {number for (number,) in known}

    def _who_was_first(
        self, fingerprints: Sequence[Fingerprint], since: int
    ) -> dict[Fingerprint, int]:
        try:
            return self.earlier(fingerprints, since)
        except Exception:
            if self._driver.is_begun:
                raise
            # The messages beside them are stored for good, and their callers must get that result.
            return {}

    def earlier(self, fingerprints: Sequence[Fingerprint], since: int) -> dict[Fingerprint, int]:
        """Return the numbers of the messages with these fingerprints that were noted since then."""
        if not fingerprints:
            return {}
        rows = self._driver.rows(EARLIER, *columns(fingerprints), since)
        return {(row[0], row[1]): row[2] for row in rows}

    def insert(
        self,
        rows: Sequence[MessageRow],
        due_at: int | None = None,
        origins: Mapping[int, int] = NO_ORIGINS,
    ) -> None:
        """Insert messages and queue them, at once unless `due_at` says when.

        Those of `origins` come from there.
        """
        if rows:
            new = [_New(*row, None, origins.get(row[0])) for row in rows]
            self._driver.run(INSERT_MESSAGES, _json(new).decode(), due_at)

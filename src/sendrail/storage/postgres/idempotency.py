"""Answers that were given under idempotency keys, on PostgreSQL.

A key's row is there, empty, before its request is judged: a second one waits for the first.
"""

from collections.abc import Iterable
from typing import Final

from sendrail.storage.pipeline.idempotency import Idempotency, IdempotencyTexts, KeptAnswer
from sendrail.storage.postgres.driver import PostgresDriver
from sendrail.storage.templates import InsertRows, StatementForms

_OLD: Final = """
    SELECT account_id, key FROM idempotency WHERE created_at < $1 LIMIT $2"""
_KEPT: Final = """
    SELECT i.account_id, i.key, i.route, i.body_digest, i.status, i.answer
    FROM unnest($1::bigint[], $2::text[]) AS wanted (account_id, key)
    JOIN idempotency AS i ON i.account_id = wanted.account_id AND i.key = wanted.key"""
_FORGET: Final = """
    DELETE FROM idempotency AS i
    USING unnest($1::bigint[], $2::text[]) AS old (account_id, key)
    WHERE i.account_id = old.account_id AND i.key = old.key"""
# Over several servers a key says where its row is, and the join says it to no planner.
_OF_KEYS: Final = " AND i.key = ANY($2::text[])"
TEXTS: Final = IdempotencyTexts(
    kept=StatementForms(_KEPT, distributed=_KEPT + _OF_KEYS),
    keep="""
        INSERT INTO idempotency (account_id, key, route, body_digest, status, answer, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account_id, key) DO UPDATE SET route = excluded.route,
            body_digest = excluded.body_digest, status = excluded.status, answer = excluded.answer,
            created_at = excluded.created_at
    """,
    # One process at a time does the chores: a lock that is not to be had on many shards only lets
    # two of them wait for each other.
    old=StatementForms(_OLD + " FOR UPDATE SKIP LOCKED", distributed=_OLD),
    forget=StatementForms(_FORGET, distributed=_FORGET + _OF_KEYS),
)
CLAIM: Final = InsertRows(
    "idempotency",
    "account_id bigint, key text, route text, body_digest bytea, status smallint, answer bytea,"
    " created_at bigint",
    "ON CONFLICT DO NOTHING RETURNING account_id, key",
)
_UNANSWERED: Final = _FORGET + " AND i.status = 0"
FREE: Final = StatementForms(_UNANSWERED, distributed=_UNANSWERED + _OF_KEYS)


class PostgresIdempotency(Idempotency):
    """The answers to requests that came with a key."""

    def __init__(self, driver: PostgresDriver) -> None:
        super().__init__(driver, TEXTS)
        self._postgres = driver
        # Claimed in the transaction that is open, and not answered yet.
        self._unanswered: set[tuple[int, str]] = set()

    def claim(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KeptAnswer]:
        # Sorted, so that two processes never wait for each other in a circle.
        wanted = sorted(keys)
        if not wanted:
            return {}
        rows = self._postgres.each_returning(
            CLAIM, [(account_id, key, "", b"", 0, b"", 0) for account_id, key in wanted]
        )
        claimed = {(row[0], row[1]) for row in rows}
        if self._postgres.before_commit(self._free):
            # What an earlier transaction left was undone with it.
            self._unanswered.clear()
        self._unanswered |= claimed
        return self.find([key for key in wanted if key not in claimed])

    def answer(self, account_id: int, key: str, answer: KeptAnswer, now: int) -> None:
        self._unanswered.discard((account_id, key))
        super().answer(account_id, key, answer, now)

    def _free(self) -> None:
        self._postgres.each(FREE, sorted(self._unanswered))
        self._unanswered.clear()

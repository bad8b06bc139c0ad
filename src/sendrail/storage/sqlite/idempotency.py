"""Answers that were given under idempotency keys, on SQLite: one writer has every key."""

from collections.abc import Iterable
from typing import Final

from sendrail.storage.pipeline.idempotency import Idempotency, IdempotencyTexts, KeptAnswer

TEXTS: Final = IdempotencyTexts(
    kept="""
        SELECT account_id, key, route, body_digest, status, answer FROM idempotency
        WHERE account_id = ? AND key = ?
    """,
    keep="INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
    # Found first and then deleted each by its key: of a pair in a list SQLite would look for the
    # first half alone, which is everything an account has.
    old="SELECT account_id, key FROM idempotency WHERE created_at < ? LIMIT ?",
    forget="DELETE FROM idempotency WHERE account_id = ? AND key = ?",
)


class SqliteIdempotency(Idempotency):
    """The answers to requests that came with a key."""

    def claim(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KeptAnswer]:
        return self.find(keys)

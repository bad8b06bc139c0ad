"""Origins of messages on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.pipeline.origins import OriginTexts

TEXTS: Final = OriginTexts(
    by_key="""
        SELECT id, kind, of_id, version, part FROM origins
        WHERE account_id = ? AND kind = ? AND of_id = ? AND version = ? AND part = ?
    """,
    add="""
        INSERT INTO origins (account_id, kind, of_id, version, part) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING
    """,
)

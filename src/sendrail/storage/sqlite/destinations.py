"""Destinations on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.pipeline.destinations import DestinationTexts

TEXTS: Final = DestinationTexts(
    by_digest="SELECT id, digest FROM destinations WHERE account_id = ? AND digest = ?",
    add="""
        INSERT INTO destinations (account_id, digest, url, created_at, offer_id)
        VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """,
    urls="SELECT id, url FROM destinations WHERE id = ? AND account_id = ?",
)

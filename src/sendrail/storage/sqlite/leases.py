"""Leases on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.pipeline.leases import LeasesTexts

TEXTS: Final = LeasesTexts(
    take="""
        INSERT INTO leases (name, owner, epoch, taken_at) VALUES (?, ?, 1, ?)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = epoch + 1,
            taken_at = excluded.taken_at
        RETURNING epoch
    """,
    epoch="SELECT epoch FROM leases WHERE name = ?",
)

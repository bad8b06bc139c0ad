"""Contacts by the day of their sign-up on SQLite. The statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.contacts.signup_counts import SignUpCountTexts

TEXTS: Final = SignUpCountTexts(
    add="""
        INSERT INTO signup_counts (list_id, day, shard, n) VALUES (?, ?, ?, ?)
        ON CONFLICT (list_id, day, shard) DO UPDATE SET n = n + excluded.n
    """
)

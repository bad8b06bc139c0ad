"""User agents on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.tracking.agents import AgentTexts

TEXTS: Final = AgentTexts(
    by_digest="SELECT digest, id, seen_on FROM agents WHERE digest = ?",
    add="""
        INSERT INTO agents (digest, text, seen_on) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
    """,
    seen="""
        UPDATE agents SET seen_on = ?2
        WHERE id IN (SELECT value FROM json_each(?1)) AND seen_on < ?2
    """,
)

"""User agents on PostgreSQL."""

from typing import Final

from sendrail.storage.templates import InsertRows
from sendrail.storage.tracking.agents import AgentTexts

TEXTS: Final = AgentTexts(
    by_digest="""
        SELECT a.digest, a.id, a.seen_on
        FROM unnest($1::bytea[]) AS wanted (digest) JOIN agents AS a ON a.digest = wanted.digest
    """,
    add=InsertRows("agents", "digest bytea, text bytea, seen_on integer", "ON CONFLICT DO NOTHING"),
    # All processes meet the same agents as a day begins: who comes second need not wait.
    seen="""
        UPDATE agents AS a SET seen_on = $2
        FROM (
            SELECT id FROM agents WHERE id = ANY($1::bigint[]) AND seen_on < $2
            FOR UPDATE SKIP LOCKED
        ) AS old
        WHERE a.id = old.id
    """,
)

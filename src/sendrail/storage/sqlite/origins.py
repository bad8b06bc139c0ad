"""Origins of messages on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.pipeline.origins import OriginTexts

TEXTS: Final = OriginTexts(
    by_key="""
        SELECT id, kind, of_id, version, part FROM origins
        WHERE account_id = ? AND kind = ? AND of_id = ? AND version = ? AND part = ?
    """,
    add="""
        INSERT INTO origins (account_id, kind, of_id, version, part, creative_id, offers)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """,
    past="""
        SELECT o.id, CASE o.kind
            WHEN 'run' THEN coalesce(
                (SELECT coalesce(r.ended_at, ?2) FROM runs AS r WHERE r.id = o.of_id), 0) < ?2
            ELSE coalesce(
                (SELECT j.active_version FROM journeys AS j WHERE j.id = o.of_id), 0) <> o.version
        END
        FROM origins AS o WHERE o.id > ?1 ORDER BY o.id LIMIT ?3
    """,
    counted="""
        SELECT value FROM json_each(?) AS wanted
        WHERE EXISTS (SELECT 1 FROM origin_counts AS c WHERE c.origin_id = wanted.value)
    """,
    forget="DELETE FROM origins WHERE id IN (SELECT value FROM json_each(?))",
)

"""Origins of messages on PostgreSQL."""

from typing import Final

from sendrail.storage.pipeline.origins import OriginTexts
from sendrail.storage.templates import InsertRows

TEXTS: Final = OriginTexts(
    by_key="""
        SELECT o.id, o.kind, o.of_id, o.version, o.part
        FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::integer[], $5::text[])
            AS wanted (account_id, kind, of_id, version, part)
        JOIN origins AS o ON o.account_id = wanted.account_id AND o.kind = wanted.kind
            AND o.of_id = wanted.of_id AND o.version = wanted.version AND o.part = wanted.part
    """,
    add=InsertRows(
        "origins",
        "account_id bigint, kind text, of_id bigint, version integer, part text,"
        " creative_id bigint, offers text",
        "ON CONFLICT DO NOTHING",
    ),
    past="""
        SELECT o.id, CASE o.kind
            WHEN 'run' THEN coalesce(
                (SELECT coalesce(r.ended_at, $2) FROM runs AS r WHERE r.id = o.of_id), 0) < $2
            ELSE coalesce(
                (SELECT j.active_version FROM journeys AS j WHERE j.id = o.of_id), 0) <> o.version
        END
        FROM origins AS o WHERE o.id > $1 ORDER BY o.id LIMIT $3
    """,
    counted="""
        SELECT origin_id FROM origin_counts WHERE origin_id = ANY($1::bigint[]) GROUP BY origin_id
    """,
    forget="DELETE FROM origins WHERE id = ANY($1::bigint[])",
)

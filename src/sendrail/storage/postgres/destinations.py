"""Destinations on PostgreSQL."""

from typing import Final

from sendrail.storage.pipeline.destinations import DestinationTexts
from sendrail.storage.templates import InsertRows

TEXTS: Final = DestinationTexts(
    by_digest="""
        SELECT d.id, d.digest
        FROM unnest($1::bigint[], $2::bytea[]) AS wanted (account_id, digest)
        JOIN destinations AS d ON d.account_id = wanted.account_id AND d.digest = wanted.digest
    """,
    add=InsertRows(
        "destinations",
        "account_id bigint, digest bytea, url text, created_at bigint, offer_id bigint",
        "ON CONFLICT DO NOTHING",
    ),
    urls="""
        SELECT d.id, d.url
        FROM unnest($1::bigint[], $2::bigint[]) AS wanted (id, account_id)
        JOIN destinations AS d ON d.id = wanted.id AND d.account_id = wanted.account_id
    """,
)

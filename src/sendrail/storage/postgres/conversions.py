"""Conversions on PostgreSQL: a batch is one statement."""

from typing import Final

from sendrail.storage.templates import InsertRows
from sendrail.storage.tracking.conversions import CONVERSION_COLUMNS, ConversionTexts

_COLUMNS: Final = ", ".join(f"c.{name}" for name in CONVERSION_COLUMNS)

TEXTS: Final = ConversionTexts(
    of_transactions=f"""
        SELECT {_COLUMNS} FROM unnest($1::bigint[], $2::bigint[], $3::text[])
            AS wanted (account_id, offer_id, external_id)
        JOIN conversions AS c ON c.account_id = wanted.account_id
            AND c.offer_id = wanted.offer_id AND c.external_id = wanted.external_id
    """,
    new_ids="SELECT nextval('conversions_id_seq') FROM generate_series(1, $1)",
    insert=InsertRows(
        "conversions",
        "id bigint, account_id bigint, offer_id bigint, event text, external_id text,"
        " number bigint, list_id bigint, source text, attribution text, amount bigint,"
        " payout bigint, currency text, at bigint, created_at bigint, imported boolean,"
        " attributed boolean, takes_back bigint, known_by text, link_id bigint",
    ),
)

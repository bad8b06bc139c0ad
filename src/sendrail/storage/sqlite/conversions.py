"""Conversions on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.tracking.conversions import CONVERSION_COLUMNS, ConversionTexts

_COLUMNS: Final = ", ".join(CONVERSION_COLUMNS)

TEXTS: Final = ConversionTexts(
    of_transactions=f"""
        SELECT {_COLUMNS} FROM conversions
        WHERE account_id = ?1 AND offer_id = ?2 AND external_id = ?3
    """,  # noqa: S608 - our own names
    # One writes at a time: what comes after the last is free.
    new_ids="""
        WITH RECURSIVE next (id, more) AS (
            SELECT coalesce((SELECT max(id) FROM conversions), 0) + 1, ?1 - 1
            UNION ALL SELECT id + 1, more - 1 FROM next WHERE more > 0)
        SELECT id FROM next
    """,
    insert=f"""
        INSERT INTO conversions ({_COLUMNS})
        VALUES ({", ".join("?" * len(CONVERSION_COLUMNS))})
    """,  # noqa: S608 - as above
)

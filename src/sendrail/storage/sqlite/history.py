"""Imported sends on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.tracking.history import HistoryTexts

TEXTS: Final = HistoryTexts(
    find="""
        SELECT s.ref, s.id, s.list_id, s.recipient, s.at, s.clicked_at
        FROM json_each(?2) AS wanted CROSS JOIN imported_sends AS s
        WHERE s.account_id = ?1 AND s.ref = wanted.value
    """,
    add="""
        INSERT INTO imported_sends
            (account_id, ref, list_id, recipient, at, send_type, delivered, length, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """,
    click="""
        UPDATE imported_sends SET clicked_at = ?3, click_offer_id = ?4
        WHERE account_id = ?1 AND id = ?2
    """,
    count="""
        INSERT INTO contact_history (list_id, recipient, sends, first_sent_at, last_sent_at, clicks,
            last_clicked_at, conversions, revenue, last_revenue_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (list_id, recipient) DO UPDATE SET sends = sends + excluded.sends,
            first_sent_at = min(coalesce(first_sent_at, excluded.first_sent_at),
                coalesce(excluded.first_sent_at, first_sent_at)),
            last_sent_at = max(coalesce(last_sent_at, excluded.last_sent_at),
                coalesce(excluded.last_sent_at, last_sent_at)),
            clicks = clicks + excluded.clicks,
            last_clicked_at = max(coalesce(last_clicked_at, excluded.last_clicked_at),
                coalesce(excluded.last_clicked_at, last_clicked_at)),
            conversions = conversions + excluded.conversions,
            revenue = revenue + excluded.revenue,
            last_revenue_at = max(coalesce(last_revenue_at, excluded.last_revenue_at),
                coalesce(excluded.last_revenue_at, last_revenue_at))
    """,
)

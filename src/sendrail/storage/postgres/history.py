"""Imported sends on PostgreSQL: a batch of rows is one statement."""

from typing import Final

from sendrail.storage.templates import InsertRows
from sendrail.storage.tracking.history import HistoryTexts

TEXTS: Final = HistoryTexts(
    find="""
        SELECT ref, id, list_id, recipient, at, clicked_at FROM imported_sends
        WHERE account_id = $1 AND ref = ANY($2::text[])
    """,
    add=InsertRows(
        "imported_sends",
        "account_id bigint, ref text, list_id bigint, recipient bigint, at bigint, send_type text,"
        " delivered boolean, length integer, created_at bigint",
    ),
    click="""
        UPDATE imported_sends AS s SET clicked_at = batch.at, click_offer_id = batch.offer_id
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
            AS batch (account_id, id, at, offer_id)
        WHERE s.account_id = batch.account_id AND s.id = batch.id
    """,
    count=InsertRows(
        "contact_history AS h",
        "list_id bigint, recipient bigint, sends integer, first_sent_at bigint,"
        " last_sent_at bigint, clicks integer, last_clicked_at bigint, conversions integer,"
        " revenue bigint, last_revenue_at bigint",
        """
        ON CONFLICT (list_id, recipient) DO UPDATE SET sends = h.sends + excluded.sends,
            first_sent_at = least(h.first_sent_at, excluded.first_sent_at),
            last_sent_at = greatest(h.last_sent_at, excluded.last_sent_at),
            clicks = h.clicks + excluded.clicks,
            last_clicked_at = greatest(h.last_clicked_at, excluded.last_clicked_at),
            conversions = h.conversions + excluded.conversions,
            revenue = h.revenue + excluded.revenue,
            last_revenue_at = greatest(h.last_revenue_at, excluded.last_revenue_at)
        """,
    ),
)

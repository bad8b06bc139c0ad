"""Texts from handsets, and soft bounces, on PostgreSQL."""

from typing import Final

from sendrail.storage.pipeline.replies import RepliesTexts
from sendrail.storage.pipeline.soft_bounces import SoftBouncesTexts
from sendrail.storage.templates import OverLanes, StatementForms

_OF_TEXT: Final = (
    "WHERE connector_id = $1 AND sender = $2 AND list_number = $3 AND reference = $4 AND total = $5"
)
_OVERDUE: Final = """
    SELECT connector_id, sender, list_number, reference, total FROM reply_parts
    WHERE received_at < $1 ORDER BY received_at LIMIT $2"""
_FORGET_REF: Final = """
    DELETE FROM reply_refs AS r
    USING unnest($1::bigint[], $2::text[]) AS old (connector_id, carrier_ref)
    WHERE r.connector_id = old.connector_id AND r.carrier_ref = old.carrier_ref"""
TEXTS: Final = RepliesTexts(
    keep="""
        INSERT INTO replies (account_id, list_id, sender, body, keyword, rule, review, word,
            received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
    """,
    note_ref="""
        INSERT INTO reply_refs (connector_id, carrier_ref, received_at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING
    """,
    old_refs="SELECT connector_id, carrier_ref FROM reply_refs WHERE received_at < $1 LIMIT $2",
    forget_ref=StatementForms(
        _FORGET_REF, distributed=_FORGET_REF + " AND r.carrier_ref = ANY($2::text[])"
    ),
    keep_part="""
        INSERT INTO reply_parts (connector_id, sender, list_number, reference, total, number, body,
            octets, alphabet, answered, joined, received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11) ON CONFLICT DO NOTHING
    """,
    # A process that joins a text locks its parts, so that no other joins it as well.
    parts=f"""
        SELECT number, body, octets, alphabet, answered, joined FROM reply_parts {_OF_TEXT}
        ORDER BY number FOR UPDATE
    """,
    mark_joined=f"UPDATE reply_parts SET joined = true {_OF_TEXT}",
    forget_parts=f"DELETE FROM reply_parts {_OF_TEXT}",
    # Joining locks the parts again: only a wait is lost where this lock is not to be had.
    overdue_parts=StatementForms(_OVERDUE + " FOR UPDATE SKIP LOCKED", distributed=_OVERDUE),
)
SOFT_BOUNCES: Final = SoftBouncesTexts(
    any="SELECT 1 FROM recipient_troubles LIMIT 1",
    clear=OverLanes(
        "lane smallint, number bigint",
        """
        DELETE FROM recipient_troubles WHERE (list_id, recipient) IN (
            SELECT m.list_id, m.recipient
            FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number)
        """,
        key="m.number",
    ),
    forget="""
        DELETE FROM recipient_troubles WHERE (list_id, recipient, number) IN
            (SELECT list_id, recipient, number FROM recipient_troubles WHERE at < $1 LIMIT $2)
    """,
)

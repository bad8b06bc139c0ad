"""Texts from handsets, and soft bounces, on SQLite.

Each statement is checked by an EXPLAIN test. A round of receipts asks two of them whether there is
anything to do; the answer is nearly always no.
"""

from typing import Final

from sendrail.storage.pipeline.replies import RepliesTexts
from sendrail.storage.pipeline.soft_bounces import SoftBouncesTexts

_OF_TEXT: Final = (
    "WHERE connector_id = ? AND sender = ? AND list_number = ? AND reference = ? AND total = ?"
)
TEXTS: Final = RepliesTexts(
    keep="""
        INSERT INTO replies (account_id, list_id, sender, body, keyword, rule, review, word,
            received_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
    """,
    note_ref="""
        INSERT OR IGNORE INTO reply_refs (connector_id, carrier_ref, received_at) VALUES (?, ?, ?)
    """,
    # Found first, as with `idempotency.TEXTS.old`.
    old_refs="SELECT connector_id, carrier_ref FROM reply_refs WHERE received_at < ? LIMIT ?",
    forget_ref="DELETE FROM reply_refs WHERE connector_id = ? AND carrier_ref = ?",
    keep_part="""
        INSERT OR IGNORE INTO reply_parts (connector_id, sender, list_number, reference, total,
            number, body, octets, alphabet, answered, joined, received_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
    """,
    parts=f"""
        SELECT number, body, octets, alphabet, answered, joined FROM reply_parts {_OF_TEXT}
        ORDER BY number
    """,  # noqa: S608 - constants of this file
    mark_joined=f"UPDATE reply_parts SET joined = 1 {_OF_TEXT}",  # noqa: S608 - as above
    forget_parts=f"DELETE FROM reply_parts {_OF_TEXT}",  # noqa: S608 - as above
    overdue_parts="""
        SELECT connector_id, sender, list_number, reference, total FROM reply_parts
        WHERE received_at < ? ORDER BY received_at LIMIT ?
    """,
)
SOFT_BOUNCES: Final = SoftBouncesTexts(
    any="SELECT 1 FROM recipient_troubles LIMIT 1",
    clear="""
        DELETE FROM recipient_troubles WHERE (list_id, recipient) IN (
            SELECT list_id, recipient FROM messages WHERE number = ?2)
    """,
    forget="""
        DELETE FROM recipient_troubles WHERE (list_id, recipient, number) IN
            (SELECT list_id, recipient, number FROM recipient_troubles WHERE at < ? LIMIT ?)
    """,
)

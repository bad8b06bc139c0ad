"""What turns depend on, on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.accounts.lists import JOINED_LIST_COLUMNS
from sendrail.storage.journeys.facts import JourneyFactsTexts

TEXTS: Final = JourneyFactsTexts(
    contacts="""
        SELECT c.list_id, c.recipient, c.active, c.first_name, c.last_name, c.custom_fields,
            p.timezone, a.last_sent_at
        FROM list_contacts AS c JOIN lists AS l ON l.id = c.list_id AND l.account_id = ?1
        LEFT JOIN contacts AS p ON p.account_id = ?1 AND p.recipient = c.recipient
        LEFT JOIN contact_activity AS a ON a.list_id = c.list_id AND a.recipient = c.recipient
        WHERE c.list_id = ?2 AND c.recipient = ?3
    """,
    grounds=f"""
        SELECT j.id, j.list_id, j.status, j.active_version, j.paused_ms, j.resumed_at,
            j.overdue, a.timezone, a.status = 'active',
            EXISTS (SELECT 1 FROM schedules AS s WHERE s.account_id = a.id),
            coalesce(l.prepend_text, a.prepend_text), coalesce(l.append_text, a.append_text),
            {JOINED_LIST_COLUMNS}
        FROM journeys AS j CROSS JOIN lists AS l CROSS JOIN accounts AS a
        WHERE j.id = ? AND l.id = j.list_id AND a.id = l.account_id
    """,  # noqa: S608 - our own names
    of_list="""
        SELECT j.id, j.list_id, j.status, j.active_version, j.paused_ms, j.resumed_at,
            j.overdue, a.status = 'active'
        FROM journeys AS j CROSS JOIN lists AS l CROSS JOIN accounts AS a
        WHERE j.list_id = ? AND j.status <> 'draft' AND l.id = j.list_id AND a.id = l.account_id
    """,
    lists="SELECT list_id FROM journeys WHERE status <> 'draft'",
    statuses="SELECT number, status FROM messages WHERE number = ?2 AND created_at = ?3",
    sent_by="""
        SELECT m.list_id, m.recipient, o.of_id, m.ended_at
        FROM json_each(?) AS wanted CROSS JOIN messages AS m CROSS JOIN origins AS o
        WHERE m.number = wanted.value AND m.ended_at IS NOT NULL AND o.id = m.origin_id
            AND o.kind = 'journey'
    """,
    set_field="""
        UPDATE list_contacts SET custom_fields = json_patch(custom_fields, ?4)
        WHERE list_id = ?1 AND recipient = ?2
            AND EXISTS (SELECT 1 FROM lists AS l WHERE l.id = ?1 AND l.account_id = ?3)
    """,
)

"""What turns depend on, on PostgreSQL."""

from typing import Final

from sendrail.storage.accounts.lists import JOINED_LIST_COLUMNS
from sendrail.storage.journeys.facts import JourneyFactsTexts
from sendrail.storage.templates import OverLanes, StatementForms, read_over_lanes

# Each contact by the whole of its key: by a plain join, a list that was never counted was read
# whole for each contact.
_CONTACTS: Final = """
    SELECT c.list_id, c.recipient, c.active, c.first_name, c.last_name, c.custom_fields::text,
        p.timezone, a.last_sent_at
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
        AS batch (account_id, list_id, recipient)
    JOIN lists AS l ON l.id = batch.list_id AND l.account_id = batch.account_id
    CROSS JOIN LATERAL (SELECT * FROM list_contacts AS one
        WHERE one.list_id = batch.list_id AND one.recipient = batch.recipient LIMIT 1) AS c
    LEFT JOIN contacts AS p
        ON p.account_id = batch.account_id AND p.recipient = batch.recipient
    LEFT JOIN contact_activity AS a
        ON a.list_id = batch.list_id AND a.recipient = batch.recipient
"""
# Two tables of contacts are joined by their list: several servers join them by nothing else.
_CONTACTS_DISTRIBUTED: Final = read_over_lanes(
    "account_id bigint, list_id bigint, recipient bigint",
    """
    SELECT c.list_id, c.recipient, c.active, c.first_name, c.last_name, c.custom_fields::text,
        p.timezone, a.last_sent_at
    FROM {batch}
    JOIN lists AS l ON l.id = batch.list_id AND l.account_id = batch.account_id
    JOIN list_contacts AS c ON c.list_id = {lane} AND c.recipient = batch.recipient
    LEFT JOIN contacts AS p
        ON p.account_id = batch.account_id AND p.recipient = batch.recipient
    LEFT JOIN contact_activity AS a
        ON a.list_id = c.list_id AND a.recipient = c.recipient{beside}
    """,
    key="c.recipient",
    beside="a",
).distributed
TEXTS: Final = JourneyFactsTexts(
    contacts=StatementForms(_CONTACTS, distributed=_CONTACTS_DISTRIBUTED),
    grounds=f"""
        SELECT j.id, j.list_id, j.status, j.active_version, j.paused_ms, j.resumed_at,
            j.overdue, a.timezone, a.status = 'active',
            EXISTS (SELECT 1 FROM schedules AS s WHERE s.account_id = a.id),
            coalesce(l.prepend_text, a.prepend_text), coalesce(l.append_text, a.append_text),
            {JOINED_LIST_COLUMNS}
        FROM journeys AS j JOIN lists AS l ON l.id = j.list_id
        JOIN accounts AS a ON a.id = l.account_id
        WHERE j.id = ANY($1::bigint[])
    """,
    of_list="""
        SELECT j.id, j.list_id, j.status, j.active_version, j.paused_ms, j.resumed_at,
            j.overdue, a.status = 'active'
        FROM journeys AS j JOIN lists AS l ON l.id = j.list_id JOIN accounts AS a
            ON a.id = l.account_id
        WHERE j.list_id = $1 AND j.status <> 'draft'
    """,
    lists="SELECT list_id FROM journeys WHERE status <> 'draft'",
    statuses=read_over_lanes(
        "lane smallint, number bigint, created_at bigint",
        """
        SELECT m.number, m.status
        FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
            AND m.created_at = batch.created_at
        """,
        key="m.number",
    ),
    sent_by=read_over_lanes(
        "lane smallint, number bigint",
        """
        SELECT m.list_id, m.recipient, o.of_id, m.ended_at
        FROM {batch} JOIN messages AS m ON m.lane = {lane} AND m.number = batch.number
        JOIN origins AS o ON o.id = m.origin_id AND o.kind = 'journey'
        WHERE m.ended_at IS NOT NULL
        """,
        key="m.number",
    ),
    set_field=OverLanes(
        "list_id bigint, recipient bigint, account_id bigint, patch text",
        """
        UPDATE list_contacts AS c
        SET custom_fields = jsonb_strip_nulls(c.custom_fields || batch.patch::jsonb)
        FROM {batch}
        WHERE c.list_id = {lane} AND c.recipient = batch.recipient
            AND EXISTS (SELECT 1 FROM lists AS l
                WHERE l.id = c.list_id AND l.account_id = batch.account_id)
        """,
        key="c.recipient",
    ),
)

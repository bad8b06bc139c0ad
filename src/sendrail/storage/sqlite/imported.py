"""Contacts of a file on SQLite. Each statement is checked by an EXPLAIN test."""

from typing import Final

from sendrail.storage.contacts.imported import ImportedTexts

TEXTS: Final = ImportedTexts(
    # One walk over the numbers, two probes each.
    states="""
        SELECT wanted.value, l.active FROM json_each(?3) AS wanted
        LEFT JOIN contacts AS c ON c.account_id = ?1 AND c.recipient = wanted.value
        LEFT JOIN list_contacts AS l ON l.list_id = ?2 AND l.recipient = wanted.value
        WHERE c.recipient IS NOT NULL OR l.recipient IS NOT NULL
    """,
    subscribe="""
        INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name, subscribed_at,
            signup_at, signup_method, ad_network_source, ad_network_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """,
    insert_contacts="""
        INSERT INTO contacts (account_id, recipient, email, carrier, line_type, created_at)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """,
)

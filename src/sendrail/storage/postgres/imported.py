"""Contacts of a file on PostgreSQL: a batch of rows is one statement."""

from typing import Final

from sendrail.storage.contacts.imported import ImportedTexts
from sendrail.storage.templates import InsertRows

TEXTS: Final = ImportedTexts(
    states="""
        SELECT recipient, NULL::boolean FROM contacts
        WHERE account_id = $1 AND recipient = ANY($3::bigint[])
        UNION ALL
        SELECT recipient, active FROM list_contacts
        WHERE list_id = $2 AND recipient = ANY($3::bigint[])
    """,
    subscribe=InsertRows(
        "list_contacts",
        "list_id bigint, recipient bigint, active boolean, first_name text, last_name text,"
        " subscribed_at bigint, signup_at bigint, signup_method text, ad_network_source text,"
        " ad_network_id text",
        "ON CONFLICT DO NOTHING",
    ),
    insert_contacts=InsertRows(
        "contacts",
        "account_id bigint, recipient bigint, email text, carrier text, line_type text,"
        " created_at bigint",
        "ON CONFLICT DO NOTHING",
    ),
)

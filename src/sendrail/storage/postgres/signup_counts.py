"""Contacts by the day of their sign-up on PostgreSQL."""

from typing import Final

from sendrail.storage.contacts.signup_counts import SignUpCountTexts
from sendrail.storage.templates import InsertRows

TEXTS: Final = SignUpCountTexts(
    add=InsertRows(
        "signup_counts AS c",
        "list_id bigint, day integer, shard smallint, n bigint",
        "ON CONFLICT (list_id, day, shard) DO UPDATE SET n = c.n + excluded.n",
    )
)

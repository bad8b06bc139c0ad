"""Contacts of a file on PostgreSQL: a batch of rows is one statement."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.contacts.imported import Imported, ImportedTexts
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.driver import Row
from sendrail.storage.postgres.driver import PostgresDriver
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
        "ON CONFLICT DO NOTHING RETURNING signup_at",
    ),
    insert_contacts=InsertRows(
        "contacts",
        "account_id bigint, recipient bigint, email text, carrier text, line_type text,"
        " created_at bigint",
        "ON CONFLICT DO NOTHING",
    ),
)


class PostgresImported(Imported):
    """What a file brings into a list, while others may bring the same contacts."""

    def __init__(
        self,
        connection: Connection,
        driver: PostgresDriver,
        erased: ErasedNumbers,
        counts: SignUpCounts,
    ) -> None:
        super().__init__(connection, driver, TEXTS, erased, counts)
        self._postgres = driver

    def _subscribe(self, rows: Sequence[Row]) -> Iterable[int]:
        return [row[0] for row in self._postgres.each_returning(self._texts.subscribe, rows)]

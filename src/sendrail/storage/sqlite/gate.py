"""What the gate judges by, on SQLite. Each statement is checked by an EXPLAIN test."""

from collections.abc import Sequence
from typing import Final

from sendrail.storage.accounts.lists import LIST_COLUMNS
from sendrail.storage.pipeline.gate import Gate, GateTexts, KnownContact

_LIST: Final = f"SELECT {', '.join(LIST_COLUMNS)} FROM lists"  # noqa: S608 - our own names

TEXTS: Final = GateTexts(
    callers_by_key="""
        SELECT k.digest, a.id, a.status = 'active', a.blocked_words FROM api_keys AS k
        JOIN accounts AS a ON a.id = k.account_id
        WHERE k.digest = ? AND k.revoked_at IS NULL
    """,
    callers_by_account="""
        SELECT id, status = 'active', blocked_words FROM accounts WHERE id = ?
    """,
    lists_by_id=_LIST + " WHERE id = ?",
    lists_by_number=_LIST + " WHERE account_id = ? AND number = ?",
    blocked="""
        SELECT b.recipient FROM json_each(?2) AS wanted CROSS JOIN blocks AS b
        WHERE b.account_id = ?1 AND b.recipient = wanted.value
    """,
    erased="""
        SELECT e.digest FROM json_each(?2) AS wanted CROSS JOIN erased AS e
        WHERE e.account_id = ?1 AND e.digest = wanted.value
    """,
    active="""
        SELECT c.recipient FROM json_each(?2) AS wanted CROSS JOIN list_contacts AS c
        WHERE c.list_id = ?1 AND c.recipient = wanted.value AND c.active
    """,
    zones="""
        SELECT c.recipient, c.timezone FROM json_each(?2) AS wanted CROSS JOIN contacts AS c
        WHERE c.account_id = ?1 AND c.recipient = wanted.value AND c.timezone IS NOT NULL
    """,
)
# One walk over the recipients, three probes each; nearly always nothing is found.
KNOWN_CONTACTS: Final = """
    SELECT recipient, unsubscribed, blocked, enrolled FROM (
        SELECT wanted.value AS recipient,
            EXISTS (SELECT 1 FROM list_contacts AS c WHERE c.list_id = ?2
                AND c.recipient = wanted.value AND NOT c.active) AS unsubscribed,
            EXISTS (SELECT 1 FROM blocks AS b WHERE b.account_id = ?1
                AND b.recipient = wanted.value) AS blocked,
            EXISTS (SELECT 1 FROM enrolments AS e CROSS JOIN journeys AS j
                WHERE e.list_id = ?2 AND e.recipient = wanted.value AND e.ends_at > ?4
                AND j.id = e.journey_id AND j.status = 'active' AND j.holds_other_sends) AS enrolled
        FROM json_each(?3) AS wanted)
    WHERE unsubscribed OR blocked OR enrolled
"""
ANY_ERASED: Final = "SELECT 1 FROM erased WHERE account_id = ? LIMIT 1"


class SqliteGate(Gate):
    """The facts the gate judges by."""

    def known_contacts(
        self, account_id: int, list_id: int, recipients: Sequence[int], now: int
    ) -> dict[int, KnownContact]:
        asked = self._driver.array(recipients)
        known = {
            recipient: KnownContact(bool(unsubscribed), bool(blocked), bool(enrolled))
            for recipient, unsubscribed, blocked, enrolled in self._driver.rows(
                KNOWN_CONTACTS, account_id, list_id, asked, now
            )
        }
        if self._driver.row(ANY_ERASED, account_id) is not None:
            self.add_erased(known, account_id, list_id, recipients)
        return known

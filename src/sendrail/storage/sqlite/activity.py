"""How often and when a contact was sent to: counted from the messages, after they were accepted.

The accept path knows nothing of it. One follower reads what came since its last round, and writes
its counts and how far it has come in one transaction: no message is counted twice, and none is
passed over. This is the SQLite half: numbers grow with time there, so that a number is how far.
"""

from itertools import pairwise
from typing import Final

from sendrail.domain.cohort import BANDS, CohortKind
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.times import DAY_MS
from sendrail.storage.driver import Driver

BEHIND: Final = """
    SELECT coalesce((SELECT max(number) FROM messages), 0)
        - coalesce((SELECT value FROM counters WHERE name = 'activity'), 0)
"""
NEWS: Final = """
    SELECT count(*), max(number) FROM (
        SELECT number FROM messages
        WHERE number > coalesce((SELECT value FROM counters WHERE name = 'activity'), 0)
        ORDER BY number LIMIT ?)
"""
# A number of 0 stands where a person's data was deleted.
COUNT: Final = """
    INSERT INTO contact_activity (list_id, recipient, sends, first_sent_at, last_sent_at)
    SELECT list_id, recipient, count(*), min(created_at), max(created_at) FROM messages
    WHERE number > coalesce((SELECT value FROM counters WHERE name = 'activity'), 0)
        AND number <= ? AND recipient <> 0
    GROUP BY list_id, recipient
    ON CONFLICT (list_id, recipient) DO UPDATE SET sends = sends + excluded.sends,
        first_sent_at = min(first_sent_at, excluded.first_sent_at),
        last_sent_at = max(last_sent_at, excluded.last_sent_at)
"""
# Beside them, in the order of their numbers, so that the last one stays.
NOTE_ORIGINS: Final = """
    INSERT INTO contact_activity (list_id, recipient, sends, first_sent_at, last_sent_at,
        last_origin_id, last_origin_at)
    SELECT list_id, recipient, 0, created_at, created_at, origin_id, created_at FROM messages
    WHERE number > coalesce((SELECT value FROM counters WHERE name = 'activity'), 0)
        AND number <= ? AND recipient <> 0 AND origin_id IS NOT NULL
    ORDER BY number
    ON CONFLICT (list_id, recipient) DO UPDATE SET last_origin_id = excluded.last_origin_id,
        last_origin_at = excluded.last_origin_at
"""
_BAND: Final = " ".join(
    f"WHEN m.created_at < c.signup_at + {following * DAY_MS} THEN {first}"
    for first, following in pairwise(BANDS)
)
COUNT_COHORTS: Final = f"""
    INSERT INTO cohort_counts (list_id, day, band, what, shard, n, amount)
    SELECT m.list_id, c.signup_at / {DAY_MS}, CASE {_BAND} ELSE {BANDS[-1]} END,
        '{CohortKind.SENDS}', 0, count(*), 0
    FROM messages AS m
    CROSS JOIN list_contacts AS c ON c.list_id = m.list_id AND c.recipient = m.recipient
    WHERE m.number > coalesce((SELECT value FROM counters WHERE name = 'activity'), 0)
        AND m.number <= ?
    GROUP BY 1, 2, 3
    ON CONFLICT (list_id, day, band, what, shard) DO UPDATE SET n = n + excluded.n
"""  # noqa: S608 - every piece is a constant of the domain
COME_TO: Final = """
    INSERT INTO counters (name, value) VALUES ('activity', ?1)
    ON CONFLICT (name) DO UPDATE SET value = ?1
"""
FORGET_ACTIVITY: Final = """
    DELETE FROM contact_activity
    WHERE list_id IN (SELECT id FROM lists WHERE account_id = ?) AND recipient = ?
"""


class SqliteActivity:
    """What was sent to contacts."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def behind(self) -> int:
        """Return about how much has not been counted yet; 0 is exact."""
        [(behind,)] = self._driver.rows(BEHIND)
        return max(0, int(behind))

    def count(self, limit: int) -> int:
        """Count at most `limit` messages; return how many that were."""
        [(count, last)] = self._driver.rows(NEWS, limit)
        if count:
            self._driver.run(COUNT, last)
            self._driver.run(NOTE_ORIGINS, last)
            self._driver.run(COUNT_COHORTS, last)
            self._driver.run(COME_TO, last)
        return int(count)

    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        """Delete what was counted of a person, once their messages name them no more."""
        self._driver.run(FORGET_ACTIVITY, account_id, recipient)

"""What was sent to contacts, on PostgreSQL: counted by a note of each group.

Numbers are given out in blocks there, and many commit side by side: a lower one may become visible
after a higher one, so that no number says how far a reader has come. What accepts messages notes
their numbers in its own statement, a row for each lane, and the follower takes the notes away.
"""

from operator import itemgetter
from typing import Final

from sendrail.domain.cohort import CohortEvent, CohortKind
from sendrail.domain.erasure import REDACTED
from sendrail.domain.ids import AccountId
from sendrail.domain.phone import PhoneNumber
from sendrail.storage.pipeline.cohort_counts import CohortCounts
from sendrail.storage.postgres.driver import PostgresDriver, columns
from sendrail.storage.templates import InsertRows, OverLanes, read_over_lanes

# More is not counted just to say how much it is.
_BEHIND_MAX: Final = 1_000
# Groups read at a time; most hold more than one message.
_NOTES_MAX: Final = 200
# A number of our own; the second one is free.
_LOCK: Final = f"({0x41637469}, 0)"

BEHIND: Final = f"SELECT count(*) FROM (SELECT 1 FROM activity_news LIMIT {_BEHIND_MAX}) AS news"
NEWS: Final = """
    SELECT lane, number, cardinality(numbers) FROM activity_news ORDER BY lane, number LIMIT $1
"""
# An erasure waits for the round under way, which may have read of the person.
HOLD_OFF: Final = f"SELECT pg_advisory_xact_lock_shared{_LOCK}"
FORGET_ALONE: Final = f"SELECT pg_advisory_xact_lock{_LOCK}"
TAKE_NEWS: Final = OverLanes(
    "lane smallint, number bigint",
    """
    DELETE FROM activity_news AS n USING {batch}
    WHERE n.lane = {lane} AND n.number = batch.number
    RETURNING n.numbers
    """,
    key="n.number",
)
SENT: Final = read_over_lanes(
    "lane smallint, number bigint",
    f"""
    SELECT m.list_id, m.recipient, count(*), min(m.created_at), max(m.created_at),
        (array_agg(m.origin_id ORDER BY m.created_at DESC, m.number DESC)
            FILTER (WHERE m.origin_id IS NOT NULL))[1],
        max(m.created_at) FILTER (WHERE m.origin_id IS NOT NULL), array_agg(m.created_at)
    FROM {{batch}} JOIN messages AS m ON m.lane = {{lane}} AND m.number = batch.number
    WHERE m.recipient <> {REDACTED}
    GROUP BY m.list_id, m.recipient
    """,
    key="m.number",
)
COUNT: Final = InsertRows(
    "contact_activity AS a",
    "list_id bigint, recipient bigint, sends integer, first_sent_at bigint, last_sent_at bigint,"
    " last_origin_id bigint, last_origin_at bigint",
    """
    ON CONFLICT (list_id, recipient) DO UPDATE SET sends = a.sends + excluded.sends,
        first_sent_at = least(a.first_sent_at, excluded.first_sent_at),
        last_sent_at = greatest(a.last_sent_at, excluded.last_sent_at),
        last_origin_id = CASE WHEN excluded.last_origin_at >= coalesce(a.last_origin_at, 0)
            THEN excluded.last_origin_id ELSE a.last_origin_id END,
        last_origin_at = greatest(a.last_origin_at, excluded.last_origin_at)
    """,
)
FORGET_ACTIVITY: Final = """
    DELETE FROM contact_activity
    WHERE list_id IN (SELECT id FROM lists WHERE account_id = $1) AND recipient = $2
"""


class PostgresActivity:
    """What was sent to contacts."""

    def __init__(self, driver: PostgresDriver, cohorts: CohortCounts) -> None:
        self._driver = driver
        self._cohorts = cohorts

    def behind(self) -> int:
        """Return about how much has not been counted yet; 0 is exact."""
        row = self._driver.row(BEHIND)
        assert row is not None, "a count returns a row"
        return int(row[0])

    def count(self, limit: int) -> int:
        """Count about `limit` messages, at least one group of them; return how many that were."""
        self._driver.begin()
        self._driver.row(HOLD_OFF)
        wanted, room = [], limit
        for lane, number, size in self._driver.rows(NEWS, _NOTES_MAX):
            if room < limit and size > room:
                break
            wanted.append((lane, number))
            room -= size
        if not wanted:
            return 0
        taken = self._driver.returning(TAKE_NEWS, *columns(wanted))
        numbers = [number for (some,) in taken for number in some]
        sent = sorted(
            (tuple(row) for row in self._driver.rows_by_id(SENT, numbers)), key=itemgetter(0, 1)
        )
        self._driver.each(COUNT, [row[:7] for row in sent])
        sends = CohortKind.SENDS.value
        self._cohorts.add(CohortEvent(row[0], row[1], sends, at) for row in sent for at in row[7])
        return len(numbers)

    def forget(self, account_id: AccountId, recipient: PhoneNumber) -> None:
        """Delete what was counted of a person, once their messages name them no more."""
        self._driver.begin()
        self._driver.row(FORGET_ALONE)
        self._driver.run(FORGET_ACTIVITY, account_id, recipient)

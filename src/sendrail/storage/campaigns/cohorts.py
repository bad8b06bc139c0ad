"""What reports of cohorts are made of: counts by sign-up, and contacts by the day they came."""

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Connection, cast, func, select, text

from sendrail.domain.ids import AccountId, ListId
from sendrail.domain.times import DAY_MS
from sendrail.storage.campaign_tables import cohort_counts
from sendrail.storage.tables import lists

_of: Final = cohort_counts.c
# An active contact counts as so much more, so that one walk over the index counts both: grouped by
# the day, the rows would be sorted first, which takes twice the walk.
_ACTIVE: Final = 2**32
_SIGN_UPS: Final = text(
    """
    WITH RECURSIVE days (day, n) AS (
        SELECT min(signup_at) / :day_ms, 1 FROM list_contacts
        WHERE list_id = :list_id AND signup_at >= :first AND signup_at < :behind
        UNION ALL
        SELECT (
            SELECT min(signup_at) FROM list_contacts
            WHERE list_id = :list_id AND signup_at >= (day + 1) * :day_ms AND signup_at < :behind
        ) / :day_ms, n + 1
        FROM days WHERE day IS NOT NULL AND n < :most
    )
    SELECT day, (
        SELECT sum(CASE WHEN active THEN CAST(:active AS BIGINT) ELSE 1 END) FROM list_contacts
        WHERE list_id = :list_id
            AND signup_at >= day * :day_ms AND signup_at < (day + 1) * :day_ms
    )
    FROM days WHERE day IS NOT NULL ORDER BY day
    """
)


class CohortRow(NamedTuple):
    """A count of those who signed up on a day, of a band of days since."""

    day: int
    band: int
    what: str
    n: int
    amount: int


class SignUpDay(NamedTuple):
    """How many contacts of a list signed up on a day, and how many of them are on it now."""

    day: int
    contacts: int
    active: int


class SignUpSlice(NamedTuple):
    """Some days on which contacts of a list signed up, and where to go on; None at the end."""

    days: list[SignUpDay]
    next_day: int | None


class Cohorts:
    """Contacts by sign-up, as reports read them."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def counts(
        self, account_id: AccountId, list_ids: Collection[ListId], days: tuple[int, int]
    ) -> list[CohortRow]:
        """Return the counts of an account's lists, of those who signed up on some days."""
        own = select(lists.c.id).where(lists.c.account_id == account_id, lists.c.id.in_(list_ids))
        # PostgreSQL sums whole numbers up to one without bounds.
        sums = (cast(func.sum(each), BigInteger) for each in (_of.n, _of.amount))
        rows = self._execute(
            select(_of.day, _of.band, _of.what, *sums)
            .where(_of.list_id.in_(own), _of.day >= days[0], _of.day < days[1])
            .group_by(_of.day, _of.band, _of.what)
        )
        return [CohortRow(*row) for row in rows]

    def signups(self, list_id: ListId, days: tuple[int, int], most: int) -> SignUpSlice:
        """Return how many signed up on each of so many days, from the first of a range.

        Days on which none did are passed over, and the last of the range is not in it. The list is
        the caller's own: it was found by its account.
        """
        first, behind = (day * DAY_MS for day in days)
        asked = {
            "list_id": list_id,
            "first": first,
            "behind": behind,
            "most": most,
            "day_ms": DAY_MS,
            "active": _ACTIVE + 1,
        }
        found = []
        for day, both in self._execute(_SIGN_UPS, asked):
            active, contacts = divmod(int(both), _ACTIVE)
            found.append(SignUpDay(day, contacts, active))
        return SignUpSlice(found, found[-1].day + 1 if len(found) == most else None)

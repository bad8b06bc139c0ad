"""What leaves of clicks, on PostgreSQL: by their time."""

from collections.abc import Sequence
from typing import Final

from sendrail.domain.ids import lane_in
from sendrail.storage.driver import Row
from sendrail.storage.templates import OverLanes, StatementForms
from sendrail.storage.tracking.click_details import ClickDetails, ClickDetailTexts

_FORGET: Final = """
    WITH old AS MATERIALIZED (
        SELECT lane, id FROM clicks WHERE at < $1 AND NOT waits ORDER BY at, id LIMIT $2{lock})
    DELETE FROM clicks AS c USING old WHERE c.lane = old.lane AND c.id = old.id
"""
TEXTS: Final = ClickDetailTexts(
    # From the time that the last ones were of; of that moment only what is not blank yet.
    detailed="""
        SELECT id, at FROM clicks
        WHERE at >= coalesce((SELECT value FROM counters WHERE name = 'clicks_blank'), 0)
            AND at < $1
            AND (agent_id IS NOT NULL OR network IS NOT NULL OR digest IS NOT NULL)
        ORDER BY at, id LIMIT $2
    """,
    blank=OverLanes(
        "lane smallint, id bigint",
        """
        UPDATE clicks AS c SET agent_id = NULL, network = NULL, digest = NULL FROM {batch}
        WHERE c.lane = {lane} AND c.id = batch.id
        """,
        key="c.id",
    ),
    come_to="""
        INSERT INTO counters (name, value) VALUES ('clicks_blank', $1)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
    """,
    forget=StatementForms(
        _FORGET.format(lock=" FOR UPDATE SKIP LOCKED"), distributed=_FORGET.format(lock="")
    ),
    forget_agents="""
        DELETE FROM agents WHERE id IN (SELECT id FROM agents WHERE seen_on < $1 LIMIT $2)
    """,
)


class PostgresClickDetails(ClickDetails):
    """The details of clicks, and their end by retention."""

    def _old(self, before: int, limit: int) -> Sequence[Row]:
        return self._driver.rows(self._texts.detailed, before, limit)

    def _blank(self, rows: Sequence[Row]) -> None:
        self._driver.begin()
        self._driver.each(self._texts.blank, sorted((lane_in(row[0]), row[0]) for row in rows))
        self._driver.run(self._texts.come_to, rows[-1][1])

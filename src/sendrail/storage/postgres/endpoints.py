"""Customers' endpoints: as `pipeline/endpoints.py`, with an event found by its lane."""

from typing import Final

from sqlalchemy import ColumnElement, FromClause, SmallInteger, and_, literal_column

from sendrail.domain.ids import LANES
from sendrail.storage.pipeline import endpoints

# Only the shared store's outbox has one.
_LANE: Final = literal_column("outbox.lane", SmallInteger)


class PostgresEndpoints(endpoints.Endpoints):
    """Webhook endpoints and their attempts, with an event found by its lane."""

    def is_event_of(self, attempts: FromClause) -> ColumnElement[bool]:
        return and_(super().is_event_of(attempts), attempts.c.event_id % LANES == _LANE)

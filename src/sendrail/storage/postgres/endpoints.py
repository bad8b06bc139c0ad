"""Customers' endpoints: as `statements/endpoints.py`, with an event found by its lane."""

from sqlalchemy import ColumnElement, Table, and_

from sendrail.domain.ids import LANES
from sendrail.storage.postgres.schema import metadata
from sendrail.storage.statements import endpoints
from sendrail.storage.tables import outbox

_LANE = outbox.c.id.table.c


class Endpoints(endpoints.Endpoints):
    """Who is told of what happens."""

    def is_event_of(self, attempts: Table) -> ColumnElement[bool]:
        return and_(
            super().is_event_of(attempts), _lane == attempts.c.event_id % LANES
        )

"""Clicks as an operator sees them, on PostgreSQL: by their time, and one by its lane."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import ColumnElement, and_, literal_column

from sendrail.domain.ids import lane_in
from sendrail.storage.tracking import click_log
from sendrail.storage.tracking_tables import clicks


class PostgresClickLog(click_log.ClickLog):
    """Clicks as they were kept."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = (clicks.c.at.desc(), clicks.c.id.desc())

    def is_click(self, click_id: int) -> ColumnElement[bool]:
        lane = literal_column("clicks.lane") == lane_in(click_id)
        return and_(lane, clicks.c.id == click_id)

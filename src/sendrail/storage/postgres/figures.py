"""What is counted of messages: as `pipeline/figures.py`, by time."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import ColumnElement, func, select

from sendrail.storage.pipeline.figures import MessageFigures
from sendrail.storage.postgres.lookup import PostgresMessageLookUp


class PostgresMessageFigures(MessageFigures):
    """What is counted of messages."""

    newest_first: ClassVar[Sequence[ColumnElement[int]]] = PostgresMessageLookUp.newest_first

    def counted(
        self, step: ColumnElement[int], status: ColumnElement[str]
    ) -> Sequence[tuple[int, str, int]]:
        """Return how many messages of a subquery there are of each step and status."""
        rows = self._execute(select(step, status, func.count()).group_by(step, status))
        return [(row[0], row[1], row[2]) for row in rows]

    def newest_only(self, since: int) -> Sequence[ColumnElement[bool]]:
        """Return nothing: the time chooses the weeks to look into."""
        del since
        return ()

"""Versions of journeys as rows, and what changes of a journey beside its enrolments."""

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from sendrail.domain.contact import Journey, JourneyVersion
from sendrail.domain.errors import Conflict
from sendrail.domain.ids import AccountId, JourneyId
from sendrail.storage.journey_tables import journey_versions, journeys
from sendrail.storage.tables import lists

_of = journey_versions.c


class JourneyVersions:
    """The versions of journeys, and the drafts that become versions."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def lock(self, account_id: AccountId, journey_id: JourneyId) -> None:
        """Keep others from changing a journey until the transaction ends."""
        one = select(journeys.c.id).where(journeys.c.id == journey_id, _owned(account_id))
        self._execute(one.with_for_update())

    def change(self, account_id: AccountId, journey: Journey, **values: Any) -> None:
        """Set columns of a journey. Raises `Conflict` where its list has another of its name."""
        if "name" in values:
            other = select(journeys.c.id).where(
                journeys.c.list_id == journey.list_id,
                journeys.c.name == values["name"],
                journeys.c.id != journey.id,
                _owned(account_id),
            )
            if self._execute(other).first() is not None:
                raise Conflict(
                    f"the list has a journey named {values['name']!r} already",
                    code="journey_exists",
                    param="name",
                )
        own = update(journeys).where(journeys.c.id == journey.id, _owned(account_id))
        self._execute(own.values(**values))

    def add(self, account_id: AccountId, version: JourneyVersion) -> None:
        """Add a version, which never changes."""
        row = insert(journey_versions).values(
            account_id=account_id,
            journey_id=version.journey_id,
            version=version.version,
            document=version.document,
            digest=version.digest,
            created_at=version.created_at,
            created_by=version.created_by,
        )
        self._execute(row)

    def find(
        self, account_id: AccountId, journey_id: JourneyId, version: int
    ) -> JourneyVersion | None:
        """Return one version of a journey."""
        row = self._execute(_own(account_id, journey_id).where(_of.version == version)).first()
        return None if row is None else _version(row)

    def newest(self, account_id: AccountId, journey_id: JourneyId) -> JourneyVersion | None:
        """Return the version of a journey that was made last."""
        newest = _own(account_id, journey_id).order_by(_of.version.desc()).limit(1)
        row = self._execute(newest).first()
        return None if row is None else _version(row)

    def page(
        self, account_id: AccountId, journey_id: JourneyId, offset: int, limit: int
    ) -> tuple[list[JourneyVersion], int]:
        """Return one page of a journey's versions, the newest first, and how many there are."""
        own = _own(account_id, journey_id)
        counted = select(func.count()).select_from(own.subquery())
        page = own.order_by(_of.version.desc()).offset(offset).limit(limit)
        found = [_version(row) for row in self._execute(page)]
        return found, int(self._execute(counted).scalar_one())

    def forget(self, account_id: AccountId, journey_id: JourneyId) -> None:
        """Delete the versions of a journey that is deleted with them."""
        self._execute(
            delete(journey_versions).where(
                _of.account_id == account_id, _of.journey_id == journey_id
            )
        )


def _owned(account_id: AccountId) -> Any:
    return journeys.c.list_id.in_(select(lists.c.id).where(lists.c.account_id == account_id))


def _own(account_id: AccountId, journey_id: JourneyId) -> Select[Any]:
    return select(journey_versions).where(
        _of.account_id == account_id, _of.journey_id == journey_id
    )


def _version(row: Row[Any]) -> JourneyVersion:
    return JourneyVersion(
        journey_id=JourneyId(row.journey_id),
        version=row.version,
        document=row.document,
        digest=row.digest,
        created_at=row.created_at,
        created_by=row.created_by,
    )

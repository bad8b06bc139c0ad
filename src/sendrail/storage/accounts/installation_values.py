"""Values by which an installation knows itself."""

from sqlalchemy import Connection, insert, select

from sendrail.storage.tables import marks


class InstallationValues:
    """Named values, each written once."""

    def __init__(self, connection: Connection) -> None:
        self._execute = connection.execute

    def find(self, name: str) -> bytes | None:
        return self._execute(select(marks.c.value).where(marks.c.name == name)).scalar_one_or_none()

    def add(self, name: str, value: bytes) -> None:
        self._execute(insert(marks).values(name=name, value=value))

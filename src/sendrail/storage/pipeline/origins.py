"""What messages come from: a row for each variant of a run, and for each step of a journey."""

from collections.abc import Collection
from dataclasses import dataclass

from sendrail.domain.ids import AccountId, OriginId
from sendrail.domain.origin import Origin, OriginKind
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginTexts:
    """The statements of `Origins`."""

    by_key: Statement
    add: Statement


class Origins:
    """The origins of an account's messages."""

    def __init__(self, driver: Driver, texts: OriginTexts) -> None:
        self._driver = driver
        self._texts = texts

    def find_or_add(
        self, account_id: AccountId, wanted: Collection[Origin]
    ) -> dict[Origin, OriginId]:
        """Return the id of each of these origins; one that is new is added.

        An id never changes: a caller may remember it once its transaction is durable.
        """
        ids = self._find(account_id, wanted)
        # In the order of their key: two processes then never wait for each other in a circle.
        missing = sorted(set(wanted) - ids.keys())
        if missing:
            self._driver.each(self._texts.add, _keys(account_id, missing))
            ids |= self._find(account_id, missing)
        return ids

    def _find(self, account_id: AccountId, wanted: Collection[Origin]) -> dict[Origin, OriginId]:
        rows = self._driver.rows_by_key(self._texts.by_key, _keys(account_id, wanted))
        return {Origin(OriginKind(row[1]), *row[2:]): OriginId(row[0]) for row in rows}


def _keys(
    account_id: AccountId, origins: Collection[Origin]
) -> list[tuple[int, str, int, int, str]]:
    return [(account_id, each.kind.value, each.of_id, each.version, each.part) for each in origins]

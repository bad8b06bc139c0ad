"""What messages come from: a row for each variant of a run, and for each step of a journey."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from sendrail.domain.ids import AccountId, OriginId
from sendrail.domain.origin import Origin, OriginKind, OriginText
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement

_NO_TEXT: Final = OriginText()


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginTexts:
    """The statements of `Origins`."""

    by_key: Statement
    add: Statement
    past: Statement
    counted: Statement
    forget: Statement


class PastOrigins(NamedTuple):
    """Origins that nothing refers to, and the last one that was looked at; None at the end."""

    ids: list[int]
    last: int | None


class Origins:
    """The origins of an account's messages."""

    def __init__(self, driver: Driver, texts: OriginTexts) -> None:
        self._driver = driver
        self._texts = texts

    def find_or_add(
        self,
        account_id: AccountId,
        wanted: Collection[Origin],
        texts: Mapping[Origin, OriginText] = MappingProxyType({}),
    ) -> dict[Origin, OriginId]:
        """Return the id of each of these origins; one that is new is added, with its text.

        An id never changes: a caller may remember it once its transaction is durable.
        """
        ids = self._find(account_id, wanted)
        # In the order of their key: two processes then never wait for each other in a circle.
        missing = sorted(set(wanted) - ids.keys())
        if missing:
            rows = [
                (*key, *_content(texts.get(each, _NO_TEXT)))
                for each, key in zip(missing, _keys(account_id, missing), strict=True)
            ]
            self._driver.each(self._texts.add, rows)
            ids |= self._find(account_id, missing)
        return ids

    def _find(self, account_id: AccountId, wanted: Collection[Origin]) -> dict[Origin, OriginId]:
        rows = self._driver.rows_by_key(self._texts.by_key, _keys(account_id, wanted))
        return {Origin(OriginKind(row[1]), *row[2:]): OriginId(row[0]) for row in rows}

    def past(self, after: int, ended_before: int, limit: int) -> PastOrigins:
        """Return the origins among the next ones behind an id that nothing refers to any more.

        Nothing is counted of them, and they are of runs that ended before a time, or of versions of
        journeys that no contact enters.
        """
        rows = self._driver.rows(self._texts.past, after, ended_before, limit)
        ids = self._uncounted([row[0] for row in rows if row[1]])
        return PastOrigins(ids, rows[-1][0] if len(rows) == limit else None)

    def forget(self, ids: Sequence[int]) -> int:
        """Delete these origins, unless something was counted of them meanwhile."""
        past = self._uncounted(ids)
        return self._driver.run(self._texts.forget, self._driver.array(past)) if past else 0

    def _uncounted(self, ids: Sequence[int]) -> list[int]:
        rows = self._driver.rows(self._texts.counted, self._driver.array(ids)) if ids else ()
        counted = {row[0] for row in rows}
        return [each for each in ids if each not in counted]


def _content(text: OriginText) -> tuple[int | None, str]:
    return text.creative_id, " ".join(map(str, text.offers))


def _keys(
    account_id: AccountId, origins: Collection[Origin]
) -> list[tuple[int, str, int, int, str]]:
    return [(account_id, each.kind.value, each.of_id, each.version, each.part) for each in origins]

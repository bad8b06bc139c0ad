"""Where links lead: one row for each URL of an account, and once more for each offer it is of."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sendrail.domain.ids import AccountId, OfferId
from sendrail.storage.driver import Driver
from sendrail.storage.templates import Statement

# Among a billion URLs no two have the same, by the odds of one in 10**20.
_DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationTexts:
    """The statements of `Destinations`."""

    by_digest: Statement
    add: Statement
    urls: Statement


class Destinations:
    """The destinations that messages share, by account."""

    def __init__(self, driver: Driver, texts: DestinationTexts) -> None:
        self._driver = driver
        self._texts = texts

    def find(
        self, account_id: AccountId, urls: Collection[str], offer_id: OfferId | None = None
    ) -> dict[str, int]:
        """Return the ids of those URLs that are the account's destinations, of an offer or none."""
        by_digest = {_digest(url, offer_id): url for url in urls}
        keys = [(account_id, digest) for digest in by_digest]
        rows = self._driver.rows_by_key(self._texts.by_digest, keys)
        return {by_digest[bytes(row[1])]: row[0] for row in rows}

    def add(
        self,
        account_id: AccountId,
        urls: Iterable[str],
        now: int,
        offer_id: OfferId | None = None,
    ) -> None:
        """Make URLs destinations of the account; one that is there stays as it is.

        The same URL leads to another destination for each offer that clicks on it count for.
        """
        # In the order of their key: two processes then never wait for each other in a circle.
        digests = sorted((_digest(url, offer_id), url) for url in urls)
        rows = [(account_id, digest, url, now, offer_id) for digest, url in digests]
        self._driver.each(self._texts.add, rows)

    def urls(self, account_id: AccountId, ids: Sequence[int]) -> dict[int, str]:
        """Return the URLs of destinations of the account, by their ids."""
        rows = self._driver.rows_by_key(self._texts.urls, [(each, account_id) for each in ids])
        return {row[0]: row[1] for row in rows}


def _digest(url: str, offer_id: OfferId | None) -> bytes:
    # No URL begins with a digit.
    named = url if offer_id is None else f"{offer_id} {url}"
    return hashlib.blake2b(named.encode(), digest_size=_DIGEST_BYTES).digest()

"""Listen along: an endpoint that lasts as long as a person watches, served by its own process.

It goes the way of every endpoint, through the outbox, so that what is seen is what a receiver would
get. Its lease is short: a listener that is killed leaves nothing behind for long.
"""

from collections.abc import Callable
from typing import Final, Self

from sendrail.domain.ids import AccountId, EndpointId, MessageIds
from sendrail.domain.webhook import (
    LISTENER_URL,
    USUAL,
    Acknowledged,
    Answer,
    EndpointState,
    OutboxEvent,
)
from sendrail.storage.interface import Store, Tx
from sendrail.webhooks import signing
from sendrail.webhooks.claim import take
from sendrail.webhooks.keyring import Keyring
from sendrail.webhooks.payloads import event_name
from sendrail.webhooks.poster import Poster
from sendrail.webhooks.retry import settle

_LEASE_MS: Final = 30_000
_RENEW_MS: Final = 10_000
_ROUND_MAX: Final = 100


class Listener:
    """One account's events as they happen; begun by `open`, ended by `aclose`."""

    def __init__(
        self,
        store: Store,
        ids: MessageIds,
        *,
        account_id: AccountId,
        signature_header: str,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._ids = ids
        self._account_id = account_id
        self._signature_header = signature_header
        self._now = now
        self._endpoint_id = EndpointId(0)
        self._renewed_at = 0
        self.secret = Keyring.new()

    async def open(self) -> Self:
        """Begin to listen: from now on, events are kept for this listener."""
        await self._store.write(self._renew)
        return self

    async def step(self) -> list[OutboxEvent]:
        """Return what has happened since the last time; it is not returned again."""
        return await self._store.write(self._hear)

    def _hear(self, tx: Tx) -> list[OutboxEvent]:
        now = self._now()
        if now - self._renewed_at >= _RENEW_MS:
            self._renew(tx)
        taken = take(
            tx, self._ids, self._endpoint_id, now=now, held=(), limit=_ROUND_MAX, again=_ROUND_MAX
        )
        tx.outbox.settle(
            [settle(each, Acknowledged(200), started_at=now, now=now, chance=0.0) for each in taken]
        )
        return taken

    def _renew(self, tx: Tx) -> None:
        self._renewed_at = now = self._now()
        until = now + _LEASE_MS
        if tx.endpoints.change(self._account_id, self._endpoint_id, listens_until=until):
            return
        # The first time, or after a sleep of this machine in which the lease has run out.
        self._endpoint_id = tx.endpoints.add(
            self._account_id,
            name="sendrail listen",
            url=LISTENER_URL,
            events=USUAL,
            state=EndpointState.ACTIVE,
            secret=b"",
            listens_until=until,
            created_at=now,
        )

    async def forward(self, poster: Poster, url: str, event: OutboxEvent) -> Answer:
        """Post an event to a URL as an endpoint would get it, signed with `secret`."""
        assert event.body is not None, "an event has its body once it is taken up"
        now = self._now()
        signature = signing.headers(
            [self.secret],
            event_name(self._ids, event.kind, event.ref),
            now // 1000,
            event.body,
            plain_header=self._signature_header,
        )
        return await poster.post(url, event.body, signature, now)

    async def aclose(self) -> None:
        """Stop listening, and leave nothing behind."""
        await self._store.write(lambda tx: tx.endpoints.remove(self._account_id, self._endpoint_id))

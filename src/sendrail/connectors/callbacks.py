"""Callbacks over HTTP: find the connector, verify the request, store the callback, respond.

The response follows the commit: what could not be stored is not acknowledged, and the carrier sends
it again. Carriers need not be started here; reading a callback is pure.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from sendrail.carriers.sdk import CallbackAnswer, CallbackRequest, Carrier, HearsCallbacks
from sendrail.clock import Clock
from sendrail.connectors.secret_box import token_digest
from sendrail.connectors.service import ConnectorService
from sendrail.domain.errors import CarrierTrouble, NotFound, Overloaded, SendrailError
from sendrail.domain.ids import AccountId, ConnectorId
from sendrail.domain.sender import Connector
from sendrail.receipts.inbox import CallbackInbox
from sendrail.receipts.reading import shown
from sendrail.storage.interface import Store
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

Take = Callable[[Connector, HearsCallbacks, CallbackRequest], Awaitable[CallbackAnswer]]

_UNPROVED: Final = 401
# The valid statuses of an HTTP response.
_STATUS_MIN, _STATUS_MAX = 200, 599
# Without a token all connectors of the kind check the callback, up to this many; with more
# connectors, URLs with tokens must be used.
_CONNECTORS_MAX: Final = 50


class CallbackRouter:
    """Routes callbacks from the HTTP server to connectors."""

    def __init__(
        self,
        store: Store,
        connectors: ConnectorService,
        inbox: CallbackInbox,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._store = store
        self._connectors = connectors
        self._inbox = inbox
        self._metrics = metrics
        self._clock = clock
        # A carrier for each connector, of its latest version.
        self._carriers: dict[ConnectorId, tuple[int, Carrier]] = {}
        # Whether the connector's carrier verifies requests of a method, determined once.
        self._proving: dict[tuple[ConnectorId, str], tuple[int, bool]] = {}

    def public(self, path: str) -> str:
        """Return the public URL of a path, whatever a proxy changed."""
        return self._connectors.public(path)

    async def listener(self, token: str, kind: str | None = None) -> "Listener":
        """Return the listener for the callback URL of one connector.

        Raise `NotFound` for an unknown token, or for a connector of another kind.
        """
        # Looked up by its digest, so the response time reveals nothing useful about the token.
        digest, now = token_digest(token), self._clock.now()
        connector = await self._store.read(
            lambda tx: tx.connectors.by_token(digest, now), begun=False
        )
        if connector is None or (kind is not None and connector.kind != kind):
            raise _nothing()
        carrier = self._carrier(connector)
        if carrier is None:
            raise _nothing()
        return Listener(connector, carrier, self.take)

    async def hear_any(
        self, kind: str, request: CallbackRequest, account_id: AccountId | None = None
    ) -> CallbackAnswer:
        """Take a callback to a URL without a token: it goes to the connector that can verify it.

        A carrier without proofs, which relies on its unguessable URL, is skipped: here any client
        could forge its callbacks.
        """
        connectors = await self._store.read(lambda tx: tx.connectors.all())
        meant = [
            connector
            for connector in connectors
            if connector.kind == kind
            and (account_id is None or connector.account_id in {None, account_id})
        ]
        listeners = [(connector, self._carrier(connector)) for connector in meant[:_CONNECTORS_MAX]]
        asked = [(connector, carrier) for connector, carrier in listeners if carrier is not None]
        if not asked:
            raise _nothing()
        for connector, carrier in asked:
            if self._proves(connector, carrier, request):
                answer = self._read(connector, carrier, request)
                if answer.status != _UNPROVED:
                    return await self._store_it(connector, answer)
        _log.warning("callback_unproved", kind=kind)
        self._metrics.callbacks_unproved.labels(kind).inc()
        return CallbackAnswer(status=_UNPROVED)

    def _carrier(self, connector: Connector) -> HearsCallbacks | None:
        """Return a connector's carrier; None when it gets no callbacks by HTTP.

        Raise `Overloaded` when it cannot be made now: the carrier must send its callbacks again.
        """
        known = self._carriers.get(connector.id)
        if known is None or known[0] != connector.version:
            try:
                known = connector.version, self._connectors.carrier_of(connector)
            except SendrailError as error:
                _log.error("callback_connector_broken", connector=connector.name, code=error.code)
                raise Overloaded(
                    "The connector cannot be opened at the moment. Try again."
                ) from error
            self._carriers[connector.id] = known
        carrier: object = known[1]
        return carrier if isinstance(carrier, HearsCallbacks) else None

    def _read(
        self, connector: Connector, carrier: HearsCallbacks, request: CallbackRequest
    ) -> CallbackAnswer:
        try:
            return _checked(carrier.read_callback(request))
        except CarrierTrouble as trouble:
            _log.warning(
                "callback_unreadable", connector=connector.name, reason=shown(trouble.message)
            )
            return CallbackAnswer(status=400)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            _log.error("callback_broke", connector=connector.name, error=type(error).__name__)
            return CallbackAnswer(status=500)

    def _proves(
        self, connector: Connector, carrier: HearsCallbacks, request: CallbackRequest
    ) -> bool:
        """Return whether a carrier refuses a request without any proof."""
        place = connector.id, request.method
        known = self._proving.get(place)
        if known is None or known[0] != connector.version:
            known = self._proving[place] = (
                connector.version,
                self._refuses_bare(connector, carrier, request),
            )
        return known[1]

    def _refuses_bare(
        self, connector: Connector, carrier: HearsCallbacks, request: CallbackRequest
    ) -> bool:
        bare = CallbackRequest(
            method=request.method, url=request.url.partition("?")[0], headers={}, body=b""
        )
        return self._read(connector, carrier, bare).status == _UNPROVED

    async def take(
        self, connector: Connector, carrier: HearsCallbacks, request: CallbackRequest
    ) -> CallbackAnswer:
        """Store a callback to one connector and return the response."""
        return await self._store_it(connector, self._read(connector, carrier, request))

    async def _store_it(self, connector: Connector, answer: CallbackAnswer) -> CallbackAnswer:
        if answer.status == _UNPROVED:
            _log.warning("callback_unproved", connector=connector.name, kind=connector.kind)
            self._metrics.callbacks_unproved.labels(connector.kind).inc()
        elif answer.raws:
            await self._inbox.put(connector.id, answer.raws)
        return answer


def _checked(answer: object) -> CallbackAnswer:
    """Return a carrier's answer. Raise `TypeError` when it is not a valid one."""
    if not isinstance(answer, CallbackAnswer):
        raise TypeError(f"no answer, but a {type(answer).__name__}")
    is_status = isinstance(answer.status, int) and _STATUS_MIN <= answer.status <= _STATUS_MAX
    if not (is_status and isinstance(answer.content, bytes)):
        raise TypeError("an answer without a status or with no bytes")
    if not all(isinstance(raw, bytes) for raw in answer.raws):
        raise TypeError("an answer that stores something else than bytes")
    return answer


class Listener:
    """One connector that gets callbacks, found before the request is read."""

    def __init__(self, connector: Connector, carrier: HearsCallbacks, take: Take) -> None:
        self._connector = connector
        self._carrier = carrier
        self._take = take

    async def hear(self, request: CallbackRequest) -> CallbackAnswer:
        """Store a callback and return the response."""
        return await self._take(self._connector, self._carrier, request)


def _nothing() -> NotFound:
    return NotFound("There is nothing at this path")

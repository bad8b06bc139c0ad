"""Carriers' callbacks over HTTP: find the link, have its carrier prove the request, store, answer.

The answer follows the commit: what could not be stored is not acknowledged, and the carrier comes
again. No carrier need be started here; reading a callback is pure.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from sendrail.carriers.sdk import CallbackAnswer, CallbackRequest, Carrier, HearsCallbacks
from sendrail.clock import Clock
from sendrail.domain.errors import CarrierTrouble, NotFound, Overloaded, SendrailError
from sendrail.domain.ids import AccountId, LinkId
from sendrail.domain.sender import Link
from sendrail.links.service import LinkService
from sendrail.links.vault import token_digest
from sendrail.receipts.intake import Intake
from sendrail.receipts.reading import shown
from sendrail.storage.interface import Store
from sendrail.telemetry import Metrics

_log = structlog.get_logger()

Take = Callable[[Link, HearsCallbacks, CallbackRequest], Awaitable[CallbackAnswer]]

_UNPROVED: Final = 401
# What an answer over HTTP may have for a status.
_STATUS_MIN, _STATUS_MAX = 200, 599
# Without a token every link of the kind is asked; past this many an operator must use tokens.
_LINKS_MAX: Final = 50


class CallbackDesk:
    """Takes callbacks from the HTTP door."""

    def __init__(
        self, store: Store, links: LinkService, intake: Intake, metrics: Metrics, clock: Clock
    ) -> None:
        self._store = store
        self._links = links
        self._intake = intake
        self._metrics = metrics
        self._clock = clock
        # One for each link, of its newest version.
        self._carriers: dict[LinkId, tuple[int, Carrier]] = {}
        # Whether it proves what comes by a method, found out once.
        self._proving: dict[tuple[LinkId, str], tuple[int, bool]] = {}

    def public(self, path: str) -> str:
        """Return the URL by which the public knows a path of ours, whatever a proxy made of it."""
        return self._links.public(path)

    async def listener(self, token: str, kind: str | None = None) -> "Listener":
        """Return what takes the callbacks to the URL of one link.

        Raises `NotFound` for a token that is no link's, or a link's of another kind.
        """
        # Looked up by its digest: what the time of an answer tells of that, nobody can use.
        digest, now = token_digest(token), self._clock.now()
        link = await self._store.read(lambda tx: tx.links.by_token(digest, now))
        if link is None or (kind is not None and link.kind != kind):
            raise _nothing()
        carrier = self._carrier(link)
        if carrier is None:
            raise _nothing()
        return Listener(link, carrier, self.take)

    async def hear_any(
        self, kind: str, request: CallbackRequest, account_id: AccountId | None = None
    ) -> CallbackAnswer:
        """Take a callback that names no link: it is that link's whose carrier can prove it.

        A carrier that proves nothing, because it counts on its unguessable URL, is not asked: here
        anybody could speak for it.
        """
        links = await self._store.read(lambda tx: tx.links.all())
        meant = [
            link
            for link in links
            if link.kind == kind and (account_id is None or link.account_id in {None, account_id})
        ]
        listeners = [(link, self._carrier(link)) for link in meant[:_LINKS_MAX]]
        asked = [(link, carrier) for link, carrier in listeners if carrier is not None]
        if not asked:
            raise _nothing()
        for link, carrier in asked:
            if self._proves(link, carrier, request):
                answer = self._read(link, carrier, request)
                if answer.status != _UNPROVED:
                    return await self._store_it(link, answer)
        _log.warning("callback_unproved", kind=kind)
        self._metrics.callbacks_unproved.labels(kind).inc()
        return CallbackAnswer(status=_UNPROVED)

    def _carrier(self, link: Link) -> HearsCallbacks | None:
        """Return a link's carrier, None when it hears nothing by HTTP.

        Raises `Overloaded` where it cannot be made just now: its callbacks must come again.
        """
        known = self._carriers.get(link.id)
        if known is None or known[0] != link.version:
            try:
                known = link.version, self._links.carrier_of(link)
            except SendrailError as error:
                _log.error("callback_link_broken", link=link.name, code=error.code)
                raise Overloaded("The link cannot be opened just now. Come again.") from error
            self._carriers[link.id] = known
        carrier: object = known[1]
        return carrier if isinstance(carrier, HearsCallbacks) else None

    def _read(
        self, link: Link, carrier: HearsCallbacks, request: CallbackRequest
    ) -> CallbackAnswer:
        try:
            return _checked(carrier.read_callback(request))
        except CarrierTrouble as trouble:
            _log.warning("callback_unreadable", link=link.name, reason=shown(trouble.message))
            return CallbackAnswer(status=400)
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
            _log.error("callback_broke", link=link.name, error=type(error).__name__)
            return CallbackAnswer(status=500)

    def _proves(self, link: Link, carrier: HearsCallbacks, request: CallbackRequest) -> bool:
        """Tell whether a carrier refuses a request that holds nothing it could be proved by."""
        place = link.id, request.method
        known = self._proving.get(place)
        if known is None or known[0] != link.version:
            known = self._proving[place] = link.version, self._refuses_bare(link, carrier, request)
        return known[1]

    def _refuses_bare(self, link: Link, carrier: HearsCallbacks, request: CallbackRequest) -> bool:
        bare = CallbackRequest(
            method=request.method, url=request.url.partition("?")[0], headers={}, body=b""
        )
        return self._read(link, carrier, bare).status == _UNPROVED

    async def take(
        self, link: Link, carrier: HearsCallbacks, request: CallbackRequest
    ) -> CallbackAnswer:
        """Take a callback to one link."""
        return await self._store_it(link, self._read(link, carrier, request))

    async def _store_it(self, link: Link, answer: CallbackAnswer) -> CallbackAnswer:
        if answer.status == _UNPROVED:
            _log.warning("callback_unproved", link=link.name, kind=link.kind)
            self._metrics.callbacks_unproved.labels(link.kind).inc()
        elif answer.raws:
            await self._intake.put(link.id, answer.raws)
        return answer


def _checked(answer: object) -> CallbackAnswer:
    """Return a carrier's answer, if it is one. Raises `TypeError`."""
    if not isinstance(answer, CallbackAnswer):
        raise TypeError(f"no answer, but a {type(answer).__name__}")
    is_status = isinstance(answer.status, int) and _STATUS_MIN <= answer.status <= _STATUS_MAX
    if not (is_status and isinstance(answer.content, bytes)):
        raise TypeError("an answer without a status or with no bytes")
    if not all(isinstance(raw, bytes) for raw in answer.raws):
        raise TypeError("an answer that stores something else than bytes")
    return answer


class Listener:
    """One link that callbacks may come to, found before they are read."""

    def __init__(self, link: Link, carrier: HearsCallbacks, take: Take) -> None:
        self._link = link
        self._carrier = carrier
        self._take = take

    async def hear(self, request: CallbackRequest) -> CallbackAnswer:
        """Take a callback."""
        return await self._take(self._link, self._carrier, request)


def _nothing() -> NotFound:
    return NotFound("There is nothing at this path")

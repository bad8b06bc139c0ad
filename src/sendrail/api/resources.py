"""The resources over HTTP: routes from the endpoints' tables, and what all of them have in common.

The order of faults is that of the sending calls: the body's size, the key, the account, the
body's type, the idempotency key, and then what the endpoint itself finds.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from sendrail.api.auth import account_of, actor_of
from sendrail.api.bodies import Bodies
from sendrail.api.limits import BODY_BYTES_MAX
from sendrail.api.responses import PRIVATE, json_answer
from sendrail.api.v2 import (
    account,
    audiences,
    blocks,
    contacts,
    creatives,
    domains,
    enrollment_batches,
    erasure,
    files,
    history,
    journey_documents,
    journey_progress,
    journeys,
    link_settings,
    links,
    lists,
    messages,
    offers,
    reports,
    revenue,
    runs,
    schedules,
)
from sendrail.api.v2.request import ApiRequest, CsvFile, Endpoint, Replayed, encode, guard_of
from sendrail.api.v2.sending import is_json
from sendrail.api.v2.uploads import CSV, Upload
from sendrail.app import Runtime
from sendrail.domain.errors import InvalidInput
from sendrail.domain.ids import AccountId

ENDPOINTS: Final[Sequence[Endpoint]] = (
    *messages.ENDPOINTS,
    *contacts.ENDPOINTS,
    *lists.ENDPOINTS,
    *audiences.ENDPOINTS,
    *blocks.ENDPOINTS,
    *files.OF_CONTACTS,
    *erasure.ENDPOINTS,
    *files.OF_BLOCKS,
    *journeys.ENDPOINTS,
    *enrollment_batches.ENDPOINTS,
    *journey_documents.ENDPOINTS,
    *journey_progress.ENDPOINTS,
    *offers.ENDPOINTS,
    *creatives.ENDPOINTS,
    *schedules.ENDPOINTS,
    *runs.ENDPOINTS,
    *domains.ENDPOINTS,
    *account.ENDPOINTS,
    *link_settings.ENDPOINTS,
    *links.ENDPOINTS,
    *revenue.ENDPOINTS,
    *reports.ENDPOINTS,
    *history.ENDPOINTS,
)


def resource_routes(runtime: Runtime, bases: Iterable[str], bodies: Bodies) -> list[BaseRoute]:
    """Return the routes of every resource, under each base path."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [
        _OwnRoute(base + path, _Path(runtime, base, methods, bodies).answer, methods=list(methods))
        for base in bases
        for path, methods in by_path.items()
    ]


class _OwnRoute(Route):
    """A route that answers every method of its path, also where a later one's pattern fits it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return a full match for a method that the route refuses."""
        match, child = super().matches(scope)
        return Match.FULL if match is Match.PARTIAL else match, child


class _Path:
    """What answers the methods of one path."""

    def __init__(
        self, runtime: Runtime, base: str, methods: Mapping[str, Endpoint], bodies: Bodies
    ) -> None:
        self._runtime = runtime
        self._base = base
        self._methods = methods
        self._bodies = bodies

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        # A HEAD is answered as its GET; the server leaves the body out.
        endpoint = self._methods.get(request.method) or self._methods["GET"]
        request.state.statuses = endpoint.statuses
        store, headers = self._runtime.store, request.headers.raw
        if endpoint.file_in is not None:
            # A request that is refused before its file has been read ends the connection: the
            # client need not send the rest.
            request.state.ends_connection = True
            account = await account_of(store, headers)
            upload = Upload(request, self._runtime.settings.import_bytes_max)
            return await self._answer(endpoint, request, account, upload=upload)
        if endpoint.request is None:
            return await self._answer(endpoint, request, await account_of(store, headers))
        with self._bodies.known.body(request, BODY_BYTES_MAX) as body:
            # The caller is known before anything is kept.
            account = await account_of(store, headers)
            content = _json_in(request, await body.read())
            return await self._answer(endpoint, request, account, content)

    async def _answer(
        self,
        endpoint: Endpoint,
        request: Request,
        account: AccountId,
        body: bytes = b"",
        *,
        upload: Upload | None = None,
    ) -> Response:
        idempotency = None
        route = f"{endpoint.method} {request.url.path.removeprefix(self._base)}"
        if endpoint.method == "POST" and upload is None:
            key = dict(request.headers.raw).get(b"idempotency-key")
            idempotency = guard_of(
                account, key, route, lambda: hashlib.sha256(body).digest(), self._runtime.clock.now
            )
        asked = ApiRequest(
            account=account,
            actor=actor_of(request),
            request_id=request.state.request_id,
            route=route,
            path=request.path_params,
            query=request.query_params,
            body=body,
            idempotency=idempotency,
            upload=upload,
            accepts_csv=CSV in request.headers.get("accept", ""),
        )
        try:
            answer = await endpoint.handler(self._runtime, asked)
        except Replayed as before:
            replayed = {"idempotency-replayed": "true"}
            return json_answer(before.kept.status, before.kept.answer, PRIVATE | replayed)
        if isinstance(answer, CsvFile):
            return _file(answer)
        return json_answer(200, encode(answer), PRIVATE)


def _json_in(request: Request, content: bytes) -> bytes:
    kind = request.headers.get("content-type")
    is_called_json = kind is not None and is_json(kind.encode("latin-1"))
    if not content and (kind is None or is_called_json):
        # A call without a body is one without fields: the endpoint names those it needs. Many
        # clients say of each call that it is JSON.
        return b"{}"
    if not is_called_json:
        raise InvalidInput(
            "Send the body as `Content-Type: application/json`", code="unsupported_media_type"
        )
    return content


def _file(file: CsvFile) -> Response:
    headers = PRIVATE | {"content-disposition": f'attachment; filename="{file.name}"'}
    return StreamingResponse(file.chunks, headers=headers, media_type=CSV)

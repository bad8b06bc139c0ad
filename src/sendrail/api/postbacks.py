"""The door for networks: postbacks and pixels, on the API's host and on tracking domains.

What will never work is answered 200 with `success: false`, because a network tries again on
anything else. Parameters hold secrets: nothing here logs a query.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sendrail.api.bodies import Bodies
from sendrail.api.responses import json_answer
from sendrail.api.tracking_host import FRESH
from sendrail.app import Runtime
from sendrail.domain import money
from sendrail.domain.conversion import ConversionEvent, ConversionSource
from sendrail.domain.errors import InvalidInput, SendrailError, Unauthorized
from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.tracking.postbacks import Answer, Postback, PostbackRefused

_log = structlog.get_logger()

_METHODS: Final = ("GET", "POST")
_FORM: Final = "application/x-www-form-urlencoded"
_BODY_BYTES_MAX: Final = 16_384
_FIELDS_MAX: Final = 100
_ID_LENGTH_MAX: Final = 255
# What networks call the same thing; the first that is there counts.
_AMOUNTS: Final = ("revenue", "amount", "payout")
_TRANSACTIONS: Final = ("txn_id", "transaction_id", "conversion_id")
_SECRETS: Final = ("postback_secret", "secret")
_SECRET_HEADER: Final = "x-postback-secret"  # noqa: S105 - a header's name
_NETWORKS: Final = {
    "tune": ConversionSource.TUNE,
    "everflow": ConversionSource.EVERFLOW,
}
# One transparent point (GIF89a).
PIXEL: Final = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


class PostbackAnswer(msgspec.Struct, omit_defaults=True):
    """What a network is answered."""

    success: bool
    revenue_id: str | None = None
    duplicate: bool | None = None
    attributed: bool | None = None
    code: str | None = None
    error: str | None = None


_encode: Final = msgspec.json.Encoder().encode


def postback_routes(runtime: Runtime, bodies: Bodies) -> list[Route]:
    """Return the routes that serve on every host."""
    door = _Door(runtime, bodies)
    return [
        _reporting("/conv", door.by_link_or_click),
        _reporting("/conv/offer", door.by_offer),
        _reporting("/conv/coupon", door.by_coupon),
        Route("/pixel/{link_id}.gif", door.by_pixel),
    ]


def network_routes(runtime: Runtime, bodies: Bodies) -> list[Route]:
    """Return the routes by which networks report to the API's host."""
    door = _Door(runtime, bodies)
    return [_reporting("/api/postbacks/{network}", door.by_network)]


def _reporting(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """Return the route of a postback: its HEAD, which a GET has elsewhere, would report as well."""
    route = Route(path, endpoint, methods=_METHODS)
    route.methods = set(_METHODS)
    return route


class _Door:
    def __init__(self, runtime: Runtime, bodies: Bodies) -> None:
        self._service = runtime.tracking.postbacks
        self._revenue_id = runtime.contact_ids.revenue
        self._bodies = bodies

    async def by_offer(self, request: Request) -> Response:
        def ask(said: Mapping[str, str], heard: Postback) -> Awaitable[Answer]:
            offer_id, message_id = said.get("offer_id", ""), said.get("message_id", "")
            return self._service.by_offer(offer_id, message_id, heard)

        return await self._answer(request, ask)

    async def by_link_or_click(self, request: Request) -> Response:
        def ask(said: Mapping[str, str], heard: Postback) -> Awaitable[Answer]:
            if "click_id" in said:
                return self._service.by_click(said["click_id"], heard)
            return self._service.by_link(said.get("link_id", ""), heard)

        return await self._answer(request, ask)

    async def by_coupon(self, request: Request) -> Response:
        def ask(said: Mapping[str, str], heard: Postback) -> Awaitable[Answer]:
            return self._service.by_coupon(said.get("code", ""), heard)

        return await self._answer(request, ask)

    async def by_network(self, request: Request) -> Response:
        source = _NETWORKS.get(request.path_params["network"])
        if source is None:
            return self._refused(PostbackRefused("unknown_network", "There is no such network"))

        def ask(said: Mapping[str, str], heard: Postback) -> Awaitable[Answer]:
            click_id = said.get("click_id", "")
            return self._service.by_click(click_id, heard, source, needs_secret=True)

        return await self._answer(request, ask)

    async def by_pixel(self, request: Request) -> Response:
        try:
            heard = _heard(request, _plain(dict(request.query_params)))
        except InvalidInput:
            heard = None
        # Who asks for the head shows no picture on a page: nothing has happened there.
        if request.method == "HEAD":
            heard = None
        if heard is not None:
            try:
                await self._service.by_pixel(request.path_params["link_id"], heard)
            except SendrailError as error:
                # No page asks again.
                _log.warning("pixel_not_recorded", reason=error.code)
        # Whatever came of it: a broken picture on a page would show that we are here.
        return Response(PIXEL, media_type="image/gif", headers=FRESH)

    async def _answer(
        self, request: Request, ask: Callable[[Mapping[str, str], Postback], Awaitable[Answer]]
    ) -> Response:
        said = await self._said(request)
        try:
            heard = _heard(request, said)
        except InvalidInput as error:
            return self._refused(PostbackRefused(error.code, error.message))
        try:
            answer = await ask(said, heard)
        except Unauthorized as error:
            return self._refused(PostbackRefused(error.code, error.message), 401)
        if isinstance(answer, PostbackRefused):
            return self._refused(answer)
        kept = answer.conversion
        shown = PostbackAnswer(
            success=True,
            revenue_id=self._revenue_id(kept.id),
            duplicate=answer.is_duplicate,
            attributed=kept.attributed,
        )
        return json_answer(200, _encode(shown), FRESH)

    async def _said(self, request: Request) -> dict[str, str]:
        """Return the parameters: those of the query, and of a form; the first of a name counts."""
        pairs = list(request.query_params.multi_items())
        if request.method == "POST":
            with self._bodies.strangers.body(request, _BODY_BYTES_MAX) as body:
                content = await body.read()
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == _FORM and content.count(b"&") < _FIELDS_MAX:
                pairs += parse_qsl(content.decode("utf-8", "replace"))
        return _plain(dict(reversed(pairs)))

    @staticmethod
    def _refused(refused: PostbackRefused, status: int = 200) -> Response:
        shown = PostbackAnswer(success=False, code=refused.code, error=refused.text)
        return json_answer(status, _encode(shown), FRESH)


def _heard(request: Request, said: Mapping[str, str]) -> Postback:
    # Networks write it in whatever case, and would not repeat what is refused.
    event = said.get("event", "").strip().lower() or ConversionEvent.SALE
    if event not in set(ConversionEvent):
        raise InvalidInput(
            f"event must be one of {', '.join(ConversionEvent)}", code="invalid_event"
        )
    external_id = _first(said, _TRANSACTIONS)
    if external_id is not None and len(external_id) > _ID_LENGTH_MAX:
        raise InvalidInput(
            f"A transaction's id can have at most {_ID_LENGTH_MAX} characters", code="invalid_field"
        )
    domain: TrackingDomain | None = getattr(request.state, "domain", None)
    return Postback(
        event=ConversionEvent(event),
        amount=_amount(_first(said, _AMOUNTS), ConversionEvent(event)),
        currency=said.get("currency", "").strip(),
        external_id=external_id,
        secret=request.headers.get(_SECRET_HEADER) or _first(said, _SECRETS) or "",
        host_of=None if domain is None else domain.account_id,
    )


def _amount(text: str | None, event: ConversionEvent) -> int | None:
    if text is None:
        return None
    # A network may write what it takes back as a negative amount, where its event says the same.
    amount = money.of_text(text.removeprefix("-"))
    if amount is None:
        raise InvalidInput("The amount must be a number such as 24.99", code="invalid_revenue")
    if amount and text.startswith("-") and not event.takes_back:
        raise InvalidInput(
            f"A negative amount needs the event {ConversionEvent.REFUND} or "
            f"{ConversionEvent.CHARGEBACK}",
            code="invalid_revenue",
        )
    return amount


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    found = (said.get(name, "").strip() for name in names)
    return next((each for each in found if each), None)


def _plain(said: Mapping[str, str]) -> dict[str, str]:
    """Return parameters without NULs: those mean nothing, and PostgreSQL has no text with one."""
    return {name: value.replace("\0", "") for name, value in said.items()}

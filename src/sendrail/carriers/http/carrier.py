"""The base class of HTTP carriers; a vendor's own part is pure.

A vendor's subclass builds requests (`compose`), reads answers (`read_answer`), verifies callbacks
(`proves`) and parses them (`parse`). The base class does the sending: a bounded number of requests
at a time, started in the order of submit, and each message reported exactly once.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

import structlog
from msgspec import Meta, Struct

from sendrail.carriers.http import callbacks
from sendrail.carriers.http.client import HttpClient, RequestProgress
from sendrail.carriers.http.codes import outcome_by_status
from sendrail.carriers.http.exchange import Answer, Request
from sendrail.carriers.sdk import (
    CallbackAnswer,
    CallbackRequest,
    ConnectorContext,
    Deliver,
    Report,
    about,
)
from sendrail.domain import address
from sendrail.domain.delivery import (
    Failed,
    OutboundMessage,
    Outcome,
    Rejected,
    Submitted,
    Unavailable,
    Uncertain,
)
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.receipt import Callback

_UNSENT: Final = Unavailable("not sent: the connector has stopped, or its turn did not come", 1_000)

# Outcomes that show that the connector works; the others may also come from one that is down.
_BACK: Final = Submitted | Failed | Rejected

_log = structlog.get_logger(__name__)

# Each request carries credentials, so plain HTTP is allowed only to the local machine.
BaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^(https://[^\s/?#@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)"
        r"(/[^\s?#]*[^\s?#/])?\Z"
    ),
]


class HttpSettings(Struct, frozen=True, kw_only=True):
    """The settings that all HTTP connectors share."""

    connections: Annotated[
        int,
        Meta(ge=1, le=256),
        about("The number of concurrent requests, each on its own persistent connection."),
    ] = 8
    connect_timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=60), about("How long the carrier may take to accept a connection.")
    ] = 5.0
    timeout_seconds: Annotated[
        float, Meta(ge=0.1, le=300), about("How long a whole request may take.")
    ] = 30.0
    country: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] | None,
        about(
            "The country, as two letters (`US`), of numbers that the carrier writes "
            "without a country code; only needed for a carrier that writes national "
            "numbers."
        ),
    ] = None


class HttpCarrier(ABC):
    """One connector to a vendor; a subclass is the vendor's part.

    `messages_per_request` is how many messages the vendor takes in one request. `thanks` is the
    response it expects to callbacks. `unchecked` is what `check` returns where there is no `probe`.
    """

    vendor: ClassVar[str]
    messages_per_request: int = 1
    thanks: ClassVar[CallbackAnswer] = CallbackAnswer()
    unchecked: ClassVar[str] = "The vendor offers no way to try credentials without sending."

    def __init__(self, settings: HttpSettings, context: ConnectorContext) -> None:
        if settings.country is not None and not address.is_country(settings.country):
            raise CarrierTrouble(
                f"country {settings.country!r} is no country with phone numbers of its own; give "
                "two letters of ISO 3166, such as US.",
                param="country",
            )
        self.context = context
        # The country of national numbers, if the carrier sends such.
        self.country = settings.country
        self._settings = settings
        # Requests under way, and as many connections, so that no request waits for a connection.
        self._slots = asyncio.Semaphore(settings.connections)
        self._client: HttpClient | None = None
        self._submits = 0
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._is_away = False

    # The vendor's part

    @abstractmethod
    def compose(self, messages: Sequence[OutboundMessage]) -> Request:
        """Return the request that submits these messages, `messages_per_request` at most."""

    @abstractmethod
    def read_answer(
        self, messages: Sequence[OutboundMessage], answer: Answer
    ) -> Outcome | Sequence[Outcome]:
        """Return the outcome of each message, in order, or one outcome for all of them.

        `messages` is empty for a refused `probe`. Raise `CarrierTrouble` when the answer cannot be
        parsed.
        """

    @abstractmethod
    def proves(self, request: CallbackRequest) -> bool:
        """Return whether a callback comes from the vendor."""

    @abstractmethod
    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse one stored callback, which `callbacks.unpack` reads.

        Use `reading.read_one` for a single item and `callbacks.StoredCallback.each` for a list, so
        that each item is parsed separately.
        """

    def probe(self) -> Request | None:
        """Return a request that needs the credentials and changes nothing, or None."""
        return None

    def read_probe(self, answer: Answer) -> str:
        """Return a sentence on what a successful answer to `probe` shows."""
        del answer
        return f"{self.vendor} accepts the credentials."

    # The carrier's part: see `sdk.Carrier` and `sdk.HearsCallbacks`

    async def start(self, deliver: Deliver) -> None:
        """Open the HTTP client; callbacks come by `read_callback`, whose caller stores them."""
        del deliver
        if self._client is None:
            self._client = self._connect()

    async def submit(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Submit messages and report each one's outcome when its answer arrives."""
        size = self.messages_per_request
        groups = [messages[at : at + size] for at in range(0, len(messages), size)]
        unbegun = set(range(len(groups)))

        async def exchange(at: int) -> None:
            unbegun.discard(at)
            await self._exchange(groups[at], report)

        self._submits += 1
        self._all_answered.clear()
        try:
            bugs = await asyncio.gather(*map(exchange, range(len(groups))), return_exceptions=True)
        finally:
            # If the submit is cancelled at once, some exchanges never ran.
            for at in unbegun:
                _report_all(groups[at], _UNSENT, report)
            self._submits -= 1
            if not self._submits:
                self._all_answered.set()
        for bug in bugs:
            # Raised only now, so that a failed request does not affect the others.
            if bug is not None:
                raise bug

    def read_callback(self, request: CallbackRequest) -> CallbackAnswer:
        """Verify a callback, then return what to store of it."""
        if not self.proves(request):
            return CallbackAnswer(status=401, content=b"This callback is not signed as it must be.")
        thanks = self.thanks
        return CallbackAnswer(
            raws=(callbacks.pack(request),),
            status=thanks.status,
            content=thanks.content,
            content_type=thanks.content_type,
        )

    async def check(self) -> str:
        """Try the credentials without sending anything."""
        request = self.probe()
        if request is None:
            return self.unchecked
        client = self._connect()
        try:
            result = await client.send(request, RequestProgress())
        finally:
            await client.close()
        if not isinstance(result, Answer):
            raise CarrierTrouble(f"{self.vendor} could not be asked: {result.detail}.")
        if not result.is_success:
            raise CarrierTrouble(f"The check failed: {_reason(self._read((), result))}.")
        return self.read_probe(result)

    async def stop(self) -> None:
        """Finish the requests under way, then disconnect; requests not yet begun are not sent."""
        client, self._client = self._client, None
        if client is None:
            return
        await self._all_answered.wait()
        await client.close()

    def _connect(self) -> HttpClient:
        return HttpClient(
            connections=self._settings.connections,
            connect_timeout_seconds=self._settings.connect_timeout_seconds,
            timeout_seconds=self._settings.timeout_seconds,
        )

    async def _exchange(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Make one request when its turn comes, and report the outcome of each of its messages.

        A request that is refused as a whole is made again in halves: one message may be the cause,
        and the others must not fail with it.
        """
        unanswered, passage = [messages], RequestProgress()
        try:
            async with self._slots:
                while unanswered:
                    group, passage = unanswered[0], RequestProgress()
                    result = await self._ask(group, passage)
                    if isinstance(result, Rejected) and len(group) > 1:
                        middle = len(group) // 2
                        unanswered[:1] = [group[:middle], group[middle:]]
                        continue
                    del unanswered[0]
                    self._note(result)
                    _report_all(group, result, report)
        except asyncio.CancelledError:
            given_up = Uncertain("given up before the answer") if passage.may_have_left else _UNSENT
            for group in unanswered:
                _report_all(group, given_up, report)
                given_up = _UNSENT
            raise

    async def _ask(
        self, messages: Sequence[OutboundMessage], passage: RequestProgress
    ) -> Outcome | Sequence[Outcome]:
        if self._client is None:
            return _UNSENT
        result = await self._client.send(self.compose(messages), passage)
        return self._read(messages, result) if isinstance(result, Answer) else result

    def _read(
        self, messages: Sequence[OutboundMessage], answer: Answer
    ) -> Outcome | Sequence[Outcome]:
        try:
            return self.read_answer(messages, answer)
        except CarrierTrouble:
            return outcome_by_status(self.vendor, answer)

    def _note(self, result: Outcome | Sequence[Outcome]) -> None:
        """Log once when the connector becomes unavailable and once when it is available again."""
        outcomes = result if isinstance(result, Sequence) else (result,)
        away = next((each for each in outcomes if isinstance(each, Unavailable)), None)
        if away is not None and away is not _UNSENT:
            if not self._is_away:
                _log.error("connector_unavailable", connector=self.context.name, detail=away.detail)
            self._is_away = True
        elif self._is_away and any(isinstance(each, _BACK) for each in outcomes):
            _log.info("connector_available", connector=self.context.name)
            self._is_away = False


def _report_all(
    messages: Sequence[OutboundMessage], result: Outcome | Sequence[Outcome], report: Report
) -> None:
    outcomes = result if isinstance(result, Sequence) else [result] * len(messages)
    assert len(outcomes) == len(messages), "an answer is for every message of its request"
    for message, outcome in zip(messages, outcomes, strict=True):
        report(message, outcome)


def _reason(result: Outcome | Sequence[Outcome]) -> str:
    match result:
        case Unavailable(detail) | Failed(detail) | Rejected(detail) | Uncertain(detail):
            return detail
        case _:
            return "the carrier asks for a pause; try again in a minute"

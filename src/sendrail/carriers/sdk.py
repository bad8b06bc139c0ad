"""The interface of carriers: what a carrier gets, and what it must do.

A carrier translates. It submits messages whose text is final and reports an `Outcome` for each; it
passes every raw callback to `deliver`, and later parses it into receipts and replies. It knows
nothing of queues, retries or storage. `conformance.py` is the specification; every carrier's tests
run it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from sendrail.clock import Clock, SystemClock
from sendrail.domain.delivery import OutboundMessage, Outcome
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.receipt import Callback

# A setting that is never shown once it is stored: a password, a token, a signing key.
Secret = Annotated[str, msgspec.Meta(min_length=1, extra_json_schema={"writeOnly": True})]
# Marks a setting that most connectors have, though it has a default.
SHOWN_FIRST: Final = "shown_first"


def about(text: str, *, shown_first: bool = False) -> msgspec.Meta:
    """Return what says in a setting's type what it is for, as forms and commands show it.

    With `shown_first` a form asks for it beside the required ones.
    """
    return msgspec.Meta(description=text, extra={SHOWN_FIRST: shown_first})


# Called exactly once for each message given to `submit`, when its answer arrives. A message that
# was reported as `Uncertain` may be reported once more if its answer arrives late.
Report = Callable[[OutboundMessage, Outcome], None]

# Stores raw callbacks and returns once they are durable; only then may the carrier acknowledge
# them. Raises `StorageUnavailable` when they were not stored: the carrier must deliver them again.
Deliver = Callable[[Sequence[bytes]], Awaitable[None]]


class ProcessIndex(NamedTuple):
    """The index of this process, from 0, and the count of processes that share a connector."""

    place: int = 0
    of: int = 1


WHOLE_CONNECTOR: Final = ProcessIndex()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorContext:
    """What a carrier gets about its connector, beside the connector's settings.

    `callback_url` is the public URL for callbacks to this connector; None while the installation
    has no public address. `part` is this process's share of the connector.
    """

    name: str = "connector"
    callback_url: str | None = None
    part: ProcessIndex = WHOLE_CONNECTOR
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRequest:
    """A carrier's HTTP request to a connector's callback URL.

    `url` is the public URL with its query, which the carrier has and signs, even where a proxy
    changed the host. Header names are lower case.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    # A cache of what was parsed: several connectors may check the same request.
    readings: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAnswer:
    """The pieces of a callback to store, each for `parse`, and the HTTP response to it.

    The response is sent once the pieces are durable; without pieces it is sent at once.
    """

    raws: Sequence[bytes] = ()
    status: int = 200
    content: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Carrier(Protocol):
    """One configured connector to a carrier."""

    async def start(self, deliver: Deliver) -> None:
        """Connect and begin to receive callbacks; a failure to connect raises nothing."""
        ...

    async def submit(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Submit messages in order, report each outcome, and return when all are reported.

        A failure is an outcome, never an exception. A message is `Uncertain` from the moment its
        bytes may have left until its answer arrives.
        """
        ...

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse one raw callback into receipts, replies and the like.

        Pure, and needs no `start`. Each element of a batch is parsed separately: one that cannot be
        parsed becomes a `Refused`, and the others count. One that is of no use, such as a text from
        a short code or an event of another channel, is an `IgnoredPart`. Raise `CarrierTrouble`,
        and nothing else, when the callback as a whole cannot be parsed.
        """
        ...

    async def check(self) -> str:
        """Try the credentials without sending anything; return a sentence on the result.

        Raise `CarrierTrouble` with the reason when they do not work. Needs no `start`.
        """
        ...

    async def stop(self) -> None:
        """Finish what is under way, then disconnect; safe to call twice or before `start`."""
        ...


@runtime_checkable
class HearsCallbacks(Protocol):
    """A carrier whose receipts and replies come by HTTP."""

    def read_callback(self, request: CallbackRequest) -> CallbackAnswer:
        """Verify that the request comes from the carrier, then return what to store of it.

        Pure. The verification is over the raw bytes, in constant time, and comes before any
        parsing; a request that fails it is answered 401 and nothing of it is stored.
        """
        ...


@runtime_checkable
class VendorCarrier(Protocol):
    """A carrier whose kind an account's owner may connect, and not only an operator.

    All addresses in its settings must be of `vendor_domain`, so that no setting of a stranger leads
    into the installation's own network or to its files.
    """

    vendor_domain: ClassVar[str]


@runtime_checkable
class SharesConnections(Protocol):
    """A carrier with a fixed number of connections, which all processes of a connector share."""

    def connections(self, part: ProcessIndex) -> int:
        """Return how many connections the process with this index keeps; at least one."""
        ...


@runtime_checkable
class ReadsMetadata(Protocol):
    """A carrier that may send a customer's metadata along with a message."""

    @property
    def reads_metadata(self) -> bool:
        """Whether `submit` needs the messages' metadata."""
        ...


class CarrierKind(Protocol):
    """The target of an entry point of the group `sendrail.carriers`: makes carriers of one kind.

    `Settings` is a struct that declares the settings, with types and defaults; those of type
    `Secret` are never shown.
    """

    Settings: type[msgspec.Struct]

    def __call__(self, settings: Mapping[str, Any], context: ConnectorContext) -> Carrier:
        """Return a carrier with these settings.

        Raise `CarrierTrouble` with the name of a setting that is missing or wrong.
        """
        ...


SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


def read_settings(kind: str, settings: Mapping[str, Any], into: type[SettingsT]) -> SettingsT:
    """Return a carrier's settings as its struct; `kind` names the carrier in error messages.

    Raise `CarrierTrouble` for a setting that is unknown, missing or wrong.
    """
    known = into.__struct_fields__
    for name in settings:
        if name not in known:
            raise CarrierTrouble(
                f"A {kind} connector has no setting {name!r}; it has {', '.join(known)}.",
                param=name,
            )
    try:
        return msgspec.convert(dict(settings), into)
    except msgspec.ValidationError as error:
        raise CarrierTrouble(f"A setting of the {kind} connector is wrong: {error}.") from error

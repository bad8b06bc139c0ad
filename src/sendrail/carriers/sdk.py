"""The door to carriers: what a carrier is given, and what it owes.

A carrier translates. It takes messages whose text is final and answers each with an `Outcome`; it
hands every callback it receives, raw, to `deliver`, and later turns such a callback into receipts
and replies. It knows nothing of queues, retries or storage. `conformance.py` is the specification;
every carrier runs it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from sendrail.clock import Clock, SystemClock
from sendrail.domain.delivery import OutboundMessage, Outcome
from sendrail.domain.errors import CarrierTrouble
from sendrail.domain.receipt import Callback

# A setting that is shown to nobody once it is stored: a password, a token, a signing key.
Secret = Annotated[str, msgspec.Meta(min_length=1, extra_json_schema={"writeOnly": True})]

# Called exactly once for each message given to `submit`, as its answer comes; and perhaps once more
# where the answer comes after all, to a message that was reported as `Uncertain`.
Report = Callable[[OutboundMessage, Outcome], None]

# Stores raw callbacks; returns once they are durable, and only then may the carrier acknowledge
# them. Raises `StorageUnavailable` when they could not be kept: the carrier must offer them again.
Deliver = Callable[[Sequence[bytes]], Awaitable[None]]


class ProcessIndex(NamedTuple):
    """The place of this process, from 0, among so many that hand over by the same connector."""

    place: int = 0
    of: int = 1


WHOLE_CONNECTOR: Final = ProcessIndex()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorContext:
    """What a carrier is told of the connector it serves, beside the connector's own settings.

    `callback_url` is where the carrier's callbacks for this connector reach us, as the public sees
    it; None while the installation has no public address. `part` is what of the connector is this
    process's.
    """

    name: str = "connector"
    callback_url: str | None = None
    part: ProcessIndex = WHOLE_CONNECTOR
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRequest:
    """A carrier's HTTP request to a connector's callback URL.

    `url` is the public one, with its query, as the carrier was told it and as it signs it, whatever
    host a proxy in between made of it. Header names are lower case.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    # What was read of it already: where many connectors are asked about one, each reads the same.
    readings: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAnswer:
    """What to store of a callback, each piece for `parse`, and how to answer it.

    The answer is given once the pieces are durable; without pieces it is given at once.
    """

    raws: Sequence[bytes] = ()
    status: int = 200
    content: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Carrier(Protocol):
    """One configured connector to a carrier."""

    async def start(self, deliver: Deliver) -> None:
        """Connect and begin to receive callbacks; failing to connect is not an error here."""
        ...

    async def submit(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Hand messages over, in order, and report each one's outcome; return when all are told.

        Trouble is an outcome, never an exception. An outcome is `Uncertain` from the moment its
        bytes may have left until an answer says otherwise.
        """
        ...

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Turn one raw callback into what it says.

        Pure, and needs no `start`. Of a callback that says many things each is read alone: one
        that makes no sense becomes a `Refused` among the others, which count. What is read and of
        no use, such as a text from a short code or word of another channel, is a `SetAside`.
        Raises `CarrierTrouble`, and nothing else, when the bytes make no sense as a whole.
        """
        ...

    async def check(self) -> str:
        """Try the credentials without sending anything; return a sentence on what was seen.

        Raises `CarrierTrouble` that says what is wrong. Needs no `start`.
        """
        ...

    async def stop(self) -> None:
        """Answer what is under way, then disconnect; safe to call twice or before `start`."""
        ...


@runtime_checkable
class HearsCallbacks(Protocol):
    """A carrier whose receipts and replies come by HTTP."""

    def read_callback(self, request: CallbackRequest) -> CallbackAnswer:
        """Prove that the request comes from the carrier, then say what to store of it.

        Pure. The proof is over the raw bytes, in constant time, and comes before any reading; a
        request that fails it is answered 401 and nothing of it is stored.
        """
        ...


@runtime_checkable
class SharesConnections(Protocol):
    """A carrier that lets so many connections in, however many processes hand over to it."""

    def connections(self, part: ProcessIndex) -> int:
        """Return how many connections such a part of the connector keeps; at least one."""
        ...


@runtime_checkable
class ReadsMetadata(Protocol):
    """A carrier that may send something of what a customer has attached to a message."""

    @property
    def reads_metadata(self) -> bool:
        """Whether `submit` is to be given the messages' metadata."""
        ...


class CarrierKind(Protocol):
    """What an entry point of the group `sendrail.carriers` names: makes connectors of one kind.

    `Settings` says which settings there are, by a struct whose fields have types and defaults;
    those of type `Secret` are never shown again.
    """

    Settings: type[msgspec.Struct]

    def __call__(self, settings: Mapping[str, Any], context: ConnectorContext) -> Carrier:
        """Return a carrier with these settings.

        Raises `CarrierTrouble` that names the setting when one is missing or wrong.
        """
        ...


SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


def read_settings(kind: str, settings: Mapping[str, Any], into: type[SettingsT]) -> SettingsT:
    """Return a carrier's settings as its struct; `kind` names the carrier to whoever reads.

    Raises `CarrierTrouble` for a setting that is unknown, missing or wrong.
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

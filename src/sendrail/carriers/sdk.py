"""The door to carriers: what a carrier is given, and what it owes.

A carrier translates. It takes messages whose text is final and answers each with an `Outcome`; it
hands every callback it receives, raw, to `deliver`, and later turns such a callback into receipts
and replies. It knows nothing of queues, retries or storage. `conformance.py` is the specification;
every carrier runs it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from sendrail.domain.delivery import Outbound, Outcome
from sendrail.domain.receipt import Callback

# Called exactly once for each message given to `submit`, as its answer comes.
Report = Callable[[Outbound, Outcome], None]

# Stores raw callbacks; returns once they are durable, and only then may the carrier acknowledge
# them. Raises `StorageUnavailable` when they could not be kept: the carrier must offer them again.
Deliver = Callable[[Sequence[bytes]], Awaitable[None]]


class Carrier(Protocol):
    """One configured link to a carrier."""

    async def start(self, deliver: Deliver) -> None:
        """Connect and begin to receive callbacks; failing to connect is not an error here."""
        ...

    async def submit(self, messages: Sequence[Outbound], report: Report) -> None:
        """Hand messages over, in order, and report each one's outcome; return when all are told.

        Trouble is an outcome, never an exception. An outcome is `Uncertain` from the moment its
        bytes may have left until an answer says otherwise.
        """
        ...

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Turn one raw callback into what it says.

        Pure, and needs no `start`. Raises `CarrierTrouble` when the bytes make no sense; what it
        says of other things than messages is left out.
        """
        ...

    async def stop(self) -> None:
        """Answer what is under way, then disconnect; safe to call twice or before `start`."""
        ...


class CarrierKind(Protocol):
    """What an entry point of the group `sendrail.carriers` names: makes links of one kind."""

    def __call__(self, settings: Mapping[str, Any]) -> Carrier:
        """Return a carrier with these settings.

        Raises `CarrierTrouble` that names the setting when one is missing or wrong.
        """
        ...

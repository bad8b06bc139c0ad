"""The SMPP carrier: a connector of several binds, made from settings.

This file wires the parts together. A deliver_sm is parsed later, from the bytes in the inbox:
`parse` needs no connection.
"""

import random
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Final

from sendrail.carriers.sdk import ConnectorContext, Deliver, ProcessIndex, Report
from sendrail.carriers.smpp import pdu, receipts, settings
from sendrail.carriers.smpp.bind import Bind, Endpoint, probe
from sendrail.carriers.smpp.dispatch import Dispatcher, unavailable
from sendrail.carriers.smpp.session import Timing
from sendrail.carriers.smpp.text import SubmitComposer
from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.receipt import Callback

_VERSIONS: Final = {"3.4": 0x34, "5.0": 0x50}
_REFERENCES: Final = 0x10000
# The process has waited for answers before it stops the connector; this is for the last ones.
_STOP_SECONDS: Final = 10.0


class SmppCarrier:
    """One connector to an SMSC."""

    Settings = settings.Settings

    def __init__(self, chosen: Mapping[str, Any], context: ConnectorContext | None = None) -> None:
        context = context or ConnectorContext()
        self._name = context.name
        self._clock = context.clock
        self._part = context.part
        self._settings = settings.read(chosen)
        self._endpoint = _endpoint(self._settings)
        # Starts at random: parts sent before a restart may still be on their way to the same
        # handsets.
        self._composer = SubmitComposer(
            self._settings, first_reference=secrets.randbelow(_REFERENCES)
        )
        start = secrets.token_hex(6)
        self._unnamed = (f"unnamed-{start}-{each}" for each in count(1))
        self._dispatcher: Dispatcher | None = None
        self._binds: list[Bind] = []

    @property
    def reads_metadata(self) -> bool:
        """Whether the connector sends parameters that customers give with their messages."""
        return self._settings.extras.reads_metadata

    def connections(self, part: ProcessIndex) -> int:
        """Return how many binds the process with this index keeps."""
        return len(self._settings.roles(part))

    async def start(self, deliver: Deliver) -> None:
        """Begin to bind; messages submitted before the first bind is up wait for it."""
        if self._dispatcher is not None:
            return
        self._dispatcher = Dispatcher(
            self._settings.status_exceptions,
            self._unnamed.__next__,
            partial(receipts.same_form, settings=self._settings, receipted=False),
            self._clock,
            one_receipt=self._settings.receipts_per == "message",
        )
        self._binds = [
            Bind(
                self._name,
                role,
                self._endpoint,
                self._dispatcher,
                deliver,
                clock=self._clock,
                chance=random.Random(),  # noqa: S311 - it spreads reconnects, it keeps no secret
            )
            for role in self._settings.roles(self._part)
        ]
        self._dispatcher.senders = [bind for bind in self._binds if bind.role.submits]
        for bind in self._binds:
            bind.start()

    async def submit(self, messages: Sequence[OutboundMessage], report: Report) -> None:
        """Submit messages as the windows allow, and report each when its answer arrives."""
        if self._dispatcher is None:
            unavailable(messages, report, "the connector is not started")
            return
        await self._dispatcher.submit(messages, self._composer.bodies, report)

    def parse(self, raw: bytes) -> Sequence[Callback]:
        """Parse one deliver_sm into a receipt or a reply."""
        return [receipts.read(raw, self._settings)]

    async def check(self) -> str:
        """Bind and unbind, once for each kind of bind the connector keeps."""
        for role in dict.fromkeys(self._settings.roles()):
            seen = await probe(role, self._endpoint, self._clock)
        name = f"{seen.system_id!r}" if seen.system_id else "an SMSC without a name"
        version = f"{seen.version >> 4}.{seen.version & 0xF}"
        return (
            f"{self._endpoint} is {name}, speaks SMPP {version}, and let "
            f"{self._settings.system_id!r} in."
        )

    async def stop(self) -> None:
        """Wait for the answers to what has left, report the rest as unavailable, and unbind."""
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is None:
            return
        binds, self._binds = self._binds, []
        await dispatcher.close(min(_STOP_SECONDS, self._settings.response_timeout_seconds))
        for bind in binds:
            await bind.stop()
        dispatcher.end()


def _endpoint(chosen: settings.Settings) -> Endpoint:
    return Endpoint(
        host=chosen.host,
        port=chosen.port,
        tls=settings.tls_context(chosen),
        server_name=chosen.tls_server_name or chosen.host,
        bind=pdu.Bind(
            system_id=chosen.system_id,
            password=chosen.password,
            system_type=chosen.system_type,
            interface_version=_VERSIONS[chosen.interface_version],
            address_range=chosen.address_range,
        ),
        window=chosen.window,
        timing=Timing(answer=chosen.response_timeout_seconds, enquire=chosen.enquire_link_seconds),
        connect_seconds=chosen.connect_timeout_seconds,
    )

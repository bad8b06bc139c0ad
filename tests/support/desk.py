"""Whom a carrier talks to in a test: takes outcomes and callbacks, and keeps them in order."""

import asyncio
from contextlib import asynccontextmanager

from sendrail.domain.delivery import OutboundMessage
from sendrail.domain.errors import StorageUnavailable

LIST = 15559870000
PATIENCE = 60.0


class Desk:
    """Everything one carrier said."""

    def __init__(self, carrier):
        self.carrier = carrier
        self.said = []
        self.calls = []
        self.refusals = 0
        self.open = asyncio.Event()
        self.open.set()

    def report(self, message, outcome):
        self.said.append((message.message_id, outcome))

    async def deliver(self, raws):
        await self.open.wait()
        if self.refusals:
            self.refusals -= 1
            raise StorageUnavailable("not now")
        self.calls.append(list(raws))

    @property
    def outcomes(self):
        """The last word on each message."""
        return dict(self.said)

    @property
    def callbacks(self):
        return [told for call in self.calls for raw in call for told in self.carrier.parse(raw)]

    def all_of(self, kind):
        return [outcome for _, outcome in self.said if isinstance(outcome, kind)]

    async def submit(self, messages):
        await self.carrier.submit(messages, self.report)
        return [self.outcomes[message.message_id] for message in messages]


def message(at=0, to=None, body=None, sender=LIST):
    return OutboundMessage(
        message_id=f"m{at:07}",
        recipient=15552340000 + at if to is None else to,
        sender=sender,
        body=f"Number {at}" if body is None else body,
        encoding="gsm7",
        segments=1,
    )


def messages(count, **more):
    return [message(at, **more) for at in range(count)]


async def until(true):
    """Wait until this is true; what a peer does sets no event of ours."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(carrier):
    """Start a carrier and stop it at the end; nothing may break on the loop meanwhile."""
    broken = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: broken.append(what))
    desk = Desk(carrier)
    await carrier.start(desk.deliver)
    try:
        yield desk
    finally:
        desk.open.set()
        await carrier.stop()
    assert not broken

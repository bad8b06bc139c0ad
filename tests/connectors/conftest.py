"""An installation with a kind of carrier of somebody else's, run on a loop of its own."""

import asyncio

import pytest
from logged import logged_here
from pigeon import GIVEN, diary, pigeons

from sendrail.app import open_runtime
from sendrail.connectors.service import ConnectorCapacity
from sendrail.intake.orders import read_order
from sendrail.settings import load
from sendrail.workers import delivering

__all__ = ["pigeons"]

PUBLIC = "https://sms.example.com"


class Office:
    """The runtime of an installation; `serve` lets it deliver for as long as the test lasts."""

    def __init__(self, folder):
        self.folder = folder
        self.runner = asyncio.Runner()
        self._opened = []
        try:
            self.runtime = self.enter(self.open())
        except BaseException:
            self.runner.close()
            raise
        self.us = self.runtime.default_account
        there = {each.name: each.id for each in self.do(self.runtime.accounts.all())}
        self.them = there.get("them") or self.do(self.runtime.accounts.add("them"))
        self.connectors = self.runtime.connectors

    def open(self):
        settings = load(data_dir=self.folder, public_url=PUBLIC)
        return open_runtime(settings, serving=True)

    def enter(self, context):
        entered = self.do(context.__aenter__())
        self._opened.append(context)
        return entered

    def serve(self):
        self.enter(delivering(self.runtime, lambda: None))

    def close(self):
        while self._opened:
            self.do(self._opened.pop().__aexit__(None, None, None))
        self.runner.close()

    def do(self, work):
        return self.runner.run(work)

    def write(self, work):
        return self.do(self.runtime.store.write(work))

    def until(self, so):
        """Let the workers run until a coroutine function returns something true; return that."""

        async def wait():
            async with asyncio.timeout(60):
                while not (found := await so()):  # noqa: ASYNC110 - rows have no event
                    await asyncio.sleep(0.01)
                return found

        return self.do(wait())

    def until_state(self, name, state):
        """Wait until the server says so of a connector; return its words."""

        async def report():
            card = await self.connectors.find(self.us, name)
            return card.report if card.report.state == state else None

        return self.until(report)

    def until_done(self, *entries):
        """Wait until the diary of the pigeons ends with these entries."""

        async def there():
            return diary[-len(entries) :] == list(entries)

        self.until(there)

    def add(self, name="coop", kind="pigeon", *, own=False, **words):
        return self.do(
            self.connectors.add(self.us, kind, name, GIVEN | words, ConnectorCapacity(), own=own)
        )

    def send(self, to, sender, body="Hello"):
        order = read_order(to, sender, body, self.runtime.limits)
        [verdict] = self.do(self.runtime.intake.accept(self.us, [order]))
        return verdict

    def until_status(self, message_id, *statuses):
        async def there():
            found = await self.runtime.messages.find(self.us, message_id)
            return found if found.stored.status in statuses else None

        return self.until(there)


@pytest.fixture
def office(tmp_path, pigeons):  # noqa: ARG001 - they must be there before the office is
    office = Office(tmp_path / "data")
    yield office
    office.close()


@pytest.fixture
def logs():
    with logged_here() as captured:
        yield captured

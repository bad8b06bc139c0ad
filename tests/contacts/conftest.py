"""A fresh store with one account, another's account and a sandbox connector."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from stores import SqliteBackend
from written import parsed

from sendrail.campaigns.account_settings import (
    AccountSettings,
    AccountSettingsChange,
    AccountSettingsService,
)
from sendrail.contacts.audit import AuditService
from sendrail.contacts.blocks import BlockService
from sendrail.contacts.contacts import ContactService
from sendrail.contacts.erasure import ErasureService
from sendrail.contacts.files import FileService
from sendrail.contacts.imports import ImportOptions
from sendrail.contacts.journey_documents import JourneyDocuments
from sendrail.contacts.journeys import JourneyService
from sendrail.contacts.lists import ListService
from sendrail.contacts.replies import ReplyService
from sendrail.domain.audit import Actor
from sendrail.domain.ids import AccountId
from sendrail.intake.accounts import AccountService
from sendrail.storage.interface import Store

NOW = 1_800_000_000_000
ME = Actor(name="a test", request_id="request-1")


async def pieces(content: bytes, size: int = 777):
    """Yield a file as a connection brings it."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def whole(exported) -> bytes:
    """Return a file that is written out piece by piece."""
    return b"".join([piece async for piece in await exported])


@dataclass
class House:
    """The services over one store, each call run to its end, and a clock we set."""

    store: Store
    now: int = NOW
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    us: ClassVar = AccountId(1)
    them: ClassVar = AccountId(2)

    def __post_init__(self) -> None:
        clock: Callable[[], int] = lambda: self.now  # noqa: E731
        self.accounts = AccountService(self.store, clock)
        self.settings = AccountSettingsService(self.store, clock)
        self.lists = ListService(self.store, clock, 17_000)
        self.contacts = ContactService(self.store, clock)
        self.replies = ReplyService(self.store, lambda: self.now)
        self.blocks = BlockService(self.store, clock)
        self.journeys = JourneyService(self.store, clock)
        self.journey_documents = JourneyDocuments(self.store, clock)
        self.files = FileService(self.store, clock)
        self.erasure = ErasureService(self.store, clock)
        self.audit = AuditService(self.store)

    def import_contacts(self, number: str, content: bytes, **how: Any):
        """Bring a file into one of our lists, in pieces that end anywhere."""
        account = how.pop("account", self.us)
        return self.do(
            self.files.import_contacts(
                account, parsed(number), pieces(content), ImportOptions(**how), ME
            )
        )

    def import_blocks(self, content: bytes, *, note: str = "", **how: Any):
        """Bring a file into our block list."""
        options = ImportOptions(**how)
        return self.do(self.files.import_blocks(self.us, pieces(content), options, ME, note=note))

    def export_contacts(self, number: str, **wanted: Any) -> bytes:
        """Return one of our lists as a file."""
        account = wanted.pop("account", self.us)
        return self.do(whole(self.files.export_contacts(account, parsed(number), ME, **wanted)))

    def export_blocks(self) -> bytes:
        """Return our block list as a file."""
        return self.do(whole(self.files.export_blocks(self.us, ME)))

    def change(self, account_id: AccountId, actor: Actor = ME, **settings: Any) -> AccountSettings:
        """Change what is given of an account's settings; return them all."""
        return self.do(self.settings.change(account_id, AccountSettingsChange(**settings), actor))

    def add_theirs(self, number: str) -> None:
        """Let the other account have a list with a number, also ours: on a connector of its own."""
        self.write(lambda tx: tx.connectors.add(self.them, "theirs", "simulator", b"", 100, None))
        self.do(self.lists.add(self.them, parsed(number), connector="theirs"))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def write(self, work: Callable[[Any], Any]) -> Any:
        return self.do(self.store.write(work))

    def close(self) -> None:
        self.do(self.store.close())
        self.runner.close()


@pytest.fixture
def backend(tmp_path: Path) -> SqliteBackend:
    """Where the store is; a test of every database there is has one of its own."""
    return SqliteBackend(tmp_path)


@pytest.fixture
def house(backend: Any) -> Iterator[House]:
    house = House(backend.open())
    house.do(house.accounts.add("us"))
    house.do(house.accounts.add("them"))
    house.write(lambda tx: tx.connectors.add(None, "sandbox", "simulator", b"", 100, None))
    yield house
    house.close()
    backend.close()

"""A fresh embedded store with one account, another's account and a sandbox link."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import create_engine

from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.ids import AccountId
from sendrail.marketing.blocks import BlockService
from sendrail.marketing.contacts import ContactService
from sendrail.marketing.journeys import JourneyService
from sendrail.marketing.lists import ListService
from sendrail.marketing.replies import ReplyService
from sendrail.sending.accounts import AccountService
from sendrail.storage.sqlite import SqliteStore
from sendrail.storage.tables import metadata

NOW = 1_800_000_000_000


@dataclass
class House:
    """The services over one store, each call run to its end, and a clock we set."""

    store: SqliteStore
    now: int = NOW
    us: ClassVar = AccountId(1)
    them: ClassVar = AccountId(2)

    def __post_init__(self) -> None:
        clock: Callable[[], int] = lambda: self.now  # noqa: E731
        self.accounts = AccountService(self.store, clock)
        self.lists = ListService(self.store, clock, 17_000)
        self.contacts = ContactService(self.store, clock)
        self.replies = ReplyService(self.store)
        self.blocks = BlockService(self.store, clock)
        self.journeys = JourneyService(self.store, clock)

    @staticmethod
    def do(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(work)

    def write(self, work: Callable[[Any], Any]) -> Any:
        return asyncio.run(self.store.write(work))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    path = tmp_path / "sendrail.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    house = House(SqliteStore(path, Pseudonyms(b"a test")))
    house.do(house.accounts.add("us"))
    house.do(house.accounts.add("them"))
    house.write(lambda tx: tx.links.add(None, "sandbox", "simulator", b"", 100, None))
    yield house
    asyncio.run(house.store.close())

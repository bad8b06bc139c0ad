"""Chores where several processes share a database: one does them, and all heed what it counted."""

import asyncio
from types import SimpleNamespace

import pytest
from shares import share_of
from stores import NOW, House, PostgresBackend

from sendrail.delivery.rescuer import Rescuer
from sendrail.domain.ids import MessageIds
from sendrail.maintenance import Maintenance
from sendrail.ownership import WholeOwnership
from sendrail.settings import Settings
from sendrail.telemetry import Metrics


@pytest.fixture
def house(tmp_path):
    house = House(PostgresBackend(tmp_path))
    yield house
    house.close()


def maintenance(house, *, is_ours):
    intake = SimpleNamespace(full_accounts=frozenset(), closed=None)
    metrics = Metrics()
    rescuer = Rescuer(
        house.store, WholeOwnership(), MessageIds(bytes(16)), metrics, expire_after_ms=1
    )
    chores = Maintenance(
        house.store, intake, rescuer, metrics, Settings(queue_depth_max=2), now=lambda: NOW,
        is_shared=True, ownership=share_of(*[0] * is_ours),
    )  # fmt: skip
    return chores, intake


class EndOfRound(asyncio.Event):
    """A hint that ends who waits for it: its own worker only, whatever else runs here."""

    async def wait(self):
        raise asyncio.CancelledError


def round_of(house, chores):
    """Let it do its chores until it would rest."""
    chores._rounds._hint = EndOfRound()
    with pytest.raises(asyncio.CancelledError):
        house.do(chores.run())


def test_one_counts_and_every_process_turns_a_full_account_away(house):
    house.queue(1, 2, 3)
    counting, _ = maintenance(house, is_ours=True)
    heeding, intake = maintenance(house, is_ours=False)
    round_of(house, heeding)
    assert intake.full_accounts == frozenset()
    round_of(house, counting)
    round_of(house, heeding)
    assert intake.full_accounts == {house.us}
    house.start_attempts(1, 2)
    counting, _ = maintenance(house, is_ours=True)
    round_of(house, counting)
    round_of(house, heeding)
    assert intake.full_accounts == frozenset()


def test_what_is_uncertain_expires_while_nothing_is_written_and_else_nothing_is_asked(house):
    chores, _ = maintenance(house, is_ours=True)
    house.store.hints.is_watched = True
    asked = []

    async def expire(now):
        asked.append(now)

    chores._rescuer = SimpleNamespace(expire=expire, has_uncertain=True)
    # The first does every chore; after it nothing was written.
    for _ in range(3):
        round_of(house, chores)
    assert asked == [NOW] * 3
    chores._rescuer.has_uncertain = False
    round_of(house, chores)
    assert asked == [NOW] * 3
    house.store.hints.changed(elsewhere=True)
    round_of(house, chores)
    assert asked == [NOW] * 4

"""When a key was last used is known to the minute, and no request writes it."""

from types import SimpleNamespace

import pytest

from sendrail.domain.account import key_digest
from sendrail.maintenance import Maintenance
from sendrail.ownership import WholeOwnership
from sendrail.settings import Settings


@pytest.fixture
def key(door):
    made = door.do(door.runtime.accounts.create_key(door.us, "used"))

    def last_used_at():
        keys = door.do(door.runtime.accounts.keys(door.us))
        return next(each.last_used_at for each in keys if each.id == made.record.id)

    return SimpleNamespace(text=made.key, last_used_at=last_used_at)


@pytest.mark.parametrize("way", ["a look", "a send", "a batch"])
def test_a_use_is_known_once_it_is_written_down(door, key, way):
    assert key.last_used_at() is None
    before = door.runtime.clock.now()
    if way == "a look":
        answer = door.get("lists", x_api_key=key.text)
    elif way == "a send":
        answer = door.post("send-raw", door.order(), x_api_key=key.text)
    else:
        answer = door.post("send/bulk", {"messages": [door.order()]}, x_api_key=key.text)
    assert answer.status_code == 200
    chores = maintenance(door, door.runtime.clock.now)
    door.do(chores.note_used_keys())
    assert before <= key.last_used_at() <= door.runtime.clock.now()


def test_a_key_that_is_none_is_not_remembered(door):
    assert door.get("lists", x_api_key="trk_" + "y" * 32).status_code == 401
    assert door.post("send-raw", door.order(), x_api_key="trk_" + "y" * 32).status_code == 401
    assert key_digest("trk_" + "y" * 32) not in door.runtime.store.hints.used_keys


def test_uses_are_written_down_once_a_minute_and_not_without_any(door):
    now, written = [1_000_000], []

    async def write(_):
        written.append(now[0])

    hints = SimpleNamespace(used_keys=set())
    chores = maintenance(door, lambda: now[0], SimpleNamespace(hints=hints, write=write))
    for used, seconds in ((False, 5), (True, 5), (True, 59), (True, 1), (False, 90), (True, 1)):
        if used:
            hints.used_keys.add(b"digest")
        door.do(chores.note_used_keys())
        now[0] += seconds * 1_000
    # At once; not 5 s nor 59 s after it, but when a minute is over; and then what is new.
    assert written == [1_005_000, 1_069_000, 1_160_000]


def maintenance(door, now, store=None):
    store = store or door.runtime.store
    return Maintenance(
        store, None, None, door.runtime.metrics, Settings(), now=now, ownership=WholeOwnership()
    )

"""Tabs that ask again share one look at their sessions, and follow what changes within seconds."""

import asyncio

import pytest

from sendrail.people.live_sessions import KEPT_SECONDS, LiveSessions
from sendrail.people.tokens import digest_of


class Rows:
    """What there is, and what was looked up."""

    def __init__(self):
        self.now, self.there, self.looks = 0.0, {}, []
        self.live = LiveSessions(self.find_all, lambda: self.now)

    async def find_all(self, digests):
        self.looks.append(sorted(digests))
        found = {each: self.there[each] for each in digests if each in self.there}
        await asyncio.sleep(0)
        return found


def test_all_tabs_are_looked_up_at_once():
    async def run():
        rows = Rows()
        rows.there = {bytes([at]): f"user {at}" for at in range(50)}
        for digest in rows.there:
            await rows.live.find(digest)
        assert rows.looks == [[each] for each in rows.there]
        rows.looks.clear()
        for _ in range(3):
            rows.now += KEPT_SECONDS
            found = await asyncio.gather(*(rows.live.find(each) for each in rows.there))
            assert found == list(rows.there.values())
        assert rows.looks == [sorted(rows.there)] * 3

    asyncio.run(run())


def test_what_has_ended_or_changed_is_noticed():
    async def run():
        rows = Rows()
        rows.there = {b"a": "Ana", b"b": "Ben"}
        assert [await rows.live.find(each) for each in (b"a", b"b")] == ["Ana", "Ben"]
        rows.there = {b"b": "Ben, viewer"}
        rows.now += KEPT_SECONDS - 0.01
        assert await rows.live.find(b"a") == "Ana"
        rows.now += 0.01
        assert [await rows.live.find(each) for each in (b"a", b"b")] == [None, "Ben, viewer"]
        rows.there = {}
        rows.live.forget()
        assert await rows.live.find(b"b") is None

    asyncio.run(run())


def test_what_is_not_there_is_not_kept():
    """Anybody can ask with tokens of their own making; they cost each its own look alone."""

    async def run():
        rows = Rows()
        rows.there = {b"a": "Ana"}
        await rows.live.find(b"a")
        for at in range(3):
            assert await rows.live.find(bytes([at])) is None
        rows.now += KEPT_SECONDS
        await rows.live.find(b"a")
        assert rows.looks == [[b"a"], [b"\0"], [b"\1"], [b"\2"], [b"a"]]

    asyncio.run(run())


def test_a_tab_that_asks_no_more_is_forgotten():
    async def run():
        rows = Rows()
        rows.there = {b"a": "Ana", b"b": "Ben"}
        for digest in rows.there:
            await rows.live.find(digest)
        for _ in range(40):
            rows.now += KEPT_SECONDS
            await rows.live.find(b"b")
        assert rows.looks[-1] == [b"b"]

    asyncio.run(run())


def test_a_look_that_began_before_a_change_is_not_kept():
    async def run():
        rows = Rows()
        rows.there = {b"a": "Ana"}
        await rows.live.find(b"a")
        rows.now += KEPT_SECONDS
        looking = asyncio.ensure_future(rows.live.find(b"a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rows.there = {}
        rows.live.forget()
        await looking
        assert await rows.live.find(b"a") is None

    asyncio.run(run())


def test_a_look_that_fails_is_repeated():
    async def run():
        rows = Rows()
        rows.there = {b"a": "Ana"}
        await rows.live.find(b"a")
        rows.now += KEPT_SECONDS
        rows.live._find_all = fail
        for _ in range(2):
            with pytest.raises(ValueError, match="it fails"):
                await rows.live.find(b"a")
        rows.live._find_all = rows.find_all
        assert await rows.live.find(b"a") == "Ana"

    async def fail(_):
        raise ValueError("it fails")

    asyncio.run(run())


def test_a_session_is_found_as_any_request_finds_it(house):
    """The same user, until the session ends: here at once, elsewhere seconds later."""
    house.join("ana@example.com")
    token, other = (house.sign_in("ana@example.com") for _ in range(2))

    def live():
        return house.do(house.signing_in.find_live(token))

    assert live() == house.who(token)
    who = house.who(other)
    house.do(house.signing_in.end_others(who))
    assert live() is None
    token = house.sign_in("ana@example.com")
    assert live().user == who.user
    ended = digest_of(token)
    session = house.do(
        house.store.read(lambda tx: tx.sessions.find([ended], created_after=0, used_after=0))
    )[ended]
    # As the command line ends one, in a process of its own.
    house.do(house.store.write(lambda tx: tx.sessions.end(who.user.id, session.id)))
    assert live() is not None
    house.seconds += KEPT_SECONDS
    assert live() is None

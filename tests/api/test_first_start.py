"""Processes that start for the first time at once, on one empty database."""

import asyncio
from contextlib import AsyncExitStack

import postgres
from stores import patient_stores

from sendrail.api.server import announce_server
from sendrail.app import open_runtime
from sendrail.settings import load


async def start_all(url, folder, count):
    """Start so many processes up to the moment at which they tell; return the keys they told."""
    keys, ready = [], asyncio.Barrier(count)

    async def start(at, stack):
        given = {"data_dir": folder / str(at), "database_url": url, "master_key": "ab" * 32}
        runtime = await stack.enter_async_context(open_runtime(load({}, **given), serving=True))
        await ready.wait()
        await announce_server("http://here", runtime, lambda told: keys.append(told.api_key))

    async with AsyncExitStack() as stack:
        with patient_stores():
            await asyncio.gather(*(start(at, stack) for at in range(count)))
    return keys


def test_one_of_them_makes_the_account_and_tells_a_key(tmp_path):
    with postgres.database() as url:
        keys = asyncio.run(start_all(url, tmp_path, 3))
        assert len(keys) == 3
        assert len([key for key in keys if key is not None]) == 1
        accounts = postgres.do(url, "SELECT name FROM accounts")
        assert [tuple(row) for row in accounts] == [("default",)]
        known = postgres.do(url, "SELECT name, revoked_at FROM api_keys")
        assert [tuple(row) for row in known] == [("first key", None)]

"""A stop that is asked for: what was begun is finished, and nobody is left in doubt."""

import asyncio
import dataclasses
import random
import time

import pytest

from sendrail.app import open_runtime
from sendrail.delivery.worker import Worker
from sendrail.domain.errors import SetupError
from sendrail.intake.orders import read_order
from sendrail.ownership import take_whole
from sendrail.sandbox import sandbox_number
from sendrail.settings import load as load_settings
from sendrail.workers import delivering

from .audit import check_database, rows, rung
from .load import Load
from .serve import AGES_SECONDS, BUSY, answer_after, wait_until

# Far longer than a stop takes that waits for nothing.
DRAIN_SECONDS = 60


def test_term_under_load_answers_what_was_asked_and_leaves_nothing_open(
    make_server, handset_log, seed
):
    chance = random.Random(seed)
    socket, log = handset_log
    server = make_server(simulator_handsets=socket, drain_seconds=DRAIN_SECONDS)
    told: dict[str, str] = {}
    for turn in range(3):
        server.start()
        with Load(server, [server.list_number], seed, prefix=f"+144{turn}") as load:
            wait_until(lambda load=load: len(load.told) > 100, 10, "the load has begun")
            time.sleep(chance.uniform(0.0, 0.6))
            began = time.monotonic()
            assert server.stop(DRAIN_SECONDS) == 0
            assert time.monotonic() - began < DRAIN_SECONDS
            load.give_up()
        assert len(load.told) > 100
        told |= load.told
        check_database(server)
        # Accepted and answered are the same thing, and nothing is in doubt.
        stored = {f"+{to}" for (to,) in rows(server, "SELECT recipient FROM messages")}
        assert stored ^ set(told) == set()
        assert rows(server, "SELECT count(*) FROM messages WHERE status = 'uncertain'") == [(0,)]
    assert set(rung(log).values()) == {1}


def test_a_stop_waits_no_longer_than_it_may(server):
    server.settings["drain_seconds"] = 1
    server.start()
    answer_after(server, AGES_SECONDS)
    slow = {"to": "+15550100001", "list_number": server.list_number, "body": "slow"}
    server.client().post("/api/v2/send-raw", slow)
    is_sending = "SELECT count(*) FROM messages WHERE status = 'sending'"
    wait_until(lambda: rows(server, is_sending) == [(1,)], 5, "it is handed over")
    # Else it were ended by force.
    assert server.stop(5) == 0
    # Nobody knows whether it left, and that is what is said of it.
    assert rows(server, "SELECT status FROM messages") == [("uncertain",)]


def test_a_claim_that_commits_during_the_stop_is_handed_over_too(tmp_path):
    settings = load_settings(environment={}, data_dir=tmp_path / "data")

    async def stop_amidst_a_claim() -> list[tuple[str, int]]:
        async with open_runtime(settings, serving=True) as runtime:
            beside = runtime.store.beside
            claiming = asyncio.Event()

            def with_late_claims():
                stage = beside()
                write = stage.write

                async def late(work):
                    if getattr(work, "__qualname__", "").startswith(Worker._claim.__qualname__):
                        claiming.set()
                        await asyncio.sleep(0.1)
                    return await write(work)

                stage.write = late
                return stage

            runtime.store.beside = with_late_claims
            async with delivering(runtime, lambda: None):
                order = read_order("+14440000001", sandbox_number(), "hi", runtime.limits)
                await runtime.intake.accept(runtime.default_account, [order])
                await claiming.wait()
            return await runtime.store.read(
                lambda tx: [(row.status.value, row.attempt) for row in tx.lookup.after(1, 0, 10)]
            )

    # Its receipt may have come before the end.
    assert asyncio.run(stop_amidst_a_claim()) in ([("sent", 1)], [("delivered", 1)])


def test_a_server_that_can_no_longer_deliver_ends_and_says_why(server):
    server.start()
    client = server.client()
    order = {"to": "+14440000001", "list_number": server.list_number, "body": "hi"}

    async def take_over() -> None:
        async with open_runtime(load_settings(environment={}, data_dir=server.data)) as runtime:
            await runtime.store.write(lambda tx: take_whole(tx, "somebody else", 0))

    asyncio.run(take_over())
    assert client.post("/api/v2/send-raw", order).status == 200
    assert server.process.wait(10 * BUSY) == 1
    said = server.said.read_text()
    assert "taken over the delivery" in said
    assert "Traceback" not in said


class _EndsAtOnce:
    """Stands for a worker that returns though nobody stopped it."""

    async def refresh(self):
        pass

    async def run(self):
        pass


def test_a_worker_that_ends_without_an_error_is_a_failure_and_not_a_stop(tmp_path):
    settings = load_settings(environment={}, data_dir=tmp_path / "data")

    async def serve():
        async with open_runtime(settings, serving=True) as runtime:
            tracking = dataclasses.replace(runtime.tracking, hosts=_EndsAtOnce())
            broken = asyncio.Event()
            working = dataclasses.replace(runtime, tracking=tracking)
            async with delivering(working, broken.set), asyncio.timeout(60):
                await broken.wait()

    with pytest.raises(SetupError, match="_EndsAtOnce ended without an error"):
        asyncio.run(serve())

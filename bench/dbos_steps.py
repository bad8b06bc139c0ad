"""Workflows of three steps that do nothing, by DBOS Transact; prints steps a second as JSON.

Run by `journeys_dbos.py` with a Python that has `dbos`. A step costs its checkpoint and nothing
else: no text, no check, no message.
"""

import argparse
import asyncio
import json
import time

from dbos import DBOS, DBOSConfig

AT_ONCE = 64
STEPS = 3


@DBOS.step()
async def step(number: int) -> int:
    return number


@DBOS.workflow()
async def workflow() -> int:
    return sum([await step(number) for number in range(STEPS)])


async def run(workflows: int) -> float:
    """Return the seconds that so many workflows took, `AT_ONCE` of them together."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            assert await workflow() == sum(range(STEPS))

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(workflows)))
    return time.perf_counter() - began


def main(url: str, workflows: int) -> None:
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    before = time.process_time()
    seconds = asyncio.run(run(workflows))
    spent = (time.process_time() - before) / (workflows + AT_ONCE) / STEPS
    DBOS.destroy()
    print(json.dumps({"steps_per_second": workflows * STEPS / seconds, "cpu_ms": spent * 1e3}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="of the database for the checkpoints")
    parser.add_argument("workflows", type=int, help="run so many")
    given = parser.parse_args()
    main(given.url, given.workflows)

"""The dashboard: what its pages weigh, how long one takes, and what open tabs cost.

    python bench/dashboard.py [--messages 100000]

Everything is in this process, without a socket: the figures are of the rendering and the database.
"""

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from dashboard_site import Site

from sendrail.domain.user import Role
from sendrail.intake.orders import read_order

PAGES = ("/", "/?period=week", "/messages", "/send", "/lists", "/sandbox", "/keys", "/you")
FILES = ("/static/tokens.css", "/static/app.css", "/static/ours.css", "/static/app.js")
LIST = "+15557300001"
ROUNDS = 60
BATCH = 500
TABS, EVERY_SECONDS, SECONDS = 100, 5, 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000, help="messages of the account")
    wanted = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        try:
            measure(site, wanted)
        finally:
            site.close()


def measure(site, wanted):
    from written import parsed

    site.do(site.runtime.lists.add(site.us, parsed(LIST), name="News", connector="sandbox"))
    browser = site.signed_in("bench@example.com", Role.OWNER)
    fill(site, wanted)
    files = sum(len(gzip.compress(browser.get(path).content)) for path in FILES)
    print(f"{wanted:,} messages; the files of every page: {files / 1024:.1f} KiB compressed\n")
    print(f"{'page':16} {'KiB':>7} {'gzip':>7} {'first load':>11} {'median ms':>10} {'p99 ms':>8}")
    for path in PAGES:
        body = browser.page(path).encode()
        packed = len(gzip.compress(body))
        taken = sorted(timed(browser, path) for _ in range(ROUNDS))
        median, p99 = statistics.median(taken), taken[-1]
        print(
            f"{path:16} {len(body) / 1024:7.1f} {packed / 1024:7.1f} "
            f"{(packed + files) / 1024:11.1f} {median:10.2f} {p99:8.2f}"
        )
    client = tabs(browser, FILES[0])
    print(
        f"\n{TABS} tabs on the overview: {tabs(browser, '/') - client:.1f} % of a core, beside "
        f"{client:.1f} % of the client here"
    )


def fill(site, wanted):
    async def send():
        for start in range(0, wanted, BATCH):
            orders = [
                read_order(f"+1556{at:07d}", LIST, f"Hello {at}", site.runtime.limits)
                for at in range(start, min(wanted, start + BATCH))
            ]
            await site.runtime.intake.accept(site.us, orders)

    site.do(send())


def tabs(browser, path):
    """Return what many tabs take, each asking for its live part every few seconds."""
    start, taken = time.perf_counter(), time.process_time()
    for turn in range(SECONDS * TABS // EVERY_SECONDS):
        timed(browser, path, headers={"x-part": "live"})
        due = start + (turn + 1) * EVERY_SECONDS / TABS
        time.sleep(max(0.0, due - time.perf_counter()))
    return 100 * (time.process_time() - taken) / (time.perf_counter() - start)


def timed(browser, path, **more):
    begun = time.perf_counter()
    answer = browser.get(path, **more)
    assert answer.status_code == 200, path
    return (time.perf_counter() - begun) * 1_000


if __name__ == "__main__":
    main()

"""The dashboard: what its pages weigh, and what one takes.

    python bench/dashboard.py [--messages 100000]

Everything is in this process, without a socket, and in processor time, of which the least says most
on a busy machine: of a page with its database and the client here, and of its rendering alone.
"""

import argparse
import gzip
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from dashboard_site import Site

from sendrail.dashboard import asking
from sendrail.domain.user import Role
from sendrail.intake.orders import read_order

PAGES = ("/", "/?period=week", "/messages", "/send", "/lists", "/sandbox", "/keys", "/you")
FILES = ("/static/tokens.css", "/static/app.css", "/static/ours.css", "/static/app.js")
LIST = "+15557300001"
ROUNDS = 60
BATCH = 500


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
    renderings = watched_renderings()
    print(f"{'page':16} {'KiB':>7} {'gzip':>7} {'first load':>11} {'page, ms':>9} {'rendered':>9}")
    for path in PAGES:
        body = browser.page(path).encode()
        packed = len(gzip.compress(body))
        renderings.clear()
        least = min(timed(browser, path) for _ in range(ROUNDS))
        print(
            f"{path:16} {len(body) / 1024:7.1f} {packed / 1024:7.1f} "
            f"{(packed + files) / 1024:11.1f} {least:9.2f} {min(renderings):9.2f}"
        )


def watched_renderings():
    """Return a list that gets the processor time of each rendering from now on, in ms."""
    taken, render = [], asking.render

    def watched(*values, **more):
        begun = time.process_time()
        try:
            return render(*values, **more)
        finally:
            taken.append((time.process_time() - begun) * 1_000)

    asking.render = watched
    return taken


def fill(site, wanted):
    async def send():
        for start in range(0, wanted, BATCH):
            orders = [
                read_order(f"+1556{at:07d}", LIST, f"Hello {at}", site.runtime.limits)
                for at in range(start, min(wanted, start + BATCH))
            ]
            await site.runtime.intake.accept(site.us, orders)

    site.do(send())


def timed(browser, path, **more):
    begun = time.process_time()
    answer = browser.get(path, **more)
    assert answer.status_code == 200, path
    return (time.process_time() - begun) * 1_000


if __name__ == "__main__":
    main()

"""A stop does not wait for the tabs of a dashboard that are open, and loses nothing beside them."""

import re
import threading
import time

import httpx

from .audit import check_database, rows
from .load import Load
from .serve import BUSY, wait_until

TABS = 100
# A third of it is what answers that never end would be waited for.
DRAIN_SECONDS = 180
ANA = {"email": "ana@example.com", "password": "correct horse"}
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


def signed_in(told):
    """Make the first owner; return the cookies of a session of theirs."""
    with httpx.Client(base_url=told["url"], timeout=30 * BUSY, verify=False) as browser:
        for place, fields in ((told["join_link"], {"name": "Ana"}), ("/dashboard/sign-in", {})):
            token = _TOKEN.search(browser.get(place).text)[1]
            answer = browser.post(place, data={"form_token": token} | ANA | fields)
            assert answer.status_code == 303
        return dict(browser.cookies)


class Tabs:
    """Tabs on the overview, each with a connection of its own that it keeps."""

    def __init__(self, url, cookies):
        self.answered, self.broken = [0] * TABS, 0
        self._open = [
            # Without TLS; each would load its certificates, which takes as long as all it asks.
            httpx.Client(base_url=url, cookies=cookies, timeout=30 * BUSY, verify=False)
            for _ in range(TABS)
        ]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._ask_always)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()
        for each in self._open:
            each.close()

    def _ask_always(self):
        while not self._ending.is_set():
            for at, tab in enumerate(self._open):
                try:
                    answer = tab.get("/dashboard/", headers={"x-part": "live"})
                except httpx.HTTPError:
                    # The server has stopped.
                    self.broken += 1
                    return
                assert answer.status_code == 200
                self.answered[at] += 1


def test_a_stop_waits_for_no_tab(make_server, seed):
    server = make_server(drain_seconds=DRAIN_SECONDS)
    told = server.start()
    cookies = signed_in(told)
    with (
        Load(server, [server.list_number], seed) as load,
        Tabs(told["url"], cookies) as tabs,
    ):
        wait_until(lambda: all(tabs.answered) and len(load.told) > 100, 30, "all tabs are open")
        began = time.monotonic()
        # By itself, and long before what hangs would have been waited for.
        assert server.stop(DRAIN_SECONDS / BUSY) == 0, server.said.read_text()
        assert time.monotonic() - began < DRAIN_SECONDS / 3
        load.give_up()
    assert tabs.broken
    assert len(load.told) > 100
    check_database(server)
    stored = {f"+{to}" for (to,) in rows(server, "SELECT recipient FROM messages")}
    assert stored ^ set(load.told) == set()

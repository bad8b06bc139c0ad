"""What open tabs of the dashboard cost, and what callers of the API notice of them.

A server as it runs, with delivery, and 100 tabs on the overview: keep-alive connections that ask
for its live part every five seconds, or after as long as the server says that it stays the same,
as the page's script does for a page that is seen, with the mark of what they have. The share of a
core is the server's processor time with tabs less without, by turns, while messages trickle in so
that what the tabs show changes. Then an open loop of single messages beside the tabs and without,
by turns.
"""

import argparse
import heapq
import json
import os
import random
import re
import socket
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import kit
import on_postgres
from kit import Figure, Section

METHOD = """
{options.tabs} tabs of {sessions} sessions on the overview, each asking every {every:g} s, or once
there may be another answer. Processor time of the server, {options.runs} pairs of
{options.seconds:g} s with tabs and without, while {trickle:g} messages a second are accepted and
delivered. Latency: an open loop of {options.rate} messages a second, {options.runs} pairs of
{options.seconds:g} s by turns.
"""
EVERY = 5.0
# The script adds up to so much where the server says when to ask.
SPREAD = 2.0
SESSIONS = 10
TRICKLE = 2.0
SHARE_MAX, P99_MAX = 2.0, 1.2
EMAIL, PASSWORD = "bench@example.com", "correct horse"
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AFTER = re.compile(rb"\r\nx-ask-after: *(\d+)", re.IGNORECASE)
_MARK = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)


# --- browsers -----------------------------------------------------------------------------------


class Visitor:
    """A browser without pictures: it keeps cookies and sends forms."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._jar = CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar)).open

    def form(self, place: str, **fields: str) -> None:
        """Load the page of a form, fill it and send it."""
        with self._open(self._url + place) as page:
            token = _TOKEN.search(page.read().decode())
        assert token is not None, place
        body = urlencode({"form_token": token[1], **fields}).encode()
        self._open(self._url + place, body).close()

    def cookie(self) -> str:
        return "; ".join(f"{each.name}={each.value}" for each in self._jar)


def sign_in(server: kit.Server, sessions: int) -> list[str]:
    """Make the first owner, and return the cookies of as many sessions of theirs."""
    join = server.ready["join_link"].removeprefix(server.url)
    Visitor(server.url).form(join, email=EMAIL, name="Bench", password=PASSWORD)
    cookies = []
    for _ in range(sessions):
        visitor = Visitor(server.url)
        visitor.form("/dashboard/sign-in", email=EMAIL, password=PASSWORD)
        cookies.append(visitor.cookie())
    return cookies


class Tab:
    """One connection, which asks for the live part of the overview."""

    def __init__(self, url: str, cookie: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._head = (
            f"GET /dashboard/ HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n"
            "X-Part: live\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
            "Accept-Language: en-GB,en;q=0.9\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
            "Sec-Fetch-Site: same-origin\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
            f"AppleWebKit/537.36 Chrome/150.0.0.0\r\nReferer: {url}/dashboard/\r\n"
        ).encode()
        self._mark = b""
        self.wait = EVERY

    def ask(self) -> int:
        """Ask once; return the status, and keep the mark of what was answered."""
        known = b"If-None-Match: " + self._mark + b"\r\n" if self._mark else b""
        self._socket.sendall(self._head + known + b"\r\n")
        read = b""
        while b"\r\n\r\n" not in read:
            read += self._piece()
        head, _, body = read.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if mark := _MARK.search(head):
            self._mark = mark[1]
        after = _AFTER.search(head)
        self.wait = EVERY
        if after and int(after[1]) > EVERY:
            self.wait = int(after[1]) + random.uniform(0, SPREAD)
        length = _LENGTH.search(head)
        left = 0 if status == 304 or length is None else int(length[1]) - len(body)
        while left > 0:
            left -= len(self._piece())
        return status

    def _piece(self) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise ConnectionError("the server has closed a tab's connection")
        return piece

    def close(self) -> None:
        self._socket.close()


@dataclass(slots=True)
class OpenTabs:
    """Tabs that ask when each is due until they are closed, at first spread evenly."""

    tabs: Sequence[Tab]
    statuses: Counter[int] = field(default_factory=Counter)
    _closing: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        begun, step = time.monotonic(), EVERY / len(self.tabs)
        due = [(begun + at * step, at) for at in range(len(self.tabs))]
        while not self._closing.wait(max(0.0, due[0][0] - time.monotonic())):
            at, turn = due[0]
            tab = self.tabs[turn]
            self.statuses[tab.ask()] += 1
            heapq.heapreplace(due, (at + tab.wait, turn))

    def close(self) -> None:
        self._closing.set()


@contextmanager
def open_tabs(server: kit.Server, cookies: Sequence[str], count: int) -> Iterator[OpenTabs]:
    with ExitStack() as stack:
        tabs = [Tab(server.url, cookies[at % len(cookies)]) for at in range(count)]
        for each in tabs:
            stack.callback(each.close)
        found = OpenTabs(tabs)
        thread = threading.Thread(target=found.run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(found.close)
        yield found


# --- what is measured ---------------------------------------------------------------------------


@contextmanager
def trickle(server: kit.Server, ours: kit.Sendrail) -> Iterator[None]:
    """Let a few messages a second be accepted."""
    closing = threading.Event()

    def run() -> None:
        at = 0
        while not closing.wait(1 / TRICKLE):
            at += 1
            order = {"to": f"+1556{at:07d}", "list_number": ours.list_number, "body": f"Hello {at}"}
            headers = {"x-api-key": ours.key, "content-type": "application/json"}
            url, body = f"{server.url}/api/v2/send-raw", json.dumps(order).encode()
            urllib.request.urlopen(urllib.request.Request(url, body, headers)).close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=10)
    options.add_argument("--tabs", type=int, default=100, help="open tabs (100)")
    options.add_argument("--rate", type=int, default=200, help="messages a second beside (200)")
    options.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    return options


def measure(options: argparse.Namespace) -> Section:
    more = {"sessions": SESSIONS, "every": EVERY, "trickle": TRICKLE}
    section = Section("Open tabs", METHOD.format(options=options, **more))
    measure_on(embedded(options), "SQLite", options, section)
    if options.postgres:
        measure_on(clustered(options), "PostgreSQL", options, section)
    return section


Served = AbstractContextManager[tuple[kit.Sendrail, kit.Server]]


@contextmanager
def embedded(options: argparse.Namespace) -> Iterator[tuple[kit.Sendrail, kit.Server]]:
    with kit.sendrail(options.command) as ours, ours.serve() as server:
        yield ours, server


@contextmanager
def clustered(options: argparse.Namespace) -> Iterator[tuple[kit.Sendrail, kit.Server]]:
    with on_postgres.postgres() as database, database.database() as name:
        settings = {"SENDRAIL_DATABASE_URL": database.url(name)}
        with kit.sendrail(options.command) as ours, ours.serve(**settings) as server:
            yield ours, server


def measure_on(served: Served, where: str, options: argparse.Namespace, section: Section) -> None:
    with served as (ours, server):
        cookies = sign_in(server, SESSIONS)
        shares, answers = share_of_a_core(ours, server, cookies, options)
        without, beside = latencies(ours, server, cookies, options, section)
    kept = 100 * answers[304] / max(1, answers.total())
    section.figures += [
        Figure(f"{where}: {options.tabs} tabs", "% of a core", shares, at_most=SHARE_MAX),
        Figure(f"{where}: answers that said nothing has changed", "%", [kept]),
        Figure(f"{where}: p99 without tabs", "ms", without),
        Figure(f"{where}: p99 beside tabs", "ms", beside),
        Figure(
            f"{where}: p99 beside tabs / without",
            "ratio",
            [theirs / ours for ours, theirs in zip(without, beside, strict=True)],
            at_most=P99_MAX,
        ),
    ]
    if wrong := {each: count for each, count in answers.items() if each not in {200, 304}}:
        section.troubles.append(f"{where}: the tabs were answered {wrong}")


def share_of_a_core(
    ours: kit.Sendrail, server: kit.Server, cookies: Sequence[str], options: argparse.Namespace
) -> tuple[list[float], Counter[int]]:
    """Return what the tabs add to the server's processor time, in per cent, and their answers."""
    shares, answers = [], Counter[int]()
    with trickle(server, ours):
        # The first request loads the dashboard.
        with open_tabs(server, cookies, options.tabs):
            time.sleep(EVERY)
        for _ in range(options.runs):
            alone = spent(server, options.seconds)
            with open_tabs(server, cookies, options.tabs) as tabs:
                # Each has asked once, so that none asks for the first time.
                time.sleep(EVERY)
                tabs.statuses.clear()
                shares.append(spent(server, options.seconds) - alone)
            answers += tabs.statuses
            kit.say(f"{shares[-1]:.2f} % of a core beside {alone:.2f} % without tabs")
    return shares, answers


def spent(server: kit.Server, seconds: float) -> float:
    """Return the server's processor time in per cent of a core."""
    begun, before = time.monotonic(), kit.cpu_seconds(server.process)
    time.sleep(seconds)
    taken = kit.cpu_seconds(server.process) - before
    return 100 * taken / (time.monotonic() - begun)


def latencies(
    ours: kit.Sendrail,
    server: kit.Server,
    cookies: Sequence[str],
    options: argparse.Namespace,
    section: Section,
) -> tuple[list[float], list[float]]:
    """Return the 99th percentiles of accepting without tabs and beside them, in milliseconds."""
    without, beside = [], []
    shape = {"connections": 32, "rate": options.rate, "seconds": options.seconds}
    first = 0

    def run() -> float:
        nonlocal first
        result = ours.load(server, first=first, **shape)
        # No message twice: it would be refused as a duplicate.
        first = result["next"]
        section.troubles += kit.troubles_of(result, "open loop")
        return float(result["p99"])

    for turn in range(options.runs):
        # Which comes first changes, so that neither always follows a rest.
        for has_tabs in (turn % 2 == 0, turn % 2 == 1):
            if has_tabs:
                with open_tabs(server, cookies, options.tabs):
                    beside.append(run())
            else:
                without.append(run())
        kit.say(f"p99 {without[-1]:.2f} ms without tabs, {beside[-1]:.2f} ms beside them")
    return without, beside


if __name__ == "__main__":
    os.chdir(kit.scratch())
    kit.main(parser(), measure)

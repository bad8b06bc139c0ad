"""How soon the dashboard's pages answer over a million messages and contacts.

    python bench/pages.py [--rows 1000000] [--postgres] [--only messages]

Everything is in this process, without a socket; on PostgreSQL the database is one beside it. Each
page and filter is asked on a site that has kept nothing of it, and the least of its times is shown:
on a busy machine that is what comes nearest to its own.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from dashboard_site import Browser, Site
from written import parsed

import kit
import on_postgres
from kit import Figure, Section
from sendrail.domain.ids import LANES
from sendrail.domain.user import Role
from sendrail.storage.pipeline.lookup import MessageFilter
from sendrail.storage.postgres.partitions import week_of

METHOD = """
{options.rows:,} messages, all in this week, and as many contacts of one list, with their activity
and consent; a twentieth as many clicks, events of webhooks with their attempts, replies and entries
of the audit log. The least of {options.runs} times of each page, in milliseconds: on SQLite of
processor time, the client's included, on PostgreSQL of time.
"""
GOAL_MS = 100.0
LIST, OTHER, EMPTY = "+15557300001", "+15557300002", "+15557300003"
# Who got the oldest message, another one, none, and one who has replied.
FIRST, SOME, NONE, REPLIED = (
    12_012_000_000,
    12_012_000_777,
    19_999_999_999,
    12_012_000_000 + 20 * 7919,
)

# `series` is the table of the numbers from 0 to `rows` - 1; {at} is when the nth thing happened.
FILL = """
INSERT INTO messages (number, lane, account_id, list_id, recipient, created_at, status, attempt,
    epoch, skips, resent, segments, encoding, body, metadata, connector_id, carrier_ref, sending_at,
    sent_at, ended_at)
{series} SELECT {number}, {lane}, {us}, CASE WHEN n % 5 = 4 THEN {other} ELSE {list} END,
    {person}, {at}, CASE WHEN n < 10 THEN 'dropped' WHEN n % 20 = 1 THEN 'failed'
    WHEN n % 20001 = 3 THEN 'uncertain' ELSE 'delivered' END, 1, 1, 0, 0, 1, 'gsm7',
    'Hello, this is a text of about seventy characters, as a great many are.',
    '{{"order":"' || n || '"}}', 1, 'f' || n, {at}, {at}, {at} FROM series;

INSERT INTO attempts (number, attempt, lane, connector_id, epoch, started_at, ended_at, outcome)
{series} SELECT {number}, 1, {lane}, 1, 1, {at}, {at}, 'submitted' FROM series;

INSERT INTO contacts (account_id, recipient, email, is_valid, created_at)
{series} SELECT {us}, {contact}, CASE WHEN n % 3 = 0 THEN 'a' || n || '@example.com' END, TRUE, {at}
    FROM series;

INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name, subscribed_at,
    custom_fields, signup_at)
{series} SELECT {list}, {contact}, n % 11 > 0, CASE WHEN n = 5 THEN 'Zebulon' ELSE 'Ada' END, '',
    {at}, '{{"plan":"gold"}}', {at} FROM series;

INSERT INTO signup_counts (list_id, day, shard, n)
SELECT list_id, signup_at / 86400000, 0, count(*) FROM list_contacts GROUP BY 1, 2;

INSERT INTO contact_activity (list_id, recipient, sends, first_sent_at, last_sent_at)
SELECT list_id, recipient, count(*), min(created_at), max(created_at) FROM messages
    GROUP BY list_id, recipient;

INSERT INTO counters (name, value) SELECT 'activity', max(number) FROM messages;

INSERT INTO consent_events (id, list_id, recipient, active, reason, source, evidence, at)
{series} SELECT n + 1000, {list}, {contact}, TRUE, 'imported', 'import', '', {at} FROM series;

INSERT INTO blocks (account_id, recipient, note, blocked_at)
{series} SELECT {us}, {contact}, '', {at} FROM series WHERE n % 20 = 0;

INSERT INTO clicks (id, account_id, number, position, at, click_class, reason{of_click})
{series} SELECT {id}, {us}, {number}, 0, {at}, 1, 0{click} FROM series WHERE n % 20 = 0;

INSERT INTO message_clicks (number, account_id, at, position, clicks, human_clicks{of_tally})
{series} SELECT {number}, {us}, {at}, 0, 1, 1{tally} FROM series WHERE n % 20 = 0;

INSERT INTO webhook_endpoints (id, account_id, name, url, events, state, secret, created_at)
VALUES (900, {us}, 'Shop', 'https://shop.example/hook', 'delivery', 'active', {empty}, 0);

INSERT INTO outbox (id, endpoint_id, kind, ref, at, due_at, told, attempts, retries{of_event})
{series} SELECT {id}, 900, 'delivery', {number}, {at}, NULL, TRUE, 1, 0{event} FROM series
    WHERE n % 20 = 0;

INSERT INTO webhook_attempts (event_id, attempt, endpoint_id, started_at, ended_at, outcome, status,
    detail)
{series} SELECT {id}, 1, 900, {at}, {at}, 'told', 200, '' FROM series WHERE n % 20 = 0;

INSERT INTO audit (id, account_id, at, actor, action, about, details)
{series} SELECT n + 100000, {us}, {at}, 'key 1', CASE WHEN n < 100 THEN 'user.invited' ELSE
    'list.changed' END, 'list 1', '{{}}' FROM series WHERE n % 20 = 0;

INSERT INTO replies (id, account_id, list_id, sender, body, keyword, received_at)
{series} SELECT n + 1000, {us}, {list}, {person}, 'Thank you', CASE WHEN n % 40 = 0 THEN 'stop' END,
    {at} FROM series WHERE n % 20 = 0;
"""
PAGES = {
    "overview": "/",
    "overview, day": "/?period=day",
    "overview, week": "/?period=week",
    "messages": "/messages",
    "messages, next page": "/messages?before={half}",
    "messages to a number": f"/messages?q=%2B{SOME}",
    "messages to a number, the oldest": f"/messages?q=%2B{FIRST}",
    "messages to a number without any": f"/messages?q=%2B{NONE}",
    "messages of a list": "/messages?list=%2B15557300002",
    "messages of a list without any": "/messages?list=%2B15557300003",
    "messages delivered": "/messages?view=delivered",
    "messages uncertain": "/messages?view=uncertain",
    "messages dropped, the oldest": "/messages?view=dropped",
    "messages waiting, none": "/messages?view=waiting",
    "messages of an hour": "/messages?time=hour",
    "messages of a week": "/messages?time=week",
    "messages failed, of a list, of a day": "/messages?view=failed&time=day&list=%2B15557300002",
    "messages dropped, of an hour": "/messages?view=dropped&time=hour",
    "messages by metadata": "/messages?meta=order%3D{newest}",
    "messages by metadata, none": "/messages?meta=order%3Dnone",
    "a message": "/messages/{id}",
    "inbox": "/inbox",
    "inbox, unread": "/inbox?view=unread",
    "inbox, to review": "/inbox?view=review",
    "inbox, the hundredth page": "/inbox?page=100",
    "inbox of a list without any": "/inbox?list=%2B15557300002",
    "inbox of a number": f"/inbox?q=%2B{REPLIED}",
    "a conversation": f"/inbox/{REPLIED}",
    "contacts": "/contacts",
    "contacts who left": "/contacts?view=left",
    "contacts by a number": f"/contacts?q=%2B{SOME}",
    "contacts by a number without any": f"/contacts?q=%2B{NONE}",
    "a contact": f"/contacts/{SOME}",
    "blocks": "/blocks",
    "a block by its number": f"/blocks?q=%2B{SOME}",
    "lists": "/lists",
    "a list": "/lists/{list}",
    "audiences": "/audiences",
    "campaigns": "/campaigns",
    "calendar": "/campaigns/calendar",
    "journeys": "/journeys",
    "creatives": "/creatives",
    "offers": "/offers",
    "reports": "/reports",
    "reports, by hour": "/reports?group=hour",
    "cohorts": "/reports/cohorts",
    "clicks": "/clicks",
    "connectors": "/connectors",
    "a connector": "/connectors/sandbox",
    "webhooks": "/webhooks",
    "an endpoint": "/webhooks/900",
    "an endpoint, further back": "/webhooks/900?skip=40000",
    "audit": "/audit",
    "audit, a rare action": "/audit?action=user.invited",
    "audit, the hundredth page": "/audit?page=100",
    "sandbox": "/sandbox",
    "send a test": "/send",
    "imports": "/contacts/import",
    "domains": "/domains",
    "health": "/health",
    "settings": "/settings",
    "keys": "/keys",
    "team": "/team",
}


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=5)
    options.add_argument("--rows", type=int, default=1_000_000, help="messages and contacts")
    options.add_argument("--postgres", action="store_true", help="on PostgreSQL in place of SQLite")
    options.add_argument("--only", default="", help="only pages with this in their names")
    return options


def measure(options: argparse.Namespace) -> Section:
    where = "PostgreSQL" if options.postgres else "SQLite"
    # A PostgreSQL works in processes of its own.
    clock = time.perf_counter if options.postgres else time.process_time
    section = Section(f"Pages over many rows, {where}", METHOD.format(options=options))
    with (clustered if options.postgres else embedded)(options) as site:
        user = site.signed_in("bench@example.com", Role.OWNER, is_operator=True)
        names = {"newest": options.rows - 1, **places(site, options.rows)}
        for name, path in PAGES.items():
            if options.only in name:
                place = path.format(**names)
                asks = [asked(site, user, place, clock) for _ in range(options.runs)]
                least = min(taken for taken, _ in asks)
                section.figures.append(Figure(name, "ms", [least], at_most=GOAL_MS))
                if wrong := {status for _, status in asks} - {HTTPStatus.OK}:
                    section.troubles.append(f"{name}: answered {wrong}")
    return section


@contextmanager
def embedded(options: argparse.Namespace) -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(dir=kit.scratch(), prefix="pages-") as folder,
        opened(Path(folder)) as site,
    ):
        [database] = Path(folder).glob("*.db")
        with closing(sqlite3.connect(database)) as raw:
            raw.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -300000")
            for statement in statements(site, options.rows, is_embedded=True):
                raw.execute(statement)
                raw.commit()
        yield site


@contextmanager
def clustered(options: argparse.Namespace) -> Iterator[Site]:
    with (
        on_postgres.postgres() as server,
        server.database() as name,
        kit.sendrail(options.command) as ours,
    ):
        with ours.serve(SENDRAIL_DATABASE_URL=server.url(name)):
            kit.say("the database has its tables")
        with filled(server, name, ours.data, options.rows) as site:
            yield site


@contextmanager
def filled(server: on_postgres.Postgres, name: str, data: Path, rows: int) -> Iterator[Site]:
    with opened(data, database_url=server.url(name)) as site:
        for statement in statements(site, rows, is_embedded=False):
            server.ask(f"SET synchronous_commit = off; {statement}", name)
        server.ask("VACUUM ANALYZE", name)
        yield site


@contextmanager
def opened(folder: Path, **settings: str) -> Iterator[Site]:
    site = Site(folder, **settings)
    try:
        for number, name in ((LIST, "News"), (OTHER, "Sales"), (EMPTY, "Nothing yet")):
            adding = site.runtime.lists.add(site.us, parsed(number), name=name, connector="sandbox")
            site.do(adding)
        yield site
    finally:
        site.close()


def statements(site: Site, rows: int, *, is_embedded: bool) -> Iterator[str]:
    """Write what fills the tables for one database."""
    now = site.runtime.clock.now()
    monday = week_of(now)
    numbers = (
        f"(SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {rows - 1})"
        if is_embedded
        else f"(SELECT generate_series(0::bigint, {rows - 1}))"
    )
    at = f"({monday} + n * {(now - monday) // rows})"
    lists = {each.name: each.id for each in site.do(site.runtime.lists.all(site.us))}
    values = {
        "series": f"WITH RECURSIVE series (n) AS {numbers}",
        "us": site.us,
        "list": lists["News"],
        "other": lists["Sales"],
        "at": at,
        # Messages go to contacts in no order.
        "person": f"({FIRST} + n * 7919 % {rows})",
        "contact": f"({FIRST} + n)",
    }
    values |= _embedded_values(_lane(site)) if is_embedded else _shared_values(at)
    for statement in FILL.split(";\n"):
        if statement.strip():
            kit.say(" ".join(statement.split()[:3]))
            yield statement.format(**values)


def _embedded_values(lane: int) -> dict[str, str]:
    nothing = ("of_click", "click", "of_tally", "tally", "of_event", "event")
    its = {"number": "n", "id": "n + 1000", "lane": str(lane), "empty": "x''"}
    return its | dict.fromkeys(nothing, "")


def _shared_values(at: str) -> dict[str, str]:
    """Return the same for PostgreSQL, where lanes are in numbers and in columns of their own."""
    lane = f"(n % {LANES})::smallint"
    return {
        "number": f"((n / {LANES} + 1000000) * {LANES} + n % {LANES})",
        "id": f"((n + 1000) * {LANES} + n % {LANES})",
        "lane": lane,
        "empty": "''",
        "of_click": ", lane, waits",
        "click": f", {lane}, FALSE",
        "of_tally": ", lane, made_at",
        "tally": f", {lane}, {at}",
        "of_event": ", lane",
        "event": f", {lane}",
    }


def _lane(site: Site) -> int:
    found = site.do(site.runtime.lists.find(site.us, parsed(LIST)))
    return int(found.sender.lane)


def places(site: Site, rows: int) -> dict[str, str]:
    """Return what addresses of pages name: a message, and where a later page begins."""
    page = site.do(site.runtime.messages.page(site.us, MessageFilter(), rows // 100, 50))
    last = page.messages[-1]
    news = site.do(site.runtime.lists.find(site.us, parsed(LIST)))
    return {
        "id": last.id,
        "list": str(news.sender.id),
        "half": f"{last.id}{last.stored.created_at:x}",
    }


def asked(site: Site, user: Browser, path: str, clock: Callable[[], float]) -> tuple[float, int]:
    """Return a page's milliseconds on a site that has kept nothing of it, and its status."""
    site.app = site.new_app()
    browser = site.browser()
    browser.client.cookies = user.client.cookies
    browser.get("/static/app.js")
    begun = clock()
    answer = browser.get(path)
    taken = 1_000 * (clock() - begun)
    site.browsers.remove(browser)
    site.do(browser.client.aclose())
    return taken, answer.status_code


if __name__ == "__main__":
    os.chdir(kit.scratch())
    kit.main(parser(), measure)

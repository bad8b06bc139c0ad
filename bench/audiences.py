"""A million contacts: how long an audience's first answer takes, and what its exact count costs.

In one process without HTTP, on the embedded database: each filter is estimated from the sample,
counted in slices as `GET …/size` does, and counted by one hand-written statement over the same
rows, by turns. All is processor time, so neighbours disturb little.
"""

import argparse
import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import kit
from kit import Figure, Section
from sendrail.contacts.audience_counts import AudienceCounter
from sendrail.contacts.audiences import AudienceChange, AudienceService
from sendrail.contacts.number_places import place_of
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.audit import Actor
from sendrail.domain.ids import AccountId
from sendrail.domain.quiet_hours import OpeningTable, QuietRules
from sendrail.storage.sqlite.setup import bring_up_to_date
from sendrail.storage.sqlite.store import SqliteStore

T = TypeVar("T")

METHOD = """
One list of {options.contacts:,} contacts, 92 % active, with up to four custom fields; a third was
sent to, a tenth has clicked. {options.runs} rounds over {filters} filters, each by turns: the
estimate from the sample, the exact count in slices, and one hand-written `SELECT count(*)` that
walks the primary key. Processor time of the whole process, readers included; the ratio is of the
sums of a round.
"""
NOW = 1_800_000_000_000
DAY = 86_400_000
CITIES = [f"City {n}" for n in range(200)]
PLANS = ["free", "free", "free", "pro", "team"]
US = AccountId(1)


def custom(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {
        "condition_type": "custom_field", "field": field, "operator": operator, "value": value,
    }  # fmt: skip


def ago(field: str, operator: str, days: int) -> dict[str, Any]:
    return {
        "condition_type": "time", "field": field, "operator": operator, "value": days,
        "unit": "days",
    }  # fmt: skip


def all_of(*conditions: dict[str, Any], groups: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {"operator": "AND", "conditions": list(conditions), "groups": list(groups)}


def any_of(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operator": "OR", "conditions": list(conditions)}


def field(name: str) -> str:
    return f"json_extract(c.custom_fields, '$.{name}')"


_SENDS = "LEFT JOIN contact_activity AS a ON a.list_id = c.list_id AND a.recipient = c.recipient"
_CLICKS = "LEFT JOIN contact_earnings AS e ON e.list_id = c.list_id AND e.recipient = c.recipient"
# Each filter with what somebody who knows the tables writes for it: its joins and its condition.
FILTERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "eq": (all_of(custom("plan", "eq", "pro")), "", f"{field('plan')} = 'pro'"),
    "in and number": (
        all_of(custom("city", "in", CITIES[:20]), custom("spend", "gt", 50)),
        "",
        (
            f"{field('city')} IN ({', '.join(repr(each) for each in CITIES[:20])})"
            f" AND json_type(c.custom_fields, '$.spend') IN ('integer', 'real')"
            f" AND {field('spend')} > 50"
        ),
    ),
    "or": (
        any_of(custom("plan", "eq", "team"), custom("city", "eq", CITIES[3])),
        "",
        f"({field('plan')} = 'team' OR {field('city')} = '{CITIES[3]}')",
    ),
    "ne and not sent": (
        all_of(custom("plan", "ne", "free"), ago("last_sent_at", "not_within", 7)),
        _SENDS,
        (
            f"{field('plan')} IS NOT 'free'"
            f" AND NOT coalesce(a.last_sent_at BETWEEN {NOW - 7 * DAY} AND {NOW}, 0)"
        ),
    ),
    "clicked": (
        all_of(
            ago("last_clicked_at", "within", 30),
            {"condition_type": "count", "field": "click_count", "operator": "gte", "value": 2},
        ),
        _CLICKS,
        f"e.last_clicked_at BETWEEN {NOW - 30 * DAY} AND {NOW} AND e.clicks >= 2",
    ),
    "joined": (
        all_of(ago("signup_date", "within", 90)),
        "",
        f"c.signup_at BETWEEN {NOW - 90 * DAY} AND {NOW}",
    ),
    "contains": (
        all_of(custom("city", "contains", "ty 1")),
        "",
        f"json_type(c.custom_fields, '$.city') = 'text' AND instr({field('city')}, 'ty 1') > 0",
    ),
}


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3)
    options.add_argument("--contacts", type=int, default=1_000_000)
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Audiences", METHOD.format(options=options, filters=len(FILTERS)))
    with TemporaryDirectory(dir=kit.scratch(), prefix="audiences-") as folder:
        path = Path(folder, "sendrail.db")
        bring_up_to_date(path)
        fill(path, options.contacts)
        with asyncio.Runner() as runner:
            Rounds(runner, path, section).measure(options.runs)
    return section


class Rounds:
    """Every filter, estimated and counted by turns."""

    def __init__(self, runner: asyncio.Runner, path: Path, section: Section) -> None:
        self._runner = runner
        self._path = path
        self._section = section

    def measure(self, runs: int) -> None:
        store = self._runner.run(_opened(self._path))
        self._counter = AudienceCounter(store, lambda: NOW, OpeningTable(QuietRules({}), place_of))
        self._refs = {name: self._add(store, name, tree) for name, (tree, *_) in FILTERS.items()}
        ratios, slowest, exact = [], [], []
        for number in range(runs):
            ours, theirs, firsts = 0.0, 0.0, []
            for name in FILTERS:
                first, exact_seconds, written = self._turn(name)
                ours, theirs = ours + exact_seconds, theirs + written
                firsts.append(first * 1000)
            ratios.append(ours / theirs)
            slowest.append(max(firsts))
            exact.append(ours / len(FILTERS) * 1000)
            kit.say(f"{number + 1}/{runs}: ratio {ratios[-1]:.2f}")
        self._section.figures += [
            Figure("**first answer, the slowest filter**", "ms", slowest, at_most=100),
            Figure("**exact count / hand-written**", "", ratios, at_most=1.3),
            Figure("exact count, mean of the filters", "ms", exact),
        ]
        self._runner.run(store.close())

    def _turn(self, name: str) -> tuple[float, float, float]:
        """Return the seconds of an estimate, of an exact count, and of one written by hand."""
        _, joins, condition = FILTERS[name]
        counter, ref = self._counter, self._refs[name]
        first, band = _timed(lambda: self._do(counter.estimate(US, ref)))
        exact, found = _timed(lambda: self._do(counter.size(US, ref)))
        written, size = _timed(lambda: self._by_hand(joins, condition))
        # One of twenty lies outside its band.
        if found.size != size:
            self._section.troubles.append(f"{name}: {found.size:,} of {size:,}")
        is_in = "in" if band.low <= size <= band.high else "outside"
        kit.say(
            f"{name}: first {first * 1000:.0f} ms, exact {exact * 1000:.0f} ms,"
            f" by hand {written * 1000:.0f} ms; {is_in} the band"
        )
        return first, exact, written

    def _add(self, store: SqliteStore, name: str, tree: dict[str, Any]) -> str:
        given = AudienceChange(name=name, filter=read_filter(tree))
        service = AudienceService(store, lambda: NOW)
        return self._do(service.add(US, given, Actor(name="bench"))).ref

    def _do(self, work: Any) -> Any:
        return self._runner.run(work)

    def _by_hand(self, joins: str, condition: str) -> int:
        with closing(sqlite3.connect(self._path)) as raw:
            # Above zero, so that it walks the primary key: four times as fast as what it chooses.
            [(size,)] = raw.execute(
                f"SELECT count(*) FROM list_contacts AS c {joins}"
                f" WHERE c.list_id = 1 AND c.recipient > 0 AND c.active AND {condition}"
            ).fetchall()
        return int(size)


async def _opened(path: Path) -> SqliteStore:
    return SqliteStore(path)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def fill(path: Path, contacts: int) -> None:
    """Put an account with a list of so many contacts into an empty database."""
    dice = random.Random(14)
    numbers = sorted(dice.sample(range(12_012_000_000, 19_899_999_999), contacts))
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executescript(
            """
            INSERT INTO accounts (id, name, status, blocked_words, created_at)
            VALUES (1, 'us', 'active', '', 0);
            INSERT INTO connectors (id, name, kind, settings, window, version)
            VALUES (1, 'sandbox', 'simulator', x'', 1, 1);
            INSERT INTO lists (id, lane, account_id, number, name, brand, status, rate,
                connector_id, byoc, on_uncertain, created_at)
            VALUES (1, 0, 1, 15550001000, 'News', 'News', 'active', 1, 1, 0, 'hold', 0);
            """
        )
        raw.executemany(
            "INSERT INTO list_contacts (list_id, recipient, active, first_name, last_name,"
            " subscribed_at, custom_fields, signup_at) VALUES (1, ?, ?, 'Ada', '', 0, ?, ?)",
            _contacts(dice, numbers),
        )
        raw.executemany(
            "INSERT INTO contact_activity (list_id, recipient, sends, first_sent_at, last_sent_at)"
            " VALUES (1, ?, ?, 0, ?)",
            ((n, dice.randint(1, 9), _past(dice)) for n in numbers if dice.random() < 0.33),
        )
        raw.executemany(
            "INSERT INTO contact_earnings VALUES (1, ?, ?, ?, 0, 0, NULL)",
            ((n, dice.randint(1, 4), _past(dice)) for n in numbers if dice.random() < 0.1),
        )


def _contacts(dice: random.Random, numbers: list[int]) -> Iterator[tuple[Any, ...]]:
    for number in numbers:
        fields = f'{{"plan":"{dice.choice(PLANS)}","city":"{dice.choice(CITIES)}"'
        if dice.random() < 0.7:
            fields += f',"spend":{dice.randint(0, 400)}'
        if dice.random() < 0.3:
            fields += ',"vip":true'
        yield number, dice.random() < 0.92, fields + "}", _past(dice)


def _past(dice: random.Random) -> int:
    return NOW - dice.randint(0, 720 * DAY)


if __name__ == "__main__":
    kit.main(parser(), measure)

"""A million contacts: how fast they come in from a file, and what the gate pays for them.

Import: `sendrail contacts import` of a CSV file, by turns with the `.import` of the `sqlite3` shell
(apt-get install sqlite3) of the same file into a bare table; numbers in no order. The same by
Python's `csv` and `sqlite3` is a second reference, and the only one where there is no shell, which
is a trouble. Peak memory is that of the process, on a tenth of the rows and on all, so that a
file's length shows if it counts.

Gate: the accept rate of `send-raw` with those contacts, some of them opted out, as a ratio to the
rate with none, by turns; and once more with numbers of erased people.
"""

import argparse
import csv
import json
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import accept
import kit
from kit import Figure, Section

METHOD = """
{options.contacts:,} rows of number, first name and date of consent, in no order; {options.runs}
runs by turns. *Import*: wall time of the whole command, its start included, with no server on the
folder: each row becomes a contact, a subscription and an entry in two further indexes, with a
commit for each 5,000 rows. The shell's `.import` fills a table without an index, unchecked, with
one commit, and so does Python. *Gate*: {options.seconds:g} s at full rate, 64 connections, server
and load on a core each; {options.opted_out:,} of the contacts have opted out, and the load goes to
none of those. *Erased*: {options.erased:,} digests beside them.
"""
# The load goes to +1 555 2000000 to 9999999; whoever has opted out lies below.
ACTIVE_FROM, ACTIVE_TO = 15552000000, 15559999999
OUT_FROM = 15551000000
MB = 1e6


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=5)
    options.add_argument("--contacts", type=int, default=1_000_000)
    options.add_argument("--opted-out", type=int, default=100_000)
    options.add_argument("--erased", type=int, default=10_000)
    options.add_argument("--import-only", action="store_true", help="leave the gate out")
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("Contacts", METHOD.format(options=options))
    with tempfile.TemporaryDirectory(dir=kit.scratch(), prefix="contacts-") as folder:
        whole, tenth = Path(folder, "all.csv"), Path(folder, "tenth.csv")
        numbers = random.Random(1).sample(range(ACTIVE_FROM, ACTIVE_TO), options.contacts)
        outside = range(OUT_FROM, OUT_FROM + options.opted_out)
        numbers[: options.opted_out] = outside
        random.Random(2).shuffle(numbers)
        write(whole, numbers)
        write(tenth, numbers[: len(numbers) // 10])
        measure_import(options, section, whole, tenth)
        if not options.import_only:
            measure_gate(options, section, whole)
    return section


def write(path: Path, numbers: list[int]) -> None:
    with path.open("w") as file:
        file.write("phone_number,first_name,consent_date\n")
        file.writelines(f"+{number},Ada,2026-01-31\n" for number in numbers)


# --- import -------------------------------------------------------------------------------------


def measure_import(options: argparse.Namespace, section: Section, whole: Path, tenth: Path) -> None:
    rates, peaks, small_peaks, shells, pythons = [], [], [], [], []
    has_shell = shutil.which("sqlite3") is not None
    if not has_shell:
        section.troubles.append("import: no `sqlite3` shell, so no ratio to it")
    for number in range(options.runs):
        pythons.append(options.contacts / python_seconds(whole))
        if has_shell:
            shells.append(options.contacts / shell_seconds(whole))
        seconds, peak = import_once(options, section, whole, options.contacts)
        _, small_peak = import_once(options, section, tenth, options.contacts // 10)
        rates.append(options.contacts / seconds)
        peaks.append(peak)
        small_peaks.append(small_peak)
        beside = f"{shells[-1] if has_shell else pythons[-1]:,.0f}"
        kit.say(f"import {number + 1}/{options.runs}: {rates[-1]:,.0f} / {beside} rows/s")
    section.figures.append(Figure("`sendrail contacts import`", "rows/s", rates))
    if has_shell:
        section.figures += [
            Figure("`sqlite3` shell's `.import`", "rows/s", shells),
            Figure("**ratio to the shell**", "", each_to(rates, shells), at_least=0.03),
        ]
    section.figures += [
        Figure("Python's `csv` and `sqlite3`", "rows/s", pythons),
        Figure("ratio to Python", "", each_to(rates, pythons)),
        Figure("peak memory, all rows", "MB", peaks),
        Figure("peak memory, a tenth of the rows", "MB", small_peaks),
        Figure("**memory, all rows to a tenth**", "", each_to(peaks, small_peaks), at_most=1.1),
    ]


def each_to(these: list[float], those: list[float]) -> list[float]:
    return [a / b for a, b in zip(these, those, strict=True)]


def shell_seconds(path: Path) -> float:
    with tempfile.TemporaryDirectory(dir=kit.scratch()) as folder:
        began = time.monotonic()
        subprocess.run(
            ["sqlite3", str(Path(folder, "shell.db")), ".mode csv", f".import {path} contacts"],
            check=True,
        )
        return time.monotonic() - began


def python_seconds(path: Path) -> float:
    """Fill a bare table in this process: what a script of a few lines does."""
    with tempfile.TemporaryDirectory(dir=kit.scratch()) as folder:
        began = time.monotonic()
        with (
            closing(sqlite3.connect(Path(folder, "python.db"))) as raw,
            path.open(encoding="utf-8", newline="") as file,
            raw,
        ):
            rows = csv.reader(file)
            columns = next(rows)
            raw.execute(f"CREATE TABLE contacts ({', '.join(columns)})")
            places = ", ".join("?" * len(columns))
            raw.executemany(f"INSERT INTO contacts VALUES ({places})", rows)
        return time.monotonic() - began


def import_once(
    options: argparse.Namespace, section: Section, path: Path, rows: int
) -> tuple[float, float]:
    """Import into a fresh installation; return seconds, and the greatest memory in MB."""
    with kit.sendrail(options.command) as ours:
        ours.prepare()
        seconds, peak, report = bring_in(ours, path)
    if (report["created"], report["refused"]) != (rows, 0):
        section.troubles.append(f"import: {report['created']:,} of {rows:,} rows created")
    return seconds, peak


def bring_in(ours: kit.Sendrail, path: Path) -> tuple[float, float, dict[str, int]]:
    words = ["contacts", "import", ours.list_number, str(path), "--no-dry-run", "--json"]
    return timed(ours, words)


def timed(ours: kit.Sendrail, words: list[str]) -> tuple[float, float, dict[str, int]]:
    """Run a command; return its seconds, its greatest memory in MB, and what it prints."""
    command = [*ours.command, *words, "--data", str(ours.data)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=kit.clean({}))
    peak = 0.0
    while process.poll() is None:
        # The kernel's own high-water mark: reading it late loses nothing.
        with suppress(OSError, RuntimeError):
            peak = max(peak, kit.memory_mb(process, "VmHWM"))
        time.sleep(0.05)
    seconds = time.monotonic() - began
    out, _ = process.communicate()
    return seconds, peak, json.loads(out)


# --- the gate -----------------------------------------------------------------------------------


def measure_gate(options: argparse.Namespace, section: Section, whole: Path) -> None:
    with kit.sendrail(options.command) as bare, kit.sendrail(options.command) as full:
        for each in (bare, full):
            each.prepare()
        bring_in(full, whole)
        opt_out(full.data / "sendrail.db", options.opted_out)
        none, known, erased = [], [], []
        for number in range(options.runs):
            none.append(rate(options, section, bare, erased=0))
            known.append(rate(options, section, full, erased=0))
            erased.append(rate(options, section, full, erased=options.erased))
            kit.say(
                f"gate {number + 1}/{options.runs}: {none[-1]:,.0f} with none,"
                f" {known[-1]:,.0f} with contacts, {erased[-1]:,.0f} with erased ones"
            )
    with_contacts, with_erased = each_to(known, none), each_to(erased, known)
    section.figures += [
        Figure("accepted, no contacts", "messages/s", none),
        Figure("accepted, all those contacts", "messages/s", known),
        Figure("**ratio with contacts to none**", "", with_contacts, at_least=0.9),
        Figure("accepted, and erased people", "messages/s", erased),
        Figure("ratio with erased people to without", "", with_erased),
    ]


def opt_out(database: Path, count: int) -> None:
    with closing(sqlite3.connect(database)) as raw, raw:
        changed = raw.execute(
            "UPDATE list_contacts SET active = 0, reason = 'message', unsubscribed_at = 1"
            " WHERE recipient < ?",
            (ACTIVE_FROM,),
        )
        assert changed.rowcount == count, "the file has them all"
        # Long ago: the server would look numbers up beside the load that is measured.
        raw.execute("UPDATE contacts SET looked_up_at = 1")


def rate(
    options: argparse.Namespace, section: Section, ours: kit.Sendrail, *, erased: int
) -> float:
    """Drive a fresh copy of a data folder at its full rate."""
    with tempfile.TemporaryDirectory(dir=kit.scratch(), prefix="data-") as folder:
        data = Path(folder, "data")
        shutil.copytree(ours.data, data)
        if erased:
            erase(data / "sendrail.db", erased)
        copy = kit.Sendrail(ours.command, data, ours.key, ours.list_number)
        with copy.serve(kit.SERVER_CORE) as running:
            shape = {"connections": 64, "seconds": options.seconds, "core": kit.LOAD_CORE}
            result = copy.load(running, **shape)
            counted = running.count("accepted")
    section.troubles += kit.troubles_of(result, "gate")
    section.troubles += accept.mismatch(counted, result["accepted"])
    return result["rate"]


def erase(database: Path, count: int) -> None:
    digests = random.Random(3)
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.executemany(
            "INSERT INTO erased VALUES (1, ?, 0, 0)",
            [(digests.randrange(-(2**63), 2**63),) for _ in range(count)],
        )


if __name__ == "__main__":
    kit.main(parser(), measure)

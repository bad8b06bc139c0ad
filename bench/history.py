"""A million sends of another platform, their clicks and revenue: how fast they come in from files.

`sendrail history import` of three CSV files, the sends in no order, by turns with the `.import` of
the `sqlite3` shell (apt-get install sqlite3) of the file of sends into a bare table. Peak memory is
that of the process, on a part of the sends and on all, so that a file's length shows if it counts.
The part fills one batch at least: less than that shows how large a batch is.
The same file once more, all of which is known, is a figure of its own.
"""

import argparse
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import contacts
import kit
from kit import Figure, Section
from sendrail.contacts.imports import ALONE

METHOD = """
{options.sends:,} rows of id, number and time, in no order, a click for each tenth of them and
revenue for each fiftieth; {options.runs} runs by turns. Wall time of the whole command, its start
included, with no server on the folder: each send is looked for, stored with two indexes, and
counted for its contact, with a commit for each 5,000 rows. Memory is compared with that on a tenth
of the sends, which are {batch:,} rows at least: a batch is held whole. The shell's `.import` fills
a table without an index, unchecked, with one commit.
"""
FIRST = 15552000000
# What is held in memory at once, whatever the length of a file.
BATCH = ALONE.rows * ALONE.parts
CLICKS, REVENUE = 10, 50


def parser() -> argparse.ArgumentParser:
    options = kit.options(__doc__, runs=3, seconds=0)
    options.add_argument("--sends", type=int, default=1_000_000)
    return options


def measure(options: argparse.Namespace) -> Section:
    section = Section("History", METHOD.format(options=options, batch=BATCH))
    has_shell = shutil.which("sqlite3") is not None
    if not has_shell:
        section.troubles.append("no `sqlite3` shell, so no ratio to it")
    found: dict[str, list[float]] = {
        name: [] for name in ("shell", "sends", "again", "clicks", "revenue", "peak", "small peak")
    }
    with tempfile.TemporaryDirectory(dir=kit.scratch(), prefix="history-") as folder:
        files = write(Path(folder), options.sends)
        for number in range(options.runs):
            if has_shell:
                seconds = contacts.shell_seconds(files["sends"])
                found["shell"].append(options.sends / seconds)
            once(options, section, files, found)
            kit.say(f"{number + 1}/{options.runs}: {found['sends'][-1]:,.0f} sends/s")
    section.figures += [
        Figure("`sendrail history import sends`", "rows/s", found["sends"]),
        Figure("the same file once more", "rows/s", found["again"]),
        Figure("`… clicks`", "rows/s", found["clicks"]),
        Figure("`… revenue`", "rows/s", found["revenue"]),
    ]
    if has_shell:
        ratio = contacts.each_to(found["sends"], found["shell"])
        section.figures += [
            Figure("`sqlite3` shell's `.import` of the sends", "rows/s", found["shell"]),
            Figure("**ratio to the shell**", "", ratio, at_least=0.02),
        ]
    to_part = contacts.each_to(found["peak"], found["small peak"])
    section.figures += [
        Figure("peak memory, all sends", "MB", found["peak"]),
        Figure("peak memory, a part of the sends", "MB", found["small peak"]),
        Figure("**memory, all sends to the part**", "", to_part, at_most=1.1),
    ]
    return section


def write(folder: Path, count: int) -> dict[str, Path]:
    """Write the files, whose rows are in one order of chance; return them by their names."""
    order = random.Random(1).sample(range(count), count)
    rows = {
        "sends": ("id,to_number,timestamp", order),
        "part": ("id,to_number,timestamp", order[: max(count // 10, BATCH)]),
        "clicks": ("message_id,offer_id", order[::CLICKS]),
        "revenue": ("message_id,offer_id,revenue", order[::REVENUE]),
    }
    files = {name: folder / f"{name}.csv" for name in rows}
    for name, (header, some) in rows.items():
        with files[name].open("w") as file:
            file.write(header + "\n")
            # Four messages to each contact.
            file.writelines(
                f"old-{n:09},+{FIRST + n // 4},2026-01-31T08:00:00Z\n"
                if "to_number" in header
                else f"old-{n:09},summer{',24.99' if name == 'revenue' else ''}\n"
                for n in some
            )
    return files


def once(
    options: argparse.Namespace,
    section: Section,
    files: dict[str, Path],
    found: dict[str, list[float]],
) -> None:
    """Import each file into a fresh installation, and the part into another one."""
    counts = {
        "sends": options.sends,
        "clicks": -(-options.sends // CLICKS),
        "revenue": -(-options.sends // REVENUE),
    }
    with kit.sendrail(options.command) as ours:
        ours.prepare()
        add_offer(ours)
        for name, count in counts.items():
            seconds, peak, report = bring_in(ours, name, files[name])
            found[name].append(count / seconds)
            if (report["created"], report["refused"]) != (count, 0):
                section.troubles.append(f"{name}: {report['created']:,} of {count:,} created")
            if name == "sends":
                found["peak"].append(peak)
        seconds, _, _ = bring_in(ours, "sends", files["sends"])
        found["again"].append(options.sends / seconds)
    with kit.sendrail(options.command) as ours:
        ours.prepare()
        _, peak, _ = bring_in(ours, "sends", files["part"])
        found["small peak"].append(peak)


def add_offer(ours: kit.Sendrail) -> None:
    words = ["offers", "add", "Summer", "https://shop.example/", "--external-id", "summer"]
    command = [*ours.command, *words, "--data", str(ours.data)]
    subprocess.run(command, check=True, capture_output=True, env=kit.clean({}))


def bring_in(ours: kit.Sendrail, name: str, path: Path) -> tuple[float, float, dict[str, int]]:
    words = ["history", "import", name, str(path), "--no-dry-run", "--json"]
    if name == "sends":
        words += ["--list", ours.list_number]
    return contacts.timed(ours, words)


if __name__ == "__main__":
    kit.main(parser(), measure)

"""Run the benchmarks one after another and write them down, with the machine and the versions."""

import argparse
import datetime as dt
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import accept
import endtoend
import kannel
import kit
import machine
import memory
from kit import Section

# By name the benchmark and what it is told in any case. By SMPP a rate is shown for a minute
# instead of searched for: it is the goal that counts, and that memory stays where it is.
PARTS = {
    "accept": (accept, []),
    "endtoend": (endtoend, []),
    "by_smpp": (
        endtoend,
        ["--smpp", "--rate", "4000", "--seconds", "60", "--at-least", "3000"],
    ),
    "kannel": (kannel, []),
    "memory": (memory, []),
}
INTRODUCTION = """
Each figure is the median of its runs, with the least and the greatest beside it. Read ratios, not
absolute figures: they are made of neighbours in time on one machine. What each benchmark does, and
why, stands in [the kit's README](../README.md).
"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", help="for every benchmark that repeats (its own default)")
    parser.add_argument("--seconds", help="for every benchmark that takes a time (its own default)")
    parser.add_argument("--command", help="how to call sendrail (python -m sendrail)")
    parser.add_argument("--output", type=Path, help="the file (bench/results/YYYY-MM-DD.md)")
    return parser.parse_args()


def main() -> None:
    options = parse()
    today = dt.datetime.now(dt.UTC).date().isoformat()
    output: Path = options.output or kit.BENCH / "results" / f"{today}.md"
    about, watch = machine.facts(), machine.Bystanders()
    sections = [run(name, options) for name in options.only]
    about.append(("other work during the run", f"{watch.share():.0%} of all cores"))
    output.parent.mkdir(exist_ok=True)
    output.write_text(markdown(today, about, sections))
    print(os.path.relpath(output))
    sys.exit(any(section.troubles for section in sections))


def run(name: str, options: argparse.Namespace) -> Section:
    kit.say(f"{name}:")
    part, always = PARTS[name]
    given = {"--command": options.command}
    if name != "memory":
        given |= {"--runs": options.runs, "--seconds": options.seconds}
    arguments = [word for flag, value in given.items() if value for word in (flag, value)]
    measure: Callable[[argparse.Namespace], Section] = part.measure
    return measure(part.parser().parse_args([*arguments, *always]))


def markdown(today: str, about: list[tuple[str, str]], sections: list[Section]) -> str:
    repeat = shlex.join(["python", "bench/report.py", *sys.argv[1:]])
    facts = "\n".join(f"| {name} | {value} |" for name, value in about)
    head = f"# Figures of {today}\n{INTRODUCTION}\nTo repeat: `{repeat}`\n"
    table = f"\n| machine | |\n| --- | --- |\n{facts}\n"
    return "\n".join([head + table, *(section.markdown() for section in sections)])


if __name__ == "__main__":
    main()

"""The pages cannot go stale: what they say of the code is asked of the code."""

import importlib.util
import re
import shlex
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import typer
from prose import WITHOUT_ACTOR

from sendrail.cli.main import app
from sendrail.domain.message import Status

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "bench/README.md")),
    *sorted(DOCS.rglob("*.md")),
]
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Code and the targets of links, which are names and no prose.
NAMES = re.compile(r"`[^`]*`|\]\([^)]*\)")

spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def readme_block(mark: str) -> str:
    text = (ROOT / "README.md").read_text("utf-8")
    [block] = re.findall(rf"^<!-- {mark} -->\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return block


def commands_in(page: Path) -> tuple[list[str], list[str]]:
    """Return every `sendrail` command of a page: those in its blocks, and those in its lines."""
    text = page.read_text("utf-8")
    blocks = [block.replace("\\\n", " ") for name, block in FENCE.findall(text) if name == "sh"]
    typed = [
        match[1]
        for block in blocks
        for part in re.split(r"\n|&&", block)
        if (match := re.match(r"\s*(?:\S*/)?sendrail (.*)", part))
    ]
    return typed, re.findall(r"(?<!`)`sendrail ([^`]+)`", FENCE.sub("", text))


def command_of(text: str):
    """Return the command a line begins with, and what is left of the line."""
    words = shlex.split(text)
    command = typer.main.get_command(app)
    if words and words[0] == "--account":
        words = words[2:]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no `sendrail {text}`"
        command = command.commands[words.pop(0)]
    return command, words


def take(text: str, *, is_typed: bool) -> None:
    """Read a command as the command line does; of one that is only named, the options alone."""
    command, words = command_of(text)
    if is_typed:
        if words:
            command.make_context(text, words)
        return
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    unknown = {word for word in words if word.startswith("--")} - options
    assert not unknown, f"it has no {', '.join(sorted(unknown))}"


def test_the_generated_parts_are_what_the_code_says():
    stale = [name_of(page) for page in generate.stale()]
    assert not stale, "run `python docs/generate.py`"


def test_a_page_without_its_markers_is_noticed():
    with pytest.raises(ValueError, match="markers of gate"):
        generate.filled("A page.\n", "gate", "block")


def test_a_block_that_changed_is_noticed(monkeypatch):
    monkeypatch.setitem(generate.BLOCKS, ("metrics.md", "metrics"), lambda: "something else")
    assert generate.stale() == [DOCS / "metrics.md"]


def test_the_readme_has_one_command_to_run_and_one_to_test():
    for mark, lock, last in (("run", "runtime", "sendrail serve"), ("test", "dev", "pytest")):
        command = readme_block(mark)
        assert f"--require-hashes -r requirements/{lock}.txt" in command
        assert "--no-deps" in command
        assert last in command.rpartition("&&")[2]
        subprocess.run(["bash", "-n", "-c", command], check=True)
    quickstart = (DOCS / "quickstart.md").read_text("utf-8")
    assert readme_block("run") in quickstart


def test_ci_takes_its_test_command_from_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "readme_command test" in script
    assert "pip install" not in script
    assert "-m pytest" not in script


# Many small pages: a test asks all of them at once, and names each that is wrong.
def test_every_link_leads_somewhere_inside():
    astray = []
    for page in PAGES:
        for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
            if target.startswith(("https://", "http://", "#")):
                continue
            path = (page.parent / target.partition("#")[0]).resolve()
            if not (path.is_relative_to(ROOT) and path.exists()):
                astray.append(f"{name_of(page)}: {target}")
    assert astray == []


def test_every_command_on_a_page_can_be_typed():
    wrong = []
    for page in PAGES:
        typed, named = commands_in(page)
        for text, is_typed in [*((each, True) for each in typed), *((n, False) for n in named)]:
            try:
                take(text, is_typed=is_typed)
            except Exception as error:  # noqa: BLE001 - the command line's own faults are of no public class
                wrong.append(f"{name_of(page)}: sendrail {text}: {error}")
    assert wrong == []


def test_a_command_that_is_not_there_is_noticed():
    with pytest.raises(AssertionError, match="there is no `sendrail contact lists`"):
        take("contact lists", is_typed=False)
    with pytest.raises(AssertionError, match="has no --everyone"):
        take("contacts list --everyone", is_typed=False)
    with pytest.raises(Exception, match="--everyone"):
        take("contacts list --everyone", is_typed=True)


def test_the_prose_names_who_acts():
    hidden = [
        f"{name_of(page)}: {line}"
        for page in PAGES
        for line in NAMES.sub("", FENCE.sub("", page.read_text("utf-8"))).splitlines()
        if WITHOUT_ACTOR.search(line)
    ]
    assert hidden == []


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    pages = [page.name for page in sorted(DOCS.glob("*.md"))]
    assert [name for name in pages if f"](docs/{name})" not in readme] == []


def test_every_status_is_explained():
    page = (DOCS / "send-messages.md").read_text("utf-8")
    for status in Status:
        assert f"`{status}`" in page


def test_the_glossary_is_in_order():
    terms = re.findall(r"^\*\*(.+?)\*\*:", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert terms == sorted(terms, key=str.lower)


# Tables in which several rows begin alike: of one field, each of its values has one.
_SEVERAL_ROWS = {"links.md", "webhooks.md"}


def test_a_table_says_each_thing_once():
    doubled = []
    for page in sorted(DOCS.glob("*.md")):
        if page.name in _SEVERAL_ROWS:
            continue
        for table in re.findall(r"(?:^\|.*\n)+", page.read_text("utf-8"), re.MULTILINE):
            first = Counter(row.split("|")[1].strip() for row in table.splitlines()[2:])
            doubled += [(page.name, cell) for cell, rows in first.items() if cell and rows > 1]
    assert doubled == []


def test_a_decision_has_its_parts_and_its_place():
    numbers = Counter(page.name[:4] for page in DECISIONS)
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[(\d{4})\]\(.+\) \| .+ \|$", index, re.MULTILINE)
    assert listed == sorted(numbers), "each decision has one line in decisions/README.md, in order"
    wrong = []
    for page in DECISIONS:
        number, text = page.name[:4], page.read_text("utf-8")
        title = text.splitlines()[0].removeprefix(f"# {number}: ")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        if not (
            numbers[number] == 1
            and text.startswith(f"# {number}: ")
            and headings == ["Context", "Decision", "Consequences", "Alternatives"]
            and f"| [{number}]({page.name}) | {title} |" in index
        ):
            wrong.append(page.name)
    assert wrong == [], "number, title, the four headings, or the line in decisions/README.md"

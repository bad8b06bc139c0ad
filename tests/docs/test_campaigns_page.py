"""The page on campaigns says what the code does, and its commands work."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sendrail.api.v2.schedules import ENDPOINTS
from sendrail.app import open_runtime
from sendrail.cli.main import app
from sendrail.domain import schedule
from sendrail.domain.schedule import MOVES, ScheduleStatus, ScheduleTerms
from sendrail.settings import load

PAGE = (Path(__file__).parents[2] / "docs" / "campaigns.md").read_text("utf-8")
EXAMPLES = re.findall(r"<!-- example: .+? -->\n```sh\n(.+?)```", PAGE, re.DOTALL)
AUDIENCE, OFFER, CAMPAIGN = (
    "5b1f0c9f3c2d4a7e8d90a1b2",
    "6a1b2c3d4e5f60718293a4b5",
    "65f2a0c1d4e5b6a7f8091a2b",
)


def rows(begin):
    """Return the cells of the rows of every table whose head begins so."""
    found = []
    for table in PAGE.split(begin)[1:]:
        body = table.partition("\n\n")[0].splitlines()[2:]
        found += [[cell.strip() for cell in line.strip("|").split("|")] for line in body]
    return found


def words(cell):
    return re.findall(r"`(\w+)`", cell)


def test_the_moves_of_a_status_are_those_of_the_code():
    moves = {words(cells[0])[0]: cells[2] for cells in rows("| status | means |")}
    assert set(moves) == set(ScheduleStatus)
    for status, said in moves.items():
        allowed = MOVES[ScheduleStatus(status)] - {ScheduleStatus(status)}
        if said == "any":
            expected = set(ScheduleStatus)
        elif said.startswith("any but"):
            expected = set(ScheduleStatus) - set(words(said))
        else:
            expected = set(words(said))
        assert set(allowed) == expected - {status}, status


def test_the_defaults_are_those_of_the_code():
    fields = ScheduleTerms.__dataclass_fields__
    found = rows("| field | default |")
    assert len(found) == 8
    for name_cell, default_cell, _ in found:
        [name] = words(name_cell)
        default = fields[name].default
        said = default_cell.strip("`") or None
        assert said == (None if default is None else str(default)), name


def test_the_limits_are_those_of_the_code():
    assert f"0 to {schedule.LATE_MINUTES_MAX}" in PAGE
    assert f"up to {schedule.SKIP_WITHIN_HOURS_MAX}; 0 is off" in PAGE
    assert f"up to {schedule.CAP_MESSAGES_MAX} messages" in PAGE
    assert f"up to {schedule.CAP_DAYS_MAX} days" in PAGE
    assert f"gets nothing, up to {schedule.HOLDOUT_PERCENT_MAX}" in PAGE
    assert f"texts of its own, up to {schedule.BLASTS_MAX}" in PAGE


def test_every_error_of_a_preflight_is_explained():
    [create] = [each for each in ENDPOINTS if each.id == "createSchedule"]
    said = {words(cells[0])[0] for cells in rows("| error | means |")}
    assert said <= set(create.codes)
    source = (Path(schedule.__file__).parents[1] / "campaigns" / "preflight.py").read_text("utf-8")
    raised = set(re.findall(r'PreflightNote\(\s*"(\w+)"', source))
    assert raised - {"quiet_hours_overlap", "no_brand"} <= said
    assert len(raised) > 10


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Run commands with the ids of the page in place of what was made."""
    data, known = tmp_path_factory.mktemp("campaigns") / "data", {}

    async def make():
        async with open_runtime(load(data_dir=data)):
            pass

    asyncio.run(make())

    def run(*typed):
        line = [known.get(word, word) for word in typed]
        for fake, real in known.items():
            line = [word.replace(fake, real) for word in line]
        answer = CliRunner().invoke(app, [*line, "--data", str(data), "--json"])
        assert answer.exit_code == 0, (line, answer.output)
        return answer.stdout

    def first(fake, *typed):
        known[fake] = re.search(r'"id": "([0-9a-f]{24})"', run(*typed))[1]

    run("contacts", "add", "+15550001000", "+15550100001", "--field", "plan=pro")
    condition = '{"condition_type": "custom_field", "field": "plan", "operator": "exists"}'
    filter_ = f'{{"operator": "AND", "conditions": [{condition}]}}'
    first(AUDIENCE, "audiences", "add", "All", "--filter", filter_)
    first(OFFER, "offers", "add", "Summer", "https://shop.example/")
    return run, first


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_commands_of_the_page_work(shell, example):
    run, first = shell
    if "campaigns add" not in example:
        # What the page has shown before.
        first(CAMPAIGN, *shlex.split(EXAMPLES[0].splitlines()[0])[1:])
    for line in example.splitlines():
        typed = shlex.split(line)[1:]
        if typed[:2] == ["campaigns", "add"]:
            first(CAMPAIGN, *typed)
        else:
            run(*typed)


def test_there_are_examples():
    assert len(EXAMPLES) == 5

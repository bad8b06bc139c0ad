"""What is read without Pydantic is read as Typer reads it, and Typer refuses the rest."""

import os
import subprocess
import sys

import prepared
import pytest
import typer
from typer.core import TyperGroup

from sendrail.cli.main import app

TEXTS = [
    "",
    "0",
    "7",
    "007",
    "-1",
    "+1",
    " 7",
    "1_000",
    "٣",
    "65536",
    "9" * 30,
    "x",
    "-",
    "1.5",
    "é",
]


def commands(group, path=()):
    """Yield each command with its path; they are read as the command line reads them."""
    for name, each in group.commands.items():
        if isinstance(each, TyperGroup):
            yield from commands(each, (*path, name))
        else:
            yield (*path, name), each


def outcome(reader, value, param, ctx):
    """Return what a value is read as, or how it is refused."""
    try:
        read = reader.coerce(value, param, ctx)
    except typer.BadParameter as refusal:
        return "refused", str(refusal)
    return type(read).__name__, read


def test_each_parameter_of_each_command_is_read_as_typer_reads_it(tmp_path):
    texts = [*TEXTS, str(tmp_path)]
    seen = set()
    for path, command in commands(typer.main.get_command(app)):
        ctx = command.context_class(command, info_name=path[-1])
        for param in command.get_params(ctx):
            info = param.type_descriptor.parameter_info
            is_many = param.multiple or param.nargs == -1
            kind = (str(param.type_descriptor.annotation), info.min, info.max, is_many)
            if kind in seen:
                continue
            seen.add(kind)
            readers = param.get_runtime_param(), type(param).get_runtime_param(param)
            values = [(each,) for each in texts] + [("7", "x"), ()] if is_many else [*texts, 7]
            for value in [None, *values]:
                ours, typers = (outcome(reader, value, param, ctx) for reader in readers)
                assert ours == typers, (path, kind, value)
    assert len(seen) > 5


@pytest.mark.parametrize(
    "words",
    [["serve", "--help"], ["lists", "list"], ["contacts", "list", "+15550001000"], ["status"]],
    ids=" ".join,
)
def test_a_usual_command_loads_no_pydantic(data, words):
    given = [] if words[-1] == "--help" else ["--data", str(data)]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sendrail", *words, *given],
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "sendrail.cli.main" in loaded
    assert "pydantic" not in loaded


def test_a_wrong_value_is_refused_in_typers_words(data):
    words = ["serve", "--port", "65536", "--data", str(data)]
    code, printed, said = prepared.complete(words, os.environ)
    assert (code, printed) == (2, "")
    assert "--port" in said
    assert "65535" in said

"""The command as a process: its streams, its exit codes, and how quickly it is there.

What a start loads, what comes in by a pipe and what a key interrupts is asked of
`python -m sendrail`. All else is asked of forks of a process that has loaded it, see `prepared`.
"""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import prepared
import pytest
import typer

from sendrail.cli.main import COMMANDS, app, first_paragraph, main

ANN = "+15550100001"
SANDBOX = "+15550001000"
COMMAND = [sys.executable, "-m", "sendrail"]


def run(*words, **environment):
    """Run with both streams in files; return the exit code and what went to either."""
    return prepared.complete(words, os.environ | environment)


def on_terminal(words, environment):
    """Run with standard error on a terminal and standard output in a pipe."""
    ours, theirs = pty.openpty()
    process = prepared.Process(words, os.environ | environment, stdout=None, stderr=theirs)
    os.close(theirs)
    shown = b""
    # The terminal's end is an error on Linux: there is nobody left on the other side.
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    printed, _ = process.communicate()
    return process.returncode, printed, shown.decode()


def modules_in(report):
    """Return the modules that `-X importtime` names."""
    return {line.rsplit("|", 1)[-1].strip() for line in report.splitlines() if "|" in line}


def test_help_loads_no_database_no_server_no_cryptography_and_no_command():
    heavy = {"sqlalchemy", "starlette", "uvicorn", "cryptography", "msgspec", "asyncio", "sqlite3"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sendrail", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = modules_in(done.stderr)
    assert loaded.isdisjoint(heavy | {"rich", "pygments", "click", "structlog"})
    ours = {name for name in loaded if name.startswith("sendrail.cli.")}
    assert ours == {"sendrail.cli.main", "sendrail.cli.output", "sendrail.cli.session"}


def test_a_server_loads_nothing_that_no_message_needs(tmp_path):
    """It is loaded when it is needed: a client, another database, what the dashboard is made of."""
    report = tmp_path / "report"
    # Into a file: more than a pipe holds would stop the server before its first line.
    with report.open("w") as file:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(tmp_path / "data"), "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"},
        )
        assert json.loads(process.stdout.readline())["url"]
        process.send_signal(signal.SIGTERM)
        process.communicate()
    loaded = modules_in(report.read_text())
    assert "sendrail.api.server" in loaded
    assert loaded.isdisjoint(
        {
            "aiohttp",
            "asyncpg",
            "rich.text",
            "pygments",
            "phonenumbers",
            "alembic",
            "sqlalchemy.dialects.postgresql",
            "argon2",
            "jinja2",
            "pyotp",
            "segno",
            "yarl",
            "sendrail.dashboard.site",
        }
    )
    assert not {name for name in loaded if name.startswith("sendrail.storage.postgres")}


def test_the_help_says_of_each_command_what_the_command_says_itself():
    commands = typer.main.get_command(app).commands
    assert {name: first_paragraph(each.help) for name, each in commands.items()} == {
        name: text for name, (_, text) in COMMANDS.items()
    }


def test_every_module_of_the_command_line_is_a_command_or_serves_one():
    modules = {path.stem for path in Path(main.__code__.co_filename).parent.glob("*.py")}
    shared = {
        "__init__",
        "account_settings",
        "main",
        "moments",
        "output",
        "session",
        "exported",
        "imported",
        "verify",
    }
    # Parts of the commands for journeys and campaigns, which are many.
    shared |= {"journey_documents", "journey_enrolments", "journey_progress", "trials"}
    assert {module for module, _ in COMMANDS.values()} == modules - shared


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["lists", "list"], 0),
        (["lists", "show", "+15559999999"], 1),
        (["nonsense"], 2),
        (["keys", "revoke"], 2),
        (["keys", "revoke", "one"], 2),
        (["lists", "show", "one"], 1),
        (["lists", "show", "+1"], 2),
    ],
)
def test_exit_codes(data, words, code):
    ended, printed, said = run(*words, SENDRAIL_DATA_DIR=str(data))
    assert ended == code
    # What went wrong is never mixed into the result, and never a traceback.
    assert bool(printed) == (code == 0)
    assert bool(said) == (code != 0)
    assert "Traceback" not in said


def test_an_unhealthy_installation_is_exit_code_three(tmp_path):
    code, printed, said = run("doctor", "--data", str(tmp_path / "none"), "--json")
    assert code == 3
    assert json.loads(printed)["healthy"] is False
    assert said == ""


def test_there_is_no_colour_in_a_pipe_nor_against_the_users_wish(data):
    words = ["lists", "show", "+15559999999", "--data", str(data)]
    _, _, said = run(*words)
    assert "\x1b[" not in said
    _, _, plain = on_terminal(words, {"NO_COLOR": "1"})
    assert "\x1b[" not in plain
    code, printed, coloured = on_terminal(words, {"NO_COLOR": "", "TERM": "xterm"})
    assert (code, printed) == (1, "")
    assert "\x1b[" in coloured


def test_a_result_in_a_pipe_has_no_colour_even_beside_a_terminal(data):
    _, printed, _ = on_terminal(["doctor", "--data", str(data)], {"NO_COLOR": "", "TERM": "xterm"})
    assert "ok    version" in printed
    assert "\x1b[" not in printed


def test_a_progress_bar_is_for_terminals_and_never_in_the_result(data, tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text("phone\n" + "".join(f"+1555020{n:04}\n" for n in range(2_000)))
    words = ["contacts", "import", SANDBOX, str(path), "--no-dry-run", "--json"]
    words += ["--data", str(data)]
    code, printed, shown = on_terminal(words, {"TERM": "xterm"})
    assert code == 0
    assert json.loads(printed)["created"] == 2_000
    assert "importing" in shown
    _, printed, said = run(*words)
    assert json.loads(printed)["merged"] == 2_000
    assert said == ""


def test_a_count_of_an_audience_shows_its_progress(data):
    clicked = '{"operator": "AND", "conditions": [{"condition_type": "clicked", "value": true}]}'
    words = ["audiences", "add", "Clicked", "--filter", clicked, "--data", str(data), "--json"]
    ref = json.loads(run(*words)[1])["id"]
    for command in ("size", "explain"):
        words = ["audiences", command, ref, "--json", "--data", str(data)]
        code, printed, shown = on_terminal(words, {"TERM": "xterm"})
        assert (code, "counting" in shown, "1/1" in shown) == (0, True, True)
        assert json.loads(printed)
        assert run(*words)[2] == ""


def test_an_import_from_a_pipe(data):
    words = ["contacts", "import", SANDBOX, "-", "--no-dry-run", "--data", str(data)]
    done = subprocess.run(
        [*COMMAND, *words],
        input=f"phone\n{ANN}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 created")


def test_a_reader_that_leaves_early_is_no_crash(data):
    words = " ".join([*COMMAND, "config", "show", "--data", str(data)])
    done = subprocess.run(
        ["/bin/sh", "-c", f"{words} | head -n 1"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("setting\t")
    assert "Traceback" not in done.stderr


# A shell's background has this signal ignored, and what is started there inherits that.
HEEDING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_tail_prints_json_lines_until_ctrl_c(data):
    tail = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HEEDING,
            *COMMAND,
            "messages",
            "tail",
            "--json",
            "--data",
            str(data),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, printed, _ = run("send", ANN, "hi", "--json", "--data", str(data))
    sent = json.loads(printed)
    line = json.loads(tail.stdout.readline())
    assert (line["message_id"], line["status"]) == (sent["message_id"], "queued")
    tail.send_signal(signal.SIGINT)
    printed, said = tail.communicate()
    assert (tail.returncode, printed, said) == (0, "", "")

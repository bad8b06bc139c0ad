"""What is forked from a loaded process behaves as one that is started by its own command."""

import os
import subprocess
from pathlib import Path

import prepared
import pytest

from .serve import COMMAND, environment, wait_until


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["config", "show"], 0),
        (["serve", "--role", "cook"], 1),
        (["serve", "--no-such"], 2),
    ],
)
def test_it_says_and_ends_as_the_command_does(tmp_path, monkeypatch, words, wanted):
    monkeypatch.chdir(tmp_path)
    env = environment({"default_list_rate": 7, "data_dir": "here"})
    apart = subprocess.run(
        [*COMMAND, *words], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    forked = prepared.complete(words, env)
    assert forked == (apart.returncode, apart.stdout, apart.stderr.replace("python -m ", ""))
    assert forked[0] == wanted
    assert words[0] != "config" or "default_list_rate\t7\t" in forked[1]


def pipes_of(pid):
    links = [str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()]
    return {each for each in links if each.startswith("pipe:")}


def test_it_is_the_leader_of_a_session_and_leaves_nothing_when_it_is_killed(server):
    server.start()
    pid = server.process.pid
    assert os.getsid(pid) == pid
    held = pipes_of(pid)
    server.kill()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 5, "it is gone")
    server.start()
    # A pipe of another process, held here, would never be seen to end.
    assert not held & pipes_of(server.process.pid)
    assert server.stop(15) == 0


def test_a_signal_that_ends_it_is_its_exit_code(server):
    server.start()
    process = server.process
    process.send_signal(9)
    assert process.wait(60) == -9
    assert process.poll() == -9

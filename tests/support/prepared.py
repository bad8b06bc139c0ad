"""Processes of `sendrail` that need not load it: each is forked from one that has.

To load the program takes ten times as long as all else that a start does, and the tests start it
some hundred times. What runs is `sendrail.cli.main.main`, as `python -m sendrail` runs it, in a
process with an own environment, session and working directory, which can be killed like any other.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

# A request is one message: the words and the environment, and with it three descriptors.
_REQUEST_BYTES_MAX = 200_000
# What `sendrail serve` loads; a process that needs something else loads it itself.
LOADED = (
    "uvloop",
    "sendrail.cli.main",
    "sendrail.cli.serve",
    "sendrail.api.server",
    "sendrail.carriers.simulator.carrier",
    "sendrail.storage.postgres.store",
)
_TURN = threading.Lock()
_PATH_AT_FIRST = os.environ.get("PYTHONPATH")


def can_run(env: Mapping[str, str]) -> bool:
    """Return whether a process with this environment would load the same modules."""
    return env.get("PYTHONPATH") == _PATH_AT_FIRST


class Process:
    """The part of `subprocess.Popen` that the tests need, for a process that is not our child."""

    def __init__(
        self, words: Sequence[Any], env: Mapping[str, str], *, stdout: int | None, stderr: int
    ) -> None:
        """Start `sendrail` with some words, with a pipe from its output unless that has a place."""
        self.returncode: int | None = None
        self.stdout: TextIO | None = None
        asked = json.dumps(
            {"words": [*map(str, words)], "env": dict(env), "folder": str(Path.cwd())}
        )
        ours, theirs = socket.socketpair()
        write = stdout
        if stdout is None:
            read, write = os.pipe()
            self.stdout = os.fdopen(read, encoding="utf-8")
        with theirs, _TURN:
            socket.send_fds(_origin(), [asked.encode()], [theirs.fileno(), write, stderr])
        if stdout is None:
            os.close(write)
        self._said = ours.makefile("rb", buffering=0)
        ours.close()
        self.pid = int(self._said.readline())

    def poll(self) -> int | None:
        """Return the exit code, or none as long as it runs."""
        if self.returncode is None and select.select([self._said], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code when it has ended; a signal's number is negative."""
        if self.returncode is None:
            if not select.select([self._said], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("sendrail", timeout or 0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Return what is left of its output when it has ended."""
        assert self.stdout is not None
        with self.stdout:
            self.wait(timeout)
            return self.stdout.read(), None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def close(self) -> None:
        """End it if it still runs."""
        self._said.close()

    def _end(self) -> None:
        # Until the line is closed the process keeps its number: no other is killed in its place.
        self.returncode = int(self._said.readline())
        self._said.close()


def complete(words: Sequence[Any], env: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command in a process of its own to its end: its exit code, its output, its errors."""
    assert can_run(env)
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = Process(words, env, stdout=stdout.fileno(), stderr=stderr.fileno())
        try:
            code = process.wait(300)
        finally:
            process.close()
        stdout.seek(0)
        stderr.seek(0)
        return code, stdout.read(), stderr.read()


@functools.cache
def _origin() -> socket.socket:
    """Start the process that the others are forked from; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        origin = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what is forked buffers as if it wrote to a pipe
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        origin.wait(60)

    atexit.register(end)
    return ours


# In the process that the others are forked from


@dataclass
class _Child:
    pid: int
    line: int  # to whom it is for; closed there when it is wanted no more
    ended: int | None  # readable when it has ended; none once that was said


class _Origin:
    """Forks a process for each request, and says how each ends."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._children: dict[int, _Child] = {}  # by `line`, and by `ended`
        self._poll = select.poll()
        self._poll.register(asking, select.POLLIN)

    def run(self) -> None:
        """Serve until the tests' process is gone. In each process that is forked it returns, too.

        What is forked ends as an interpreter does, with `SystemExit` from here.
        """
        while True:
            # One at a time: a descriptor that is closed meanwhile may be another's already.
            fd = self._poll.poll()[0][0]
            child = self._children.get(fd)
            if child is None:  # it is the tests' own line
                asked, fds, _, _ = socket.recv_fds(self._asking, _REQUEST_BYTES_MAX, 3)
                if not asked:
                    break
                self._fork(json.loads(asked), *fds)
            elif fd == child.line:
                self._forget(child)
            else:
                self._say_end(child)
        for child in {each.pid: each for each in self._children.values()}.values():
            self._forget(child)

    def _fork(self, asked: dict[str, Any], line: int, stdout: int, stderr: int) -> None:
        pid = os.fork()
        if pid == 0:
            for each in self._children:
                os.close(each)
            self._asking.close()
            _become(asked, line, stdout, stderr)
        os.close(stdout)
        os.close(stderr)
        child = _Child(pid, line, os.pidfd_open(pid))
        for fd in (child.line, child.ended):
            assert fd is not None
            self._children[fd] = child
            self._poll.register(fd, select.POLLIN)

    def _say_end(self, child: _Child) -> None:
        result = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert result is not None
        code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        with contextlib.suppress(OSError):
            os.write(child.line, b"%d\n" % code)
        self._close(child.ended)
        child.ended = None

    def _forget(self, child: _Child) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        self._close(child.line)
        self._close(child.ended)

    def _close(self, fd: int | None) -> None:
        if fd is not None:
            self._poll.unregister(fd)
            del self._children[fd]
            os.close(fd)


def _become(asked: dict[str, Any], line: int, stdout: int, stderr: int) -> NoReturn:
    """Be the program: never return, and end as the interpreter does."""
    os.setsid()
    # Not before: a session's processes are killed together.
    os.write(line, b"%d\n" % os.getpid())
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for each in (line, stdout, stderr):
        os.close(each)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["sendrail", *asked["words"]]
    from sendrail.cli.main import main

    main()
    raise SystemExit(0)


def _load() -> None:
    """Load what `sendrail serve` loads."""
    from typer.testing import CliRunner

    from sendrail.cli.serve import _loading_quickly

    with _loading_quickly():
        for name in LOADED:
            importlib.import_module(name)
        # What the command line's library loads when it reads words.
        CliRunner().invoke(importlib.import_module("sendrail.cli.main").app, ["serve", "--help"])
    gc.freeze()


if __name__ == "__main__":
    _load()
    _Origin(socket.socket(fileno=int(sys.argv[1]))).run()

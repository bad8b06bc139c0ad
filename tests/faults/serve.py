"""`sendrail serve` as a process that a test may kill, and a small client to speak with it."""

import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import prepared
from ports import own_port
from typer.testing import CliRunner

from sendrail.cli.main import app

START_SECONDS = 60
# Limits are those of an idle machine. Only a hang takes so many times as long.
BUSY = 12
COMMAND = [sys.executable, "-m", "sendrail"]
# Far longer than a test may take.
AGES_SECONDS = 3_600


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """Return our environment without anybody's settings but these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SENDRAIL_")}
    return clean | {f"SENDRAIL_{name.upper()}": str(value) for name, value in settings.items()}


class DidNotStart(AssertionError):
    """The server ended before it was ready."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int, key: str, timeout: float = 60) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._headers = {"X-Api-Key": key, "Content-Type": "application/json"}

    def post(self, path: str, body: Any) -> Answer:
        return self._ask("POST", path, json.dumps(body))

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, json.loads(content))


class Server:
    """A data folder and, at times, the server on it; it keeps its port over restarts."""

    def __init__(
        self,
        data: Path,
        said: Path,
        *,
        program: Sequence[str] | None = None,
        words: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        """Prepare it; `words` go with `serve`, and `program` stands for `sendrail` there.

        Without a `program` it is forked from a process that has loaded it, see `prepared.py`;
        with `program=COMMAND` it is a process from the very start.
        """
        self._program = program
        self._words = words
        self.data = data
        self.said = said
        self.settings = settings
        self.port = own_port()
        self.key = ""
        self.list_number = ""
        self.process: subprocess.Popen[str] | prepared.Process | None = None
        self._clients: list[Client] = []

    def spawn(self) -> None:
        """Start the process, and do not wait for it."""
        assert self.process is None, "one server at a time"
        words = ["serve", "--json", "--data", self.data, "--port", str(self.port), *self._words]
        env = environment(self.settings)
        with self.said.open("ab") as said:
            if self._program is None and prepared.can_run(env):
                self.process = prepared.Process(words, env, stdout=None, stderr=said.fileno())
                return
            self.process = subprocess.Popen(
                [*(self._program or COMMAND), *words],
                env=env,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )

    def ready(self, seconds: float = START_SECONDS) -> dict[str, Any]:
        """Wait for the line that says it is ready, and return it."""
        line = self.line(seconds)
        if not line:
            code, self.process = self._gone(), None
            raise DidNotStart(f"exit code {code}\n{self.said.read_text()[-3_000:]}")
        told: dict[str, Any] = json.loads(line)
        self.port = int(told["url"].rpartition(":")[2])
        self.key = told["api_key"] or self.key
        self.list_number = told["list_number"]
        return told

    def line(self, seconds: float) -> str:
        """Return the ready line, or nothing when the process ended before it."""
        assert self.process is not None
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        assert readable, f"not ready after {seconds} s\n{self.said.read_text()[-3_000:]}"
        return self.process.stdout.readline()

    def start(self) -> dict[str, Any]:
        self.spawn()
        return self.ready()

    def client(self, timeout: float = 60) -> Client:
        self._clients.append(Client(self.port, self.key, timeout))
        return self._clients[-1]

    def close(self) -> None:
        """End whatever still runs."""
        if self.process is not None:
            self.kill()
        for client in self._clients:
            client.close()

    def kill(self) -> str:
        """Kill it without a warning; return what it had printed and nobody had read."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        printed, _ = self.process.communicate(timeout=60)
        self.process = None
        return printed

    def stop(self, within_seconds: float) -> int:
        """Ask it to stop; return its exit code. It has so long on an idle machine."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(within_seconds * BUSY)
        finally:
            code = self._gone()
            self.process = None
        return code

    def run(self, *words: str) -> Any:
        """Run another command on the same folder; return what it printed.

        It runs in the process of the test, which is another one than the server's.
        """
        settings = {f"SENDRAIL_{name.upper()}": str(each) for name, each in self.settings.items()}
        done = CliRunner().invoke(app, [*words, "--json", "--data", str(self.data)], env=settings)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def run_apart(self, *words: str) -> Any:
        """Run another command in a process of its own, as several at once must; see `run`."""
        code, stdout, stderr = self._complete(*words, "--json", "--data", self.data)
        assert code == 0, stderr
        return json.loads(stdout)

    def refusal(self) -> tuple[int, str]:
        """Start a server that is expected to refuse; return its exit code and its sentence."""
        code, stdout, stderr = self._complete("serve", "--json", "--data", self.data, "--port", "0")
        assert stdout == ""
        assert "Traceback" not in stderr, stderr
        return code, json.loads(stderr.splitlines()[-1])["error"]

    def _complete(self, *words: Any) -> tuple[int, str, str]:
        """Run a command in a process of its own; return its exit code and what it said."""
        return prepared.complete(words, environment(self.settings))

    def _gone(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stdout.close()
        return self.process.wait(60)


def answer_after(server: Server, seconds: float) -> None:
    """Let the sandbox answer a submit only after a while; the server is started again for it."""
    server.settings["answer_timeout_seconds"] = AGES_SECONDS
    given = f"answer_delay_ms={round(seconds * 1000)}"
    server.run("connectors", "change", "sandbox", "--set", given)
    assert server.stop(15) == 0
    server.start()


def wait_until(holds: Any, seconds: float, what: str) -> None:
    """Ask again and again until it holds, as it does within so long on an idle machine."""
    until = time.monotonic() + seconds * BUSY
    while not holds():
        assert time.monotonic() < until, f"not within {seconds * BUSY} s: {what}"
        time.sleep(0.05)

"""Asks the vendors' own SDKs, each by a script in an environment that has nothing of ours."""

import atexit
import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

FOLDER = Path(__file__).parents[1] / "oracles" / "http"
PYTHON = FOLDER / ".venv" / "bin" / "python"

needs_oracles = pytest.mark.skipif(
    not PYTHON.exists(),
    reason="the vendors' SDKs are not installed; README.md, part Test it, says how",
)
NODE = shutil.which("node")
needs_node_oracles = pytest.mark.skipif(
    NODE is None or not (FOLDER.parent / "node_modules").is_dir(),
    reason="no Node.js, or no packages: run `npm ci --prefix tests/oracles`",
)


def ask(vendor, *calls):
    """Return the results of calls, `(name, arguments)` each, to the script of a vendor."""
    by_node = FOLDER / f"ask_{vendor}.cjs"
    return _run(by_node, calls) if by_node.exists() else _script(vendor).answers(calls)


def _run(script, calls):
    given = json.dumps(calls).encode()
    done = subprocess.run(
        [NODE, script], input=given, capture_output=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@functools.cache
def _script(vendor):
    """Return the script of a vendor, begun when it is first asked: its SDK loads for seconds."""
    script = _Script(FOLDER / f"ask_{vendor}.py")
    atexit.register(script.end)
    return script


class _Script:
    """A process that answers each line of calls with a line of results, until its stdin ends."""

    def __init__(self, path):
        self._path = path
        self._process = None

    def answers(self, calls):
        if self._process is None:
            self._begin()
        self._process.stdin.write(json.dumps(calls) + "\n")
        self._process.stdin.flush()
        if line := self._process.stdout.readline():
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read()
        # The next test has one that begins anew.
        self.end()
        raise AssertionError(errors)

    def _begin(self):
        self._errors = tempfile.TemporaryFile(  # noqa: SIM115 - as long as the process
            "w+", encoding="utf-8"
        )
        self._process = subprocess.Popen(
            [PYTHON, self._path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )

    def end(self):
        if self._process is not None:
            # Its output and its input are closed, and its end is waited for.
            with self._process, self._errors:
                pass
            self._process = None


def ours(request, credentials="authorization"):
    """Return what must be equal of a request with JSON: how, where, by whom, and the value."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return _parts(request.method, request.url, headers, request.body, credentials)


def theirs(told, credentials="authorization"):
    """Return the same of a request that was recorded of an SDK."""
    return _parts(told["method"], told["target"], told["headers"], told["body"], credentials)


def _parts(method, url, headers, body, credentials):
    target = urlsplit(url)
    return {
        "method": method,
        "path": target.path,
        "query": sorted(parse_qsl(target.query)),
        "credentials": headers[credentials],
        "content_type": headers.get("content-type", "").partition(";")[0] if body else "",
        "value": json.loads(body) if body else None,
    }


def flips(raw):
    """Yield the bytes with each single bit of each byte turned."""
    for at, byte in enumerate(raw):
        for bit in range(8):
            yield raw[:at] + bytes([byte ^ 1 << bit]) + raw[at + 1 :]

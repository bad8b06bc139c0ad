"""An SMSC that others wrote: node-smpp in a process of its own, told by HTTP how to behave."""

import json
import shutil
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[1] / "peers"


class Smsc:
    """The process with its two ports."""

    def __init__(self, process, smpp, control):
        self.process = process
        self.port = smpp
        self._control = control

    def ask(self, path, **body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._control}/{path}",
            data=json.dumps(body).encode() if body else None,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def set(self, **behaviour):
        return self.ask("set", **behaviour)

    @property
    def state(self):
        return self.ask("state")

    def settings(self, **more):
        """Return the settings of a connector to this SMSC."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "system_id": "esme",
            "password": "secret",
            **more,
        }


@contextmanager
def running(*arguments):
    """Run an SMSC; skip the test where there is none to run."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (PEERS / "node_modules").is_dir():
        pytest.skip("node-smpp is not installed: run `npm ci --prefix tests/peers`")
    process = subprocess.Popen(
        [node, "smsc.cjs", *map(str, arguments)],
        cwd=PEERS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Smsc(process, **json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()

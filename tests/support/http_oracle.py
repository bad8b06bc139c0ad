"""Asks the vendors' own SDKs, each by a script in an environment that has nothing of ours."""

import json
import shutil
import subprocess
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
    script = [NODE, by_node] if by_node.exists() else [PYTHON, FOLDER / f"ask_{vendor}.py"]
    done = subprocess.run(
        script,
        input=json.dumps(calls).encode(),
        capture_output=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


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

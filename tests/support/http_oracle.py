"""Asks the vendors' own SDKs, each by a script in an environment that has nothing of ours."""

import json
import shutil
import subprocess
from pathlib import Path

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
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)

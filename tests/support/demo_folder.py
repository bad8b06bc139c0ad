"""A small demonstration, made once in a process by the command itself."""

import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def demo(*words):
    """Run `sendrail demo` in a process of its own; return what it printed, and its exit code."""
    command = [sys.executable, "-m", "sendrail", "demo", "--json", *words]
    made = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    return json.loads(made.stdout or made.stderr), made.returncode


@functools.cache
def small_demo():
    """Return what was made, and the folder of it; who changes it makes a copy."""
    folder = Path(tempfile.mkdtemp()) / "demo"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    made, code = demo("--data", str(folder), "--days", "2", "--contacts", "150")
    assert code == 0, made
    return made, folder

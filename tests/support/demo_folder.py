"""A small demonstration, made once for all workers of a test run by the command itself."""

import fcntl
import json
import os
import subprocess
import sys


def demo(*words):
    """Run `sendrail demo` in a process of its own; return what it printed, and its exit code."""
    command = [sys.executable, "-m", "sendrail", "demo", "--json", *words]
    made = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    return json.loads(made.stdout or made.stderr), made.returncode


def small_demo(tmp_path_factory):
    """Return what was made, and the folder of it; who changes it makes a copy."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, answer = shared / "demo", shared / "demo.json"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            made, code = demo("--data", str(folder), "--days", "2", "--contacts", "150")
            assert code == 0, made
            answer.write_text(json.dumps(made), "utf-8")
    return json.loads(answer.read_text("utf-8")), folder

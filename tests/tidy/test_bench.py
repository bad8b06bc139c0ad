"""Each benchmark says what it takes: `--help` starts nothing, and needs nothing it measures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench"
# Needs the package that Sendrail is compared with.
NEEDS_A_PEER = {"dbos_steps.py"}
SCRIPTS = [
    path.name
    for path in sorted(BENCH.glob("*.py"))
    if '__name__ == "__main__"' in path.read_text() and path.name not in NEEDS_A_PEER
]
# All in one process: to load the program takes longer than all else.
ASK = """
import contextlib, io, json, runpy, sys
found, folder, scripts = {}, sys.argv[1], sys.argv[2:]
sys.path.insert(0, folder)
for name in scripts:
    sys.argv = [name, "--help"]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(f"{folder}/{name}", run_name="__main__")
    except SystemExit as end:
        found[name] = "" if end.code == 0 and "usage:" in said.getvalue() else f"ends {end.code}"
    except BaseException as error:
        found[name] = repr(error)
    else:
        found[name] = "ran"
print(json.dumps(found))
"""


def test_each_benchmark_reads_its_options_by_a_parser():
    texts = {name: (BENCH / name).read_text() for name in (*SCRIPTS, *NEEDS_A_PEER)}
    assert len(texts) > 20
    assert [
        name
        for name, text in texts.items()
        if "kit.main(" not in text and "parse_args(" not in text
    ] == []


# A minute: it loads the whole program, and the peers of the tests.
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_benchmark_has_a_help():
    asked = [sys.executable, "-c", ASK, str(BENCH), *SCRIPTS]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == set(SCRIPTS)
    assert {name: fault for name, fault in found.items() if fault} == {}

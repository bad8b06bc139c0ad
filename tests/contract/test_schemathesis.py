"""A generator of requests, good and bad, against a running server: it answers as described."""

import subprocess
import sys
from pathlib import Path

import pytest

from sendrail.api.openapi import OPERATIONS

CONFIG = Path(__file__).with_name("schemathesis.toml")


def run(door, folder, *options):
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    command += ["run", f"{door.url}/openapi.json", "--warnings", "off"]
    command += ["--header", f"X-Api-Key: {door.key}", "--generation-database", "none", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Thousands of requests; at length, below, many times as many.
@pytest.mark.long
@pytest.mark.timeout(900)
def test_answers_are_as_described(worn_door, tmp_path, request):
    # The way in makes a difference to the sending calls alone.
    sending = "asgi" in request.node.callspec.id
    only = ["--include-path-regex", "^/send"] if sending else []
    # On the shared database a request meets other statements, and the same reading of it.
    examples = "1" if "postgres" in request.node.callspec.id else "2"
    # An example of the description is among what covers it. Requests that follow each other have
    # hours at length, and here no time to get anywhere.
    phases = ["--phases", "coverage,fuzzing"]
    told = run(worn_door, tmp_path, "--max-examples", examples, "--seed", "1", *phases, *only)
    tried = [each for each in OPERATIONS if not sending or each.tag == "Sending"]
    assert f"Tested: {len(tried)}" in told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_answers_are_as_described_at_length(worn_door, tmp_path):
    run(worn_door, tmp_path, "--max-examples", "600", "--continue-on-failure")

"""One SMSC for all tests of a module, which begins each as if it were new."""

import pytest

import smsc


@pytest.fixture(scope="module")
def process():
    with smsc.running() as running:
        yield running


@pytest.fixture
def peer(process):
    process.ask("kill")
    process.ask("reset")
    return process

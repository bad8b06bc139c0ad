"""`sendrail runs`: a run is started, followed, paused, resumed and stopped."""

import asyncio
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
from planned import EVERYBODY
from schedules import DAILY
from stores import sign_up

from sendrail.cli import runs
from sendrail.domain.audience_filter_json import read_filter
from sendrail.domain.campaign_run import RunState
from sendrail.domain.schedule import Blast, ScheduleTerms, SendType

REF = "a" * 24


@pytest.fixture
def campaign(runtime):
    """A campaign to everybody on the account's lists; return its id."""
    blasts = (Blast(message="Hello", percent_audience=100),)
    full = replace(DAILY, send_type=SendType.BLAST, audiences=(REF,), blasts=blasts)
    said = {each.name: getattr(full, each.name) for each in fields(ScheduleTerms)}

    async def make(it):
        us = it.default_account

        def add(tx):
            (own,) = tx.lists.all(us)
            sign_up(tx, own.id, 12125550100)
            # Before whatever this machine's clock says.
            tx.core.exec_driver_sql("UPDATE list_contacts SET subscribed_at = 0")
            tx.audiences.add(
                us, ref=REF, name="All", description="", source_lists=(),
                filter=read_filter(EVERYBODY), status="active", created_at=0, updated_at=0,
            )  # fmt: skip
            tx.schedules.add(
                us, ScheduleTerms(**said), ref=REF, status="on", on_since=0, next_at=None,
                created_at=0, updated_at=0,
            )  # fmt: skip

        await it.store.write(add)

    runtime(make)
    return REF


def test_a_run_is_started_once_a_day_and_followed(shell, campaign):
    assert "no run" in shell.run("runs", "list", campaign).stderr
    started = shell.json("campaigns", "run", campaign)
    assert (started["state"], started["progress"], started["planned"]) == ("running", "0%", 0)
    assert shell.error("runs", "start", campaign) == (1, "run_exists")
    number = str(started["id"])
    assert shell.json("runs", "show", number) == started
    assert shell.json("runs", "list", campaign)["runs"][0]["id"] == started["id"]
    assert shell.json("campaigns", "pause", number, "--note", "wait")["reason"] == "asked"
    assert shell.json("runs", "watch", number)["state"] == "paused", "it goes on when told so"
    assert shell.json("runs", "resume", number)["state"] == "running"
    assert "stopped" in shell.run("runs", "stop", number).stdout
    assert shell.error("runs", "pause", number) == (1, "run_state_conflict")


def test_watching_says_once_what_a_planned_run_waits_for(monkeypatch, capsys):
    monkeypatch.setattr(runs, "_LOOK_SECONDS", 0)
    looks = [("running", 0.5), ("running", 1.0), ("running", 1.0), ("finished", 1.0)]

    async def show(*_):
        state, share = looks.pop(0)
        return SimpleNamespace(run=SimpleNamespace(state=RunState(state)), share=share)

    runtime = SimpleNamespace(default_account=1, runs=SimpleNamespace(show=show))
    assert asyncio.run(runs._watching(7)(runtime)).run.state is RunState.FINISHED
    [said] = capsys.readouterr().err.splitlines()
    assert "quiet hours: see `sendrail reports run 7`" in said


def test_what_is_not_there_is_named(shell):
    assert shell.error("runs", "show", "999999") == (1, "not_found")
    assert shell.error("runs", "list", "b" * 24) == (1, "not_found")
    assert shell.error("runs", "start", "b" * 24) == (1, "not_found")

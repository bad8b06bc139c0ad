"""Runs over the API: shown as far as they have come, and moved as their state allows."""

import pytest
from asking import ask, refused, told
from runs import a_run

from sendrail.domain.campaign_run import RunState

pytestmark = pytest.mark.usefixtures("door")


def test_a_run_is_shown_with_its_counts_and_how_far_each_wave_has_come(door):
    run_id = a_run(door, door.us)
    place = (door.us, run_id, 0, 0, 250)
    door.write(lambda tx: tx.run_pages.move_cursor(*place, done=False))
    shown = told(ask(door, "GET", f"runs/{run_id}"))
    assert (shown["state"], shown["reason"], shown["planned"]) == ("running", None, 0)
    assert shown["progress"] == 0.25
    assert [wave["progress"] for wave in shown["waves"]] == [0.25]
    assert (shown["left_out"], shown["variants"], shown["ended_at"]) == ({}, [], None)


def test_a_run_is_paused_resumed_and_stopped_and_the_audit_log_says_why(door):
    run_id = a_run(door, door.us)
    paused = told(ask(door, "POST", f"runs/{run_id}/pause", {"note": "a wrong link"}))
    assert (paused["state"], paused["reason"]) == ("paused", "asked")
    assert told(ask(door, "POST", f"runs/{run_id}/resume", {}))["state"] == "running"
    stopped = told(ask(door, "POST", f"runs/{run_id}/stop", {}))
    assert stopped["state"] == "stopped"
    assert stopped["ended_at"] is not None
    for name in ("pause", "resume", "stop"):
        refused(ask(door, "POST", f"runs/{run_id}/{name}", {}), "run_state_conflict")
    entries = door.do(door.runtime.audit.page(door.us))
    ours = [(each.action, each.details) for each in entries if each.about == f"run {run_id}"]
    assert sorted(ours, key=str) == [
        ("run.paused", {"note": "a wrong link"}), ("run.resumed", {}), ("run.stopped", {}),
    ]  # fmt: skip


def test_a_call_without_a_body_is_one_without_fields_whatever_type_it_says_it_has(door):
    run_id = a_run(door, door.us)
    assert door.post(f"runs/{run_id}/pause", b"").json()["state"] == "paused"
    assert "is required" in door.post("schedules", b"").json()["error"]
    refused(door.post(f"runs/{run_id}/resume", b" "), "invalid_json")


def test_a_note_has_a_bound(door):
    run_id = a_run(door, door.us, RunState.PAUSED)
    refused(
        ask(door, "POST", f"runs/{run_id}/resume", {"note": "x" * 256}), "note_too_long", "note"
    )
    assert told(ask(door, "GET", f"runs/{run_id}"))["state"] == "paused"

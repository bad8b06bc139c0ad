"""Planners that are killed, and planners that race: nobody doubled, nobody missing."""

import random

import planners
import pytest
from planned import crowd


def test_f1_of_planners_that_are_killed_in_the_midst_nothing_is_lost_or_doubled(desk):
    members = crowd(planners.MEMBERS)
    desk.join(members)
    run_id = desk.begin()
    assert planners.kill_until_done(desk, members, 2, random.Random(7)) > 0
    planners.finish(desk)
    assert planners.faults_of(desk, run_id, members) == {}


def test_f3_planners_that_race_share_a_run_without_a_double(desk):
    members = crowd(1_000)
    desk.join(members)
    run_id = desk.begin()
    planners.race(desk)
    assert planners.faults_of(desk, run_id, members) == {}


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_killing_finds_a_planner_that_moves_its_cursor_before_its_messages(desk):
    members = crowd(planners.MEMBERS)
    desk.join(members)
    run_id = desk.begin()
    planners.kill_until_done(desk, members, 2, random.Random(7), "fetch first")
    planners.finish(desk)
    assert "missing" in planners.faults_of(desk, run_id, members)

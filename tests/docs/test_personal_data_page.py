"""The page on personal data names every action of the audit log."""

import re
from pathlib import Path

from sendrail.domain.audit import Action

PAGE = (Path(__file__).parents[2] / "docs" / "personal-data.md").read_text("utf-8")


def test_the_table_has_every_action_of_the_audit_log_once():
    table = PAGE.partition("| about | actions |")[2].partition("\n\n")[0]
    named = re.findall(r"`([a-z_]+\.[a-z_]+)`", table)
    assert sorted(named) == sorted(Action)

"""`sendrail send --at` and `sendrail messages cancel`."""

from datetime import UTC, datetime, timedelta


def test_a_message_for_later_is_queued_shown_and_called_back(shell):
    when = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    sent = shell.json("send", "+15550100041", "Later", "--at", when)
    found = shell.json("messages", "show", sent["message_id"])
    assert (found["status"], found["send_at"]) == ("queued", when)
    # As the API says it.
    assert found["status_detail"] == "scheduled"
    assert shell.json("messages", "cancel", sent["message_id"]) == {"cancelled": True}
    found = shell.json("messages", "show", sent["message_id"])
    assert (found["status"], found["status_detail"]) == ("dropped", "cancelled")
    assert shell.error("messages", "cancel", sent["message_id"]) == (1, "not_scheduled")


def test_a_time_too_far_ahead_is_refused(shell):
    given = ("send", "+15550100042", "Later", "--at")
    assert shell.error(*given, "2999-01-01T00:00Z") == (1, "invalid_send_at")
    assert shell.run(*given, "soon").exit_code == 2

"""What is looked for on the way to several servers is found in statements that had it."""

import pytest
import spread_rules

# Each was refused by Citus 13.2.2.
REFUSED = {
    "a count for each list": """
        SELECT lists.id, (SELECT count(*) AS n FROM list_contacts
            WHERE list_contacts.list_id = lists.id AND list_contacts.active) AS active
        FROM lists WHERE lists.account_id = $1::BIGINT
    """,
    "a count up to a bound for each list": """
        SELECT lists.id, (SELECT count(*) FROM (SELECT list_contacts.recipient FROM list_contacts
            WHERE list_contacts.list_id = lists.id LIMIT $1::BIGINT) AS some) AS active FROM lists
    """,
    "a recursion over all lists": """
        WITH RECURSIVE days (day) AS (
            SELECT min(signup_at) FROM list_contacts UNION ALL SELECT day + 1 FROM days)
        SELECT day FROM days
    """,
}
RUN = {
    "a condition on the same shard": """
        SELECT count(*) FROM list_contacts WHERE list_contacts.list_id = $1::BIGINT AND EXISTS (
            SELECT 1 FROM contact_activity
            WHERE contact_activity.list_id = list_contacts.list_id
                AND contact_activity.recipient = list_contacts.recipient)
    """,
    "a condition on what all servers have": """
        SELECT list_contacts.recipient FROM list_contacts WHERE EXISTS (
            SELECT 1 FROM blocks WHERE blocks.recipient = list_contacts.recipient)
    """,
    "some lists by a query of its own": """
        SELECT list_contacts.list_id, count(*) FROM list_contacts
        WHERE list_contacts.list_id IN (
            SELECT lists.id FROM lists WHERE lists.account_id = $1::BIGINT)
        GROUP BY list_contacts.list_id
    """,
    "a recursion over one list": """
        WITH RECURSIVE days (day) AS (
            SELECT min(signup_at) FROM list_contacts WHERE list_id = $1::BIGINT
            UNION ALL SELECT (SELECT min(signup_at) FROM list_contacts
                WHERE list_id = $1::BIGINT AND signup_at > day) FROM days)
        SELECT day FROM days
    """,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_several_servers_refuse_is_found(name):
    assert spread_rules.refused(REFUSED[name])


@pytest.mark.parametrize("name", RUN)
def test_what_they_run_is_not(name):
    assert spread_rules.refused(RUN[name]) == ""

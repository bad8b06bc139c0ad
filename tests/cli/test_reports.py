"""`sendrail reports`."""

from sendrail.domain.origin import Origin, OriginKind
from sendrail.domain.origin_counts import CountKey, CountTally
from sendrail.sandbox import sandbox_number


def test_reports_of_an_installation_that_has_sent_nothing(shell):
    report = shell.json("reports", "performance")
    assert (report["rows"], report["total"]["sent"], report["group_by"]) == ([], 0, "date")
    kpis = shell.json("reports", "kpis", "7d", "--timezone", "Europe/Oslo")
    assert (kpis["sent"]["sent"], kpis["period"]["timezone"]) == (0, "Europe/Oslo")
    cohorts = shell.json("reports", "cohorts", "--group-by", "week")
    assert (cohorts["total"]["contacts"], cohorts["group_by"]) == (0, "week")
    by_list = shell.json("reports", "cohorts", "--group-by", "list")
    assert [each["list_number"] for each in by_list["cohorts"]] == [sandbox_number()]
    by_field = shell.json("reports", "cohorts", "--group-by", "custom_field", "--field", "plan")
    assert (by_field["custom_field"], by_field["cohorts"]) == ("plan", [])
    by_nothing = ("reports", "cohorts", "--group-by", "custom_field")
    assert shell.error(*by_nothing) == (2, "invalid_parameter")
    assert shell.error("reports", "run", "1") == (1, "not_found")
    assert shell.error("reports", "campaign", "0" * 24) == (1, "not_found")
    assert shell.error("reports", "journey", "1") == (1, "not_found")


def test_a_report_is_printed_as_a_table_and_as_csv(shell):
    table = shell.run("reports", "performance", "--group-by", "list").stdout
    assert "delivery_rate" in table
    assert "total" in table
    assert "No contacts signed up" in shell.run("reports", "cohorts").output
    printed = shell.run("reports", "cohorts", "--csv").stdout
    assert printed.startswith('"cohort","contacts","active","days","is_complete","sends"')
    printed = shell.run("reports", "kpis", "--csv").stdout
    assert printed.startswith('"figures","accepted","sent"')
    assert '"happened_before"' in printed


def test_what_cannot_be_asked_for_is_named(shell):
    assert shell.error("reports", "kpis", "year") == (2, "invalid_parameter")
    assert shell.error("reports", "performance", "--from", "soon") == (2, "invalid_parameter")
    assert shell.error("reports", "performance", "--group-by", "x") == (2, "invalid_parameter")
    assert shell.error("reports", "cohorts", "--list", "?") == (2, "invalid_parameter")
    assert shell.error("reports", "kpis", "--timezone", "Mars") == (2, "invalid_timezone")


def test_what_ended_in_the_queue_is_named_below_the_table(shell, runtime):
    async def drop(it):
        hour = it.clock.now() // 3_600_000

        def count(tx):
            [sender] = tx.lists.all(it.default_account)
            origin = Origin(OriginKind.JOURNEY, 1, 1, "first")
            [origin_id] = tx.origins.find_or_add(it.default_account, [origin]).values()
            tally = CountTally()
            for what, n in (("dropped:stale", 2), ("dropped:campaign_stopped", 3)):
                tally.add(CountKey(sender.lane, origin_id, sender.id, hour, what), n)
            tx.origin_counts.add(tally)

        await it.store.write(count)

    runtime(drop)
    printed = shell.run("reports", "performance").output
    assert "Dropped from the queue: 3 campaign_stopped, 2 stale" in printed
    assert "Dropped" not in shell.run("reports", "performance", "--csv").output

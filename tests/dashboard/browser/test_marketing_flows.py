"""What a marketer does in the dashboard, in a real browser and without scripts."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

FILE = b"""phone_number,first_name,consent_date
+12125550180,Ada,2026-01-03
+12125550181,Ben,2026-01-04
not a number,Cid,2026-01-05
"""


@pytest.fixture
def go(open_page):
    return lambda path: open_page(path, java_script_enabled=False)


def test_a_file_is_judged_and_brought_in(go):
    page = go("/contacts/import")
    page.get_by_label("List", exact=True).select_option(label="Sandbox (+1 555 000 1000)")
    page.get_by_label("CSV file").set_input_files(
        {"name": "friends.csv", "mimeType": "text/csv", "buffer": FILE}
    )
    page.get_by_role("button", name="Check file").click()
    start = page.get_by_role("button", name=re.compile("^Import 2"))
    until(page, start)
    expect(page.get_by_text("Line").first).to_be_visible()
    start.click()
    until(page, page.get_by_text("2 rows are in"))
    page.goto("/dashboard/contacts/12125550181")
    expect(page.get_by_role("row", name=re.compile("Active Sandbox"))).to_be_visible()


def test_an_audience_is_made_and_counted(go):
    page = go("/audiences/new")
    page.get_by_label("Name", exact=True).fill("Gold")
    page.get_by_role("button", name="Add condition").click()
    page.get_by_label("Name of the field").fill("tier")
    page.get_by_label("Value", exact=True).fill("gold")
    page.get_by_role("button", name="Count again").click()
    expect(page.get_by_text(re.compile(r"\d+ people")).first).to_be_visible()
    page.get_by_role("button", name="Save audience").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gold")


def test_a_campaign_is_written_switched_on_and_reported(go):
    page = go("/campaigns/new")
    page.get_by_label("Name", exact=True).fill("A sale")
    page.get_by_label("All customers").check()
    page.get_by_label("Text 1").fill("A sale, {{first_name|friend}}: today only.")
    page.get_by_label("Name in reports").fill("Plain")
    page.get_by_label("Share per cent").fill("100")
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    page.get_by_label("Day", exact=True).fill(tomorrow.isoformat())
    page.get_by_label("From", exact=True).fill("11:00")
    page.get_by_role("button", name="Save as draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A sale")
    page.get_by_role("link", name="Switch on").click()
    page.get_by_role("button", name="Switch campaign on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    # What a run looks like behind it.
    page.goto("/dashboard/campaigns")
    page.get_by_role("link", name="Boots are in").click()
    page.get_by_role("row", name=re.compile("Finished")).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Variants")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Boots are in A"))).to_contain_text("%")


def test_a_journey_is_made_and_switched_on(go):
    page = go("/journeys")
    page.get_by_label("Name", exact=True).fill("A hello")
    page.get_by_label("List", exact=True).select_option(label="News")
    page.get_by_role("radio", name=re.compile("A menu that answers")).check()
    page.get_by_role("button", name="Make draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A hello")
    page.get_by_role("button", name=re.compile("^Activate")).click()
    page.goto("/dashboard/journeys")
    expect(page.get_by_role("row", name=re.compile("^Active A hello"))).to_be_visible()


def until(page, wanted):
    """Load the page again until something is there: without scripts it does not do so itself."""
    for _ in range(240):
        if wanted.count():
            return
        page.wait_for_timeout(250)
        page.reload()
    expect(wanted.first).to_be_visible()

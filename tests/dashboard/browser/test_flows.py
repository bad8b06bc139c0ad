"""What people do in the dashboard, in a real browser, with scripts and without."""

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

HANDSET = "+15550100001"


@pytest.fixture(
    params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["no scripts", "scripts"]
)
def go(request, open_page):
    """Open a page; without scripts, because then each deed must work by the form alone."""
    return lambda path="/", **about: open_page(path, java_script_enabled=request.param, **about)


@pytest.fixture
def confirmed(go):
    """Open a page for which the password was shown just now, however long ago the sign-in was."""

    def open_confirmed(path):
        page = go(f"/confirm?next={path}")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button").last.click()
        page.wait_for_url(f"**/dashboard{path}")
        return page

    return open_confirmed


def test_sign_out_and_in(go, served, chromium):
    page = chromium.new_page(base_url=served["url"])
    page.goto("/dashboard/messages")
    assert "/dashboard/sign-in" in page.url
    for password, follows in (("wrong horse", "Sign in"), ("correct horse", "Messages")):
        page.get_by_label("Address").fill("mara@example.com")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(follows)
    page.context.close()
    # A session of its own: the one of the other tests goes on.
    assert go("/").get_by_role("heading", level=1).inner_text() == "Overview"


def test_a_first_message(go):
    page = go("/send")
    page.get_by_label("List", exact=True).select_option("+15550001000")
    page.get_by_label("Recipient").fill(HANDSET)
    page.get_by_label("Text").fill("Hello from a browser")
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("555 010 0001")
    for _ in range(300):
        if page.get_by_text("The handset has it").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(page.get_by_text("The handset has it").first).to_be_visible()


def test_a_connector_a_list_and_its_first_message(confirmed):
    page = confirmed("/connectors")
    # Both runs, with scripts and without, share one server.
    ours = "fast" if page.get_by_role("link", name="fast", exact=True).count() == 0 else "faster"
    number = {"fast": "+15550001701", "faster": "+15550001702"}[ours]
    page.get_by_role("link", name="Add connector").click()
    page.get_by_role("link", name="Sandbox", exact=True).last.click()
    page.get_by_label("Receipt delay ms").fill("soon")
    page.get_by_role("button", name="Add connector").click()
    expect(page.get_by_text("This must be a whole number").first).to_be_visible()
    page.get_by_label("Name").fill(ours)
    page.get_by_label("Receipt delay ms").fill("20")
    page.get_by_role("button", name="Add connector").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ours)
    page.get_by_role("button", name="Test credentials").last.click()
    expect(page.get_by_text("The credentials work")).to_be_visible()
    page.get_by_role("link", name="Add list").click()
    expect(page.get_by_label("Connector", exact=True)).to_have_value(ours)
    page.get_by_label("Number").fill(number)
    page.get_by_label("Name").fill(f"By {ours}")
    page.get_by_role("button", name="Add list").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"By {ours}")
    page.goto("/dashboard/send")
    page.get_by_label("List", exact=True).select_option(number)
    page.get_by_label("Recipient").fill(HANDSET)
    page.get_by_label("Text").fill(f"Hello by {ours}")
    page.get_by_role("button", name="Send message").click()
    for _ in range(300):
        if page.get_by_text("The handset has it").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(page.get_by_text("The handset has it").first).to_be_visible()


def test_a_reply_is_answered(go):
    page = go("/inbox")
    page.locator(".people a").first.click()
    page.get_by_label("Answer").fill("We look for it.")
    page.get_by_role("button", name="Send answer").click()
    expect(page.get_by_text("We look for it.").last).to_be_visible()


def test_a_webhook_is_replayed(go):
    page = go("/webhooks")
    page.get_by_role("link", name="Order system").click()
    page.get_by_role("button", name=re.compile("^Replay evt_")).first.click()
    expect(page.get_by_role("status").first).to_contain_text("again")


def test_a_key_is_made_and_revoked(confirmed, served):
    page = confirmed("/keys")
    page.get_by_label("Name").fill("A till")
    page.get_by_role("button", name="Make key").click()
    key = page.locator("#new-key").inner_text()
    assert asked(served, key) == 200
    page.get_by_role("link", name="Revoke A till").first.click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_role("row", name=re.compile("Revoked A till")).first).to_be_visible()
    assert asked(served, key) == 401


def asked(served, key):
    request = urllib.request.Request(f"{served['url']}/api/v2/lists", headers={"X-Api-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code

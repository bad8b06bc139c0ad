"""What the one script adds: the reader's zone, single keys, and the word for what is not live."""

import re

from playwright.sync_api import expect


def test_times_are_those_of_the_browsers_zone(open_page):
    page = open_page("/", timezone_id="Europe/Stockholm")
    # The first page of a browser does not know it yet.
    page.reload()
    expect(page.locator("main .head")).to_contain_text("in Stockholm")


def test_single_keys_go_to_pages_and_back_and_can_be_switched_off(open_page):
    page = open_page("/messages")
    for keys, heading in (
        ("gi", "Inbox"), ("gc", "Campaigns"), ("gj", "Journeys"), ("gp", "Contacts"),
        ("gl", "Lists"), ("gm", "Messages"), ("go", "Overview"), ("n", "Send a test"),
    ):  # fmt: skip
        for key in keys:
            page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    # A letter in a field is a letter.
    page.get_by_label("Text").fill("")
    page.get_by_label("Text").press_sequentially("gm n")
    expect(page.get_by_label("Text")).to_have_value("gm n")
    page.goto("/dashboard/lists/1/pause")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/dashboard/lists/1$"))
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto("/dashboard/you")
    page.get_by_role("button", name="Off", exact=True).click()
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mara Lindgren")
    expect(page.locator("#keys")).not_to_be_visible()


def test_j_and_k_walk_through_rows_and_conversations(open_page):
    for path in ("/messages", "/inbox"):
        page = open_page(path)
        page.keyboard.press("j")
        first = page.evaluate("document.activeElement.href")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.href") != first
        page.keyboard.press("k")
        assert page.evaluate("document.activeElement.href") == first
        page.keyboard.press("Enter")
        expect(page).to_have_url(first)


def test_what_is_live_no_more_says_so(open_page):
    """With no answer from the server, and once the session has ended elsewhere."""
    page = open_page("/")
    live = page.locator("main .head .status")
    expect(live).to_have_text("Live")
    page.clock.install()
    page.reload()
    page.route("**/dashboard/", lambda route: route.abort())
    page.clock.run_for(6_000)
    expect(live).to_contain_text("No answer: not live since")
    page.unroute("**/dashboard/")
    # The server may say that there is nothing new for a minute.
    page.clock.run_for(70_000)
    expect(live).to_have_text("Live")
    page.route("**/dashboard/", lambda route: route.fulfill(status=503, body="busy"))
    page.clock.run_for(70_000)
    expect(live).to_contain_text("The server is in trouble")

"""What a page weighs when a browser comes for the first time, compressed as a proxy does it."""

import gzip

import pytest
from dashboard_site import Elements

from sendrail.dashboard.pages import ROUTES
from sendrail.dashboard.pages.messages import PER_PAGE
from sendrail.domain.user import Role

KB = 1_000
# The goal is 100 KB, and 160 KB with a chart; each page has room to grow, and none for a library.
FIRST_LOAD_MAX = 60 * KB
LIVE_PART_MAX = 8 * KB


@pytest.fixture(scope="module")
def ana(site):
    from written import parsed

    number = "+15557300001"
    adding = site.runtime.lists.add(site.us, parsed(number), name="News", connector="sandbox")
    site.do(adding)
    for at in range(PER_PAGE + 10):
        text = f"Order {at} has left our warehouse and will reach you on Tuesday."
        site.send(f"+1555010{2000 + at}", number, text, metadata=f'{{"order": "{at}"}}'.encode())
    return site.signed_in("ana@example.com", Role.OWNER, is_operator=True)


def packed(content):
    return len(gzip.compress(content, 6))


def files_of(browser, html):
    """Return the content of each file that a page names, by its address."""
    named = {
        attributes.get("src") or attributes.get("href")
        for tag, attributes in Elements(html).found
        if tag in {"script", "link", "img"}
    }
    return {each: browser.get(each.removeprefix("/dashboard")).content for each in sorted(named)}


def test_a_first_load_is_light(ana):
    found = 0
    for route in ROUTES:
        if route.method != "GET" or "{" in route.path or route.path.endswith(".csv"):
            continue
        answer = ana.get(route.path)
        if answer.status_code != 200:
            continue
        files = files_of(ana, answer.text)
        assert len(files) == 5, route.path
        weight = packed(answer.content) + sum(map(packed, files.values()))
        assert weight < FIRST_LOAD_MAX, (route.path, weight)
        found += 1
    assert found > 25


def test_a_live_part_is_light(ana):
    for path in ("/", "/messages", "/sandbox"):
        part = ana.get(path, headers={"x-part": "live"})
        assert packed(part.content) < LIVE_PART_MAX, path


def test_a_page_of_messages_is_bounded(ana):
    """Fifty rows, and no more bytes for each than what it shows."""
    page = ana.page("/messages")
    rows = [each for tag, each in Elements(page).found if tag == "tr"]
    assert len(rows) == PER_PAGE + 1
    assert len(page) / PER_PAGE < 2 * KB

"""Every page that is linked, in a real browser: axe finds nothing, and the policy is kept.

axe-core asks for WCAG 2 A and AA, and for what its authors call best practice.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

AXE = Path(__file__).parents[2] / "oracles" / "node_modules" / "axe-core" / "axe.min.js"
# A part of a path that names one of many: a number, a reference, a message's id.
ONE_OF_MANY = re.compile(r"(?<=/)(\d+|[0-9a-f]{24}|(?=\w*[A-Z0-9])\w{8})(?=/|$)")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
LISTEN = """
    window.refused = [];
    document.addEventListener("securitypolicyviolation",
        (event) => window.refused.push(event.violatedDirective + " " + event.blockedURI));
"""
FIND = """
    async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
        (each) => each.id + ": " + each.nodes.map((node) => node.html.slice(0, 200)).join(" | "))
"""
# Rows are alike, and each takes axe its time: a few stand for all.
FEWER = """
    for (const each of document.querySelectorAll("tbody tr:nth-child(n+5), ul li:nth-child(n+5)"))
        if (each.closest("main")) each.remove();
"""
LINKS = "all => all.map((each) => new URL(each.getAttribute('href'), location).href)"
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"

pytestmark = [
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed"),
    # Some forty pages, and the demonstration is made in the time of whichever test is the first.
    pytest.mark.timeout(600),
]


def walk(page):
    """Go to one page of each shape that is linked from any other, and yield its path."""
    here = urlsplit(page.url)
    # Of the carriers' forms the longest stands for all.
    todo, seen = [here.path, "/dashboard/connectors/new?kind=smpp"], set()
    while todo:
        path = todo.pop(0)
        bare, _, query = path.partition("?")
        shape = ONE_OF_MANY.sub("*", bare.rstrip("/")) + ("?kind" if "kind=" in query else "")
        if shape in seen:
            continue
        seen.add(shape)
        answer = page.goto(path)
        if "html" not in answer.headers["content-type"]:
            continue
        assert answer.status == 200, (path, answer.status)
        yield path
        for href in page.eval_on_selector_all("main a[href], nav a[href]", LINKS):
            link = urlsplit(href)
            # A file is downloaded, and no page.
            if link.netloc == here.netloc and not re.search(r"\.csv|export", link.path):
                todo.append(f"{link.path}?{link.query}" if link.query else link.path)


def look_at_all(page, sizes):
    found, seen = [], []
    page.add_init_script(LISTEN)
    axe = AXE.read_text("utf-8")
    for path in walk(page):
        seen.append(path)
        # axe takes the longest: of two sizes each page gets it at one, in turn.
        sizes = [*sizes[1:], sizes[0]]
        for size in sizes:
            page.set_viewport_size(size)
            if (wide := page.evaluate(TOO_WIDE)) > 0:
                found.append(f"{path} is {wide} px wider than {size['width']}")
        page.evaluate(FEWER)
        page.evaluate(axe)
        found += [f"{path} {each}" for each in page.evaluate(FIND)]
        found += [f"{path} {each}" for each in page.evaluate("refused")]
    return found, seen


@pytest.mark.long
def test_axe_and_the_policy_find_nothing_on_any_page(open_page):
    would_find_something(open_page("/you"))
    found, seen = look_at_all(open_page(), (PHONE, DESK))
    assert not found
    assert len(seen) > 30, seen


@pytest.mark.slow
@pytest.mark.parametrize("size", [PHONE, DESK, {"width": 1024, "height": 768}])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_each_scheme_at_each_width(open_page, scheme, size):
    found, _ = look_at_all(open_page(color_scheme=scheme), (size,))
    assert not found


def would_find_something(page):
    """Check on a page that is spoilt for it that there is a checker and a policy."""
    page.evaluate(LISTEN)
    page.evaluate("document.body.append(document.createElement('img'))")
    page.evaluate("document.querySelector('img').setAttribute('style', 'color: #eee')")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')")
    page.evaluate(AXE.read_text("utf-8"))
    assert any(each.startswith("image-alt") for each in page.evaluate(FIND))
    assert page.evaluate("refused")

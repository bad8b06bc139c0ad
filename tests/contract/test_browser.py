"""A real browser follows a link, and passes the filter page without running any script.

Its agent says `HeadlessChrome`: it is a machine that sees the page. The rules for accessibility are
some of the guidelines' (WCAG 2.2), asked of the browser's own accessibility tree, and all those of
axe.
"""

import asyncio
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from asking import ask, told
from chromium import PROGRAM, browser
from following import LinkMaker, clicks_of
from written import parsed

from sendrail.domain.click_classes import ClickClass, ClickReason

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

AXE = Path(__file__).parents[1] / "oracles" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = "axe.run().then(({violations}) => violations.map(each => each.id))"
PHONE = {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True}


class _Shop(BaseHTTPRequestHandler):
    """Where links lead: a page that says what the browser told it."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("referer")))
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>The shop</title>")

    def log_message(self, *_):
        pass


@pytest.fixture
def shop():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Shop) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Visit:
    """An account with a link to the shop, and a browser that knows both hosts."""

    def __init__(self, door, shop, folder):
        self.door, self.shop, self.folder = door, shop, folder
        self.account = door.do(door.runtime.accounts.add(f"browser {uuid.uuid4()}"))
        self.key, number = door.new_key(self.account), door.recipient()
        self.host = f"go-{uuid.uuid4().hex[:12]}.example"
        told(ask(door, "POST", "domains", {"domain": self.host}, x_api_key=self.key))
        made = door.do(door.runtime.lists.add(self.account, parsed(number), connector="sandbox"))
        link = LinkMaker(door.runtime, door.write).link(made.sender, "http://shop.example/sale?a=1")
        self.url = f"http://{self.host}/{link}"

    def show_page(self, **words):
        body = {"filter_bots": True} | words
        told(ask(self.door, "PUT", "link-settings", body, x_api_key=self.key))

    def run(self, visit):
        ports = {self.host: self.door.port, "shop.example": self.shop.server_port}

        async def run():
            async with browser(self.folder, ports) as page:
                return await visit(page)

        return asyncio.run(run())

    def arrived(self):
        return [path for path, _ in self.shop.asked if path != "/favicon.ico"]

    def classes(self):
        rows = self.door.write(lambda tx: clicks_of(tx, self.account))
        return [(ClickClass(row["click_class"]), ClickReason(row["reason"])) for row in rows]


@pytest.fixture
def visit(fast_door, shop, tmp_path):
    return Visit(fast_door, shop, tmp_path)


MACHINE = (ClickClass.BOT, ClickReason.AGENT)
CONFIRMED = (ClickClass.HUMAN, ClickReason.CONFIRMED)


def test_a_browser_arrives_and_tells_the_shop_nothing(visit):
    async def follow(page):
        await page.open(visit.url)
        return await page.address()

    assert visit.run(follow) == "http://shop.example/sale?a=1"
    assert visit.arrived() == ["/sale?a=1"]
    assert visit.shop.asked[0] == ("/sale?a=1", None)  # no referrer
    assert visit.classes() == [MACHINE]


@pytest.mark.parametrize("way", ["thumb", "keyboard"])
def test_the_pages_button_leads_on_without_any_script(visit, way):
    visit.show_page()

    async def follow(page):
        await page.do("Emulation.setScriptExecutionDisabled", value=True)
        await page.do("Emulation.setDeviceMetricsOverride", **PHONE)
        await page.open(visit.url)
        assert await page.address() == visit.url
        assert visit.arrived() == []
        if way == "thumb":
            await page.press(await page.find("button"))
        else:
            # The button is the first that the keyboard reaches.
            await page.key("Tab", 9)
            await page.key("Enter", 13, "\r")
            await page.happens("Page.loadEventFired")
        return await page.address()

    assert visit.run(follow) == "http://shop.example/sale?a=1"
    assert visit.arrived() == ["/sale?a=1"]
    assert visit.shop.asked[0] == ("/sale?a=1", None)
    assert visit.classes() == [MACHINE, CONFIRMED]


def test_the_page_fits_a_phone_and_is_shown_as_it_is_meant(visit):
    visit.show_page(page_title="W" * 80, page_text="Llanfairpwllgwyngyll" * 20)

    async def look(page):
        await page.do("Emulation.setDeviceMetricsOverride", **PHONE)
        await page.open(visit.url)
        content = (await page.do("Page.getLayoutMetrics"))["cssContentSize"]
        button = await page.find("button")
        style = await page.style(button)
        refused = [each for each in page.events if each.get("method") == "Log.entryAdded"]
        return content["width"], await page.box(button), style, refused

    width, (left, _, button_width, height), style, refused = visit.run(look)
    assert width <= PHONE["width"]  # nothing scrolls sideways: WCAG 1.4.10
    assert left >= 0
    assert left + button_width <= PHONE["width"]
    assert height >= 44  # WCAG 2.5.5, which asks for more than 2.5.8
    # The policy lets the style sheet in, and the browser reports nothing that it kept out.
    assert style["background-color"] == "rgb(11, 87, 208)"
    assert [each["params"]["entry"]["text"] for each in refused] == []


def test_a_screen_reader_finds_what_there_is_to_know(visit):
    visit.show_page(
        page_title="Fast da", page_text="Weiter?", page_button="Zum Laden", page_language="de-AT"
    )

    async def look(page):
        await page.open(visit.url)
        await page.do("Accessibility.enable")
        tree = (await page.do("Accessibility.getFullAXTree"))["nodes"]
        html = await page.do("DOM.getAttributes", nodeId=await page.find("html"))
        return tree, dict(zip(html["attributes"][::2], html["attributes"][1::2], strict=True))

    tree, html = visit.run(look)
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]
    assert ("RootWebArea", "Fast da") in named  # a title: 2.4.2
    assert ("heading", "Fast da") in named  # 1.3.1
    assert ("button", "Zum Laden") in named  # a name that is what is seen: 4.1.2, 2.5.3
    assert "main" in {role for role, _ in named}  # a landmark
    assert any(name == "Weiter?" for _, name in named)
    assert html["lang"] == "de-AT"  # 3.1.1
    headings = [node for node in tree if node["role"]["value"] == "heading"]
    [level] = [
        each["value"]["value"] for each in headings[0]["properties"] if each["name"] == "level"
    ]
    assert (len(headings), level) == (1, 1)
    # All that can be reached by the keyboard has a name.
    reachable = [
        node.get("name", {}).get("value")
        for node in tree
        if any(
            each["name"] == "focusable" and each["value"]["value"]
            for each in node.get("properties", ())
        )
    ]
    assert reachable
    assert all(reachable)


@pytest.mark.skipif(not AXE.exists(), reason="axe is not installed: npm ci --prefix tests/oracles")
def test_axe_finds_nothing_in_either_scheme(visit):
    visit.show_page(page_title="Almost there", page_text="You asked for our sale.")

    async def look(page):
        await page.do("Emulation.setDeviceMetricsOverride", **PHONE)
        found = []
        for scheme in ("light", "dark"):
            chosen = [{"name": "prefers-color-scheme", "value": scheme}]
            await page.do("Emulation.setEmulatedMedia", features=chosen)
            await page.open(visit.url)
            await page.do("Runtime.evaluate", expression=AXE.read_text("utf-8"))
            findings = await page.do(
                "Runtime.evaluate", expression=FINDINGS, awaitPromise=True, returnByValue=True
            )
            found.append(findings["result"]["value"])
        return found

    assert visit.run(look) == [[], []]


def test_the_page_says_it_again_where_it_was_left_open_too_long(visit):
    visit.show_page()

    async def follow(page):
        await page.open(visit.url)
        form = await page.find("input[name=token]")
        await page.do("DOM.setAttributeValue", nodeId=form, name="value", value="0" * 24)
        await page.press(await page.find("button"))
        assert await page.address() == visit.url
        await page.press(await page.find("button"))
        return await page.address()

    assert re.match("http://shop.example/", visit.run(follow))
    assert CONFIRMED in visit.classes()

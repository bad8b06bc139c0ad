"""A real browser in the dashboard: the first owner, a message, a handset's STOP, a key revoked.

The rules for accessibility are some of the guidelines' (WCAG 2.2), asked of the page itself; no
checker such as axe is here.
"""

import asyncio
import json

import pytest
from chromium import PROGRAM, browser
from written import parsed

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

EMAIL, PASSWORD = "mara@example.com", "correct horse"
# Each control has a name, each picture a text, the page one h1, and nothing is wider than it.
_RULES = """
(() => {
  const wrong = [];
  const name = (e) => (e.getAttribute("aria-label") || e.textContent || e.title || "").trim();
  for (const e of document.querySelectorAll("a, button")) if (!name(e)) wrong.push(e.outerHTML);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels?.length && !e.getAttribute("aria-label")) wrong.push(e.outerHTML);
  for (const e of document.querySelectorAll("img:not([alt])")) wrong.push(e.outerHTML);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("h1");
  if (new Set([...document.querySelectorAll("[id]")].map((e) => e.id)).size
      !== document.querySelectorAll("[id]").length) wrong.push("an id twice");
  if (document.documentElement.scrollWidth > innerWidth)
    for (const e of document.querySelectorAll("main *"))
      if (e.getBoundingClientRect().right > innerWidth)
        wrong.push("too wide: " + e.outerHTML.slice(0, 80));
  return JSON.stringify(wrong);
})()
"""


class Visit:
    def __init__(self, page, url):
        self.page, self.url, self.log = page, f"{url}/dashboard", []

    async def run(self, script):
        answer = await self.page.do("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def open(self, path):
        self._keep()
        await self.page.open(self.url + path)

    async def send(self, form, **fields):
        """Fill a form in, send it, and wait for the page that follows."""
        for name, value in fields.items():
            at = json.dumps(f"{form} [name={name}]")
            await self.run(f"document.querySelector({at}).value = {json.dumps(value)}; 0")
        self._keep()
        self.page.events.clear()
        await self.run(f"document.querySelector({json.dumps(form)}).requestSubmit(); 0")
        await self.page.happens("Page.loadEventFired")

    async def text(self):
        return await self.run("document.body.innerText")

    async def until(self, path, word):
        """Load a page again until it shows a word."""
        async with asyncio.timeout(60):
            while True:
                await self.open(path)
                if word in await self.text():
                    return
                await asyncio.sleep(0.2)

    def _keep(self):
        self.log += [
            each["params"]["entry"]["text"]
            for each in self.page.events
            if each.get("method") == "Log.entryAdded"
        ]


def test_the_first_owner_sends_a_message_and_sees_it_arrive(fast_door, tmp_path):
    door = fast_door
    account = door.do(door.runtime.accounts.add(f"browser {tmp_path.name}"))
    users = door.runtime.people.users
    token = door.do(users.first_link(account))
    number = "+15557900001"
    door.do(door.runtime.lists.add(account, parsed(number), name="News", connector="sandbox"))

    async def visit():
        async with browser(tmp_path, {}) as page:
            return await flow(Visit(page, door.url), token)

    log = asyncio.run(visit())
    # Neither the policy nor a script complained; a wrong password is a 403 on purpose.
    assert [line for line in log if "403" not in line] == []


async def flow(it, token):
    await it.open(f"/join/{token}")
    await it.send("main form", email=EMAIL, name="Mara Lindqvist", password=PASSWORD)
    await it.send("main form", email=EMAIL, password="wrong one")
    assert "Address or password is wrong" in await it.text()
    await it.send("main form", email=EMAIL, password=PASSWORD)
    assert "Overview" in await it.text()
    account = await it.run("document.querySelector('.who small').innerText")
    if "browser" not in account:
        await it.open("/you")
        script = "[...document.querySelectorAll('#account option')].find((e) => %s).value"
        value = await it.run(script % "e.text.startsWith('browser')")
        await it.send("form[action$='/account']", account=value)
    await it.open("/send")
    await it.send("main form", to="+15557900100", body="Hello from a browser")
    place = await it.run("location.pathname")
    path = place.removeprefix("/dashboard")
    await it.until(path, "Receipt: delivered")
    await it.until("/sandbox", "Hello from a browser")
    await it.send(".phone form", body="STOP")
    await it.until("/sandbox", "You are off this list")
    await it.open("/keys")
    await it.send("main form[action$='/keys']", name="warehouse")
    assert "Your new key" in await it.text()
    await it.open("/keys")
    await it.open((await it.run("document.querySelector('td a.danger').pathname"))[10:])
    await it.send(".note form")
    assert "is revoked" in await it.text()
    narrow = ("/", "/messages", path, "/send", "/keys", "/sandbox", "/team", "/you", "/nothing")
    for width, paths in ((1440, ("/lists", "/connectors")), (390, narrow)):
        await it.page.do(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        for each in paths:
            await it.open(each)
            assert json.loads(await it.run(_RULES)) == [], (width, each)
    await it.page.key("?", 191, "?")
    assert await it.run("document.getElementById('keys').open")
    # Without a script the same page is there.
    await it.page.do("Emulation.setScriptExecutionDisabled", value=True)
    await it.open("/messages")
    it._keep()
    return [line for line in it.log if "404" not in line]

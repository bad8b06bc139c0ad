"""A real browser without a window, driven by its own protocol (Chrome DevTools Protocol, 1.3)."""

import asyncio
import contextlib
import itertools
import shutil
import subprocess
from pathlib import Path

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
_SECONDS = 60


class Page:
    """The one page of a browser."""

    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count(1)
        self.events = []

    async def do(self, method, **parameters):
        """Send a command and return its result; what happens meanwhile is kept in `events`."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=_SECONDS)
            if message.get("id") == number:
                assert "error" not in message, (method, message)
                return message["result"]
            self.events.append(message)

    async def happens(self, method):
        """Wait for the next event of a kind that was not waited for yet."""
        while True:
            for at, event in enumerate(self.events):
                if event.get("method") == method:
                    del self.events[: at + 1]
                    return event["params"]
            self.events.append(await self._socket.receive_json(timeout=_SECONDS))

    async def open(self, url):
        """Go to an address, and wait until all of it is there."""
        self.events.clear()
        await self.do("Page.navigate", url=url)
        await self.happens("Page.loadEventFired")

    async def address(self):
        history = await self.do("Page.getNavigationHistory")
        return history["entries"][history["currentIndex"]]["url"]

    async def find(self, selector):
        """Return the id of the one element of a selector."""
        root = (await self.do("DOM.getDocument"))["root"]["nodeId"]
        found = await self.do("DOM.querySelectorAll", nodeId=root, selector=selector)
        [node] = found["nodeIds"]
        return node

    async def box(self, node):
        """Return an element's left, top, width and height in pixels."""
        model = (await self.do("DOM.getBoxModel", nodeId=node))["model"]
        return (*model["border"][:2], model["width"], model["height"])

    async def style(self, node):
        await self.do("CSS.enable")
        found = await self.do("CSS.getComputedStyleForNode", nodeId=node)
        return {each["name"]: each["value"] for each in found["computedStyle"]}

    async def press(self, node):
        """Press the mouse in the middle of an element, and wait for the page it leads to."""
        left, top, width, height = await self.box(node)
        at = {"x": left + width / 2, "y": top + height / 2, "button": "left", "clickCount": 1}
        self.events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, **at)
        await self.happens("Page.loadEventFired")

    async def key(self, name, code, text=""):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            await self.do(
                "Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, **more
            )


@contextlib.asynccontextmanager
async def browser(folder: Path, hosts: dict[str, int]):
    """Yield the page of a fresh browser, for which each host is a port of this machine."""
    rules = ", ".join(f"MAP {host} 127.0.0.1:{port}" for host, port in hosts.items())
    process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [
            PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
            "--disable-component-update", "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode",
            "--remote-debugging-port=0", f"--user-data-dir={folder}",
            f"--host-resolver-rules={rules}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await _port(folder)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                [target] = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"]) as socket:
                page = Page(socket)
                for domain in ("Page", "DOM", "Log"):
                    await page.do(f"{domain}.enable")
                yield page
    finally:
        process.kill()
        process.wait(_SECONDS)


async def _port(folder):
    """Return the port that the browser says it listens on."""
    file = folder / "DevToolsActivePort"
    async with asyncio.timeout(_SECONDS):
        # Another program writes it.
        while not (file.exists() and file.read_text("ascii").count("\n")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return int(file.read_text("ascii").split("\n")[0])

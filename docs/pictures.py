"""Takes the pictures of the README and of the page on the dashboard anew.

    python docs/pictures.py [PICTURE …]

It fills a fresh sandbox as `sendrail demo` does, serves it, signs in with the one-time link, and
takes each page with a Chromium that is installed: `docs/pictures/overview.png` and so on.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER: Final = Path(__file__).parent / "pictures"
EMAIL, PASSWORD = "mara@example.com", "correct horse"
# That of the demonstration's shop, so that hours of campaigns are those on the clock.
ZONE: Final = "America/New_York"
WIDTH, HEIGHT = 1360, 900
# Pages read what they show anew while the first messages of the demonstration leave.
_SETTLE_MS: Final = 1_000


class Picture(NamedTuple):
    """A page: its path, or the link that leads to it from there; and its scheme of colours."""

    path: str
    link: str = ""
    scheme: str = "light"


PICTURES: Final = {
    "overview": Picture("/?period=week"),
    "journey": Picture("/journeys", "Welcome series"),
    "message": Picture("/messages?view=delivered", "main tbody a", "dark"),
    "inbox": Picture("/inbox?view=review", "main .people a"),
    "run": Picture("/campaigns", "Friday note"),
    "reports": Picture("/reports", scheme="dark"),
}


def main(wanted: list[str]) -> None:
    """Take those pictures, or all."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder, sync_playwright() as driver:
        data = str(Path(folder) / "data")
        _sendrail("demo", "--data", data)
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        with _served(data) as ready:
            state = _signed_in(browser, ready)
            for name in wanted or PICTURES:
                _take(browser, ready["url"], state, name)
        browser.close()


def _sendrail(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "sendrail", *words], check=True)


@contextmanager
def _served(data: str) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "sendrail", "serve", "--json", "--data", data, "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None, "it is a pipe"
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.terminate()


def _signed_in(browser: Browser, ready: dict[str, str]) -> object:
    """Return the cookies of the first owner."""
    page = browser.new_page(timezone_id=ZONE)
    page.goto(ready["join_link"])
    page.get_by_label("Address").fill(EMAIL)
    page.get_by_label("Your name").fill("Mara Lindgren")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    page.get_by_label("Address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    state = page.context.storage_state()
    page.context.close()
    return state


def _take(browser: Browser, url: str, state: object, name: str) -> None:
    picture = PICTURES[name]
    context = browser.new_context(
        storage_state=state,  # type: ignore[arg-type] - as the browser itself gave it
        base_url=url,
        color_scheme=picture.scheme,  # type: ignore[arg-type] - light or dark
        viewport={"width": WIDTH, "height": HEIGHT},
        timezone_id=ZONE,
        locale="en-US",
    )
    page = context.new_page()
    page.goto(f"/dashboard{picture.path}")
    _follow(page, picture.link)
    if name == "run":
        page.locator("main a[href*='/runs/']").first.click()
    page.wait_for_timeout(_SETTLE_MS)
    page.screenshot(path=FOLDER / f"{name}.png")
    context.close()


def _follow(page: Page, link: str) -> None:
    if link.startswith("main "):
        page.locator(link).first.click()
    elif link:
        page.get_by_role("main").get_by_role("link", name=link).first.click()


if __name__ == "__main__":
    main(sys.argv[1:])

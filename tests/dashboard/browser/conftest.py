"""A server over a copy of a small demonstration, and a real browser: its owner has signed in."""

import json
import shutil
import subprocess
import sys

import pytest
from chromium import PROGRAM
from demo_folder import small_demo
from playwright.sync_api import expect, sync_playwright

EMAIL, PASSWORD = "mara@example.com", "correct horse"
# A page needs a fraction of one; only a hang takes so long.
SECONDS = 60
expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Return what the server announced: its address, and the link of the first owner."""
    _, made = small_demo(tmp_path_factory)
    folder = shutil.copytree(made, tmp_path_factory.mktemp("served") / "data")
    command = [sys.executable, "-m", "sendrail", "serve", "--json", "--data", str(folder)]
    with (
        (folder.parent / "log").open("wb") as log,
        subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, stderr=log) as server,
    ):
        yield json.loads(server.stdout.readline())
        server.terminate()
        server.wait(SECONDS)


@pytest.fixture(scope="module")
def chromium():
    """Return a browser, for one module: while its driver is there, no other event loop can run."""
    if PROGRAM is None:
        pytest.skip("there is no Chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(served, chromium):
    """Return the cookies of the owner, who has set a password by the link and signs in anew.

    For keys and connectors the password is asked for again some minutes after a sign-in, and the
    tests of a worker may take longer than that.
    """
    page = chromium.new_page()
    page.set_default_timeout(SECONDS * 1000)
    # The link is good for one person, once.
    if "join_link" in served:
        page.goto(served.pop("join_link"))
        page.get_by_label("Address").fill(EMAIL)
        page.get_by_label("Your name").fill("Mara Lindgren")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Set password").click()
    else:
        page.goto(served["dashboard"])
    page.get_by_label("Address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def open_page(served, chromium, signed_in):
    """Return a function that opens a page of the dashboard's, in a context of its own."""
    contexts = []

    def open_page(path="/", **about):
        context = chromium.new_context(storage_state=signed_in, base_url=served["url"], **about)
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        page.goto(f"/dashboard{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()

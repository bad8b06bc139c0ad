"""The pages for readers: safe headers, nothing from elsewhere, and nothing out of date."""

import asyncio
import hashlib
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from sendrail.api import openapi, pages
from sendrail.api.errors import CODES, error_body

ROOT = Path(__file__).parents[2]
STATIC = resources.files("sendrail.api") / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
PATHS = {
    "/docs": "text/html",
    "/docs/errors": "text/html",
    "/docs/assets/docs.js": "text/javascript",
    "/docs/assets/pages.css": "text/css",
    "/docs/assets/swagger-ui.css": "text/css",
    "/docs/assets/swagger-ui-bundle.js": "text/javascript",
    "/openapi.json": "application/json",
}


class Client:
    """Asks the pages without a server."""

    def __init__(self):
        self._app = httpx.ASGITransport(Starlette(routes=pages.page_routes()))

    def get(self, path, headers=None):
        async def ask():
            async with httpx.AsyncClient(transport=self._app, base_url="http://docs") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def client():
    return Client()


@pytest.mark.parametrize(("path", "kind"), PATHS.items())
class TestEachPage:
    def test_is_served_under_a_strict_policy(self, client, path, kind):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.content
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["referrer-policy"] == "no-referrer"

    def test_is_not_sent_again_unchanged(self, client, path, kind):
        tag = client.get(path).headers["etag"]
        for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            answer = client.get(path, headers={"if-none-match": known})
            assert (answer.status_code, answer.content) == (304, b""), kind
            assert answer.headers["etag"] == tag
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


class Page(HTMLParser):
    """What a page loads, what it links to, its anchors, and whatever a strict policy forbids."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.anchors, self.forbidden = [], [], [], []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self._script = tag == "script"
        if tag in {"script", "img"} or (tag == "link" and given.get("rel") == "stylesheet"):
            self.loads.append(given.get("src") or given.get("href"))
        if tag == "a":
            self.links.append(given["href"])
        if "id" in given:
            self.anchors.append(given["id"])
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.forbidden.append((tag, given))

    def handle_data(self, text):
        if self._script and text.strip():
            self.forbidden.append(("script", text))


@pytest.mark.parametrize("path", ["/docs", "/docs/errors"])
def test_a_page_is_whole_and_has_nothing_inline_or_from_elsewhere(client, path):
    page = Page(client.get(path).text)
    assert page.forbidden == []
    here = httpx.URL(f"http://docs{path}")
    for link in [*page.loads, *page.links]:
        target = here.join(link)
        assert target.host == "docs"
        assert client.get(target.path).status_code == 200, link


def test_own_script_and_styles_name_no_other_host(client):
    for path in ("/docs/assets/docs.js", "/docs/assets/pages.css"):
        assert "//" not in re.sub(r"^\s*//.*$", "", client.get(path).text, flags=re.MULTILINE)


def test_every_code_has_its_place_on_the_page_that_errors_point_at(client):
    answer = client.get("/docs/errors")
    anchors = Page(answer.text).anchors
    assert sorted(anchors) == sorted(CODES)
    for code, (status, _) in CODES.items():
        assert f'"/docs/errors#{code}"' in error_body(code, "", "").decode()
        assert f"<h2>{status} " in answer.text
    assert "`" not in answer.text


def test_the_list_of_codes_in_the_docs_is_the_generated_one():
    page = ROOT / "docs" / "api" / "errors.md"
    assert page.read_text("utf-8").strip() == pages.errors_markdown().strip(), (
        "run `python -m sendrail.api.pages > docs/api/errors.md`"
    )


def test_the_description_is_the_generated_one(client):
    assert client.get("/openapi.json").content == openapi.render()


def test_vendored_files_are_what_their_note_says():
    folder = STATIC / "swagger"
    note = (folder / "VENDOR.md").read_text("utf-8")
    written = dict(re.findall(r"^\| `(.+)` \| `([0-9a-f]{64})` \|$", note, re.MULTILINE))
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "VENDOR.md"
    }
    assert written == found
    assert "Apache License" in (folder / "LICENSE").read_text("utf-8")

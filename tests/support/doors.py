"""One installation, and each way in to it: calls of the API, forms, commands."""

import itertools
import json

import httpx
from dashboard_site import Site
from typer.testing import CliRunner
from written import parsed

from sendrail.cli.main import app
from sendrail.domain.user import Role

LIST = "+15557200001"
REFUSED = "refused"


class Doors:
    """An installation with one list and a key, a browser of an operator, and its command line."""

    def __init__(self, folder):
        self.site = Site(folder)
        self.us, self.runtime = self.site.us, self.site.runtime
        self.folder = str(folder)
        self.numbers = itertools.count(15557300001)
        self.list_id = self.do(
            self.runtime.lists.add(self.us, parsed(LIST), connector="sandbox")
        ).sender.id
        self.key = self.do(self.runtime.accounts.create_key(self.us, "doors")).key
        self.browser = self.site.signed_in("ana@example.com", Role.OWNER, is_operator=True)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.site.app), base_url="http://127.0.0.1"
        )

    def do(self, work):
        return self.site.do(work)

    def close(self):
        self.do(self.http.aclose())
        self.site.close()

    def number(self):
        return f"+{next(self.numbers)}"

    def call(self, method, path, body=None):
        """Return the answer of the API; a text is sent as it is, even if it is no JSON."""
        # Half a character has no UTF-8: written with its escape, it arrives as half a character.
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        return self.do(
            self.http.request(method, f"/api/v2/{path}", content=content, headers=headers)
        )

    def form(self, path, **fields):
        """Return the answer to a form; the page that it stands on gives its token."""
        return self.browser.post(path, **fields)

    def command(self, *words):
        """Run a command; one that breaks off with anything but an exit code fails the test.

        Words may name the folder themselves, in front of arguments that could be options.
        """
        folder = () if "--data" in words else ("--data", self.folder)
        result = CliRunner().invoke(app, [*map(str, words), *folder])
        is_exit = result.exception is None or isinstance(result.exception, SystemExit)
        assert is_exit, (words, repr(result.exception))
        return result

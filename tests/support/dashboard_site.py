"""The whole application in this process, over a runtime of its own, and browsers that ask it."""

import asyncio
import dataclasses
import re
from html.parser import HTMLParser

import httpx
from argon2 import PasswordHasher

from sendrail.api.asgi import make_app
from sendrail.api.v2.sending import SendingCalls
from sendrail.app import open_runtime
from sendrail.domain.audit import Actor
from sendrail.domain.message import Skip
from sendrail.domain.user import Role
from sendrail.intake.orders import read_order
from sendrail.people.passwords import PasswordService
from sendrail.people.services import PeopleServices
from sendrail.settings import load

PASSWORD = "correct horse"
ME = Actor(name="a test")
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


class Site:
    """One installation with two accounts, and a clock of its own for sessions."""

    def __init__(self, folder, **settings):
        self.runner = asyncio.Runner()
        self._opened = open_runtime(load(data_dir=folder, **settings))
        self.runtime = self.do(self._opened.__aenter__())
        self.now, self.seconds = self.runtime.clock.now(), 0.0
        # The cheapest that argon2 can be: its strength is not what is tested.
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

        async def over():
            return PeopleServices.over(
                self.runtime.store,
                b"k" * 32,
                lambda: self.now,
                lambda: self.seconds,
                passwords=PasswordService(hasher),
            )

        self.runtime = dataclasses.replace(self.runtime, people=self.do(over()))
        self.app = self.new_app()
        self.us = self.runtime.default_account
        self.them = self.do(self.runtime.accounts.add("them"))
        self.browsers = []

    def new_app(self):
        """Return the application, with nothing kept yet of what its pages show."""
        calls = SendingCalls(self.runtime.intake, self.runtime.limits)
        return make_app(self.runtime, calls, lambda: True)

    def do(self, work):
        return self.runner.run(work)

    def write(self, work):
        return self.do(self.runtime.store.write(work))

    def close(self):
        for browser in self.browsers:
            self.do(browser.client.aclose())
        self.do(self._opened.__aexit__(None, None, None))
        self.runner.close()

    def send(self, to, list_number, body, account=None, metadata=None):
        """Return the id of a message that is in the queue, where nobody takes it."""
        order = read_order(
            to, list_number, body, self.runtime.limits, metadata=metadata, skips=Skip.DUPLICATE
        )
        [verdict] = self.do(self.runtime.intake.accept(account or self.us, [order]))
        return verdict.message_id

    def browser(self, host="127.0.0.1"):
        found = Browser(self, host)
        self.browsers.append(found)
        return found

    def join(self, email, role, account=None, **more):
        users = self.runtime.people.users
        token = self.do(users.invite(account or self.us, email, role, ME, **more))
        name = email.partition("@")[0].title()
        return self.do(users.accept(token, email="", name=name, password=PASSWORD))

    def signed_in(self, email, role=Role.OWNER, account=None, **more):
        """Return the browser of a new user."""
        self.join(email, role, account, **more)
        found = self.browser()
        found.sign_in(email)
        return found


class Browser:
    """Keeps cookies, and sends the forms of the page that it saw last."""

    def __init__(self, site, host):
        self.site = site
        scheme = "http" if host == "127.0.0.1" else "https"
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=site.app, raise_app_exceptions=False),
            base_url=f"{scheme}://{host}",
        )
        self.token = ""

    def ask(self, method, path, **more):
        answer = self.site.do(self.client.request(method, f"/dashboard{path}", **more))
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def page(self, path):
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-600:])
        return answer.text

    def post(self, path, *, token=None, **fields):
        form = {"form_token": self.token if token is None else token} | fields
        return self.ask("POST", path, data=form)

    def sign_in(self, email, password=PASSWORD, **more):
        self.get("/sign-in")
        answer = self.post("/sign-in", email=email, password=password, **more)
        if answer.status_code == 303:
            self.get("/you")
        return answer


class Elements(HTMLParser):
    """All elements of a page with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.found, self._text = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self._text.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self._text).split())

    def links(self):
        return [each["href"] for tag, each in self.found if tag == "a"]


def reply_from(site, list_id, sender, body, *, keyword=None, rule=None, review=0, account=None):
    """Keep a reply as the receipts' worker does."""
    site.write(
        lambda tx: tx.core.exec_driver_sql(
            "INSERT INTO replies (account_id, list_id, sender, body, keyword, rule, review, "
            "received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                account or site.us, list_id, sender, body, keyword, rule, review,
                site.runtime.clock.now(),
            ),
        )
    )  # fmt: skip

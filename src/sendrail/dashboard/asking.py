"""One request to the dashboard: who asks, for what, and how the answer is made."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sendrail.app import Runtime
from sendrail.contacts.inputs import PAGE_MAX
from sendrail.dashboard.answers import AnswerCache, LivePart
from sendrail.dashboard.cookies import KEYS, THEME, ZONE, SessionCookies
from sendrail.dashboard.file_form import FileForm
from sendrail.dashboard.navigation import groups_for
from sendrail.dashboard.paths import PREFIX
from sendrail.dashboard.rendering import render
from sendrail.dashboard.showing import ReaderTimes, zone_of
from sendrail.domain.audit import Actor
from sendrail.domain.digits import read_digits
from sendrail.domain.errors import InvalidInput, NotFound
from sendrail.domain.ids import AccountId, read_row_id
from sendrail.domain.storable import text_fault
from sendrail.domain.user import Permission
from sendrail.people.signing_in import SignedInUser
from sendrail.people.tokens import form_token

# The header of a question for a part of a page, with the part's id.
PART: Final = "x-part"
# The header of the answer: after how many seconds there may be another one.
ASK_AFTER: Final = "x-ask-after"
_THEMES: Final = ("light", "dark")
# A filter of a hundred conditions, each with all its fields.
_FIELDS_MAX: Final = 1_500
_SAID_LENGTH_MAX: Final = 200
_PAGE_ASKED_MAX: Final = 10**9


@dataclass(kw_only=True)
class PageRequest:
    """A request as a page sees it; `session` is the cookie's token, where there is one."""

    runtime: Runtime
    request: Request
    session: str | None
    signed_in: SignedInUser | None
    answers: AnswerCache
    body: bytes = b""
    # A form with a file in it, where the route takes one.
    file_form: FileForm | None = None
    # Replies that no user of the account has read, for the sidebar.
    unread: int = 0

    @property
    def who(self) -> SignedInUser:
        """The user who asks: there is one wherever a permission is needed."""
        assert self.signed_in is not None, "the site has looked before"
        return self.signed_in

    @property
    def account(self) -> AccountId:
        return self.who.account_id

    @property
    def actor(self) -> Actor:
        """The user as the audit log names them."""
        return Actor(name=f"user {self.who.user.email}", request_id=self.request_id)

    @property
    def request_id(self) -> str:
        return str(self.request.state.request_id)

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """Return a part of the path that is an id. Raises `NotFound` for what is none."""
        found = read_row_id(self.path(name))
        if found is None:
            raise NotFound("There is nothing at this address.")
        return found

    @property
    def page_number(self) -> int:
        """The page that the address asks for; the first where that is no number."""
        return min(PAGE_MAX, read_digits(self.query.get("page", ""), _PAGE_ASKED_MAX) or 1)

    @cached_property
    def form(self) -> Mapping[str, str]:
        """The fields of a form that was sent. Raises `InvalidInput` for what is none."""
        if self.file_form is not None:
            return dict(_as_typed(self.file_form.fields.items()))
        return {name: values[-1] for name, values in self.many.items()}

    @cached_property
    def many(self) -> Mapping[str, Sequence[str]]:
        """The fields of a form with all values of each, such as those of its boxes."""
        try:
            fields = parse_qsl(
                self.body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MAX
            )
        except ValueError as error:
            raise InvalidInput("This form cannot be read.") from error
        found: dict[str, list[str]] = {}
        for name, value in _as_typed(fields):
            found.setdefault(name, []).append(value)
        return found

    def field(self, name: str) -> str:
        """Return a field of the form, without blanks around it; empty where there is none."""
        return self.form.get(name, "").strip()

    def may(self, permission: Permission) -> bool:
        return self.signed_in is not None and permission in self.signed_in.permissions

    @cached_property
    def times(self) -> ReaderTimes:
        return ReaderTimes(zone_of(self.request.cookies.get(ZONE, "UTC")), self.runtime.clock.now())

    @property
    def part(self) -> str:
        """The part of the page that is asked for again; empty for a whole page."""
        return self.request.headers.get(PART, "")

    @property
    def cookies(self) -> SessionCookies:
        return SessionCookies.of(self.request)

    def url(self, **changes: str | None) -> str:
        """Return this page's address with some of its query changed; None takes a field away."""
        query = {**self.query, **changes}
        kept = {name: value for name, value in query.items() if value not in {None, ""}}
        text = f"?{urlencode(kept)}" if kept else ""
        return f"{self.request.url.path}{text}"

    # Answers

    def text(self, template: str, **values: Any) -> str:
        """Return a page as text."""
        theme = self.request.cookies.get(THEME, "")
        return render(
            template,
            self.times,
            ask=self,
            who=self.signed_in,
            may={each.name: self.may(each) for each in Permission},
            form_token=form_token(self.session) if self.session else "",
            theme=theme if theme in _THEMES else "",
            keys_on=self.request.cookies.get(KEYS) != "off",
            navigation=groups_for(self.signed_in),
            here=self.request.url.path,
            said=self.query.get("said", "")[:_SAID_LENGTH_MAX],
            root=PREFIX,
            **values,
        )

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer with a page."""
        return HTMLResponse(self.text(template, **values), status_code=status)

    def live(self, part: LivePart, key: Hashable) -> Response:
        """Answer a tab that asks again: with the part, or that it has the same already.

        `key` is that of the part among the shared answers: for as long as it is kept, the tab need
        not ask.
        """
        answer = self.known(part.mark) or HTMLResponse(part.body, headers={"etag": part.mark})
        answer.headers[ASK_AFTER] = str(ceil(self.answers.left(key)))
        return answer

    def known(self, mark: str) -> Response | None:
        """Return the answer to a tab that has the content of a mark already, None to any other."""
        if self.request.headers.get("if-none-match") != mark:
            return None
        return Response(status_code=304, headers={"etag": mark})

    def go(self, path: str, said: str = "") -> Response:
        """Answer a POST: go on to a page of ours, which says what was done."""
        mark = "&" if "?" in path else "?"
        text = f"{mark}{urlencode({'said': said})}" if said else ""
        return RedirectResponse(f"{PREFIX}{path}{text}", status_code=303)


def _as_typed(fields: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form as they were typed: a line end is one character.

    A browser writes two for each (HTML, "form submission"). Raises `InvalidInput` for a text that
    not every database keeps: people write none, and programs may.
    """
    for name, text in fields:
        if (fault := text_fault(text)) is not None:
            raise InvalidInput(f"A text of this form {fault}.", param=name)
        yield name, text.replace("\r\n", "\n")

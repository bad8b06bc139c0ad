"""What a page is to the site: a path, what it needs, and the function that answers.

The tables of routes are what the site is made of, and what the tests of roles go through.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from sendrail.dashboard.asking import PageRequest
from sendrail.domain.user import Permission

PageHandler = Callable[[PageRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRoute:
    """One route: `GET /messages/{message_id}`.

    Without a permission any client may ask. With `confirmed` the password must have been shown
    lately; without `needs_account` any user who is signed in may ask, in any role. With
    `takes_file` its form may have a file, which the page reads as it comes.
    """

    route: str
    answer: PageHandler
    permission: Permission | None = None
    confirmed: bool = False
    signed_in: bool = True
    takes_file: bool = False

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.route.partition(" ")[2]

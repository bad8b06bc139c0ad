"""Where the site stands on its host, and how it is given the bodies of requests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

from starlette.requests import Request

PREFIX: Final = "/dashboard"


class BodyReader(NamedTuple):
    """Reads the body of a request, with its limits: whole, or with a file in it as it comes.

    `whole` is called with True for a user who is signed in; `stream` is for such users only.
    """

    whole: Callable[[Request, bool], Awaitable[bytes]]
    stream: Callable[[Request], AsyncIterator[bytes]]

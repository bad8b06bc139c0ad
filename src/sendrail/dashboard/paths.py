"""Where the site stands on its host, and how it is given the bodies of requests."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request

PREFIX: Final = "/dashboard"
# Reads the body of a request, with its limits; True for somebody who is signed in.
BodyReader = Callable[[Request, bool], Awaitable[bytes]]

"""A request for a short link, as its door hands it to the service, and the answer to it."""

from typing import NamedTuple

from sendrail.domain.tracking_domain import TrackingDomain
from sendrail.tracking.finding import Link, NoLink


class LinkAnswer(NamedTuple):
    """What a visitor is answered: a redirect, or a page.

    `retry_after` is in seconds. Methods other than GET and HEAD are not `allowed` where that says
    so.
    """

    status: int
    location: bytes | None = None
    page: bytes = b""
    retry_after: int | None = None


class LinkRequest:
    """One request for a link.

    `domain` is the tracking domain that it came to, None for the server's own address. `token` is
    what the form of the filter page brought, None where the request is no POST. `query` is what
    stands behind the path; it counts only for a link that is in no message.
    """

    __slots__ = (
        "address",
        "agent",
        "answered",
        "at",
        "domain",
        "found",
        "is_head",
        "is_late",
        "is_prefetch",
        "query",
        "since",
        "text",
        "token",
    )

    def __init__(
        self,
        text: str,
        domain: TrackingDomain | None,
        address: str,
        agent: bytes,
        *,
        is_head: bool = False,
        is_prefetch: bool = False,
        token: str | None = None,
        query: bytes = b"",
    ) -> None:
        self.text = text
        self.domain = domain
        self.address = address
        self.agent = agent
        self.is_head = is_head
        self.is_prefetch = is_prefetch
        self.token = token
        self.query = query
        # When it came, in milliseconds, and by the clock that the waiting goes by.
        self.at = 0
        self.since = 0.0
        # What its id leads to, once that is known.
        self.found: Link | NoLink | None = None
        self.answered = False
        # Whether it was led on before its click was durable.
        self.is_late = False

    def resolve(self, answer: LinkAnswer) -> None:
        """Answer the visitor; called once."""
        raise NotImplementedError

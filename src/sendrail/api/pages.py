"""Pages for people who read the API: its description, and what its errors mean.

Everything is served from here under a policy that allows no inline script and no other host. The
page of errors and `docs/api/errors.md` are both made from the table of codes;
`python -m sendrail.api.pages` prints the latter.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from html import escape
from http import HTTPStatus
from importlib import resources
from itertools import groupby
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sendrail.api import openapi
from sendrail.api.errors import CODES, DOC_PATH, RETRY_AFTER_SECONDS, status_of

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
}
_HTML: Final = "text/html"
_ASSETS: Final = {
    "swagger/swagger-ui.css": "text/css",
    "swagger/swagger-ui-bundle.js": "text/javascript",
    "docs.js": "text/javascript",
    "pages.css": "text/css",
}
_MARKDOWN_HEAD: Final = """\
# Error codes

Every error response is JSON:

```json
{
  "error": "to is required",
  "code": "missing_to",
  "request_id": "01979c1e-5f00-7000-8000-0123456789ab",
  "doc_url": "/docs/errors#missing_to",
  "param": "to"
}
```

`error` is for people, and its wording may change; `code` is for programs, and does not change.
`param` names the field or parameter at fault; `message`, if present, gives more detail.
The request id is also in the header `X-Request-Id` of every response, and in the log of Sendrail.
A server shows this list at `/docs/errors`.
"""

# RFC 9110, 15.5: Python has these names from 3.13 on.
_NEW_NAMES: Final = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "URI Too Long",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
}

_code_spans: Final = re.compile(r"`([^`]+)`").sub


def page_routes() -> list[BaseRoute]:
    """Return the routes of the documentation pages."""
    return [
        _route("/openapi.json", "application/json", openapi.render),
        _route("/docs", _HTML, lambda: _read("docs.html")),
        _route(DOC_PATH, _HTML, lambda: errors_html().encode()),
        *(
            _route(f"/docs/assets/{file.rpartition('/')[2]}", kind, _reader(file))
            for file, kind in _ASSETS.items()
        ),
    ]


def errors_html() -> str:
    """Return the page of error codes, each with an anchor that an error's `doc_url` points at."""
    return _read("errors.html").decode().format(groups="\n".join(_html_groups()))


def errors_markdown() -> str:
    """Return the same list as Markdown, for the repository."""
    return "\n".join([_MARKDOWN_HEAD, *_markdown_groups()])


def _html_groups() -> Iterator[str]:
    for status, codes in _by_status():
        yield f"<h2>{status.value} {escape(_name(status))}</h2>"
        if seconds := RETRY_AFTER_SECONDS.get(status):
            yield f'<p class="hint"><code>Retry-After: {seconds}</code> says when to try again.</p>'
        for code in codes:
            text = _code_spans(r"<code>\1</code>", escape(CODES[code][1]))
            yield (
                f'<section id="{code}"><h3><a href="#{code}"><code>{code}</code></a></h3>'
                f"<p>{text}</p></section>"
            )


def _markdown_groups() -> Iterator[str]:
    for status, codes in _by_status():
        rows = "".join(f"| `{code}` | {CODES[code][1]} |\n" for code in codes)
        yield f"## {status.value} {_name(status)}\n\n| code | when |\n|---|---|\n{rows}"


def _name(status: HTTPStatus) -> str:
    return _NEW_NAMES.get(status, status.phrase)


def _by_status() -> Iterator[tuple[HTTPStatus, list[str]]]:
    for status, codes in groupby(sorted(CODES, key=status_of), status_of):
        yield HTTPStatus(status), list(codes)


def _reader(file: str) -> Callable[[], bytes]:
    return lambda: _read(file)


def _read(file: str) -> bytes:
    return resources.files("sendrail.api").joinpath("static", file).read_bytes()


def _route(path: str, kind: str, load: Callable[[], bytes]) -> Route:
    return Route(path, _page(kind, load), methods=["GET"])


def _page(kind: str, load: Callable[[], bytes]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint for content that stays the same as long as the process lives."""

    @cache
    def loaded() -> tuple[bytes, str]:
        content = load()
        return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    async def page(request: Request) -> Response:
        content, tag = loaded()
        headers = {**_HEADERS, "etag": tag}
        known = request.headers.get("if-none-match", "")
        if tag in known or known.strip() == "*":
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, headers=headers, media_type=kind)

    return page


if __name__ == "__main__":
    print(errors_markdown().rstrip())  # noqa: T201 - this is the command's result

"""Fakes of the two vendors of docs/carriers/http.md, and the page's examples themselves."""

import base64
import hmac
import itertools
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from http_peer import says

from sendrail.carriers.sdk import CallbackRequest

PAGE = Path(__file__).parents[2] / "docs" / "carriers" / "http.md"
_BLOCK = re.compile(r"<!-- (\w+: \w+) -->\n```\w+\n(.*?)\n```", re.DOTALL)
EXAMPLES = dict(_BLOCK.findall(PAGE.read_text("utf-8")))
JSON = json.loads(EXAMPLES["json: settings"])
GET = json.loads(EXAMPLES["get: settings"])


def signed(url, body, secret, **changed):
    """Return a callback of the JSON vendor."""
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    headers = {"content-type": "application/json", "x-signature": f"sha256={digest}"}
    return CallbackRequest(method="POST", url=url, headers=headers | changed, body=body)


class FakeJsonGateway:
    """Takes messages for an API key and reports on each by a signed callback."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        if got.headers.get("authorization") != f"Bearer {JSON['api_key']}":
            return says(401, {"error": {"code": "E01"}})
        if got.method == "GET":
            return says(200, {"balance": 1})
        [message] = json.loads(got.body)["messages"]
        ref = f"gw-{next(self._numbers)}"
        url, callbacks = message.get("report_to"), []
        for state in ("SENT", "DELIVERED") if url else ():
            result = {"id": ref, "reference": message["reference"], "state": state}
            body = json.dumps({"results": [result]}).encode()
            callbacks.append(signed(url, body, JSON["signature_secret"]))
        return says(
            200,
            {"messages": [{"id": ref}]},
            took=(message["reference"],),
            callbacks=tuple(callbacks),
        )


class FakeGetGateway:
    """Takes messages in queries, says HTTP 200 to everything, and reports by GET."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def __call__(self, got):
        fields = dict(parse_qsl(urlsplit(got.target).query, strict_parsing=True))
        if (fields["user"], fields["pass"]) != (GET["username"], GET["password"]):
            return says(200, {"status": 2})
        ref, url = next(self._numbers), fields["dlr"]
        told = [
            CallbackRequest(
                method="GET",
                url=f"{url}&{urlencode({'msgid': ref, 'dlr': dlr})}",
                headers={},
                body=b"",
            )
            for dlr in (8, 1)
        ]
        took = tuple(parse_qs(urlsplit(url).query)["message"])
        return says(200, {"status": 0, "id": ref}, took=took, callbacks=tuple(told))


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

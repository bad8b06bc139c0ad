"""Ask a server's API under a path of `/api/v2`, and read what it says."""

import json

from sendrail.api.errors import CODES


def ask(door, method, path, body=None, **headers):
    content = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
    return door.client.request(
        method, f"/api/v2/{path}", content=content, headers=door.headers(**headers)
    )


def told(answer, status=200):
    """Return the body of an answer with a status."""
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer, code, param=None):
    """Return the body of an error with a code, about a parameter."""
    error = told(answer, CODES[code][0])
    assert (error["code"], error.get("param")) == (code, param)
    return error

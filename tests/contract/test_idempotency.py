"""`Idempotency-Key`: the same request twice is one, whatever happens to its answer."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

PATHS = ["send-raw", "send", "send-raw/bulk", "send/bulk"]


def body_for(door, path, **changes):
    order = door.order(**changes)
    return {"messages": [order, order]} if "bulk" in path else order


@pytest.fixture
def key():
    return str(uuid.uuid4())


@pytest.mark.parametrize("path", PATHS)
def test_a_repeated_request_gets_the_same_answer(door, path, key):
    body = body_for(door, path)
    first = door.post(path, body, idempotency_key=key, x_request_id="first")
    again = door.post(path, body, idempotency_key=key, x_request_id="again")
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] == "again"
    to = body["to"] if "to" in body else body["messages"][0]["to"]
    assert door.get("messages", params={"to": to}).json()["pagination"]["total"] == 1


@pytest.mark.parametrize("path", ["send-raw", "send"])
def test_a_refusal_of_the_gate_is_kept_too(door, path, key):
    order = door.order(list_number=door.unknown)
    first = door.post(path, order, idempotency_key=key)
    again = door.post(path, order, idempotency_key=key)
    assert (first.status_code, first.json()["code"]) == (400, "list_not_found")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


def test_a_fault_before_the_gate_is_not_kept(door, key):
    order = door.order()
    broken = door.post("send-raw", order | {"to": "x"}, idempotency_key=key)
    assert broken.json()["code"] == "invalid_phone"
    mended = door.post("send-raw", order, idempotency_key=key)
    assert mended.status_code == 200
    assert "idempotency-replayed" not in mended.headers


@pytest.mark.parametrize("path", PATHS)
def test_another_request_with_the_same_key_is_refused(door, path, key):
    body = body_for(door, path)
    assert door.post(path, body, idempotency_key=key).status_code == 200
    others = [(path, body_for(door, path))]
    others += [
        (other, body) for other in PATHS if other != path and ("bulk" in other) == ("bulk" in path)
    ]
    for where, what in others:
        answer = door.post(where, what, idempotency_key=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_both_base_paths_are_one(door, key):
    order = door.order()
    first = door.post("send-raw", order, idempotency_key=key, base="/v2")
    again = door.post("send-raw", order, idempotency_key=key, base="/api/v2")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


def test_a_key_is_an_accounts_own(door, key):
    order = door.order(list_number=door.theirs)
    ours = door.post("send-raw", order, idempotency_key=key)
    theirs = door.post("send-raw", order, idempotency_key=key, x_api_key=door.their_key)
    assert ours.json()["code"] == "list_not_found"
    assert theirs.status_code == 200
    assert "idempotency-replayed" not in theirs.headers


@pytest.mark.parametrize("path", ["send-raw", "send-raw/bulk"])
def test_the_same_key_at_once_makes_one_message(door, path, key):
    body = body_for(door, path, skip_duplicate_check=True)
    if "bulk" in path:
        del body["messages"][1]

    def ask(_):
        return door.post(path, body, idempotency_key=key)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    done = [answer for answer in answers if answer.status_code == 200]
    busy = [answer for answer in answers if answer.status_code != 200]
    assert len({answer.content for answer in done}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in done) == 1
    for answer in busy:
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
        assert answer.headers["retry-after"] == "1"
    to = body["to"] if "to" in body else body["messages"][0]["to"]
    assert door.get("messages", params={"to": to}).json()["pagination"]["total"] == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("bad", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(door, path, bad):
    answer = door.post(path, body_for(door, path), idempotency_key=bad)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")


def test_a_key_may_be_any_text(door):
    for given in ("x" * 255, "a b;,=\"'", b"\xe4\xf6\xff"):
        order = door.order()
        assert door.post("send-raw", order, idempotency_key=given).status_code == 200
        again = door.post("send-raw", order, idempotency_key=given)
        assert again.headers["idempotency-replayed"] == "true"

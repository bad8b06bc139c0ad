"""A connection that has seen a head before answers as one that has not."""

import asyncio
import json
import threading

import pytest


def told(wire, content):
    """Send bytes; return what comes of them: status and code, or the end."""
    wire.send(content)
    try:
        status, headers, body = wire.answer()
    except (AssertionError, ConnectionResetError):
        return "closed"
    return status, body.get("code"), headers.get("connection")


def taught(door, wire):
    """Let the connection learn the head of an ordinary request."""
    for _ in range(2):
        assert told(wire, wire.request(door.order())) == (200, None, None)
    return wire


def with_length(content, length):
    head, _, body = content.partition(b"\r\n\r\n")
    lines = [
        line if not line.startswith(b"content-length") else b"content-length: " + length
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


# What the next request on the connection is, made of an ordinary one.
CHANGES = {
    "nothing": lambda content: content,
    "another path": lambda content: content.replace(b"send-raw ", b"send ", 1),
    "no such path": lambda content: content.replace(b"send-raw ", b"send-it ", 1),
    "another method": lambda content: content.replace(b"POST", b"PUT", 1),
    "another key": lambda content: content.replace(b"x-api-key: ", b"x-api-key: x", 1),
    "another type": lambda content: content.replace(b"application/json", b"text/plain", 1),
    "names in capitals": lambda content: content.replace(b"content-type", b"Content-Type", 1),
    "a leading zero": lambda content: with_length(content, b"00" + length_of(content)),
    "a length with a sign": lambda content: with_length(content, b"+" + length_of(content)),
    "a length with a space": lambda content: with_length(content, length_of(content) + b" "),
    "a length in letters": lambda content: with_length(content, b"many"),
    "a length of other digits": lambda content: with_length(content, "٣٣".encode()),
    "no length": lambda content: content.replace(b"content-length", b"x-length", 1),
    "an empty length": lambda content: with_length(content, b""),
    "too large a length": lambda content: with_length(content, b"5242881"),
    "a huge length": lambda content: with_length(content, b"9" * 40),
    "two lengths": lambda content: content.replace(
        b"\r\n\r\n", b"\r\ncontent-length: " + length_of(content) + b"\r\n\r\n", 1
    ),
    "a length and chunks": lambda content: content.replace(
        b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n", 1
    ),
    "the last request": lambda content: content.replace(
        b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1
    ),
    "broken JSON": lambda content: content[:-1] + b"]",
    "an empty line before": lambda content: b"\r\n" + content,
    "a bare line feed": lambda content: content.replace(b"\r\n", b"\n"),
}


def length_of(content):
    return str(len(content.partition(b"\r\n\r\n")[2])).encode()


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_comes_next_is_answered_as_on_a_new_connection(door, change):
    with door.wire() as old, door.wire() as new:
        taught(door, old)
        ours, theirs = (CHANGES[change](old.request(door.order())) for _ in range(2))
        assert told(old, ours) == told(new, theirs)


def test_bodies_of_any_length_are_each_their_own(door):
    with door.wire() as wire:
        taught(door, wire)
        for text in ("x", "Hello " * 20, "{{messageId}}", "Grüße", "y" * 1_500):
            wire.send(wire.request(door.order(body=text)))
            status, _, answer = wire.answer()
            assert status == 200
            assert door.get(f"messages/{answer['message_id']}").json()["segments"] >= 1
        assert told(wire, wire.request({})) == (400, "missing_to", None)
        assert told(wire, wire.request(b"")) == (400, "invalid_json", None)


def test_a_request_in_pieces_or_with_another_behind_it_is_taken_whole(door):
    with door.wire() as wire:
        taught(door, wire)
        content = wire.request(door.order())
        for cut in (1, 20, content.index(b"\r\n\r\n") + 2, len(content) - 1):
            content = wire.request(door.order())
            wire.send(content[:cut])
            assert told(wire, content[cut:]) == (200, None, None)
        wire.send(b"".join(wire.request(door.order()) for _ in range(3)))
        assert [wire.answer()[0] for _ in range(3)] == [200] * 3
        assert told(wire, wire.request(door.order())) == (200, None, None)


def test_a_request_behind_one_that_goes_the_ordinary_way_waits_for_it(door, monkeypatch):
    asked, page = threading.Event(), door.runtime.messages.page

    async def slow(*about):
        asked.set()
        await asyncio.sleep(0.2)
        return await page(*about)

    monkeypatch.setattr(door.runtime.messages, "page", slow)
    with door.wire() as wire:
        taught(door, wire)
        wire.send(wire.request(line="GET /api/v2/messages HTTP/1.1"))
        assert asked.wait(10)
        wire.send(wire.request(door.order()))
        first, second = wire.answer(), wire.answer()
        assert "messages" in first[2]
        assert "message_id" in second[2]


def test_each_answer_has_an_id_of_its_own_and_the_callers_where_it_has_one(door):
    with door.wire() as wire:
        taught(door, wire)
        names = []
        for given in (None, "mine", None, None, "yours"):
            wire.send(wire.request(door.order(), x_request_id=given))
            names.append(wire.answer()[1]["x-request-id"])
        assert names[1::3] == ["mine", "yours"]
        assert len(set(names)) == 5


def test_an_idempotency_key_counts_on_a_connection_that_knows_the_rest(door):
    with door.wire() as wire:
        taught(door, wire)
        order = door.order()
        answers = []
        for _ in range(2):
            wire.send(wire.request(order, idempotency_key="known-heads"))
            answers.append(wire.answer())
        assert answers[0][2] == answers[1][2]
        assert answers[1][1]["idempotency-replayed"] == "true"


def test_a_key_that_is_revoked_opens_nothing_any_more(door):
    key = door.new_key(door.us)
    with door.wire() as wire:
        for _ in range(2):
            assert told(wire, wire.request(door.order(), key=key)) == (200, None, None)
        [record] = [
            each
            for each in door.do(door.runtime.accounts.keys(door.us))
            if key.startswith(each.shown.rstrip("…."))
        ][-1:]
        door.do(door.runtime.accounts.revoke_key(door.us, record.id))
        assert told(wire, wire.request(door.order(), key=key)) == (401, "invalid_api_key", None)


def test_two_callers_may_take_turns_on_one_connection(door):
    with door.wire() as wire:
        for _ in range(20):
            assert told(wire, wire.request(door.order())) == (200, None, None)
            theirs = wire.request(door.order(list_number=door.theirs), key=door.their_key)
            assert told(wire, theirs) == (200, None, None)
            foreign = wire.request(door.order(list_number=door.theirs))
            assert told(wire, foreign) == (400, "list_not_found", None)


def test_the_same_order_twice_is_a_duplicate_whatever_is_known(door):
    order = json.dumps(door.order()).encode()
    with door.wire() as wire:
        taught(door, wire)
        assert told(wire, wire.request(order)) == (200, None, None)
        assert told(wire, wire.request(order)) == (400, "duplicate_message", None)

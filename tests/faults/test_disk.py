"""A disk that is full, nearly full, or locked away: a 503 that says so, and no harm done."""

import sqlite3
import threading
from contextlib import closing

import pytest

from .audit import check_database, look_up_all, rows, rung, settle_down
from .disk import fill_up, frozen, mounted_tmpfs
from .serve import wait_until

MIB = 2**20


def bulk(server, first, size=200):
    return {
        "messages": [
            {
                "to": f"+1444{number:07}",
                "list_number": server.list_number,
                "body": f"Your order {{{{messageId}}}} is on its way {'.' * 100}",
            }
            for number in range(first, first + size)
        ]
    }


def fill(server, client, first):
    """Post until the disk is full; return the ids that were answered, and the refusal."""
    told, number = {}, first
    for _ in range(1_000):
        answer = client.post("/api/v2/send-raw/bulk", bulk(server, number))
        if answer.status != 200:
            return told, answer, number
        for each in answer.body["messages"]:
            told[each["message_id"]] = f"+1444{number + each['index']:07}"
        number += 200
    pytest.fail("the disk was never full")


def check_told_full(answer):
    assert answer.status == 503
    assert answer.body["code"] == "storage_full"
    assert "Free some space" in answer.body["error"]
    assert int(answer.headers["retry-after"]) >= 1


def test_a_full_disk(make_server, handset_log, tmp_path):
    socket, log = handset_log
    # What is accepted needs as much again until it is at rest: attempts, references, the log.
    with mounted_tmpfs(tmp_path / "disk", "36m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(20 * MIB))
        server = make_server(disk / "data", simulator_handsets=socket)
        server.start()
        client = server.client()
        told, refusal, number = fill(server, client, 0)
        check_told_full(refusal)
        assert len(told) > 1_000
        # Full is full, for one message as for many, and it is no reason not to look things up.
        more, refusal, number = fill(server, client, number)
        check_told_full(refusal)
        told |= more
        for each, recipient in list(told.items())[:20]:
            found = client.get(f"/api/v2/messages/{each}")
            assert (found.status, found.body["to"]) == (200, recipient)

        ballast.unlink()
        wait_until(lambda: posted(server, client, number), 10, "it recovers by itself")
        settle_down(client, 60)
        found = look_up_all(client)
        assert {each: found[each]["to"] for each in told} == told
        assert server.stop(20) == 0
        check_database(server)
        # Nothing that was refused has left, and nothing rang twice.
        assert set(rung(log).values()) == {1}
        assert set(rung(log)) == set(found)
        assert len(found) == len(told) + 1


def posted(server, client, number):
    order = {"to": f"+1444{number:07}", "list_number": server.list_number, "body": "room again"}
    return client.post("/api/v2/send-raw", order).status == 200


def test_a_start_on_a_full_disk_is_refused_and_harmless(make_server, tmp_path):
    with mounted_tmpfs(tmp_path / "disk", "8m") as disk:
        server = make_server(disk / "data")
        server.start()
        assert posted(server, server.client(), 1)
        assert server.stop(20) == 0
        ballast = disk / "ballast"
        fill_up(ballast)
        code, sentence = server.refusal()
        assert code == 1
        assert "disk" in sentence
        ballast.unlink()
        server.start()
        assert posted(server, server.client(), 2)
        assert server.stop(20) == 0
        check_database(server)


def test_a_disk_nearly_full_takes_nothing_new_and_finishes_the_old(server):
    # One a minute: hardly any leaves before the stop, however long that takes.
    server.settings["default_list_rate"] = 1
    server.start()
    client = server.client()
    assert client.post("/api/v2/send-raw/bulk", bulk(server, 1)).body["queued_count"] == 200
    assert server.stop(20) == 0
    assert len(rows(server, "SELECT * FROM queue")) > 190

    server.settings["free_disk_min_mb"] = 10**9
    server.start()
    server.run("lists", "rate", server.list_number, "6000000")
    client = server.client()
    refusal = client.post("/api/v2/send-raw/bulk", bulk(server, 1_000))
    check_told_full(refusal)
    assert client.get("/readyz").status == 503
    settle_down(client, 30)
    found = look_up_all(client)
    assert len(found) == 200
    assert {message["status"] for message in found.values()} <= {"delivered", "sent"}
    assert server.stop(20) == 0
    check_database(server)


def test_a_disk_that_turns_read_only_is_told_and_survived(server):
    server.start()
    client = server.client()
    assert posted(server, client, 1)
    settle_down(client, 10)
    with frozen(server.data / "sendrail.db-wal"):
        for number in range(2, 5):
            order = {"to": f"+1444{number:07}", "list_number": server.list_number, "body": "hi"}
            refusal = client.post("/api/v2/send-raw", order)
            assert (refusal.status, refusal.body["code"]) == (503, "storage_unavailable")
            assert int(refusal.headers["retry-after"]) >= 1
        assert len(look_up_all(client)) == 1
        assert client.get("/healthz").status == 200
    assert posted(server, client, 5)
    settle_down(client, 10)
    assert len(look_up_all(client)) == 2
    assert server.stop(20) == 0
    check_database(server)


def test_a_database_locked_away_is_told_and_forgotten(server):
    """Another program holds the database for longer than we can wait."""
    server.start()
    client = server.client()
    assert posted(server, client, 1)
    answers = []

    def post(number):
        with closing(server.client()) as other:
            order = {"to": f"+1444{number:07}", "list_number": server.list_number, "body": "hi"}
            answers.append(other.post("/api/v2/send-raw", order))

    posts = [threading.Thread(target=post, args=(number,)) for number in range(2, 10)]
    with closing(sqlite3.connect(server.data / "sendrail.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for each in posts:
            each.start()
        wait_until(lambda: answers, 30, "somebody is told")
        other.execute("ROLLBACK")
    for each in posts:
        each.join()
    assert len(answers) == len(posts)
    for answer in answers:
        if answer.status != 200:
            assert (answer.status, answer.body["code"]) == (503, "storage_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
    assert 503 in {answer.status for answer in answers}
    # And then it is over: also for those who were refused, who come again.
    refused = len([answer for answer in answers if answer.status == 503])
    assert posted(server, client, 20)
    settle_down(client, 30)
    assert len(look_up_all(client)) == 2 + len(posts) - refused
    assert server.stop(20) == 0
    check_database(server)

"""The command line beside a running server: two processes on one database."""

from concurrent.futures import ThreadPoolExecutor

import prepared

from .audit import check_database, look_up_all, rows, rung, settle_down
from .serve import environment, wait_until

TEXT = "Your order {{messageId}} is on its way"


def send(server, to, text):
    """Run `sendrail send`; return its exit code, its output and its errors."""
    words = ["send", to, text, "--json", "--data", server.data]
    return prepared.complete(words, environment(server.settings))


def test_what_the_command_line_queues_the_server_delivers(make_server, handset_log):
    socket, log = handset_log
    server = make_server(simulator_handsets=socket)
    server.start()
    client = server.client()
    queued = server.run_apart("send", "+14440000001", TEXT)

    def is_delivered():
        found = client.get(f"/api/v2/messages/{queued['message_id']}")
        return found.body["status"] == "delivered"

    wait_until(is_delivered, 3, "the server has heard of it")
    assert rung(log) == {queued["message_id"]: 1}


def test_one_order_by_both_doors_is_one_message(make_server, handset_log):
    socket, log = handset_log
    server = make_server(simulator_handsets=socket)
    server.start()
    client = server.client()
    order = {"to": "+14440000001", "list_number": server.list_number, "body": TEXT}
    first = client.post("/api/v2/send-raw", order)
    assert first.status == 200
    code, _, said = send(server, order["to"], TEXT)
    assert code == 1
    assert "duplicate_message" in said
    assert first.body["message_id"] in said

    second = server.run_apart("send", "+14440000002", TEXT)
    refusal = client.post("/api/v2/send-raw", order | {"to": "+14440000002"})
    assert (refusal.status, refusal.body["code"]) == (400, "duplicate_message")
    assert second["message_id"] in refusal.body["message"]
    settle_down(client, 10)
    assert rung(log) == {first.body["message_id"]: 1, second["message_id"]: 1}


def test_both_doors_at_once(make_server, handset_log):
    """The same orders by the API and by three command lines at once: each is one message."""
    socket, log = handset_log
    server = make_server(simulator_handsets=socket)
    server.start()
    recipients = [f"+1444000{number:04}" for number in range(5)]

    def by_api(to):
        client = server.client()
        order = {"to": to, "list_number": server.list_number, "body": TEXT}
        return client.post("/api/v2/send-raw", order).status == 200

    def by_command(to):
        code, _, said = send(server, to, TEXT)
        assert code == 0 or "duplicate_message" in said, said
        return code == 0

    with ThreadPoolExecutor(4) as several:
        commands = [several.submit(by_command, to) for to in recipients]
        posts = [by_api(to) for to in reversed(recipients)]
        accepted = sum(posts) + sum(each.result() for each in commands)
    assert accepted == len(recipients)
    client = server.client()
    settle_down(client, 10)
    assert sorted(message["to"] for message in look_up_all(client).values()) == recipients
    assert len(rung(log)) == len(recipients)
    assert server.stop(15) == 0
    check_database(server)


def test_commands_under_load_disturb_nobody(server):
    """Many short writers beside the server's own: none of them fails for the other's sake."""
    server.start()
    client = server.client()
    messages = [
        {"to": f"+1444{number:07}", "list_number": server.list_number, "body": TEXT}
        for number in range(3_000)
    ]
    with ThreadPoolExecutor(2) as several:
        commands = [
            several.submit(
                server.run_apart, "contacts", "add", server.list_number, f"+1555020{n:04}"
            )
            for n in range(3)
        ]
        for begin in range(0, len(messages), 100):
            answer = client.post(
                "/api/v2/send-raw/bulk", {"messages": messages[begin : begin + 100]}
            )
            assert answer.body["queued_count"] == 100
        for each in commands:
            each.result()
    assert rows(server, "SELECT count(*) FROM list_contacts WHERE active") == [(3,)]

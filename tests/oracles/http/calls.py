"""What every oracle's script has: lines of calls on stdin, their results on stdout, a recorder.

A script runs in an environment of its own, with the vendors' SDKs and without Sendrail.
"""

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder(ThreadingHTTPServer):
    """Keeps each request, and answers it with one and the same JSON."""

    def __init__(self, status, answer):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.answer, self.requests = status, json.dumps(answer).encode(), []

    @property
    def url(self):
        return "http://{}:{}".format(*self.server_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.record()

    def do_POST(self):
        self.record()

    def record(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append(
            {
                "method": self.command,
                "target": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.decode(),
            }
        )
        self.send_response(self.server.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@contextmanager
def recorder(status, answer):
    """Run a recorder for the length of a `with` block."""
    server = Recorder(status, answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def answer_calls(operations):
    """Answer each line of calls on stdin, `[name, arguments]` each, with a line of results.

    The calls are answered by the functions of a script, until stdin ends: to load an SDK takes
    seconds, and to answer a call some milliseconds.
    """
    for line in sys.stdin:
        calls = json.loads(line)
        print(json.dumps([operations[name](**told) for name, told in calls]), flush=True)

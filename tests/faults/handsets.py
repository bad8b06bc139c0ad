"""The handsets: a process of its own that writes down what rings, and outlives every killed server.

Run as `python handsets.py SOCKET FILE`. Each line that arrives whole goes to the file at once, by
one unbuffered append; the rest of a broken connection rang nowhere.
"""

import os
import selectors
import socket
import sys


def listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(16)
    return listener


def write_down(path: str, log: str) -> None:
    """Serve for ever."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    listener = listen(path)
    begun: dict[socket.socket, bytes] = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                begun[connection] = b""
                selector.register(connection, selectors.EVENT_READ)
                continue
            connection = key.fileobj
            received = _receive(connection)
            whole, newline, begun[connection] = (begun[connection] + received).rpartition(b"\n")
            if newline:
                os.write(file, whole + newline)
            if not received:
                selector.unregister(connection)
                del begun[connection]
                connection.close()


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 20)
    except ConnectionError:
        return b""


if __name__ == "__main__":
    write_down(sys.argv[1], sys.argv[2])

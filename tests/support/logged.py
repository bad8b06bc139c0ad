"""What a test's own thread logs: servers of other tests stand beside it, and log what they do."""

import threading
from contextlib import contextmanager

import structlog
from structlog.testing import LogCapture


class _Capture(threading.local):
    """What takes the lines of one thread: a `LogCapture`, or None where they go on."""

    to = None


_capture = _Capture()


def take_line(logger, level, line):
    """Keep a line of a thread that is in `logged_here`; pass all others on.

    `tests/conftest.py` puts it in front of all processors, once for the whole run. So the list of
    processors never changes, neither for a thread in the midst of a line nor for a logger that
    structlog has cached together with its list.
    """
    return _capture.to(logger, level, line) if _capture.to else line


@contextmanager
def logged_here():
    """Keep what this thread logs, as dictionaries with `log_level`; others log as before.

    It cannot work in a process in which `telemetry.set_up_logs` was called: that sets processors
    and a level of its own, and loggers keep both for good. A test calls it in another process.
    """
    [first, *_] = structlog.get_config()["processors"]
    assert first is take_line, "a test has set up logs in this process: let it use another one"
    before, _capture.to = _capture.to, LogCapture()
    try:
        yield _capture.to.entries
    finally:
        _capture.to = before

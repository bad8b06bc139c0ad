"""What a test's own thread logs: servers of other tests stand beside it, and log what they do."""

import threading
from contextlib import contextmanager

import structlog
from structlog.testing import LogCapture


@contextmanager
def logged_here():
    """Keep what this thread logs, as dictionaries with `log_level`; others log as before.

    The configuration is replaced whole. Changed in its place, as structlog's own `capture_logs`
    does, it would be half of one and half of the other for a thread in the midst of a line.
    """
    ours, kept = threading.get_ident(), LogCapture()

    def keep(logger, level, line):
        return kept(logger, level, line) if threading.get_ident() == ours else line

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[keep, *before])
    try:
        yield kept.entries
    finally:
        structlog.configure(processors=before)

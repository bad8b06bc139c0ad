"""What a test keeps of the lines that its process logs."""

import threading

import structlog
from logged import logged_here


def test_lines_of_this_thread_are_kept_however_early_their_logger_was_bound():
    # As one that structlog caches: it has its list of processors for good.
    early = structlog.get_logger().bind(of="early")
    with logged_here() as lines:
        early.warning("first")
        late = structlog.get_logger().bind(of="late")
        late.info("second", seconds=2)
    late.info("after the end")
    assert lines == [
        {"event": "first", "of": "early", "log_level": "warning"},
        {"event": "second", "of": "late", "seconds": 2, "log_level": "info"},
    ]


def test_lines_of_another_thread_are_not_kept():
    log = structlog.get_logger()
    with logged_here() as lines:
        other = threading.Thread(target=log.info, args=("of another thread",))
        other.start()
        other.join()
        log.info("ours")
    assert [each["event"] for each in lines] == ["ours"]


def test_the_inner_of_two_keeps_a_line():
    log = structlog.get_logger()
    with logged_here() as outer:
        with logged_here() as inner:
            log.info("one")
        log.info("two")
    assert [[each["event"] for each in lines] for lines in (outer, inner)] == [["two"], ["one"]]

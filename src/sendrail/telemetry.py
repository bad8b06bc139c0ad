"""What an operator sees: structured logs with masked numbers, and metrics for Prometheus.

A log line is an event name and fields, never a sentence with holes; bodies are never logged, and a
phone number only as `phone.mask` shows it.
"""

import logging
import sys
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)

_WEBHOOK_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sendrail_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sendrail_{name}", text, labels, registry=registry)

        self.accepted = counter("messages_accepted", "Messages accepted and durable.")
        self.refused = counter("orders_refused", "Orders refused, by code.", "code")
        self.claimed = counter("messages_claimed", "Messages taken from the queue for an attempt.")
        self.sent = counter("messages_sent", "Messages a carrier has taken.")
        self.delivered = counter("messages_delivered", "Messages confirmed at the handset.")
        self.ended = counter("messages_ended", "Messages at rest, by status.", "status")
        self.dropped = counter("messages_dropped", "Messages dropped before sending.", "reason")
        self.retried = counter("messages_retried", "Attempts that go back to the queue.")
        self.throttled = counter("link_throttles", "Throttles by the carrier, by link.", "link")
        self.rests = counter("link_rests", "Times a link's breaker opened, by link.", "link")
        self.failed_over = counter(
            "messages_failed_over", "Messages a list's second link took, by that link.", "link"
        )
        self.link_open = gauge("link_open", "Whether a link takes messages: 1 or 0.", "link")
        self.uncertain = counter("messages_uncertain", "Attempts nobody knows the outcome of.")
        self.resent = counter("messages_resent", "Uncertain messages sent a second time.")
        self.callbacks = counter("callbacks_stored", "Callbacks stored in the inbox.")
        self.callbacks_refused = counter(
            "callbacks_refused", "Callbacks that proved nothing, by carrier kind.", "kind"
        )
        self.receipts = counter(
            "receipts",
            "Receipts by what became of them: applied, late, parked, part, underway.",
            "fate",
        )
        self.replies = counter("replies", "Replies received, by keyword family.", "keyword")
        self.removed = counter(
            "recipients_removed", "Recipients taken off a list on a carrier's word.", "trouble"
        )
        self.auto_replies = counter("auto_replies", "Answers to keywords, by their fate.", "fate")
        self.webhook_attempts = counter("webhook_attempts", "POSTs, by outcome.", "outcome")
        self.webhook_given_up = counter("webhook_events_given_up", "Events told no more.")
        self.webhook_ended = counter("webhook_endpoints_ended", "Endpoints told no more.", "state")
        self.in_flight = gauge("messages_in_flight", "Messages handed over, not yet answered.")
        self.webhook_waiting = gauge("webhook_events_waiting", "Events still to be told.")
        self.waiting = gauge("messages_waiting", "Messages in the queue.")
        self.oldest_seconds = gauge("queue_oldest_seconds", "How long the oldest is past due.")
        self.disk_free = gauge("disk_free_bytes", "Free bytes on the data folder's disk.")
        self.log_bytes = gauge("storage_log_bytes", "Size of the database's write-ahead log.")
        self.webhook_seconds = Histogram(
            "sendrail_webhook_seconds",
            "One attempt to tell a customer, whatever came of it.",
            buckets=_WEBHOOK_SECONDS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "sendrail_commit_seconds",
            "One group commit, from its begin to its fsync.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_group = Histogram(
            "sendrail_commit_group",
            "Pieces of work in one group commit.",
            buckets=(1, 2, 5, 10, 20, 50, 100),
            registry=registry,
        )

    def committed(self, group: int, seconds: float) -> None:
        """Record one group commit."""
        self.commit_group.observe(group)
        self.commit_seconds.observe(seconds)

    def render(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def set_up_logs(log_format: str, level: str) -> None:
    """Send logs to standard error, as JSON or, on a terminal, for people."""
    pretty = log_format == "pretty" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if pretty
        else structlog.processors.JSONRenderer()
    )
    # A traceback with its local values would show passwords, numbers and texts.
    told = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    errors = [] if pretty else [structlog.processors.ExceptionRenderer(told)]
    structlog.configure(
        processors=[*shared, *errors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )

"""What an operator sees: structured logs with masked numbers, and metrics for Prometheus.

A log line is an event name and fields, never a sentence with holes; bodies are never logged, and a
phone number only as `phone.mask` shows it.
"""

import logging
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from sendrail import __version__

# The end of every event's name that says: not now, but soon again.
_POSTPONED: Final = "_postponed"
_SAID_AGAIN_SECONDS: Final = 60.0

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
_GROUPS: Final = (1, 2, 5, 10, 20, 50, 100)
_WEBHOOK_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.build = self._gauge(
            "build_info", "Always 1; the label names the version that runs.", "version"
        )
        self.build.labels(__version__).set(1)
        self._count_messages()
        self._count_connectors()
        self._count_callbacks()
        self._count_webhooks()
        self._count_links()
        self._measure_storage()

    def _count_messages(self) -> None:
        self.accepted = self._counter("messages_accepted", "Messages accepted and durable.")
        self.accept_seconds = self._histogram(
            "accept_seconds",
            "From the arrival of the first request of a group commit to its answer; the others of "
            "the group waited less.",
            _SECONDS,
        )
        self.refused = self._counter("orders_refused", "Orders refused, by code.", "code")
        self.claimed = self._counter(
            "messages_claimed", "Messages taken from the queue for an attempt."
        )
        self.sent = self._counter("messages_sent", "Messages accepted by a carrier.")
        self.delivered = self._counter("messages_delivered", "Messages confirmed at the handset.")
        self.ended = self._counter("messages_ended", "Messages that ended, by status.", "status")
        self.dropped = self._counter(
            "messages_dropped", "Messages dropped before sending.", "reason"
        )
        self.held_quiet = self._counter(
            "messages_held_quiet",
            "Messages that came due in quiet hours, and wait for their end.",
        )
        self.retried = self._counter("messages_retried", "Attempts that returned to the queue.")
        self.uncertain = self._counter("messages_uncertain", "Attempts whose outcome is unknown.")
        self.resent = self._counter("messages_resent", "Uncertain messages sent a second time.")
        self.in_flight = self._gauge(
            "messages_in_flight", "Messages submitted and not yet answered."
        )
        self.waiting = self._gauge("messages_waiting", "Messages in the queue.")
        self.oldest_seconds = self._gauge(
            "queue_oldest_seconds", "How long the oldest message is past due."
        )
        self.spans = self._gauge(
            "spans_owned", "Spans of shared work that this process owns, by kind.", "kind"
        )

    def _count_connectors(self) -> None:
        self.throttled = self._counter(
            "connector_throttles",
            "Submits that the carrier refused as too fast, by connector.",
            "connector",
        )
        self.found_pace = self._gauge(
            "connector_found_pace",
            "Messages per second at which this process submits by a connector that its carrier "
            "throttles; absent where it does not.",
            "connector",
        )
        self.rests = self._counter(
            "connector_breaker_opens",
            "Times a connector's breaker opened, by connector.",
            "connector",
        )
        self.failed_over = self._counter(
            "messages_failed_over",
            "Messages that used a list's second connector, by that connector.",
            "connector",
        )
        self.connector_open = self._gauge(
            "connector_open", "Whether a connector accepts messages: 1 or 0.", "connector"
        )
        self.connector_paused = self._gauge(
            "connector_paused", "Whether an operator has paused a connector: 1 or 0.", "connector"
        )

    def _count_callbacks(self) -> None:
        self.callbacks = self._counter("callbacks_stored", "Callbacks stored in the inbox.")
        self.callbacks_unproved = self._counter(
            "callbacks_unproved", "Callbacks that failed authentication, by carrier kind.", "kind"
        )
        self.callbacks_refused = self._counter(
            "callbacks_refused",
            "Callbacks that could not be parsed or applied, by carrier kind.",
            "kind",
        )
        self.callbacks_set_aside = self._counter(
            "callbacks_set_aside",
            "Items of callbacks that need no action, such as texts from short codes, by reason.",
            "why",
        )
        self.callbacks_flawed = self._counter(
            "callbacks_flawed",
            "Malformed callbacks that were used as far as they could be parsed.",
        )
        self.callbacks_kept = self._gauge(
            "callbacks_refused_kept", "Refused callbacks that are stored for review."
        )
        self.texts_kept = self._gauge(
            "callbacks_refused_texts", "Stored refused callbacks that may be replies, such as STOP."
        )
        self.receipts = self._counter(
            "receipts",
            "Receipts, by result: applied, late, parked, part, underway, foreign, unknown.",
            "fate",
        )
        self.replies = self._counter("replies", "Replies received, by keyword family.", "keyword")
        self.removed = self._counter(
            "recipients_removed",
            "Contacts removed from a list after a carrier's report.",
            "trouble",
        )
        self.journey_turns = self._counter(
            "journey_turns", "Turns of contacts on journeys: from one rest to the next."
        )
        self.journey_turns_failed = self._counter(
            "journey_turns_failed",
            "Turns of contacts on journeys that a bug made fail; they are tried again or given up.",
        )
        self.journey_lists_held = self._gauge(
            "journey_lists_held",
            "Lists to which journeys hand nothing over, because their queue is too long.",
        )
        self.auto_replies = self._counter(
            "auto_replies", "Automatic replies to keywords, by result.", "fate"
        )

    def _count_webhooks(self) -> None:
        self.webhook_attempts = self._counter(
            "webhook_attempts", "POSTs to endpoints, by outcome.", "outcome"
        )
        self.webhook_given_up = self._counter(
            "webhook_events_given_up", "Events whose last attempt failed."
        )
        self.webhook_ended = self._counter(
            "webhook_endpoints_ended", "Endpoints that no longer get events, by state.", "state"
        )
        self.webhook_waiting = self._gauge("webhook_events_waiting", "Events not yet delivered.")
        self.webhook_seconds = self._histogram(
            "webhook_seconds",
            "Duration of one POST to an endpoint, successful or not.",
            _WEBHOOK_SECONDS,
        )

    def _count_links(self) -> None:
        self.domains_failing = self._gauge(
            "tracking_domains_failing",
            "Tracking domains on which HTTPS does not lead to this installation.",
        )
        self.clicks_counted = self._counter(
            "clicks_counted", "Clicks counted, by class.", "click_class"
        )
        self.clicks_set_aside = self._counter(
            "clicks_set_aside",
            "Clicks that a bug keeps from being counted; other clicks are counted.",
        )
        self.first_clicks = self._counter(
            "messages_clicked", "Messages that a person has clicked for the first time."
        )
        self.clicks_behind = self._gauge(
            "clicks_behind_seconds",
            "Age of the oldest click that is not counted yet; about three seconds are normal.",
        )
        self.link_answers = self._counter(
            "link_answers", "Answers to requests for short links, by HTTP status.", "status"
        )
        self.clicks = self._counter("clicks", "Clicks stored, by class.", "click_class")
        self.clicks_lost = self._counter(
            "clicks_lost", "Visitors who were redirected while their clicks could not be stored."
        )
        self.link_misses = self._counter(
            "link_misses", "Requests for short links that do not exist."
        )
        self.redirect_group = self._histogram(
            "redirect_group", "Requests for short links in one transaction.", _GROUPS
        )

    def _measure_storage(self) -> None:
        self.disk_free = self._gauge("disk_free_bytes", "Free bytes on the data folder's disk.")
        self.log_bytes = self._gauge("storage_log_bytes", "Size of the database's write-ahead log.")
        self.commit_seconds = self._histogram(
            "commit_seconds", "One group commit, from its start to its fsync.", _SECONDS
        )
        self.commit_group = self._histogram(
            "commit_group", "Units of work in one group commit.", _GROUPS
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"sendrail_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"sendrail_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"sendrail_{name}", text, buckets=buckets, registry=self.registry)

    def committed(self, group: int, seconds: float) -> None:
        """Record one group commit."""
        self.commit_group.observe(group)
        self.commit_seconds.observe(seconds)

    def render(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class LogThrottle:
    """A step of logging: an event that is postponed repeatedly is logged at first, then rarely.

    While the database is away every stage tries several times a second. `unsaid` is how often
    it did since the last line of its kind.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._next: dict[str, float] = {}
        self._unsaid: Tally[str] = Tally()

    def __call__(self, _logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
        """Let a line pass, or raise `DropEvent`."""
        event, now = line["event"], self._now()
        if not event.endswith(_POSTPONED):
            return line
        if now < self._next.get(event, now):
            self._unsaid[event] += 1
            raise structlog.DropEvent
        self._next[event] = now + _SAID_AGAIN_SECONDS
        if unsaid := self._unsaid.pop(event, 0):
            line["unsaid"] = unsaid
        return line


def set_up_logs(log_format: str, level: str) -> None:
    """Send logs to standard error, as JSON or, on a terminal, for people."""
    pretty = log_format == "pretty" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        LogThrottle(),
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
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    errors = [] if pretty else [structlog.processors.ExceptionRenderer(tracebacks)]
    structlog.configure(
        processors=[*shared, *errors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )

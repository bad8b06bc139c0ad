"""What happened to one message, in its order: its stations, and how long each took."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sendrail.dashboard.showing import STATUSES, took_shown
from sendrail.domain.click_classes import ClickClass
from sendrail.domain.message import FINAL, Status
from sendrail.domain.webhook import ACKNOWLEDGED, MessageEvent
from sendrail.intake.lookup import FoundMessage
from sendrail.storage.pipeline.lookup import Attempt
from sendrail.storage.pipeline.stored_messages import StoredMessage
from sendrail.storage.tracking.click_log import StoredClick

# The outcomes of an attempt after which the message is not at the carrier.
_OUTCOMES: Final = {
    "submitted": ("sent", "taken by the carrier"),
    "uncertain": ("doubt", "no answer came"),
    "throttled": ("warn", "throttled"),
    "unavailable": ("warn", "the carrier was not there"),
    "failed": ("warn", "failed, and is repeated"),
    "rejected": ("bad", "refused by the carrier"),
}


class TimelineEvent(NamedTuple):
    """A station of the rail; `answer` is the carrier's own word, `gap` what it took."""

    at: int
    look: str
    title: str
    text: str = ""
    code: str = ""
    answer: str = ""


class MessagePhase(NamedTuple):
    """A share of the time from the request to the end."""

    look: str
    title: str
    start: float
    share: float
    took: str


def timeline(
    found: FoundMessage,
    attempts: Sequence[Attempt],
    clicks: Sequence[StoredClick],
    told: Sequence[MessageEvent] = (),
) -> list[TimelineEvent]:
    """Return the events of a message, oldest first."""
    message = found.stored
    events = [
        TimelineEvent(
            message.created_at,
            "queued idle",
            "Accepted, on disk and in the queue",
            "An automatic reply to a keyword." if message.automatic else "It passed every check.",
        )
    ]
    if message.send_at is not None:
        events.append(TimelineEvent(message.send_at, "queued idle", "Is to leave at this time"))
    for each in attempts:
        events += _attempt(each)
    events += _ending(message, attempts)
    events += [_click(each) for each in clicks]
    events += [_posted(each) for each in told]
    return sorted(events, key=lambda event: event.at)


def phases_of(message: StoredMessage, attempts: Sequence[Attempt]) -> list[MessagePhase]:
    """Return the shares of the time until the end; none for a message that has not ended."""
    if message.status not in FINAL or message.ended_at is None or not attempts:
        return []
    first, last = attempts[0], attempts[-1]
    stops = [
        ("rest", "Waited for its turn", message.created_at, first.started_at),
        ("warn", "Earlier attempts", first.started_at, last.started_at),
        ("sent", "Carrier’s answer", last.started_at, last.ended_at),  # noqa: RUF001
        ("pale", "Until the receipt", last.ended_at, message.ended_at),
    ]
    whole = max(1, message.ended_at - message.created_at)
    return [
        MessagePhase(
            look,
            title,
            max(0.0, 100 * (start - message.created_at) / whole),
            min(100.0, 100 * (end - start) / whole),
            took_shown(end - start),
        )
        for look, title, start, end in stops
        if end > start
    ]


def _attempt(each: Attempt) -> list[TimelineEvent]:
    look, word = _OUTCOMES.get(each.outcome, ("queued idle", each.outcome))
    by = f"by {each.connector}" if each.connector else ""
    begun = TimelineEvent(
        each.started_at, "queued idle", f"Attempt {each.attempt}: submitted {by}".strip()
    )
    took = each.ended_at - each.started_at
    text = (
        f"Answered in {took_shown(took)}"
        if each.outcome != "uncertain"
        else "It is unknown whether it arrived. It is not sent twice."
    )
    if each.detail:
        text += f": {each.detail}"
    ended = TimelineEvent(
        each.ended_at,
        look,
        f"Attempt {each.attempt}: {word}",
        text,
        each.carrier_ref or "",
        each.provider_detail or "",
    )
    return [begun, ended]


def _ending(message: StoredMessage, attempts: Sequence[Attempt]) -> list[TimelineEvent]:
    if message.ended_at is None or message.status not in FINAL:
        return []
    look = STATUSES[message.status]
    texts = {
        Status.DELIVERED: "The handset has it.",
        Status.UNDELIVERED: "It did not reach the handset.",
        Status.FAILED: "The carrier does not deliver it.",
        Status.DROPPED: "It was not sent.",
        Status.ORPHANED: "It was not sent.",
    }
    title = f"Receipt: {look.word.lower()}" if attempts else look.word
    text = texts.get(message.status, "")
    return [
        TimelineEvent(
            message.ended_at,
            look.look,
            title,
            f"{text} Reason: {message.detail}." if message.detail else text,
            answer=message.provider_detail or "",
        )
    ]


def _posted(each: MessageEvent) -> TimelineEvent:
    """Return an attempt to post to an endpoint, or that one is still to come."""
    attempt, title = each.attempt, f"Webhook {each.kind} to {each.endpoint}"
    if attempt is None:
        return TimelineEvent(each.at, "queued idle", f"{title}: waits")
    took = f"in {took_shown(attempt.ended_at - attempt.started_at)}"
    is_acknowledged = attempt.outcome == ACKNOWLEDGED
    answered = f"Answered {attempt.status} {took}" if attempt.status else f"No answer {took}"
    return TimelineEvent(
        attempt.ended_at,
        "ok" if is_acknowledged else "warn",
        f"{title}: delivered" if is_acknowledged else f"{title}: attempt {attempt.attempt} failed",
        answered,
        answer=attempt.detail,
    )


def _click(each: StoredClick) -> TimelineEvent:
    link = "" if each.position is None else f"link {each.position + 1}, "
    reason = each.reason.name.lower().replace("_", " ")
    if each.click_class is ClickClass.HUMAN:
        return TimelineEvent(each.at, "ok", "Clicked", f"{link}by a person".strip())
    text = f"{link}{reason}; it does not count as a click"
    return TimelineEvent(each.at, "queued idle", "Link opened by a machine", text)

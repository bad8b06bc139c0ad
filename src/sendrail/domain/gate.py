"""The gate: the checks that an order must pass before it becomes a message.

A check decides on facts already read, so the gate does no I/O and is tested as a table. Each skip
flag of `send-raw` skips exactly one check; a check without a flag cannot be skipped. (Callers
cannot set `Skip.VERIFICATION`: only the message that verifies a list has it.) Some checks run again
just before the submit, because a STOP or a pause may arrive while a message waits; a message that
they refuse then is dropped with a reason.

Two rules are elsewhere: numbers are E.164 by type (`intake/orders.py` refuses anything else), and
the list's rate never refuses: it makes a message wait (`delivery/pacer.py`), unless
`skip_rate_limit` lets it pass ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sendrail.domain.message import DropReason, Skip
from sendrail.domain.order import Refusal
from sendrail.domain.sender import ListStatus, SendingList

# Looked up once: on Python 3.11 each look-up on an enumeration costs as much as the check.
_ACTIVE: Final = ListStatus.ACTIVE
_DELETED: Final = ListStatus.DELETED


@dataclass(slots=True)
class GateFacts:
    """The facts about one order; the checks depend on nothing else."""

    sending_list: SendingList | None = None
    account_active: bool = True
    content_blocked: bool = False
    contact_unsubscribed: bool = False
    contact_blocked: bool = False
    same_message_recently: bool = False
    in_active_journey: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its refusal, the flag that skips it, and the reason if it drops a message later.

    A check whose `drop` is None does not run again before the submit.
    """

    name: str
    refuse: Callable[[GateFacts], Refusal | None]
    skip: Skip = Skip.NONE
    drop: DropReason | None = None


def list_is_owned(facts: GateFacts) -> Refusal | None:
    # A list of another account looks the same as no list: numbers must not leak.
    if facts.sending_list is None:
        return Refusal.LIST_NOT_FOUND
    status = facts.sending_list.status
    if status is _ACTIVE:
        return None
    return Refusal.LIST_NOT_FOUND if status is _DELETED else Refusal.LIST_INACTIVE


def account_is_active(facts: GateFacts) -> Refusal | None:
    return None if facts.account_active else Refusal.ACCOUNT_SUSPENDED


def carrier_is_verified(facts: GateFacts) -> Refusal | None:
    sender = facts.sending_list
    unverified = sender is not None and sender.byoc and sender.verified_at is None
    return Refusal.WEBHOOK_NOT_CONFIGURED if unverified else None


def content_is_allowed(facts: GateFacts) -> Refusal | None:
    return Refusal.BLOCKED_CONTENT if facts.content_blocked else None


def contact_is_reachable(facts: GateFacts) -> Refusal | None:
    if facts.contact_unsubscribed:
        return Refusal.CONTACT_UNSUBSCRIBED
    return Refusal.CONTACT_BLOCKED if facts.contact_blocked else None


def message_is_new(facts: GateFacts) -> Refusal | None:
    return Refusal.DUPLICATE_MESSAGE if facts.same_message_recently else None


def journey_is_clear(facts: GateFacts) -> Refusal | None:
    return Refusal.JOURNEY_CONFLICT if facts.in_active_journey else None


# Order matters: the first refusal is the one reported.
CHECKS: Final = (
    Check(name="list_is_owned", refuse=list_is_owned, drop=DropReason.INACTIVE_LIST),
    Check(name="account_is_active", refuse=account_is_active, drop=DropReason.ACCOUNT_SUSPENDED),
    Check(
        name="carrier_is_verified",
        refuse=carrier_is_verified,
        skip=Skip.VERIFICATION,
        drop=DropReason.WEBHOOK_NOT_CONFIGURED,
    ),
    Check(name="content_is_allowed", refuse=content_is_allowed, drop=DropReason.BLOCKED_CONTENT),
    Check(
        name="contact_is_reachable",
        refuse=contact_is_reachable,
        skip=Skip.CONTACT_VALIDATION,
        drop=DropReason.CONTACT_BLOCKED,
    ),
    Check(name="message_is_new", refuse=message_is_new, skip=Skip.DUPLICATE),
    Check(name="journey_is_clear", refuse=journey_is_clear, skip=Skip.JOURNEY),
)
_ASKED_AGAIN: Final = tuple(check for check in CHECKS if check.drop is not None)


def judge(facts: GateFacts, skips: int = Skip.NONE) -> Refusal | None:
    """Return the first refusal, in the order of `CHECKS`, or None when the order may pass."""
    for check in CHECKS:
        if check.skip & skips:
            continue
        if (refusal := check.refuse(facts)) is not None:
            return refusal
    return None


def judge_again(facts: GateFacts, skips: int) -> DropReason | None:
    """Return why a queued message must be dropped before its submit, or None."""
    for check in _ASKED_AGAIN:
        if not check.skip & skips and check.refuse(facts) is not None:
            return check.drop
    return None

"""Resubscribing contacts by evidence of a new consent: an operator's, or a form's.

A complaint is lifted by nothing. Consent that is older than the leaving shows nothing: records are
sent again and again, long after a STOP. Only an operator may give such evidence, and only where
the contact did not end the subscription themselves.
"""

from datetime import UTC, datetime
from typing import Final

from sendrail.contacts.inputs import AHEAD_MAX_MS
from sendrail.domain import phone
from sendrail.domain.audit import Action
from sendrail.domain.contact import Consent, OptOutReason, SignUp, SignupFacts, SignupMethod
from sendrail.domain.errors import InvalidInput
from sendrail.domain.sender import SendingList
from sendrail.storage.contacts.signups import SubscriptionState
from sendrail.storage.interface import Tx

CONSENT_TEXT_MAX: Final = 2_000
CONSENT_SOURCE_MAX: Final = 255

# What is done by hand or by a call may be done by mistake.
_BY_OTHERS: Final = frozenset({OptOutReason.MANUAL, OptOutReason.API})


def checked(consent: Consent, now: int) -> Consent:
    """Return evidence that is whole. Raises `InvalidInput` with what is missing or wrong."""
    text, source = consent.text.strip(), consent.source.strip()
    if not text or not source:
        raise InvalidInput(
            "consent needs a text, what its owner agreed to, and a source, where that was",
            param="consent",
        )
    if len(text) > CONSENT_TEXT_MAX or len(source) > CONSENT_SOURCE_MAX:
        raise InvalidInput(
            f"consent has a text of at most {CONSENT_TEXT_MAX:,} characters and a source of at "
            f"most {CONSENT_SOURCE_MAX}",
            param="consent",
        )
    if not 0 <= consent.at <= now + AHEAD_MAX_MS:
        raise InvalidInput("consent cannot be given in the future", param="consent")
    return Consent(text=text, source=source, at=consent.at, by=consent.by)


def refusal(standing: SubscriptionState) -> InvalidInput | None:
    """Return the error when no evidence can bring a number back; None where it can."""
    if standing.active or standing.reason is not OptOutReason.COMPLAINT:
        return None
    return InvalidInput(
        "This number has reported the list as spam; nothing brings it back",
        code="contact_complained",
        param="consent",
    )


def bring_back(
    tx: Tx, sender: SendingList, signup: SignUp, standing: SubscriptionState, now: int
) -> bool:
    """Resubscribe a contact; return False where the evidence does not show their consent."""
    consent, recipient = signup.consent, signup.recipient
    if consent is None or standing.active:
        return False
    by_operator = signup.method is SignupMethod.CLI and standing.reason in _BY_OTHERS
    if not by_operator and consent.at <= (standing.left_at or 0):
        return False
    method, facts = signup.method, signup.facts
    tx.contacts.resubscribe(
        sender.id, recipient, source=method.value, evidence=_evidence(consent, facts), now=now
    )
    details = {
        "list_number": phone.show(sender.number),
        "left_by": standing.reason,
        "consent_source": consent.source,
        "consent_at": _shown(consent.at),
    }
    tx.audit.add(
        sender.account_id,
        consent.by,
        Action.CONTACTS_RESUBSCRIBED,
        tx.erased.shown(recipient),
        details,
        now,
    )
    return True


def _evidence(consent: Consent, facts: SignupFacts) -> str:
    """Return the evidence as the history of consent keeps it."""
    parts = [f"agreed to: {consent.text}", f"source: {consent.source}"]
    parts.append(f"at: {_shown(consent.at)}")
    if facts.evidence:
        parts.append(f"from: {facts.evidence}")
    parts.append(f"by: {consent.by.name}")
    if consent.by.request_id is not None:
        parts.append(f"request: {consent.by.request_id}")
    return "; ".join(parts)


def _shown(at: int) -> str:
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"

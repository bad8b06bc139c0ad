"""What becomes of a message from its parts' fates, and what each status means: tables."""

import pytest

from sendrail.carriers.smpp.parts import (
    TRIES_MAX,
    PartAccepted,
    PartsToResubmit,
    PartUnanswered,
    PartUnsent,
    Refused,
    conclude,
)
from sendrail.carriers.smpp.status import MEANINGS, StatusAction, outcome_of
from sendrail.domain.contact import RecipientTrouble
from sendrail.domain.delivery import (
    Failed,
    Rejected,
    Submitted,
    Throttled,
    Unavailable,
    Uncertain,
)

THROTTLED, BUSY, BAD_NUMBER, BAD_BIND = Refused(0x58), Refused(0x08), Refused(0x0B), Refused(0x04)
A, B = PartAccepted("a"), PartAccepted("b")
SILENT = PartUnanswered("no answer in 30 s")
UNSENT = PartUnsent("cannot connect", 1_000)


@pytest.mark.parametrize(
    ("fates", "kind", "detail"),
    [
        ([A], Submitted, None),
        ([THROTTLED], Throttled, None),
        ([BUSY], Failed, "REJECTED_SYSTEM_ERROR (0x08 ESME_RSYSERR)"),
        ([BAD_NUMBER], Rejected, "REJECTED_DESTINATION (0x0B ESME_RINVDSTADR)"),
        ([BAD_BIND], Unavailable, "0x04"),
        ([SILENT], Uncertain, "no answer in 30 s"),
        ([UNSENT], Unavailable, "cannot connect"),
        ([A, B], Submitted, None),
        ([UNSENT, UNSENT], Unavailable, "cannot connect"),
        # None was taken: the message is as new.
        ([THROTTLED, THROTTLED], Throttled, None),
        ([THROTTLED, UNSENT], Throttled, None),
        ([BUSY, THROTTLED], Failed, "0x08"),
        ([THROTTLED, BAD_NUMBER], Rejected, "0x0B"),
        # Some were, and the rest will not be.
        (
            [A, BAD_NUMBER],
            Rejected,
            "REJECTED_DESTINATION (part 2 of 2 refused: 0x0B ESME_RINVDSTADR)",
        ),
        ([BAD_BIND, A], Rejected, "part 1 of 2 refused: 0x04"),
        # Nobody knows.
        ([A, SILENT], Uncertain, "part 2 of 2 no answer in 30 s"),
        ([SILENT, BAD_NUMBER], Uncertain, "part 1 of 2 no answer"),
        ([A, UNSENT], Uncertain, "part 2 of 2 not sent after others were: cannot connect"),
        ([SILENT, UNSENT], Uncertain, "part 1 of 2"),
    ],
)
def test_fates_make_an_outcome(fates, kind, detail):
    outcome = conclude(fates, 1, {})
    assert isinstance(outcome, kind)
    if detail is not None:
        assert detail in outcome.detail


def test_the_references_are_in_the_order_of_the_parts():
    assert conclude([A, B, PartAccepted("c")], 1, {}) == Submitted("a", ("b", "c"))


def test_parts_of_one_name_are_one():
    assert conclude([A, A], 1, {}) == Submitted("a")
    assert conclude([A, B, A], 1, {}) == Submitted("a", ("b",))


def test_a_connector_may_have_one_receipt_a_message():
    said = conclude([A, B], 1, {}, one_receipt=True)
    assert said == Submitted("a", ("b",), one_receipt=True)


@pytest.mark.parametrize("refusal", [THROTTLED, BUSY])
def test_a_part_is_offered_again_when_others_were_taken(refusal):
    waits = []
    for tries in range(1, TRIES_MAX):
        again = conclude([refusal, A, refusal], tries, {})
        assert again.indexes == (0, 2)
        waits.append(again.after)
    assert waits == [1.0, 2.0, 4.0, 8.0]
    outcome = conclude([refusal, A, refusal], TRIES_MAX, {})
    assert isinstance(outcome, Rejected)
    assert "part 1 of 3 refused" in outcome.detail


def test_a_connector_may_say_otherwise():
    exceptions = {0x0B: StatusAction.RETRY, 0x58: StatusAction.REFUSE}
    assert isinstance(conclude([BAD_NUMBER], 1, exceptions), Failed)
    assert isinstance(conclude([A, BAD_NUMBER], 1, exceptions), PartsToResubmit)
    assert isinstance(conclude([THROTTLED], 1, exceptions), Rejected)


# Statuses

CLASSES = {
    Throttled: {0x58, 0x14},
    Failed: {0x08, 0x45, 0x64, 0xFE, 0xFF, 0x400, 0x4FF, 0x499, 0x1234},
    Unavailable: {0x04, 0x05, 0x0D, 0x0E, 0x0F, 0x48, 0x49},
    Rejected: {0x01, 0x0B, 0x43, 0x50, 0x51, 0x61, 0x62, 0x65, 0x66, *range(0xC0, 0xC5)},
}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, kind) for kind, statuses in CLASSES.items() for status in statuses],
)
def test_a_status_is_of_its_class(status, kind):
    assert isinstance(outcome_of(status, {}), kind)


def test_a_full_queue_may_be_the_recipients_and_a_throttle_may_not():
    assert outcome_of(0x14, {}).may_be_own
    assert not outcome_of(0x58, {}).may_be_own
    assert not outcome_of(0x14, {0x14: StatusAction.THROTTLE}).may_be_own


def test_a_wrong_sender_does_not_stop_the_connector():
    # It is one list's number: the others on the connector have nothing to do with it.
    assert isinstance(outcome_of(0x0A, {}), Failed)
    assert isinstance(outcome_of(0x0A, {0x0A: StatusAction.STOP}), Unavailable)


def test_a_wrong_destination_is_the_recipients_trouble():
    outcome = outcome_of(0x0B, {})
    assert outcome.trouble is RecipientTrouble.INVALID_DESTINATION


def test_the_names_are_node_smpps(process):
    errors = process.ask("errors")
    named = {meaning.name: status for status, meaning in MEANINGS.items()}
    theirs = {name: number for name, number in errors.items() if name in named}
    assert theirs == {name: named[name] for name in theirs}
    assert len(theirs) > 40

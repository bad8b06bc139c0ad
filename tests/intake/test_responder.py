"""Answers on their way into the queue: neither lost nor doubled, whatever dies or is full."""

import pytest
from grounds import embedded_only

from sendrail.domain.account import AccountStatus
from sendrail.domain.consent import Keyword
from sendrail.domain.errors import StorageFull, StorageUnavailable
from sendrail.domain.message import Skip

ANN, BEN = 15550100001, 15550100002
PAUSE_MS = 300_000


@pytest.fixture
def sender(road):
    road.open_delivery()
    return road.add_list()


def ask(road, sender, keyword=Keyword.STOP, recipient=ANN, body="Bye."):
    return road.write(
        lambda tx: tx.auto_replies.ask(sender, recipient, keyword, body, road.clock.now(), PAUSE_MS)
    )


def step(road):
    return road.do(road.responder.step())


def queued(road):
    return road.sql("SELECT recipient, body FROM messages ORDER BY number")


def waiting(road):
    return road.read(lambda tx: tx.auto_replies.waiting(0, 100))


def test_an_answer_is_queued_once(road, sender):
    assert ask(road, sender)
    assert step(road) == 1
    assert step(road) == 0
    assert queued(road) == [(ANN, "Bye.")]
    assert road.counted("auto_replies_total", fate="queued") == 1


PASSED = Skip.DUPLICATE | Skip.RATE_LIMIT | Skip.JOURNEY | Skip.AUTOMATIC


@pytest.mark.parametrize(
    ("keyword", "skips"),
    [
        (Keyword.STOP, PASSED | Skip.CONTACT_VALIDATION),
        (Keyword.START, PASSED),
        (Keyword.HELP, PASSED),
    ],
)
def test_only_the_confirmation_reaches_who_has_left(road, sender, keyword, skips):
    road.unsubscribe(sender, ANN)
    ask(road, sender, keyword)
    step(road)
    assert road.sql("SELECT skips FROM messages") == ([(47,)] if keyword is Keyword.STOP else [])
    ask(road, sender, keyword, BEN)
    step(road)
    assert road.sql("SELECT skips FROM messages WHERE recipient = ?", BEN) == [(int(skips),)]


@pytest.mark.parametrize("times", [1, 3])
def test_a_crash_between_acceptance_and_its_note_doubles_nothing(road, sender, times):
    ask(road, sender)
    for _ in range(times):
        step(road)
        # What is on disk when the process dies after the message and before the note.
        road.sql("UPDATE auto_replies SET queued_at = NULL")
        road.intake = road.open_intake()
        road.open_delivery()
    assert step(road) == 1
    assert waiting(road) == []
    assert queued(road) == [(ANN, "Bye.")]


def test_a_crash_before_acceptance_loses_nothing(road, sender):
    ask(road, sender)
    road.intake = road.open_intake()
    road.open_delivery()
    assert step(road) == 1
    assert queued(road) == [(ANN, "Bye.")]


def test_the_same_question_after_the_pause_is_another_answer(road, sender):
    ask(road, sender, Keyword.HELP)
    step(road)
    assert not ask(road, sender, Keyword.HELP)
    road.clock.advance(PAUSE_MS / 1000)
    assert ask(road, sender, Keyword.HELP)
    step(road)
    assert queued(road) == [(ANN, "Bye.")] * 2


@pytest.mark.parametrize("trouble", [StorageUnavailable("gone"), StorageFull("full")])
def test_an_answer_waits_for_the_disk(road, sender, trouble):
    ask(road, sender)
    road.intake.closed = StorageFull("nearly full")
    assert step(road) == 0
    road.intake.closed = None
    road.store.trouble = trouble
    assert step(road) == 0
    road.store.trouble = None
    assert step(road) == 1
    assert queued(road) == [(ANN, "Bye.")]


def test_an_answer_waits_while_the_account_has_too_much_waiting(road, sender):
    ask(road, sender)
    road.intake.full_accounts = frozenset({road.account})
    assert step(road) == 0
    road.intake.full_accounts = frozenset()
    assert step(road) == 1
    assert queued(road) == [(ANN, "Bye.")]


def test_an_account_that_is_full_holds_nobody_elses_answers_up(road, sender):
    stranger = road.write(lambda tx: tx.accounts.add("them", 0))
    theirs = road.add_list(account=stranger)
    for recipient in range(15550100000, 15550100150):
        ask(road, sender, recipient=recipient)
    ask(road, theirs, body="Bye from them.")
    road.intake.full_accounts = frozenset({road.account})
    assert step(road) == 1
    assert queued(road) == [(ANN, "Bye from them.")]
    assert len(waiting(road)) == 100


@pytest.mark.parametrize("why", ["paused list", "suspended account", "blocked word"])
def test_what_the_gate_refuses_is_given_up(road, sender, why):
    if why == "paused list":
        road.change_list(sender, status="paused")
    elif why == "suspended account":
        road.write(lambda tx: tx.accounts.set_status(road.account, AccountStatus.SUSPENDED))
    else:
        road.write(lambda tx: tx.accounts.set_blocked_words(road.account, "bye"))
    ask(road, sender)
    assert step(road) == 1
    assert waiting(road) == []
    assert queued(road) == []
    assert road.counted("auto_replies_total", fate="refused") == 1


def test_an_answer_that_waited_too_long_is_not_given(road, sender):
    ask(road, sender)
    road.clock.advance(31 * 60)
    assert step(road) == 1
    assert queued(road) == []
    assert road.counted("auto_replies_total", fate="stale") == 1


def test_a_caller_cannot_take_the_key_of_an_answer(road, sender):
    ask(road, sender)
    step(road)
    [(key,)] = road.sql("SELECT key FROM idempotency")
    assert "\n" in key, "no header of a request can hold it"


def test_what_was_settled_long_ago_is_forgotten(road, sender):
    ask(road, sender)
    ask(road, sender, recipient=BEN)
    step(road)
    ask(road, sender, Keyword.HELP)
    later = road.clock.now() + 1
    assert road.write(lambda tx: tx.auto_replies.forget(later, 1)) == 1
    assert road.write(lambda tx: tx.auto_replies.forget(later, 10)) == 1
    assert [each.keyword for each in waiting(road)] == [Keyword.HELP]


@embedded_only  # where the watch says exactly that nothing was written
def test_an_answer_that_is_left_is_tried_again_although_nothing_is_written(road, sender):
    road.store.hints.is_watched = True
    road.intake.closed = StorageFull("nearly full")
    ask(road, sender)
    road.start_all()
    road.pass_time(1)
    assert queued(road) == []
    road.intake.closed = None
    road.pass_time(5)
    assert queued(road) == [(ANN, "Bye.")]
    road.stop_all()

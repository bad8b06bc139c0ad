"""What an account sees of replies, and how its lists answer them."""

import pytest
from written import parsed

from sendrail.contacts.lists import ListChange, ListService
from sendrail.domain.answer_texts import SEGMENTS_MAX, AnswerTexts
from sendrail.domain.consent import Keyword, read_reply
from sendrail.domain.contact import OptOutReason, Scope
from sendrail.domain.errors import InvalidInput, NotFound

LIST, OTHER = "+15550100000", "+15550100100"
ANN, BEN = 15550100001, 15550100002


@pytest.fixture
def us(house):
    house.do(house.lists.add(house.us, parsed(LIST), name="News", brand="Acme"))
    return house.us


def keep(house, body, account=None, sender=ANN, number=LIST):
    def work(tx):
        found = tx.lists.find(account or house.us, int(number[1:]))
        tx.replies.keep(found, sender, body, read_reply(body), house.now)

    house.write(work)


def told(house, **about):
    return [reply.body for reply in house.do(house.replies.page(house.us, **about))]


# Replies


def test_replies_are_told_newest_first_with_what_they_say(house, us):
    keep(house, "stop")
    keep(house, "hello")
    keep(house, "stpo")
    newest, *_, oldest = house.do(house.replies.page(us))
    assert (newest.body, newest.keyword, newest.rule) == ("stpo", Keyword.STOP, "misspelling")
    assert (newest.review, oldest.review) == (True, False)
    assert (oldest.body, oldest.sender, oldest.received_at) == ("stop", ANN, house.now)
    assert told(house, keyword=Keyword.STOP) == ["stpo", "stop"]
    assert told(house, review=True) == ["stpo"]
    assert told(house, page=2, per_page=2) == ["stop"]


def test_replies_of_another_account_or_list_are_not_told(house, us):
    house.add_theirs(LIST)
    house.do(house.lists.add(us, parsed(OTHER)))
    keep(house, "theirs", house.them)
    keep(house, "ours")
    keep(house, "other", number=OTHER)
    assert told(house) == ["other", "ours"]
    assert told(house, list_number=parsed(LIST)) == ["ours"]
    house.do(house.lists.add(house.them, parsed("+15550100999"), connector="sandbox"))
    with pytest.raises(NotFound):
        told(house, list_number=parsed("+15550100999"))


# Words


def test_an_accounts_words_are_its_own(house, us):
    words = [" avsluta ", "", "ta bort mig", "avsluta"]
    assert house.change(us, stop_words=words).stop_words == ("avsluta", "ta bort mig")
    assert house.change(us).stop_words == ("avsluta", "ta bort mig")
    assert house.change(house.them).stop_words == ()
    assert house.change(us, stop_words=[]).stop_words == ()


@pytest.mark.parametrize("word", ["a,b", "x" * 51, "...", "START", "help", "Info."])
def test_a_word_that_cannot_mean_stop_is_refused(house, us, word):
    with pytest.raises(InvalidInput):
        house.change(us, stop_words=[word])
    with pytest.raises(InvalidInput):
        house.change(us, stop_words=[f"w{n}" for n in range(101)])


# Answers


def answers(house, account, **change):
    """Return whether a list answers, and with which texts, after this change."""
    if change:
        found = house.do(house.lists.update(account, parsed(LIST), ListChange(**change)))
    else:
        found = house.do(house.lists.find(account, parsed(LIST)))
    texts = {each: found.answers.of(each, found.sender.brand) for each in Keyword}
    return found.answers.enabled, texts


def test_a_list_answers_by_default_with_its_brand(house, us):
    enabled, texts = answers(house, us)
    assert enabled
    assert all(text.startswith("Acme: ") for text in texts.values())


def test_a_list_has_texts_of_its_own_until_it_gives_them_up(house, us):
    answers(house, us, stop_text=" Bye! ", help_text="Call us.")
    enabled, texts = answers(house, us, answers=False)
    assert (enabled, texts["stop"], texts["help"]) == (False, "Bye!", "Call us.")
    enabled, texts = answers(house, us, answers=True, stop_text="", help_text="Mail.")
    assert enabled
    assert (texts["stop"][:5], texts["help"]) == ("Acme:", "Mail.")


def test_a_list_can_be_added_with_its_texts(house):
    texts = AnswerTexts(enabled=False, stop="Bye!")
    house.do(house.lists.add(house.us, parsed(LIST), answers=texts))
    assert house.do(house.lists.find(house.us, parsed(LIST))).answers == texts


@pytest.mark.parametrize("name", ["stop", "start", "help"])
@pytest.mark.parametrize(
    "text",
    ["x" * (153 * SEGMENTS_MAX + 1), "STOP", "Please stop texting us", "Help"],
)
def test_a_text_that_cannot_be_an_answer_is_refused(house, us, name, text):
    with pytest.raises(InvalidInput) as refused:
        answers(house, us, **{f"{name}_text": text})
    assert refused.value.param == f"{name}_text"
    with pytest.raises(InvalidInput):
        house.do(house.lists.add(us, parsed(OTHER), answers=AnswerTexts(**{name: text})))


@pytest.mark.parametrize("name", ["stop", "start", "help"])
def test_a_blank_answer_is_as_none(house, us, name):
    answers(house, us, **{f"{name}_text": "Bye!"})
    assert answers(house, us, **{f"{name}_text": "  "}) == answers(house, us)
    assert answers(house, us)[1][name] != "Bye!"


def test_the_longest_answer_is_taken(house, us):
    text = "x" * 153 * SEGMENTS_MAX
    assert answers(house, us, help_text=text)[1]["help"] == text


def test_the_answers_of_another_account_cannot_be_seen_or_changed(house, us):
    with pytest.raises(NotFound):
        answers(house, house.them, stop_text="Mine now.")
    with pytest.raises(NotFound):
        answers(house, house.them)
    assert answers(house, us)[1]["stop"] != "Mine now."


# New lists


@pytest.mark.parametrize("scope", Scope)
def test_a_new_list_begins_with_the_accounts_opt_outs_where_they_are_the_accounts(house, us, scope):
    def leave(account, number, reason):
        def work(tx):
            found = tx.lists.find(account, int(LIST[1:]))
            tx.contacts.unsubscribe(
                found.id, number, reason, source="t", evidence="", now=house.now
            )

        house.write(work)

    house.add_theirs(LIST)
    leave(us, ANN, OptOutReason.MESSAGE)
    leave(us, BEN, OptOutReason.MANUAL)
    leave(house.them, 15550100003, OptOutReason.MESSAGE)
    lists = ListService(house.store, lambda: house.now, 17_000, scope)
    house.do(lists.add(us, parsed(OTHER)))
    contacts = [each.contact for each in house.do(house.contacts.page(us, parsed(OTHER))).contacts]
    expected = [(ANN, False, OptOutReason.MESSAGE)] if scope is Scope.ACCOUNT else []
    assert [(each.recipient, each.active, each.reason) for each in contacts] == expected
    events = house.do(house.contacts.history(us, parsed(OTHER), ANN))
    assert [event.source for event in events] == ["account"] * len(expected)


# History


def test_the_history_of_a_contact_is_the_accounts_own(house, us):
    house.do(house.contacts.remove(us, parsed(LIST), ANN, source="api", evidence="form"))
    [event] = house.do(house.contacts.history(us, parsed(LIST), ANN))
    assert (event.active, event.reason, event.source) == (False, "manual", "api")
    assert (event.rule, event.evidence, event.at) == (None, "form", house.now)
    assert house.do(house.contacts.history(us, parsed(LIST), BEN)) == []
    with pytest.raises(NotFound):
        house.do(house.contacts.history(house.them, parsed(LIST), ANN))

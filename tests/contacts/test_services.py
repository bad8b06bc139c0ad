"""Lists, contacts, blocks, journeys and accounts: what their services promise."""

import io
import re

import pytest
from enrolled import asked_of_journey, on_journey
from written import DELETE, PAUSE, RESUME, parsed

from sendrail.contacts.imports import ImportOptions, RowOutcome, file_pieces
from sendrail.contacts.inputs import choice_of, list_number_of, recipient_of
from sendrail.contacts.lists import ListChange
from sendrail.domain.account import AccountStatus, key_digest
from sendrail.domain.audit import Actor
from sendrail.domain.contact import OptOutReason, Trigger
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import KeyId
from sendrail.domain.sender import ListStatus, OnUncertain

LIST = "+15550100000"
ANN = "+15550100001"
BEN = "+15550100002"
DAY_MS = 86_400_000
ME = Actor(name="a test")


@pytest.fixture
def us(house):
    house.do(house.lists.add(house.us, parsed(LIST), name="News"))
    return house.us


def leave(house, number=ANN):
    return house.do(house.contacts.remove(house.us, parsed(LIST), parsed(number), source="test"))


def numbers(page):
    return [each.contact.recipient for each in page.contacts]


# Accounts and keys


def test_a_key_is_told_once_and_known_by_its_digest(house):
    new = house.do(house.accounts.create_key(house.us, " ci "))
    other = house.do(house.accounts.create_key(house.us, "ci"))
    assert re.fullmatch(r"trk_[A-Za-z0-9]{32}", new.key)
    assert new.key != other.key
    assert new.key.startswith(new.record.shown)
    assert len(new.record.shown) < 12
    callers = house.write(lambda tx: tx.gate.callers([key_digest(new.key)]))
    assert callers[key_digest(new.key)].account_id == house.us
    assert house.do(house.accounts.keys(house.us))[0] == new.record


def test_a_revoked_key_is_nobodys(house):
    new = house.do(house.accounts.create_key(house.us, "ci"))
    with pytest.raises(NotFound):
        house.do(house.accounts.revoke_key(house.them, new.record.id))
    first = house.do(house.accounts.revoke_key(house.us, new.record.id))
    house.now += 5
    assert house.do(house.accounts.revoke_key(house.us, new.record.id)) == first
    assert first.revoked_at == house.now - 5
    assert house.write(lambda tx: tx.gate.callers([key_digest(new.key)])) == {}
    with pytest.raises(NotFound) as caught:
        house.do(house.accounts.revoke_key(house.us, KeyId(99)))
    assert caught.value.code == "key_not_found"


def test_an_account_is_suspended_and_brought_back(house):
    for _ in range(2):
        assert house.do(house.accounts.suspend("us", ME)).status is AccountStatus.SUSPENDED
    assert [each.status for each in house.do(house.accounts.all())] == ["suspended", "active"]
    assert house.do(house.accounts.resume(f"{house.us}", ME)).status is AccountStatus.ACTIVE
    kept = house.write(lambda tx: tx.audit.page(house.us, None, 0, 10))
    assert [(each.action, each.actor) for each in reversed(kept)] == [
        ("account.added", "sendrail"),
        ("account.suspended", "a test"),
        ("account.resumed", "a test"),
    ]


@pytest.mark.parametrize("name", ["nobody", "99", "9" * 40, "", "us "])
def test_an_account_that_is_not_there_is_not_found(house, name):
    for work in (house.accounts.find, house.accounts.suspend, house.accounts.resume):
        with pytest.raises(NotFound) as caught:
            house.do(work(name))
        assert caught.value.code == "account_not_found"


def test_an_account_has_a_name_of_its_own_which_comes_before_an_id(house):
    with pytest.raises(Conflict) as caught:
        house.do(house.accounts.add(" us "))
    assert caught.value.code == "account_exists"
    digits = house.do(house.accounts.add(f"{house.us}"))
    assert house.do(house.accounts.find(f"{house.us}")).id == digits


def test_blocked_words_are_kept_without_blanks_and_repetitions(house):
    words = [" casino ", "", "a b", "casino"]
    assert house.change(house.us, blocked_words=words).blocked_words == ("casino", "a b")
    assert house.change(house.us).blocked_words == ("casino", "a b")
    assert house.change(house.them).blocked_words == ()
    assert house.change(house.us, blocked_words=[]).blocked_words == ()


@pytest.mark.parametrize("words", [["a,b"], ["x" * 101], [str(n) for n in range(1_001)]])
def test_blocked_words_have_limits(house, words):
    with pytest.raises(InvalidInput):
        house.change(house.us, blocked_words=words)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_is_neither_blank_nor_endless(house, name):
    for work in (house.accounts.create_key(house.us, name), house.accounts.add(name)):
        with pytest.raises(InvalidInput) as caught:
            house.do(work)
        assert caught.value.code == "invalid_name"


# Lists


def test_a_list_takes_the_defaults(house):
    added = house.do(house.lists.add(house.us, parsed(LIST))).sender
    assert (added.name, added.brand, added.rate) == (LIST, "", 17_000)
    assert (added.status, added.on_uncertain) == (ListStatus.ACTIVE, OnUncertain.HOLD)
    assert not added.byoc
    assert house.do(house.lists.all(house.us)) == [added]
    assert house.do(house.lists.all(house.them)) == []


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"rate": 0}, "invalid_rate", "rate"),
        ({"rate": 6_000_001}, "invalid_rate", "rate"),
        ({"connector": "nowhere"}, "invalid_connector", "connector"),
        ({"name": "x" * 101}, "invalid_name", "list_name"),
    ],
)
def test_a_list_is_refused_by_code_and_field(house, given, code, param):
    with pytest.raises(InvalidInput) as caught:
        house.do(house.lists.add(house.us, parsed(LIST), **given))
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("read", "code", "param"),
    [
        (lambda: list_number_of(""), "missing_list_number", "list_number"),
        (lambda: list_number_of("15550100000"), "invalid_list_number", "list_number"),
        (lambda: choice_of(OnUncertain, "pray", "on_uncertain"), "invalid_field", "on_uncertain"),
        (lambda: choice_of(Trigger, "whenever", "trigger"), "invalid_field", "trigger"),
    ],
)
def test_what_is_typed_is_refused_by_code_and_field(read, code, param):
    with pytest.raises(InvalidInput) as caught:
        read()
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize("rate", [1, 6_000_000])
def test_the_rate_may_be_as_low_and_as_high_as_promised(house, us, rate):
    assert house.do(house.lists.update(us, parsed(LIST), ListChange(rate=rate))).sender.rate == rate
    assert house.do(house.lists.find(us, parsed(LIST))).sender.rate == rate


def test_with_two_connectors_the_list_must_say_which(house):
    own = house.write(lambda tx: tx.connectors.add(house.us, "own", "simulator", b"", 9, None))
    with pytest.raises(InvalidInput) as caught:
        house.do(house.lists.add(house.us, parsed(LIST)))
    assert "own, sandbox" in caught.value.message
    added = house.do(house.lists.add(house.us, parsed(LIST), connector="own")).sender
    assert (added.connector_id, added.byoc) == (own, True)
    # Another account sees neither the connector nor its name.
    with pytest.raises(InvalidInput) as caught:
        house.do(house.lists.add(house.them, parsed(LIST), connector="own"))
    assert "own, " not in caught.value.message
    assert not house.do(house.lists.add(house.them, parsed(LIST))).sender.byoc


def test_a_list_is_paused_and_resumed(house, us):
    assert house.do(house.lists.update(us, parsed(LIST), PAUSE)).sender.status is ListStatus.PAUSED
    assert house.do(house.lists.find(us, parsed(LIST))).sender.status is ListStatus.PAUSED
    assert house.do(house.lists.update(us, parsed(LIST), RESUME)).sender.status is ListStatus.ACTIVE
    change = ListChange(on_uncertain=OnUncertain.RESEND_ONCE)
    changed = house.do(house.lists.update(us, parsed(LIST), change))
    assert changed.sender.on_uncertain is OnUncertain.RESEND_ONCE


def test_a_change_to_a_list_counts_no_contacts_while_it_is_written(house, us):
    written = []
    # Reads have connections of their own.
    house.store._raw.set_trace_callback(written.append)
    house.do(house.lists.update(us, parsed(LIST), ListChange(name="Old news")))
    house.store._raw.set_trace_callback(None)
    assert any(each.startswith("UPDATE lists") for each in written)
    # To count contacts takes long, and all that writes would wait.
    assert not [each for each in written if "FROM list_contacts" in each]


def test_a_suspended_list_is_not_its_owners_to_wake(house, us):
    found = house.do(house.lists.find(us, parsed(LIST))).sender
    house.write(lambda tx: tx.lists.change(us, found.id, status=ListStatus.SUSPENDED))
    for change in (RESUME, PAUSE):
        with pytest.raises(Conflict) as caught:
            house.do(house.lists.update(us, parsed(LIST), change))
        assert caught.value.code == "list_suspended"


def test_a_deleted_list_is_no_list_but_its_number_stays_taken(house, us):
    leave(house)
    house.do(house.lists.update(us, parsed(LIST), DELETE))
    assert house.do(house.lists.all(us)) == []
    with pytest.raises(NotFound):
        house.do(house.lists.find(us, parsed(LIST)))
    for change in (PAUSE, DELETE):
        with pytest.raises(NotFound):
            house.do(house.lists.update(us, parsed(LIST), change))
    with pytest.raises(Conflict):
        house.do(house.lists.add(us, parsed(LIST)))
    house.do(house.lists.update(us, parsed(LIST), RESUME))
    assert not house.do(house.contacts.show(us, parsed(LIST), parsed(ANN))).active


def test_another_accounts_list_looks_like_no_list(house, us):
    calls = (
        house.lists.find(house.them, parsed(LIST)),
        house.lists.update(house.them, parsed(LIST), PAUSE),
        house.lists.update(house.them, parsed(LIST), RESUME),
        house.lists.update(house.them, parsed(LIST), ListChange(rate=5)),
        house.contacts.add(house.them, parsed(LIST), parsed(ANN)),
        house.contacts.remove(house.them, parsed(LIST), parsed(ANN), source="test"),
        house.contacts.show(house.them, parsed(LIST), parsed(ANN)),
        house.contacts.page(house.them, parsed(LIST)),
        house.journeys.add(house.them, parsed(LIST), "welcome"),
        asked_of_journey(house, house.them, LIST, "welcome"),
    )
    for call in calls:
        with pytest.raises(NotFound) as caught:
            house.do(call)
        assert caught.value.code == "list_not_found"
    assert house.do(house.contacts.page(us, parsed(LIST))).contacts == []


def test_lists_come_from_a_file(house, us):
    content = (
        b"number,name,rate\n+15550100010,First,600\n+15550100011,,\n"
        + f"{LIST},Old,1\n".encode()
        + b"+15550100012,Third,0\n+15550100013,x,many\nnobody,x,1\n+15550100010,Twin,1\n"
    )
    chunks = file_pieces(io.BytesIO(content))
    report = house.do(house.lists.import_csv(us, chunks, ImportOptions()))
    assert report.counts == {RowOutcome.CREATED: 2, RowOutcome.ALREADY_THERE: 2}
    assert report.refused == 3
    assert [each.row for each in report.reasons] == [5, 6, 7]
    found = {each.number: (each.name, each.rate) for each in house.do(house.lists.all(us))}
    assert found == {
        15550100000: ("News", 17_000),
        15550100010: ("First", 600),
        15550100011: ("+15550100011", 17_000),
    }


def test_a_file_makes_no_more_lists_than_calls_do(house, us, monkeypatch):
    monkeypatch.setattr("sendrail.contacts.lists.LISTS_MAX", 2)
    content = b"number,name,rate\n15550100010,,\n+15550100011,,\n+15550100000,,\n"
    report = house.do(
        house.lists.import_csv(us, file_pieces(io.BytesIO(content)), ImportOptions(country="US"))
    )
    assert report.counts == {RowOutcome.CREATED: 1, RowOutcome.ALREADY_THERE: 1}
    assert [(each.row, each.reason[:27]) for each in report.reasons] == [
        (3, "An account has at most 10,0")
    ]
    # Called as a list is that a call adds without a name, and not as its cell is written.
    assert [each.name for each in house.do(house.lists.all(us))] == ["News", "+15550100010"]


@pytest.mark.parametrize("rate", ["1_000", "\u0661\u0662", "+5", "1.0", "9" * 5_000])
def test_a_rate_in_a_file_has_plain_digits(house, us, rate):
    content = f"number,name,rate\n+15550100010,x,{rate}\n".encode()
    chunks = file_pieces(io.BytesIO(content))
    [refused] = house.do(house.lists.import_csv(us, chunks, ImportOptions())).reasons
    assert refused.reason == "the rate is not a whole number"


# Contacts


def test_a_contact_is_added_once_and_renamed(house, us):
    first = house.do(house.contacts.add(us, parsed(LIST), parsed(ANN), first_name="Ann"))
    again = house.do(house.contacts.add(us, parsed(LIST), parsed(ANN), last_name="Lee"))
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.contact.first_name, again.contact.last_name) == ("Ann", "Lee")
    assert house.do(house.contacts.show(us, parsed(LIST), parsed(ANN))) == again.contact


@pytest.mark.parametrize(
    ("list_number", "number", "code"),
    [
        ("", ANN, "missing_list_number"),
        ("1", ANN, "invalid_list_number"),
        (LIST, " ", "missing_phone_number"),
        (LIST, "5550100001", "invalid_phone"),
    ],
)
def test_numbers_are_refused_by_code(list_number, number, code):
    with pytest.raises(InvalidInput) as caught:
        _ = list_number_of(list_number), recipient_of(number)
    assert caught.value.code == code


def test_whoever_has_left_is_not_added_again(house, us):
    house.do(house.contacts.add(us, parsed(LIST), parsed(ANN)))
    assert leave(house)
    assert not leave(house)
    with pytest.raises(Conflict) as caught:
        house.do(house.contacts.add(us, parsed(LIST), parsed(ANN)))
    assert caught.value.code == "contact_unsubscribed"
    contact = house.do(house.contacts.show(us, parsed(LIST), parsed(ANN)))
    assert (contact.active, contact.reason) == (False, OptOutReason.MANUAL)


def test_an_unknown_contact_is_not_found(house, us):
    with pytest.raises(NotFound) as caught:
        house.do(house.contacts.show(us, parsed(LIST), parsed(ANN)))
    assert caught.value.code == "contact_not_found"


def test_pages_tell_how_many_there_are(house, us):
    for number in (ANN, BEN):
        house.do(house.contacts.add(us, parsed(LIST), parsed(number)))
    leave(house)
    page = house.do(house.contacts.page(us, parsed(LIST), page=2, per_page=1))
    assert (numbers(page), page.total) == ([15550100001], 2)
    left = house.do(house.contacts.page(us, parsed(LIST), active=False))
    assert (numbers(left), left.total) == ([15550100001], 1)
    for wrong in ({"page": 0}, {"per_page": 0}, {"per_page": 1_001}):
        with pytest.raises(InvalidInput):
            house.do(house.contacts.page(us, parsed(LIST), **wrong))


# Blocks


def test_a_number_is_blocked_once_and_unblocked(house):
    assert house.do(house.blocks.add(house.us, parsed(ANN), note=" asked "))
    assert not house.do(house.blocks.add(house.us, parsed(ANN)))
    [block] = house.do(house.blocks.page(house.us)).blocks
    assert (block.recipient, block.note, block.blocked_at) == (15550100001, "asked", house.now)
    assert house.do(house.blocks.page(house.them)).blocks == []
    assert not house.do(house.blocks.remove(house.them, parsed(ANN)))
    assert house.do(house.blocks.remove(house.us, parsed(ANN)))
    assert not house.do(house.blocks.remove(house.us, parsed(ANN)))
    with pytest.raises(InvalidInput):
        house.do(house.blocks.add(house.us, parsed(ANN), note="x" * 201))


# Journeys


def test_a_journey_holds_a_contact_for_thirty_days_at_most(house, us):
    journey = house.do(house.journeys.add(us, parsed(LIST), "welcome"))
    assert house.do(house.journeys.all(us)) == [(journey, LIST)]
    enrolment = house.do(house.journeys.enrol(us, parsed(LIST), "welcome", parsed(ANN)))
    assert enrolment.ends_at == house.now + 30 * DAY_MS
    assert on_journey(house, us, LIST, "welcome") == [enrolment]
    list_id = house.do(house.lists.find(us, parsed(LIST))).sender.id

    def enrolled():
        return house.write(lambda tx: tx.gate.known_contacts(us, list_id, [15550100001], house.now))

    assert [each.enrolled for each in enrolled().values()] == [True]
    house.now += 30 * DAY_MS
    assert on_journey(house, us, LIST, "welcome") == []
    assert enrolled() == {}


def test_a_contact_is_taken_off_a_journey(house, us):
    house.do(house.journeys.add(us, parsed(LIST), "welcome"))
    house.do(house.journeys.enrol(us, parsed(LIST), "welcome", parsed(ANN)))
    assert house.do(house.journeys.end(us, parsed(LIST), "welcome", parsed(ANN)))
    assert not house.do(house.journeys.end(us, parsed(LIST), "welcome", parsed(ANN)))
    for work in (house.journeys.enrol, house.journeys.end):
        with pytest.raises(NotFound) as caught:
            house.do(work(us, LIST, "farewell", ANN))
        assert caught.value.code == "journey_not_found"
    with pytest.raises(Conflict):
        house.do(house.journeys.add(us, parsed(LIST), "welcome"))

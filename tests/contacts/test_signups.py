"""Sign-ups as the services promise them: who is new, what merges, what is never undone."""

import pytest
from enrolled import on_journey
from written import DELETE, PAUSE, RESUME, parsed

from sendrail.contacts import lists
from sendrail.contacts.contacts import SignUpRequest
from sendrail.contacts.journeys import JOURNEYS_MAX
from sendrail.contacts.lists import ListChange
from sendrail.contacts.signups import SignUpNotice, merged
from sendrail.domain.audit import Actor
from sendrail.domain.contact import (
    FIELDS_BYTES_MAX,
    OptOutReason,
    SignUp,
    SignupFacts,
    SignupMethod,
    Trigger,
)
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.phone import PhoneNumber

ACTOR = Actor(name="a test")

LIST, OTHER = "+15550100000", "+15550100010"
ANN, BEN = PhoneNumber(15550100001), PhoneNumber(15550100002)
EVIDENCE = SignupFacts(ip_address="203.0.113.7", url="https://example.com/join")


@pytest.fixture(autouse=True)
def us(house):
    house.do(house.lists.add(house.us, parsed(LIST), name="News"))
    house.do(house.lists.add(house.us, parsed(OTHER)))
    return house.us


def signup(number=ANN, **more):
    return SignUp(recipient=number, **({"method": SignupMethod.API} | more))


def join(house, *signups, number=LIST, account=None):
    wanted = [SignUpRequest(PhoneNumber(int(number[1:])), each) for each in signups]
    return house.do(house.contacts.sign_up(account or house.us, wanted))


def told(report):
    return [(each.is_new_contact, each.is_new_list_contact) for each in report.outcomes]


def notices(report):
    return [list(each.notices) for each in report.outcomes]


def shown(house, number=ANN, of=LIST):
    return house.do(house.contacts.show(house.us, parsed(of), number))


def history(house):
    events = house.do(house.contacts.history(house.us, parsed(LIST), ANN))
    return [(each.at, each.active, each.reason, each.source, each.evidence) for each in events]


def leave(house, reason=OptOutReason.MANUAL):
    house.do(house.contacts.remove(house.us, parsed(LIST), ANN, reason=reason, source="test"))


# Merging


@pytest.mark.parametrize(
    ("known", "given", "replacing", "expected"),
    [
        ({}, {}, False, {}),
        ({"a": 1}, {"b": 2}, False, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": "x"}, False, {"a": "x", "b": 2}),
        ({"a": 1, "b": 2}, {"a": None, "c": None}, False, {"b": 2}),
        ({"a": 1}, {"b": 2}, True, {"b": 2}),
        ({"a": 1}, {}, True, {}),
    ],
)
def test_fields_are_merged_replaced_or_taken_away(known, given, replacing, expected):
    assert merged(known, given, replacing=replacing) == expected


def test_fields_have_a_size_and_names_a_length():
    name = "x" * 100
    full = "y" * (FIELDS_BYTES_MAX - len(f'{{"{name}":""}}'))
    assert merged({}, {name: full}) == {name: full}
    for known, given, code in (
        ({}, {name: full + "y"}, "payload_too_large"),
        ({name: full}, {"a": 1}, "payload_too_large"),
        ({}, {"x" * 101: 1}, "invalid_field"),
        ({}, {" ": 1}, "invalid_field"),
    ):
        with pytest.raises(InvalidInput) as caught:
            merged(known, given)
        assert (caught.value.code, caught.value.param) == (code, "custom_fields")


# Who is new


def test_a_number_is_new_to_the_account_once_and_to_each_list_once(house):
    house.add_theirs(LIST)
    assert told(join(house, signup())) == [(True, True)]
    assert told(join(house, signup())) == [(False, False)]
    assert told(join(house, signup(), number=OTHER)) == [(False, True)]
    assert told(join(house, signup(), account=house.them)) == [(True, True)]


def test_a_number_twice_in_one_call_is_taken_one_after_the_other(house):
    report = join(
        house,
        signup(custom_fields={"a": 1, "b": 1}, first_name="Ann"),
        signup(BEN),
        signup(custom_fields={"b": 2, "a": None}, last_name="Lee", facts=EVIDENCE),
    )
    assert told(report) == [(True, True), (True, True), (False, False)]
    contact = shown(house)
    assert (contact.custom_fields, contact.first_name, contact.last_name, contact.facts) == (
        {"b": 2},
        "Ann",
        "Lee",
        EVIDENCE,
    )
    join(
        house, signup(custom_fields={"c": 3}), signup(custom_fields={}, replace_custom_fields=True)
    )
    assert shown(house).custom_fields == {}


def test_what_cannot_be_taken_holds_nothing_up(house, us):
    join(house, signup(custom_fields={"a": "x" * 3_000}))
    wanted = [
        SignUpRequest(PhoneNumber(15550100000), signup(custom_fields={"b": "x" * 3_000})),
        SignUpRequest(PhoneNumber(15550109999), signup(BEN)),
        SignUpRequest(PhoneNumber(15550100010), signup(BEN)),
    ]
    big, lost, taken = house.do(house.contacts.sign_up(us, wanted)).outcomes
    assert (big.code, lost.code) == ("payload_too_large", "list_not_found")
    assert taken.is_new_contact
    assert shown(house).custom_fields == {"a": "x" * 3_000}
    with pytest.raises(InvalidInput) as caught:
        house.do(house.contacts.sign_up_one(us, wanted[0]))
    assert caught.value.code == "payload_too_large"


def test_another_accounts_list_and_a_deleted_one_are_no_lists(house, us):
    house.do(house.lists.update(us, parsed(LIST), DELETE))
    for account in (us, house.them):
        [outcome] = join(house, signup(), account=account).outcomes
        assert outcome.code == "list_not_found"


# Consent


def test_nobody_who_opted_out_is_brought_back(house):
    join(house, signup())
    leave(house)
    report = join(house, signup(custom_fields={"a": 1}, first_name="Ann", use_journeys=True))
    assert (told(report), notices(report)) == (
        [(False, False)],
        [[SignUpNotice.CONTACT_UNSUBSCRIBED, SignUpNotice.NO_JOURNEY]],
    )
    contact = shown(house)
    assert (contact.active, contact.custom_fields, contact.first_name) == (False, {"a": 1}, "Ann")
    assert [event[2] for event in history(house)] == ["signed_up", "manual"]


def test_the_history_begins_with_the_sign_up_and_keeps_later_evidence(house):
    join(house, signup(at=7, facts=EVIDENCE))
    join(house, signup(custom_fields={"a": 1}))
    join(house, signup(facts=SignupFacts(url="https://example.com/again")))
    house.now += 5
    leave(house, OptOutReason.COMPLAINT)
    assert history(house) == [
        (7, True, "signed_up", "api", "https://example.com/join 203.0.113.7"),
        (house.now - 5, True, "signed_up", "api", "https://example.com/again"),
        (house.now, False, "complaint", "test", ""),
    ]


def test_who_was_only_ever_taken_off_has_no_sign_up_in_its_history(house):
    leave(house)
    assert [event[2] for event in history(house)] == ["manual"]


def test_by_hand_is_the_command_lines_way_in(house, us):
    added = house.do(
        house.contacts.add(us, parsed(LIST), ANN, first_name="Ann", custom_fields={"a": 1})
    )
    assert (added.is_new, added.contact.signup_method) == (True, SignupMethod.CLI)
    assert added.contact.custom_fields == {"a": 1}
    leave(house)
    with pytest.raises(Conflict):
        house.do(house.contacts.add(us, parsed(LIST), ANN, first_name="Other"))
    assert shown(house).first_name == "Ann", "a refused command changes nothing"


def test_leaving_by_api_is_never_an_error(house, us):
    def gone(number=f"+{ANN}", of=LIST, account=us):
        return house.do(
            house.contacts.leave(account, parsed(of), parsed(number), evidence="request 1")
        )

    house.add_theirs(LIST)
    join(house, signup())
    assert not gone(of="+15550109999")
    assert not gone(number=f"+{BEN}")
    assert not gone(account=house.them)
    assert gone()
    assert not gone()
    assert shown(house).reason is OptOutReason.API
    assert history(house)[-1] == (house.now, False, "api", "api", "request 1")
    with pytest.raises(NotFound):
        shown(house, BEN)


def test_leaving_reaches_a_deleted_list(house, us):
    join(house, signup())
    house.do(house.lists.update(us, parsed(LIST), DELETE))
    assert house.do(house.contacts.leave(us, parsed(LIST), ANN, evidence=""))
    house.do(house.lists.update(us, parsed(LIST), RESUME))
    assert not shown(house).active


# What whoever brings a contact should know


def test_a_blocked_number_and_a_paused_list_are_told_of(house, us):
    house.do(house.blocks.add(us, ANN))
    house.do(house.lists.update(us, parsed(LIST), PAUSE))
    report = join(house, signup(), signup(BEN))
    assert notices(report) == [
        [SignUpNotice.CONTACT_BLOCKED, SignUpNotice.LIST_INACTIVE],
        [SignUpNotice.LIST_INACTIVE],
    ]
    assert told(report) == [(True, True)] * 2


# Journeys


@pytest.fixture
def welcome(house, us):
    house.do(house.journeys.add(us, parsed(LIST), "by hand", Trigger.NONE))
    house.do(house.journeys.add(us, parsed(OTHER), "other"))
    return house.do(house.journeys.add(us, parsed(LIST), "welcome", Trigger.LIST))


def on_it(house, name="welcome"):
    return [each.recipient for each in on_journey(house, house.us, LIST, name)]


ASKING = {"use_journeys": True}
ALWAYS = {"use_journeys": True, "skip_journey_if_exists": False}


@pytest.mark.parametrize(
    ("known", "asked", "started"),
    [
        (False, {}, 0),
        (False, ASKING, 1),
        (False, ALWAYS, 1),
        (True, {}, 0),
        (True, ASKING, 0),
        (True, ALWAYS, 1),
        (True, {"skip_journey_if_exists": False}, 0),
    ],
)
@pytest.mark.usefixtures("welcome")
def test_joining_starts_the_lists_journeys_where_it_is_asked_for(house, known, asked, started):
    if known:
        join(house, signup())
    assert join(house, signup(**asked)).journeys_enrolled == started
    assert on_it(house) == [ANN] * started
    assert on_it(house, "by hand") == []


@pytest.mark.parametrize(
    ("first", "second", "known", "started"),
    [
        ({}, ASKING, False, 0),
        ({}, ALWAYS, False, 1),
        (ASKING, {}, False, 1),
        (ASKING, {}, True, 0),
        (ALWAYS, {}, True, 1),
        (ASKING, ALWAYS, True, 1),
    ],
)
@pytest.mark.usefixtures("welcome")
def test_of_two_sign_ups_in_one_call_the_second_finds_the_contact_there(
    house, first, second, known, started
):
    if known:
        join(house, signup())
    assert join(house, signup(**first), signup(**second)).journeys_enrolled == started


@pytest.mark.usefixtures("welcome")
def test_a_journey_under_way_is_not_started_anew(house, us):
    join(house, signup(**ASKING))
    house.now += 10
    assert join(house, signup(**ALWAYS)).journeys_enrolled == 0
    [enrolment] = on_journey(house, us, LIST, "welcome")
    assert enrolment.started_at == house.now - 10


@pytest.mark.usefixtures("welcome")
def test_neither_the_blocked_nor_who_left_start_a_journey(house, us):
    house.do(house.blocks.add(us, BEN))
    leave(house)
    assert join(house, signup(**ALWAYS), signup(BEN, **ALWAYS)).journeys_enrolled == 0
    assert on_it(house) == []


def test_no_journey_to_start_is_told(house):
    assert notices(join(house, signup(), signup(BEN, **ASKING))) == [[], [SignUpNotice.NO_JOURNEY]]


def test_a_journey_is_found_and_removed_by_its_id_and_by_its_account(house, us, welcome):
    assert house.do(house.journeys.show(us, welcome.id)) == (welcome, "+15550100000")
    join(house, signup(**ASKING))
    calls = [
        house.journeys.show(house.them, welcome.id),
        house.journey_documents.remove(house.them, welcome.id, ACTOR),
        house.journeys.enrol_by_id(house.them, welcome.id, ANN),
        house.journeys.end_by_id(house.them, welcome.id, ANN),
        house.journeys.enrolment_page(house.them, welcome.id),
        house.journeys.show(us, 10**30),
    ]
    for call in calls:
        with pytest.raises(NotFound) as caught:
            house.do(call)
        assert caught.value.code == "not_found"
    assert house.do(house.journeys.enrolment_page(us, welcome.id)).total == 1
    assert house.do(house.journey_documents.remove(us, welcome.id, ACTOR))
    with pytest.raises(NotFound):
        house.do(house.journeys.show(us, welcome.id))


def test_a_list_has_so_many_journeys_and_no_more(house, us):
    for at in range(JOURNEYS_MAX):
        house.do(house.journeys.add(us, parsed(LIST), f"journey {at}"))
    with pytest.raises(Conflict) as caught:
        house.do(house.journeys.add(us, parsed(LIST), "one more"))
    assert caught.value.code == "too_many_journeys"
    house.do(house.journeys.add(us, parsed(OTHER), "one more"))


# Lists, changed in one go


def test_a_change_of_a_list_is_whole_or_nothing(house, us):
    before = house.do(house.lists.find(us, parsed(LIST))).sender
    for wrong in ({"rate": 0}, {"connector": "nowhere"}, {"help_text": "STOP"}, {"name": " "}):
        change = ListChange(**({"name": "New", "brand": "Acme"} | wrong))
        with pytest.raises(InvalidInput):
            house.do(house.lists.update_by_id(us, before.id, change))
        assert house.do(house.lists.find(us, parsed(LIST))).sender == before
    change = ListChange(name="New", brand="", rate=5, help_text="Call us.", answers=False)
    changed = house.do(house.lists.update_by_id(us, before.id, change))
    assert (changed.sender.name, changed.sender.brand, changed.sender.rate) == ("New", "", 5)
    assert (changed.answers.help, changed.answers.enabled) == ("Call us.", False)
    assert house.do(house.lists.find_by_id(us, before.id)) == changed
    back = house.do(house.lists.update_by_id(us, before.id, ListChange(help_text="")))
    assert back.answers.help is None


def test_an_account_has_so_many_lists_and_no_more(house, us, monkeypatch):
    monkeypatch.setattr(lists, "LISTS_MAX", 3)
    house.do(house.lists.add(us, parsed("+15550100020")))
    with pytest.raises(Conflict) as caught:
        house.do(house.lists.add(us, parsed("+15550100021")))
    assert caught.value.code == "too_many_lists"
    house.do(house.lists.add(house.them, parsed("+15550100021")))


def test_a_list_is_told_with_its_connectors_and_its_active_contacts(house, us):
    join(house, signup(), signup(BEN))
    leave(house)
    first, second = house.do(house.lists.all_details(us))
    assert (first.connector.name, first.connector.kind, first.second_connector) == (
        "sandbox",
        "simulator",
        None,
    )
    assert (first.contacts, second.contacts) == (1, 0)
    assert first == house.do(house.lists.find_by_id(us, first.sender.id))
    assert house.do(house.lists.all_details(house.them)) == []
    for account, list_id in ((house.them, first.sender.id), (us, 999), (us, 10**30)):
        with pytest.raises(NotFound) as caught:
            house.do(house.lists.find_by_id(account, list_id))
        assert caught.value.code == "not_found"


# Blocks


def test_blocks_are_added_by_the_many_and_looked_up(house, us):
    wanted = [(BEN, "b"), (ANN, "c"), (ANN, "a")]
    assert house.do(house.blocks.add_many(us, wanted)) == 2
    page = house.do(house.blocks.page(us, ANN))
    assert ([(each.recipient, each.note) for each in page.blocks], page.total) == ([(ANN, "c")], 1)
    assert house.do(house.blocks.page(us, parsed("+15550109999"))).total == 0
    assert house.do(house.blocks.page(house.them, ANN)).total == 0
    assert house.do(house.blocks.page(us, ANN, page=2)).blocks == []

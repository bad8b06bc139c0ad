"""What every store must do about sign-ups, pages of contacts, and who starts a journey."""

import pytest
from enrolled import enrol
from stores import ANN, BEN, CID, NOW

from sendrail.domain.audience import SAMPLE_STEP
from sendrail.domain.contact import (
    OptOutReason,
    SignUp,
    SignupFacts,
    SignupMethod,
    Trigger,
)
from sendrail.domain.sender import ListStatus
from sendrail.storage.contacts.signups import (
    ContactFilter,
    ContactPlace,
    SubscriptionState,
    SubscriptionUpdate,
)

ALL = ContactFilter()
FACTS = SignupFacts(
    ip_address="203.0.113.7",
    url="https://example.com/join",
    ad_network_source="adwords",
    ad_network_id="17",
)


def signup(number=ANN, **more):
    return SignUp(recipient=number, **({"method": SignupMethod.API} | more))


def add(house, *numbers, sender=None, now=NOW, **more):
    sender = sender or house.list
    rows = [(signup(number, **more), more.get("custom_fields", {})) for number in numbers]
    return house.write(lambda tx: tx.signups.add(sender.id, rows, now))


def leave(house, number=ANN, sender=None, reason=OptOutReason.MESSAGE):
    sender = sender or house.list
    house.write(
        lambda tx: tx.contacts.unsubscribe(
            sender.id, number, reason, source="t", evidence="x", now=NOW
        )
    )


def found(house, number=ANN, sender=None):
    return house.read(lambda tx: tx.contacts.find((sender or house.list).id, number))


def page(house, about=ALL, *, offset=0, limit=50, account=None):
    contacts = house.read(lambda tx: tx.signups.page(account or house.us, about, offset, limit))
    return [(each.list_number, each.contact.recipient) for each in contacts]


def count(house, about=ALL, account=None):
    return house.read(lambda tx: tx.signups.count(account or house.us, about))


# Coming to a list


def test_only_the_new_are_added_and_told(house):
    assert add(house, ANN, BEN) == {ANN, BEN}
    assert add(house, BEN, CID, first_name="Late") == {CID}
    assert found(house, BEN).first_name == ""
    assert add(house) == set()


def test_a_sign_up_is_kept_whole(house):
    fields = {"plan": "gold", "visits": 3, "share": 0.5, "vip": True, "größe": "L"}
    add(house, ANN, first_name="Ann", last_name="Lee", facts=FACTS, at=7, custom_fields=fields)
    contact = found(house)
    assert (contact.first_name, contact.last_name, contact.facts) == ("Ann", "Lee", FACTS)
    assert (contact.signup_at, contact.signup_method) == (7, SignupMethod.API)
    assert (contact.subscribed_at, contact.active) == (NOW, True)
    assert contact.custom_fields == fields
    # In no certain order, but each of its own type.
    kinds = {name: type(value) for name, value in contact.custom_fields.items()}
    assert kinds == {"plan": str, "visits": int, "share": float, "vip": bool, "größe": str}


def test_without_a_date_a_sign_up_is_of_now(house):
    add(house, ANN)
    assert (found(house).signup_at, found(house).custom_fields) == (NOW, {})


def test_a_number_is_met_once_for_each_account(house):
    def meet(account, emails):
        return house.write(lambda tx: tx.signups.upsert_contacts(account, emails, NOW))

    assert meet(house.us, {ANN: None, BEN: "ben@example.com"}) == {ANN, BEN}
    assert meet(house.us, {ANN: "ann@example.com", BEN: None, CID: None}) == {CID}
    assert meet(house.them, {ANN: None}) == {ANN}
    add(house, ANN, BEN)
    add(house, ANN, sender=house.their_list)

    def emails(account):
        contacts = house.read(lambda tx: tx.signups.page(account, ContactFilter(), 0, 9))
        return {each.contact.recipient: each.phone.email for each in contacts}

    assert emails(house.us) == {ANN: "ann@example.com", BEN: "ben@example.com"}
    assert emails(house.them) == {ANN: None}


def test_a_list_tells_how_it_stands_to_those_it_knows(house):
    add(house, ANN, custom_fields={"plan": "gold"})
    leave(house, BEN, reason=OptOutReason.MANUAL)
    leave(house, CID)
    standings = house.write(
        lambda tx: tx.signups.subscription_states(house.list.id, [ANN, BEN, CID, 1])
    )
    assert standings == {
        ANN: SubscriptionState(active=True, signed_up=True, custom_fields={"plan": "gold"}),
        BEN: SubscriptionState(
            active=False,
            signed_up=False,
            custom_fields={},
            reason=OptOutReason.MANUAL,
            left_at=NOW,
        ),
        CID: SubscriptionState(
            active=False,
            signed_up=True,
            custom_fields={},
            reason=OptOutReason.MESSAGE,
            left_at=NOW,
        ),
    }
    assert house.write(lambda tx: tx.signups.subscription_states(house.their_list.id, [ANN])) == {}


def test_the_first_sign_ups_facts_stay_and_gaps_are_filled(house):
    add(house, ANN, first_name="Ann", at=7, facts=SignupFacts(url="https://first"))
    again = signup(at=9, last_name="Lee", facts=FACTS, method=SignupMethod.CSV)
    house.write(
        lambda tx: tx.signups.update_subscriptions(
            house.list.id, [SubscriptionUpdate(again, True, {"a": 1})], NOW + 1
        )
    )
    contact = found(house)
    assert (contact.first_name, contact.last_name) == ("Ann", "Lee")
    assert (contact.signup_at, contact.signup_method) == (7, SignupMethod.API)
    assert contact.facts.url == "https://first"
    assert contact.facts.ip_address == FACTS.ip_address
    assert contact.custom_fields == {"a": 1}


def test_who_came_back_without_ever_signing_up_signs_up_now(house):
    leave(house, reason=OptOutReason.MANUAL)
    house.write(
        lambda tx: tx.contacts.resubscribe(house.list.id, ANN, source="t", evidence="", now=NOW)
    )
    amendment = SubscriptionUpdate(signup(at=9, facts=FACTS), True, {})
    house.write(lambda tx: tx.signups.update_subscriptions(house.list.id, [amendment], NOW))
    contact = found(house)
    assert (contact.signup_at, contact.signup_method, contact.facts) == (9, "api", FACTS)


def test_of_who_has_left_only_names_and_fields_change(house):
    leave(house, reason=OptOutReason.MANUAL)
    amendment = SubscriptionUpdate(signup(at=9, facts=FACTS, first_name="Ann"), False, {"a": 1})
    house.write(lambda tx: tx.signups.update_subscriptions(house.list.id, [amendment], NOW))
    contact = found(house)
    assert (contact.active, contact.signup_method, contact.facts) == (False, None, SignupFacts())
    assert (contact.first_name, contact.custom_fields) == ("Ann", {"a": 1})


def test_consent_given_again_is_an_event(house):
    add(house, ANN)
    house.write(
        lambda tx: tx.signups.add_consent_events(house.list.id, [signup(at=9, facts=FACTS)], NOW)
    )
    [event] = house.read(lambda tx: tx.contacts.history(house.list.id, ANN))
    assert (event.active, event.reason, event.source, event.at) == (True, "signed_up", "api", 9)
    assert event.evidence == "https://example.com/join 203.0.113.7"


def test_custom_fields_are_set_on_one_list_only(house):
    second = house.add_list(house.us, 15550001001)
    add(house, ANN)
    add(house, ANN, sender=second)
    house.write(lambda tx: tx.signups.set_fields(second.id, ANN, {"a": "b"}))
    assert found(house).custom_fields == {}
    assert found(house, sender=second).custom_fields == {"a": "b"}


# Pages


def test_pages_are_newest_sign_up_first_and_of_the_account_alone(house):
    second = house.add_list(house.us, 15550001001)
    for at, number in enumerate([BEN, ANN, CID]):
        add(house, number, at=at)
    add(house, ANN, sender=second, at=1)
    add(house, ANN, sender=house.their_list, at=9)
    ours = house.list.shown
    in_order = [(ours, CID), (second.shown, ANN), (ours, ANN), (ours, BEN)]
    assert page(house) == in_order
    assert [page(house, offset=at, limit=2) for at in (0, 2, 4)] == [in_order[:2], in_order[2:], []]
    assert page(house, ContactFilter(house.list.id)) == [(ours, CID), (ours, ANN), (ours, BEN)]
    assert (count(house), count(house, ContactFilter(house.list.id))) == (4, 3)
    assert page(house, account=house.them) == [(house.their_list.shown, ANN)]


def test_pages_of_many_lists_go_on_where_the_last_one_ended(house):
    """Lists are read one by one and merged: also where sign-ups of several have one time."""
    lists = [house.list, *(house.add_list(house.us, 15550001001 + at) for at in range(3))]
    for at, sender in enumerate(lists):
        add(house, ANN, BEN, sender=sender, at=5)
        add(house, CID, sender=sender, at=3 + at)
    leave(house, BEN, sender=lists[1])
    for about, size in ((ALL, 12), (ContactFilter(active=True), 11)):
        whole = page(house, about)
        assert len(set(whole)) == size
        for limit in (1, 2, 5, 12):
            place, seen = None, []
            while found := house.read(
                lambda tx, asked=(about, 0, limit, place): tx.signups.page(house.us, *asked)
            ):
                seen += [(each.list_number, each.contact.recipient) for each in found]
                assert len(seen) <= size, "it goes back"
                last = found[-1].contact
                place = ContactPlace(last.signup_at, last.list_id, last.recipient)
            assert seen == whole


def test_a_count_has_a_bound(house):
    add(house, ANN, BEN, CID)
    counts = [house.read(lambda tx, n=n: tx.signups.count(house.us, ALL, n)) for n in (2, 3, 4)]
    assert counts == [2, 3, 3]


def test_another_accounts_list_or_a_deleted_one_has_no_page(house):
    add(house, ANN)
    add(house, BEN, sender=house.their_list)
    theirs = ContactFilter(house.their_list.id)
    assert (page(house, theirs), count(house, theirs)) == ([], 0)
    house.write(lambda tx: tx.lists.change(house.us, house.list.id, status=ListStatus.DELETED))
    ours = ContactFilter(house.list.id)
    assert (page(house, ours), count(house, ours), page(house), count(house)) == ([], 0, [], 0)


@pytest.mark.parametrize("of_list", [False, True])
def test_pages_of_the_active_and_of_who_left(house, of_list):
    add(house, ANN, BEN)
    leave(house, BEN)
    where = house.list.id if of_list else None
    number = house.list.shown
    for active, who in ((True, ANN), (False, BEN)):
        about = ContactFilter(where, active)
        assert (page(house, about), count(house, about)) == ([(number, who)], 1)


def test_a_number_is_found_on_all_its_lists(house):
    second = house.add_list(house.us, 15550001001)
    add(house, ANN, BEN)
    add(house, ANN, sender=second, at=1)
    add(house, ANN, sender=house.their_list)
    about = ContactFilter(recipient=ANN)
    assert page(house, about) == [(house.list.shown, ANN), (second.shown, ANN)]
    assert (count(house, about), count(house, ContactFilter(second.id, None, BEN))) == (2, 0)


def test_the_active_of_each_list_are_counted(house):
    second, third = house.add_list(house.us, 15550001001), house.add_list(house.us, 15550001002)
    add(house, ANN, BEN, CID)
    add(house, ANN, sender=second)
    add(house, ANN, sender=house.their_list)
    leave(house, BEN)
    leave(house, BEN, third)
    counts = house.read(lambda tx: tx.signups.active_of_lists(house.us))
    assert counts == {house.list.id: 2, second.id: 1}


def test_the_size_of_a_list_is_counted_to_a_bound_and_sampled(house):
    # One number in 61 is of the sample: the first of these, and no other.
    of_sample = 15550000000 + -15550000000 % SAMPLE_STEP
    people = [of_sample + at for at in range(4)]
    second = house.add_list(house.us, 15550001001)
    add(house, *people)
    add(house, *people, sender=house.their_list)
    leave(house, people[3])
    ids = [house.list.id, second.id, house.their_list.id]

    def sizes(most):
        return house.read(lambda tx: tx.signups.sizes_of_lists(house.us, ids, most))

    assert sizes(2) == {house.list.id: (2, 1), second.id: (0, 0)}
    assert sizes(9) == {house.list.id: (3, 1), second.id: (0, 0)}
    leave(house, people[0])
    assert sizes(9) == {house.list.id: (2, 0), second.id: (0, 0)}


# Lists and blocks by their own keys


def test_a_list_is_found_by_its_id_by_its_account_alone(house):
    assert house.read(lambda tx: tx.lists.find_id(house.us, house.list.id)) == house.list
    assert house.read(lambda tx: tx.lists.find_id(house.them, house.list.id)) is None
    assert house.read(lambda tx: tx.lists.find_id(house.us, 999)) is None
    assert house.read(lambda tx: tx.lists.count(house.us)) == 1


def test_the_texts_of_all_lists_are_read_at_once(house):
    second = house.add_list(house.us, 15550001001)
    house.write(lambda tx: tx.lists.change(house.us, second.id, answers=False, help_text="Call."))
    texts = house.read(lambda tx: tx.lists.all_answer_texts(house.us))
    assert set(texts) == {house.list.id, second.id}
    assert (texts[second.id].enabled, texts[second.id].help) == (False, "Call.")
    assert texts[house.list.id].enabled


def test_a_block_is_looked_up_and_counted_for_its_account(house):
    house.write(lambda tx: tx.blocks.add(house.us, [(ANN, "why"), (BEN, "why")], NOW))
    house.write(lambda tx: tx.blocks.add(house.them, [(CID, "")], NOW))
    found_block = house.read(lambda tx: tx.blocks.find(house.us, ANN))
    assert (found_block.recipient, found_block.note) == (ANN, "why")
    assert house.read(lambda tx: tx.blocks.find(house.us, CID)) is None
    assert house.read(lambda tx: (tx.blocks.count(house.us), tx.blocks.count(house.them))) == (2, 1)


# Journeys


@pytest.fixture
def journey(house):
    def make(tx):
        tx.journeys.add(house.list.id, "welcome", NOW, Trigger.LIST)
        return tx.journeys.find(house.us, house.list.id, "welcome")

    return house.write(make)


def test_a_journey_is_its_accounts_alone(house, journey):
    assert journey.trigger is Trigger.LIST
    assert house.read(lambda tx: tx.journeys.by_id(house.us, journey.id)) == journey
    assert house.read(lambda tx: tx.journeys.by_id(house.them, journey.id)) is None
    assert house.read(lambda tx: tx.journeys.of_list(house.list.id)) == [journey]
    assert house.read(lambda tx: tx.journeys.page(house.them, None, None, 0, 9)) == ([], 0)
    assert house.read(lambda tx: tx.journeys.page(house.us, None, None, 0, 9)) == ([journey], 1)
    assert house.read(lambda tx: tx.journeys.page(house.us, house.list.id, None, 1, 9)) == ([], 1)
    assert house.read(lambda tx: tx.journeys.page(house.us, 999, None, 0, 9)) == ([], 0)


def test_those_on_a_journey_are_told_counted_and_paged(house, journey):
    house.write(lambda tx: enrol(tx, journey, [ANN, BEN], NOW, NOW + 10))
    house.write(lambda tx: enrol(tx, journey, [CID], NOW, NOW + 5))
    read = house.read
    assert read(lambda tx: tx.journeys.enrolled(house.list.id, [ANN, CID, 1], NOW)) == {ANN, CID}
    assert read(lambda tx: tx.journeys.enrolled(house.list.id, [ANN, CID], NOW + 5)) == {ANN}
    assert read(lambda tx: tx.journeys.count(journey, NOW)) == 3
    assert read(lambda tx: tx.journeys.count(journey, NOW + 5)) == 2
    second = read(lambda tx: tx.journeys.enrolments(journey, NOW, 1, 1))
    assert [each.recipient for each in second] == [BEN]


def test_a_journey_is_removed_with_who_is_on_it(house, journey):
    other = house.write(lambda tx: tx.journeys.add(house.list.id, "other", NOW))
    house.write(lambda tx: enrol(tx, journey, [ANN], NOW, NOW + 10))
    house.write(lambda tx: tx.journeys.remove(journey))
    assert [each.id for each in house.read(lambda tx: tx.journeys.all(house.us))] == [other]
    assert house.read(lambda tx: tx.journeys.enrolled(house.list.id, [ANN], NOW)) == set()

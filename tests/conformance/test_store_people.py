"""People's data: deleted whole, told by nothing that is left, and never brought back."""

import asyncio
from itertools import count

import pytest
from stores import ANN, BEN, FOREVER, NOW, OURS, THEIRS, house, sign_up

from sendrail.contacts import signups
from sendrail.contacts.erasure import ErasureService
from sendrail.contacts.files import FileService
from sendrail.contacts.imports import ImportOptions, RowOutcome
from sendrail.domain.audit import Action, Actor
from sendrail.domain.consent import read_reply
from sendrail.domain.contact import OptOutReason, SignUp, SignupMethod
from sendrail.domain.ids import MessageIds
from sendrail.domain.message import Skip
from sendrail.domain.numbering import LineType, NumberFacts
from sendrail.domain.receipt import CallbackSubject
from sendrail.domain.webhook import Event
from sendrail.storage.contacts.imported import FileContact
from sendrail.storage.pipeline.gate import KnownContact
from sendrail.storage.pipeline.refused import Refusal
from sendrail.storage.pipeline.reply_log import ReplyFilter
from sendrail.webhooks import payloads

__all__ = ["house"]

ME = Actor(name="a test", request_id="request-1")
DAY_MS = 86_400_000


def erase(house, number=ANN, account=None):
    service = ErasureService(house.store, lambda: NOW)
    return house.do(service.erase(account or house.us, number, ME))


def subscribe(house, sender=None, number=ANN):
    house.write(lambda tx: sign_up(tx, (sender or house.list).id, number))


def leave(house, reason=OptOutReason.MESSAGE, number=ANN):
    house.write(
        lambda tx: tx.contacts.unsubscribe(
            house.list.id, number, reason, source="test", evidence="stop", now=NOW
        )
    )


def start(house, number=ANN):
    return house.write(
        lambda tx: (
            tx.contacts.resubscribe(
                house.list.id, number, source="reply", evidence="start", now=NOW
            )
            or tx.contacts.join(house.list.id, number, evidence="start", rule="exact", now=NOW)
        )
    )


def judged(house, *numbers, sender=None):
    sender = sender or house.list
    return house.read(
        lambda tx: tx.gate.known_contacts(sender.account_id, sender.id, list(numbers), NOW)
    )


OUT = KnownContact(unsubscribed=True)


def message(house, number, recipient=ANN, body="Secret", sender=None, skips=0, metadata='{"a":1}'):
    sender = sender or house.list
    house.write(
        lambda tx: tx.messages.insert(
            [
                (
                    house.no(number, sender), sender.lane, sender.account_id, sender.id,
                    recipient, NOW, skips, 1,
                    "gsm7", body, metadata, "1",
                )
            ]
        )
    )  # fmt: skip


def reply(house, number=ANN, body="stop", sender=None):
    house.write(
        lambda tx: tx.replies.keep(sender or house.list, number, body, read_reply(body), NOW)
    )


def test_of_a_person_nothing_is_left_anywhere(house):
    subscribe(house)
    house.write(lambda tx: tx.signups.upsert_contacts(house.us, {ANN: f"{ANN}@example.com"}, NOW))
    leave(house)
    house.write(lambda tx: tx.blocks.add(house.us, [(ANN, "asked"), (BEN, "asked")], NOW))
    house.write(
        lambda tx: tx.endpoints.add(
            house.us, name="", url="https://example.com", events=frozenset(Event), state="active",
            secret=b"sealed", created_at=NOW,
        )
    )  # fmt: skip
    message(house, 1)
    message(house, 2, BEN)
    house.start_attempts(1)
    house.finish_attempts(house.result(1, detail=f"no such number +{ANN}", status="failed"))
    reply(house)
    reply(house, BEN)
    [event] = [
        event
        for event in house.read(lambda tx: tx.outbox.due(1, FOREVER, 10))
        if event.kind == "delivery"
    ]
    house.write(lambda tx: tx.outbox.store_bodies([(f'{{"to":"+{ANN}"}}'.encode(), event.id)]))
    house.write(lambda tx: tx.inbox.put(house.connector, [f"?from=%2B{ANN}".encode()], NOW))
    [raw] = house.write(lambda tx: tx.inbox.take(10, 1_000))
    refusal = Refusal(
        raw.connector_id, raw.received_at, raw.raw, "unreadable", CallbackSubject.UNKNOWN
    )
    house.write(lambda tx: (tx.refused.keep(refusal, NOW), tx.inbox.remove([raw.id])))
    house.write(
        lambda tx: tx.inbox.put(house.connector, [f"?from=%2B{ANN}".encode()], NOW - DAY_MS)
    )
    house.write(lambda tx: tx.activity.count(100))
    assert str(ANN) in house.backend.everything()["contact_activity"]
    assert any(str(ANN) in rows for rows in house.backend.everything().values())

    report = erase(house)

    left = {name: rows for name, rows in house.backend.everything().items() if str(ANN) in rows}
    assert left == {}
    assert (report.lists, report.blocks, report.messages, report.replies) == (1, 1, 1, 1)
    assert (report.consent_events, report.callbacks) == (1, 2)
    kept = house.backend.everything()
    assert "Secret" in kept["messages"]
    assert kept["messages"].count(str(BEN)) == 1
    assert str(BEN) in kept["blocks"]
    assert str(BEN) in kept["replies"]
    found = house.find(1)
    assert (found.recipient, found.body, found.metadata, found.status) == (0, "", None, "failed")
    assert found.links is None


def test_a_callback_that_has_just_come_is_still_applied(house):
    house.write(lambda tx: tx.inbox.put(house.connector, [f"?from=%2B{ANN}".encode()], NOW))
    assert erase(house).callbacks == 0
    assert len(house.write(lambda tx: tx.inbox.take(10, 1_000))) == 1


def test_a_second_time_finds_nothing(house):
    subscribe(house)
    message(house, 1)
    assert erase(house).messages == 1
    again = erase(house)
    assert (again.lists, again.messages, again.replies) == (0, 0, 0)


def test_an_erased_number_stays_out_of_every_list_of_the_account(house):
    other = house.add_list(house.us, 15550001001)
    subscribe(house)
    erase(house)
    fresh = house.add_list(house.us, 15550001002)
    for sender in (house.list, other, fresh):
        assert judged(house, ANN, BEN, sender=sender) == {ANN: OUT}
    assert judged(house, ANN, sender=house.their_list) == {}


def test_a_file_brings_in_nobody_whose_data_was_deleted(house):
    async def file():
        yield f"phone\n+{ANN}\n+{BEN}\n".encode()

    erase(house)
    files = FileService(house.store, lambda: NOW)
    for dry_run in (True, False):
        options = ImportOptions(dry_run=dry_run)
        report = house.do(files.import_contacts(house.us, OURS, file(), options, ME))
        assert report.counts[RowOutcome.OPTED_OUT] == 1
        assert report.counts[RowOutcome.CREATED] == 1
    assert str(ANN) not in str(house.backend.everything())
    theirs = house.do(files.import_contacts(house.them, THEIRS, file(), ImportOptions(), ME))
    assert theirs.counts[RowOutcome.CREATED] == 2


def test_their_own_start_brings_them_back_to_that_list_alone(house):
    other = house.add_list(house.us, 15550001001)
    erase(house)
    assert start(house)
    assert not start(house)
    assert judged(house, ANN) == {}
    assert judged(house, ANN, sender=other) == {ANN: OUT}
    assert house.read(lambda tx: tx.contacts.find(house.list.id, ANN)).active
    leave(house)
    assert judged(house, ANN) == {ANN: OUT}


@pytest.mark.parametrize("dry_run", [True, False])
def test_one_who_came_back_by_a_start_is_no_opt_out_to_a_file(house, dry_run):
    async def file():
        yield f"phone,first_name\n+{ANN},Ann\n+{BEN},Ben\n".encode()

    erase(house)
    erase(house, BEN)
    start(house)
    files = FileService(house.store, lambda: NOW)
    options = ImportOptions(dry_run=dry_run)
    report = house.do(files.import_contacts(house.us, OURS, file(), options, ME))
    assert {each: n for each, n in report.counts.items() if n} == {
        RowOutcome.MERGED: 1,
        RowOutcome.OPTED_OUT: 1,
    }


def test_whoever_complained_is_not_brought_back_by_a_start(house):
    subscribe(house)
    leave(house, OptOutReason.COMPLAINT)
    erase(house)
    assert not start(house)
    assert judged(house, ANN) == {ANN: OUT}


def test_a_complaint_after_a_first_erasure_counts_as_well(house):
    erase(house)
    start(house)
    leave(house, OptOutReason.COMPLAINT)
    erase(house)
    assert not start(house)


def test_a_message_that_waits_is_dropped_whatever_its_flags(house):
    message(house, 1, skips=Skip.CONTACT_VALIDATION)
    erase(house)
    [place] = house.due()
    [waiting] = house.read(lambda tx: tx.queue.load([place])).values()
    assert (waiting.recipient, waiting.body, waiting.skips) == (0, "", 0)
    assert judged(house, waiting.recipient) == {0: OUT}


def test_another_accounts_data_of_the_same_person_is_untouched(house):
    subscribe(house, house.their_list)
    message(house, 1, sender=house.their_list)
    reply(house, sender=house.their_list)
    house.write(lambda tx: tx.blocks.add(house.them, [(ANN, "")], NOW))
    before = {
        name: rows
        for name, rows in house.backend.everything().items()
        if name not in {"erased", "audit"}
    }
    assert erase(house).messages == 0
    after = house.backend.everything()
    assert {name: after[name] for name in before} == before


def test_the_walk_passes_over_any_number_of_messages(house, monkeypatch):
    monkeypatch.setattr("sendrail.contacts.erasure._PART_ROWS", 3)
    monkeypatch.setattr("sendrail.contacts.erasure._REDACTED_AT_ONCE", 2)
    for number in range(1, 30):
        message(house, number, ANN if number % 3 else BEN)
    assert erase(house).messages == 20
    assert {house.find(number).recipient for number in range(1, 30)} == {0, BEN}


def test_events_tell_no_number_of_who_was_erased(house):
    message(house, 1)
    reply(house, body="hello")
    erase(house)
    ended = house.read(lambda tx: tx.outbox.ended_messages([house.no(1)]))[house.no(1)]
    taken = house.read(lambda tx: tx.outbox.taken_replies([1]))[1]
    assert b'"to":null' in payloads.delivery(
        MessageIds(bytes(16)).show(1), ended._replace(status="failed", ended_at=NOW)
    )
    assert b'"phone_number":null' in payloads.reply(taken)
    assert b'"phone_number":null' in payloads.unsubscribe(taken)
    page = house.read(lambda tx: tx.reply_log.page(house.us, ReplyFilter(), 0, 10))
    assert [(each.sender, each.body) for each in page] == [(0, "")]


def test_an_erasure_is_noted_without_the_number(house):
    erase(house)
    [entry] = house.read(lambda tx: tx.audit.page(house.us, None, 0, 10))
    assert (entry.action, entry.actor, entry.request_id) == (
        "contacts.erased",
        "a test",
        "request-1",
    )
    assert str(ANN) not in str(entry)
    assert house.read(lambda tx: tx.audit.page(house.them, None, 0, 10)) == []


def test_the_audit_log_is_told_newest_first_and_by_kind(house):
    at = count(NOW)
    for action in (Action.CONTACTS_IMPORTED, Action.BLOCKS_EXPORTED, Action.CONTACTS_IMPORTED):
        house.write(
            lambda tx, action=action: tx.audit.add(house.us, ME, action, "x", {"n": 1}, next(at))
        )

    def page(action=None, offset=0, limit=10):
        return [
            each.at - NOW
            for each in house.read(lambda tx: tx.audit.page(house.us, action, offset, limit))
        ]

    assert page() == [2, 1, 0]
    assert page(Action.CONTACTS_IMPORTED) == [2, 0]
    assert page(offset=1, limit=1) == [1]


# Look-ups


def test_what_is_found_out_of_a_number_is_kept_beside_what_is_known(house):
    house.write(lambda tx: tx.signups.upsert_contacts(house.us, {ANN: None, BEN: None}, NOW))
    house.write(lambda tx: tx.signups.upsert_contacts(house.them, {ANN: None}, NOW))
    places = house.read(lambda tx: tx.numbers.unknown(10))
    assert sorted(places) == [(house.us, ANN), (house.us, BEN), (house.them, ANN)]
    assert len(house.read(lambda tx: tx.numbers.unknown(2))) == 2
    facts = NumberFacts(
        carrier="Bell", line_type=LineType.VOIP, timezone="Europe/Paris", is_valid=True
    )
    house.write(lambda tx: tx.numbers.keep({(house.us, ANN): facts}, NOW))
    house.write(lambda tx: tx.numbers.keep({(house.us, ANN): NumberFacts(is_valid=False)}, NOW))
    assert sorted(house.read(lambda tx: tx.numbers.unknown(10))) == [
        (house.us, BEN),
        (house.them, ANN),
    ]
    subscribe(house)
    [row] = house.read(lambda tx: tx.exports.contacts_after(house.list, 0, 10, with_left=False))
    assert (row.carrier, row.line_type, row.timezone) == ("Bell", "VOIP", "Europe/Paris")


def test_a_zone_that_was_told_goes_before_one_that_is_found(house):
    house.write(lambda tx: tx.signups.upsert_contacts(house.us, {ANN: None, BEN: None}, NOW))
    house.write(lambda tx: tx.signups.upsert_contacts(house.them, {ANN: None}, NOW))
    told = {ANN: "Asia/Tokyo", BEN: "America/Chicago"}
    found = NumberFacts(is_valid=True, timezone="Europe/Paris")

    def zones(of):
        return house.read(lambda tx: (
            tx.gate.zones(of, [ANN, BEN]), tx.numbers.told(of, [ANN, BEN]),
            tx.numbers.told_zones(of)
        ))  # fmt: skip

    assert zones(house.us) == ({}, {}, frozenset())
    house.write(lambda tx: tx.numbers.tell_zones(house.us, told))
    house.write(lambda tx: tx.numbers.keep({(house.us, ANN): found, (house.them, ANN): found}, NOW))
    assert zones(house.us) == (told, told, frozenset(told.values()))
    assert zones(house.them) == ({ANN: "Europe/Paris"}, {}, frozenset())
    first, last = sorted(told)
    inside = lambda *place: house.read(lambda tx: tx.numbers.told_in(house.us, *place))  # noqa: E731
    assert inside(told.values(), 0, 9) == [first, last]
    assert inside(told.values(), 0, 1) == [first]
    assert inside(told.values(), first, 9) == [last]
    assert inside([told[first], "Europe/Paris"], 0, 9) == [first]
    house.write(lambda tx: tx.numbers.tell_zones(house.us, {ANN: None}))
    # It is to be looked up anew.
    assert (house.us, ANN) in house.read(lambda tx: tx.numbers.unknown(9))
    assert zones(house.us) == ({BEN: told[BEN]}, {BEN: told[BEN]}, frozenset({told[BEN]}))


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_blocks_are_read_on_from_a_number(house, limit):
    house.write(lambda tx: tx.blocks.add(house.us, [(BEN, ""), (ANN, "")], NOW))
    house.write(lambda tx: tx.blocks.add(house.them, [(ANN, "")], NOW))
    found, at = [], 0
    while page := house.read(lambda tx, at=at: tx.exports.blocks_after(house.us, at, limit)):
        found += [block.recipient for block in page]
        at = page[-1].recipient
    assert found == [ANN, BEN]


def by_file(sender):
    """Subscribe as a file does, after a look at how the number stands to the list."""

    def work(tx):
        if ANN not in tx.imported.subscription_states(sender, [ANN]):
            tx.imported.subscribe(sender, [FileContact(ANN, "A", "B")], NOW)
            tx.imported.insert_contacts(sender, [FileContact(ANN, "A", "B")], NOW)

    return work


def by_sign_up(sender):
    signup = SignUp(recipient=ANN, method=SignupMethod.API)
    return lambda tx: signups.sign_up(tx, sender, [signup], NOW)


@pytest.mark.parametrize("way", [by_file, by_sign_up])
def test_an_erasure_between_the_question_and_the_subscription_is_honoured(house, way):
    other = house.open()
    work = way(house.list)
    asked = asyncio.Event()

    def hesitate(tx, ask):
        def ask_and_hesitate(*about):
            found = ask(*about)
            asked.set()
            if tx.core.dialect.name == "postgresql":
                # Elsewhere nobody else can write meanwhile.
                tx.driver.row("SELECT pg_sleep(0.3)")
            return found

        return ask_and_hesitate

    def slowly(tx):
        for name in ("among", "among_list"):
            setattr(tx.erased, name, hesitate(tx, getattr(tx.erased, name)))
        work(tx)

    async def both():
        coming = asyncio.create_task(other.write(slowly))
        await asyncio.wait(
            [asyncio.create_task(asked.wait()), coming], return_when="FIRST_COMPLETED"
        )
        await house.store.write(lambda tx: tx.erasure.forget(house.us, ANN, NOW))
        await coming

    house.do(both())
    assert house.read(lambda tx: tx.contacts.find(house.list.id, ANN)) is None
    assert str(ANN) not in house.backend.everything()["contacts"]

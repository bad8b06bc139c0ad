"""What a store is: every implementation of `storage/interface.py` runs this.

Transactions, facts, tenancy and retention here; a message's way in `test_store_messages.py`.
"""

import asyncio
import random
import threading

import pytest
from enrolled import enrol
from stores import (
    ANN,
    BEN,
    CID,
    FOREVER,
    NOW,
    OURS,
    THEIRS,
    epoch,
    sign_up,
    take,
)

from sendrail.domain.contact import OptOutReason
from sendrail.domain.errors import StorageUnavailable
from sendrail.storage.pipeline.gate import Caller, GateQuery, GateResult, KnownContact
from sendrail.storage.pipeline.idempotency import KeptAnswer
from sendrail.storage.pipeline.lookup import MessageFilter, MessagePlace

# Transactions


def test_what_is_written_is_there_for_whoever_opens_the_database_next(house):
    house.write(take("a"))
    assert house.read(epoch("a"), house.open()) == 1


def test_works_of_one_moment_each_get_their_own_result(house):
    async def many():
        return await asyncio.gather(*(house.store.write(take(f"n{n % 3}")) for n in range(30)))

    assert house.do(many()) == [n // 3 + 1 for n in range(30)]


def test_works_run_in_the_order_of_their_coming(house):
    ran = []

    async def many():
        await asyncio.gather(
            *(house.store.write(lambda tx, n=n: ran.append(n)) for n in range(20))  # noqa: ARG005
        )

    house.do(many())
    assert ran == list(range(20))


@pytest.mark.parametrize("neighbours", [0, 3])
def test_a_work_that_raises_changes_nothing_and_its_neighbours_notice_nothing(house, neighbours):
    def fail(tx):
        tx.leases.take("broken", "me", NOW)
        tx.accounts.add("broken", NOW)
        raise ValueError("mine")

    async def many():
        works = [fail, *(take(f"n{n}") for n in range(neighbours))]
        random.Random(3).shuffle(works)
        return await asyncio.gather(
            *(house.store.write(work) for work in works), return_exceptions=True
        )

    told = house.do(many())
    assert [str(each) for each in told if isinstance(each, Exception)] == ["mine"]
    assert told.count(1) == neighbours
    assert house.read(epoch("broken")) == 0
    assert len(house.read(lambda tx: tx.accounts.all())) == 2
    assert [house.read(epoch(f"n{n}")) for n in range(neighbours)] == [1] * neighbours


def test_the_very_first_works_of_a_store_keep_apart_as_well(house):
    # Settings and messages go by different ways to the database; neither may disturb the other.
    store = house.open()

    def add_and_fail(tx):
        tx.accounts.add("broken", NOW)
        raise ValueError("mine")

    async def together():
        return await asyncio.gather(
            store.write(take("before")),
            store.write(add_and_fail),
            store.write(lambda tx: tx.accounts.add("third", NOW)),
            store.write(take("after")),
            return_exceptions=True,
        )

    before, failed, third, after = house.do(together())
    assert (before, str(failed), after) == (1, "mine", 1)
    names = house.read(lambda tx: {account.id: account.name for account in tx.accounts.all()})
    assert names == {house.us: "us", house.them: "them", third: "third"}


def test_the_word_done_comes_only_once_it_is_durable(house):
    other, told = house.open(), []

    async def submit():
        finished = asyncio.Event()

        def done(result, error):
            told.append((result, error))
            finished.set()

        house.store.submit(take("a"), done)
        assert told == []
        await finished.wait()
        return await other.read(epoch("a"))

    assert house.do(submit()) == 1
    assert told == [(1, None)]


def test_work_submitted_by_work_is_done_as_well(house):
    async def nested():
        finished = asyncio.get_running_loop().create_future()

        def outer(tx):
            house.store.submit(take("inner"), lambda result, _: finished.set_result(result))
            return tx.leases.take("outer", "me", NOW)

        return await house.store.write(outer), await finished

    assert house.do(nested()) == (1, 1)


def test_work_that_waits_at_the_close_is_done_first_whatever_it_submits(house):
    told = []

    async def close():
        store = house.open()

        def outer(tx):
            store.submit(take("inner"), lambda result, error: told.append((result, error)))
            return tx.leases.take("outer", "me", NOW)

        store.submit(outer, lambda result, error: told.append((result, error)))
        await store.close()
        await asyncio.sleep(0)

    house.do(close())
    assert told == [(1, None), (1, None)]


def test_to_close_twice_is_no_harm(house):
    house.do(house.store.close())
    house.do(house.store.close())


def test_a_database_that_cannot_be_written_says_so_to_everybody_and_recovers(house):
    async def three():
        return await asyncio.gather(
            *(house.store.write(take(f"n{n}")) for n in range(3)), return_exceptions=True
        )

    with house.backend.jammed(house.store):
        told = house.do(three())
        assert [type(each) for each in told] == [StorageUnavailable] * 3
    assert house.read(epoch("n0")) == 0
    assert house.do(three()) == [1, 1, 1]


def test_nobody_sees_what_is_not_committed(house):
    other, seen = house.open(), []
    house.opened.remove(other)

    def look():
        with asyncio.Runner() as runner:
            seen.append(runner.run(other.read(epoch("a"))))
            runner.run(other.close())

    def work(tx):
        tx.leases.take("a", "me", NOW)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return tx.leases.epoch("a")

    assert house.write(work) == 1
    assert seen == [0]


@pytest.mark.parametrize("settings_too", [False, True])
def test_a_read_is_one_moment_whatever_is_written_beside_it(house, settings_too):
    other = house.open()

    def write_beside():
        with asyncio.Runner() as runner:
            runner.run(other.write(take("a")))
            runner.run(other.close())

    def look(tx):
        before = tx.leases.epoch("a")
        if settings_too:
            assert tx.accounts.all()
        thread = threading.Thread(target=write_beside)
        thread.start()
        thread.join()
        return before, tx.leases.epoch("a")

    house.opened.remove(other)
    assert house.read(look) == (0, 0)
    assert house.read(epoch("a")) == 1


def test_a_read_cannot_write(house):
    with pytest.raises(StorageUnavailable):
        house.read(take("a"))
    assert house.read(epoch("a")) == 0


def test_changes_by_others_are_noticed(house):
    house.store.changed_elsewhere()
    house.write(take("a"), house.open())
    assert house.store.changed_elsewhere()


def test_changes_by_ourselves_are_noticed(house):
    house.store.changed_here()
    house.write(take("a"))
    assert house.store.changed_here()


# Answers kept for idempotency, leases, facts


ANSWER = KeptAnswer("POST /send-raw", b"digest", 200, b'{"success": true}')


def kept(house, *pairs):
    return house.write(lambda tx: tx.idempotency.claim(pairs))


def test_an_answer_is_kept_for_its_account_and_key(house):
    house.write(lambda tx: tx.idempotency.answer(house.us, "key", ANSWER, NOW))
    assert kept(house, (house.us, "key"), (house.us, "other"), (house.them, "key")) == {
        (house.us, "key"): ANSWER
    }


def test_answers_are_forgotten_in_bites(house):
    for n in range(5):
        house.write(lambda tx, n=n: tx.idempotency.answer(house.us, f"k{n}", ANSWER, NOW + n))
    forget = lambda: house.write(lambda tx: tx.idempotency.forget(NOW + 3, 2))  # noqa: E731
    assert [forget(), forget(), forget()] == [2, 1, 0]
    left = kept(house, *((house.us, f"k{n}") for n in range(5)))
    assert sorted(key for _, key in left) == ["k3", "k4"]


def test_an_epoch_only_grows_whoever_takes_the_lease(house):
    assert house.read(epoch("lanes")) == 0
    assert [house.write(take("lanes", owner)) for owner in ("a", "a", "b")] == [1, 2, 3]
    assert house.write(take("lanes", "c"), house.open()) == 4
    assert house.read(epoch("lanes")) == 4
    assert house.write(take("else")) == 1


def test_facts_are_told_for_the_pairs_that_were_asked_about(house):
    def prepare(tx):
        sign_up(tx, house.list.id, ANN, BEN)
        for recipient in (BEN, CID):
            tx.contacts.unsubscribe(
                house.list.id, recipient, OptOutReason.API, source="t", evidence="", now=NOW
            )
        tx.blocks.add(house.us, [(ANN, "")], NOW)
        journey_id = tx.journeys.add(house.list.id, "welcome", NOW)
        [journey] = tx.journeys.all(house.us)
        assert journey.id == journey_id
        enrol(tx, journey, [ANN], NOW, NOW + 100)

    house.write(prepare)
    ours, theirs, everybody = house.list.id, house.their_list.id, [ANN, BEN, CID, 15550100004]
    facts = house.read(
        lambda tx: [
            tx.gate.known_contacts(account, list_id, recipients, now)
            for account, list_id, recipients, now in (
                (house.us, ours, everybody, NOW),
                (house.us, ours, everybody, NOW + 99),
                (house.us, ours, everybody, NOW + 100),
                (house.us, ours, [BEN], NOW),
                (house.us, ours, [], NOW),
                (house.them, theirs, everybody, NOW),
            )
        ]
    )
    opted_out = {BEN: KnownContact(unsubscribed=True), CID: KnownContact(unsubscribed=True)}
    assert facts == [
        {ANN: KnownContact(blocked=True, enrolled=True), **opted_out},
        {ANN: KnownContact(blocked=True, enrolled=True), **opted_out},
        {ANN: KnownContact(blocked=True), **opted_out},
        {BEN: opted_out[BEN]},
        {},
        {},
    ]
    assert house.read(lambda tx: tx.gate.blocked(house.us, everybody)) == {ANN}
    assert house.read(lambda tx: tx.gate.blocked(house.them, everybody)) == set()


def test_callers_are_known_by_the_digests_of_their_living_keys(house):
    def prepare(tx):
        tx.accounts.add_key(house.us, "one", b"one", "trk_1", NOW)
        gone = tx.accounts.add_key(house.us, "two", b"two", "trk_2", NOW)
        tx.accounts.revoke_key(house.us, gone, NOW)
        tx.accounts.add_key(house.them, "three", b"three", "trk_3", NOW)
        tx.accounts.set_status(house.them, "suspended")
        tx.accounts.set_blocked_words(house.us, "pills,loan")

    house.write(prepare)
    by_key = house.read(lambda tx: tx.gate.callers([b"one", b"two", b"three", b"none"]))
    assert by_key == {b"one": (house.us, True, "pills,loan"), b"three": (house.them, False, "")}
    by_account = house.read(lambda tx: tx.gate.accounts([house.us, house.them, 999]))
    assert by_account == {house.us: by_key[b"one"], house.them: by_key[b"three"]}


def test_all_that_the_gate_asks_about_is_found_at_once(house):
    def prepare(tx):
        tx.accounts.add_key(house.us, "one", b"one", "trk_1", NOW)
        tx.accounts.set_status(house.them, "suspended")
        tx.blocks.add(house.us, [(ANN, ""), (BEN, "")], NOW)
        tx.blocks.add(house.them, [(CID, "")], NOW)
        sign_up(tx, house.list.id, BEN)
        tx.contacts.unsubscribe(
            house.list.id, BEN, OptOutReason.API, source="t", evidence="", now=NOW
        )

    house.write(prepare)
    asked = [
        GateQuery(house.us, OURS, [CID]),
        GateQuery(b"none", OURS, [ANN]),
        GateQuery(b"one", OURS, [CID, BEN, ANN]),
        GateQuery(house.them, OURS, [CID]),
        GateQuery(house.them, THEIRS, [ANN, BEN, CID]),
        GateQuery(b"one", 0, []),
    ]
    us, them = Caller(house.us, True, ""), Caller(house.them, False, "")
    blocked, stopped = KnownContact(blocked=True), KnownContact(unsubscribed=True, blocked=True)
    assert house.read(lambda tx: tx.gate.find(asked, NOW)) == [
        GateResult(us, house.list, {}),
        GateResult(None, None, {}),
        GateResult(us, house.list, {BEN: stopped, ANN: blocked}),
        GateResult(them, None, {}),
        GateResult(them, house.their_list, {CID: blocked}),
        GateResult(us, None, {}),
    ]


def test_lists_are_known_by_account_and_number_or_by_id(house):
    asked = [(house.us, OURS), (house.us, THEIRS), (house.them, OURS)]
    assert house.read(lambda tx: tx.gate.lists(asked)) == {(house.us, OURS): house.list}
    ids = [house.list.id, house.their_list.id, 999]
    assert house.read(lambda tx: tx.gate.lists_by_id(ids)) == {
        house.list.id: house.list,
        house.their_list.id: house.their_list,
    }


# Tenancy


ANY = MessageFilter()
TO_ANN = MessageFilter(recipient=ANN)
LAST_PLACE = MessagePlace(FOREVER, 1 << 60)
LOOKS = [
    lambda tx, account, first: tx.lookup.find(account, first),
    lambda tx, account, first: tx.lookup.attempts(account, first),
    lambda tx, account, _: tx.lookup.page(account, ANY, 0, 10).messages,
    lambda tx, account, _: tx.lookup.page(account, MessageFilter(list_number=OURS), 0, 10).total,
    lambda tx, account, _: tx.lookup.page(account, MessageFilter(recipient=ANN), 0, 10).total,
    lambda tx, account, _: tx.lookup.after(account, 0, 10),
    lambda tx, account, _: tx.lookup.older(account, ANY, MessagePlace(FOREVER, 1 << 60), 10),
    lambda tx, account, _: tx.lookup.look_back(account, ANY, LAST_PLACE, 10).found,
    lambda tx, account, _: tx.lookup.look_back(account, ANY, LAST_PLACE, 1).next_place,
    lambda tx, account, _: tx.lookup.look_back(account, TO_ANN, LAST_PLACE, 1).next_place,
    lambda tx, account, _: tx.lookup.look_back(account, TO_ANN, LAST_PLACE, 10).found,
    lambda tx, account, _: tx.figures.waiting_of_list(account, 1, 10),
    lambda tx, account, first: tx.lookup.of_numbers(account, [first]),
    lambda tx, account, _: tx.lists.find(account, OURS),
    lambda tx, account, _: [sender for sender in tx.lists.all(account) if sender.number == OURS],
    lambda tx, account, _: tx.gate.lists([(account, OURS)]),
    lambda tx, account, _: tx.gate.blocked(account, [BEN]),
    lambda tx, account, _: tx.idempotency.claim([(account, "key")]),
    lambda tx, account, _: tx.blocks.page(account, 0, 10),
    lambda tx, account, _: tx.journeys.all(account),
    lambda tx, account, _: tx.journeys.find(account, 1, "welcome"),
    lambda tx, account, _: tx.accounts.keys(account),
    lambda tx, account, _: tx.figures.waiting().get(account),
]
CHANGES = [
    lambda tx, account: tx.lists.change(account, 1, rate=1),
    lambda tx, account: tx.blocks.remove(account, BEN),
    lambda tx, account: tx.accounts.revoke_key(account, 1, NOW),
]


@pytest.fixture
def full_house(house):
    """A house where every kind of thing is there, and all of it is ours."""
    house.queue(1, 2)
    house.start_attempts(1)
    house.finish_attempts(house.result(1))

    def prepare(tx):
        tx.blocks.add(house.us, [(BEN, "")], NOW)
        tx.journeys.add(house.list.id, "welcome", NOW)
        tx.accounts.add_key(house.us, "one", b"one", "trk_1", NOW)
        tx.idempotency.answer(house.us, "key", ANSWER, NOW)

    house.write(prepare)
    assert house.list.id == 1
    return house


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_somebody_elses_looks_like_nothing(full_house, look):
    first = full_house.no(1)
    assert full_house.write(lambda tx: look(tx, full_house.us, first))
    assert not full_house.write(lambda tx: look(tx, full_house.them, first))


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_somebody_elses_cannot_be_changed(full_house, change):
    assert not full_house.write(lambda tx: change(tx, full_house.them))
    assert full_house.write(lambda tx: change(tx, full_house.us))


# The end


def test_the_waiting_are_counted_by_account(house):
    house.queue(1, 2, 3)
    house.queue(4, sender=house.their_list, due_at=NOW + 10**6)
    house.start_attempts(1)
    waiting = house.read(lambda tx: tx.figures.waiting())
    assert {account: each.depth for account, each in waiting.items()} == {
        house.us: 2,
        house.them: 1,
    }

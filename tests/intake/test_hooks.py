"""A submission with a group of its own: its hooks and its messages are durable together, or not."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from no_links import NoLinks
from stores import ANN, BEN, CID, FOREVER, NOW, SqliteBackend

from sendrail.domain.account import key_digest
from sendrail.domain.errors import (
    Contended,
    Forbidden,
    SendrailError,
    StorageFull,
    StorageUnavailable,
    Unauthorized,
)
from sendrail.domain.ids import MessageIds
from sendrail.domain.message import Skip
from sendrail.domain.order import Fault, Order
from sendrail.intake.cluster import ClusterAcceptor
from sendrail.intake.duplicates import DuplicateWindow
from sendrail.intake.local import LocalAcceptor
from sendrail.intake.service import Intake
from sendrail.intake.submission import AwaitedSubmission, IdempotencyKey, LoneSubmission
from sendrail.intake.verdicts import Accepted
from sendrail.links.ranges import RangeSlots
from sendrail.storage.pipeline.lookup import MessageFilter
from sendrail.storage.sqlite.store import SqliteStore
from sendrail.telemetry import Metrics

WINDOW_MS = 300_000
IDS = MessageIds(bytes(range(16)))
# Longer than any result takes.
HANG_SECONDS = 60
# As often as a contended transaction is tried again.
CONTENDED_MAX = 5


def open_intake(store, metrics):
    if isinstance(store, SqliteStore):
        acceptor = LocalAcceptor(IDS, DuplicateWindow(WINDOW_MS))
    else:
        acceptor = ClusterAcceptor(
            IDS, RangeSlots(), window_ms=WINDOW_MS, fingerprint_key=bytes(16)
        )
    return Intake(
        store,
        acceptor,
        IDS,
        metrics,
        now=lambda: NOW,
        blocked_words="",
        waiting_max=100,
        links=NoLinks(),
    )


class Page(LoneSubmission):
    """A page of a campaign: it fills its orders, and moves a cursor with them."""

    __slots__ = ("name", "on_prepare", "on_settle", "page", "ran", "seen")

    def __init__(self, caller, name, page, *, on_prepare=None, on_settle=None):
        super().__init__(caller)
        self.name = name
        self.page = page
        self.on_prepare = on_prepare or (lambda *_: None)
        self.on_settle = on_settle or (lambda *_: None)
        self.ran = []
        self.seen = None

    def prepare(self, tx, now):
        self.ran.append("prepare")
        tx.installation_values.add(f"{self.name} prepared", str(now).encode())
        self.orders = self.page
        self.on_prepare(self, tx)

    def settle(self, tx, verdicts, now):
        self.ran.append("settle")
        self.seen = list(verdicts)
        tx.installation_values.add(f"{self.name} settled", str(now).encode())
        self.on_settle(self, tx)


class Sends:
    """An installation's intake, and what was stored by it."""

    def __init__(self, house):
        self.house = house
        self.metrics = Metrics()
        self.intake = open_intake(house.store, self.metrics)

    def order(self, recipient, body="Hello", skips=Skip.NONE):
        return Order(recipient, self.house.list.number, body, int(skips))

    def page(self, name, *orders, **hooks):
        return lambda: Page(self.house.us, name, orders, **hooks)

    def caller(self, *orders):
        return lambda: AwaitedSubmission(self.house.us, orders)

    def offer(self, *makes):
        """Offer all in one turn of the loop; return each submission with its result."""

        async def together():
            submissions = [make() for make in makes]
            for each in submissions:
                self.intake.offer(each)
            async with asyncio.timeout(HANG_SECONDS):
                return [(each, await each.future) for each in submissions]

        return self.house.do(together())

    def results(self, *makes):
        return [result for _, result in self.offer(*makes)]

    def messages(self):
        found = self.house.read(
            lambda tx: tx.lookup.page(self.house.us, MessageFilter(), 0, 100)
        ).messages
        assert len(found) == len(self.house.due(FOREVER)), "each is queued"
        return sorted((each.recipient, each.body) for each in found)

    def has(self, name):
        return self.house.read(lambda tx: tx.installation_values.find(name)) is not None


@pytest.fixture
def sends(house):
    return Sends(house)


def codes(verdicts):
    assert isinstance(verdicts, list), verdicts
    return ["accepted" if isinstance(each, Accepted) else str(each.code) for each in verdicts]


def fail(error):
    def hook(*_):
        raise error

    return hook


# One transaction


def test_the_hooks_run_around_the_judging_in_the_transaction_of_the_messages(house, sends):
    queued = []

    def look(_, tx):
        due = tx.queue.due(house.list.lane, house.list.id, 1, NOW, 100)
        queued.append((len(list(due)), tx.installation_values.find("page prepared")))

    make = sends.page("page", sends.order(ANN), sends.order(BEN), on_prepare=look, on_settle=look)
    [(page, result)] = sends.offer(make)
    assert page.ran == ["prepare", "settle"]
    written = str(NOW).encode()
    assert queued == [(0, written), (2, written)]
    assert codes(result) == ["accepted", "accepted"]
    assert sends.messages() == [(ANN, "Hello"), (BEN, "Hello")]
    assert sends.has("page prepared")
    assert sends.has("page settled")
    assert sends.metrics.registry.get_sample_value("sendrail_messages_accepted_total") == 2


def test_what_prepare_fills_is_judged_and_settle_sees_the_verdicts_that_are_resolved(house, sends):
    house.write(lambda tx: tx.blocks.add(house.us, [(BEN, "")], NOW))
    page = [sends.order(ANN), sends.order(BEN), Fault("invalid_phone", "no"), sends.order(ANN)]
    [(page, result)] = sends.offer(sends.page("page", *page))
    assert codes(result) == ["accepted", "contact_blocked", "invalid_phone", "duplicate_message"]
    assert page.seen == result
    assert sends.messages() == [(ANN, "Hello")]
    refused = [
        sends.metrics.registry.get_sample_value("sendrail_orders_refused_total", {"code": code})
        for code in codes(result)[1:]
    ]
    assert refused == [1, 1, 1]


def test_prepare_may_change_what_was_offered_or_leave_nothing(sends):
    def change(page, _):
        page.orders = [sends.order(CID)]

    def leave_nothing(page, _):
        page.orders = []

    changed = sends.page("one", sends.order(ANN), on_prepare=change)
    empty = sends.page("two", sends.order(BEN), on_prepare=leave_nothing)
    assert [codes(each) for each in sends.results(changed, empty)] == [["accepted"], []]
    assert sends.messages() == [(CID, "Hello")]
    assert sends.has("two settled")


def test_prepare_may_name_the_caller(house, sends):
    def for_them(page, _):
        page.caller = house.them

    [result] = sends.results(sends.page("page", sends.order(ANN), on_prepare=for_them))
    assert codes(result) == ["list_not_found"]


# Errors

WHERE = ["on_prepare", "on_settle"]


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("others", [0, 1])
def test_a_hook_that_raises_leaves_nothing_and_its_error_is_the_result(house, sends, where, others):
    error = Forbidden("The run was paused.", code="run_paused")
    orders = [sends.order(ANN), sends.order(BEN)]
    sends.results(sends.caller(sends.order(CID)))
    before = house.backend.everything()
    broken = sends.page("page", *orders, **{where: fail(error)})
    assert sends.results(*[sends.caller()] * others, broken)[-1] is error
    assert house.backend.everything() == before
    # Neither the window nor the numbers know of it.
    [(page, result)] = sends.offer(sends.page("page", *orders))
    assert codes(result) == ["accepted", "accepted"]
    assert page.seen == result


@pytest.mark.parametrize("where", WHERE)
def test_a_bug_in_a_hook_is_an_internal_error(house, sends, where):
    before = house.backend.everything()
    [result] = sends.results(sends.page("page", sends.order(ANN), **{where: fail(KeyError("x"))}))
    assert isinstance(result, SendrailError)
    assert result.code == "internal_error"
    assert house.backend.everything() == before


@pytest.mark.parametrize("where", WHERE)
def test_a_statement_of_a_hook_that_fails_undoes_no_order_of_a_caller(sends, where):
    sends.results(sends.page("page", sends.order(ANN, "first")))
    # The cursor was moved already: the fence of a page.
    moved = sends.page("page", sends.order(ANN))
    late = sends.page(
        "late",
        sends.order(ANN),
        **{where: lambda _, tx: tx.installation_values.add("page settled", b"")},
    )
    results = sends.results(sends.caller(sends.order(BEN)), moved, late)
    assert codes(results[0]) == ["accepted"]
    assert all(isinstance(each, SendrailError) for each in results[1:])
    assert sends.messages() == [(ANN, "first"), (BEN, "Hello")]
    assert not sends.has("late prepared")


@pytest.mark.parametrize("where", WHERE)
def test_callers_and_pages_of_the_same_turn_stand_beside_one_that_fails(sends, where):
    broken = sends.page("broken", sends.order(ANN), sends.order(BEN), **{where: fail(KeyError())})
    results = sends.results(
        sends.caller(sends.order(ANN, "one")),
        broken,
        sends.page("whole", sends.order(ANN), sends.order(BEN), sends.order(CID)),
        sends.caller(sends.order(BEN, "two"), sends.order(CID)),
    )
    assert isinstance(results.pop(1), SendrailError)
    # What the broken one was about to send is no duplicate for the one after it.
    assert [codes(each) for each in results] == [
        ["accepted"], ["accepted", "accepted", "duplicate_message"], ["accepted", "accepted"],
    ]  # fmt: skip
    assert sends.messages() == [
        (ANN, "Hello"), (ANN, "one"), (BEN, "Hello"), (BEN, "two"), (CID, "Hello"),
    ]  # fmt: skip
    assert [sends.has("broken prepared"), sends.has("whole settled")] == [False, True]


OF_PAGE = Skip.CAMPAIGN | Skip.DUPLICATE


@pytest.mark.parametrize("where", WHERE)
def test_what_a_campaign_sent_is_a_duplicate_for_a_caller_unless_its_page_was_undone(sends, where):
    page = [sends.order(each, body, OF_PAGE) for each, body in ((ANN, "One"), (BEN, "Two"))]
    again = sends.caller(sends.order(ANN, "One"), sends.order(ANN, "Two"), sends.order(BEN, "Two"))
    broken, whole = sends.page("broken", *page, **{where: fail(KeyError())}), sends.page("p", *page)
    results = sends.results(broken, again)
    assert isinstance(results[0], SendrailError)
    assert codes(results[1]) == ["accepted"] * 3
    # A campaign looks for none itself.
    [verdicts] = sends.results(whole)
    assert codes(verdicts) == ["accepted", "accepted"]
    other = sends.page("q", sends.order(CID, "One", OF_PAGE))
    assert codes(sends.results(other)[0]) == ["accepted"]
    [verdicts] = sends.results(sends.caller(sends.order(CID, "One"), sends.order(CID, "Two")))
    assert codes(verdicts) == ["duplicate_message", "accepted"]


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize("house", ["sqlite"], indirect=True)  # elsewhere a gap does no harm
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("size", [1, 2_000])
def test_the_numbers_of_what_was_undone_serve_again(sends, where, size):
    # The second reserves a block, of which there is some left.
    sends.results(sends.caller(sends.order(ANN, "first")))
    [before] = sends.results(sends.caller(sends.order(ANN)))
    page = [sends.order(15552000000 + n) for n in range(size)]
    broken = sends.page("broken", *page, **{where: fail(KeyError())})
    whole = sends.page("whole", sends.order(BEN))
    _, after = sends.results(broken, whole)
    [later] = sends.results(sends.caller(sends.order(CID)))
    first, *others = [each[0].number for each in (before, after, later)]
    assert others == [first + 1, first + 2]
    # What is no caller's shows no id.
    assert [each[0].message_id for each in (before, after)] == [IDS.show(first), ""]


# Who is turned away


def test_a_caller_that_is_turned_away_leaves_nothing_of_what_was_prepared(house, sends):
    house.write(lambda tx: tx.accounts.set_status(house.us, "suspended"))
    unknown = lambda: Page(key_digest("none"), "unknown", [sends.order(ANN)])  # noqa: E731
    offered = sends.offer(sends.page("page", sends.order(ANN)), unknown)
    assert [page.ran for page, _ in offered] == [["prepare"], ["prepare"]]
    assert [type(result) for _, result in offered] == [Forbidden, Unauthorized]
    assert [sends.has("page prepared"), sends.has("unknown prepared")] == [False, False]


def test_a_closed_intake_runs_no_hook(sends):
    sends.intake.closed = StorageFull("The disk is nearly full.")
    [(page, result)] = sends.offer(sends.page("page", sends.order(ANN)))
    assert isinstance(result, StorageFull)
    assert page.ran == []


def test_an_idempotency_key_is_refused_at_once(sends):
    def keyed():
        page = sends.page("page", sends.order(ANN))()
        page.idempotency = IdempotencyKey("key", "page", b"")
        return page

    with pytest.raises(AssertionError, match="hook"):
        sends.offer(keyed)


# Another try


def contended(times):
    left = iter(range(times))

    def hook(*_):
        for _ in left:
            raise Contended("In each other's way.")

    return hook


@pytest.mark.parametrize("where", WHERE)
def test_a_contended_submission_is_prepared_afresh(sends, where):
    make = sends.page("page", sends.order(ANN), **{where: contended(CONTENDED_MAX)})
    others = [sends.caller(sends.order(BEN)), sends.caller(sends.order(CID))]
    [(page, result), *beside] = sends.offer(make, *others)
    assert codes(result) == ["accepted"]
    assert page.seen == result
    assert page.ran.count("prepare") == CONTENDED_MAX + 1
    assert [codes(each) for _, each in beside] == [["accepted"], ["accepted"]]
    assert sends.messages() == [(each, "Hello") for each in (ANN, BEN, CID)]


@pytest.mark.parametrize("where", WHERE)
def test_what_is_contended_again_and_again_ends_with_an_error(house, sends, where):
    before = house.backend.everything()
    [(page, result)] = sends.offer(
        sends.page("page", sends.order(ANN), **{where: contended(CONTENDED_MAX + 1)})
    )
    assert isinstance(result, Contended)
    assert page.ran.count("prepare") == CONTENDED_MAX + 1
    assert house.backend.everything() == before


# Failed commits and killed processes


@pytest.mark.parametrize("when", ["at the end", "at the beginning"])
@pytest.mark.parametrize("callers", [0, 1])
def test_a_commit_that_fails_undoes_all_of_it_in_memory_as_well(road, callers, when):
    sender = road.add_list()
    forced = road.order(sender, ANN, skips=Skip.DUPLICATE)

    async def offered(*makes):
        submissions = [make() for make in makes]
        for each in submissions:
            road.intake.offer(each)
        return [await each.future for each in submissions]

    caller = lambda: AwaitedSubmission(road.account, [forced])  # noqa: E731
    page = lambda: Page(road.account, "page", [forced, road.order(sender, BEN)])  # noqa: E731
    road.store.trouble = StorageUnavailable("The disk is full.")
    road.store.trouble_is_late = when == "at the end"
    results = road.do(offered(*[caller] * callers, page))
    road.store.trouble = None
    assert all(isinstance(each, StorageUnavailable) for each in results)
    # Each of them had found the one before it in the window.
    plain = lambda: AwaitedSubmission(road.account, [road.order(sender, ANN)])  # noqa: E731
    assert [codes(each) for each in road.do(offered(plain, page))] == [
        ["accepted"], ["accepted", "accepted"],
    ]  # fmt: skip
    assert road.sql("SELECT count(*) FROM messages") == [(3,)]


def test_what_was_refused_for_a_page_is_no_duplicate_once_the_commit_of_both_has_failed(road):
    sender = road.add_list()
    page = lambda *who: [road.order(sender, each, skips=OF_PAGE) for each in who]  # noqa: E731
    again = [road.order(sender, each) for each in (ANN, BEN, BEN)]

    def offer(*pages):
        async def together():
            submissions = [Page(road.account, *each) for each in pages]
            for each in submissions:
                road.intake.offer(each)
            return submissions, [await each.future for each in submissions]

        return road.do(together())

    offer(("first", page(ANN)))
    road.store.trouble = StorageUnavailable("The disk is full.")
    road.store.trouble_is_late = True
    # Both pages lie behind the first one, and each text is refused twice.
    (_, before, _, after), results = offer(
        ("second", page(BEN)), ("a", again), ("third", page(CID)), ("b", again)
    )
    road.store.trouble = None
    assert all(isinstance(each, StorageUnavailable) for each in results)
    assert codes(before.seen) == codes(after.seen) == ["duplicate_message"] * 3
    _, [verdicts, of_page] = offer(("again", again), ("second", page(BEN, CID)))
    assert codes(verdicts) == ["duplicate_message", "accepted", "duplicate_message"]
    assert codes(of_page) == ["accepted", "accepted"]
    _, [verdicts] = offer(("last", [*again, road.order(sender, CID)]))
    assert codes(verdicts) == ["duplicate_message"] * 4


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from stores import PatientStore
from test_hooks import ANN, Page, open_intake
from sendrail.domain.order import Order
from sendrail.storage.sqlite.store import SqliteStore
from sendrail.telemetry import Metrics

where, account, number, place = sys.argv[1:]

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = PatientStore(place) if "://" in place else SqliteStore(Path(place))
    page = Page(int(account), "page", [Order(ANN, int(number), "Hello", 0)], **{where: kill})
    open_intake(store, Metrics()).offer(page)
    await page.future

asyncio.run(main())
"""


@pytest.mark.parametrize("where", WHERE)
def test_of_a_process_that_is_killed_in_a_hook_nothing_remains(house, sends, where):
    before = house.backend.everything()
    backend = house.backend
    place = str(backend._path) if isinstance(backend, SqliteBackend) else backend.url
    arguments = [where, str(house.us), str(house.list.number), place]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env={"PYTHONPATH": ":".join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr
    assert house.backend.everything() == before
    [(page, result)] = sends.offer(sends.page("page", sends.order(ANN)))
    assert codes(result) == ["accepted"]
    assert page.ran == ["prepare", "settle"]

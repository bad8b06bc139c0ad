"""Settings and consent as rows: what the statements promise, on a plain in-memory database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, event, select

from sendrail.domain.account import AccountStatus, key_digest
from sendrail.domain.contact import OptOutReason, SignUp, SignupMethod
from sendrail.domain.erasure import Pseudonyms
from sendrail.domain.errors import Conflict, NotFound
from sendrail.domain.ids import AccountId, ConnectorId, KeyId, ListId, lane_of
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus
from sendrail.storage.accounts.accounts import Accounts
from sendrail.storage.accounts.connectors import Connectors
from sendrail.storage.accounts.lists import Lists
from sendrail.storage.contact_tables import consent_events
from sendrail.storage.contacts.blocks import Blocks
from sendrail.storage.contacts.contacts import Contacts
from sendrail.storage.contacts.erased import ErasedNumbers
from sendrail.storage.contacts.journeys import Journeys
from sendrail.storage.contacts.signup_counts import SignUpCounts
from sendrail.storage.contacts.signups import SignUps
from sendrail.storage.dialect import batches
from sendrail.storage.sqlite import signup_counts
from sendrail.storage.sqlite.driver import SqliteDriver
from sendrail.storage.tables import metadata

NOW = 1_800_000_000_000
SENDER = PhoneNumber(15550100000)
ANN = PhoneNumber(15550100001)
BEN = PhoneNumber(15550100002)
CID = PhoneNumber(15550100003)
STOP = {"source": "reply", "evidence": "STOP"}
START = {"source": "reply", "evidence": "START"}


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys = ON"))
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def account(connection: Connection) -> AccountId:
    return Accounts(connection).add("ours", NOW)


@pytest.fixture
def stranger(connection: Connection) -> AccountId:
    return Accounts(connection).add("theirs", NOW)


@pytest.fixture
def connector(connection: Connection) -> ConnectorId:
    return Connectors(connection).add(None, "sandbox", "simulator", b"", 100, None)


def add_list(connection, account, connector, number=SENDER) -> ListId:
    return Lists(connection).add(
        account,
        number,
        name="News",
        brand="Acme",
        rate=60,
        connector_id=connector,
        byoc=False,
        on_uncertain="hold",
        now=NOW,
    )


@pytest.fixture
def list_id(connection: Connection, account: AccountId, connector: ConnectorId) -> ListId:
    return add_list(connection, account, connector)


def test_an_account_starts_active_and_can_be_suspended(connection, account, stranger):
    accounts = Accounts(connection)
    assert accounts.set_status(account, AccountStatus.SUSPENDED)
    ours, theirs = accounts.all()
    assert (ours.id, ours.name, ours.status) == (account, "ours", AccountStatus.SUSPENDED)
    assert (theirs.id, theirs.status, theirs.created_at) == (stranger, AccountStatus.ACTIVE, NOW)
    assert not accounts.set_status(account, AccountStatus.SUSPENDED)
    assert not accounts.set_status(AccountId(99), AccountStatus.ACTIVE)


def test_blocked_words_belong_to_one_account(connection, account, stranger):
    accounts = Accounts(connection)
    accounts.set_blocked_words(account, "casino\nbitcoin")
    assert accounts.blocked_words(account) == "casino\nbitcoin"
    assert accounts.blocked_words(stranger) == ""
    with pytest.raises(NotFound):
        accounts.blocked_words(AccountId(99))
    with pytest.raises(NotFound):
        accounts.set_blocked_words(AccountId(99), "x")


def test_a_key_is_revoked_once_and_only_by_its_account(connection, account, stranger):
    accounts = Accounts(connection)
    key_id = accounts.add_key(account, "ci", key_digest("trk_x"), "trk_x", NOW)
    assert not accounts.revoke_key(stranger, key_id, NOW + 1)
    assert accounts.revoke_key(account, key_id, NOW + 2)
    assert not accounts.revoke_key(account, key_id, NOW + 3)
    assert not accounts.revoke_key(account, KeyId(99), NOW)
    [key] = accounts.keys(account)
    assert (key.id, key.name, key.shown, key.revoked_at) == (key_id, "ci", "trk_x", NOW + 2)
    assert accounts.keys(stranger) == []


def test_a_connector_comes_back_as_it_was_given(connection, account):
    connectors = Connectors(connection)
    first = connectors.add(None, "sandbox", "simulator", b"sealed", 100, None)
    second = connectors.add(account, "own", "smpp", b"", 10, 0.5, 2.5)
    sandbox, own = connectors.all()
    assert (sandbox.id, sandbox.account_id, sandbox.name) == (first, None, "sandbox")
    assert (sandbox.kind, sandbox.settings, sandbox.window, sandbox.mps) == (
        "simulator",
        b"sealed",
        100,
        None,
    )
    assert (own.id, own.account_id, own.mps) == (second, account, 0.5)
    assert (own.segments_per_second, sandbox.segments_per_second) == (2.5, None)


def test_an_account_can_use_its_own_connectors_and_the_installations(connection, account, stranger):
    connectors = Connectors(connection)
    connectors.add(None, "sandbox", "simulator", b"", 100, None)
    connectors.add(account, "own", "smpp", b"", 10, None)
    connectors.add(stranger, "theirs", "smpp", b"", 10, None)

    def names(account_id):
        return [each.name for each in connectors.usable(account_id)]

    assert names(account) == ["sandbox", "own"]
    assert names(stranger) == ["sandbox", "theirs"]
    assert names(None) == ["sandbox"]


def test_a_callback_finds_its_connector_by_an_index(connection):
    asked = []
    event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    Connectors(connection).by_token(b"digest", NOW)
    [(text, values)] = asked
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
    assert not [row for row in plan if row[3].startswith("SCAN")], plan


def test_a_list_knows_its_lane_from_the_start(connection, account, connector):
    for number in range(15550100000, 15550100005):
        list_id = add_list(connection, account, connector, number)
        found = Lists(connection).find(account, PhoneNumber(number))
        assert (found.id, found.lane) == (list_id, lane_of(list_id))


def test_a_number_is_one_list_of_an_account_but_two_accounts_may_share_it(
    connection, account, stranger, connector, list_id
):
    with pytest.raises(Conflict) as caught:
        add_list(connection, account, connector)
    assert (caught.value.code, caught.value.param) == ("list_exists", "list_number")
    theirs = add_list(connection, stranger, connector)
    lists = Lists(connection)
    assert lists.find(account, SENDER).id == list_id
    assert lists.find(stranger, SENDER).id == theirs
    assert [each.id for each in lists.by_number(SENDER, connector)] == [list_id, theirs]
    assert lists.by_number(SENDER, ConnectorId(connector + 1)) == []
    assert lists.by_number(ANN, connector) == []


def test_a_list_is_changed_by_its_own_account_only(connection, account, stranger, list_id):
    lists = Lists(connection)
    assert not lists.change(stranger, list_id, rate=1)
    assert lists.find(account, SENDER).rate == 60
    assert lists.change(account, list_id, rate=120, status=ListStatus.PAUSED)
    changed = lists.find(account, SENDER)
    assert (changed.rate, changed.status) == (120, ListStatus.PAUSED)


def test_deleted_lists_are_shown_only_when_asked_for(connection, account, connector, list_id):
    lists = Lists(connection)
    other = add_list(connection, account, connector, ANN)
    lists.change(account, list_id, status=ListStatus.DELETED)
    assert [each.id for each in lists.all(account)] == [other]
    assert [each.id for each in lists.all(account, ListStatus.DELETED)] == [list_id]
    assert [each.id for each in lists.all(account, ListStatus.PAUSED)] == []


def test_long_sequences_are_cut_to_fit_a_statement():
    parts = list(batches(range(25_000)))
    assert [len(part) for part in parts] == [10_000, 10_000, 5_000]
    assert [number for part in parts for number in part] == list(range(25_000))


def signed_up(connection, list_id, *numbers, now=NOW):
    """Subscribe numbers; return those that the list did not know."""
    new = [(SignUp(recipient=number, method=SignupMethod.API), {}) for number in numbers]
    return SignUps(connection, counts_on(connection)).add(list_id, new, now)


def counts_on(connection):
    return SignUpCounts(SqliteDriver(connection.connection.dbapi_connection), signup_counts.TEXTS)


def contacts_on(connection):
    erased = ErasedNumbers(connection, Pseudonyms(b"a test"))
    return Contacts(connection, erased, counts_on(connection))


def test_a_number_twice_in_one_batch_is_one_contact(connection, list_id):
    contacts = contacts_on(connection)
    assert signed_up(connection, list_id, ANN, ANN) == {ANN}
    assert contacts.count(list_id) == 1


def test_an_opt_out_survives_every_sign_up(connection, list_id):
    contacts = contacts_on(connection)
    signed_up(connection, list_id, ANN)
    assert contacts.unsubscribe(list_id, ANN, OptOutReason.MESSAGE, **STOP, now=NOW + 1)
    assert signed_up(connection, list_id, ANN, now=NOW + 2) == set()
    ann = contacts.find(list_id, ANN)
    assert not ann.active
    assert (ann.unsubscribed_at, ann.reason) == (NOW + 1, OptOutReason.MESSAGE)
    assert contacts.count(list_id) == 0


def test_an_opt_out_of_an_unknown_number_sticks(connection, list_id):
    contacts = contacts_on(connection)
    assert contacts.unsubscribe(list_id, ANN, OptOutReason.MANUAL, **STOP, now=NOW)
    assert signed_up(connection, list_id, ANN, now=NOW + 1) == set()
    assert not contacts.find(list_id, ANN).active


def test_an_opt_out_is_of_one_list(connection, account, connector, list_id):
    other = add_list(connection, account, connector, ANN)
    contacts = contacts_on(connection)
    for each in (list_id, other):
        signed_up(connection, each, BEN)
    contacts.unsubscribe(list_id, BEN, OptOutReason.MESSAGE, **STOP, now=NOW)
    assert not contacts.find(list_id, BEN).active
    assert contacts.find(other, BEN).active


def test_consent_is_a_history_of_changes(connection, list_id):
    contacts = contacts_on(connection)
    signed_up(connection, list_id, ANN)
    assert contacts.unsubscribe(list_id, ANN, OptOutReason.MESSAGE, **STOP, now=NOW + 1)
    assert not contacts.unsubscribe(list_id, ANN, OptOutReason.MANUAL, **STOP, now=NOW + 2)
    assert contacts.resubscribe(list_id, ANN, **START, now=NOW + 3)
    assert not contacts.resubscribe(list_id, ANN, **START, now=NOW + 4)
    assert not contacts.resubscribe(list_id, BEN, **START, now=NOW + 5)
    ann = contacts.find(list_id, ANN)
    assert (ann.active, ann.subscribed_at) == (True, NOW + 3)
    assert (ann.unsubscribed_at, ann.reason) == (None, None)
    events = connection.execute(select(consent_events).order_by(consent_events.c.id)).all()
    told = [(row.recipient, row.active, row.reason, row.evidence, row.at) for row in events]
    assert told == [
        (ANN, False, "message", "STOP", NOW + 1),
        (ANN, True, "resubscribed", "START", NOW + 3),
    ]


def test_known_tells_who_is_there_and_who_has_left(connection, list_id):
    contacts = contacts_on(connection)
    signed_up(connection, list_id, ANN, BEN)
    contacts.unsubscribe(list_id, BEN, OptOutReason.API, **STOP, now=NOW)
    assert contacts.known(list_id, [ANN, BEN, CID]) == {ANN: True, BEN: False}
    assert contacts.known(ListId(list_id + 1), [ANN]) == {}


def test_a_block_is_of_one_account_and_counted_once(connection, account, stranger):
    blocks = Blocks(connection)
    assert blocks.add(account, [(each, "asked by mail") for each in (ANN, BEN, ANN)], NOW) == 2
    assert blocks.add(account, [(BEN, "again"), (CID, "again")], NOW + 1) == 1
    first, second, third = blocks.page(account, 0, 10)
    assert (first.recipient, first.note, first.blocked_at) == (ANN, "asked by mail", NOW)
    assert (second.recipient, second.note) == (BEN, "asked by mail")
    assert third.recipient == CID
    assert blocks.page(stranger, 0, 10) == []
    assert not blocks.remove(stranger, ANN)
    assert blocks.remove(account, ANN)
    assert not blocks.remove(account, ANN)
    assert [each.recipient for each in blocks.page(account, 1, 1)] == [CID]


def test_a_journey_is_one_name_of_a_list(connection, account, stranger, list_id):
    journeys = Journeys(connection)
    journey_id = journeys.add(list_id, "welcome", NOW)
    with pytest.raises(Conflict) as caught:
        journeys.add(list_id, "welcome", NOW)
    assert caught.value.code == "journey_exists"
    [journey] = journeys.all(account)
    assert (journey.id, journey.list_id, journey.name) == (journey_id, list_id, "welcome")
    assert journeys.find(account, list_id, "welcome") == journey
    assert journeys.find(account, list_id, "other") is None
    assert journeys.all(stranger) == []
    assert journeys.find(stranger, list_id, "welcome") is None

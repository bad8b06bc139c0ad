"""A sender on a connector that accounts share is one account's, whatever another tries."""

import pytest
from stores import PostgresBackend, SqliteBackend
from written import DELETE, RESUME, parsed

from sendrail.contacts.imports import ImportOptions, RowOutcome
from sendrail.contacts.lists import ListChange
from sendrail.contacts.senders import SenderService
from sendrail.domain.audit import Actor
from sendrail.domain.errors import Conflict, InvalidInput, NotFound
from sendrail.domain.ids import ConnectorId
from sendrail.domain.phone import PhoneNumber
from sendrail.domain.sender import ListStatus

OURS, OTHER = "+15550100000", "+15550100009"
DIGITS = PhoneNumber(15550100000)
ME = Actor(name="user root", request_id="request-7")
SHARED, SECOND = ConnectorId(1), ConnectorId(2)


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request, tmp_path):
    return (SqliteBackend if request.param == "sqlite" else PostgresBackend)(tmp_path)


@pytest.fixture
def senders(house):
    house.write(lambda tx: tx.connectors.add(None, "second", "simulator", b"", 100, None))
    house.write(lambda tx: tx.connectors.add(house.them, "theirs", "simulator", b"", 100, None))
    return SenderService(house.store, lambda: house.now)


def add(house, account, number=OURS, **how):
    how = {"connector": "sandbox"} | how
    return house.do(house.lists.add(account, parsed(number), **how)).sender


async def lines(*numbers):
    yield "\n".join(["number", *numbers]).encode()


def meant(house, connector=SHARED):
    """Return whose lists a reply to our number means."""
    found = house.write(lambda tx: tx.lists.by_number(DIGITS, connector))
    return [sender.account_id for sender in found]


def taken(house, work):
    with pytest.raises(Conflict) as caught:
        house.do(work)
    assert caught.value.code == "sender_taken"
    return caught.value


TRIES = {
    "a new list": lambda h: h.lists.add(h.them, parsed(OURS), connector="sandbox"),
    "a list by its second connector": lambda h: h.lists.add(
        h.them, parsed(OURS), connector="second", second_connector="sandbox"
    ),
    "another connector": lambda h: h.lists.update(
        h.them, parsed(OURS), ListChange(connector="sandbox")
    ),
    "another second connector": lambda h: h.lists.update(
        h.them, parsed(OURS), ListChange(second_connector="sandbox")
    ),
}


@pytest.mark.usefixtures("senders")
@pytest.mark.parametrize("how", TRIES)
def test_another_account_neither_sends_as_it_nor_reads_its_replies(house, how):
    add(house, house.us)
    if how.startswith("another"):
        add(house, house.them, connector="theirs")
    before = house.do(house.lists.all(house.them))
    trouble = taken(house, TRIES[how](house))
    assert "us" not in trouble.message.split()
    assert house.do(house.lists.all(house.them)) == before
    assert meant(house) == [house.us]


def test_on_an_accounts_own_connector_every_sender_is_its_own(house, senders):
    add(house, house.us)
    add(house, house.them, connector="theirs")
    assert [each.account for each in house.do(senders.all())] == ["us"]


@pytest.mark.usefixtures("senders")
def test_a_sender_stays_its_accounts_once_its_list_is_deleted(house):
    add(house, house.us)
    house.do(house.lists.update(house.us, parsed(OURS), DELETE))
    taken(house, TRIES["a new list"](house))
    # A STOP counts on a deleted list too.
    assert meant(house) == [house.us]
    house.do(house.lists.update(house.us, parsed(OURS), RESUME))


@pytest.mark.usefixtures("senders")
def test_a_row_with_another_accounts_sender_is_refused_alone(house):
    add(house, house.us)
    report = house.do(
        house.lists.import_csv(house.them, lines(OURS, OTHER), ImportOptions(), connector="sandbox")
    )
    [refused] = report.reasons
    assert (refused.row, refused.text) == (2, OURS)
    assert "is another account's on this connector" in refused.reason
    assert [each.number for each in house.do(house.lists.all(house.them))] == [parsed(OTHER)]
    assert meant(house) == [house.us]


@pytest.mark.usefixtures("senders")
def test_a_list_of_ours_in_a_file_is_there_already(house):
    add(house, house.us)
    file = lines(OURS, OTHER)
    report = house.do(house.lists.import_csv(house.us, file, ImportOptions(), connector="sandbox"))
    assert (report.counts[RowOutcome.ALREADY_THERE], report.counts[RowOutcome.CREATED]) == (1, 1)


def test_the_operator_gives_a_sender_to_another_account_once_nothing_sends_as_it(house, senders):
    add(house, house.us)
    with pytest.raises(Conflict) as caught:
        house.do(senders.assign(house.them, DIGITS, "sandbox"))
    assert f"lists delete {OURS}" in caught.value.message
    house.do(house.lists.update(house.us, parsed(OURS), DELETE))
    house.do(senders.assign(house.them, DIGITS, "sandbox"))
    # Replies are the new account's, even before it has a list; the old list stays as it is.
    assert meant(house) == []
    add(house, house.them)
    assert meant(house) == [house.them]
    taken(house, house.lists.update(house.us, parsed(OURS), RESUME))
    assert house.do(house.lists.all(house.us, ListStatus.DELETED))[0].number == DIGITS


def test_a_sender_may_be_assigned_before_anybody_sends_as_it_and_released_again(house, senders):
    house.do(senders.assign(house.us, DIGITS, "sandbox"))
    taken(house, TRIES["a new list"](house))
    house.do(senders.release(DIGITS, "sandbox"))
    add(house, house.them)
    with pytest.raises(Conflict):
        house.do(senders.release(DIGITS, "sandbox"))
    # On another connector it is another sender.
    add(house, house.us, connector="second")


@pytest.mark.parametrize("connector", ["theirs", "nowhere", ""])
def test_a_connector_that_accounts_do_not_share_has_no_senders(house, senders, connector):
    for work in (senders.assign(house.us, DIGITS, connector), senders.release(DIGITS, connector)):
        with pytest.raises(InvalidInput) as caught:
            house.do(work)
        assert (caught.value.code, caught.value.param) == ("invalid_connector", "connector")


def test_what_is_nobodys_cannot_be_released(house, senders):
    with pytest.raises(NotFound) as caught:
        house.do(senders.release(DIGITS, "sandbox"))
    assert caught.value.code == "sender_not_found"


def test_who_gave_and_who_took_a_sender_stands_in_the_logs_of_both_accounts(house, senders):
    def entries(account):
        found = house.do(house.audit.page(account))
        return [
            (each.action, each.about, each.details, each.actor)
            for each in reversed(found)
            if each.action.startswith("sender.")
        ]

    given = ("sender.assigned", f"sender {OURS}", {"connector": "sandbox"}, ME.name)
    taken_away = ("sender.released", *given[1:])
    house.do(senders.assign(house.us, DIGITS, "sandbox", ME))
    # To give it once more changes nothing.
    house.do(senders.assign(house.us, DIGITS, "sandbox", ME))
    assert entries(house.us) == [given]
    house.do(senders.assign(house.them, DIGITS, "sandbox", ME))
    assert (entries(house.us), entries(house.them)) == ([given, taken_away], [given])
    house.do(senders.release(DIGITS, "sandbox", ME))
    assert entries(house.them) == [given, taken_away]

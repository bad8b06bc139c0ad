"""Connectors set up by an operator: what is kept, what is told, and to whom."""

import sqlite3
from contextlib import closing

import pytest
from pigeon import GIVEN, SECRET
from written import parsed

from sendrail.connectors.service import ConnectorCapacity
from sendrail.connectors.settings import MASKED
from sendrail.contacts.lists import ListChange
from sendrail.domain.errors import CarrierTrouble, Conflict, InvalidInput, NotFound, SetupError
from sendrail.domain.sender import ConnectorState

LIST = "+15550002000"


def add(office, name="coop", *, own=False, **words):
    return office.do(
        office.connectors.add(
            office.us, "pigeon", name, GIVEN | words, ConnectorCapacity(), own=own
        )
    )


def test_a_connector_is_added_and_shown_without_its_secrets(office):
    added = add(office, birds="5", swift="true")
    assert added == office.do(office.connectors.find(office.us, "coop"))
    assert added.settings == {"password": MASKED, "loft": "loft 7", "birds": 5, "swift": True}
    assert (added.connector.window, added.connector.mps, added.lists) == (100, None, 0)
    assert added.report.state is ConnectorState.CLOSED
    assert added.callback_url.startswith("https://sms.example.com/callbacks/")
    # 24 random bytes, 192 bits.
    assert len(added.callback_url.rpartition("/")[2]) == 32
    assert SECRET not in repr(added)


def test_no_secret_lies_open_in_the_folder(office):
    card = add(office)
    token = card.callback_url.rpartition("/")[2]
    for path in office.folder.glob("sendrail.db*"):
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert token.encode() not in content
        assert b"loft 7" not in content


def test_every_connector_has_a_url_of_its_own(office):
    assert add(office).callback_url != add(office, "other").callback_url


@pytest.mark.parametrize(
    ("kind", "words", "says"),
    [
        ("swan", GIVEN, "no carrier kind 'swan'; known: "),
        ("dodo", GIVEN, "'dodo'.*cannot be loaded"),
        ("pigeon", {"loft": "x"}, "needs the setting password"),
        ("pigeon", GIVEN | {"wings": "2"}, "no setting 'wings'"),
        ("pigeon", GIVEN | {"birds": "some"}, "birds.*a whole number"),
        ("pigeon", GIVEN | {"loft": "unsound"}, "loft names no sound loft"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(office, kind, words, says):
    with pytest.raises(CarrierTrouble, match=says):
        office.do(office.connectors.add(office.us, kind, "coop", words, ConnectorCapacity()))
    assert [card.connector.name for card in office.do(office.connectors.all(office.us))] == [
        "sandbox"
    ]


@pytest.mark.parametrize(
    "contract",
    [
        ConnectorCapacity(window=0),
        ConnectorCapacity(window=100_001),
        ConnectorCapacity(mps=-1.0),
        ConnectorCapacity(mps=1e9),
    ],
)
def test_a_contract_has_bounds(office, contract):
    with pytest.raises(InvalidInput):
        office.do(office.connectors.add(office.us, "pigeon", "coop", GIVEN, contract))


def test_a_name_is_one_connector_of_an_owner(office):
    add(office)
    with pytest.raises(Conflict, match="coop"):
        add(office)
    add(office, own=True)
    found = office.do(office.connectors.find(office.us, "coop"))
    assert found.connector.account_id == office.us, "the account's own comes first"


def test_a_change_keeps_what_it_does_not_name(office):
    before = add(office, birds="5")
    changed = office.do(
        office.connectors.change(
            office.us,
            "coop",
            {"loft": "loft 8"},
            ConnectorCapacity(window=7, mps=2.5, segments_per_second=9),
            unset=["birds"],
        )
    )
    assert changed.settings == {"password": MASKED, "loft": "loft 8"}
    assert (changed.connector.window, changed.connector.mps) == (7, 2.5)
    assert changed.connector.segments_per_second == 9
    assert changed.connector.version > before.connector.version
    assert changed.callback_url == before.callback_url
    back = office.do(office.connectors.change(office.us, "coop", {}, ConnectorCapacity(mps=0)))
    assert (back.connector.mps, back.connector.window) == (None, 7)
    with pytest.raises(InvalidInput, match="birds is not set"):
        office.do(
            office.connectors.change(office.us, "coop", {}, ConnectorCapacity(), unset=["birds"])
        )
    with pytest.raises(CarrierTrouble, match="needs the setting password"):
        office.do(
            office.connectors.change(office.us, "coop", {}, ConnectorCapacity(), unset=["password"])
        )


def test_pausing_is_told(office):
    add(office)
    assert (
        office.do(office.connectors.pause(office.us, "coop")).report.state is ConnectorState.PAUSED
    )
    assert (
        office.do(office.connectors.resume(office.us, "coop")).report.state is ConnectorState.CLOSED
    )


def test_another_accounts_connector_looks_like_no_connector(office):
    add(office, own=True)
    connectors, them = office.connectors, office.them
    assert [card.connector.name for card in office.do(connectors.all(them))] == ["sandbox"]
    for call in (
        connectors.find(them, "coop"),
        connectors.change(them, "coop", {}, ConnectorCapacity(window=1)),
        connectors.pause(them, "coop"),
        connectors.resume(them, "coop"),
        connectors.rotate_url(them, "coop"),
        connectors.test(them, "coop"),
        connectors.remove(them, "coop"),
    ):
        with pytest.raises(NotFound) as theirs:
            office.do(call)
        with pytest.raises(NotFound) as nobodys:
            office.do(connectors.find(them, "coop"))
        assert theirs.value.message == nobodys.value.message
    with pytest.raises(InvalidInput, match="no connector coop"):
        office.do(office.runtime.lists.add(them, parsed(LIST), connector="coop"))


def test_a_connector_in_use_stays(office):
    add(office)
    office.do(office.runtime.lists.add(office.us, parsed(LIST), connector="coop"))
    assert office.do(office.connectors.find(office.us, "coop")).lists == 1
    with pytest.raises(Conflict, match="use coop"):
        office.do(office.connectors.remove(office.us, "coop"))
    both = ListChange(connector="sandbox", second_connector="coop")
    office.do(office.runtime.lists.update(office.us, parsed(LIST), both))
    with pytest.raises(Conflict, match="use coop"):
        office.do(office.connectors.remove(office.us, "coop"))


def test_a_removed_connector_leaves_no_secret_and_its_name_is_free(office):
    gone = add(office)
    office.do(office.connectors.remove(office.us, "coop"))
    with pytest.raises(NotFound):
        office.do(office.connectors.find(office.us, "coop"))
    with closing(sqlite3.connect(office.folder / "sendrail.db")) as raw:
        row = raw.execute(
            "SELECT settings, token, token_digest FROM connectors WHERE id = ?",
            (gone.connector.id,),
        ).fetchone()
    assert row == (b"", None, None)
    again = add(office)
    assert again.connector.id != gone.connector.id, (
        "messages and receipts of the old one stay its own"
    )


def test_a_test_tells_what_the_carrier_says(office):
    add(office, birds="5")
    assert office.do(office.connectors.test(office.us, "coop")) == "5 birds are at home."


@pytest.mark.parametrize("loft", ["chatty", "burnt"])
def test_a_failed_test_tells_why_but_no_secret(office, logs, loft):
    add(office, loft=loft)
    with pytest.raises(CarrierTrouble) as caught:
        office.do(office.connectors.test(office.us, "coop"))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert SECRET not in repr(logs)


# The master key


def test_a_wrong_master_key_is_an_error_at_the_start(office):
    add(office)
    office.close()
    (office.folder / "master.key").write_text("ab" * 32 + "\n")
    before = (office.folder / "sendrail.db").read_bytes()
    with pytest.raises(SetupError, match=r"master\.key is not the key"):
        type(office)(office.folder)
    assert (office.folder / "sendrail.db").read_bytes() == before


def test_settings_moved_to_another_row_do_not_open(office):
    add(office)
    other = add(office, "other")
    stolen = office.do(office.connectors.find(office.us, "coop")).connector.settings
    office.write(lambda tx: tx.connectors.change(other.connector.id, reopen=False, settings=stolen))
    with pytest.raises(SetupError, match="cannot be decrypted"):
        office.do(office.connectors.find(office.us, "other"))


def test_what_an_older_version_left_open_is_sealed_at_the_first_start(office):
    office.close()
    path = office.folder / "sendrail.db"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM marks")
        raw.execute(
            "UPDATE connectors SET settings = ?, token = NULL", (b'{"answer_delay_ms": 7}',)
        )
    again = type(office)(office.folder)
    card = again.do(again.connectors.find(again.us, "sandbox"))
    assert card.settings == {"answer_delay_ms": 7}
    assert card.callback_url.startswith("https://")
    again.close()
    with closing(sqlite3.connect(path)) as raw:
        [(settings,)] = raw.execute("SELECT settings FROM connectors").fetchall()
    assert b"answer_delay_ms" not in settings

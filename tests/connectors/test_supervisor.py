"""A running server follows the rows: connectors come, change, rest and go without a restart."""

import asyncio

import msgspec
from pigeon import GIVEN, SECRET, diary
from written import parsed

from sendrail.connectors.service import ConnectorCapacity
from sendrail.connectors.supervisor import has_moved
from sendrail.domain.sender import ConnectorState, ReportedPace
from sendrail.storage.accounts.connectors import Connectors

LIST = "+15550002000"
ANN = "+15550100001"


def change(office, name="coop", contract=ConnectorCapacity(), **words):  # noqa: B008 - it is frozen
    return office.do(office.connectors.change(office.us, name, words, contract))


def test_a_connector_added_while_the_server_runs_is_opened_and_used(office):
    office.serve()
    card = office.add()
    report = office.until_state("coop", ConnectorState.OPEN)
    assert report.since > 0
    assert diary == [("start", "coop", "loft 7", card.callback_url)]
    office.do(office.runtime.lists.add(office.us, parsed(LIST), connector="coop"))
    sent = office.send(ANN, LIST)
    office.until_status(sent.message_id, "sent")
    assert diary[-1] == ("submit", "coop", 15550100001, "Hello")


def test_a_changed_connector_is_closed_and_opened_anew(office):
    office.add()
    office.serve()
    card = change(office, loft="loft 8")
    office.until_done(("stop", "coop", "loft 7"), ("start", "coop", "loft 8", card.callback_url))
    office.until_state("coop", ConnectorState.OPEN)


def test_a_rotated_url_is_told_to_the_carrier(office):
    office.add()
    office.serve()
    card = office.do(office.connectors.rotate_url(office.us, "coop"))
    office.until_done(("stop", "coop", "loft 7"), ("start", "coop", "loft 7", card.callback_url))


def test_a_removed_connector_is_closed(office):
    office.add()
    office.serve()
    office.do(office.connectors.remove(office.us, "coop"))
    office.until_done(("stop", "coop", "loft 7"))


def test_a_paused_connector_stays_connected_and_hands_nothing_over(office):
    office.add()
    office.do(office.runtime.lists.add(office.us, parsed(LIST), connector="coop"))
    office.serve()
    office.do(office.connectors.pause(office.us, "coop"))

    async def told():
        reports = await office.runtime.store.read(lambda tx: tx.connectors.reports())
        return ConnectorState.PAUSED in {each.state for each in reports.values()}

    office.until(told)
    sent = office.send(ANN, LIST)
    before = list(diary)
    office.do(office.connectors.resume(office.us, "coop"))
    office.until_status(sent.message_id, "sent")
    assert [entry[0] for entry in diary] == [entry[0] for entry in before] + ["submit"]


def test_a_connector_that_cannot_be_opened_breaks_nobody_else(office, logs):
    office.add("burnt", loft="burnt")
    office.add("coop")
    office.serve()
    report = office.until_state("burnt", ConnectorState.BROKEN)
    assert report.detail == "RuntimeError", "what a plug-in raises may hold anything"
    office.until_state("coop", ConnectorState.OPEN)
    office.until_state("sandbox", ConnectorState.OPEN)
    assert SECRET not in repr(logs)
    change(office, "burnt", loft="loft 9")
    office.until_state("burnt", ConnectorState.OPEN)


def test_what_a_throttled_connector_has_found_is_shown_until_it_is_opened_anew(office):
    limits = ConnectorCapacity(mps=10)
    add = office.connectors.add
    office.do(add(office.us, "pigeon", "coop", GIVEN | {"loft": "tired"}, limits))
    office.do(office.runtime.lists.add(office.us, parsed(LIST), connector="coop"))
    office.serve()
    for body in ("One", "Two"):
        office.until_status(office.send(ANN, LIST, body).message_id, "sent")

    async def paces():
        return (await office.connectors.find(office.us, "coop")).paces

    [found] = office.until(paces)
    # One or both left in the last second; a lone message shows 15 % of the pace.
    assert found.limit in {1.5, 2.0}
    assert found.limit * 0.8 <= found.per_second < found.limit * 1.1
    assert found.process == ""
    gauge = 'sendrail_connector_found_pace{connector="coop"}'
    assert gauge in office.runtime.metrics.render().decode()
    [shown] = [
        each
        for each in office.do(office.connectors.all(office.us))
        if each.connector.name == "coop"
    ]
    assert [each.limit for each in shown.paces] == [found.limit]
    change(office, loft="loft 8")

    async def none():
        return not await paces()

    office.until(none)
    assert gauge not in office.runtime.metrics.render().decode()


def test_what_a_process_had_found_is_forgotten_when_it_begins_anew(office):
    card = office.add()
    now = office.runtime.clock.now()
    gone = ReportedPace(process="", per_second=4.0, limit=5.0, at=now)
    office.write(lambda tx: tx.connectors.report_paces("", {card.connector.id: gone}))
    assert office.do(office.connectors.find(office.us, "coop")).paces == [gone]
    office.serve()
    assert office.do(office.connectors.find(office.us, "coop")).paces == ()


def test_a_found_pace_is_stored_anew_where_it_has_moved_or_is_old():
    def at(ms, per_second):
        return ReportedPace(process="", per_second=per_second, limit=None, at=ms)

    assert not has_moved(at(0, 100.0), at(9_000, 104.0))
    assert has_moved(at(0, 100.0), at(1_000, 106.0))
    assert has_moved(at(0, 100.0), at(1_000, 94.0))
    # It is shown for half a minute after it was stored.
    assert has_moved(at(0, 100.0), at(10_000, 100.0))


def test_settings_that_went_wrong_are_told_without_the_secret(office, logs):
    card = office.add()
    secret_box = office.connectors._secret_box
    sealed = secret_box.seal_settings(card.connector.id, {"password": SECRET, "loft": "unsound"})
    office.write(lambda tx: tx.connectors.change(card.connector.id, reopen=True, settings=sealed))
    office.serve()
    report = office.until_state("coop", ConnectorState.BROKEN)
    assert report.detail == "The setting loft names no sound loft."
    assert SECRET not in repr(logs)


def test_a_row_whose_seal_is_broken_breaks_its_own_connector_only(office):
    card = office.add()
    office.write(
        lambda tx: tx.connectors.change(card.connector.id, reopen=True, settings=b"x" * 40)
    )
    office.serve()

    async def reports():
        return await office.runtime.store.read(lambda tx: tx.connectors.reports())

    found = office.do(reports())
    assert found[card.connector.id].state is ConnectorState.BROKEN
    assert "master key" in found[card.connector.id].detail
    assert {each.state for each in found.values()} == {ConnectorState.BROKEN, ConnectorState.OPEN}


def test_states_are_written_at_changes_only(office, monkeypatch):
    written, looks, enough = [], [], asyncio.Event()
    report, labels = Connectors.report, office.runtime.metrics.connector_open.labels

    def watched(self, reports):
        written.extend(reports.items())
        report(self, reports)

    def looked(name):
        looks.append(name)
        if looks.count(name) == 4:
            enough.set()
        return labels(name)

    monkeypatch.setattr(Connectors, "report", watched)
    monkeypatch.setattr(office.runtime.metrics.connector_open, "labels", looked)
    office.serve()
    office.do(asyncio.wait_for(enough.wait(), 60))
    assert [each.state for _, each in written] == [ConnectorState.OPEN]


def test_the_connector_is_a_gauge(office):
    office.add("burnt", loft="burnt")
    office.serve()
    office.until_state("burnt", ConnectorState.BROKEN)
    value = office.runtime.metrics.registry.get_sample_value
    assert value("sendrail_connector_open", {"connector": "burnt"}) == 0
    assert value("sendrail_connector_open", {"connector": "sandbox"}) == 1


def test_a_callback_of_a_connector_that_is_broken_by_now_is_still_applied(office):
    office.add()
    office.do(office.runtime.lists.add(office.us, parsed(LIST), connector="coop"))
    office.serve()
    sent = office.send(ANN, LIST)
    office.until_status(sent.message_id, "sent")
    connector_id = change(office, loft="burnt").connector.id
    office.until_state("coop", ConnectorState.BROKEN)
    raw = msgspec.json.encode({"ref": f"p-{sent.message_id}", "status": "delivered"})
    office.do(office.runtime.inbox.put(connector_id, [raw]))
    assert office.until_status(sent.message_id, "delivered").stored.detail == "cooed"


def test_a_connector_that_is_paused_says_so_and_one_that_is_gone_says_nothing(office):
    value = office.runtime.metrics.registry.get_sample_value

    def until(is_open, is_paused):
        async def told():
            connector = {"connector": "coop"}
            shown = (
                value("sendrail_connector_open", connector),
                value("sendrail_connector_paused", connector),
            )
            return shown == (is_open, is_paused)

        office.until(told)

    office.add()
    office.serve()
    until(1, 0)
    office.do(office.connectors.pause(office.us, "coop"))
    until(0, 1)
    office.do(office.connectors.remove(office.us, "coop"))
    until(None, None)
    assert value("sendrail_connector_open", {"connector": "sandbox"}) == 1

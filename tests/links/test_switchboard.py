"""A running server follows the rows: links come, change, rest and go without a restart."""

import asyncio

import msgspec
from pigeon import SECRET, diary

from sendrail.domain.sender import LinkState
from sendrail.links.service import Contract
from sendrail.storage.statements.links import Links

LIST = "+15550002000"
ANN = "+15550100001"


def change(office, name="coop", contract=Contract(), **words):  # noqa: B008 - it is frozen
    return office.do(office.links.change(office.us, name, words, contract))


def test_a_link_added_while_the_server_runs_is_opened_and_used(office):
    office.serve()
    card = office.add()
    report = office.until_state("coop", LinkState.OPEN)
    assert report.since > 0
    assert diary == [("start", "coop", "loft 7", card.callback_url)]
    office.do(office.runtime.lists.add(office.us, LIST, link="coop"))
    sent = office.send(ANN, LIST)
    office.until_status(sent.message_id, "sent")
    assert diary[-1] == ("submit", "coop", 15550100001, "Hello")


def test_a_changed_link_is_closed_and_opened_anew(office):
    office.add()
    office.serve()
    card = change(office, loft="loft 8")
    office.until_done(("stop", "coop", "loft 7"), ("start", "coop", "loft 8", card.callback_url))
    office.until_state("coop", LinkState.OPEN)


def test_a_rotated_url_is_told_to_the_carrier(office):
    office.add()
    office.serve()
    card = office.do(office.links.rotate_url(office.us, "coop"))
    office.until_done(("stop", "coop", "loft 7"), ("start", "coop", "loft 7", card.callback_url))


def test_a_removed_link_is_closed(office):
    office.add()
    office.serve()
    office.do(office.links.remove(office.us, "coop"))
    office.until_done(("stop", "coop", "loft 7"))


def test_a_paused_link_stays_connected_and_hands_nothing_over(office):
    office.add()
    office.do(office.runtime.lists.add(office.us, LIST, link="coop"))
    office.serve()
    office.do(office.links.pause(office.us, "coop"))

    async def told():
        reports = await office.runtime.store.read(lambda tx: tx.links.reports())
        return LinkState.PAUSED in {each.state for each in reports.values()}

    office.until(told)
    sent = office.send(ANN, LIST)
    before = list(diary)
    office.do(office.links.resume(office.us, "coop"))
    office.until_status(sent.message_id, "sent")
    assert [entry[0] for entry in diary] == [entry[0] for entry in before] + ["submit"]


def test_a_link_that_cannot_be_opened_breaks_nobody_else(office, logs):
    office.add("burnt", loft="burnt")
    office.add("coop")
    office.serve()
    report = office.until_state("burnt", LinkState.BROKEN)
    assert report.detail == "RuntimeError", "what a plug-in raises may hold anything"
    office.until_state("coop", LinkState.OPEN)
    office.until_state("sandbox", LinkState.OPEN)
    assert SECRET not in repr(logs)
    change(office, "burnt", loft="loft 9")
    office.until_state("burnt", LinkState.OPEN)


def test_settings_that_went_wrong_are_told_without_the_secret(office, logs):
    card = office.add()
    vault = office.links._vault
    sealed = vault.seal_settings(card.link.id, {"password": SECRET, "loft": "unsound"})
    office.write(lambda tx: tx.links.change(card.link.id, reopen=True, settings=sealed))
    office.serve()
    report = office.until_state("coop", LinkState.BROKEN)
    assert report.detail == "The setting loft names no sound loft."
    assert SECRET not in repr(logs)


def test_a_row_whose_seal_is_broken_breaks_its_own_link_only(office):
    card = office.add()
    office.write(lambda tx: tx.links.change(card.link.id, reopen=True, settings=b"x" * 40))
    office.serve()

    async def reports():
        return await office.runtime.store.read(lambda tx: tx.links.reports())

    found = office.do(reports())
    assert found[card.link.id].state is LinkState.BROKEN
    assert "master key" in found[card.link.id].detail
    assert {each.state for each in found.values()} == {LinkState.BROKEN, LinkState.OPEN}


def test_states_are_written_at_changes_only(office, monkeypatch):
    written, looks, enough = [], [], asyncio.Event()
    report, labels = Links.report, office.runtime.metrics.link_open.labels

    def watched(self, reports):
        written.extend(reports.items())
        report(self, reports)

    def looked(name):
        looks.append(name)
        if looks.count(name) == 4:
            enough.set()
        return labels(name)

    monkeypatch.setattr(Links, "report", watched)
    monkeypatch.setattr(office.runtime.metrics.link_open, "labels", looked)
    office.serve()
    office.do(asyncio.wait_for(enough.wait(), 30))
    assert [each.state for _, each in written] == [LinkState.OPEN]


def test_the_link_is_a_gauge(office):
    office.add("burnt", loft="burnt")
    office.serve()
    office.until_state("burnt", LinkState.BROKEN)
    value = office.runtime.metrics.registry.get_sample_value
    assert value("sendrail_link_open", {"link": "burnt"}) == 0
    assert value("sendrail_link_open", {"link": "sandbox"}) == 1


def test_a_callback_of_a_link_that_is_broken_by_now_is_still_applied(office):
    office.add()
    office.do(office.runtime.lists.add(office.us, LIST, link="coop"))
    office.serve()
    sent = office.send(ANN, LIST)
    office.until_status(sent.message_id, "sent")
    link_id = change(office, loft="burnt").link.id
    office.until_state("coop", LinkState.BROKEN)
    raw = msgspec.json.encode({"ref": f"p-{sent.message_id}", "status": "delivered"})
    office.do(office.runtime.intake.put(link_id, [raw]))
    assert office.until_status(sent.message_id, "delivered").stored.detail == "cooed"


def test_a_link_that_is_paused_says_so_and_one_that_is_gone_says_nothing(office):
    value = office.runtime.metrics.registry.get_sample_value

    def until(is_open, is_paused):
        async def told():
            link = {"link": "coop"}
            shown = value("sendrail_link_open", link), value("sendrail_link_paused", link)
            return shown == (is_open, is_paused)

        office.until(told)

    office.add()
    office.serve()
    until(1, 0)
    office.do(office.links.pause(office.us, "coop"))
    until(0, 1)
    office.do(office.links.remove(office.us, "coop"))
    until(None, None)
    assert value("sendrail_link_open", {"link": "sandbox"}) == 1
